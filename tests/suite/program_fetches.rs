//! The program fetches data sets, alone and in crowds, and is killed while it does.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use burn::data::dataset::Dataset;
use fastburn::datasets::{Cache, DataSet};
use fastburn::vision::Splits;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::tempdir;

use crate::http_server::{HttpServer, file, read_request};
use crate::program::{fastburn, stderr, stdout, timeless};
use crate::served::{PHOTOS, files, noise, real, sha256};

/// The program, with a cache of its own and no proxy.
fn program(home: &Path, arguments: &[&str]) -> Command {
    let mut command = fastburn(arguments);
    command.env("FASTBURN_HOME", home).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    program(home, arguments).output().unwrap()
}

#[test]
fn one_command_trains_from_nothing_by_a_url_over_a_bad_line() {
    let archive = real();
    let bytes = archive.clone();
    let server = HttpServer::start(move |request| {
        let reply = file(&bytes, request);
        match [0, 1, 50, 99].get(request.number) {
            Some(percent) => {
                let cut = bytes.len() * percent / 100 - request.from().unwrap_or(0);
                reply.cut(cut)
            }
            None => reply,
        }
    });
    let home = tempdir().unwrap();
    let url = server.url("mnist_png.tgz");
    let arguments = ["train", &url, "--model", "mlp", "--hidden", "30", "--epochs", "1"];
    let more = ["--device", "cpu", "--batch-size", "8"];
    let trained = run(home.path(), &[&arguments[..], &more].concat());
    assert!(trained.status.success(), "{}", stderr(&trained));
    assert_eq!(stdout(&trained).lines().count(), 2);
    let told = stderr(&trained);
    let lines = |start| told.lines().filter(|line| line.starts_with(start)).collect::<Vec<_>>();
    let fetch = lines("fetch   ");
    assert!(fetch.len() == 1 && fetch[0].contains(&url), "{told}");
    assert!(fetch[0].contains(home.path().to_str().unwrap()), "{told}");
    assert_eq!(lines("retry   ").len(), 4, "{told}");
    assert!(!told.contains('\u{1b}') && !told.contains('\r'), "{told}");
    assert_eq!((server.requests().len(), server.sent()), (5, archive.len()));
    // Then it is there.
    let shown = run(home.path(), &["show", &url, "--json"]);
    assert!(shown.status.success() && stderr(&shown).is_empty(), "{}", stderr(&shown));
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn sixteen_processes_that_start_at_once_make_one_download_and_one_folder() {
    let archive = noise(200);
    let bytes = archive.clone();
    let server = HttpServer::start(move |request| {
        file(&bytes, request).pace(bytes.len() / 20, Duration::from_millis(10))
    });
    let home = tempdir().unwrap();
    let url = server.url("photos.tgz");
    let started: Vec<_> =
        (0..16).map(|_| program(home.path(), &["data", "get", &url]).spawn().unwrap()).collect();
    let ended: Vec<_> =
        started.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let paths: Vec<_> = ended.iter().map(stdout).collect();
    for run in &ended {
        assert!(run.status.success(), "{}", stderr(run));
        assert_eq!(stdout(run), paths[0]);
    }
    let fetched = ended.iter().filter(|run| stderr(run).contains("fetch   ")).count();
    let waited = ended.iter().filter(|run| stderr(run).contains("another process")).count();
    assert!(fetched == 1 && waited > 0, "{fetched} fetched, {waited} waited");
    assert_eq!((server.requests().len(), server.sent()), (1, archive.len()));
    assert_eq!(fs::read_dir(home.path().join("datasets")).unwrap().count(), 1);
    assert_eq!(files(Path::new(paths[0].trim())), 800);
}

#[test]
fn a_process_killed_at_any_moment_leaves_nothing_that_is_taken_for_whole() {
    let archive = noise(100);
    let bytes = archive.clone();
    let server = HttpServer::start(move |request| {
        file(&bytes, request).pace(bytes.len() / 20, Duration::from_millis(6))
    });
    let url = server.url("photos.tgz");
    let name = DataSet::from_url(&url).unwrap().name;
    let home = tempdir().unwrap();
    let cache = Cache::in_folder(home.path()).unwrap();
    let work = home.path().join("work").join(&name);
    let whole = |when: &str| {
        let path = cache.path(&DataSet::from_url(&url).unwrap()).unwrap();
        path.map(|path| assert_eq!(files(&path), 400, "{when}")).is_some()
    };
    let begun = Instant::now();
    assert!(run(home.path(), &["data", "get", &url]).status.success());
    let took = begun.elapsed();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut in_download, mut in_unpacking) = (0, 0);
    for kill in 0..30 {
        cache.remove(&name).unwrap();
        // Sometimes what one left is taken up by another that is killed too.
        for _ in 0..rng.random_range(1..4) {
            let mut child = program(home.path(), &["data", "get", &url]).spawn().unwrap();
            let (some, of_unpacking) =
                (rng.random_range(0..archive.len() as u64), rng.random_range(0.0..0.3));
            let here = || fs::metadata(work.join("archive")).map_or(0, |found| found.len());
            let unpacks = || work.join("unpacked").exists();
            let far = || if kill % 2 == 0 { here() >= some } else { unpacks() };
            while !far() && child.try_wait().unwrap().is_none() {
                sleep(Duration::from_millis(1));
            }
            if kill % 2 == 1 {
                sleep(took.mul_f64(of_unpacking));
            }
            let over = child.try_wait().unwrap().is_some();
            child.kill().unwrap();
            child.wait().unwrap();
            if !whole("killed") {
                assert!(!over);
                in_unpacking += usize::from(work.join("unpacked").exists());
                in_download += usize::from(!work.join("unpacked").exists());
            }
        }
    }
    assert!(in_download > 0 && in_unpacking > 0, "{in_download} and {in_unpacking} kills");
    let last = run(home.path(), &["data", "get", &url]);
    assert!(last.status.success() && whole("at the end"), "{}", stderr(&last));
    assert!(!work.join("unpacked").exists() && !work.join("archive").exists());
    println!("{in_download} kills while downloading, {in_unpacking} while unpacking");
}

#[test]
fn the_program_lists_gets_finds_and_removes_data_sets() {
    let server = HttpServer::of(&PHOTOS);
    let home = tempdir().unwrap();
    let home = home.path();
    let url = server.url("photos.tgz");
    let name = DataSet::from_url(&url).unwrap().name;
    let listed = run(home, &["data", "list"]);
    for name in ["digits", "mnist ", "mnist-sample", "mnist-tiny"] {
        assert!(stdout(&listed).lines().any(|line| line.starts_with(name)), "{}", stdout(&listed));
    }
    let missing = run(home, &["data", "path", "mnist"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("`fastburn data get mnist`"));
    assert_eq!(stderr(&missing).lines().count(), 1);

    let got = run(home, &["data", "get", &url]);
    assert!(got.status.success(), "{}", stderr(&got));
    let path = stdout(&got);
    assert!(Path::new(path.trim_end()).join("train").is_dir(), "{path}");
    for name in [&name, &url] {
        assert_eq!(stdout(&run(home, &["data", "path", name])), path);
        assert_eq!(stdout(&run(home, &["data", "get", name])), path);
        assert!(run(home, &["show", name]).status.success());
    }
    let listed = run(home, &["data", "list"]);
    let line = stdout(&listed);
    let line = line.lines().find(|line| line.starts_with(&name)).unwrap();
    assert!(line.contains("80 files") && line.contains(&url), "{line}");
    let listed = run(home, &["data", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&stdout(&listed)).unwrap();
    let sets = listed["data_sets"].as_array().unwrap();
    assert_eq!(sets.len(), 5);
    assert_eq!(sets[4]["origin"]["sha256"], sha256(&PHOTOS).to_string());
    assert!(sets[1]["origin"].is_null() && sets[1]["archive_bytes"] == 15_683_414);

    let removed = run(home, &["data", "remove", &url]);
    assert!(stderr(&removed).contains(" deleted"), "{}", stderr(&removed));
    assert!(stderr(&run(home, &["data", "remove", &url])).contains("was not in the cache"));
    assert!(!run(home, &["data", "path", &url]).status.success());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_word_that_is_nothing_is_one_line_with_the_names_that_there_are() {
    let home = tempdir().unwrap();
    let failed = run(home.path(), &["train", "mnits"]);
    let told = stderr(&failed);
    assert!(failed.status.code() == Some(1) && told.lines().count() == 1, "{told}");
    for word in ["mnits", "no such folder or archive", "digits, mnist, mnist-sample, mnist-tiny"] {
        assert!(told.contains(word), "{told}");
    }
    assert!(!home.path().join("work").exists());
}

#[test]
fn the_digits_need_no_network_and_no_cache() {
    let home = tempdir().unwrap();
    let arguments = ["train", "digits", "--epochs", "1", "--device", "cpu"];
    let named = run(home.path(), &arguments);
    assert!(named.status.success(), "{}", stderr(&named));
    let alone = run(home.path(), &["--epochs", "1", "--device", "cpu"]);
    let table = |run: &Output| timeless(&stdout(run));
    assert_eq!(table(&named), table(&alone));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    let got = run(home.path(), &["data", "get", "digits"]);
    assert!(got.status.success(), "{}", stderr(&got));
    let path = stdout(&got);
    assert_eq!(files(Path::new(path.trim_end())), 7000);
    assert_eq!(Splits::open(path.trim_end(), 0).unwrap().train.len(), 6000);
}

#[test]
fn a_folder_of_the_same_name_comes_first() {
    let place = tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir_all(place.path().join("mnist").join(class)).unwrap();
    }
    let shown =
        program(place.path(), &["show", "mnist"]).current_dir(place.path()).output().unwrap();
    assert!(!stderr(&shown).contains("fetch"), "{}", stderr(&shown));
}

#[test]
fn a_proxy_of_the_environment_is_asked() {
    let server = HttpServer::of(&PHOTOS);
    let port = server.port;
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://anna:secret@{}", proxy.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    thread::spawn(move || {
        for client in proxy.incoming() {
            let mut client = client.unwrap();
            log.lock().unwrap().push(read_request(&mut client).unwrap());
            // Whatever the host is called, it is our server.
            let mut host = TcpStream::connect(("127.0.0.1", port)).unwrap();
            std::io::Write::write_all(&mut client, b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), host.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let _ = std::io::copy(&mut host, &mut client);
            let _ = client.shutdown(std::net::Shutdown::Both);
        }
    });
    let url = "http://data.invalid/photos.tgz";
    for variable in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        let home = tempdir().unwrap();
        let got = program(home.path(), &["data", "get", url]).env(variable, &address).output();
        let got = got.unwrap();
        assert!(got.status.success(), "{variable}: {}", stderr(&got));
        let request = asked.lock().unwrap().pop().unwrap();
        assert_eq!(request.line, "CONNECT data.invalid:80 HTTP/1.1");
        assert_eq!(request.headers["proxy-authorization"], "Basic YW5uYTpzZWNyZXQ=");
    }
    // Another scheme's proxy, a host that is excepted, and this machine.
    let home = tempdir().unwrap();
    for (name, value, without, url) in [
        ("https_proxy", address.as_str(), "", url),
        ("http_proxy", &address, "other.example, invalid", url),
        ("http_proxy", &address, "data.invalid", url),
        ("http_proxy", &address, "*", url),
        ("http_proxy", &address, "", "http://localhost:1/photos.tgz"),
    ] {
        let mut command = program(home.path(), &["data", "get", url]);
        let got = command.env(name, value).env("NO_PROXY", without).output().unwrap();
        assert!(stderr(&got).contains("no connection to "), "{}", stderr(&got));
        assert!(asked.lock().unwrap().is_empty(), "{name} {without} {url}");
    }
    let mut bad = program(home.path(), &["data", "get", url]);
    let bad = bad.env("http_proxy", "gopher://x:secret@y").output().unwrap();
    assert!(stderr(&bad).contains("proxy in http_proxy"), "{}", stderr(&bad));
    assert!(!stderr(&bad).contains("secret"));
}

#[test]
fn a_cache_that_cannot_be_is_one_line() {
    let place = tempdir().unwrap();
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let failed = run(&file, &["data", "get", "digits"]);
    let told = stderr(&failed);
    assert!(!failed.status.success() && told.lines().count() == 1, "{told}");
    assert!(told.contains("file"), "{told}");
}
