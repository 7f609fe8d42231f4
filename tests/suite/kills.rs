//! Runs that end by force: killed, interrupted, without room, without permission.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastburn::{CheckpointFolder, History};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::tempdir;

use crate::program::{fastburn, stderr, stdout, timeless};

/// How often a process is killed; `FASTBURN_KILLS` asks for more.
const KILLS: usize = 50;

/// A run that leaves many checkpoints.
const RUN: [&str; 9] =
    ["--device", "cpu", "--epochs", "3", "--hidden", "8", "--keep", "3", "--every-steps"];

/// Everything that a run leaves, but for times.
#[derive(Debug, PartialEq)]
struct Outcome {
    table: String,
    model: Vec<u8>,
    history: History,
}

fn outcome(run: &Output, place: &Path) -> Outcome {
    assert!(run.status.success(), "{}", stderr(run));
    let folder = CheckpointFolder::open(place.join("checkpoints")).unwrap();
    let saved = folder.newest().unwrap();
    assert!(saved.damaged().is_empty(), "{:?}", saved.damaged());
    let mut history = saved.history().clone();
    history.epochs.iter_mut().for_each(|row| row.seconds = 0.0);
    let model = fs::read(place.join("model.safetensors")).unwrap();
    Outcome { table: timeless(&stdout(run)), model, history }
}

/// Starts the run, or goes on with it where there is something to go on with.
fn start(place: &Path, every_steps: &str) -> Child {
    let folder = place.join("checkpoints");
    let (folder, model) = (folder.to_str().unwrap(), place.join("model.safetensors"));
    let verb = if has_checkpoint(place) { "--resume" } else { "--checkpoint" };
    let mut command = fastburn(&RUN);
    command.args([every_steps, verb, folder, "--out", model.to_str().unwrap()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn names(place: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(place.join("checkpoints")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn has_checkpoint(place: &Path) -> bool {
    names(place).iter().any(|name| name.starts_with("step-"))
}

/// Whether the process was in the middle of a file.
fn was_writing(place: &Path) -> bool {
    names(place).iter().any(|name| name.starts_with(".fastburn-"))
}

fn unbroken(every_steps: &str) -> (Outcome, Duration) {
    let place = tempdir().unwrap();
    let begun = Instant::now();
    let run = start(place.path(), every_steps).wait_with_output().unwrap();
    let took = begun.elapsed();
    (outcome(&run, place.path()), took)
}

#[test]
fn a_run_killed_at_any_moment_ends_as_the_unbroken_one() {
    let wanted = std::env::var("FASTBURN_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let (mut kills, mut runs, mut in_a_file, mut before_any) = (0, 0, 0, 0);
    while kills < wanted {
        // At every step most of the time is spent in files, at every twenty in training.
        for every_steps in ["1", "20"] {
            let (expected, took) = unbroken(every_steps);
            for _ in 0..wanted.div_ceil(20) {
                let place = tempdir().unwrap();
                let run = loop {
                    let mut child = start(place.path(), every_steps);
                    sleep(took.mul_f64(rng.random_range(0.0..0.9)));
                    if child.try_wait().unwrap().is_some() {
                        break child.wait_with_output().unwrap();
                    }
                    child.kill().unwrap();
                    child.wait().unwrap();
                    kills += 1;
                    in_a_file += usize::from(was_writing(place.path()));
                    before_any += usize::from(!has_checkpoint(place.path()));
                };
                assert_eq!(outcome(&run, place.path()), expected, "after {kills} kills");
                runs += 1;
            }
        }
    }
    let said = format!(
        "{kills} kills in {runs} runs: {in_a_file} within a file, {before_any} before the first \
         checkpoint"
    );
    let _ = writeln!(std::io::stderr(), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_a_checkpoint_and_a_second_one_leaves_at_once() {
    let (expected, took) = unbroken("20");
    for presses in [1, 2] {
        let place = tempdir().unwrap();
        let mut ended_early = 0;
        let run = loop {
            let child = start(place.path(), "1000");
            sleep(took.mul_f64(0.5));
            let id = child.id().to_string();
            for _ in 0..presses {
                let _ = Command::new("kill").args(["-INT", &id]).stderr(Stdio::null()).status();
            }
            let run = child.wait_with_output().unwrap();
            if run.status.success() {
                break run;
            }
            ended_early += 1;
            // A process that has not set its handler up ends by the signal itself.
            assert!(matches!(run.status.code(), Some(130) | None), "{}", stderr(&run));
            if presses == 1 && run.status.code() == Some(130) {
                assert!(stderr(&run).contains("go on with --resume"), "{}", stderr(&run));
                assert!(has_checkpoint(place.path()));
            }
            if ended_early > 20 {
                break start(place.path(), "1000").wait_with_output().unwrap();
            }
        };
        assert!(ended_early > 0);
        assert_eq!(outcome(&run, place.path()), expected);
    }
}

/// A run of one epoch, and the folder of its checkpoints.
#[cfg(unix)]
fn one_epoch(place: &Path) -> String {
    let folder = place.join("checkpoints").to_str().unwrap().to_owned();
    let run = fastburn(&["--device", "cpu", "--epochs", "1", "--checkpoint", &folder]);
    assert!({ run }.status().unwrap().success());
    folder
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_the_old_checkpoint_stays() {
    let place = tempdir().unwrap();
    let folder = one_epoch(place.path());
    let before = fs::read(place.path().join("checkpoints/step-00000093.safetensors")).unwrap();
    let limited = |arguments: &str| {
        // A limit to a file's size, whose signal is ignored: a write fails as on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f 64; exec \"$0\" {arguments}");
        let program = env!("CARGO_BIN_EXE_fastburn");
        Command::new("sh").args(["-c", &script, program]).output().unwrap()
    };
    let run = limited(&format!("--resume {folder} --epochs 3 --force"));
    assert_eq!(run.status.code(), Some(1));
    let said = stderr(&run);
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("error: cannot write") && last.contains("step-00000186"), "{said}");
    assert_eq!(names(place.path()).iter().filter(|name| *name != "lock").count(), 1);
    let after = fs::read(place.path().join("checkpoints/step-00000093.safetensors")).unwrap();
    assert_eq!(after, before);

    let model = place.path().join("model.safetensors");
    fs::write(&model, "an older model").unwrap();
    let run = limited(&format!("--device cpu --epochs 1 --out {}", model.display()));
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("model.safetensors"), "{}", stderr(&run));
    assert_eq!(fs::read(&model).unwrap(), b"an older model");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to_is_an_error() {
    use std::os::unix::fs::PermissionsExt;

    let place = tempdir().unwrap();
    let folder = one_epoch(place.path());
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.path().join("checkpoints"), fs::Permissions::from_mode(0o555))
        .unwrap();
    fs::set_permissions(place.path().join("checkpoints/lock"), fs::Permissions::from_mode(0o444))
        .unwrap();
    // The superuser may write everywhere, so that another user has to try.
    let program = place.path().join("fastburn");
    fs::copy(env!("CARGO_BIN_EXE_fastburn"), &program).unwrap();
    let arguments = ["--device", "cpu", "--resume", &folder, "--epochs", "3", "--force"];
    let plain = || Command::new(&program).args(arguments).output().unwrap();
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let run = match is_root {
        false => plain(),
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
            match command.args(arguments).output() {
                Ok(run) => run,
                Err(_) => {
                    let _ = writeln!(std::io::stderr(), "skipped: root, and no setpriv");
                    return;
                }
            }
        }
    };
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    assert!(stderr(&run).contains("lock: Permission denied"), "{}", stderr(&run));
    assert_eq!(names(place.path()).len(), 2);
}

/// Burn would load the optimizer's state on a GPU, its default in such a build.
#[cfg(feature = "wgpu")]
#[test]
fn a_run_on_the_cpu_goes_on_where_there_is_no_gpu() {
    let place = tempdir().unwrap();
    let folder = place.path().join("checkpoints");
    let without_gpu = |arguments: &[&str]| {
        let mut command = fastburn(&["--device", "flex"]);
        command.args(arguments).arg(&folder);
        // A loader that finds no driver.
        command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent");
        command.output().unwrap()
    };
    let run = without_gpu(&["--epochs", "1", "--checkpoint"]);
    assert!(run.status.success(), "{}", stderr(&run));
    let run = without_gpu(&["--epochs", "2", "--force", "--resume"]);
    assert!(run.status.success(), "{}", stderr(&run));
    assert_eq!(stdout(&run).lines().count(), 3);
}
