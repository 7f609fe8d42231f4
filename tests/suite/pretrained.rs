//! Pretrained weights: the catalogue, and files that a server on this machine has.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use fastburn::datasets::{Cache, Fetch, FetchProgress, Sha256Prefix, WeightsFile};
use fastburn::models::StateDict;
use fastburn::pretrained::{Mirror, catalog, find, imagenet_classes, load};
use fastburn::vision::Filter;
use fastburn::{Error, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::http_server::{HttpServer, file};
use crate::served::{quick_folder, ranges, sha256};
use crate::support::crate_path;

/// Weights as PyTorch saves them.
static WEIGHTS: LazyLock<Vec<u8>> = LazyLock::new(|| reference("conv_net.pth"));

fn reference(name: &str) -> Vec<u8> {
    fs::read(crate_path("tests/reference").join(name)).unwrap()
}

/// A cache of its own, and weights at a server.
struct Place {
    folder: TempDir,
    weights: WeightsFile,
}

impl Place {
    fn of(server: &HttpServer) -> Self {
        let weights = WeightsFile::new("net.test", "net.pth", server.url("net.pth"));
        Self { folder: quick_folder(), weights }
    }

    fn cache(&self) -> Cache {
        Cache::in_folder(self.folder.path()).unwrap()
    }

    fn fetch(&self) -> Fetch<'static> {
        let soon = Duration::from_millis(1);
        Fetch::new(self.cache()).silence(Duration::from_millis(200)).retries(3, soon)
    }

    #[track_caller]
    fn get_whole(&self) {
        let path = self.fetch().weights(&self.weights).unwrap();
        assert!(path.ends_with("weights/net.test/data/net.pth"), "{}", path.display());
        assert_eq!(fs::read(&path).unwrap(), *WEIGHTS);
        assert_eq!(self.cache().weights_path(&self.weights).unwrap(), Some(path));
        let work = self.folder.path().join("weights-work/net.test");
        assert!(!work.join("archive").exists() && !work.join("unpacked").exists());
    }

    /// The error of a fetch that leaves nothing behind that could be taken for the weights.
    #[track_caller]
    fn get_fails(&self) -> String {
        let error = self.fetch().weights(&self.weights).unwrap_err();
        assert!(self.cache().weights_path(&self.weights).unwrap().is_none());
        assert!(self.cache().list_weights().unwrap().is_empty());
        error.to_string()
    }
}

#[test]
fn weights_are_downloaded_once_and_kept_apart_from_data_sets() {
    let server = HttpServer::of(&WEIGHTS);
    let place = Place::of(&server);
    place.get_whole();
    place.get_whole();
    assert_eq!(server.requests().len(), 1);
    let cache = place.cache();
    assert!(cache.list().unwrap().is_empty());
    let listed = cache.list_weights().unwrap().remove(0);
    let origin = listed.origin.unwrap();
    assert_eq!(listed.name, "net.test");
    assert_eq!((origin.sha256, origin.bytes), (sha256(&WEIGHTS), WEIGHTS.len() as u64));
    assert_eq!((origin.url, origin.files), (place.weights.url.clone(), 1));
    assert!(cache.find("net.test").is_err(), "it is no data set");
    assert!(!cache.remove("net.test").unwrap() && cache.remove_weights("net.test").unwrap());
    assert!(!cache.remove_weights("net.test").unwrap());
    place.get_whole();
}

#[test]
fn a_broken_download_of_weights_is_resumed() {
    let half = WEIGHTS.len() / 2;
    // Within one process.
    let server = HttpServer::start(move |request| match request.number {
        0 => file(&WEIGHTS, request).cut(half),
        _ => file(&WEIGHTS, request),
    });
    Place::of(&server).get_whole();
    assert_eq!(ranges(&server), [None, Some(half)]);
    // In a later one.
    let server = HttpServer::start(move |request| match request.number {
        0 => file(&WEIGHTS, request).cut(half),
        _ => file(&WEIGHTS, request),
    });
    let place = Place::of(&server);
    place.fetch().retries(0, Duration::ZERO).weights(&place.weights).unwrap_err();
    place.get_whole();
    assert_eq!(ranges(&server), [None, Some(half)]);
}

#[test]
fn a_known_size_and_checksum_must_be_met() {
    let server = HttpServer::of(&WEIGHTS);
    let mut place = Place::of(&server);
    let (found, whole) = (sha256(&WEIGHTS), sha256(&WEIGHTS).to_string());
    place.weights.size = Some(3);
    let message = place.get_fails();
    assert!(message.contains(&format!("{} bytes, expected 3", WEIGHTS.len())), "{message}");
    place.weights.size = Some(WEIGHTS.len() as u64);
    for wrong in ["0123abcd".to_owned(), sha256(b"others").to_string()] {
        place.weights.sha256 = Some(wrong.parse().unwrap());
        let message = place.get_fails();
        assert!(message.contains(&format!("SHA-256 {found}, expected {wrong}")), "{message}");
    }
    for right in [&whole[..8], &whole.to_uppercase()[..20], &whole] {
        place.weights.sha256 = Some(right.parse().unwrap());
        place.get_whole();
        assert!(place.cache().remove_weights("net.test").unwrap());
    }
    for invalid in ["", "f37072f", "f37072fg", &format!("{whole}0")] {
        assert!(matches!(invalid.parse::<Sha256Prefix>(), Err(Error::Setting { .. })));
    }
}

#[test]
fn without_all_of_its_checksum_the_first_download_is_the_measure() {
    static SERVED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let serve = |bytes: &[u8]| *SERVED.lock().unwrap() = bytes.to_vec();
    let server = HttpServer::start(|request| file(&SERVED.lock().unwrap(), request));
    let place = Place::of(&server);
    serve(&WEIGHTS);
    place.get_whole();
    place.cache().remove_weights("net.test").unwrap();
    serve(b"other weights");
    let message = place.get_fails();
    let (found, expected) = (sha256(b"other weights"), sha256(&WEIGHTS));
    assert!(message.contains(&format!("SHA-256 {found}, expected {expected}, as in")), "{message}");
    assert!(message.ends_with("Cache::forget_weights(\"net.test\")"), "{message}");
    place.cache().forget_weights("net.test").unwrap();
    let path = place.fetch().weights(&place.weights).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"other weights");
}

#[test]
fn weights_with_a_known_checksum_may_come_from_anywhere() {
    let server = HttpServer::of(&WEIGHTS);
    let mut place = Place::of(&server);
    place.get_whole();
    place.weights.url = "http://127.0.0.1:1/net.pth".to_owned();
    let message = place.fetch().weights(&place.weights).unwrap_err().to_string();
    let (found, expected) = (server.url("net.pth"), &place.weights.url);
    assert!(message.contains(&format!("a file at {found}, expected {expected}")), "{message}");
    assert!(message.ends_with("Cache::remove_weights(\"net.test\") to download it again"));
    place.weights.sha256 = Some(sha256(&WEIGHTS).into());
    place.get_whole();
    place.weights.sha256 = Some(sha256(b"others").into());
    let error = place.cache().weights_path(&place.weights).unwrap_err();
    assert!(matches!(&error, Error::File { problem, .. } if problem.contains("with SHA-256")));
    // A file that somebody shortened is not taken for the weights.
    place.weights.sha256 = None;
    place.weights.url = server.url("net.pth");
    let path = place.cache().weights_path(&place.weights).unwrap().unwrap();
    fs::write(&path, &WEIGHTS[1..]).unwrap();
    let message = place.fetch().weights(&place.weights).unwrap_err().to_string();
    assert!(message.contains("incomplete: 1 files of"), "{message}");
}

#[test]
fn many_that_want_the_same_weights_make_one_download() {
    let server = HttpServer::start(|request| {
        file(&WEIGHTS, request).pace(WEIGHTS.len() / 20, Duration::from_millis(5))
    });
    let place = Place::of(&server);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| place.get_whole());
        }
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_licence_is_told_before_the_first_byte() {
    let server = HttpServer::of(&WEIGHTS);
    let mut place = Place::of(&server);
    place.weights.licence = Some("Apache-2.0".to_owned());
    for (checksum, known) in [(None, false), (Some(sha256(&WEIGHTS).into()), true)] {
        place.weights.sha256 = checksum;
        let told = Mutex::new(Vec::new());
        let fetch = place.fetch().progress(|progress| match progress {
            FetchProgress::Started { licence, has_checksum, .. } => {
                told.lock().unwrap().push(format!("{licence:?} {has_checksum}"));
            }
            FetchProgress::Downloading { .. } => told.lock().unwrap().push("bytes".to_owned()),
            _ => {}
        });
        fetch.weights(&place.weights).unwrap();
        drop(fetch);
        let told = told.into_inner().unwrap();
        assert_eq!(told[..2], [format!("Some(\"Apache-2.0\") {known}"), "bytes".to_owned()]);
        place.cache().remove_weights("net.test").unwrap();
    }
}

#[test]
fn names_that_could_lead_elsewhere_are_refused() {
    let folder = quick_folder();
    let cache = Cache::in_folder(folder.path()).unwrap();
    let url = "http://127.0.0.1:1/net.pth";
    for (name, file) in [("..", "a"), ("a/b", "a"), ("a", "../b"), ("a", ""), ("a", ".b")] {
        let error =
            Fetch::new(cache.clone()).weights(&WeightsFile::new(name, file, url)).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
    }
    let error =
        Fetch::new(cache).weights(&WeightsFile::new("a", "a", "file:///etc/passwd")).unwrap_err();
    assert!(matches!(error, Error::Setting { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_catalogue_has_what_torchvision_says() {
    let facts: Vec<Value> = serde_json::from_slice(&reference("torchvision.json")).unwrap();
    let mut known: Vec<_> = catalog();
    for fact in &facts {
        let at = known.iter().position(|known| known.file.url == fact["url"]).unwrap();
        let known = known.remove(at);
        let (name, preprocessing) = (known.name().to_owned(), known.preprocessing);
        assert_eq!(known.architecture, fact["architecture"], "{name}");
        assert_eq!(known.parameters.unwrap() as u64, fact["parameters"], "{name}");
        let top1 = 100.0 * known.top1.unwrap();
        assert!((top1 - fact["top1_percent"].as_f64().unwrap()).abs() < 1e-9, "{name}: {top1}");
        let mebibytes = known.file.size.unwrap() as f64 / f64::from(1 << 20);
        assert!((mebibytes - fact["mebibytes"].as_f64().unwrap()).abs() < 6e-4, "{mebibytes}");
        assert_eq!(preprocessing.resize as u64, fact["resize"], "{name}");
        assert_eq!(preprocessing.crop as u64, fact["crop"], "{name}");
        assert_eq!(preprocessing.filter.name(), fact["filter"], "{name}");
        let of = |field: &str| serde_json::from_value::<[f32; 3]>(fact[field].clone()).unwrap();
        assert_eq!((preprocessing.mean, preprocessing.std), (of("mean"), of("std")), "{name}");
        // The name of the file ends in the first digits of its checksum.
        let sha256 = known.file.sha256.unwrap();
        let suffix = format!("-{}.pth", &sha256.to_string()[..8]);
        assert!(sha256.is_whole() && known.file.file_name.ends_with(&suffix), "{name}");
        assert!(known.file.url.ends_with(&known.file.file_name), "{name}");
        assert_eq!(known.file.licence.as_deref(), Some("BSD-3-Clause"), "{name}");
        let is_default = find(&known.architecture).unwrap().name() == name;
        assert_eq!(is_default, fact["is_default"].as_bool().unwrap(), "{name}");
    }
    assert_eq!(known.len(), 3);
    for timm in known {
        assert_eq!(timm.tag(), "a1_in1k");
        assert_eq!(timm.file.file_name, format!("{}.safetensors", timm.name()));
        assert!(timm.file.url.contains(&format!("/timm/{}/resolve/", timm.name())));
        assert_eq!(timm.preprocessing.filter, Filter::Bicubic);
    }
}

#[test]
fn each_name_of_the_catalogue_finds_its_weights() {
    let names: BTreeSet<_> = catalog().iter().map(|known| known.name().to_owned()).collect();
    assert_eq!(names.len(), catalog().len());
    for known in catalog() {
        assert_eq!(find(known.name()).unwrap(), known);
        assert_eq!(known.name(), format!("{}.{}", known.architecture, known.tag()));
    }
    let error = find("resnet19").unwrap_err();
    assert!(matches!(error, Error::Setting { .. }));
    let message = error.to_string();
    assert!(message.contains("resnet19") && message.contains("resnet50.a1_in1k"), "{message}");
}

#[test]
fn the_thousand_classes_have_a_thousand_names() {
    let classes = imagenet_classes();
    let distinct: BTreeSet<_> = classes.iter().collect();
    assert_eq!((classes.len(), distinct.len()), (1000, 1000));
    assert!(classes.iter().all(|name| !name.is_empty() && name.trim() == name));
    let [bird, machine] = [134, 517].map(|class| classes[class].as_str());
    assert_eq!((bird, machine), ("crane bird", "crane"));
    assert_eq!((classes[0].as_str(), classes[999].as_str()), ("tench", "toilet tissue"));
}

#[test]
fn a_mirror_needs_no_trust_unless_its_files_are_others() {
    let server = HttpServer::of(&WEIGHTS);
    let place = Place::of(&server);
    let mirror = Mirror::new(&server.url("models/")).unwrap();
    let resnet = mirror.redirect(find("resnet18").unwrap());
    assert_eq!(resnet.file.url, server.url("models/resnet18-f37072fd.pth"));
    let message = place.fetch().weights(&resnet.file).unwrap_err().to_string();
    assert!(message.contains("expected 46830571"), "{message}");

    let own = mirror.unchecked().redirect(find("resnet18").unwrap());
    let weights = own.load(&place.fetch()).unwrap();
    assert_eq!(weights, conv_net());
    // The publisher's weights are not what is in the cache under their name.
    let error = place.fetch().weights(&find("resnet18").unwrap().file).unwrap_err();
    assert!(error.to_string().contains("resnet18.tv_in1k: a file with SHA-256"), "{error}");

    for wrong in ["", "models", "ftp://a/b", "http://a/b?c=", "http://a/#b"] {
        assert!(matches!(Mirror::new(wrong), Err(Error::Setting { .. })), "{wrong}");
    }
}

fn conv_net() -> StateDict {
    StateDict::open(crate_path("tests/reference/conv_net.safetensors")).unwrap()
}

#[test]
fn the_mirror_of_the_environment_is_used() {
    const SERVER: &str = "FASTBURN_TEST_WEIGHTS";
    if std::env::var_os(SERVER).is_some() {
        // The process below, with its own environment.
        let weights = load("resnet18.a1_in1k").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(weights, conv_net());
        return;
    }
    let server = HttpServer::of(&reference("conv_net.safetensors"));
    let run = |url: &str, unchecked: &str| {
        let home = quick_folder();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "pretrained::the_mirror_of_the_environment_is_used"]);
        command.env(SERVER, "yes").env("FASTBURN_HOME", home.path());
        command.env("FASTBURN_WEIGHTS_URL", url).env("FASTBURN_WEIGHTS_UNCHECKED", unchecked);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    let (succeeded, text) = run(&server.url(""), "1");
    assert!(succeeded, "{text}");
    assert_eq!(server.requests()[0].line, "GET /resnet18.a1_in1k.safetensors HTTP/1.1");
    for (url, unchecked, expected) in [
        (&*server.url(""), "", "expected 46807446"),
        (&*server.url(""), "yes", "invalid FASTBURN_WEIGHTS_UNCHECKED yes: expected 0 or 1"),
        ("mirror", "1", "expected an http or https URL"),
    ] {
        let (succeeded, text) = run(url, unchecked);
        assert!(!succeeded && text.contains(expected), "{text}");
    }
}

#[test]
fn both_formats_of_torch_save_are_read() {
    for name in ["conv_net.pth", "conv_net_legacy.pth"] {
        let weights = StateDict::open(crate_path("tests/reference").join(name)).unwrap();
        assert_eq!(weights, conv_net(), "{name}");
        assert_eq!(weights.integers("norm.num_batches_tracked"), Some(&[3][..]), "{name}");
    }
}

#[test]
fn a_damaged_file_of_either_format_is_an_error() {
    let folder = quick_folder();
    let path = folder.path().join("damaged.pth");
    let open = |bytes: &[u8]| -> Result<StateDict> {
        fs::write(&path, bytes).unwrap();
        StateDict::open(&path)
    };
    for name in ["conv_net.pth", "conv_net_legacy.pth"] {
        let whole = reference(name);
        for length in 0..whole.len() {
            let error = open(&whole[..length]).unwrap_err();
            assert!(matches!(error, Error::File { .. }), "{name}, {length} bytes: {error}");
        }
        for place in 0..whole.len() {
            for change in [0xff, 0x01, 0x80] {
                let mut bytes = whole.clone();
                bytes[place] ^= change;
                // The old format has no checksums: what is no error may be another number.
                if let Err(error) = open(&bytes) {
                    assert!(matches!(error, Error::File { .. }), "{name}, byte {place}: {error}");
                }
            }
        }
    }
}
