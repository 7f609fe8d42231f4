//! Pretrained weights on the command line, from nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use fastburn::models::{ResNetConfig, StateDict};
use fastburn::vision::{Predictor, Splits};
use serde_json::Value;
use tempfile::TempDir;

use crate::http_server::{HttpServer, file};
use crate::program::{fastburn, stderr, stdout};
use crate::served::{quick_folder, sha256};
use crate::support::crate_path;

/// A cache, a server of weights, and the file that it serves.
struct Place {
    home: TempDir,
    weights: PathBuf,
    server: HttpServer,
}

impl Place {
    /// A server of weights of a ResNet-18 for ImageNet, drawn from a seed, of any widths.
    fn of(widths: [usize; 4]) -> Self {
        let home = quick_folder();
        let device = fastburn::device::cpu().unwrap();
        let config = ResNetConfig::resnet18(3, 1000).with_widths(widths);
        let weights = home.path().join("mine.safetensors");
        StateDict::of(&config.init(&device, 1).unwrap()).unwrap().save(&weights).unwrap();
        let server = HttpServer::of(&fs::read(&weights).unwrap());
        Self { home, weights, server }
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = fastburn(arguments);
        let url = self.server.url("weights");
        command.env("FASTBURN_HOME", self.home.path().join("cache"));
        command.env("FASTBURN_WEIGHTS_URL", url.strip_suffix("/weights").unwrap());
        command.env("FASTBURN_WEIGHTS_UNCHECKED", "1");
        command.env("FASTBURN_DEVICE", "cpu");
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Output {
        let run = self.program(arguments).output().unwrap();
        assert!(run.status.success(), "{}", stderr(&run));
        run
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }
}

/// A photo-like image of 300×200 pixels.
fn photo(folder: &Path) -> String {
    let path = folder.join("photo.png");
    let pixel = |x: u32, y: u32| image::Rgb([(x / 2) as u8, y as u8, (x + y) as u8]);
    image::RgbImage::from_fn(300, 200, pixel).save(&path).unwrap();
    path.display().to_string()
}

#[test]
fn an_image_is_classified_by_the_name_of_weights() {
    let place = Place::of([64, 128, 256, 512]);
    let photo = photo(place.home.path());
    let first = place.run(&["predict", "resnet18", &photo, "--json", "--runners-up", "9"]);
    let said = stderr(&first);
    assert!(said.contains("fetch   resnet18.tv_in1k"), "{said}");
    assert!(said.contains("licence BSD-3-Clause"), "{said}");
    let line: Value = serde_json::from_str(stdout(&first).trim()).unwrap();
    assert_eq!(line["runners_up"].as_array().unwrap().len(), 9);
    assert_eq!(line["adapted"], "resized from 300×200 to 384×256, cropped to 224×224");
    let classes = fastburn::pretrained::imagenet_classes();
    assert!(classes.iter().any(|class| line["label"] == class.as_str()), "{line}");

    // From the cache, and from a file.
    let again = place.run(&["predict", "resnet18", &photo, "--json", "--runners-up", "9"]);
    assert_eq!((stdout(&again), stderr(&again)), (stdout(&first), String::new()));
    let file = place.weights.display().to_string();
    let own = ["predict", "resnet18", &photo, "--weights", &file, "--json", "--runners-up", "9"];
    assert_eq!(stdout(&place.run(&own)), stdout(&first));
}

#[test]
fn a_pretrained_resnet_is_fine_tuned_exported_and_used() {
    let place = Place::of([4, 4, 8, 8]);
    let digits = crate_path("assets/digits.tgz").display().to_string();
    let model = place.path("digits.safetensors");
    let narrow =
        ["--model", "resnet18", "--widths", "4,4,8,8", "--size", "28", "--max-per-class", "20"];
    let common = [&["train", &digits][..], &narrow, &["--fine-tune", "--epochs", "1"]].concat();
    // The weights are for the standard stem.
    let stem = ["--stem", "standard", "--out", &model];
    let run = place.run(&[&common[..], &["--pretrained"], &stem].concat());
    assert!(stderr(&run).contains("made    fc.0.bias"), "{}", stderr(&run));
    assert_eq!(stdout(&run).lines().count(), 3, "{}", stdout(&run));

    let device = fastburn::device::cpu().unwrap();
    let predictor = Predictor::load(&model, &device).unwrap();
    assert_eq!(predictor.format().shape(), [3, 28, 28]);
    let text = predictor.format().to_string();
    assert!(text.contains("normalised with mean 0.4850"), "{text}");
    let image = Splits::digits().unwrap().valid.image(0).unwrap();
    predictor.predict_pixels(&image.pixels, image.shape).unwrap();

    let file = place.weights.display().to_string();
    let same = place.run(&[&common[..], &["--weights", &file], &stem].concat());
    assert_eq!(crate::program::timeless(&stdout(&same)), crate::program::timeless(&stdout(&run)));
    let grey = place.run(&[&common[..], &["--weights", &file, "--channels", "1"], &stem].concat());
    assert!(stderr(&grey).contains("conv1.weight [4, 1, 7, 7]"), "{}", stderr(&grey));
}

#[test]
fn weights_that_do_not_fit_are_one_line() {
    let place = Place::of([4, 4, 8, 8]);
    let photo = photo(place.home.path());
    let file = place.weights.display().to_string();
    for (arguments, expected) in [
        (&["predict", "resnet18", &photo, "--weights", &file][..], "has shape [4, 3, 7, 7]"),
        (&["predict", "resnet19", &photo, "--weights", &file], "resnet19"),
        (&["predict", "resnet19", &photo], "resnet19"),
        (&["train", "digits", "--model", "mlp", "--pretrained"], "pretrained weights"),
        (&["train", "digits", "--model", "resnet18", "--pretrained=resnet50"], "resnet50"),
        (&["train", "digits", "--fine-tune"], "--pretrained"),
        (&["train", "digits", "--pretrained", "--weights", &file], "cannot be used with"),
    ] {
        let run = place.program(arguments).output().unwrap();
        assert!(!run.status.success(), "{arguments:?}");
        assert!(stderr(&run).contains(expected), "{arguments:?}: {}", stderr(&run));
    }
}

#[test]
fn the_models_are_listed_with_their_cost_and_weights() {
    let place = Place::of([4, 4, 8, 8]);
    let run = place.run(&["models"]);
    let text = stdout(&run);
    for part in ["resnet18  11.7 M", "resnet50  25.6 M", "4.1 G", "resnet50.tv2_in1k", "0.8086"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let run =
        place.run(&["models", "--size", "28", "--channels", "1", "--classes", "10", "--json"]);
    let list: Value = serde_json::from_str(&stdout(&run)).unwrap();
    let convnet = &list["models"].as_array().unwrap()[2];
    assert_eq!((&convnet["name"], &convnet["parameters"]), (&"convnet".into(), &24_954.into()));
    assert_eq!(list["weights"][0]["licence"], "BSD-3-Clause");
}

#[test]
fn downloaded_weights_are_listed_and_removed_as_errors_advise() {
    let served = Arc::new(Mutex::new(Vec::new()));
    let serve = |bytes: &[u8]| *served.lock().unwrap() = bytes.to_vec();
    let bytes = served.clone();
    let server = HttpServer::start(move |request| file(&bytes.lock().unwrap(), request));
    let place = Place { server, ..Place::of([4, 4, 8, 8]) };
    let photo = photo(place.home.path());
    // What is served are no weights, but it is downloaded first.
    let error = || {
        let run = place.program(&["predict", "resnet18", &photo]).output().unwrap();
        assert_eq!(run.status.code(), Some(1));
        stderr(&run).lines().last().unwrap().to_owned()
    };
    let list = || -> Value {
        let run = place.run(&["data", "list", "--json"]);
        serde_json::from_str::<Value>(&stdout(&run)).unwrap()["weights"].take()
    };
    assert_eq!(list(), serde_json::json!([]));
    serve(b"some weights");
    error();
    assert_eq!(list()[0]["origin"]["sha256"], sha256(b"some weights").to_string());
    let text = stdout(&place.run(&["data", "list"]));
    let line = text.lines().find(|line| line.starts_with("resnet18.tv_in1k")).unwrap();
    assert!(line.contains("12 B") && line.contains(&place.server.url("")), "{line}");

    let folder = list()[0]["folder"].as_str().unwrap().to_owned();
    fs::write(Path::new(&folder).join("data/resnet18-f37072fd.pth"), "some").unwrap();
    let advice = "run `fastburn data remove resnet18.tv_in1k` to download them again";
    assert!(error().ends_with(advice), "{}", error());
    let remove =
        |arguments: &[&str]| stderr(&place.run(&[&["data", "remove"], arguments].concat()));
    let url = list()[0]["origin"]["url"].as_str().unwrap().to_owned();
    assert_eq!(remove(&[&url]), "resnet18.tv_in1k deleted\n");
    assert_eq!(
        remove(&["resnet18"]),
        "resnet18.tv_in1k was not in the cache\nresnet18.a1_in1k was not in the cache\n"
    );

    serve(b"other weights");
    let advice = "accept the new file with `fastburn data remove --forget resnet18.tv_in1k`";
    assert!(error().ends_with(advice), "{}", error());
    assert_eq!(list(), serde_json::json!([]));
    remove(&["--forget", "resnet18.tv_in1k"]);
    error();
    assert_eq!(list()[0]["origin"]["sha256"], sha256(b"other weights").to_string());
}
