//! The program, as a user runs it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::crate_path;

pub fn fastburn(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fastburn"));
    command.args(arguments);
    command
}

pub fn output(arguments: &[&str]) -> Output {
    fastburn(arguments).output().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A table without its times.
pub fn timeless(table: &str) -> String {
    table.lines().map(|line| line.rsplit_once("  ").unwrap().0.to_owned() + "\n").collect()
}

#[test]
fn alone_it_trains_on_the_embedded_digits() {
    let run = output(&["--device", "cpu", "--epochs", "2"]);
    assert!(run.status.success(), "{}", stderr(&run));
    let lines: Vec<_> = stdout(&run).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "epoch     train_loss  valid_loss  accuracy  time");
    assert_eq!(lines.len(), 3);
    for (epoch, line) in lines[1..].iter().enumerate() {
        let cells: Vec<_> = line.split_whitespace().collect();
        assert_eq!(cells[0], epoch.to_string());
        assert!(cells[1..4].iter().all(|cell| cell.parse::<f64>().is_ok()), "{line}");
        assert!(cells[4].starts_with("00:"), "{line}");
    }
    let told = stderr(&run);
    for start in ["device  ", "data    ", "model   ", "Next:"] {
        assert_eq!(told.lines().filter(|line| line.starts_with(start)).count(), 1, "{told}");
    }
}

#[test]
fn a_pipe_gets_the_table_alone_without_control_codes() {
    let run = output(&["--device", "cpu", "--epochs", "1"]);
    assert!(!run.stdout.iter().chain(&run.stderr).any(|&byte| byte == 0x1b || byte == b'\r'));
    assert!(stdout(&run).starts_with("epoch "));
}

#[test]
fn one_seed_prints_one_table_whatever_the_number_of_threads() {
    let table = |threads: &str, seed: &str| {
        let mut command = fastburn(&["--device", "cpu", "--epochs", "2", "--seed", seed]);
        timeless(&stdout(&command.env("RAYON_NUM_THREADS", threads).output().unwrap()))
    };
    let expected = table("1", "5");
    for threads in ["1", "2", "3"] {
        assert_eq!(table(threads, "5"), expected);
    }
    let given = output(&["--device", "cpu", "--epochs", "2", "--seed", "5", "--threads", "4"]);
    assert_eq!(timeless(&stdout(&given)), expected);
    assert_ne!(table("1", "6"), expected);
}

#[test]
fn json_is_one_object_a_line() {
    let run = output(&["--device", "cpu", "--epochs", "2", "--json", "--model", "linear"]);
    let lines: Vec<Value> =
        stdout(&run).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["event"], "start");
    assert_eq!(lines[0]["settings"]["epochs"], 2);
    assert_eq!((&lines[3]["event"], &lines[3]["reason"]), (&"end".into(), &"done".into()));
    assert_eq!(lines[0]["architecture"]["model"], "linear");
    assert_eq!(lines[0]["train_images"], 6000);
    for (epoch, line) in lines[1..3].iter().enumerate() {
        assert_eq!((&line["event"], &line["epoch"]), (&"epoch".into(), &epoch.into()));
        assert!(line["metrics"]["accuracy"].as_f64().unwrap() > 0.1);
    }
    assert_eq!(stderr(&run), "");
}

#[test]
fn a_folder_or_an_archive_trains_with_either_loss() {
    let digits = crate_path("assets/digits.tgz");
    let digits = digits.to_str().unwrap();
    for loss in ["cross-entropy", "mnist"] {
        let run = output(&["train", digits, "--device", "cpu", "--epochs", "1", "--loss", loss]);
        assert!(run.status.success(), "{}", stderr(&run));
        assert_eq!(stdout(&run).lines().count(), 2);
        assert!(stderr(&run).contains(loss) && !stderr(&run).contains("Next:"));
    }
}

#[test]
fn what_cannot_be_obeyed_is_one_clear_line_and_exit_code_2() {
    for (arguments, expected) in [
        (&["--device", "abacus"][..], "abacus"),
        (&["--device", "flex:3"], "flex:0"),
        (&["--device", "rocm"], "not in this build"),
        (&["--model", "mlp", "--hidden", "0"], "--hidden"),
        (&["--model", "mlp", "--hidden", "30,x"], "--hidden"),
        (&["--lr", "NaN"], "--lr"),
        (&["--lr", "-1"], "--lr"),
        (&["--epochs", "0"], "--epochs"),
        (&["--batch-size", "0"], "--batch-size"),
        (&["--batch-size", "100000"], "6000"),
        (&["--threads", "0"], "--threads"),
        (&["--optimizer", "adamant"], "possible values"),
        (&["--model", "transformer"], "possible values"),
        (&["train"], "DATA"),
        (&["trian"], "trian"),
    ] {
        let run = output(arguments);
        let told = stderr(&run);
        assert_eq!(run.status.code(), Some(2), "{arguments:?}: {told}");
        let problem: Vec<_> = told.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(problem.len(), 1, "{arguments:?}: {told}");
        assert!(problem[0].contains(expected), "{arguments:?}: {told}");
        assert_eq!(stdout(&run), "");
    }
}

#[test]
fn an_option_without_effect_on_the_model_is_refused_by_name() {
    let resnets = "resnet18, resnet34, resnet50";
    for (model, option, users) in [
        ("linear", &["--hidden", "30"][..], "mlp"),
        ("linear", &["--activation", "relu"], "mlp"),
        ("mlp", &["--kernel", "3"], "convnet"),
        ("mlp", &["--zero-init"], resnets),
        ("mlp", &["--head", "linear"], &format!("convnet, {resnets}")),
        ("convnet", &["--stem", "small"], resnets),
        ("resnet18", &["--shrinking", "stride"], "convnet"),
        ("resnet18", &["--init", "normal"], "linear, mlp, convnet"),
    ] {
        for verb in [&["train", "digits"][..], &["summary"], &["lr-find"]] {
            let run = output(&[verb, &["--device", "cpu", "--model", model], option].concat());
            assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
            let expected = format!(
                "error: {} has no effect on {model}, only on {users}; leave it out, or choose \
                 another --model\n",
                option[0]
            );
            assert_eq!(stderr(&run), expected);
        }
    }
}

#[test]
fn data_that_cannot_be_used_is_one_clear_line_and_exit_code_1() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    let absent = format!("{path}/absent");
    for (data, expected) in [(path, "no classes"), (&absent, "no such folder")] {
        let run = output(&["train", data, "--device", "cpu"]);
        let told = stderr(&run);
        assert_eq!(run.status.code(), Some(1), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains(data) && told.contains(expected), "{told}");
    }
}

#[cfg(unix)]
#[test]
fn an_error_names_its_cause_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let class = folder.path().join("a");
    std::fs::create_dir(&class).unwrap();
    std::os::unix::fs::symlink("nowhere", class.join("gone.png")).unwrap();
    let run = output(&["train", folder.path().to_str().unwrap(), "--device", "cpu"]);
    let told = stderr(&run);
    assert_eq!(run.status.code(), Some(1));
    assert!(told.contains("gone.png"), "{told}");
    assert_eq!(told.matches("No such file").count(), 1, "{told}");
}

#[test]
fn a_loss_that_runs_away_is_an_error_that_says_where() {
    let run = output(&["--device", "cpu", "--optimizer", "sgd", "--lr", "1e30"]);
    assert_eq!(run.status.code(), Some(1));
    let told = stderr(&run);
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("error: the training loss became"), "{told}");
    assert!(last.contains("epoch 0, batch") && last.contains("learning rate"), "{told}");
}

#[test]
fn show_tells_classes_sizes_and_draws_images() {
    let folder = tempfile::TempDir::new().unwrap();
    let picture = folder.path().join("some.png");
    let digits = crate_path("assets/digits.tgz");
    let digits = digits.to_str().unwrap();
    let run = output(&["show", digits, "--images", "3", "--out", picture.to_str().unwrap()]);
    assert!(run.status.success(), "{}", stderr(&run));
    let told = stdout(&run);
    assert!(told.starts_with("class  train   valid\n0      600     100\n"), "{told}");
    assert!(told.contains("\nall    6000    1000\n") && told.contains("\n28×28  7000\n"), "{told}");
    assert!(told.contains('█') && !told.contains('\x1b'), "{told}");
    assert!(image::open(&picture).unwrap().width() > 600);

    let json: Value = serde_json::from_str(&stdout(&output(&["show", digits, "--json"]))).unwrap();
    assert_eq!(json["classes"][9]["train_images"], 600);
    assert_eq!(json["sizes"], serde_json::json!([{ "size": [28, 28], "images": 7000 }]));
}

#[test]
fn show_takes_images_of_any_size() {
    let folder = tempfile::TempDir::new().unwrap();
    for (class, side) in [("small", 3), ("large", 300)] {
        let class = folder.path().join(class);
        std::fs::create_dir(&class).unwrap();
        for index in 0..4 {
            let image = image::RgbImage::from_pixel(side, side + index, image::Rgb([200, 10, 0]));
            image.save(class.join(format!("{index}.png"))).unwrap();
        }
    }
    let run = output(&["show", folder.path().to_str().unwrap()]);
    let told = stdout(&run);
    assert!(run.status.success(), "{}", stderr(&run));
    assert!(told.contains("\nothers   3, of 3 sizes\n"), "{told}");
    assert!(told.contains("size     images\n3×3      1\n3×4      1\n"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
}

#[test]
fn baseline_counts_what_comparing_pixels_gets_right() {
    let folder = tempfile::TempDir::new().unwrap();
    let picture = folder.path().join("means.svg");
    let digits = crate_path("assets/digits.tgz");
    let digits = digits.to_str().unwrap();
    let run = output(&["baseline", digits, "--device", "cpu", "--out", picture.to_str().unwrap()]);
    assert!(run.status.success(), "{}", stderr(&run));
    let told = stdout(&run);
    let rows: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["class", "images", "l1", "l2"]);
    assert_eq!((rows.len(), rows[11][0], rows[11][1]), (12, "all", "1000"));
    assert_eq!(std::fs::read_to_string(&picture).unwrap().matches("<image").count(), 10);

    let json = output(&["baseline", digits, "--device", "cpu", "--json"]);
    let json: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(format!("{:.6}", json["l2"]["accuracy"].as_f64().unwrap()), rows[11][3]);
}

#[test]
fn a_picture_that_cannot_be_written_is_one_clear_line() {
    let digits = crate_path("assets/digits.tgz");
    let digits = digits.to_str().unwrap();
    for verb in ["show", "baseline"] {
        for file in ["/nowhere/at/all.png", "picture.gif"] {
            let run = output(&[verb, digits, "--out", file]);
            let told = stderr(&run);
            assert_eq!(run.status.code(), Some(2), "{told}");
            assert!(told.lines().count() == 1 && told.contains(file), "{told}");
            assert_eq!(stdout(&run), "");
        }
    }
}

#[test]
fn a_data_set_that_leaves_nothing_to_tell_apart_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let class = folder.path().join("cat");
    std::fs::create_dir(&class).unwrap();
    for index in 0..2 {
        image::GrayImage::new(2, 2).save(class.join(format!("{index}.png"))).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    for verb in ["train", "show", "baseline"] {
        let told = stderr(&output(&[verb, path]));
        assert!(told.contains(path) && told.contains("one class, cat"), "{told}");
    }
    std::fs::create_dir(folder.path().join("dog")).unwrap();
    image::GrayImage::new(2, 2).save(folder.path().join("dog/0.png")).unwrap();
    for verb in ["train", "show", "baseline"] {
        let run = output(&[verb, path]);
        let told = stderr(&run);
        assert_eq!(run.status.code(), Some(1), "{told}");
        assert!(told.contains(path) && told.contains("class dog has one image"), "{told}");
    }
}

#[test]
fn devices_names_every_backend_and_marks_what_auto_takes() {
    let told = stdout(&output(&["devices"]));
    assert!(told.starts_with("name "));
    assert_eq!(told.lines().filter(|line| line.ends_with("<- auto")).count(), 1, "{told}");
    let json = stdout(&output(&["devices", "--json"]));
    for line in json.lines() {
        let device: Value = serde_json::from_str(line).unwrap();
        assert!(told.contains(device["name"].as_str().unwrap()));
    }
    assert_eq!(json.lines().count() + 1, told.lines().count());
}

#[test]
fn every_verb_says_alike_what_data_may_be() {
    let data =
        "Folder or archive (.tgz, .tar, .zip) of images, name from `fastburn data list`, or URL";
    let verbs = "train lr-find summary show baseline validate confusion top-losses";
    let verbs = verbs.split(' ').map(|verb| vec![verb, "--help"]);
    let of_data = ["check", "convert"].map(|verb| vec!["data", verb, "--help"]);
    for arguments in verbs.chain(of_data) {
        let help = stdout(&output(&arguments));
        assert!(help.contains(data), "{arguments:?}: {help}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [&["--help"][..], &["train", "--help"], &["devices", "-h"], &["--version"]] {
        let run = output(arguments);
        assert!(run.status.success() && !run.stdout.is_empty() && run.stderr.is_empty());
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_run_after_the_batch_and_prints_what_there_is() {
    let mut child = fastburn(&["--device", "cpu", "--epochs", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut table = String::new();
    // The header and one row: training has begun.
    out.read_line(&mut table).unwrap();
    out.read_line(&mut table).unwrap();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    out.read_to_string(&mut table).unwrap();
    let run = child.wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(130));
    let told = stderr(&run);
    let told: Vec<_> = told.lines().rev().take(2).collect();
    assert!(told[1].starts_with("interrupted after batch"), "{told:?}");
    assert_eq!(told[0], "nothing was saved; use --checkpoint to be able to resume");
    assert!(table.ends_with('\n') && table.lines().count() >= 3, "{table}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let mut child = fastburn(&["--device", "cpu", "--epochs", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = child.wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(141));
    assert!(!stderr(&run).contains("error"), "{}", stderr(&run));
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_an_error() {
    for arguments in [&["--help"][..], &["train", "--help"], &["--version"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let run = fastburn(arguments).stdout(full).output().unwrap();
        assert_eq!(run.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&run).contains("No space left"), "{}", stderr(&run));
    }
}

#[test]
fn no_name_turns_the_rest_of_its_line_around() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["cat\u{202e}gpj", "dog"] {
        let class = folder.path().join(class);
        std::fs::create_dir(&class).unwrap();
        for index in 0..3 {
            image::GrayImage::new(4, 4).save(class.join(format!("{index}.png"))).unwrap();
        }
    }
    let folder = folder.path().to_str().unwrap();
    for arguments in [&["show", folder][..], &["data", "check", folder], &["baseline", folder]] {
        let run = output(arguments);
        let all = stdout(&run) + &stderr(&run);
        assert!(all.contains("cat\u{fffd}gpj"), "{arguments:?}: {all}");
        assert!(!all.contains('\u{202e}'), "{arguments:?}: {all}");
    }
}
