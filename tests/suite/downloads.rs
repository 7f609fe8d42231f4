//! Downloads from servers that misbehave, over lines that break.

use std::cell::RefCell;
use std::fs;
use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use fastburn::archive::ArchiveLimits;
use fastburn::datasets::{Cache, DataSet, Fetch, FetchProgress};
use proptest::prelude::*;
use tempfile::tempdir;

use crate::http_server::{HttpServer, Reply, Request, file};
use crate::served::{PHOTOS, Place, noise, ranges};
use crate::support::properties;

#[test]
fn a_download_cut_anywhere_goes_on_from_there() {
    for percent in [0, 1, 50, 99] {
        let cut = PHOTOS.len() * percent / 100;
        let server = HttpServer::start(move |request| match request.number {
            0 => file(&PHOTOS, request).cut(cut),
            _ => file(&PHOTOS, request),
        });
        Place::of(&server).get_whole(&PHOTOS);
        assert_eq!(ranges(&server), [None, Some(cut).filter(|&cut| cut > 0)], "at {percent} %");
        assert_eq!(server.sent(), PHOTOS.len(), "at {percent} %");
    }
}

#[test]
fn a_download_cut_again_and_again_goes_on_as_long_as_there_is_progress() {
    let server = HttpServer::start(|request| {
        file(&PHOTOS, request).cut(500.min(PHOTOS.len() - request.from().unwrap_or(0)))
    });
    let place = Place::of(&server);
    place.get_whole(&PHOTOS);
    assert_eq!(server.requests().len(), PHOTOS.len().div_ceil(500));
}

#[test]
fn without_ranges_it_begins_anew() {
    let server = HttpServer::start(|request| {
        let whole = Reply::new("200 OK", &PHOTOS[..]).header("ETag", "\"v1\"");
        if request.number == 0 { whole.cut(PHOTOS.len() / 2) } else { whole }
    });
    Place::of(&server).get_whole(&PHOTOS);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_server_that_always_breaks_off_is_given_up() {
    let server = HttpServer::start(|_| Reply::new("200 OK", &PHOTOS[..]).cut(100));
    let place = Place::of(&server);
    let message = place.get_fails();
    let expected = format!("the connection was closed after 100 of {} bytes", PHOTOS.len());
    assert!(message.contains(&expected) && message.contains("3 times"), "{message}");
    assert!(message.starts_with(&format!("cannot download {}: ", place.set.url)), "{message}");
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_later_process_goes_on_only_with_the_same_version() {
    let half = PHOTOS.len() / 2;
    let parts = |name: &'static str, value: &'static str, later: &'static str| {
        let server = HttpServer::start(move |request| {
            let value = if request.number == 0 { value } else { later };
            let same = request.headers.get("if-range").is_none_or(|known| known == value);
            let mut reply = match request.from().filter(|_| same) {
                Some(_) => file(
                    &PHOTOS,
                    &Request {
                        headers: [("range".to_owned(), request.headers["range"].clone())].into(),
                        ..request.clone()
                    },
                ),
                None => Reply::new("200 OK", &PHOTOS[..]),
            };
            reply.headers.retain(|(name, _)| *name != "ETag");
            let reply = reply.header(name, value);
            if request.number == 0 { reply.cut(half) } else { reply }
        });
        let place = Place::of(&server);
        place.fetch().retries(0, Duration::ZERO).get(&place.set).unwrap_err();
        place.get_whole(&PHOTOS);
        (server.requests()[1].clone(), server.sent())
    };
    let whole = PHOTOS.len();
    let date = "Mon, 23 Nov 2026 03:00:00 GMT";
    for (name, value) in [("ETag", "\"v1\""), ("Last-Modified", date)] {
        let (request, sent) = parts(name, value, value);
        assert_eq!((request.from(), sent), (Some(half), whole), "{name}");
        assert_eq!(request.headers["if-range"], value);
    }
    // Another version: the server sends it whole.
    let (request, sent) = parts("ETag", "\"v1\"", "\"v2\"");
    assert_eq!((request.from(), sent), (Some(half), half + whole));
    // A weak tag, or none, says nothing about bytes.
    for (name, value) in [("ETag", "W/\"v1\""), ("X-Other", "v1")] {
        let (request, sent) = parts(name, value, value);
        assert_eq!((request.from(), sent), (None, half + whole), "{name}");
    }
}

#[test]
fn a_part_that_does_not_fit_is_refused() {
    let half = PHOTOS.len() / 2;
    let range = |total| format!("bytes {half}-{}/{total}", PHOTOS.len() - 1);
    let wrong = [
        ("another start", vec![("Content-Range", "bytes 0-9/10".to_owned())]),
        ("another total", vec![("Content-Range", range(PHOTOS.len() + 1))]),
        ("no range", vec![]),
        ("nonsense", vec![("Content-Range", "bytes all".to_owned())]),
        (
            "another version",
            vec![("Content-Range", range(PHOTOS.len())), ("ETag", "\"v2\"".to_owned())],
        ),
    ];
    for (what, headers) in wrong {
        let server = HttpServer::start(move |request| match (request.number, request.from()) {
            (0, _) => file(&PHOTOS, request).cut(half),
            // Bytes that would be found wrong only if they were taken.
            (_, Some(_)) => {
                let zeros = Reply::new("206 Partial Content", vec![0; PHOTOS.len() - half]);
                Reply { headers: headers.clone(), ..zeros }
            }
            _ => file(&PHOTOS, request),
        });
        let place = Place::of(&server);
        let told = RefCell::new(Vec::new());
        let fetch = Fetch::new(place.cache()).retries(3, Duration::from_millis(1));
        let fetch = fetch.progress(|progress| {
            if let FetchProgress::Retrying { problem, .. } = progress {
                told.borrow_mut().push(problem.to_owned());
            }
        });
        fetch.get(&place.set).unwrap();
        place.is_whole(&PHOTOS);
        assert_eq!(ranges(&server), [None, Some(half), None], "{what}");
        let told = told.borrow();
        assert!(told[1].contains(&format!("from {half} on, the server sent others")), "{told:?}");
    }
}

#[test]
fn what_is_longer_than_the_archive_begins_anew() {
    let server = HttpServer::of(&PHOTOS);
    let place = Place::of(&server);
    let work = place.folder.path().join("work/photos");
    fs::create_dir_all(&work).unwrap();
    fs::write(work.join("archive"), vec![0; PHOTOS.len() + 10]).unwrap();
    let record = format!(r#"{{"url":"{}","validator":"\"v1\"","total":null}}"#, place.set.url);
    fs::write(work.join("part.json"), record).unwrap();
    place.get_whole(&PHOTOS);
    assert_eq!(ranges(&server), [Some(PHOTOS.len() + 10), None]);
}

#[test]
fn a_web_page_is_told_from_an_archive() {
    let page = "\n <!DOCTYPE html><html><title>Please log in</title></html>";
    for (kind, page) in [("text/html", page), ("application/gzip", page), ("text/html", "Hello")] {
        let server =
            HttpServer::start(move |_| Reply::new("200 OK", page).header("Content-Type", kind));
        let mut place = Place::of(&server);
        // Its length is not what is of interest.
        place.set.size = Some(17);
        let message = place.get_fails();
        assert!(message.contains("a web page instead of the file"), "{message}");
        assert_eq!(server.requests().len(), 1);
    }
    // Many a server does not know what an archive is.
    let server = HttpServer::start(|request| {
        file(&PHOTOS, request).header("Content-Type", "text/html; charset=utf-8")
    });
    Place::of(&server).get_whole(&PHOTOS);
}

#[test]
fn a_server_says_no_only_once_but_may_fail_for_a_while() {
    for status in
        ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone"]
    {
        let server = HttpServer::start(move |_| Reply::new(status, "no"));
        let message = Place::of(&server).get_fails();
        assert!(message.ends_with(&format!("the server answered {status}")), "{message}");
        assert_eq!(server.requests().len(), 1);
    }
    for status in [
        "500 Internal Server Error",
        "503 Service Unavailable",
        "408 Request Timeout",
        "429 Too Many Requests",
    ] {
        let server = HttpServer::start(move |request| match request.number {
            0 => Reply::new(status, "not now").header("Retry-After", "0"),
            _ => file(&PHOTOS, request),
        });
        Place::of(&server).get_whole(&PHOTOS);
        assert_eq!(server.requests().len(), 2);
    }
    let server = HttpServer::start(|_| Reply::new("500 Internal Server Error", ""));
    let message = Place::of(&server).get_fails();
    assert!(message.contains("500") && message.contains("retried 3 times"), "{message}");
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_server_may_say_when_to_come_back() {
    let server = HttpServer::start(move |request| match request.number {
        0 => Reply::new("503 Service Unavailable", "").header("Retry-After", "1"),
        _ => file(&PHOTOS, request),
    });
    let begun = Instant::now();
    Place::of(&server).get_whole(&PHOTOS);
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn redirects_are_followed_but_not_for_ever() {
    let server = HttpServer::start(|request| match request.line.as_str() {
        "GET /photos.tgz HTTP/1.1" => Reply::new("302 Found", "").header("Location", "/a/b?c=d"),
        "GET /a/b?c=d HTTP/1.1" => Reply::new("301 Moved Permanently", "").header("Location", "e"),
        "GET /a/e HTTP/1.1" => match request.from() {
            None => file(&PHOTOS, request).cut(50),
            Some(_) => file(&PHOTOS, request),
        },
        line => panic!("{line}"),
    });
    Place::of(&server).get_whole(&PHOTOS);
    assert_eq!(server.requests().len(), 6);
    let server = HttpServer::start(|_| Reply::new("302 Found", "").header("Location", "/again"));
    let message = Place::of(&server).get_fails();
    assert!(message.contains("redirects too many times"), "{message}");
}

#[test]
fn a_redirect_to_what_is_no_web_address_is_named() {
    for target in ["file:///etc/passwd", "ftp://127.0.0.1/photos.tgz", "gopher:/x"] {
        // From everywhere, and from the first address alone.
        for always in [true, false] {
            let server = HttpServer::start(move |request| {
                match always || request.line.contains("photos.tgz HTTP") && request.number == 0 {
                    true => Reply::new("302 Found", "").header("Location", target),
                    false => Reply::new("404 Not Found", ""),
                }
            });
            let message = Place::of(&server).get_fails();
            assert!(message.contains("redirects to") || message.contains("scheme"), "{message}");
            assert!(message.contains(target.split(':').next().unwrap()), "{message}");
            assert!(!message.contains("too many times"), "{message}");
        }
    }
}

#[test]
fn a_resumed_archive_that_turns_out_wrong_is_downloaded_whole_once() {
    // Cut at byte 111; the rest comes as asked for, and of other bytes.
    let wrong_rest = |request: &Request| {
        let reply = file(&PHOTOS, request);
        if request.from().is_some() { with_other_bytes(reply) } else { reply }
    };
    let server = HttpServer::start(move |request| match request.number {
        0 => file(&PHOTOS, request).cut(111),
        _ => wrong_rest(request),
    });
    Place::of(&server).get_whole(&PHOTOS);
    assert_eq!(ranges(&server), [None, Some(111), None]);

    // A server that sends nothing else is given up after that.
    let server = HttpServer::start(move |request| {
        let reply = file(&PHOTOS, request);
        if request.number == 0 { reply.cut(111) } else { with_other_bytes(reply) }
    });
    Place::of(&server).get_fails();
    assert_eq!(ranges(&server), [None, Some(111), None]);
}

fn with_other_bytes(mut reply: Reply) -> Reply {
    reply.body = reply.body.iter().map(|byte| byte ^ 0x55).collect::<Vec<u8>>().into();
    reply
}

#[test]
fn a_server_that_stops_sending_is_left_and_taken_up_again() {
    let server = HttpServer::start(|request| match request.number {
        0 => file(&PHOTOS, request).cut(1000).hangs(),
        _ => file(&PHOTOS, request),
    });
    let begun = Instant::now();
    Place::of(&server).get_whole(&PHOTOS);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert_eq!(ranges(&server), [None, Some(1000)]);
    // One that does not even answer.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/photos.tgz", listener.local_addr().unwrap());
    let folder = tempdir().unwrap();
    let fetch = Fetch::new(Cache::in_folder(folder.path()).unwrap()).retries(1, Duration::ZERO);
    let fetch = fetch.silence(Duration::from_millis(50));
    let message = fetch.get(&DataSet::new("photos", url)).unwrap_err().to_string();
    assert!(message.contains("the server sent nothing more"), "{message}");
}

#[test]
fn what_is_slow_but_moves_goes_on() {
    let server = HttpServer::start(|request| {
        file(&PHOTOS, request).pace(PHOTOS.len() / 8, Duration::from_millis(60))
    });
    let place = Place::of(&server);
    let begun = Instant::now();
    let fetch = place.fetch().silence(Duration::from_millis(200));
    fetch.retries(0, Duration::ZERO).get(&place.set).unwrap();
    assert!(begun.elapsed() > Duration::from_millis(400));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn without_a_network_it_says_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}/photos.tgz", listener.local_addr().unwrap());
    drop(listener);
    for url in [closed.as_str(), "http://nowhere.invalid/photos.tgz"] {
        let begun = Instant::now();
        let place = tempdir().unwrap();
        let fetch = Fetch::new(Cache::in_folder(place.path()).unwrap());
        let message = fetch.get(&DataSet::new("photos", url)).unwrap_err().to_string();
        assert!(message.contains("no connection to "), "{message}");
        assert!(message.contains("the bundled digits"), "{message}");
        assert!(begun.elapsed() < Duration::from_secs(5) && !message.contains('\n'));
    }
}

#[test]
fn progress_tells_bytes_and_total_and_never_goes_back() {
    let server = HttpServer::start(|request| match request.number {
        0 => file(&PHOTOS, request).cut(5000),
        _ => file(&PHOTOS, request),
    });
    let place = Place::of(&server);
    let told = RefCell::new(Vec::new());
    let fetch = Fetch::new(place.cache()).retries(1, Duration::ZERO);
    let fetch = fetch.progress(|progress| told.borrow_mut().push(format!("{progress:?}")));
    fetch.get(&place.set).unwrap();
    drop(fetch);
    let told = told.into_inner();
    let total = PHOTOS.len();
    assert!(told[0].starts_with("Started { name: \"photos\""), "{}", told[0]);
    assert_eq!(told[1], format!("Downloading {{ bytes: 0, total: Some({total}) }}"));
    let all = format!("Downloading {{ bytes: {total}, total: Some({total}) }}");
    assert!(told.contains(&all) && told.iter().any(|line| line.starts_with("Retrying")));
    assert!(told.last().unwrap().starts_with("Unpacking"));
}

#[test]
fn a_limit_holds_for_the_archive_too() {
    let server = HttpServer::start(|_| Reply::new("200 OK", &PHOTOS[..]).without_length());
    let place = Place::of(&server);
    let limits = ArchiveLimits { bytes: 1000, ..ArchiveLimits::default() };
    let fetch = place.fetch().archive_limits(limits);
    let message = fetch.get(&place.set).unwrap_err().to_string();
    assert!(message.contains("more than 1000 bytes"), "{message}");
}

proptest! {
    #![proptest_config(properties(1000))]

    #[test]
    fn whatever_a_server_does_the_bytes_are_right(
        faults in proptest::collection::vec((0..7_u8, 0..400_usize), 0..6),
    ) {
        static ARCHIVE: LazyLock<Vec<u8>> = LazyLock::new(|| noise(1));
        let server = HttpServer::start(move |request| {
            let whole = Reply::new("200 OK", &ARCHIVE[..]).header("ETag", "\"v1\"");
            let reply = file(&ARCHIVE, request);
            match faults.get(request.number) {
                None => reply,
                Some(&(0, at)) => { let at = at.min(reply.body.len()); reply.cut(at) }
                Some(&(1, at)) => whole.cut(at),
                Some(&(2, _)) => Reply::new("500 Internal Server Error", "no"),
                Some(&(3, _)) => Reply::new("503 Service Unavailable", "").cut(0),
                Some(&(4, at)) => Reply::new("200 OK", &ARCHIVE[..]).cut(at),
                Some(&(5, at)) if request.from().is_some() => Reply::new("206 Partial Content", vec![0; at])
                    .header("Content-Range", format!("bytes {at}-{}/{}", ARCHIVE.len() - 1, ARCHIVE.len())),
                Some(_) => whole,
            }
        });
        let place = Place::of(&server);
        let fetch = Fetch::new(place.cache()).retries(6, Duration::ZERO);
        fetch.get(&place.set).unwrap();
        place.is_whole(&ARCHIVE);
    }
}
