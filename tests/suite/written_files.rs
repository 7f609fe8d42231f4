//! What the program writes: model files under any name, logs of one run each, and nothing besides.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::tempdir;

use crate::program::{fastburn, output, stderr, stdout};

/// A run of a moment.
const QUICK: [&str; 8] =
    ["--device", "cpu", "--model", "linear", "--epochs", "1", "--max-per-class", "10"];
/// A run that lasts until it is ended.
const ENDLESS: [&str; 6] = ["--device", "cpu", "--model", "linear", "--epochs", "1000000"];

fn train(arguments: &[&str]) -> Output {
    output(&[&QUICK[..], arguments].concat())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whether the file is a whole model.
fn is_model(file: &Path) -> bool {
    output(&["info", file.to_str().unwrap()]).status.success()
}

/// Starts a run, and returns once its first epoch is over and logged.
fn started(arguments: &[&str]) -> Child {
    let mut run =
        fastburn(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.as_mut().unwrap()).lines();
    // The third line is printed after the log has the first epoch.
    lines.by_ref().take(3).for_each(|line| drop(line.unwrap()));
    run
}

#[cfg(unix)]
fn signal(run: &Child, name: &str) {
    let id = run.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

#[test]
fn a_model_file_may_have_the_longest_name_and_a_longer_one_is_refused_at_the_start() {
    let folder = tempdir().unwrap();
    for length in [200, 241, 242, 254, 255] {
        let name = "m".repeat(length - ".safetensors".len()) + ".safetensors";
        let file = folder.path().join(name);
        let run = train(&["--out", file.to_str().unwrap()]);
        assert!(run.status.success(), "{length}: {}", stderr(&run));
        assert!(is_model(&file), "{length}");
        fs::remove_file(file).unwrap();
    }
    let file = folder.path().join("m".repeat(244) + ".safetensors");
    let run = train(&["--out", file.to_str().unwrap()]);
    assert_eq!((run.status.code(), stdout(&run).as_str()), (Some(2), ""), "{}", stderr(&run));
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_and_the_file_it_leads_to_is_written_whether_or_not_it_is_there() {
    use std::os::unix::fs::symlink;

    let place = tempdir().unwrap();
    let at = |path: &str| place.path().join(path);
    fs::create_dir(at("models")).unwrap();
    // From the folder of the link, wherever the program runs.
    symlink("models/new.safetensors", at("relative.safetensors")).unwrap();
    symlink(at("relative.safetensors"), at("link.safetensors")).unwrap();
    for _ in 0..2 {
        let run = train(&["--out", at("link.safetensors").to_str().unwrap()]);
        assert!(run.status.success(), "{}", stderr(&run));
        assert!(at("link.safetensors").is_symlink() && at("relative.safetensors").is_symlink());
        assert!(is_model(&at("models/new.safetensors")));
        assert_eq!(names(&at("models")), ["new.safetensors"]);
    }
    // What cannot be written behind a link is refused before training.
    symlink("/proc/fastburn/model.safetensors", at("nowhere.safetensors")).unwrap();
    symlink("loop.safetensors", at("loop.safetensors")).unwrap();
    for name in ["nowhere.safetensors", "loop.safetensors"] {
        let run = train(&["--out", at(name).to_str().unwrap()]);
        assert_eq!((run.status.code(), stdout(&run).as_str()), (Some(2), ""), "{}", stderr(&run));
        assert!(at(name).is_symlink());
    }
}

#[cfg(unix)]
#[test]
fn a_model_that_cannot_be_written_at_the_end_is_saved_elsewhere_and_the_error_says_where() {
    let place = tempdir().unwrap();
    let gone = place.path().join("gone");
    fs::create_dir(&gone).unwrap();
    let out = gone.join("model.safetensors");
    let mut arguments = ENDLESS.to_vec();
    arguments[5] = "200";
    arguments.extend(["--out", out.to_str().unwrap()]);
    let mut run = fastburn(&arguments)
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.as_mut().unwrap()).lines();
    lines.by_ref().take(2).for_each(|line| drop(line.unwrap()));
    fs::remove_dir(&gone).unwrap();
    lines.for_each(|line| drop(line.unwrap()));
    let run = run.wait_with_output().unwrap();
    let error = stderr(&run);
    let error = error.lines().last().unwrap();
    assert_eq!(run.status.code(), Some(1), "{error}");
    assert!(error.contains(out.to_str().unwrap()), "{error}");
    let (_, saved) = error.split_once("the model was saved as ").unwrap();
    assert!(is_model(&place.path().join(saved)), "{error}");
}

#[test]
fn a_log_belongs_to_one_run_at_a_time() {
    let folder = tempdir().unwrap();
    let log = folder.path().join("history.csv");
    let log = log.to_str().unwrap();
    let mut first = started(&[&ENDLESS[..], &["--log", log]].concat());
    if cfg!(not(windows)) {
        let second = train(&["--log", log]);
        assert_eq!(second.status.code(), Some(1), "{}", stderr(&second));
        let error = stderr(&second);
        assert!(error.contains("another run") && error.contains("history.csv"), "{error}");
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let text = fs::read_to_string(log).unwrap();
    let epochs = text.lines().skip(1).map(|row| row.split(',').next().unwrap().to_owned());
    let epochs: Vec<String> = epochs.collect();
    assert!(!epochs.is_empty());
    assert_eq!(epochs, (0..epochs.len()).map(|epoch| epoch.to_string()).collect::<Vec<_>>());
    // The lock ended with its run.
    assert!(train(&["--log", log]).status.success());
    assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 2);
    assert_eq!(names(folder.path()), ["history.csv"]);
}

#[cfg(unix)]
#[test]
fn of_runs_that_begin_a_log_together_one_goes_on() {
    let folder = tempdir().unwrap();
    let log = folder.path().join("history.csv");
    let arguments = [&ENDLESS[..], &["--log", log.to_str().unwrap()]].concat();
    let start =
        || fastburn(&arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut runs: Vec<Child> = (0..6).map(|_| start()).collect();
    // The one that goes on has written its file and is training.
    while fs::read_to_string(&log).unwrap_or_default().lines().count() < 2 {}
    while runs.len() > 1 {
        let ended = runs.iter_mut().position(|run| run.try_wait().unwrap().is_some());
        let Some(ended) = ended else { continue };
        let run = runs.remove(ended).wait_with_output().unwrap();
        assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
        assert!(stderr(&run).contains("another run is writing it"), "{}", stderr(&run));
    }
    assert!(runs[0].try_wait().unwrap().is_none());
    runs[0].kill().unwrap();
    runs[0].wait().unwrap();
    assert_eq!(names(folder.path()), ["history.csv"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_folder_is_not_replaced_by_a_file() {
    let place = tempdir().unwrap();
    let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    for (option, name) in [("--out", "model.safetensors"), ("--log", "history.csv")] {
        let file = at(name);
        assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
        let run = train(&[option, &file]);
        assert_eq!((run.status.code(), stdout(&run).as_str()), (Some(2), ""), "{}", stderr(&run));
        assert!(stderr(&run).contains("not a regular file"), "{}", stderr(&run));
        use std::os::unix::fs::FileTypeExt;
        assert!(fs::metadata(&file).unwrap().file_type().is_fifo());
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        let run = train(&[option, &file]);
        assert!(!run.status.success() && stderr(&run).contains("it is a folder"));
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_whole_rows_in_a_log() {
    for name in ["history.csv", "history.jsonl"] {
        let folder = tempdir().unwrap();
        let log = folder.path().join(name);
        // A limit to a file's size, whose signal is ignored: a write fails as on a full disk.
        let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"";
        let run = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_fastburn")])
            .args(["--device", "cpu", "--model", "linear", "--max-per-class", "10"])
            .args(["--epochs", "1000", "--log", log.to_str().unwrap()])
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
        assert!(stderr(&run).contains(name), "{}", stderr(&run));
        let text = fs::read_to_string(&log).unwrap();
        assert!(text.ends_with('\n') && text.lines().count() > 10, "{text}");
        let last = text.lines().last().unwrap();
        match name.ends_with(".csv") {
            true => {
                let columns = |line: &str| line.split(',').count();
                assert_eq!(columns(last), columns(text.lines().next().unwrap()), "{last}");
            }
            false => assert!(serde_json::from_str::<serde_json::Value>(last).is_ok(), "{last}"),
        }
    }
}

/// Grey images enough for a conversion of some seconds.
#[cfg(unix)]
fn many_images(folder: &Path) {
    let picture = image::GrayImage::from_fn(300, 300, |x, y| image::Luma([(x * y) as u8]));
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    for class in ["a", "b"] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for index in 0..2000 {
            fs::write(folder.join(class).join(format!("{index}.png")), png.get_ref()).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_conversion_that_is_told_to_end_leaves_nothing() {
    let place = tempdir().unwrap();
    let data = place.path().join("data");
    many_images(&data);
    let out = place.path().join("out");
    for signals in [&["-TERM"][..], &["-HUP"], &["-INT"], &["-INT", "-INT"]] {
        let arguments = ["data", "convert", data.to_str().unwrap(), out.to_str().unwrap()];
        let mut run = fastburn(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        // Its work folder is there: some images are written.
        while !names(place.path()).iter().any(|name| name.starts_with(".out")) {
            assert!(run.try_wait().unwrap().is_none(), "it was over before it was ended");
        }
        for name in signals {
            signal(&run, name);
        }
        let ended = run.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{signals:?}: {}", stderr(&ended));
        assert_eq!(names(place.path()), ["data"], "{signals:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempdir().unwrap();
    let out = folder.path().join("model.safetensors");
    fs::write(&out, "").unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o664)).unwrap();
    assert!(train(&["--out", out.to_str().unwrap()]).status.success());
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o664);
}

#[test]
fn a_log_is_csv_or_json_by_its_ending_in_any_case() {
    let folder = tempdir().unwrap();
    for (name, start) in [("H.CSV", "epoch,"), ("H.JsonL", "{")] {
        let log = folder.path().join(name);
        assert!(train(&["--log", log.to_str().unwrap()]).status.success());
        assert!(fs::read_to_string(&log).unwrap().starts_with(start), "{name}");
    }
}
