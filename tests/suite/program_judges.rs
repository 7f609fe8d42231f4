//! `fastburn validate`, `confusion` and `top-losses`, as a user runs them.

use std::fs;
use std::path::Path;

use fastburn::vision::Splits;
use serde_json::Value;
use tempfile::tempdir;

use crate::program::{output, stderr, stdout};
use crate::support::crate_path;

const VERBS: [&str; 3] = ["validate", "confusion", "top-losses"];

fn path(name: &str) -> String {
    crate_path(name).to_str().unwrap().to_owned()
}

/// What a verb prints about the digits and the model of `examples/embed`.
fn said(verb: &str, more: &[&str]) -> String {
    let (model, data) = (path("examples/embed/digits.safetensors"), path("assets/digits.tgz"));
    let run = output(&[&[verb, model.as_str(), data.as_str()], more].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    stdout(&run)
}

fn json(verb: &str, more: &[&str]) -> Value {
    let said = said(verb, &[&["--json"], more].concat());
    assert_eq!(said.lines().count(), 1, "{said}");
    serde_json::from_str(&said).unwrap()
}

#[test]
fn the_three_verbs_agree_about_a_model() {
    let validate = json("validate", &[]);
    let confusion = json("confusion", &["--min", "3", "--normalize"]);
    assert_eq!(validate["images"], 1000);
    let counts: Vec<Vec<u64>> = serde_json::from_value(confusion["counts"].clone()).unwrap();
    assert_eq!(counts.iter().flatten().sum::<u64>(), 1000);
    let right: u64 = (0..10).map(|class| counts[class][class]).sum();
    assert_eq!(validate["accuracy"], right as f64 / 1000.0);
    assert_eq!(validate["error_rate"], (1000 - right) as f64 / 1000.0);
    for (class, name) in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].iter().enumerate() {
        let of_class = &validate["classes"][class];
        assert_eq!((&of_class["name"], &of_class["images"]), (&(*name).into(), &100.into()));
        assert_eq!(of_class["recall"], counts[class][class] as f64 / 100.0);
        assert_eq!(of_class["recall"], confusion["shares"][class][class]);
    }
    let recalls = validate["classes"].as_array().unwrap().iter();
    let mean = recalls.map(|class| class["recall"].as_f64().unwrap()).sum::<f64>() / 10.0;
    assert!((validate["macro_average"]["recall"].as_f64().unwrap() - mean).abs() < 1e-12);
    let pairs = confusion["most_confused"].as_array().unwrap();
    let often: Vec<_> = pairs.iter().map(|pair| pair["images"].as_u64().unwrap()).collect();
    assert!(!often.is_empty() && often.is_sorted_by(|a, b| a >= b) && often.iter().all(|&n| n > 2));

    let all = json("top-losses", &["--images", "1000"]);
    let losses = all["top_losses"].as_array().unwrap();
    assert_eq!(losses.len(), 1000);
    let number = |item: &Value, name: &str| item[name].as_f64().unwrap();
    assert!(losses.is_sorted_by(|a, b| number(a, "loss") >= number(b, "loss")));
    let wrong = losses.iter().filter(|item| item["prediction"] != item["actual"]).count();
    assert_eq!(wrong as u64, 1000 - right);
    let mean = losses.iter().map(|item| number(item, "loss")).sum::<f64>() / 1000.0;
    assert!((number(&validate, "loss") - mean).abs() < 1e-5);
    for item in losses {
        let folder = format!("/testing/{}/", item["actual"].as_str().unwrap());
        assert!(item["image"].as_str().unwrap().contains(&folder), "{item}");
    }
}

#[test]
fn tables_stand_under_their_headers_without_control_codes() {
    let (validate, confusion) = (said("validate", &[]), said("confusion", &["--normalize"]));
    let top = said("top-losses", &["--images", "3"]);
    for text in [&validate, &confusion, &top] {
        assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'));
    }
    let lines: Vec<_> = validate.lines().collect();
    assert!(lines[0].starts_with("images      1000") && lines[1].starts_with("loss        0."));
    let table = lines.iter().position(|line| line.starts_with("class ")).unwrap();
    assert_eq!(lines.len(), table + 15);
    assert!(lines[table + 11].is_empty() && lines[table + 13].starts_with("macro avg "));

    let lines: Vec<_> = confusion.lines().collect();
    assert_eq!(lines[0], "rows: actual, columns: predicted");
    for (row, class) in lines[3..13].iter().zip(0..10) {
        assert!(row.starts_with(&format!("{class} ")) && row.len() == lines[2].len(), "{row}");
        let shares = row.split_whitespace().skip(1).map(|share| share.parse::<f64>().unwrap());
        assert!((shares.sum::<f64>() - 1.0).abs() < 0.06, "{row}");
    }
    assert_eq!(lines[14], "actual  predicted  images");

    let lines: Vec<_> = top.lines().collect();
    assert_eq!(lines.len(), 4);
    for name in ["prediction", "actual", "loss", "probability"] {
        let column = lines[0].find(name).unwrap();
        for line in &lines[1..] {
            assert_eq!(&line[column - 2..column], "  ", "{top}");
            assert!(line[column..].starts_with(|first: char| first.is_ascii_digit()), "{top}");
        }
    }
}

#[test]
fn pictures_are_saved_beside_what_is_printed() {
    let place = tempdir().unwrap();
    for (verb, name) in [("confusion", "a.svg"), ("top-losses", "b.svg"), ("confusion", "c.png")] {
        let file = place.path().join(name);
        let printed = said(verb, &["--out", file.to_str().unwrap()]);
        assert_eq!(printed, said(verb, &[]));
        let content = fs::read(&file).unwrap();
        match name.ends_with("svg") {
            true => assert!(content.starts_with(b"<svg")),
            false => assert!(image::load_from_memory(&content).is_ok()),
        }
    }
    let top = fs::read_to_string(place.path().join("b.svg")).unwrap();
    assert_eq!(top.matches("<image").count(), 9);
    assert!(top.contains("prediction / actual") && top.contains("loss / probability"));
}

#[test]
fn each_part_of_the_data_can_be_looked_at() {
    let images = |part: &str| json("validate", &["--part", part])["images"].as_u64().unwrap();
    assert_eq!((images("train"), images("valid"), images("all")), (6000, 1000, 7000));
}

/// A folder of ten images of each digit, which says nothing of parts.
fn some_digits(place: &Path) {
    let valid = Splits::digits().unwrap().valid;
    for index in (0..1000).step_by(10) {
        let item = valid.image(index).unwrap();
        let folder = place.join(item.label.to_string());
        fs::create_dir_all(&folder).unwrap();
        let image = image::GrayImage::from_raw(28, 28, item.pixels).unwrap();
        image.save(folder.join(format!("{index}.png"))).unwrap();
    }
}

#[test]
fn a_seed_holds_the_same_images_back_as_training_did() {
    let place = tempdir().unwrap();
    some_digits(&place.path().join("data"));
    let data = place.path().join("data").to_str().unwrap().to_owned();
    let model = place.path().join("model.safetensors").to_str().unwrap().to_owned();
    let run = output(&[
        "train", &data, "--seed", "5", "--device", "cpu", "--epochs", "9", "--out", &model,
    ]);
    assert!(run.status.success(), "{}", stderr(&run));
    let table = stdout(&run);
    let row: Vec<_> = table.lines().last().unwrap().split_whitespace().collect();
    let judged = |seed: &str| {
        let run = output(&["validate", &model, &data, "--seed", seed]);
        let said = stdout(&run);
        let value = |name: &str| {
            let line = said.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().last().unwrap().to_owned()
        };
        (value("images"), value("loss"), value("accuracy "))
    };
    let (images, loss, accuracy) = judged("5");
    assert_eq!((images.as_str(), accuracy.as_str()), ("20", row[3]));
    let [loss, expected] = [loss.as_str(), row[2]].map(|text| text.parse::<f64>().unwrap());
    assert!((loss - expected).abs() < 2e-6, "{loss} is not {expected}");
    assert_ne!(judged("6").1, judged("5").1);
}

#[test]
fn what_cannot_be_judged_is_one_clear_line() {
    let place = tempdir().unwrap();
    let folder = place.path().join("data");
    some_digits(&folder);
    fs::rename(folder.join("7"), folder.join("seven")).unwrap();
    let (model, data) = (path("examples/embed/digits.safetensors"), path("assets/digits.tgz"));
    let own = folder.to_str().unwrap();
    for verb in VERBS {
        for (arguments, code, expected) in [
            (&[&model, own][..], 1, "the class seven"),
            (&["missing.safetensors", &data], 1, "missing.safetensors"),
            (&[&model, "missing"], 1, "missing: no such folder"),
            (&[&data, &data], 1, "digits.tgz"),
            (&[&model, &data, "--device", "abacus"], 2, "abacus"),
            (&[&model, &data, "--part", "half"], 2, "half"),
            (&[&model], 2, "<DATA>"),
        ] {
            let run = output(&[&[verb], arguments].concat());
            let told = stderr(&run);
            assert_eq!(run.status.code(), Some(code), "{verb} {arguments:?}: {told}");
            assert!(told.lines().count() == 1 && told.contains(expected), "{told}");
            assert!(run.stdout.is_empty());
        }
    }
    let run = output(&["confusion", &model, &data, "--out", "matrix.bmp"]);
    assert!(run.status.code() == Some(2) && stderr(&run).contains(".svg or .png"));
    let missing = place.path().join("missing/a.svg");
    let run = output(&["top-losses", &model, &data, "--out", missing.to_str().unwrap()]);
    assert!(run.status.code() == Some(2) && stderr(&run).contains("no folder "));
}

#[test]
fn images_of_another_size_are_changed_to_fit_and_it_says_so() {
    let place = tempdir().unwrap();
    for class in ["0", "1"] {
        fs::create_dir(place.path().join(class)).unwrap();
        for index in 0..3 {
            let image = image::RgbImage::from_pixel(40, 30, image::Rgb([index; 3]));
            image.save(place.path().join(format!("{class}/{index}.png"))).unwrap();
        }
    }
    let model = path("examples/embed/digits.safetensors");
    let run = output(&["validate", &model, place.path().to_str().unwrap(), "--part", "all"]);
    assert!(stdout(&run).starts_with("images      6\n"), "{}", stderr(&run));
    assert!(stderr(&run).contains("resized from 40×30 to 28×28, colour to grey"));
}
