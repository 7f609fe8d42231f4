//! Archives that are damaged, cut short or made to do harm: each is refused by name and leaves
//! nothing; and those of ordinary tools, which are not.

use std::fs;
use std::path::Path;

use fastburn::archive::{ArchiveLimits, unpack};
use fastburn::vision::{Images, OpenOptions, ReadOptions, Splits};
use fastburn::{Error, Result};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::crafted_archives::{Tar, Zip, Zipped, deflated_zeros, gzip, png};
use crate::program::{output, stderr};
use crate::support::{crate_path, properties};

fn options() -> OpenOptions {
    OpenOptions::new()
}

/// Unpacks an archive in a folder of its own: what is then in that folder beside it, in order.
fn unpacked(bytes: &[u8], limits: &ArchiveLimits) -> (Result<u64>, Vec<String>) {
    let folder = TempDir::new().unwrap();
    let (archive, into) = (folder.path().join("evil"), folder.path().join("deep/into"));
    fs::write(&archive, bytes).unwrap();
    fs::create_dir(folder.path().join("deep")).unwrap();
    let result = unpack(&archive, &into, limits, &|_| {}).map(|unpacked| unpacked.files);
    let mut found = files_below(folder.path());
    found.retain(|name| name != "evil");
    // What could not be unpacked left no folder either.
    assert_eq!(result.is_ok(), into.exists());
    let beside = fs::read_dir(folder.path().join("deep")).unwrap().count();
    assert_eq!(beside, usize::from(result.is_ok()));
    (result, found)
}

/// The files below a folder, and links and whatever else is no folder.
fn files_below(folder: &Path) -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => {
                    let path = entry.path();
                    files.push(path.strip_prefix(folder).unwrap().display().to_string());
                }
            }
        }
    }
    files.sort();
    files
}

/// Asserts that an archive is refused with a message of these words, and that nothing is left.
#[track_caller]
fn refused_with(bytes: &[u8], limits: ArchiveLimits, words: &[&str]) {
    let opened = options().archive_limits(limits).open_bytes("evil.archive", bytes);
    let message = match opened {
        Err(error @ Error::Data { .. }) => error.to_string(),
        other => panic!("{words:?}: {:?}", other.map(|_| ())),
    };
    let (result, left) = unpacked(bytes, &limits);
    let of_unpacking = result.unwrap_err().to_string();
    for (message, archive) in [(message, "evil.archive: "), (of_unpacking, "/evil: ")] {
        assert!(message.contains(archive), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        for word in words {
            assert!(message.contains(word), "{message} has no {word}");
        }
    }
    assert_eq!(left, Vec::<String>::new());
}

#[track_caller]
fn refused(bytes: &[u8], words: &[&str]) {
    refused_with(bytes, ArchiveLimits::default(), words);
}

/// As [`refused`], of a tar and of the same gzipped.
#[track_caller]
fn refused_tar(tar: Tar, words: &[&str]) {
    let bytes = tar.end();
    refused(&bytes, words);
    refused(&gzip(&bytes), words);
}

/// Each image's label and pixels, in order.
fn pixels(splits: &Splits) -> Vec<Vec<u8>> {
    let (train, valid) = splits.read(&ReadOptions::new(), &|_, _| {}).unwrap();
    let of_part = |part: &Images| {
        let image = |(&label, i)| [&[label as u8], &*part.pixels(i).unwrap()].concat();
        part.labels().iter().zip(0..).map(image).collect::<Vec<_>>()
    };
    let mut all = [of_part(&train), of_part(&valid)].concat();
    all.sort();
    all
}

#[test]
fn bad_names_are_refused_as_they_are() {
    let long = [b'n'; 256];
    let deep = [&b"d/".repeat(64)[..], b"x.png"].concat();
    let endless = b"0123456789/".repeat(100);
    let cases: [(&[u8], &[&str]); 12] = [
        (b"/etc/evil.png", &["/etc/evil.png", "absolute"]),
        (b"../evil.png", &["../evil.png", "outside"]),
        (b"a/../../evil.png", &["a/../../evil.png", "outside"]),
        (b"a/..", &["a/..", "outside"]),
        (b"C:/evil.png", &["C:/evil.png", "drive"]),
        (b"a\\..\\evil.png", &["a\\..\\evil.png", "backslash"]),
        (b"a/\xff\xfe.png", &["a/\\xff\\xfe.png", "not UTF-8"]),
        (b"a/evil.png\0.txt", &["a/evil.png\\u{0}.txt", "NUL"]),
        (&long, &["nnnn…", "longer than 255 bytes"]),
        (&deep, &["d/d/", "more than 64 parts"]),
        (&endless, &["0123456789/", "longer than 1024 bytes"]),
        (b"a/\n\x1b[2J/../x", &["a/\\n\\u{1b}[2J/../x", "outside"]),
    ];
    for (name, words) in cases {
        refused_tar(Tar::images().pax("path", name).file(b"short", b"x"), words);
        let long = [name, b"\0"].concat();
        refused_tar(Tar::images().entry(b'L', b"link", &long).file(b"short", b"x"), words);
        refused(&Zip::images().file(name, b"x").end(), words);
        if name.len() < 100 && !name.contains(&0) {
            refused_tar(Tar::images().file(name, b"x"), words);
        }
    }
}

#[test]
fn what_is_neither_file_nor_folder_is_refused_by_name() {
    let kinds = [
        (b'1', "hard link"),
        (b'2', "symbolic link"),
        (b'3', "device"),
        (b'4', "device"),
        (b'6', "pipe"),
        (b'S', "sparse"),
        (b'M', "neither a file nor a folder"),
    ];
    for (kind, why) in kinds {
        // As the first, before there is anything that could be kept, and as the last.
        refused_tar(Tar::default().entry(kind, b"a/odd.png", b""), &["a/odd.png", why]);
        refused_tar(Tar::images().entry(kind, b"a/odd.png", b""), &["a/odd.png", why]);
    }
    let sparse = Tar::images().pax("GNU.sparse.major", b"1").file(b"a/odd.png", b"x");
    refused_tar(sparse, &["a/odd.png", "sparse"]);
    for (mode, why) in [
        (0o120_777, "symbolic link"),
        (0o060_644, "device"),
        (0o020_644, "device"),
        (0o010_644, "pipe"),
    ] {
        let odd = Zipped { mode, ..Zipped::file(b"a/odd.png", b"../../x") };
        refused(&Zip::images().entry(odd).end(), &["a/odd.png", why]);
    }
}

#[test]
fn two_entries_at_one_place_are_refused_by_name() {
    let cases: [(&[u8], &[u8], &str); 5] = [
        (b"a/x.png", b"a/x.png", "same name"),
        (b"a/x.png", b"./a//x.png", "same name"),
        (b"a/x.png", b"a/x.png/y.png", "a file where it needs a folder"),
        (b"a/x.png", b"a/x.png/", "a folder where another entry is a file"),
        (b"a/x.png/y.png", b"a/x.png", "a file where another entry has a folder"),
    ];
    for (first, second, why) in cases {
        let words = [std::str::from_utf8(second).unwrap(), why];
        let kind = if second.ends_with(b"/") { b'5' } else { b'0' };
        refused_tar(Tar::images().file(first, b"1").entry(kind, second, b""), &words);
        refused(&Zip::images().file(first, b"1").file(second, b"").end(), &words);
    }
    let folder = Tar::images().entry(b'5', b"a/", b"").entry(b'5', b"./", b"");
    let folder = folder.entry(b'5', b"a/", b"").end();
    assert_eq!(options().open_bytes("fine", &folder).unwrap().train.labels().len(), 2);
}

#[test]
fn an_archive_without_its_end_is_refused() {
    let tar = Tar::images().end();
    for length in (512..tar.len() - 1024).step_by(256) {
        refused(&tar[..length], &["damaged archive"]);
        refused(&gzip(&tar[..length]), &["damaged archive"]);
    }
    let gzipped = gzip(&tar);
    for length in [gzipped.len() / 2, gzipped.len() - 9, gzipped.len() - 8, gzipped.len() - 1] {
        refused(&gzipped[..length], &["damaged archive"]);
    }
    let zip = Zip::images().end();
    for length in (4..zip.len()).step_by(7).chain([zip.len() - 1]) {
        refused(&zip[..length], &["damaged archive"]);
    }
    let cut = Tar::images().claiming(b'0', b"a/cut.png", &png(1), 1 << 20).0;
    refused(&cut, &["a/cut.png", "too early"]);
    // The last whole entry is followed by what speaks of a next one.
    refused(&Tar::images().pax("path", b"a/next.png").end(), &["end of the archive is missing"]);
    let joined = [Tar::images().end(), Tar::default().file(b"c", b"x").end()].concat();
    refused(&joined, &["data after the end"]);
}

#[test]
fn headers_that_disagree_are_refused_by_name() {
    let twice = Tar::images().pax("path", b"a/x.png").entry(b'L', b"l", b"a/y.png\0");
    refused_tar(twice.file(b"a/z.png", b"x"), &["two long names"]);
    let size = Tar::images().pax("size", b"0").file(b"a/z.png", b"x");
    refused_tar(size, &["a/z.png", "state different sizes"]);
    let of_all = Tar::images().entry(b'g', b"all", b"14 path=a/all\n").file(b"a/z.png", b"x");
    refused_tar(of_all, &["sets the name or size of all entries"]);
    let wrong = Tar::images().entry(b'x', b"odd", b"999999999999 path=x\n");
    refused_tar(wrong.file(b"a/z.png", b"x"), &["malformed"]);
    let endless = Tar::images().claiming(b'L', b"odd", b"", (8 << 30) - 1);
    refused(&endless.0, &["odd", "1 MiB"]);

    let fine = Zipped::file(b"a/z.png", b"content");
    let odd = [
        (Zipped { local_name: b"a/y.png", ..fine }, "mismatch"),
        (Zipped { crc: 1, ..fine }, "checksum"),
        (Zipped { size: 6, ..fine }, "declared"),
        (Zipped { size: 4_000_000_000, ..fine }, "too early"),
        (Zipped { flags: 1, ..fine }, "encrypted"),
        (Zipped { method: 12, ..fine }, "compression"),
    ];
    for (entry, why) in odd {
        refused(&Zip::images().entry(entry).end(), &["a/z.png", why]);
    }
    let zip = Zip::images();
    let at = zip.bytes.len() as u32;
    let shared = zip.entry(fine).listed(Zipped { name: b"a/x.png", ..fine }, at).end();
    refused(&shared, &["a/x.png", "overlaps another"]);
    let mut far = Zip::images().end();
    let end = far.len() - 22;
    far[end + 16..end + 20].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(&far, &["damaged archive"]);
}

#[test]
fn a_billion_bytes_of_zeros_are_refused_and_twenty_million_may_be_allowed() {
    let zeros = gzip(&[0; 1_000_000]);
    let tgz = |millions: u64| {
        let header = Tar::images().claiming(b'0', b"a/zeros.png", b"", millions * 1_000_000).0;
        let body = zeros.repeat(millions as usize);
        // Each member is a stream of its own, and all of them together are one.
        let fill = (millions as usize * 1_000_000).next_multiple_of(512);
        let fill = vec![0; fill - millions as usize * 1_000_000 + 1024];
        [gzip(&header), body, gzip(&fill)].concat()
    };
    let zip = |millions: u32| {
        let packed = deflated_zeros(millions as usize);
        let mut crc = crc32fast::Hasher::new();
        if millions < 100 {
            (0..millions).for_each(|_| crc.update(&[0; 1_000_000]));
        }
        let size = millions * 1_000_000;
        let entry =
            Zipped { packed: &packed, size, method: 8, ..Zipped::file(b"a/zeros.png", b"") };
        Zip::images().entry(Zipped { crc: crc.finalize(), ..entry }).end()
    };
    let raised = ArchiveLimits { ratio: 2000, ..ArchiveLimits::default() };
    for (bomb, allowed) in [(tgz(1000), tgz(20)), (zip(1000), zip(20))] {
        let words = ["a/zeros.png", "compression ratio above 200", "ArchiveLimits::ratio"];
        refused(&bomb, &words);
        refused(&allowed, &words);
        assert!(options().archive_limits(raised).open_bytes("big", &allowed).is_ok());
        let (result, _) = unpacked(&allowed, &raised);
        assert_eq!(result.unwrap(), 5);
        let few = ArchiveLimits { bytes: 1_000_000, ..raised };
        refused_with(&allowed, few, &["a/zeros.png", "more than 1000000 bytes", "::bytes"]);
    }
    // Many zeros behind the end are a bomb too.
    let tail = [gzip(&Tar::images().end()), zeros.repeat(100)].concat();
    refused(&tail, &["compression ratio above 200"]);
    // And a small archive may be as empty as it likes.
    let black = Tar::images().file(b"a/black.png", &[0; 1_000_000]).end();
    assert!(options().open_bytes("black", &gzip(&black)).is_ok());
}

#[test]
fn a_hundred_thousand_empty_files_are_refused_and_may_be_allowed() {
    let names = |count: u32| (0..count).map(|i| format!("{}/{i}.png", ["a", "b"][i as usize % 2]));
    let tar = |count| names(count).fold(Tar::default(), |tar, name| tar.file(name.as_bytes(), b""));
    let zip = |count| names(count).fold(Zip::default(), |zip, name| zip.file(name.as_bytes(), b""));
    let words = ["10000.png", "more than 10000 empty files", "ArchiveLimits::empty"];
    let many = tar(100_000).end();
    refused(&gzip(&many), &words);
    refused(&zip(60_000).end(), &words);
    let raised = ArchiveLimits { empty: 100_000, ..ArchiveLimits::default() };
    let opened = options().archive_limits(raised).open_bytes("empty", &many).unwrap();
    assert_eq!(opened.train.labels().len() + opened.valid.labels().len(), 100_000);

    // Four files in two folders are six.
    let limits = |files| ArchiveLimits { files, ..ArchiveLimits::default() };
    for bytes in [Tar::images().end(), gzip(&Tar::images().end()), Zip::images().end()] {
        refused_with(&bytes, limits(5), &["b/1.png", "more than 5 files and folders", "::files"]);
        assert!(options().archive_limits(limits(6)).open_bytes("fine", &bytes).is_ok());
    }
    // Folders count where only a path tells of them, and as often as they are listed.
    let deep = Tar::default().file(b"1/2/3/4/5/6/x", b"x").end();
    refused_with(&deep, limits(6), &["1/2/3/4/5/6/x", "more than 6"]);
    let again = (0..7).fold(Tar::default(), |tar, _| tar.entry(b'5', b"a/", b"")).end();
    refused_with(&again, limits(6), &["a/", "more than 6"]);
}

#[test]
fn what_is_no_archive_is_told_what_is_expected() {
    let folder = TempDir::new().unwrap();
    let expected = "expected a folder or a .tgz, .tar or .zip archive";
    for (bytes, name) in [
        (png(1), "an.png"),
        (Vec::new(), "empty.tgz"),
        (vec![0; 10_240], "zeros.tar"),
        (gzip(b"plain text"), "text.gz"),
        (b"PK".to_vec(), "short.zip"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let message = Splits::open(&path, 0).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(expected), "{message}");
    }
    #[cfg(unix)]
    {
        let message = Splits::open("/dev/zero", 0).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn ordinary_archives_of_ordinary_tools_are_read_and_unpacked() {
    let folder = crate_path("tests/reference/archives");
    let archives: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(archives.len(), 7);
    let grey = |label, value| vec![label, value, value, value, value];
    let expected = [grey(0, 1), grey(0, 2), grey(1, 41), grey(1, 42)];
    for archive in archives {
        let opened = options().open(&archive).unwrap();
        assert_eq!(pixels(&opened), expected, "{}", archive.display());
        let bytes = fs::read(&archive).unwrap();
        assert_eq!(pixels(&options().open_bytes("it", &bytes).unwrap()), expected);
        let (result, files) = unpacked(&bytes, &ArchiveLimits::default());
        assert_eq!(result.unwrap(), 4, "{}", archive.display());
        // The hidden files are left out.
        assert_eq!(files.len(), 4);
    }
}

#[test]
fn what_systems_leave_in_folders_is_left_out_of_archives_as_well() {
    let left = |tar: Tar, name: &[u8]| tar.file(name, b"a system's note");
    let names = [&b"a/Thumbs.db"[..], b"b/desktop.ini", b"a/.DS_Store", b"__MACOSX/a/0.png"];
    let bytes = names.into_iter().fold(Tar::images(), left).end();
    let opened = options().open_bytes("it", &bytes).unwrap();
    assert_eq!(pixels(&opened), pixels(&options().open_bytes("it", &Tar::images().end()).unwrap()));
    let (files, names) = unpacked(&bytes, &ArchiveLimits::default());
    assert_eq!((files.unwrap(), names.len()), (4, 4));
}

#[test]
fn what_is_there_already_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let archive = folder.path().join("fine.tar");
    fs::write(&archive, Tar::images().end()).unwrap();
    let into = folder.path().join("into");
    fs::create_dir(&into).unwrap();
    let error = unpack(&archive, &into, &ArchiveLimits::default(), &|_| {}).unwrap_err();
    assert!(error.to_string().contains("into"), "{error}");
    assert_eq!(files_below(folder.path()), ["fine.tar"]);

    fs::remove_dir(&into).unwrap();
    let last = std::cell::Cell::new(0);
    let done = unpack(&archive, &into, &ArchiveLimits::default(), &|bytes| last.set(bytes));
    assert_eq!((done.unwrap().bytes, last.get()), (4 * png(1).len() as u64, last.get()));
    assert_eq!(fs::read(into.join("b/1.png")).unwrap(), png(4));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        let plain = folder.path().join("plain");
        fs::create_dir(&plain).unwrap();
        assert_eq!(mode(&into), mode(&plain));
        fs::write(plain.join("x"), "").unwrap();
        assert_eq!(mode(&into.join("a/0.png")), mode(&plain.join("x")));
    }
}

#[test]
fn the_program_refuses_in_one_line_and_takes_other_limits() {
    let folder = TempDir::new().unwrap();
    let show = |name: &str, bytes: &[u8], more: &[&str]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        output(&[&["show", path.to_str().unwrap()], more].concat())
    };
    let zeros = Tar::images().file(b"a/zeros.png", &vec![0; 20_000_000]).end();
    let hostile = [
        ("dots.tgz", gzip(&Tar::images().file(b"../evil.png", b"x").end()), "../evil.png"),
        ("link.tar", Tar::images().entry(b'2', b"a/link", b"").end(), "a/link"),
        ("slash.zip", Zip::images().file(b"/evil.png", b"x").end(), "/evil.png"),
        ("cut.tgz", gzip(&Tar::images().end())[..99].to_vec(), "damaged"),
        ("bomb.tgz", gzip(&zeros), "a/zeros.png"),
    ];
    for (name, bytes, word) in &hostile {
        let run = show(name, bytes, &[]);
        let told = stderr(&run);
        assert_eq!(run.status.code(), Some(1), "{told}");
        assert!(told.starts_with("error: ") && told.lines().count() == 1, "{told}");
        assert!(told.contains(name) && told.contains(word), "{told}");
    }
    assert_eq!(files_below(folder.path()).len(), hostile.len());

    let fine = Zip::images().end();
    assert!(show("fine.zip", &fine, &[]).status.success());
    let few = show("fine.zip", &fine, &["--archive-limits", "files=5,bytes=1.5GB"]);
    assert!(stderr(&few).contains("more than 5 files and folders"), "{}", stderr(&few));
    let told = stderr(&show("bomb.tgz", &gzip(&zeros), &["--archive-limits", "bytes=2MiB"]));
    assert!(told.contains("more than 2097152 bytes"), "{told}");
    let told = stderr(&show("bomb.tgz", &gzip(&zeros), &["--archive-limits", "ratio=2000"]));
    assert!(!told.contains("--archive-limits"), "{told}");
    for (wrong, word) in [
        ("size=3", "unknown limit size"),
        ("bytes", "\"bytes\" is not a limit"),
        ("bytes=many", "512MiB"),
        ("bytes=1.5", "512MiB"),
        ("bytes=-1", "512MiB"),
        ("bytes=inf", "512MiB"),
        ("bytes=99999999TB", "512MiB"),
        ("files=1.5", "expected a number"),
        ("", "is not a limit"),
    ] {
        let run = show("fine.zip", &fine, &["--archive-limits", wrong]);
        assert_eq!(run.status.code(), Some(2), "{wrong}");
        assert!(stderr(&run).contains(word), "{}", stderr(&run));
    }
}

/// What the name of a file should be unpacked to, if anything: said once more, in other words.
fn destination(name: &[u8]) -> Option<String> {
    let text = String::from_utf8(name.to_vec()).ok()?;
    let mut path = Vec::new();
    for component in Path::new(&text).components() {
        match component {
            std::path::Component::Normal(part) => path.push(part.to_str()?),
            std::path::Component::CurDir => {}
            _ => return None,
        }
    }
    let forbidden = text.contains(['\\', '\0']) || text.ends_with('/') || text.ends_with("/.");
    let drive = text.get(1..2) == Some(":") && text.as_bytes()[0].is_ascii_alphabetic();
    (!forbidden && !drive && !path.is_empty()).then(|| path.join("/"))
}

proptest! {
    #![proptest_config(properties(1000))]

    /// One change, or one cut: a tar's checksum is a plain sum, and two changes may make up for
    /// each other.
    #[test]
    fn a_changed_archive_gives_the_same_images_or_an_error(
        format in 0..3,
        place in any::<prop::sample::Index>(),
        cut in prop::bool::weighted(0.3),
        change in 1..=255_u8,
    ) {
        let mut bytes = match format {
            0 => Tar::images().end(),
            1 => gzip(&Tar::images().end()),
            _ => Zip::images().end(),
        };
        let place = place.index(bytes.len());
        match cut {
            true => bytes.truncate(place),
            false => bytes[place] ^= change,
        }
        let opened = options().open_bytes("changed", &bytes);
        if let Ok(opened) = &opened
            && let Ok((train, valid)) = opened.read(&ReadOptions::new(), &|_, _| {})
        {
            prop_assert_eq!(train.labels().len() + valid.labels().len(), 4);
            let whole = options().open_bytes("whole", &Tar::images().end()).unwrap();
            prop_assert_eq!(pixels(opened), pixels(&whole));
        }
        // All are read; some are unpacked as well, since the disk is waited for.
        if change % 8 > 0 {
            return Ok(());
        }
        let (result, left) = unpacked(&bytes, &ArchiveLimits::default());
        prop_assert!(left.iter().all(|path| path.starts_with("deep/into/")));
        let most = if result.is_ok() { 4 } else { 0 };
        prop_assert!(left.len() <= most);
    }

    #[test]
    fn a_file_goes_where_its_name_says_or_nowhere(
        name in prop::collection::vec(prop::sample::select(b"ab/..:\\\0\xc3\xa9 C".to_vec()), 1..12),
    ) {
        let expected = destination(&name);
        let tar = Tar::default().pax("path", &name).file(b"short", b"x").end();
        let zip = Zip::default().file(&name, b"x").end();
        for bytes in [tar, zip] {
            let (result, files) = unpacked(&bytes, &ArchiveLimits::default());
            match &expected {
                None => prop_assert!(result.is_err(), "{}", name.escape_ascii()),
                Some(path) if path.split('/').any(|part| part.starts_with('.')) => {
                    prop_assert_eq!(result.ok(), Some(0));
                }
                Some(path) => {
                    prop_assert_eq!(result.ok(), Some(1), "{}", name.escape_ascii());
                    prop_assert_eq!(files, [format!("deep/into/{path}")]);
                }
            }
        }
    }
}
