//! What is fetched is what it must be, and what is in the cache is whole.

use std::fs;
use std::sync::{Arc, Mutex};

use burn::data::dataset::Dataset;
use fastburn::Error;
use fastburn::datasets::{Cache, DataSet, Fetch, Md5, catalog};
use fastburn::vision::Splits;
use md5::Digest;
use proptest::prelude::*;
use tempfile::tempdir;

use crate::http_server::{HttpServer, Reply, file};
use crate::served::{PHOTOS, Place, header, noise, ranges, sha256};
use crate::support::{mnist, properties};

#[test]
fn a_whole_archive_is_fetched_once_and_kept_with_its_origin() {
    let server = HttpServer::of(&PHOTOS);
    let place = Place::of(&server);
    let path = place.get_whole(&PHOTOS);
    assert!(path.ends_with("photos"), "{}", path.display());
    let images = Splits::open(&path, 0).unwrap();
    assert_eq!((images.train.len(), images.valid.len()), (40, 40));
    assert_eq!(place.get().unwrap(), path);
    assert_eq!(place.cache().path(&place.set).unwrap(), Some(path));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line, "GET /photos.tgz HTTP/1.1");
    assert_eq!(requests[0].headers["accept-encoding"], "identity");
    let origin = place.cache().list().unwrap().remove(0).origin.unwrap();
    assert_eq!(origin.url, place.set.url);
    assert_eq!(origin.fastburn, env!("CARGO_PKG_VERSION"));
    assert!(origin.unpacked_bytes > 0 && origin.unix_time > 1_700_000_000);
}

#[test]
fn an_archive_without_a_folder_around_everything_is_a_folder_all_the_same() {
    let mut archive = tar::Builder::new(Vec::new());
    for name in ["a/1.png", "b/2.png"] {
        archive.append_data(&mut header(3), name, &b"png"[..]).unwrap();
    }
    let server = HttpServer::of(&archive.into_inner().unwrap());
    let place = Place::of(&server);
    let path = place.get().unwrap();
    assert!(path.join("a/1.png").exists() && path.join("b/2.png").exists());
}

#[test]
fn half_of_a_data_set_is_not_taken_for_one() {
    let mut archive = tar::Builder::new(Vec::new());
    for name in ["train/a/1.png", "train/b/2.png"] {
        archive.append_data(&mut header(3), name, &b"png"[..]).unwrap();
    }
    let server = HttpServer::of(&archive.into_inner().unwrap());
    let place = Place::of(&server);
    let path = place.get().unwrap();
    assert!(path.join("train/a/1.png").exists(), "{}", path.display());
    let message = Splits::open(path, 0).unwrap_err().to_string();
    assert!(message.contains("a folder train without a folder valid"), "{message}");
}

#[test]
fn what_a_file_manager_leaves_in_the_cache_is_no_data_set() {
    let server = HttpServer::of(&PHOTOS);
    let place = Place::of(&server);
    place.get().unwrap();
    fs::write(place.cache().home().join("datasets/.DS_Store"), "").unwrap();
    assert_eq!(place.cache().list().unwrap().len(), 1);
}

#[test]
fn a_wrong_length_is_refused_with_both_lengths() {
    // Of which the server knows.
    let server = HttpServer::of(&PHOTOS);
    let mut place = Place::of(&server);
    place.set.size = Some(PHOTOS.len() as u64 + 1);
    let message = place.get_fails();
    assert!(message.contains(&format!("{} bytes", PHOTOS.len())), "{message}");
    assert!(message.contains(&format!("expected {}", PHOTOS.len() + 1)), "{message}");
    assert_eq!(server.requests().len(), 1);
    // Of which it says nothing.
    let server = HttpServer::start(|_| Reply::new("200 OK", &PHOTOS[..]).without_length());
    let mut place = Place::of(&server);
    place.get_whole(&PHOTOS);
    place.cache().remove("photos").unwrap();
    place.set.size = Some(9);
    let message = place.get_fails();
    let expected = format!("size {}, expected 9", PHOTOS.len());
    assert!(message.contains(&expected), "{message}");
    // Which it promises and does not keep.
    let longer = (PHOTOS.len() + 7).to_string();
    let server = HttpServer::start(move |_| {
        Reply::new("200 OK", &PHOTOS[..]).header("Content-Length", longer.clone())
    });
    let message = Place::of(&server).get_fails();
    assert!(message.contains(&format!("of {} bytes", PHOTOS.len() + 7)), "{message}");
}

#[test]
fn wrong_bytes_are_refused_with_both_checksums() {
    let server = HttpServer::of(&PHOTOS);
    let right = Md5::new(md5::Md5::digest(&PHOTOS[..]).into());
    let wrong: Md5 = "03639f83c4e3d19e0a3a53a8a997c487".parse().unwrap();
    let mut place = Place::of(&server);
    place.set.md5_first_mib = Some(wrong);
    let message = place.get_fails();
    assert!(message.contains(&format!("{right}, expected {wrong}")), "{message}");
    place.set.md5_first_mib = Some(right);
    place.set.sha256 = Some(sha256(b"others"));
    let message = place.get_fails();
    let (found, expected) = (sha256(&PHOTOS), sha256(b"others"));
    assert!(message.contains(&format!("{found}, expected {expected}")), "{message}");
    place.set.sha256 = Some(found);
    place.get_whole(&PHOTOS);
}

#[test]
fn the_checksum_of_the_first_time_is_expected_from_then_on() {
    let now = Arc::new(Mutex::new(PHOTOS.clone()));
    let served = now.clone();
    let server = HttpServer::start(move |request| file(&served.lock().unwrap(), request));
    let place = Place::of(&server);
    place.get_whole(&PHOTOS);
    assert!(place.cache().remove("photos").unwrap());
    let other = noise(3);
    *now.lock().unwrap() = other.clone();
    let message = place.get_fails();
    let (found, expected) = (sha256(&other), sha256(&PHOTOS));
    assert!(message.contains(&format!("{found}, expected {expected}")), "{message}");
    assert!(message.contains("Cache::forget(\"photos\")"), "{message}");
    *now.lock().unwrap() = PHOTOS.clone();
    place.get_whole(&PHOTOS);
    place.cache().remove("photos").unwrap();
    place.cache().forget("photos").unwrap();
    *now.lock().unwrap() = other.clone();
    place.get_whole(&other);
}

#[test]
fn the_md5_is_that_of_the_first_mib() {
    let mut archive = tar::Builder::new(Vec::new());
    let noise: Vec<u8> =
        (0..3 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    archive.append_data(&mut header(noise.len() as u64), "all/noise/0.png", &noise[..]).unwrap();
    let archive = archive.into_inner().unwrap();
    let server = HttpServer::of(&archive);
    let mut place = Place::of(&server);
    place.set.md5_first_mib = Some(Md5::new(md5::Md5::digest(&archive[..1 << 20]).into()));
    place.get_whole(&archive);
}

#[test]
fn what_the_catalogue_names_is_refused_if_it_is_another() {
    for name in ["mnist_png.tgz", "mnist_sample.tgz"] {
        let Some(path) = mnist(name) else { continue };
        let archive = fs::read(path).unwrap();
        let server = HttpServer::of(&archive);
        let place = Place::of(&server);
        let known = catalog().into_iter().find(|set| set.url.ends_with(name)).unwrap();
        let mut set = DataSet { url: place.set.url.clone(), ..known };
        let (found, expected) = (archive.len(), set.size.unwrap());
        let message = place.fetch().get(&set).unwrap_err().to_string();
        assert!(message.contains(&format!("{found} bytes, expected {expected}")), "{message}");
        set.size = None;
        let message = place.fetch().get(&set).unwrap_err().to_string();
        assert!(message.contains(&set.md5_first_mib.unwrap().to_string()), "{message}");
    }
}

#[test]
fn what_is_no_archive_or_a_damaged_one_is_refused_and_not_kept() {
    let mut damaged = PHOTOS.clone();
    let last = damaged.len() - 5;
    damaged[last] ^= 1;
    let empty = tar::Builder::new(Vec::new()).into_inner().unwrap();
    for bytes in [&b""[..], &empty, b"{\"error\": \"no\"}", &PHOTOS[..PHOTOS.len() / 2], &damaged] {
        let bytes = bytes.to_vec();
        let server = HttpServer::of(&bytes);
        let place = Place::of(&server);
        let message = place.get_fails();
        assert!(message.starts_with(&format!("cannot download {}: ", place.set.url)), "{message}");
        place.get_fails();
        assert_eq!(ranges(&server), [None, None], "it was not fetched anew");
    }
}

#[test]
fn what_is_in_the_cache_must_be_what_is_asked_for_and_all_of_it() {
    let server = HttpServer::of(&PHOTOS);
    let place = Place::of(&server);
    let path = place.get().unwrap();
    let refused = |set: &DataSet, expected: &str| {
        let message = place.fetch().get(set).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("Cache::remove(\"photos\")"), "{message}");
        assert!(!message.contains('\n'));
    };
    let set = place.set.clone();
    let url = server.url("other.tgz");
    refused(&DataSet { url: url.clone(), ..set.clone() }, &format!("expected {url}"));
    refused(&DataSet { size: Some(3), ..set.clone() }, "expected 3");
    let other = sha256(b"other");
    refused(&DataSet { sha256: Some(other), ..set.clone() }, &format!("expected {other}"));
    // Something more does no harm.
    fs::write(path.join(".DS_Store"), "").unwrap();
    place.get().unwrap();
    fs::remove_file(path.join(".DS_Store")).unwrap();
    let file = path.join("train/dark/7.png");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, "").unwrap();
    refused(&set, "80 files of");
    fs::remove_file(&file).unwrap();
    refused(&set, "79 files of");
    fs::write(&file, bytes).unwrap();
    place.get().unwrap();
    fs::write(place.folder.path().join("datasets/photos/origin.json"), "{").unwrap();
    let message = place.get().unwrap_err().to_string();
    assert!(message.contains("origin.json: damaged record"), "{message}");
    assert!(place.cache().remove("photos").unwrap());
    place.get_whole(&PHOTOS);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_removal_that_was_killed_is_finished_by_the_next_fetch() {
    let server = HttpServer::of(&PHOTOS);
    let place = Place::of(&server);
    place.get().unwrap();
    let (folder, removed) = ("datasets/photos", "work/photos/removed");
    fs::rename(place.folder.path().join(folder), place.folder.path().join(removed)).unwrap();
    place.get_whole(&PHOTOS);
    assert!(!place.folder.path().join(removed).exists());
}

#[test]
fn names_and_urls_that_cannot_be_are_refused() {
    let place = tempdir().unwrap();
    let cache = Cache::in_folder(place.path()).unwrap();
    for name in ["", "..", "../up", "a/b", ".hidden", "a b", "ä", &"x".repeat(101)] {
        let set = DataSet::new(name, "http://127.0.0.1:1/photos.tgz");
        let error = Fetch::new(cache.clone()).get(&set).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        assert!(cache.remove(name).is_err());
        assert!(matches!(cache.find(name), Err(Error::Data { .. })));
    }
    for url in
        ["", "photos", "ftp://a/b", "http://", "http:///a", "https://a b/", "file:///etc/passwd"]
    {
        let set = DataSet::new("photos", url);
        let error = Fetch::new(cache.clone()).get(&set).unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        assert!(DataSet::from_url(url).is_err());
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    let message = cache.find("mnits").unwrap_err().to_string();
    assert!(message.contains("digits, mnist, mnist-sample, mnist-tiny"), "{message}");
}

#[test]
fn a_password_is_used_but_neither_shown_nor_kept() {
    let server = HttpServer::start(|request| match request.headers.get("authorization") {
        // anna:secret
        Some(known) if known == "Basic YW5uYTpzZWNyZXQ=" => file(&PHOTOS, request),
        _ => Reply::new("401 Unauthorized", ""),
    });
    let place = tempdir().unwrap();
    let cache = Cache::in_folder(place.path()).unwrap();
    let url = server.url("photos.tgz");
    let fetch = Fetch::new(cache.clone());
    let wrong = url.replace("//", "//anna:guess@");
    let message = fetch.get(&DataSet::from_url(&wrong).unwrap()).unwrap_err().to_string();
    assert!(message.contains("401") && !message.contains("guess"), "{message}");
    let set = DataSet::from_url(&url.replace("//", "//anna:secret@")).unwrap();
    fetch.get(&set).unwrap();
    assert_eq!(cache.list().unwrap()[0].origin.as_ref().unwrap().url, url);
    assert_eq!(set.name, DataSet::from_url(&url).unwrap().name);
}

proptest! {
    #![proptest_config(properties(1000))]

    #[test]
    fn any_url_has_a_name_that_can_be_a_folder(
        path in "(/[^/\\p{C}]{0,20}){0,3}", ending in "(\\.tar\\.gz|\\.TGZ|\\.zip|)(\\?[a-z=./]*)?",
    ) {
        if let Ok(set) = DataSet::from_url(&format!("https://example.com{path}{ending}")) {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            prop_assert!(set.name.chars().all(plain), "{}", set.name);
            prop_assert!((10..=50).contains(&set.name.len()), "{}", set.name);
            prop_assert_eq!(&DataSet::from_url(&set.url).unwrap().name, &set.name);
        }
    }
}
