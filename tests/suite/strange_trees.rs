//! Deep, wide and strange trees: what is listed of them, in what order, and what is refused.

use std::fs;
use std::path::Path;

use burn::data::dataset::Dataset;
use fastburn::vision::{ImageFolder, Images, OpenOptions, Splits};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use tempfile::TempDir;

use crate::program::{output, stderr};

/// A PNG of one pixel.
pub fn pixel(value: u8) -> Vec<u8> {
    png(&[value], 1)
}

/// A grey PNG.
pub fn png(pixels: &[u8], width: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let height = pixels.len() as u32 / width;
    PngEncoder::new(&mut bytes).write_image(pixels, width, height, ExtendedColorType::L8).unwrap();
    bytes
}

/// A folder of these files, each a PNG of one pixel, whose value is the file's place in the list.
pub fn tree(files: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (value, file) in files.iter().enumerate() {
        write(&folder.path().join(file), &pixel(value as u8));
    }
    folder
}

pub fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// The images' names, below the folder.
fn names(folder: &TempDir) -> Vec<String> {
    let listed = ImageFolder::open(folder.path()).unwrap();
    let place = format!("{}/", folder.path().display());
    let name = |index| listed.file_name(index).strip_prefix(&place).unwrap().to_owned();
    (0..listed.len()).map(name).collect()
}

fn trouble(folder: &Path) -> String {
    let error = ImageFolder::open(folder).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn images_at_any_depth_are_of_their_class_a_folders_own_before_those_below_it() {
    let files = ["a/x.png", "a/z.png", "a/b/0.png", "a/b/c/d/e/0.png", "a/y/0.png", "b/q/r/0.png"];
    let mut created = files;
    created.reverse();
    let folder = tree(&created);
    assert_eq!(names(&folder), files);
    let listed = ImageFolder::open(folder.path()).unwrap();
    assert_eq!(listed.labels(), [0, 0, 0, 0, 0, 1]);

    // An archive lists them in the same order.
    let path = folder.path().join("set.tar");
    let mut archive = tar::Builder::new(fs::File::create(&path).unwrap());
    for class in ["b", "a"] {
        archive.append_dir_all(class, folder.path().join(class)).unwrap();
    }
    archive.finish().unwrap();
    let archived = ImageFolder::open(&path).unwrap();
    for (index, file) in files.iter().enumerate() {
        assert!(archived.file_name(index).ends_with(&format!("set.tar/{file}")));
        assert_eq!(archived.get(index).unwrap(), listed.get(index).unwrap());
    }
}

#[test]
fn a_folder_that_has_everything_else_in_it_is_gone_into() {
    let parts = ["train/a/0.png", "train/b/0.png", "valid/a/0.png", "valid/b/0.png"];
    let within = parts.map(|file| format!("x/mnist_png/{file}"));
    let folder = tree(&within.each_ref().map(String::as_str));
    fs::write(folder.path().join("README.md"), "about").unwrap();
    fs::write(folder.path().join("x/mnist_png/labels.csv"), "about").unwrap();
    fs::create_dir(folder.path().join("__MACOSX")).unwrap();
    let splits = Splits::open(folder.path(), 0).unwrap();
    assert_eq!((splits.train.len(), splits.valid.len()), (2, 2));
    assert!(splits.place().ends_with("x/mnist_png"));
    assert_eq!(OpenOptions::new().open_all(folder.path()).unwrap().len(), 4);

    let folder = tree(&["set/a/0.png", "set/b/0.png"]);
    assert_eq!(names(&folder), ["set/a/0.png", "set/b/0.png"]);
}

#[test]
fn a_single_class_is_not_gone_into() {
    for files in [&["cat/0.png", "cat/1.png"][..], &["cat/0.png", "cat/young/0.png"]] {
        let folder = tree(files);
        assert_eq!(ImageFolder::open(folder.path()).unwrap().classes(), ["cat"]);
        assert_eq!(names(&folder), files);
        let error = Splits::open(folder.path(), 0).unwrap_err().to_string();
        assert!(error.contains("one class, cat"), "{error}");
    }
}

#[test]
fn parts_are_never_taken_for_classes() {
    for (train, valid) in [("train", "val"), ("Training", "Validation"), ("TRAIN", "test")] {
        let parts =
            [train, valid].map(|part| [format!("{part}/a/0.png"), format!("{part}/b/0.png")]);
        let folder = tree(&parts.as_flattened().iter().map(String::as_str).collect::<Vec<_>>());
        let splits = Splits::open(folder.path(), 0).unwrap();
        assert_eq!((splits.train.len(), splits.valid.classes().len()), (2, 2));
        let error = trouble(folder.path());
        assert!(error.contains("two parts instead of classes; open "), "{error}");
    }
    // Where there are several, the one that is for validation by name.
    let folder =
        tree(&["train/a/0.png", "train/b/0.png", "test/a/0.png", "val/a/0.png", "val/b/0.png"]);
    assert!(Splits::open(folder.path(), 0).unwrap().valid.place().ends_with("val"));
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_to_files_and_folders_are_followed() {
        let elsewhere = tree(&["images/0.png", "images/deep/1.png", "2.png"]);
        let folder = tree(&["a/own.png"]);
        symlink(elsewhere.path().join("images"), folder.path().join("a/linked")).unwrap();
        symlink(elsewhere.path().join("2.png"), folder.path().join("a/two.png")).unwrap();
        symlink(elsewhere.path().join("images"), folder.path().join("b")).unwrap();
        let expected =
            ["a/own.png", "a/two.png", "a/linked/0.png", "a/linked/deep/1.png", "b/0.png"];
        assert_eq!(names(&folder)[..5], expected);
        assert_eq!(ImageFolder::open(folder.path()).unwrap().image(1).unwrap().pixels, [2]);
    }

    #[test]
    fn links_in_loops_end() {
        let folder = tree(&["a/0.png", "a/x/1.png", "a/y/2.png", "b/3.png"]);
        let within = |path: &str| folder.path().join(path);
        for (target, link) in [
            (".", "self"),        // a class that is the data set itself
            (".", "a/x/here"),    // a folder in itself
            ("..", "a/x/up"),     // in its class
            ("../..", "a/x/top"), // in the data set
            ("../../..", "a/x/out"),
            ("/", "a/x/root"),
            ("../y", "a/x/there"), // two folders in each other
            ("../x", "a/y/there"),
        ] {
            symlink(target, within(link)).unwrap();
        }
        assert_eq!(names(&folder), ["a/0.png", "a/x/1.png", "a/x/there/2.png", "b/3.png"]);
        let again = tempfile::tempdir().unwrap();
        symlink(folder.path(), again.path().join("data")).unwrap();
        assert_eq!(ImageFolder::open(again.path().join("data")).unwrap().len(), 4);
    }

    #[test]
    fn links_that_double_at_each_of_forty_levels_are_listed_once() {
        let folder = tree(&["a/0.png", "b/0.png"]);
        for level in 0..40 {
            let here = folder.path().join(format!("a/level{level}"));
            fs::create_dir(&here).unwrap();
            fs::write(here.join("0.png"), pixel(1)).unwrap();
            for link in ["left", "right"] {
                symlink(format!("../level{}", level + 1), here.join(link)).unwrap();
            }
        }
        fs::create_dir(folder.path().join("a/level40")).unwrap();
        assert_eq!(names(&folder).len(), 42);
    }

    #[test]
    fn links_that_lead_nowhere_are_named() {
        for (target, link) in
            [("gone", "a/x/dangling"), ("turning", "a/turning"), ("gone", "class")]
        {
            let folder = tree(&["a/0.png", "a/x/0.png", "b/0.png"]);
            symlink(target, folder.path().join(link)).unwrap();
            assert!(trouble(folder.path()).contains(&format!("{link}: ")));
        }
    }

    #[test]
    fn what_is_neither_a_file_nor_a_folder_is_passed_over() {
        let folder = tree(&["a/0.png", "b/0.png"]);
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("a/socket"));
        symlink("/dev/zero", folder.path().join("a/zero.png")).unwrap();
        assert_eq!(names(&folder), ["a/0.png", "b/0.png"]);
    }
}

#[test]
fn names_with_spaces_quotes_newlines_and_unicode_are_read() {
    let files = [
        "a b/ .png",
        "a b/'\".png",
        "a b/\n.png",
        "a b/x\ty.png",
        "a b/é.png",
        "a b/🦀.png",
        "line\nbreak/日本.png",
    ];
    let folder = tree(&files);
    let listed = ImageFolder::open(folder.path()).unwrap();
    assert_eq!(listed.classes(), ["a b", "line\nbreak"]);
    let mut found: Vec<u8> = (0..7).map(|index| listed.image(index).unwrap().pixels[0]).collect();
    found.sort_unstable();
    assert_eq!(found, [0, 1, 2, 3, 4, 5, 6]);

    fs::write(folder.path().join("line\nbreak/\r\nbroken\x1b[31m.png"), "no image").unwrap();
    let run = output(&["train", folder.path().to_str().unwrap()]);
    let told = stderr(&run);
    assert_eq!(run.status.code(), Some(1));
    assert!(told.trim_end().lines().count() == 1 && told.contains("broken"), "{told}");
    assert!(!told.trim_end().contains(char::is_control), "{told}");
}

#[cfg(target_os = "linux")]
mod not_utf8 {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::support::properties;

    #[test]
    fn files_whose_names_are_not_utf8_are_read_and_told_apart() {
        let folder = tree(&["b/0.png"]);
        fs::create_dir(folder.path().join("a")).unwrap();
        for (value, name) in [(1, &b"x\xfe.png"[..]), (2, b"x\xff.png")] {
            fs::write(folder.path().join("a").join(OsStr::from_bytes(name)), pixel(value)).unwrap();
        }
        assert_eq!(names(&folder), [r"a/x\xFE.png", r"a/x\xFF.png", "b/0.png"]);
        let images = Images::decode(&ImageFolder::open(folder.path()).unwrap()).unwrap();
        assert_eq!([0, 1, 2].map(|index| images.pixels(index).unwrap()[0]), [1, 2, 0]);

        // And so are broken ones.
        let broken = folder.path().join("a").join(OsStr::from_bytes(b"x\xff.png"));
        fs::write(&broken, "").unwrap();
        let listed = ImageFolder::open(folder.path()).unwrap();
        let error = Images::decode(&listed).unwrap_err().to_string();
        assert!(error.contains(r"a/x\xFF.png is not"), "{error}");
        fs::remove_file(&broken).unwrap();
        let error = Images::decode(&listed).unwrap_err().to_string();
        assert!(error.contains(r"cannot read") && error.contains(r"a/x\xFF.png: "), "{error}");
    }

    #[test]
    fn a_class_whose_name_is_not_utf8_is_refused() {
        let folder = tree(&["a/0.png"]);
        write(&folder.path().join(OsStr::from_bytes(b"b\xff/0.png")), &pixel(0));
        let error = trouble(folder.path());
        assert!(error.contains(r"b\xFF: ") && error.ends_with("rename it"), "{error}");
        let error = Splits::open(folder.path(), 0).unwrap_err().to_string();
        assert!(error.contains(r"b\xFF: "), "{error}");

        // Below a class folders may be called as they like.
        let folder = tree(&["a/0.png", "b/0.png"]);
        write(&folder.path().join(OsStr::from_bytes(b"a/b\xff/1.png")), &pixel(1));
        assert_eq!(names(&folder), ["a/0.png", r"a/b\xFF/1.png", "b/0.png"]);
    }

    /// Whether a file of that name is an image to be listed.
    fn is_listed(name: &[u8]) -> bool {
        let lower = name.to_ascii_lowercase();
        let is_image = |ending: &&str| {
            lower.strip_suffix(ending.as_bytes()).is_some_and(|stem| !stem.is_empty())
        };
        name[0] != b'.' && [".png", ".jpg", ".tif"].iter().any(is_image)
    }

    proptest! {
        #![proptest_config(properties(1000))]

        #[test]
        fn listing_finds_exactly_the_files_that_are_there_in_the_order_of_their_bytes(
            names in prop::collection::btree_set(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 1..9),
                    prop::collection::vec(any::<u8>(), 1..9).prop_map(|name| [&name[..], b".png"].concat()),
                    "[ab.\n\"' é]{1,4}(|.png|.JPG|.tif|.CSV|.md)".prop_map(String::into_bytes),
                ]
                .prop_map(|name| {
                    let plain = |byte| if matches!(byte, 0 | b'/') { b'_' } else { byte };
                    name.into_iter().map(plain).collect::<Vec<u8>>()
                })
                .prop_filter("a file", |name| name != b"." && name != b".."),
                1..6,
            ),
            deep in any::<u8>(),
        ) {
            static CASE: AtomicUsize = AtomicUsize::new(0);
            static PLACE: std::sync::LazyLock<TempDir> =
                std::sync::LazyLock::new(|| TempDir::new().unwrap());
            let folder = PLACE.path().join(CASE.fetch_add(1, Ordering::Relaxed).to_string());
            let sub = folder.join("class").join("below");
            fs::create_dir_all(&sub).unwrap();
            fs::write(folder.join("class/\u{1}first.png"), pixel(255)).unwrap();

            // Which image is expected at which place: own files first, then those below.
            let mut expected = BTreeMap::new();
            expected.insert((false, b"\x01first.png".to_vec()), 255);
            for (value, name) in names.iter().enumerate() {
                let is_deep = deep >> value & 1 == 1;
                let place = if is_deep { &sub } else { sub.parent().unwrap() };
                let path = place.join(OsStr::from_bytes(name));
                if path == sub {
                    continue;
                }
                fs::write(path, pixel(value as u8)).unwrap();
                if is_listed(name) {
                    expected.insert((is_deep, name.clone()), value as u8);
                }
            }
            let listed = ImageFolder::open(&folder).unwrap();
            let found: Vec<u8> =
                (0..listed.len()).map(|index| listed.image(index).unwrap().pixels[0]).collect();
            prop_assert_eq!(found, expected.into_values().collect::<Vec<_>>());
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}

#[test]
fn a_tree_of_300_folders_in_each_other_is_listed() {
    let folder = tree(&["b/0.png"]);
    let deep = folder.path().join("a").join("d/".repeat(300));
    write(&deep.join("0.png"), &pixel(1));
    assert_eq!(ImageFolder::open(folder.path()).unwrap().get(0).unwrap().pixels, [1]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_too_long_for_the_system_is_named() {
    let (folder, other) = (tree(&["a/0.png", "b/0.png"]), TempDir::new().unwrap());
    let half = format!("{}/", "x".repeat(200)).repeat(15);
    fs::create_dir_all(folder.path().join("a").join(&half)).unwrap();
    let lower = other.path().join("lower");
    fs::create_dir_all(lower.join(&half)).unwrap();
    fs::rename(&lower, folder.path().join("a").join(&half).join("lower")).unwrap();
    let error = trouble(folder.path());
    assert!(error.starts_with("cannot read ") && error.contains("/a/xxx"), "{error}");
    assert!(error.contains("too long"), "{error}");
}

#[test]
fn a_thousand_classes_are_listed_split_and_told_of_in_one_line() {
    let folder = TempDir::new().unwrap();
    let first = folder.path().join("first.md");
    fs::write(&first, pixel(7)).unwrap();
    for class in 0..1000 {
        let class = folder.path().join(format!("class {class}"));
        fs::create_dir(&class).unwrap();
        (0..10)
            .for_each(|image| fs::hard_link(&first, class.join(format!("{image}.png"))).unwrap());
    }
    let splits = Splits::open(folder.path(), 0).unwrap();
    assert_eq!((splits.train.len(), splits.valid.len()), (8000, 2000));
    assert_eq!(splits.train.classes()[9..11], ["class 9", "class 10"]);
    assert!(splits.valid.labels().chunks(2).zip(0..).all(|(labels, class)| labels == [class; 2]));
    let names: Vec<_> = splits.train.classes().iter().map(String::as_str).collect();
    assert_eq!(splits.with_classes(&names[500..]).unwrap().train.len(), 4000);

    let error = splits.with_classes(&["cat"]).unwrap_err().to_string();
    assert!(
        error.contains("no class cat; the classes are class 0, ") && error.len() < 300,
        "{error}"
    );
    assert!(error.ends_with("class 9 and 990 more"), "{error}");

    let parts = tree(&["train/class 0/0.png"]);
    fs::rename(folder.path(), parts.path().join("valid")).unwrap();
    let error = Splits::open(parts.path(), 0).unwrap_err().to_string();
    assert!(error.contains("no class class 1, ") && error.len() < 300, "{error}");
    assert!(error.contains("class 10 and 989 more, which "), "{error}");
}

#[test]
fn files_that_vanish_or_change_after_they_were_listed_are_named() {
    type Change = fn(&Path);
    let change: [(Change, &str); 5] = [
        (|file| fs::remove_file(file).unwrap(), "cannot read"),
        (|file| fs::remove_dir_all(file.parent().unwrap()).unwrap(), "cannot read"),
        (|file| fs::write(file, "").unwrap(), "empty file"),
        (|file| fs::write(file, png(&[0; 6], 3)).unwrap(), "3×2, expected"),
        (
            |file| {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            },
            "cannot read",
        ),
    ];
    for (change, expected) in change {
        let folder = tree(&["a/0.png", "b/x/1.png", "b/x/2.png"]);
        let listed = ImageFolder::open(folder.path()).unwrap();
        change(&folder.path().join("b/x/1.png"));
        let error = Images::decode(&listed).unwrap_err().to_string();
        assert!(error.contains("b/x/1.png") && error.contains(expected), "{error}");
        assert!(listed.image(0).is_ok());
    }
}

#[test]
fn a_file_of_gigabytes_is_refused_unread() {
    let folder = tree(&["a/0.png", "b/0.png"]);
    let file = fs::OpenOptions::new().write(true).open(folder.path().join("a/0.png")).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = Images::decode(&ImageFolder::open(folder.path()).unwrap()).unwrap_err().to_string();
    assert!(error.contains("a/0.png: 1099511627776 bytes"), "{error}");
}
