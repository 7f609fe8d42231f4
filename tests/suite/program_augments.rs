//! Augmentation in the program, as a user runs it.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use crate::program::{output, stderr, stdout, timeless};
use crate::support::crate_path;

const QUICK: [&str; 8] =
    ["--device", "cpu", "--epochs", "2", "--max-per-class", "40", "--model", "linear"];

fn table(more: &[&str]) -> String {
    let run = output(&[&QUICK, more].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    timeless(&stdout(&run))
}

#[test]
fn each_option_changes_training_and_repeats() {
    let plain = table(&[]);
    for options in [
        &["--augment", "digits"][..],
        &["--augment", "none,hue=0.1,rotate=10"],
        &["--erase", "0.5"],
        &["--random-crop", "0.5", "--size", "28"],
        &["--size", "28", "--resize", "crop", "--presize", "40x34"],
        &["--mixup", "0.4"],
        &["--mixup", "0.4", "--balance", "loss", "--label-smoothing", "0.1"],
        &["--cutmix", "1", "--loss", "mnist"],
    ] {
        let changed = table(options);
        assert_ne!(changed, plain, "{options:?}");
        assert_eq!(changed, table(options), "{options:?}");
    }
    // Grey images have no hue.
    assert_eq!(table(&["--augment", "hue=0.3,saturation=0.3"]), plain);
}

#[test]
fn what_cannot_be_done_is_an_error_with_a_remedy() {
    let fails = |more: &[&str], code: i32, expected: &[&str]| {
        let run = output(&[&QUICK, more].concat());
        assert_eq!(run.status.code(), Some(code), "{}", stderr(&run));
        for text in expected {
            assert!(stderr(&run).contains(text), "{more:?}: {}", stderr(&run));
        }
    };
    fails(&["--augment", "standard,rotat=3"], 2, &["rotat=3", "rotate=DEGREES"]);
    fails(&["--random-crop", "0.5"], 2, &["need the size of the images", "add --size"]);
    fails(&["--random-crop", "2", "--size", "20"], 2, &["above 0 and at most 1"]);
    fails(&["--mixup", "0.4", "--cutmix", "1"], 2, &["--mixup", "--cutmix"]);
    fails(&["--resize", "pad"], 2, &["add --size"]);
}

#[test]
fn test_time_augmentation_takes_the_policy_of_the_model_file() {
    let place = tempdir().unwrap();
    let [plain, augmented] =
        ["plain", "augmented"].map(|name| place.path().join(format!("{name}.safetensors")));
    let [plain, augmented] = [&plain, &augmented].map(|file| file.to_str().unwrap());
    table(&["--out", plain]);
    table(&["--augment", "digits,zoom=0.8..1.2", "--out", augmented]);
    let digits = crate_path("assets/digits.tgz");
    let digits = digits.to_str().unwrap();

    let info = output(&["info", augmented]);
    assert!(stdout(&info).contains("zoom=0.8..1.2@0.75,padding=zeros"), "{}", stdout(&info));
    let failed = output(&["validate", plain, digits, "--tta", "4"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(stderr(&failed).contains("trained without augmentation"), "{}", stderr(&failed));

    let loss = |more: &[&str]| {
        let run = output(&[&["validate", augmented, digits, "--json"], more].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
        line["loss"].as_f64().unwrap()
    };
    let (once, often) = (loss(&[]), loss(&["--tta", "4"]));
    assert!(once != often && often < 1.5 * once, "{once}, {often}");
    assert_eq!(often, loss(&["--tta", "4"]));
    let image = crate_path("examples/embed/seven.png");
    let run = output(&["predict", augmented, image.to_str().unwrap(), "--tta", "2", "--json"]);
    assert!(run.status.success(), "{}", stderr(&run));
}

#[test]
fn show_draws_one_image_often_and_others_once() {
    let place = tempdir().unwrap();
    let picture = place.path().join("some.svg");
    let picture = picture.to_str().unwrap();
    let show = |more: &[&str]| {
        let run = output(&[&["show", "digits", "--images", "9", "--out", picture], more].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        let text = fs::read_to_string(picture).unwrap();
        let images =
            text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        images.collect::<Vec<_>>()
    };
    let plain = show(&[]);
    let drawn = show(&["--augment", "digits,rotate=30@1"]);
    assert_eq!((plain.len(), drawn.len()), (9, 9));
    let mut different = drawn.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 9, "some drawings are the same");
    assert!(drawn.iter().all(|image| !plain.contains(image)));
}
