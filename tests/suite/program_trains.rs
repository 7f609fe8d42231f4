//! `fastburn train` with all that a fit can do beside training, and `fastburn lr-find`.

use std::fs;
use std::path::Path;

use fastburn::callbacks::EpochTable;
use fastburn::prelude::*;
use serde_json::Value;
use tempfile::tempdir;

use crate::program::{fastburn, output, stderr, stdout, timeless};
use crate::support::{Text, crate_path};

/// The program's output on the bundled digits.
fn trained(arguments: &[&str]) -> std::process::Output {
    output(&[&["--device", "cpu", "--model", "mlp", "--hidden", "30"], arguments].concat())
}

/// A column of a log.
fn column(log: &Path, name: &str) -> Vec<f64> {
    let text = fs::read_to_string(log).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let index = head.iter().position(|cell| *cell == name).unwrap();
    lines.map(|cells| cells[index].parse().unwrap()).collect()
}

#[test]
fn a_schedule_by_name_is_the_librarys() {
    for name in ["one-cycle", "flat-cos", "constant"] {
        let run = trained(&["--schedule", name, "--lr", "0.01", "--epochs", "2", "--seed", "7"]);
        assert!(run.status.success(), "{}", stderr(&run));

        let device = device::cpu().unwrap();
        let dls = Splits::digits().unwrap().loaders(64, 7, &device).unwrap();
        let model = MlpConfig::new([784, 30, 10]).init(&device, 7).unwrap();
        let mut learn = Learner::new(dls, model, CrossEntropy::new()).metric(accuracy());
        let table = Text::default();
        learn
            .with(EpochTable::new(table.clone()), |learn| match name {
                "one-cycle" => learn.fit_one_cycle(2, 0.01),
                "flat-cos" => learn.fit_flat_cos(2, 0.01),
                _ => learn.fit(2, 0.01),
            })
            .unwrap();
        assert_eq!(timeless(&stdout(&run)), timeless(&table.to_string()), "{name}");
    }
}

#[test]
fn a_run_stops_early_and_keeps_its_best_weights() {
    let place = tempdir().unwrap();
    let (log, out) = (place.path().join("history.csv"), place.path().join("best.safetensors"));
    // At this rate the loss goes up and down.
    let run = trained(&[
        "--epochs",
        "40",
        "--lr",
        "0.05",
        "--early-stop",
        "3",
        "--save-best",
        "--log",
        log.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(run.status.success(), "{}", stderr(&run));
    let losses = column(&log, "valid_loss");
    assert!(losses.len() < 40, "{losses:?}");
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let epoch = losses.iter().position(|&loss| loss == best).unwrap();
    assert_eq!(losses.len(), epoch + 1 + 3);
    let stopped = format!("No improvement since epoch {epoch}: early stopping\n");
    let found = format!("Better model found at epoch {epoch} with valid_loss value: {best}\n");
    assert!(stderr(&run).contains(&stopped), "{}", stderr(&run));
    assert!(stderr(&run).contains(&found), "{}", stderr(&run));
    assert_eq!(stdout(&run).lines().count(), losses.len() + 1);

    let info = output(&["info", out.to_str().unwrap(), "--json"]);
    let info: Value = serde_json::from_str(&stdout(&info)).unwrap();
    assert_eq!(info["metrics"]["valid_loss"], best);
}

#[test]
fn options_of_a_step_change_what_is_learned() {
    let table = |arguments: &[&str]| {
        let run = trained(&[&["--epochs", "1"], arguments].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        timeless(&stdout(&run))
    };
    let tables: Vec<String> = [
        &[][..],
        &["--clip-norm", "0.01"],
        &["--accumulate", "4"],
        &["--label-smoothing", "0.1"],
        &["--momentum", "0.5", "--schedule", "constant"],
        &["--schedule", "constant"],
        &["--weight-decay", "10"],
    ]
    .map(table)
    .to_vec();
    for (index, table) in tables.iter().enumerate() {
        assert!(!tables[..index].contains(table), "option {index} did nothing");
    }
}

#[test]
fn what_cannot_work_is_refused_in_one_line() {
    for (arguments, expected) in [
        (&["--label-smoothing", "0.1", "--loss", "mnist"][..], "--label-smoothing"),
        (&["--label-smoothing", "1.5"], "1.5"),
        (&["--clip-norm", "0"], "expected a number above 0"),
        (&["--early-stop", "0"], "0"),
        (&["--momentum", "1"], "momentum 1: expected"),
        (&["--optimizer", "adagrad", "--momentum", "0.9"], "adagrad has no momentum"),
        (&["--weight-decay", "-1"], "-1"),
        (&["--log", "history.txt"], ".csv or .jsonl"),
        (&["--from", "/no/such/model.safetensors"], "/no/such/model.safetensors"),
        (&["--schedule", "triangle"], "triangle"),
        (&["--schedule", "one-cycle", "--momentum", "0.9"], "one-cycle schedules the momentum"),
        (&["--model", "mlp", "--hidden", "4000000000"], "choose a smaller width"),
        (&["--epochs", "-1"], "--epochs"),
        (&["--out", "model.safetensors/"], "ending in .safetensors"),
        (&["--log", "/no/such/folder/history.csv"], "/no/such/folder"),
    ] {
        let run = output(&[&["--device", "cpu", "--epochs", "1"], arguments].concat());
        assert!(!run.status.success(), "{arguments:?}");
        let said = stderr(&run);
        let error = said.lines().last().unwrap();
        assert!(error.starts_with("error: ") && error.contains(expected), "{arguments:?}: {said}");
    }
}

#[test]
fn all_options_together_need_no_names_of_files() {
    let place = tempdir().unwrap();
    let digits = crate_path("assets/digits.tgz");
    let run = fastburn(&["train", digits.to_str().unwrap(), "--device", "cpu", "--epochs", "2"])
        .args(["--schedule", "one-cycle", "--early-stop", "3", "--save-best"])
        .args(["--log", "history.csv", "--clip-norm", "1", "--accumulate", "4"])
        .args(["--label-smoothing", "0.1"])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    assert_eq!(column(&place.path().join("history.csv"), "valid_loss").len(), 2);
    let best = place.path().join("best.safetensors");
    assert!(stderr(&run).ends_with(&format!("model file {}\n", best.display())));
    assert!(output(&["info", best.to_str().unwrap()]).status.success());
}

#[test]
fn a_resumed_run_goes_on_with_the_same_files() {
    let place = tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (folder, log, out) = (path("run"), path("history.jsonl"), path("best.safetensors"));
    let files = ["--checkpoint", &folder, "--log", &log, "--out", &out, "--save-best"];
    let run = trained(&[&files[..], &["--epochs", "2"]].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    let before = fs::read(&out).unwrap();
    let resume = ["--device", "cpu", "--resume", &folder];
    let run = output(&[&resume[..], &["--epochs", "4", "--force"]].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 4);
    assert_ne!(fs::read(&out).unwrap(), before);
    let elsewhere = output(&[&resume[..], &["--out", &path("other.safetensors")]].concat());
    let said = stderr(&elsewhere);
    assert!(!elsewhere.status.success() && said.contains("the resumed run, which has"), "{said}");
    let other = path("other.safetensors");
    let forced = output(&[&resume[..], &["--out", &other, "--epochs", "5", "--force"]].concat());
    assert!(!forced.status.success() && stderr(&forced).contains("the resumed run, which has"));
}

#[test]
fn a_run_may_start_from_another_ones_weights() {
    let place = tempdir().unwrap();
    let file = place.path().join("digits.safetensors");
    let run = trained(&["--epochs", "3", "--out", file.to_str().unwrap()]);
    assert!(run.status.success(), "{}", stderr(&run));
    let arguments = ["--device", "cpu", "--epochs", "1", "--lr", "1e-4", "--from"];
    let run = output(&[&arguments[..], &[file.to_str().unwrap()]].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    assert!(stderr(&run).contains("loaded  0.bias [30]"), "{}", stderr(&run));
    let accuracy: f64 =
        stdout(&run).lines().nth(1).unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(accuracy > 0.8, "{accuracy}");
}

#[test]
fn a_learning_rate_is_found_and_shown() {
    let place = tempdir().unwrap();
    let picture = place.path().join("curve.svg");
    let search = |arguments: &[&str]| {
        let run = output(
            &[&["lr-find", "--device", "cpu", "--model", "mlp", "--hidden", "30"], arguments]
                .concat(),
        );
        assert!(run.status.success(), "{}", stderr(&run));
        run
    };
    let run = search(&["--out", picture.to_str().unwrap()]);
    let text = stdout(&run);
    for name in ["valley", "slide", "minimum", "steep"] {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let lr: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(lr > 1e-7 && lr < 10.0, "{line}");
    }
    assert!(fs::read_to_string(picture).unwrap().contains("valley"));

    let [one, two] = [(); 2].map(|()| stdout(&search(&["--json"])));
    assert_eq!(one, two);
    let found: Value = serde_json::from_str(&one).unwrap();
    let (lrs, losses) = (found["lrs"].as_array().unwrap(), found["losses"].as_array().unwrap());
    assert!(lrs.len() == losses.len() && lrs.len() > 50);
    let valley = found["suggestions"]["valley"].as_f64().unwrap();
    assert!(text.contains(&format!("{valley:.2e}")), "{text}");
}

#[test]
fn a_run_is_resumed_without_the_file_that_it_started_from() {
    let place = tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (start, kept) = (path("start.safetensors"), path("run"));
    assert!(trained(&["--epochs", "1", "--out", &start]).status.success());
    let from = ["--device", "cpu", "--schedule", "constant", "--from", &start];
    let whole = output(&[&from[..], &["--epochs", "2"]].concat());
    let half = output(&[&from[..], &["--epochs", "1", "--checkpoint", &kept]].concat());
    assert!(half.status.success(), "{}", stderr(&half));
    fs::remove_file(&start).unwrap();
    let resumed = output(&["--resume", &kept, "--epochs", "2", "--force"]);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert_eq!(timeless(&stdout(&resumed)), timeless(&stdout(&whole)));
}

#[test]
fn a_tiny_number_takes_few_characters() {
    let run =
        output(&["--device", "cpu", "--epochs", "1", "--max-per-class", "10", "--lr", "1e-320"]);
    assert!(run.status.success(), "{}", stderr(&run));
    assert!(stderr(&run).contains("lr 1e-320"), "{}", stderr(&run));
    let run = output(&["--device", "cpu", "--lr", "-1e-320"]);
    assert!(!run.status.success() && stderr(&run).len() < 200, "{}", stderr(&run));
}

#[test]
fn more_threads_than_any_machine_has_are_refused_at_once() {
    let run = output(&["--device", "cpu", "--threads", "1000000"]);
    assert_eq!((run.status.code(), stdout(&run).as_str()), (Some(2), ""));
    assert!(stderr(&run).contains("--threads") && stderr(&run).contains("4096"));
}
