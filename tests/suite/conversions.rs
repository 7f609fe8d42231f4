//! Data sets in another form: the same images, or nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::data::dataset::Dataset;
use fastburn::vision::{
    Conversion, DataFormat, ImageFolder, Images, OpenOptions, ReadOptions, Splits,
};
use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use crate::crafted_archives::Tar;
use crate::program::{output, stderr, stdout};

const IDX: DataFormat = DataFormat::Idx { gzip: false };

fn write(folder: &Path, path: &str, value: u8) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_pixel(3, 2, Luma([value])).save(path).unwrap();
}

/// Two parts of the classes `cat` and `dog`, two images each.
fn pets() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (value, part) in [(0, "train"), (100, "valid")] {
        for (more, file) in (0..).zip(["cat/a.png", "cat/b.jpg", "dog/a.png", "dog/b.png"]) {
            write(folder.path(), &format!("{part}/{file}"), value + more);
        }
    }
    folder
}

fn convert(data: &Path, out: &Path, to: DataFormat) -> fastburn::Result<Conversion> {
    OpenOptions::new().convert(data, out, to, &ReadOptions::new(), &|_, _| true)
}

/// The pixels and the class of each image, in their order.
fn content(images: &ImageFolder) -> Vec<(Vec<u8>, String)> {
    let class = |label: u32| images.classes()[label as usize].clone();
    let items = (0..images.len()).map(|index| images.image(index).unwrap());
    items.map(|item| (item.pixels, class(item.label))).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn pngs_become_idx_and_pngs_again_with_the_same_pixels_labels_and_parts() {
    let folder = TempDir::new().unwrap();
    let digits = Path::new("assets/digits.tgz");
    let [idx, packed, png] = ["idx", "packed", "png"].map(|name| folder.path().join(name));
    let few = OpenOptions::new().max_per_class(20.try_into().unwrap());
    let before = few.open(digits).unwrap();
    let written = few.convert(digits, &idx, IDX, &ReadOptions::new(), &|_, _| true).unwrap();
    assert_eq!((written.train, written.valid, written.classes.len()), (200, Some(200), 10));
    assert!(written.classes.iter().all(|(class, number)| class == number));
    convert(&idx, &packed, DataFormat::Idx { gzip: true }).unwrap();
    convert(&packed, &png, DataFormat::Png).unwrap();

    assert_eq!(names(&png), ["testing", "training"].map(str::to_owned).into());
    assert!(png.join("training/1/00020.png").exists());
    for path in [&idx, &packed, &png] {
        let after = Splits::open(path, 0).unwrap();
        assert_eq!(content(&after.train), content(&before.train));
        assert_eq!(content(&after.valid), content(&before.valid));
    }
}

#[test]
fn data_without_a_validation_part_stays_so_and_is_split_alike() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    for value in 0..20 {
        write(&data, &format!("{}/{value:02}.png", value % 2), value);
    }
    for (name, to) in [("idx", IDX), ("png", DataFormat::Png)] {
        let out = folder.path().join(name);
        assert_eq!(convert(&data, &out, to).unwrap().valid, None);
        let [before, after] = [&data, &out].map(|path| Splits::open(path, 7).unwrap());
        assert_eq!(content(&after.valid), content(&before.valid));
    }
    assert_eq!(names(&folder.path().join("png")), ["0", "1"].map(str::to_owned).into());
}

#[test]
fn classes_that_are_no_numbers_are_numbered_and_named_in_a_file() {
    let (pets, folder) = (pets(), TempDir::new().unwrap());
    let out = folder.path().join("idx");
    let written = convert(pets.path(), &out, IDX).unwrap();
    let pairs: Vec<_> = written.classes.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(pairs, [("cat", "0"), ("dog", "1")]);
    assert_eq!(fs::read_to_string(out.join("classes.txt")).unwrap(), "cat\ndog\n");
    let [before, after] = [pets.path(), &out].map(|path| Splits::open(path, 0).unwrap());
    assert_eq!(content(&after.train), content(&before.train));

    // The numbers of classes that are numbers are kept, also where some are missing.
    let digits = folder.path().join("digits");
    for class in ["3", "7", "200"] {
        write(&digits, &format!("{class}/0.png"), 0);
        write(&digits, &format!("{class}/1.png"), 0);
    }
    let out = folder.path().join("numbers");
    let written = convert(&digits, &out, IDX).unwrap();
    assert!(written.classes.iter().all(|(class, number)| class == number));
    assert_eq!(fs::read(out.join("train-labels-idx1-ubyte")).unwrap()[8..], [3, 3, 7, 7, 200, 200]);
    assert!(!out.join("classes.txt").exists());
}

#[test]
fn files_keep_their_names_and_those_that_would_meet_are_told_apart() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    for (value, file) in (0..).zip(["a/x.png", "a/x.jpg", "a/X.png", "a/y.z.png", "b/x.png"]) {
        write(&data, file, value);
    }
    let mut colour = RgbImage::from_pixel(5, 4, Rgb([1, 2, 3]));
    colour.put_pixel(4, 0, Rgb([9, 8, 7]));
    colour.save(data.join("b/colour.png")).unwrap();
    let out = folder.path().join("out");
    convert(&data, &out, DataFormat::Png).unwrap();
    let expected = ["x.png", "x-2.png", "X-3.png", "y.z.png"].map(str::to_lowercase);
    let found: BTreeSet<_> = names(&out.join("a")).iter().map(|n| n.to_lowercase()).collect();
    assert_eq!(found, expected.into());
    // Images of several sizes and colours stay as they are.
    let [before, after] = [&data, &out].map(|path| ImageFolder::open(path).unwrap());
    let sorted = |images| {
        let mut content = content(images);
        content.sort();
        content
    };
    assert_eq!(sorted(&after), sorted(&before));
}

#[test]
fn twenty_thousand_files_of_one_name_are_told_apart_in_linear_time() {
    let entries = (0..20_000).map(|folder| format!("a/{folder}/x.png"));
    let archive = entries.fold(Tar::images(), |tar, name| tar.file(name.as_bytes(), b"bad"));
    let folder = TempDir::new().unwrap();
    let (data, out) = (folder.path().join("data.tar"), folder.path().join("out"));
    fs::write(&data, archive.end()).unwrap();
    let start = Instant::now();
    let reading = ReadOptions::new().skip_bad();
    let written = OpenOptions::new().convert(&data, &out, DataFormat::Png, &reading, &|_, _| true);
    assert_eq!(written.unwrap().skipped.len(), 20_000);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn names_that_lead_elsewhere_or_hide_are_changed() {
    let folder = TempDir::new().unwrap();
    for file in ["0.png", "1.png", "2.png", "3.png", "4.png", "5.png"] {
        write(folder.path(), file, 0);
    }
    let labels = "name,label\n0.png,../../out\n1.png,.hidden\n2.png,a/b\n3.png,a_b\n\
                  4.png,\"c\nd\"\n5.png,Thumbs.db\n";
    fs::write(folder.path().join("labels.csv"), labels).unwrap();
    let out = TempDir::new().unwrap();
    let written = convert(folder.path(), &out.path().join("png"), DataFormat::Png).unwrap();
    let changed: BTreeSet<_> = written.classes.into_iter().map(|(_, name)| name).collect();
    let expected = ["_._.._out", "_Thumbs.db", "_hidden", "a_b", "a_b-2", "c_d"].map(str::to_owned);
    assert_eq!(changed, expected.into());
    assert_eq!(names(&out.path().join("png")), changed);
    assert_eq!(names(out.path()), ["png".to_owned()].into());

    let error = convert(folder.path(), &out.path().join("idx"), IDX).unwrap_err().to_string();
    assert!(error.contains("cannot be a line of classes.txt"), "{error}");
}

#[test]
fn what_idx_has_no_room_for_is_refused_with_what_mends_it() {
    let folder = TempDir::new().unwrap();
    let data = |name: &str| folder.path().join(name);
    for class in ["a", "b"] {
        write(&data("sizes"), &format!("{class}/0.png"), 0);
        fs::create_dir_all(data("colour").join(class)).unwrap();
        RgbImage::new(2, 2).save(data("colour").join(class).join("0.png")).unwrap();
        write(&data("parts"), &format!("train/{class}/0.png"), 0);
        fs::create_dir_all(data("parts").join("valid").join(class)).unwrap();
        GrayImage::new(9, 9).save(data("parts").join("valid").join(class).join("0.png")).unwrap();
    }
    GrayImage::new(9, 9).save(data("sizes").join("b/1.png")).unwrap();
    let out = data("out");
    for (name, expected) in [
        ("sizes", "ReadOptions::size"),
        ("colour", "ReadOptions::channels"),
        ("parts", "ReadOptions::size"),
    ] {
        let error = convert(&data(name), &out, IDX).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{error}");
        assert!(!out.exists());
    }
    for (name, flag) in [("sizes", "--size"), ("colour", "--channels 1")] {
        let [from, to] = [data(name), out.clone()].map(|path| path.display().to_string());
        let arguments = ["data", "convert", &from, &to, "--to", "idx"];
        let refused = output(&arguments);
        assert!(stderr(&refused).contains(flag), "{}", stderr(&refused));
        let mended = output(&[&arguments[..], &["--size", "4", "--channels", "1"]].concat());
        assert!(mended.status.success(), "{}", stderr(&mended));
        let written = OpenOptions::new().open_all(&out).unwrap();
        assert!(written.sizes().unwrap().iter().all(|(size, _)| *size == [4, 4]));
        fs::remove_dir_all(&out).unwrap();
    }
    for class in 0..257 {
        write(&data("many"), &format!("c{class}/0.png"), 0);
    }
    let error = convert(&data("many"), &data("out"), IDX).unwrap_err().to_string();
    assert!(error.contains("257 classes; IDX labels allow at most 256"), "{error}");
}

#[test]
fn a_small_set_of_large_images_is_written_once_without_those_that_cannot_be_read() {
    let (pets, folder) = (pets(), TempDir::new().unwrap());
    fs::write(pets.path().join("valid/dog/c.png"), "no image").unwrap();
    let mut colour = RgbImage::from_pixel(50, 40, Rgb([250, 0, 0]));
    colour.put_pixel(4, 0, Rgb([9, 8, 7]));
    colour.save(pets.path().join("train/cat/c.png")).unwrap();
    let (options, reading) = (OpenOptions::new(), ReadOptions::new().size(20, 25).skip_bad());
    let out = folder.path().join("out");
    let written =
        options.convert(pets.path(), &out, DataFormat::Png, &reading, &|_, _| true).unwrap();
    assert_eq!((written.train, written.valid, written.skipped.len()), (5, Some(4), 1));
    assert!(written.skipped[0].file.ends_with("valid/dog/c.png"));
    // What is read from it as it is is what is read from the large ones in that size.
    let train = |path: &Path| Splits::open(path, 0).unwrap().train;
    let [large, small] =
        [pets.path(), &out].map(|path| Images::read(&train(path), &reading, &|_, _| {}).unwrap());
    assert!((0..5).all(|index| large.pixels(index).unwrap() == small.pixels(index).unwrap()));
    // Grey ones stay grey.
    let shapes = [0, 2].map(|index| train(&out).image(index).unwrap().shape);
    assert_eq!(shapes, [[1, 20, 25], [3, 20, 25]]);
}

#[test]
fn classes_that_would_be_read_as_parts_are_refused() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "0.png", 0);
    write(folder.path(), "1.png", 0);
    fs::write(folder.path().join("labels.csv"), "name,label\n0.png,train\n1.png,test\n").unwrap();
    let out = TempDir::new().unwrap();
    let error =
        convert(folder.path(), &out.path().join("o"), DataFormat::Png).unwrap_err().to_string();
    assert!(error.contains("train and test would be read as training and validation"), "{error}");
    assert!(names(out.path()).is_empty());
}

#[test]
fn a_conversion_that_fails_or_is_ended_leaves_nothing() {
    let (pets, folder) = (pets(), TempDir::new().unwrap());
    let out = folder.path().join("out");
    for to in [DataFormat::Png, IDX] {
        let (options, as_is) = (OpenOptions::new(), ReadOptions::new());
        let ended = options.convert(pets.path(), &out, to, &as_is, &|done, _| done < 5);
        let error = ended.unwrap_err().to_string();
        assert!(error.contains("out: ") && !error.contains("/.out"), "{error}");
        assert!(names(folder.path()).is_empty());
    }
    fs::write(pets.path().join("valid/dog/c.png"), "no image").unwrap();
    for to in [DataFormat::Png, IDX] {
        let error = convert(pets.path(), &out, to).unwrap_err().to_string();
        assert!(error.contains("c.png is not a readable image"), "{error}");
        assert!(names(folder.path()).is_empty());
    }
}

#[test]
fn what_is_there_already_is_left_alone() {
    let (pets, folder) = (pets(), TempDir::new().unwrap());
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    let error = convert(pets.path(), &there, DataFormat::Png).unwrap_err().to_string();
    assert!(error.contains("there: "), "{error}");
    let absent: PathBuf = folder.path().join("absent/out");
    let error = convert(pets.path(), &absent, DataFormat::Png).unwrap_err().to_string();
    assert!(error.contains("no folder "), "{error}");
    assert_eq!(names(folder.path()), ["there".to_owned()].into());
    let error = convert(pets.path(), &pets.path().join("train/out"), IDX).unwrap_err().to_string();
    assert!(error.contains("is inside the data set"), "{error}");
}

#[test]
fn the_program_converts_and_tells_the_numbers_of_classes() {
    let (pets, folder) = (pets(), TempDir::new().unwrap());
    let (data, out) = (pets.path().to_str().unwrap(), folder.path().join("idx"));
    let out = out.to_str().unwrap();
    let run = output(&["data", "convert", data, out, "--to", "idx", "--gzip"]);
    assert!(run.status.success(), "{}", stderr(&run));
    assert_eq!(stdout(&run), format!("{out}: 4 training and 4 validation images, 2 classes\n"));
    assert_eq!(stderr(&run), "class   cat is written as 0\nclass   dog is written as 1\n");
    assert!(Path::new(out).join("t10k-images-idx3-ubyte.gz").exists());

    let again = output(&["data", "convert", data, out]);
    assert_eq!(again.status.code(), Some(1));
    let png = folder.path().join("png");
    let run = output(&["data", "convert", out, png.to_str().unwrap(), "--json"]);
    let line: serde_json::Value = serde_json::from_str(&stdout(&run)).unwrap();
    assert_eq!((&line["train_images"], &line["classes"]["dog"]), (&4.into(), &"dog".into()));
    let refused = output(&["data", "convert", data, "x", "--gzip"]);
    assert_eq!(refused.status.code(), Some(2));
}
