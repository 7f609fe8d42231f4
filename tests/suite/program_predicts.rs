//! `fastburn predict` and `fastburn info`, as a user runs them.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use fastburn::vision::Splits;
use serde_json::Value;
use tempfile::tempdir;

use crate::program::{fastburn, output, stderr, stdout};

/// A model file of the digits, and images to ask it about.
fn model_and_images(place: &Path) -> (String, Vec<String>) {
    let model = place.join("digits.safetensors").to_str().unwrap().to_owned();
    let run = output(&["--device", "cpu", "--epochs", "2", "--out", &model]);
    assert!(run.status.success(), "{}", stderr(&run));
    assert!(stderr(&run).contains(&format!("model file {model}")), "{}", stderr(&run));
    let valid = Splits::digits().unwrap().valid;
    let images = [0, 350, 720].map(|index| {
        let path = place.join(format!("{index}.png"));
        let pixels = valid.image(index).unwrap().pixels;
        image::GrayImage::from_raw(28, 28, pixels).unwrap().save(&path).unwrap();
        path.to_str().unwrap().to_owned()
    });
    (model, images.to_vec())
}

#[test]
fn a_trained_model_answers_about_files_folders_and_standard_input() {
    let place = tempdir().unwrap();
    let (model, images) = model_and_images(place.path());
    let run = output(&["predict", &model, &images[0], &images[1], &images[2]]);
    assert!(run.status.success() && run.stderr.is_empty(), "{}", stderr(&run));
    let lines: Vec<_> = stdout(&run).lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("image ") && lines.len() == 4, "{lines:?}");
    for (line, (image, label)) in lines[1..].iter().zip(images.iter().zip(["0", "3", "7"])) {
        let cells: Vec<_> = line.split_whitespace().collect();
        assert_eq!(cells[..2], [image.as_str(), label]);
        let probabilities = [cells[2], cells[4].trim_end_matches(','), cells[6]];
        let [first, second, third] = probabilities.map(|p| p.parse::<f64>().unwrap());
        assert!(first > second && second >= third && first + second + third < 1.001, "{line}");
    }

    let run = output(&["predict", &model, place.path().to_str().unwrap(), "--json"]);
    let answers: Vec<Value> =
        stdout(&run).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 3);
    let of_7 = answers.iter().find(|answer| answer["label"] == "7").unwrap();
    assert!(of_7["image"].as_str().unwrap().ends_with("720.png"));
    assert_eq!(of_7["runners_up"].as_array().unwrap().len(), 2);
    assert_eq!(of_7["adapted"], Value::Null);

    let mut child = fastburn(&["predict", &model, "-", "--json", "--runners-up", "9"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(&images[2]).unwrap()).unwrap();
    let run = child.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(answer["label"], "7");
    // One image and a batch of them add in another order.
    let probability = |answer: &Value| answer["probability"].as_f64().unwrap();
    assert!((probability(&answer) - probability(of_7)).abs() < 1e-6);
    assert_eq!(answer["runners_up"].as_array().unwrap().len(), 9);
}

#[test]
fn an_image_that_cannot_be_read_does_not_keep_the_others_from_an_answer() {
    let place = tempdir().unwrap();
    let (model, images) = model_and_images(place.path());
    fs::write(&images[1], "no image").unwrap();
    let run = output(&["predict", &model, &images[0], &images[1], "missing.png", &images[2]]);
    assert_eq!(run.status.code(), Some(1));
    assert_eq!(stdout(&run).lines().count(), 3);
    let said = stderr(&run);
    let errors: Vec<_> = said.lines().collect();
    assert_eq!(errors.len(), 2, "{said}");
    assert!(errors[0].contains("350.png is not a readable image"), "{said}");
    assert!(errors[1].contains("cannot read missing.png"), "{said}");
}

#[test]
fn a_model_file_says_what_it_is() {
    let place = tempdir().unwrap();
    let (model, _) = model_and_images(place.path());
    let run = output(&["info", &model]);
    let said = stdout(&run);
    for expected in [
        "convnet 1-16-32-64-10, 24954 parameters",
        "28×28 pixels, grey, scaled to [0, 1]",
        "10: 0, 1, 2",
        "cross-entropy",
        "accuracy",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let run = output(&["info", &model, "--json"]);
    let card: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(card["architecture"]["model"], "convnet");
    assert_eq!(card["parameters"], 24954);

    for file in ["Cargo.toml", "missing.safetensors", "."] {
        for verb in [&["info"][..], &["predict"]] {
            let mut arguments = verb.to_vec();
            arguments.push(file);
            if verb == ["predict"] {
                arguments.push("image.png");
            }
            let run = output(&arguments);
            assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
            assert!(stderr(&run).contains(file) && stderr(&run).lines().count() == 1);
        }
    }
}

#[test]
fn a_folder_without_images_does_not_keep_the_others_from_an_answer() {
    let place = tempdir().unwrap();
    let (model, images) = model_and_images(place.path());
    let (empty, hidden) = (place.path().join("empty"), place.path().join(".hidden"));
    for folder in [&empty, &hidden] {
        fs::create_dir(folder).unwrap();
    }
    fs::copy(&images[0], hidden.join("a.png")).unwrap();
    fs::copy(&images[0], place.path().join("._0.png")).unwrap();
    let all = place.path().to_str().unwrap();
    let run = output(&["predict", &model, empty.to_str().unwrap(), all, "--json"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(stderr(&run).contains("no images in this folder"), "{}", stderr(&run));
    let names: Vec<_> = stdout(&run)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["image"].clone())
        .collect();
    assert_eq!(names, images.iter().map(|image| Value::from(image.as_str())).collect::<Vec<_>>());
}

#[test]
fn a_model_that_cannot_be_saved_is_refused_before_training() {
    let place = tempdir().unwrap();
    let folder = place.path().join("folder.safetensors");
    fs::create_dir(&folder).unwrap();
    let missing = place.path().join("missing/model.safetensors");
    for (out, expected) in [
        (folder.to_str().unwrap(), "it is a folder"),
        (missing.to_str().unwrap(), "no folder "),
        ("model.bin", "ending in .safetensors"),
        ("/proc/model.safetensors", "/proc/model.safetensors"),
    ] {
        let run = output(&["--epochs", "100000", "--out", out]);
        assert_eq!(run.status.code(), Some(2), "{out}: {}", stderr(&run));
        assert!(stderr(&run).contains(expected) && stdout(&run).is_empty(), "{}", stderr(&run));
    }
}
