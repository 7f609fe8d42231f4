//! `fastburn data check`, and the library's check: all that is wrong, not the first of it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastburn::vision::{DataCheck, Fix, OpenOptions, Problem, ReadOptions, Severity, Splits};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{output, stderr, stdout};
use crate::strange_trees::{png, tree, write};
use crate::support::crate_path;

/// Images of 4×4 pixels, no two of which are equal.
fn image(value: u8) -> Vec<u8> {
    png(&[value; 16], 4)
}

/// Ten images of each of two classes in each of two parts, all different.
fn whole() -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut value = 0;
    for part in ["train", "valid"] {
        for class in ["a", "b"] {
            for index in 0..10 {
                write(&folder.path().join(format!("{part}/{class}/{index}.png")), &image(value));
                value += 1;
            }
        }
    }
    folder
}

fn check(folder: &Path) -> DataCheck {
    OpenOptions::new().check(folder, &|_, _| {}).unwrap()
}

fn troubles(folder: &Path) -> Vec<Problem> {
    check(folder).findings.into_iter().map(|finding| finding.problem).collect()
}

/// The lines of the findings, without the folder's path.
fn lines(folder: &Path) -> Vec<String> {
    let place = format!("{}/", folder.display());
    troubles(folder).iter().map(|trouble| trouble.to_string().replace(&place, "")).collect()
}

fn jpeg() -> Vec<u8> {
    let pixels: Vec<u8> = (0..64 * 64).map(|i: u32| (i * i % 251) as u8).collect();
    let mut bytes = Vec::new();
    JpegEncoder::new(&mut bytes).write_image(&pixels, 64, 64, ExtendedColorType::L8).unwrap();
    bytes
}

/// What the program says and how it ends.
fn said(arguments: &[&str], folder: &Path) -> (String, i32) {
    let run = output(&[&["data", "check", folder.to_str().unwrap()], arguments].concat());
    assert_eq!(stderr(&run), "");
    (stdout(&run), run.status.code().unwrap())
}

fn json(folder: &Path) -> Value {
    let (said, _) = said(&["--json"], folder);
    assert_eq!(said.lines().count(), 1);
    serde_json::from_str(&said).unwrap()
}

#[test]
fn a_data_set_without_fault_is_fit() {
    let folder = whole();
    let found = check(folder.path());
    assert!(found.is_fit() && found.findings.is_empty(), "{:?}", found.findings);
    assert_eq!((found.images, &found.parts[..]), (40, &["train", "valid"].map(String::from)[..]));
    let classes: Vec<_> =
        found.classes.iter().map(|class| (&class.name[..], &class.images[..])).collect();
    assert_eq!(classes, [("a", &[Some(10), Some(10)][..]), ("b", &[Some(10), Some(10)])]);
    assert_eq!(found.extremes().unwrap(), [("a", 10), ("a", 10)]);
    let (text, code) = said(&[], folder.path());
    let expected = "class  train  valid\na      10     10\nb      10     10\nall    20     20\n\n\
                    size        images\n4×4   grey  40\n\nfit for training\n";
    assert_eq!((text.as_str(), code), (expected, 0));
}

#[test]
fn every_bad_file_is_named_with_its_reason() {
    let folder = whole();
    let at = |name: &str| folder.path().join("train/a").join(name);
    let (whole, jpeg) = (fs::read(at("0.png")).unwrap(), jpeg());
    let mut flipped = whole.clone();
    *flipped.iter_mut().rev().nth(20).unwrap() ^= 0xff;
    let mut huge = whole.clone();
    huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let mut magic = whole.clone();
    magic[1] = b'Q';
    let broken = [
        ("cut.jpg", jpeg[..jpeg.len() / 2].to_vec(), "truncated"),
        ("cut.png", whole[..whole.len() - 20].to_vec(), ""),
        ("empty.png", vec![], "empty file"),
        ("flipped.png", flipped, ""),
        ("head.jpg", jpeg[..20].to_vec(), ""),
        ("huge.png", huge, ""),
        ("magic.png", magic, "not a PNG, JPEG, WebP"),
        ("page.png", b"<html>404</html>".to_vec(), "not a PNG, JPEG, WebP"),
    ];
    for (name, content, _) in &broken {
        write(&at(name), content);
    }
    let found = lines(folder.path());
    for (line, (name, _, reason)) in found.iter().zip(&broken) {
        assert!(line.starts_with(&format!("train/a/{name}: ")) && line.contains(reason), "{line}");
    }
    assert_eq!(found.len(), broken.len(), "{found:?}");
    assert_eq!(check(folder.path()).images, 48);

    let (text, code) = said(&[], folder.path());
    assert_eq!(code, 1);
    let listed: Vec<_> = text.lines().filter(|line| line.starts_with("unfit ")).collect();
    assert_eq!(listed.len(), broken.len());
    assert!(text.ends_with("\nnot fit for training: 8 problems\n"), "{text}");
    let said = json(folder.path());
    assert_eq!((&said["fit"], said["findings"].as_array().unwrap().len()), (&false.into(), 8));
    for (finding, (name, ..)) in said["findings"].as_array().unwrap().iter().zip(&broken) {
        assert_eq!(
            (&finding["severity"], &finding["kind"]),
            (&"unfit".into(), &"broken-file".into())
        );
        assert!(finding["file"].as_str().unwrap().ends_with(name));
    }
}

#[test]
fn a_whole_jpeg_is_no_bad_file_whatever_stands_before_and_behind_its_picture() {
    let folder = whole();
    let jpeg = jpeg();
    let mut thumbnail = vec![0xff, 0xd8, 0xff, 0xe1];
    thumbnail.extend((jpeg.len() as u16 + 2).to_be_bytes());
    thumbnail.extend(&jpeg);
    thumbnail.extend(&jpeg[2..]);
    let cut = thumbnail[..thumbnail.len() - 100].to_vec();
    for (name, content) in
        [("plain", jpeg.clone()), ("behind", [&jpeg[..], b"more"].concat()), ("thumb", thumbnail)]
    {
        write(&folder.path().join(format!("train/a/{name}.jpg")), &content);
    }
    let broken = |found: &[Problem]| {
        found.iter().filter(|trouble| matches!(trouble, Problem::BrokenFile { .. })).count()
    };
    assert_eq!(broken(&troubles(folder.path())), 0);
    write(&folder.path().join("train/a/cut.jpg"), &cut);
    assert_eq!(broken(&troubles(folder.path())), 1);
}

#[test]
fn what_is_wrong_with_classes_is_found_all_at_once() {
    let folder = whole();
    let within = |path: &str| folder.path().join(path);
    for empty in ["train/empty", "valid/empty"] {
        fs::create_dir(within(empty)).unwrap();
    }
    write(&within("train/noted/labels.csv"), b"about");
    write(&within("valid/noted/0.png"), &image(200));
    write(&within("train/here/0.png"), &image(201));
    write(&within("valid/there/0.png"), &image(202));
    let found = lines(folder.path());
    for expected in [
        "class empty has no images in train",
        "class empty has no images in valid",
        "class here is in train but not in valid",
        "class there is in valid but not in train",
        "class noted has no images in train",
        "class a has 10 times as many images as here",
        "classes with fewer than 10 training images: here",
        "ignored non-image files: 1 .csv",
    ] {
        assert!(found.iter().any(|line| line == expected), "no {expected} in {found:?}");
    }
    assert_eq!(found.len(), 8, "{found:?}");
    let (text, code) = said(&[], folder.path());
    assert!(code == 1 && text.contains("5 problems; 3 warnings"), "{text}");
    assert!(text.contains("\nhere   1      -\n"), "{text}");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_listed_or_is_not_used_is_told() {
    let folder = whole();
    let within = |path: &str| folder.path().join(path);
    std::os::unix::fs::symlink("nowhere", within("train/a/dangling")).unwrap();
    std::os::unix::fs::symlink("..", within("train/a/loop")).unwrap();
    write(&within("train/stray.png"), &image(200));
    write(&within("test/a/0.png"), &image(201));
    write(&within("README.md"), b"about");
    let found = lines(folder.path());
    for expected in [
        "train/a/dangling: No such file or directory (os error 2)",
        "ignored (a link to a folder that contains it): train/a/loop",
        "ignored (not in a class folder): train/stray.png",
        "ignored (not the training or validation folder): test",
    ] {
        assert!(found.iter().any(|line| line == expected), "no {expected} in {found:?}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_or_hold_newlines_stay_on_one_line() {
    use std::os::unix::ffi::OsStrExt;

    let folder = whole();
    let bytes = |name| std::ffi::OsStr::from_bytes(name);
    write(&folder.path().join("train").join(bytes(b"c\xff/0.png")), &image(200));
    write(&folder.path().join("train/a").join(bytes(b"\xfe\n.png")), b"");
    let (text, code) = said(&[], folder.path());
    let listed: Vec<_> = text.lines().filter(|line| line.starts_with("unfit ")).collect();
    assert_eq!((listed.len(), code), (2, 1), "{text}");
    assert!(listed[0].contains(r"train/c\xFF: ") && listed[0].ends_with("rename it"), "{text}");
    assert!(listed[1].contains("train/a/\\xFE\u{fffd}.png: empty file"), "{text}");
    let file = json(folder.path())["findings"][1]["file"].as_str().unwrap().to_owned();
    assert!(file.ends_with("\\xFE\n.png"), "{file}");
}

#[test]
fn sizes_that_differ_are_counted_and_a_size_mends_them() {
    let folder = whole();
    for (name, width) in [("8", 8), ("8b", 8), ("2", 2)] {
        let file = folder.path().join(format!("train/a/x{name}.png"));
        write(&file, &png(&[100 + width as u8 + name.len() as u8; 16], width));
    }
    let found = check(folder.path());
    let sizes: Vec<_> = found.formats.iter().map(|f| (f.width, f.height, f.images)).collect();
    assert_eq!(sizes, [(4, 4, 40), (8, 2, 2), (2, 8, 1)]);
    assert!(found.formats[1].example.ends_with("train/a/x8.png"));
    assert_eq!(found.findings.len(), 1);
    assert_eq!(found.findings[0].problem, Problem::SizesDiffer { sizes: 3 });
    assert!(!found.is_fit() && !found.clone().with_fix(Fix::Channels).is_fit());
    assert!(found.with_fix(Fix::Size).is_fit());

    let (text, code) = said(&[], folder.path());
    assert_eq!(code, 1);
    assert!(text.contains("8×2   grey  2       ") && text.contains("train/a/x2.png\n"), "{text}");
    assert!(text.ends_with("not fit for training; fixed by --size\n"), "{text}");
    for size in ["28", "28x20"] {
        let (text, code) = said(&["--size", size], folder.path());
        assert!(code == 0 && text.ends_with("\nfit for training; 1 warning\n"), "{text}");
    }
    for size in ["0", "28x", "1x2x3", "big"] {
        let run = output(&["data", "check", folder.path().to_str().unwrap(), "--size", size]);
        assert!(run.status.code() == Some(2) && stderr(&run).contains("--size"));
    }
}

#[test]
fn colours_that_differ_are_with_fix_channels_or_a_size_and_training_says_the_same() {
    let folder = whole();
    let colour = |file: &str| {
        RgbImage::from_pixel(4, 4, Rgb([1, 2, 3])).save(folder.path().join(file)).unwrap();
    };
    colour("valid/a/colour.png");
    assert_eq!(lines(folder.path()), ["valid is in colour and train is grey"]);
    let verdicts = || {
        let as_it_is = ReadOptions::new();
        let mended = [as_it_is.clone().channels(1), as_it_is.clone().size(4, 4)];
        let flags = [&[][..], &["--channels", "1"], &["--size", "4"]];
        let readings = [as_it_is].into_iter().chain(mended);
        readings.zip(flags).map(|(reading, flags)| {
            let splits = Splits::open(folder.path(), 0).unwrap();
            let trains = splits.read(&reading, &|_, _| {}).is_ok();
            assert_eq!(said(flags, folder.path()).1 == 0, trains, "{flags:?}");
            trains
        })
    };
    assert_eq!(verdicts().collect::<Vec<_>>(), [false, true, true]);
    colour("train/a/colour.png");
    let found = lines(folder.path());
    assert_eq!(found[0], "40 grey and 2 colour images");
    assert_eq!(verdicts().collect::<Vec<_>>(), [false, true, true]);
    let run = output(&["data", "check", folder.path().to_str().unwrap(), "--channels", "2"]);
    assert!(run.status.code() == Some(2) && stderr(&run).contains("--channels"));
}

#[test]
fn the_same_image_is_found_in_two_parts_two_classes_and_twice_in_one() {
    let folder = whole();
    let same = |from: &str, to: &str| {
        fs::copy(folder.path().join(from), folder.path().join(to)).unwrap();
    };
    same("train/a/0.png", "valid/a/leak.png");
    same("train/a/1.png", "train/b/both.png");
    same("train/a/2.png", "train/a/twice.png");
    same("train/b/3.png", "valid/a/leak and both.png");
    same("train/b/3.png", "valid/b/leak.png");
    // The same pixels, but not the same bytes: 16 bits in place of 8.
    let deep = image::ImageBuffer::from_pixel(4, 4, image::Luma([14_u16 * 257]));
    deep.save(folder.path().join("valid/b/deep.png")).unwrap();
    // The same pixels in another shape are another image.
    write(&folder.path().join("train/a/wide.png"), &png(&[5; 16], 8));
    let found = lines(folder.path());
    assert_eq!(
        found[1..],
        [
            "the same image in train and valid: train/a/0.png, valid/a/leak.png",
            "the same image, labelled a, b: train/a/1.png, train/b/both.png",
            "the same image: train/a/2.png, train/a/twice.png",
            "the same image in train and valid, labelled a, b: train/b/3.png, \
             valid/a/leak and both.png, valid/b/leak.png",
            "the same image in train and valid: train/b/4.png, valid/b/deep.png",
        ]
    );
    let found = check(folder.path()).with_fix(Fix::Size);
    assert!(found.is_fit() && found.findings.iter().all(|f| f.severity == Severity::Warning));
    let (text, code) = said(&["--size", "4"], folder.path());
    assert!(code == 0 && text.ends_with("fit for training; 6 warnings\n"), "{text}");
}

#[test]
fn many_equal_images_are_summed_up_in_text_and_complete_in_json() {
    let folder = whole();
    for index in 0..12 {
        let (class, number) = (["a", "b"][index / 10], index % 10);
        let copy = folder.path().join(format!("valid/a/copy{index:02}.png"));
        fs::copy(folder.path().join(format!("train/{class}/{number}.png")), copy).unwrap();
    }
    let (text, code) = said(&[], folder.path());
    assert_eq!((text.matches("the same image").count(), code), (10, 0));
    assert!(text.contains("warning  2 more duplicate images; --json lists them"), "{text}");
    let found = json(folder.path());
    assert_eq!(found["findings"].as_array().unwrap().len(), 12);
    assert_eq!(found["findings"][11]["files"].as_array().unwrap().len(), 2);
}

/// What training refuses is unfit, and what it takes is fit.
#[test]
fn the_verdict_is_that_of_training() {
    let cases: [(&[&str], bool); 9] = [
        (&["a/0.png", "a/1.png", "b/0.png", "b/1.png"], true),
        (&["x/a/0.png", "x/a/deep/1.png", "x/b/0.png", "x/b/1.png"], true),
        (&["train/a/0.png", "train/b/1.png", "val/a/0.png", "val/b/0.png"], true),
        (&["a/0.png", "a/1.png"], false),
        (&["a/0.png", "b/0.png", "b/1.png"], false),
        (&["0.png", "1.png"], false),
        (&["train/a/0.png", "train/b/1.png"], false),
        (&["train/a/0.png", "train/b/1.png", "valid/a/0.png"], false),
        (&["train/a/0.png", "valid/a/1.png"], false),
    ];
    for (files, fit) in cases {
        let folder = tree(files);
        let opened = Splits::open(folder.path(), 0)
            .and_then(|splits| splits.read(&ReadOptions::new(), &|_, _| {}));
        assert_eq!(opened.is_ok(), fit, "{files:?}");
        let found = check(folder.path());
        assert_eq!(found.is_fit(), fit, "{files:?}: {:?}", found.findings);
    }
}

#[test]
fn an_archive_is_checked_as_its_folder_is() {
    let folder = whole();
    write(&folder.path().join("train/a/bad.png"), b"bad");
    fs::copy(folder.path().join("train/a/0.png"), folder.path().join("valid/a/leak.png")).unwrap();
    write(&folder.path().join("train/only/0.png"), &image(200));
    let place = TempDir::new().unwrap();
    let path = place.path().join("set.tar");
    let mut archive = tar::Builder::new(fs::File::create(&path).unwrap());
    archive.append_dir_all(".", folder.path()).unwrap();
    archive.finish().unwrap();
    let found = lines(folder.path());
    assert_eq!(lines(&path), found);
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn a_check_is_told_of_as_it_goes_and_survives_json() {
    let (most, calls) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let digits = crate_path("assets/digits.tgz");
    let found = OpenOptions::new().check(digits, &|done, total| {
        assert!(done <= total && total == 7000);
        most.fetch_max(done, Ordering::Relaxed);
        calls.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(most.into_inner(), 7000);
    assert!((10..1000).contains(&calls.into_inner()));
    let folder = whole();
    write(&folder.path().join("train/a/bad.png"), b"bad");
    for found in [found.unwrap(), check(folder.path())] {
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<DataCheck>(&text).unwrap(), found);
    }
}

#[test]
fn a_thousand_classes_make_a_short_table() {
    let folder = TempDir::new().unwrap();
    for class in 0..1000 {
        for index in 0..2 + usize::from(class == 500) {
            let value = [(class / 256) as u8, (class % 256) as u8, index as u8, 1];
            write(&folder.path().join(format!("class{class}/{index}.png")), &png(&value, 2));
        }
    }
    let (text, code) = said(&[], folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.lines().count() < 40 && text.contains("(980 more)\n"), "{text}");
    assert!(
        text.contains("\nclass500    3\n")
            && text.contains("largest class: class500, smallest: class0, ratio 1.5")
    );
    assert!(text.contains(
        "classes with fewer than 10 training images: class0, class1, class2 and 997 more"
    ));
    assert_eq!(json(folder.path())["classes"].as_array().unwrap().len(), 1000);
}

#[test]
fn what_is_not_there_is_an_error() {
    let run = output(&["data", "check", "missing"]);
    assert_eq!((run.status.code(), stdout(&run).as_str()), (Some(1), ""));
    assert!(stderr(&run).starts_with("error: missing: no such folder"));
}
