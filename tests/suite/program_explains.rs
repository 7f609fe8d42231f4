//! `fastburn explain`, as a user runs it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use fastburn::models::{ConvNetConfig, ResNetConfig, StateDict};
use fastburn::prelude::*;
use serde_json::Value;
use tempfile::tempdir;

use crate::program::{fastburn, output, stderr, stdout};

/// Model files of a convnet and of a linear model, trained a little, and an image of a 7.
fn models_and_image(place: &Path) -> [String; 3] {
    let [convnet, linear, image] = ["convnet.safetensors", "linear.safetensors", "seven.png"]
        .map(|name| place.join(name).to_str().unwrap().to_owned());
    let device = device::cpu().unwrap();
    let digits = Splits::digits().unwrap();
    let dls = digits.loaders(64, 42, &device).unwrap();
    let model = ConvNetConfig::new(1, [8, 16], 10).init(&device, 42).unwrap();
    let mut learn = Learner::new(dls.clone(), model, CrossEntropy::new());
    learn.fit(1, 1e-2).unwrap();
    learn.export(&convnet).unwrap();
    let model = LinearConfig::new(784, 10).init(&device, 42).unwrap();
    let mut learn = Learner::new(dls, model, CrossEntropy::new());
    learn.fit(1, 1e-2).unwrap();
    learn.export(&linear).unwrap();
    let pixels = digits.valid.image(700).unwrap().pixels;
    image::GrayImage::from_raw(28, 28, pixels).unwrap().save(&image).unwrap();
    [convnet, linear, image]
}

fn json(output: &std::process::Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn it_prints_draws_and_saves_where_a_model_looks() {
    let place = tempdir().unwrap();
    let [convnet, linear, image] = models_and_image(place.path());
    let picture = place.path().join("explain.png").to_str().unwrap().to_owned();
    let run = output(&["explain", &convnet, &image, "--out", &picture]);
    assert!(run.status.success(), "{}", stderr(&run));
    assert_eq!(stderr(&run), format!("picture {picture}\n"));
    let size = image::image_dimensions(&picture).unwrap();
    assert!(size.0 > 2 * 600 && size.1 > 600, "{size:?}");
    let predictor = Predictor::load(&convnet, &device::cpu().unwrap()).unwrap();
    let predicted = predictor.predict_file(&image).unwrap();
    let likely = format!("{} {:.4}", predicted.label(), predicted.probability());
    let said = stdout(&run);
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with(&format!("prediction  {likely}, ")), "{said}");
    assert!(lines[1].starts_with(&format!("explained   {likely}, by ")), "{said}");
    assert!(lines[1].ends_with(", by grad-cam with 14×14 values"), "{said}");
    assert!(lines[2].starts_with("hottest     row "), "{said}");
    assert!(lines[2].ends_with(" of 28×28 pixels"), "{said}");
    assert!(lines[3].starts_with("centre      row "), "{said}");
    assert!(lines[5].starts_with("image ") && lines[5].ends_with(" heat"), "{said}");
    assert_eq!(lines.len(), 6 + 14);
    assert!(!said.contains('\x1b'));

    // Like the library, whose values are also in the JSON.
    let expected = predictor.explain_file(&image, Some("3")).unwrap();
    let found = json(&output(&["explain", &convnet, &image, "--class", "3", "--json"]));
    assert_eq!(found["label"], predicted.label());
    assert_eq!(found["explained"], "3");
    assert_eq!((&found["method"], &found["width"]), (&"grad-cam".into(), &28.into()));
    let rows = found["heat"].as_array().unwrap();
    let values: Vec<f32> = rows
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|value| value.as_f64().unwrap() as f32)
        .collect();
    assert_eq!((rows.len(), values), (14, expected.heat.clone()));
    let hottest = ["row", "column"].map(|axis| found["hottest"][axis].as_f64().unwrap());
    assert_eq!(Some(hottest), expected.hottest());

    let found = json(&output(&["explain", &linear, &image, "--json"]));
    assert_eq!(found["method"], "saliency");
    assert_eq!(found["heat"].as_array().unwrap().len(), 28);
}

#[test]
fn an_image_on_standard_input_and_one_of_another_size_are_explained_too() {
    let place = tempdir().unwrap();
    let [convnet, _, image] = models_and_image(place.path());
    let mut child = fastburn(&["explain", &convnet, "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(&image).unwrap()).unwrap();
    let from_input = json(&child.wait_with_output().unwrap());
    assert_eq!(from_input["image"], "standard input");
    let from_file = json(&output(&["explain", &convnet, &image, "--json"]));
    assert_eq!(from_input["heat"], from_file["heat"]);

    let large = place.path().join("large.png").to_str().unwrap().to_owned();
    image::RgbImage::new(60, 40).save(&large).unwrap();
    let said = stdout(&output(&["explain", &convnet, &large]));
    assert!(said.contains("(resized from 60×40 to 28×28, colour to grey)"), "{said}");
}

#[test]
fn pretrained_weights_are_explained_by_name() {
    let place = tempdir().unwrap();
    let [_, _, image] = models_and_image(place.path());
    let weights = place.path().join("narrow.safetensors").to_str().unwrap().to_owned();
    let config = ResNetConfig::resnet18(3, 1000);
    let model = config.init(&device::cpu().unwrap(), 1).unwrap();
    StateDict::of(&model).unwrap().save(&weights).unwrap();
    let found = json(&output(&["explain", "resnet18", &image, "--weights", &weights, "--json"]));
    assert_eq!((&found["method"], &found["height"]), (&"grad-cam".into(), &224.into()));
    assert_eq!(found["heat"].as_array().unwrap().len(), 7);
}

#[test]
fn what_cannot_be_explained_is_refused_in_one_line() {
    let place = tempdir().unwrap();
    let [convnet, _, image] = models_and_image(place.path());
    fs::write(place.path().join("text.png"), "no image").unwrap();
    let text = place.path().join("text.png").to_str().unwrap().to_owned();
    for (arguments, code, expected) in [
        (
            vec![&*convnet, &*image, "--class", "zebra"],
            2,
            "invalid class zebra: expected one of the model's classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        ),
        (vec![&*convnet, "missing.png"], 1, "cannot read missing.png"),
        (vec![&*convnet, &*text], 1, "text.png is not a readable image"),
        (vec!["missing.safetensors", &*image], 1, "missing.safetensors"),
        (vec![&*convnet, &*image, "--out", "heat.jpg"], 2, "ending in .svg or .png"),
        (vec![&*convnet], 2, "IMAGE"),
    ] {
        let run = output(&[vec!["explain"], arguments].concat());
        assert_eq!(run.status.code(), Some(code), "{}", stderr(&run));
        assert!(run.stdout.is_empty() && stderr(&run).lines().count() == 1, "{}", stderr(&run));
        assert!(stderr(&run).contains(expected), "{}", stderr(&run));
    }
}
