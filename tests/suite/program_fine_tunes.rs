//! `fastburn train --fine-tune`, and the frozen model in `lr-find` and `summary`.

use std::f64::consts::PI;
use std::fs;
use std::path::Path;
use std::process::Output;

use burn::tensor::{Int, Tensor};
use fastburn::callbacks::EpochTable;
use fastburn::checkpoints::CheckpointFolder;
use fastburn::learner::FineTune;
use fastburn::models::{AnyModel, StateDict};
use fastburn::prelude::*;
use fastburn::vision::PretrainedModel;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::model_files::trained;
use crate::program::{output, stderr, stdout, timeless};
use crate::support::Text;

/// The learner that the program has for the digits with that seed, starting from a model file.
fn learner(file: &Path, seed: u64) -> Learner<(AnyModel, Tensor<4>, Tensor<1, Int>)> {
    let device = device::cpu().unwrap();
    let dls = Splits::digits().unwrap().loaders(64, seed, &device).unwrap();
    let pretrained = PretrainedModel::load(file, &device).unwrap();
    let model = pretrained.model_for(10, seed).unwrap().model;
    Learner::new(dls, model, CrossEntropy::new()).metric(accuracy())
}

/// The program's output when it fine-tunes a model on the digits.
fn fine_tuned(file: &Path, arguments: &[&str]) -> Output {
    let from = ["--device", "cpu", "--from", file.to_str().unwrap(), "--fine-tune"];
    output(&[&from[..], arguments].concat())
}

/// fastai's `fit_one_cycle`: the learning rate of each step.
fn one_cycle(steps: usize, max: f64, pct_start: f64, div: f64) -> Vec<f64> {
    let cosine = |start: f64, end: f64, at: f64| {
        start + (1.0 + (PI * (1.0 - at)).cos()) * (end - start) / 2.0
    };
    let rate = |step: usize| {
        let at = step as f64 / steps as f64;
        if at < pct_start {
            cosine(max / div, max, at / pct_start)
        } else {
            cosine(max, max / 1e5, (at - pct_start) / (1.0 - pct_start))
        }
    };
    (0..steps).map(rate).collect()
}

/// The checkpoint after a number of steps, alone in a folder.
fn checkpoint_at(folder: &Path, step: usize) -> TempDir {
    let alone = tempdir().unwrap();
    let name = format!("step-{step:08}.safetensors");
    fs::copy(folder.join(&name), alone.path().join(&name)).unwrap();
    alone
}

#[test]
fn fine_tuning_is_the_librarys_at_fastais_rates() {
    let (place, file) = trained();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (log, out, run) = (path("log.jsonl"), path("out.safetensors"), path("run"));
    let phases = ["--freeze-epochs", "2", "--epochs", "3", "--lr", "4e-3", "--seed", "7"];
    let files = ["--log", &log, "--out", &out, "--checkpoint", &run, "--keep", "9"];
    let program = fine_tuned(&file, &[&phases[..], &files].concat());
    assert!(program.status.success(), "{}", stderr(&program));

    let (mut learn, table) = (learner(&file, 7), Text::default());
    learn.add_callback(EpochTable::new(table.clone()));
    learn.set_number_epochs_through(true);
    let body = |learn: &Learner<_>| {
        let weights = StateDict::of(learn.model()).unwrap();
        ["0.weight", "0.bias"].map(|name| weights.values(name).unwrap().to_vec())
    };
    let before = body(&learn);
    let settings = FineTune { base_lr: 4e-3, freeze_epochs: 2, ..FineTune::default() };
    learn.fine_tune_with(3, settings).unwrap();
    assert_eq!(timeless(&stdout(&program)), timeless(&table.to_string()));
    let device = device::cpu().unwrap();
    let end = PretrainedModel::load(&out, &device).unwrap().model_for(10, 0).unwrap().model;
    assert_eq!(StateDict::of(&end).unwrap(), StateDict::of(learn.model()).unwrap());

    let steps = CheckpointFolder::open(&run).unwrap().newest().unwrap().history().steps.clone();
    let frozen = one_cycle(2 * 93, 4e-3, 0.99, 25.0).into_iter();
    let expected = frozen.chain(one_cycle(3 * 93, 2e-3, 0.3, 5.0));
    assert_eq!(steps.len(), 5 * 93);
    for (step, expected) in steps.iter().zip(expected) {
        assert!((step.lr / expected - 1.0).abs() < 1e-9, "{} is not {expected}", step.lr);
    }
    let rows = fs::read_to_string(&log).unwrap();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = rows.iter().map(|row| row["epoch"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);

    // The body is what it was after two epochs, and no longer after three.
    for (epochs, is_same) in [(1, true), (2, true), (3, false)] {
        let alone = checkpoint_at(Path::new(&run), epochs * 93);
        let mut learn = learner(&file, 7);
        let saved = CheckpointFolder::open(alone.path()).unwrap().newest().unwrap();
        learn.resume(&saved).unwrap();
        assert_eq!(body(&learn) == before, is_same, "after {epochs} epochs");
    }
}

#[test]
fn the_defaults_are_fastais_and_are_told() {
    let (place, file) = trained();
    let run = place.path().join("run");
    let arguments = ["--epochs", "1", "--json", "--checkpoint", run.to_str().unwrap()];
    let program = fine_tuned(&file, &arguments);
    assert!(program.status.success(), "{}", stderr(&program));
    let lines: Vec<Value> =
        stdout(&program).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let settings = &lines[0]["settings"];
    assert_eq!(settings["lr"], 2e-3);
    assert_eq!((&settings["fine_tune"], &settings["freeze_epochs"]), (&true.into(), &1.into()));
    let epochs: Vec<_> = lines.iter().filter(|line| line["event"] == "epoch").collect();
    assert_eq!(epochs.iter().map(|row| &row["epoch"]).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(lines.last().unwrap()["reason"], "done");
    let saved = CheckpointFolder::open(&run).unwrap().newest().unwrap();
    assert_eq!(saved.settings()["settings"]["lr"], 2e-3);
    let (first, later) = (saved.history().steps[0].lr, saved.history().steps[93].lr);
    assert!((first - 2e-3 / 25.0).abs() < 1e-12 && (later - 1e-3 / 5.0).abs() < 1e-12);

    let program = output(&["--device", "cpu", "--epochs", "1", "--json"]);
    let start: Value = serde_json::from_str(stdout(&program).lines().next().unwrap()).unwrap();
    assert_eq!(
        (&start["settings"]["lr"], &start["settings"]["fine_tune"]),
        (&1e-2.into(), &false.into())
    );

    let said = stderr(&fine_tuned(&file, &["--epochs", "1", "--freeze-epochs", "2"]));
    for line in ["lr 0.002 (fine-tuning)", "phase   1 of 2: 2 epochs with a frozen body\n"] {
        assert!(said.contains(line), "{said}");
    }
    assert!(said.contains("phase   2 of 2: 1 epoch with all layers\n"), "{said}");
}

#[test]
fn what_cannot_be_fine_tuned_is_refused_in_one_line() {
    let (place, file) = trained();
    let linear = place.path().join("linear.safetensors");
    let (file, linear) = (file.to_str().unwrap(), linear.to_str().unwrap());
    let short = ["--device", "cpu", "--epochs", "1"];
    let run = output(&[&short[..], &["--model", "linear", "--out", linear]].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    for (arguments, expected) in [
        (&["--fine-tune"][..], "--fine-tune needs a trained model; name its file with --from"),
        (&["--freeze-epochs", "2"], "--fine-tune"),
        (&["--from", file, "--fine-tune", "--freeze-epochs", "0"], "--freeze-epochs"),
        (
            &["--from", file, "--fine-tune", "--schedule", "constant"],
            "'--fine-tune' cannot be used with '--schedule <SCHEDULE>'",
        ),
        (
            &["--from", file, "--fine-tune", "--momentum", "0.9"],
            "--fine-tune schedules the momentum, from 0.95 to 0.85 and back; leave out --momentum",
        ),
        (
            &["--from", linear, "--fine-tune"],
            "linear 784-10 is a head without a body to freeze; leave out --fine-tune",
        ),
    ] {
        let run = output(&[&short[..], arguments].concat());
        assert_eq!(run.status.code(), Some(2), "{arguments:?}: {}", stderr(&run));
        let said = stderr(&run);
        let error = said.lines().last().unwrap();
        assert!(error.starts_with("error: ") && error.contains(expected), "{arguments:?}: {said}");
        assert!(stdout(&run).is_empty());
    }
}

#[test]
fn summary_and_lr_find_see_the_frozen_body() {
    let (_place, file) = trained();
    let verb = |verb: &str, arguments: &[&str]| {
        let from = [verb, "--device", "cpu", "--from", file.to_str().unwrap(), "--json"];
        let run = output(&[&from[..], arguments].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        serde_json::from_str::<Value>(&stdout(&run)).unwrap()
    };
    let (all, body) = (784 * 16 + 16 + 16 * 10 + 10, 784 * 16 + 16);
    for (arguments, frozen) in [(&[][..], 0), (&["--fine-tune"], body)] {
        let summary = verb("summary", arguments);
        assert_eq!(
            (&summary["frozen"], &summary["trainable"]),
            (&frozen.into(), &(all - frozen).into())
        );
    }
    let found = verb("lr-find", &["--fine-tune"]);
    let mut learn = learner(&file, 42);
    learn.freeze().unwrap();
    let curve = learn.lr_find().unwrap();
    assert_eq!(serde_json::to_value(&curve.losses).unwrap(), found["losses"]);
    assert_ne!(verb("lr-find", &[])["losses"], found["losses"]);
}

#[test]
fn a_frozen_phase_that_stops_early_goes_over_to_the_second() {
    let (place, file) = trained();
    let out = place.path().join("best.safetensors");
    // At this rate the loss goes up and down.
    let arguments = ["--lr", "0.3", "--freeze-epochs", "20", "--epochs", "2", "--early-stop", "1"];
    let best = ["--save-best", "--json", "--out", out.to_str().unwrap()];
    let run = fine_tuned(&file, &[&arguments[..], &best].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    let lines: Vec<Value> =
        stdout(&run).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows: Vec<_> = lines.iter().filter(|line| line["event"] == "epoch").collect();
    assert!((3..22).contains(&rows.len()), "{}", stdout(&run));
    assert!(rows.iter().zip(0..).all(|(row, number)| row["epoch"] == number));
    let stopped = lines.iter().position(|line| {
        line["note"].as_str().is_some_and(|note| note.ends_with("early stopping"))
    });
    assert!(lines[stopped.unwrap()..].iter().any(|line| line["event"] == "epoch"));

    let losses = rows.iter().map(|row| row["valid_loss"].as_f64().unwrap());
    let lowest = losses.fold(f64::INFINITY, f64::min);
    let info = output(&["info", out.to_str().unwrap(), "--json"]);
    let info: Value = serde_json::from_str(&stdout(&info)).unwrap();
    assert_eq!(info["metrics"]["valid_loss"], lowest);
}

#[test]
fn a_fine_tuned_run_keeps_its_settings_when_it_is_resumed() {
    let (place, file) = trained();
    let run = place.path().join("run").to_str().unwrap().to_owned();
    let phases = ["--freeze-epochs", "2", "--epochs", "1"];
    let whole = fine_tuned(&file, &[&phases[..], &["--checkpoint", &run, "--keep", "9"]].concat());
    assert!(whole.status.success(), "{}", stderr(&whole));
    fs::remove_file(&file).unwrap();
    // After the first frozen epoch, after the second one, and at the end.
    for epochs in 1..=3 {
        let alone = checkpoint_at(Path::new(&run), epochs * 93);
        let folder = alone.path().to_str().unwrap().to_owned();
        for arguments in [&[][..], &["--fine-tune"], &["--fine-tune", "--freeze-epochs", "2"]] {
            let resumed = output(&[&["--resume", &folder], arguments].concat());
            assert_eq!(
                timeless(&stdout(&resumed)),
                timeless(&stdout(&whole)),
                "{}",
                stderr(&resumed)
            );
        }
        for (arguments, expected) in [
            (&["--fine-tune", "--freeze-epochs", "3"][..], "--freeze-epochs 3 differs"),
            (&["--schedule", "constant"], "--schedule constant differs"),
            (&["--lr", "0.001"], "which has 0.002; leave it out, or add --force"),
        ] {
            let run = output(&[&["--resume", &folder], arguments].concat());
            assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
            assert!(stderr(&run).contains(expected), "{}", stderr(&run));
        }
    }
    let longer = output(&["--resume", &run, "--epochs", "2", "--force"]);
    assert_eq!(stdout(&longer).lines().count(), 5, "{}", stderr(&longer));
    let plain = place.path().join("plain").to_str().unwrap().to_owned();
    let short = ["--device", "cpu", "--epochs", "1", "--checkpoint", &plain];
    assert!(output(&short).status.success());
    let run = output(&["--resume", &plain, "--fine-tune"]);
    assert!(
        stderr(&run).contains("the resumed run was started without --fine-tune"),
        "{}",
        stderr(&run)
    );
}
