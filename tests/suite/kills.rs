//! Runs that end by force: killed, interrupted, without room, without permission.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use fastburn::checkpoints::CheckpointFolder;
use fastburn::records::History;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::tempdir;

use crate::program::{fastburn, output, stderr, stdout, timeless};
use crate::support::crate_path;

/// How often processes are killed that train an MLP, and a convolutional model; `FASTBURN_KILLS`
/// asks for more.
const KILLS: usize = 75;
const CONVOLUTION_KILLS: usize = 24;

/// A run that leaves many checkpoints.
const RUN: [&str; 7] = ["--device", "cpu", "--epochs", "3", "--keep", "3", "--every-steps"];

/// All that has a memory or changes steps.
const EVERYTHING: [&str; 12] = [
    "--lr",
    "0.05",
    "--early-stop",
    "2",
    "--save-best",
    "--clip-norm",
    "1",
    "--accumulate",
    "4",
    "--label-smoothing",
    "0.1",
    "--log",
];

/// Five batches per epoch, since a convolution takes longer.
const FEW_IMAGES: [&str; 4] = ["--max-per-class", "8", "--batch-size", "16"];
const NARROW_RESNET: [&str; 4] = ["--model", "resnet18", "--widths", "4,8,8,8"];
/// Norms and dropout in its head.
const CONVNET: [&str; 6] = ["--model", "convnet", "--widths", "4,8", "--head", "fastai"];
/// Images that each epoch changes anew, and mixes.
const AUGMENTED: [&str; 10] = [
    "--augment",
    "standard,hue=0.1",
    "--erase",
    "0.5",
    "--random-crop",
    "0.5",
    "--size",
    "20",
    "--mixup",
    "0.4",
];
const CUT_AND_STREAMED: [&str; 6] = ["--augment", "digits", "--cutmix", "1", "--memory", "0"];
const BOTH_PHASES: [&str; 3] = ["--fine-tune", "--freeze-epochs", "2"];

/// The options of a run.
#[derive(Clone, Copy)]
enum Options {
    Few,
    Everything,
    /// Everything, in both phases of fine-tuning.
    FineTuned,
    /// Everything, for a convnet and augmented images.
    ConvNet,
    /// Everything, for a ResNet with a new head and streamed images, in both phases of fine-tuning.
    FineTunedResNet,
}

impl Options {
    /// The file of the model that is fine-tuned, which was trained for a moment.
    fn trained(self) -> Option<&'static [u8]> {
        static MLP: LazyLock<Vec<u8>> =
            LazyLock::new(|| train(&["--model", "mlp", "--hidden", "8"]));
        static RESNET: LazyLock<Vec<u8>> =
            LazyLock::new(|| train(&[FEW_IMAGES, NARROW_RESNET].concat()));
        match self {
            Self::Few | Self::Everything | Self::ConvNet => None,
            Self::FineTuned => Some(&MLP),
            Self::FineTunedResNet => Some(&RESNET),
        }
    }
}

/// Trains for one epoch. Returns the model file.
fn train(model: &[&str]) -> Vec<u8> {
    let place = tempdir().unwrap();
    let file = place.path().join("model.safetensors");
    let mut command = fastburn(&["--device", "cpu", "--epochs", "1"]);
    let run = command.args(model).arg("--out").arg(&file).output().unwrap();
    assert!(run.status.success(), "{}", stderr(&run));
    fs::read(file).unwrap()
}

/// How a run is started, and how often it leaves a checkpoint.
#[derive(Clone, Copy)]
struct Kind {
    every_steps: &'static str,
    options: Options,
}

/// With hardly a checkpoint but those of the epochs.
const SELDOM: Kind = Kind { every_steps: "1000", options: Options::Everything };
const SELDOM_FINE_TUNED: Kind = Kind { every_steps: "1000", options: Options::FineTuned };

/// Everything that a run leaves, but for times.
#[derive(Debug, PartialEq)]
struct Outcome {
    table: String,
    log: Option<String>,
    model: Vec<u8>,
    history: History,
}

fn outcome(run: &Output, place: &Path) -> Outcome {
    assert!(run.status.success(), "{}", stderr(run));
    let saved = CheckpointFolder::open(place.join("checkpoints")).unwrap().newest().unwrap();
    assert!(saved.damaged().is_empty(), "{:?}", saved.damaged());
    let mut history = saved.history().clone();
    history.epochs.iter_mut().for_each(|row| row.seconds = 0.0);
    let model = fs::read(place.join("model.safetensors")).unwrap();
    let log = fs::read_to_string(place.join("history.csv")).ok();
    let log = log.map(|text| {
        let rows = text.lines().map(|line| line.rsplit_once(',').unwrap().0);
        rows.collect::<Vec<_>>().join("\n")
    });
    Outcome { table: timeless(&stdout(run)), log, model, history }
}

/// Starts the run, or goes on with it where there is something to go on with.
fn start(place: &Path, kind: Kind) -> Child {
    let folder = place.join("checkpoints");
    let (folder, model) = (folder.to_str().unwrap(), place.join("model.safetensors"));
    let verb = if has_checkpoint(place) { "--resume" } else { "--checkpoint" };
    let mut command = fastburn(&RUN);
    command.args([kind.every_steps, verb, folder, "--out", model.to_str().unwrap()]);
    if !matches!(kind.options, Options::Few) {
        command.args(EVERYTHING).arg(place.join("history.csv"));
    }
    match kind.options {
        Options::Few => command.args(["--model", "mlp", "--hidden", "8", "--schedule", "constant"]),
        Options::Everything => {
            command.args(["--model", "mlp", "--hidden", "8", "--schedule", "one-cycle"])
        }
        Options::ConvNet => command.args(FEW_IMAGES).args(CONVNET).args(AUGMENTED),
        Options::FineTuned => command.args(BOTH_PHASES).arg("--from"),
        Options::FineTunedResNet => {
            // The images for which the weights were trained, not those of torchvision's.
            let images = ["--size", "28", "--channels", "1"];
            command
                .args(FEW_IMAGES)
                .args(NARROW_RESNET)
                .args(images)
                .args(CUT_AND_STREAMED)
                .args(BOTH_PHASES)
                .arg("--weights")
        }
    };
    if let Some(trained) = kind.options.trained() {
        let file = place.join("start.safetensors");
        fs::write(&file, trained).unwrap();
        command.arg(file);
    }
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
    names(place).iter().any(|name| name.starts_with(".step-"))
}

fn unbroken(kind: Kind) -> (Outcome, Duration) {
    let place = tempdir().unwrap();
    kind.options.trained();
    let begun = Instant::now();
    let run = start(place.path(), kind).wait_with_output().unwrap();
    let took = begun.elapsed();
    (outcome(&run, place.path()), took)
}

/// What came of kills.
#[derive(Default)]
struct Kills {
    all: usize,
    runs: usize,
    in_a_file: usize,
    before_any: usize,
}

impl Kills {
    /// Kills a run at random moments, and resumes it each time until it ends.
    fn run_to_the_end(
        &mut self,
        place: &Path,
        kind: Kind,
        took: Duration,
        rng: &mut ChaCha8Rng,
    ) -> Output {
        self.runs += 1;
        loop {
            let mut child = start(place, kind);
            sleep(took.mul_f64(rng.random_range(0.0..0.9)));
            // A third of them wait for a file to be begun.
            let until = Instant::now() + Duration::from_millis(50);
            while self.all.is_multiple_of(3) && !was_writing(place) && Instant::now() < until {}
            if child.try_wait().unwrap().is_some() {
                return child.wait_with_output().unwrap();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            self.all += 1;
            self.in_a_file += usize::from(was_writing(place));
            self.before_any += usize::from(!has_checkpoint(place));
        }
    }
}

/// Kills runs of these kinds, each of which ends as an unbroken one.
fn kill_runs(kinds: &[Kind], kills: usize) -> Kills {
    let wanted = std::env::var("FASTBURN_KILLS").map_or(kills, |kills| kills.parse().unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(wanted as u64);
    let mut kills = Kills::default();
    while kills.all < wanted {
        for &kind in kinds {
            let (expected, took) = unbroken(kind);
            for _ in 0..wanted.div_ceil(40) {
                if kills.all >= wanted {
                    break;
                }
                let place = tempdir().unwrap();
                let run = kills.run_to_the_end(place.path(), kind, took, &mut rng);
                assert_eq!(outcome(&run, place.path()), expected, "after {} kills", kills.all);
            }
        }
    }
    let Kills { all, runs, in_a_file, before_any } = kills;
    let said = format!(
        "{all} kills in {runs} runs: {in_a_file} within a file, {before_any} before the first \
         checkpoint"
    );
    let _ = writeln!(std::io::stderr(), "{said}");
    kills
}

#[test]
fn a_run_killed_at_any_moment_ends_as_the_unbroken_one() {
    // At every step most of the time is spent in files, at every twenty in training; seldom, a run
    // is resumed from the ends of epochs and of the phases of fine-tuning.
    let kinds = [
        ("1", Options::Few),
        ("20", Options::FineTuned),
        ("1", Options::Everything),
        ("1000", Options::FineTuned),
        ("20", Options::Few),
        ("1", Options::FineTuned),
        ("20", Options::Everything),
    ];
    let kinds = kinds.map(|(every_steps, options)| Kind { every_steps, options });
    assert!(kill_runs(&kinds, KILLS).in_a_file > 0, "no kill within a file");
}

#[test]
fn a_convolutional_run_killed_at_any_moment_ends_as_the_unbroken_one() {
    let kinds = [("1", Options::ConvNet), ("2", Options::FineTunedResNet)];
    let kinds = kinds.map(|(every_steps, options)| Kind { every_steps, options });
    let kills = kill_runs(&kinds, CONVOLUTION_KILLS);
    assert!(kills.before_any < kills.all, "no kill after a checkpoint");
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_a_checkpoint_first() {
    // Behind the header and behind a row: training has begun, and Ctrl-C is listened for. Of the
    // phases of fine-tuning, the first one has two rows.
    for (kind, lines) in [(SELDOM, &[1, 2][..]), (SELDOM_FINE_TUNED, &[1, 2, 3, 4])] {
        let (expected, _) = unbroken(kind);
        for &lines in lines {
            interrupt_behind(lines, kind, &expected);
        }
    }
}

/// Interrupts a run once it has printed some lines, and resumes it.
#[cfg(unix)]
fn interrupt_behind(lines: usize, kind: Kind, expected: &Outcome) {
    let place = tempdir().unwrap();
    let mut child = start(place.path(), kind);
    let mut out = BufReader::new(child.stdout.as_mut().unwrap());
    for _ in 0..lines {
        out.read_line(&mut String::new()).unwrap();
    }
    interrupt(&child);
    let run = child.wait_with_output().unwrap();
    assert_eq!(run.status.code(), Some(130), "{}", stderr(&run));
    assert!(stderr(&run).contains("resume with --resume"), "{}", stderr(&run));
    assert!(has_checkpoint(place.path()));
    let run = start(place.path(), kind).wait_with_output().unwrap();
    assert_eq!(&outcome(&run, place.path()), expected);
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_leaves_at_once_and_leaves_whole_files() {
    let place = tempdir().unwrap();
    let folder = place.path().join("checkpoints");
    let run = ["--device", "cpu", "--model", "linear", "--batch-size", "6000", "--json"];
    let mut child = fastburn(&run)
        .args(["--epochs", "1000000", "--checkpoint", folder.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nobody reads what it prints, so that it is stuck in that once the pipe is full.
    let (mut before, mut still) = (Vec::new(), 0);
    // On a busy machine it may not get far in half a second.
    while still < 4 {
        sleep(Duration::from_millis(500));
        let now = names(place.path());
        still = if has_checkpoint(place.path()) && now == before { still + 1 } else { 0 };
        before = now;
    }
    interrupt(&child);
    sleep(Duration::from_millis(200));
    assert!(child.try_wait().unwrap().is_none(), "the first one ended it");
    interrupt(&child);
    let left = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(left.elapsed() < Duration::from_secs(5), "the second one did not end it");
        sleep(Duration::from_millis(5));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let saved = CheckpointFolder::open(&folder).unwrap().newest().unwrap();
    assert!(saved.damaged().is_empty() && saved.steps() > 10);
}

/// A run of one epoch, and the folder of its checkpoints.
#[cfg(unix)]
fn one_epoch(place: &Path) -> String {
    let folder = place.join("checkpoints").to_str().unwrap().to_owned();
    let mut run = fastburn(&["--device", "cpu", "--epochs", "1", "--checkpoint", &folder]);
    assert!(run.status().unwrap().success());
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
    assert!(!last.contains(".step-"), "{said}");
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

#[test]
fn a_run_whose_checkpoints_are_all_damaged_does_not_begin_again() {
    let place = tempdir().unwrap();
    let folder = place.path().join("checkpoints");
    let folder = folder.to_str().unwrap();
    let run = output(&["--device", "cpu", "--epochs", "1", "--checkpoint", folder]);
    assert!(run.status.success(), "{}", stderr(&run));
    let file = place.path().join("checkpoints/step-00000093.safetensors");
    let whole = fs::read(&file).unwrap();
    for length in [0, 64, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        let run = output(&["--resume", folder]);
        assert_eq!(run.status.code(), Some(1));
        let said = stderr(&run);
        assert!(said.starts_with("error: ") && said.contains("step-00000093"), "{said}");
        assert_eq!(fs::read(&file).unwrap(), whole[..length]);
    }
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

#[test]
fn a_resumed_run_keeps_its_settings_and_names_what_differs() {
    let place = tempdir().unwrap();
    let folder = place.path().join("run").to_str().unwrap().to_owned();
    let run = output(&[
        "--device",
        "cpu",
        "--epochs",
        "1",
        "--model",
        "mlp",
        "--hidden",
        "7",
        "--schedule",
        "constant",
        "--checkpoint",
        &folder,
    ]);
    assert!(run.status.success(), "{}", stderr(&run));
    let table = stdout(&run);

    let run = output(&["--resume", &folder]);
    assert_eq!(timeless(&stdout(&run)), timeless(&table), "{}", stderr(&run));
    assert!(stderr(&run).contains("mlp 784-7-10"), "{}", stderr(&run));
    assert!(stderr(&run).contains("resume  at step 93"), "{}", stderr(&run));
    assert!(output(&["--resume", &folder, "--model", "mlp", "--hidden", "7"]).status.success());

    for (arguments, expected) in [
        (
            &["--model", "mlp", "--hidden", "8"][..],
            "--hidden 8 differs from the resumed run, which has 7",
        ),
        (
            &["--model", "mlp", "--hidden", "8", "--force"],
            "--hidden 8 differs from the resumed run, which has 7",
        ),
        (&["--seed", "1"], "--seed 1 differs from the resumed run, which has 42"),
        (
            &["--lr", "0.5"],
            "--lr 0.5 differs from the resumed run, which has 0.005; leave it out, or add --force",
        ),
        (
            &["--epochs", "2"],
            "--epochs 2 differs from the resumed run, which has 1; leave it out, or add --force",
        ),
    ] {
        let run = output(&[&["--resume", &folder], arguments].concat());
        assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
        assert!(stderr(&run).contains(expected) && stdout(&run).is_empty(), "{}", stderr(&run));
    }
    let other = crate_path("assets/digits.tgz");
    let data = tempdir().unwrap();
    make_folder(data.path());
    let run = output(&["train", data.path().to_str().unwrap(), "--resume", &folder]);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("not the images of the resumed run"), "{}", stderr(&run));
    // The same images from another place are the same.
    let run = output(&["train", other.to_str().unwrap(), "--resume", &folder]);
    assert!(run.status.success(), "{}", stderr(&run));

    let run = output(&["--resume", &folder, "--epochs", "2", "--lr", "0.002", "--force"]);
    assert_eq!(stdout(&run).lines().count(), 3, "{}", stderr(&run));
    let saved = CheckpointFolder::open(&folder).unwrap().newest().unwrap();
    let steps = &saved.history().steps;
    assert_eq!((steps[92].lr, steps[93].lr, steps.len()), (0.005, 0.002, 186));
    let run = output(&["--resume", &folder, "--epochs", "1", "--force"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains("expected at least 2"), "{}", stderr(&run));
    let run = output(&["--checkpoint", &folder]);
    assert!(stderr(&run).contains("already contains checkpoints"), "{}", stderr(&run));
    let run = output(&["--resume", place.path().to_str().unwrap()]);
    assert!(stderr(&run).contains("contains no checkpoint"), "{}", stderr(&run));
}

#[test]
fn a_resumed_run_leaves_checkpoints_as_before() {
    let place = tempdir().unwrap();
    let folder = place.path().join("checkpoints");
    let folder = folder.to_str().unwrap();
    let every = ["--every-steps", "30", "--keep", "5"];
    let mut run = fastburn(&["--device", "cpu", "--epochs", "1", "--checkpoint", folder]);
    assert!(run.args(every).status().unwrap().success());
    let of = |name: &String| name.starts_with("step-");
    assert_eq!(names(place.path()).iter().filter(|name| of(name)).count(), 4);
    assert!(output(&["--resume", folder, "--epochs", "2", "--force"]).status.success());
    let mut found = names(place.path());
    found.retain(of);
    found.sort();
    let expected = [93, 120, 150, 180, 186].map(|step| format!("step-{step:08}.safetensors"));
    assert_eq!(found, expected);
}

/// Two classes of two images each.
fn make_folder(place: &Path) {
    for class in ["light", "dark"] {
        fs::create_dir(place.join(class)).unwrap();
        for index in 0..3_u8 {
            let grey = if class == "light" { 200 + index } else { 20 + index };
            let image = image::GrayImage::from_pixel(28, 28, image::Luma([grey]));
            image.save(place.join(class).join(format!("{index}.png"))).unwrap();
        }
    }
}
