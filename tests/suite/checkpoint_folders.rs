//! Folders of checkpoints: what is in them when, and what is made of damage.

use std::fs;
use std::num::NonZeroUsize;
use std::time::Duration;

use fastburn::Error;
use fastburn::callbacks::Checkpoint;
use fastburn::checkpoints::CheckpointFolder;
use fastburn::learner::{Callback, Flow, State, Task};
use fastburn::optim::OptimizerKind;
use tempfile::tempdir;

use crate::checkpoints::{checkpoints_in, learner, newest, stopping, timeless};

#[test]
fn the_newest_and_the_best_stay() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap().keep(2);
    let mut learn = learner(&device, OptimizerKind::Sgd).callback(Checkpoint::new(folder));
    // From the second call on it gets worse.
    learn.fit(3, 0.05).unwrap();
    learn.fit(3, 3.0).unwrap();
    let best = learn.history().best_epoch().unwrap();
    assert_eq!((best.epoch, best.steps), (2, 15));
    let expected = ["step-00000015", "step-00000025", "step-00000030"];
    let expected = expected.map(|name| format!("{name}.safetensors"));
    assert_eq!(checkpoints_in(place.path()), expected);
}

#[test]
fn checkpoints_come_at_the_steps_and_times_that_are_asked_for() {
    let device = fastburn::device::cpu().unwrap();
    let steps = |change: fn(Checkpoint) -> Checkpoint| {
        let place = tempdir().unwrap();
        let folder = CheckpointFolder::create(place.path()).unwrap().keep(100);
        let checkpoint = change(Checkpoint::new(folder));
        learner(&device, OptimizerKind::Sgd).callback(checkpoint).fit(2, 0.05).unwrap();
        let number = |name: &String| name[5..13].parse::<usize>().unwrap();
        checkpoints_in(place.path()).iter().map(number).collect::<Vec<_>>()
    };
    assert_eq!(steps(|checkpoint| checkpoint), [5, 10]);
    assert_eq!(steps(|c| c.every_steps(NonZeroUsize::new(2).unwrap())), [2, 4, 5, 6, 8, 10]);
    assert_eq!(steps(|c| c.every_steps(NonZeroUsize::new(7).unwrap())), [5, 7, 10]);
    assert_eq!(steps(|c| c.every(Duration::ZERO)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(steps(|c| c.every(Duration::from_secs(3600))), [5, 10]);
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_an_older_one() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let mut learn = learner(&device, OptimizerKind::Adam).callback(Checkpoint::new(folder));
    learn.fit(2, 0.05).unwrap();
    drop(learn);
    let [older, newer] = ["step-00000005", "step-00000010"]
        .map(|name| place.path().join(format!("{name}.safetensors")));
    let whole = fs::read(&newer).unwrap();
    let mut folder = CheckpointFolder::open(place.path()).unwrap();
    let history = folder.newest().unwrap().history().clone();
    for length in (0..whole.len()).step_by(64) {
        fs::write(&newer, &whole[..length]).unwrap();
        let saved = folder.newest().unwrap();
        assert_eq!(saved.steps(), 5);
        let said = saved.damaged()[0].to_string();
        assert!(said.contains("step-00000010.safetensors: "), "{said}");
    }
    // So is one with a byte changed, anywhere.
    let mut harmless = 0;
    for place in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x21;
        fs::write(&newer, &bytes).unwrap();
        match folder.newest().unwrap() {
            saved if saved.steps() == 5 => assert_eq!(saved.damaged().len(), 1),
            // Such as another blank behind the header.
            saved => {
                assert_eq!(*saved.history(), history);
                harmless += 1;
            }
        }
    }
    assert!(harmless < 5, "{harmless} changed checkpoints passed for whole");

    // The run goes on from the older one, to the same end; then the damaged one is replaced.
    fs::write(&newer, &whole[..99]).unwrap();
    let saved = folder.newest().unwrap();
    let mut learn = learner(&device, OptimizerKind::Adam).callback(Checkpoint::new(folder));
    learn.resume(&saved).unwrap();
    learn.fit(2, 0.05).unwrap();
    drop(learn);
    assert_eq!(timeless(newest(place.path()).history()), timeless(&history));

    // With none that is whole, there is nothing to go on with.
    fs::write(&older, "").unwrap();
    fs::write(&newer, "").unwrap();
    let mut folder = CheckpointFolder::open(place.path()).unwrap();
    let said = folder.newest().unwrap_err().to_string();
    assert!(said.contains("no intact checkpoint") && said.contains("step-00000005"), "{said}");
}

#[test]
fn damaged_checkpoints_do_not_crowd_out_a_good_one() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap().keep(5);
    let with = |folder| learner(&device, OptimizerKind::Sgd).callback(Checkpoint::new(folder));
    with(folder).fit(3, 0.05).unwrap();
    for step in [10, 15] {
        fs::write(place.path().join(format!("step-{step:08}.safetensors")), "").unwrap();
    }
    // A copy under a name that is not quite one of ours is nobody's business.
    fs::write(place.path().join("step-5 (copy).safetensors"), "").unwrap();
    let mut folder = CheckpointFolder::open(place.path()).unwrap();
    let saved = folder.newest().unwrap();
    assert_eq!((saved.steps(), saved.damaged().len()), (5, 2));
    let mut learn = stopping(with(folder.keep(2)), 2);
    learn.resume(&saved).unwrap();
    learn.fit(3, 0.05).unwrap();
    let expected =
        ["step-00000005.safetensors", "step-00000008.safetensors", "step-5 (copy).safetensors"];
    assert_eq!(checkpoints_in(place.path()), expected);
}

#[test]
fn a_newer_form_is_not_taken_for_damage() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    learner(&device, OptimizerKind::Sgd).callback(Checkpoint::new(folder)).fit(2, 0.05).unwrap();
    let file = place.path().join("step-00000010.safetensors");
    let bytes = fs::read(&file).unwrap();
    let version = br#"\"format_version\":1"#;
    let at = bytes.windows(version.len()).position(|window| window == version).unwrap();
    let mut newer = bytes.clone();
    newer[at + version.len() - 1] = b'2';
    fs::write(&file, newer).unwrap();
    let error = CheckpointFolder::open(place.path()).unwrap().newest().unwrap_err();
    assert!(matches!(error, Error::Newer { found: 2, .. }), "{error}");
}

#[test]
fn ruined_weights_do_not_replace_whole_ones() {
    /// Ruins the weights at the end of the second epoch, where no loss shows it.
    struct Ruin;
    impl<T: Task> Callback<T> for Ruin {
        fn before_step(&mut self, state: &mut State<T>) -> Flow {
            if state.epoch == 1 && state.batch_index + 1 == state.batches {
                state.lr = f64::INFINITY;
            }
            Ok(())
        }
    }
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let every = NonZeroUsize::new(5).unwrap();
    let checkpoint = Checkpoint::new(folder).every_steps(every);
    let mut learn = learner(&device, OptimizerKind::Sgd).callback(Ruin).callback(checkpoint);
    let error = learn.fit(3, 0.05).unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert_eq!(checkpoints_in(place.path()), ["step-00000005.safetensors"]);
}

#[test]
fn a_folder_serves_one_run_at_a_time() {
    let place = tempdir().unwrap();
    let first = CheckpointFolder::create(place.path()).unwrap();
    let refused = |result: fastburn::Result<CheckpointFolder>, expected: &str| {
        let said = result.unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
        assert!(said.contains(&*place.path().to_string_lossy()), "{said}");
    };
    refused(CheckpointFolder::create(place.path()), "in use by another run");
    refused(CheckpointFolder::open(place.path()), "in use by another run");
    drop(first);
    refused(CheckpointFolder::open(place.path()), "contains no checkpoint");

    let device = fastburn::device::cpu().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let learn = learner(&device, OptimizerKind::Sgd);
    learn.callback(Checkpoint::new(folder)).fit(1, 0.05).unwrap();
    refused(CheckpointFolder::create(place.path()), "already contains checkpoints");
    CheckpointFolder::open(place.path()).unwrap();

    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(CheckpointFolder::open(&file).is_err() && CheckpointFolder::create(&file).is_err());
    assert!(CheckpointFolder::open(place.path().join("missing")).is_err());
}

#[test]
fn what_a_killed_write_left_is_cleared_away() {
    let place = tempdir().unwrap();
    for name in [".step-00000093.safetensorsAbCdEf", ".model.safetensorsAbCdEf"] {
        fs::write(place.path().join(name), "half a file").unwrap();
    }
    fs::create_dir(place.path().join(".step-folder")).unwrap();
    let _folder = CheckpointFolder::create(place.path()).unwrap();
    // What is not a checkpoint's may be another process's.
    assert_eq!(checkpoints_in(place.path()), [".model.safetensorsAbCdEf", ".step-folder"]);
}

#[test]
fn a_fit_that_fails_leaves_the_last_good_checkpoint() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let mut learn = learner(&device, OptimizerKind::Sgd).callback(Checkpoint::new(folder));
    learn.fit(1, 0.05).unwrap();
    let error = learn.fit(9, 1e30).unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert_eq!(checkpoints_in(place.path()), ["step-00000005.safetensors"]);
}

#[test]
fn a_validation_outside_of_a_fit_leaves_no_checkpoint() {
    let device = fastburn::device::cpu().unwrap();
    let place = tempdir().unwrap();
    let folder = CheckpointFolder::create(place.path()).unwrap();
    let checkpoint = Checkpoint::new(folder).every(Duration::ZERO);
    learner(&device, OptimizerKind::Sgd).callback(checkpoint).validate().unwrap();
    assert!(checkpoints_in(place.path()).is_empty());
}
