//! Tables of labels: which images they name, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use burn::data::dataset::Dataset;
use fastburn::vision::{ImageFolder, OpenOptions, Splits};
use image::{GrayImage, Luma};
use tempfile::TempDir;

use crate::program::{output, stderr};
use crate::support::mnist;

/// A folder with images of 2×2 pixels at these paths, the value of each its number in the list.
fn folder(paths: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (value, path) in (0..).zip(paths) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_pixel(2, 2, Luma([value])).save(path).unwrap();
    }
    folder
}

const FOUR: [&str; 4] = ["0.png", "1.png", "2.png", "3.png"];

/// The first pixel and the class of each image.
fn content(images: &ImageFolder) -> Vec<(u8, &str)> {
    let items = (0..images.len()).map(|index| images.image(index).unwrap());
    items.map(|item| (item.pixels[0], images.classes()[item.label as usize].as_str())).collect()
}

fn write(folder: &TempDir, table: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join("labels.csv");
    fs::write(&path, table).unwrap();
    path
}

/// All images of the table in the folder.
#[track_caller]
fn all(folder: &TempDir, table: &str) -> Vec<(u8, String)> {
    write(folder, table);
    let images = OpenOptions::new().open_all(folder.path()).unwrap();
    content(&images).into_iter().map(|(value, class)| (value, class.to_owned())).collect()
}

#[track_caller]
fn refused(folder: &TempDir, table: impl AsRef<[u8]>, expected: &str) {
    let table = write(folder, table);
    let error = OpenOptions::new().labels(&table).open_all(folder.path()).unwrap_err();
    assert!(!error.is_usage());
    let error = error.to_string();
    assert!(error.contains("labels.csv: ") && error.contains(expected), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn a_folder_without_class_folders_is_read_by_its_table() {
    for paths in
        [["0.png", "1.png", "2.png", "3.png"], ["i/0.png", "i/1.png", "i/2.png", "i/3.png"]]
    {
        let folder = folder(&paths);
        let rows = paths.iter().zip(["b", "a10", "b", "a9"]);
        let rows: String = rows.map(|(path, label)| format!("{path},{label}\n")).collect();
        let found = all(&folder, &format!("name,label\n{rows}"));
        let labels: Vec<_> = found.iter().map(|(value, class)| (*value, class.as_str())).collect();
        assert_eq!(labels, [(0, "b"), (1, "a10"), (2, "b"), (3, "a9")]);
        let images = OpenOptions::new().open_all(folder.path()).unwrap();
        assert_eq!(images.classes(), ["a9", "a10", "b"]);
    }
}

#[test]
fn class_folders_count_before_a_table_unless_it_is_named() {
    let folder = folder(&["a/0.png", "a/1.png", "b/2.png", "b/3.png"]);
    let table = write(&folder, "name,label\na/0.png,x\na/1.png,y\nb/2.png,x\nb/3.png,y\n");
    assert_eq!(Splits::open(folder.path(), 0).unwrap().train.classes(), ["a", "b"]);
    let splits = OpenOptions::new().labels(&table).open(folder.path()).unwrap();
    assert_eq!(splits.train.classes(), ["x", "y"]);
}

#[test]
fn columns_are_known_by_their_names_or_stand_where_fastai_looks() {
    let folder = folder(&FOUR);
    let expected = [(0, "a".to_owned()), (1, "b".to_owned())];
    for table in [
        "name,label\n0.png,a\n1.png,b\n",
        "image_id,breed\n0.png,a\n1.png,b\n",
        "Label,File Name\na,0.png\nb,1.png\n",
        ",name,label\n7,0.png,a\n8,1.png,b\n",
        "id,breed,path\n7,a,0.png\n8,b,1.png\n",
        "label,what\na,0.png\nb,1.png\n",
        // No header at all.
        "0.png,a\n1.png,b\n",
    ] {
        assert_eq!(all(&folder, table), expected, "{table}");
    }
}

#[test]
fn quotes_commas_newlines_a_byte_order_mark_and_crlf_work() {
    let folder = folder(&["a, b.png", "c \"d\".png", "e\nf.png"]);
    let table = "\u{feff}name,label\r\n\"a, b.png\", x \r\n\"c \"\"d\"\".png\",y\r\n\r\n\
                 \"e\nf.png\",\"z, z\"\r\n";
    let found = all(&folder, table);
    let expected = [(0, "x"), (1, "y"), (2, "z, z")].map(|(v, class)| (v, class.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn a_column_says_which_part_an_image_is_of() {
    let folder = folder(&FOUR);
    for (column, words) in [
        ("is_valid", ["True", "false", "1", "0"]),
        ("is_valid", ["TRUE", "FALSE", "1", "0"]),
        ("split", ["valid", "train", "val", "training"]),
        ("split", ["test", "train", "Testing", "train"]),
    ] {
        let rows = FOUR.iter().zip(words).zip(["a", "a", "b", "b"]);
        let rows: String = rows.map(|((f, part), label)| format!("{f},{part},{label}\n")).collect();
        write(&folder, format!("file,{column},label\n{rows}"));
        let splits = Splits::open(folder.path(), 0).unwrap();
        assert_eq!(content(&splits.train), [(1, "a"), (3, "b")], "{words:?}");
        assert_eq!(content(&splits.valid), [(0, "a"), (2, "b")], "{words:?}");
    }
}

#[test]
fn without_a_column_the_paths_say_it_or_a_fifth_is_held_back() {
    let paths = ["train/0.png", "train/1.png", "test/0.png", "test/1.png"];
    let folder = folder(&paths);
    write(&folder, "name,label\ntrain/0.png,a\ntrain/1.png,b\ntest/0.png,a\ntest/1.png,b\n");
    let splits = Splits::open(folder.path(), 0).unwrap();
    assert_eq!(content(&splits.train), [(0, "a"), (1, "b")]);
    assert_eq!(content(&splits.valid), [(2, "a"), (3, "b")]);

    let folder = self::folder(&FOUR);
    write(&folder, "name,label\n0.png,a\n1.png,a\n2.png,b\n3.png,b\n");
    let splits = Splits::open(folder.path(), 5).unwrap();
    assert_eq!((splits.train.len(), splits.valid.len()), (2, 2));
}

#[test]
fn of_three_parts_the_test_part_is_left_aside_as_with_folders() {
    let folder = folder(&["0.png", "1.png", "2.png", "3.png", "4.png"]);
    let rows = "0.png,a,train\n1.png,b,train\n2.png,a,valid\n3.png,b,valid\n4.png,c,test\n";
    write(&folder, format!("name,label,split\n{rows}"));
    let splits = Splits::open(folder.path(), 0).unwrap();
    assert_eq!((splits.train.classes().len(), splits.train.len(), splits.valid.len()), (2, 2, 2));
}

#[test]
fn files_are_called_from_the_data_or_else_from_the_tables_folder() {
    let (data, other) = (folder(&["i/0.png", "i/1.png"]), folder(&["x/0.png", "x/1.png"]));
    let table = write(&other, "name,label\ni/0.png,a\ni/1.png,b\n");
    let options = OpenOptions::new().labels(&table);
    assert_eq!(options.open_all(data.path()).unwrap().len(), 2);
    write(&other, "name,label\nx/0.png,a\nx/1.png,b\n");
    assert_eq!(options.open_all(data.path()).unwrap().len(), 2);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let folder = folder(&["0.png", "1.png", ".h.png"]);
    for (rows, expected) in [
        ("0.png,a\n5.png,b\n", "line 3: no file 5.png in "),
        ("0.png,a\nx/y/5.png,b\n", "line 3: no file x/y/5.png in "),
        ("0.png,a\n0.png/1.png,b\n", "line 3: no file 0.png/1.png in "),
        ("0.png,a\n\n./0.png,a\n", "line 4: 0.png is already in line 2"),
        ("0.png,\n", "line 2: no label for 0.png"),
        ("0.png,\" \"\n", "line 2: no label for 0.png"),
        (",a\n", "line 2: no file"),
        ("../0.png,a\n", "line 2: \"../0.png\" contains .."),
        ("a/../0.png,a\n", "contains .."),
        ("/etc/passwd,a\n", "line 2: \"/etc/passwd\" is absolute"),
        (".h.png,a\n", "is hidden"),
        ("0.png,a,c\n", "line 2: 3 cells; expected 2, as in the first line"),
        ("0.png\n", "line 2: 1 cells"),
        ("", "a table without images"),
    ] {
        refused(&folder, format!("name,label\n{rows}"), expected);
    }
    refused(&folder, "", "an empty table");
    refused(&folder, "name;label\n0.png;a\n", "1 column(s); expected a file and its label");
    refused(&folder, b"name,label\n0.png,\xff\n", "line 2: not UTF-8");
    refused(&folder, b"\xff\xfen\0a\0m\0e\0,\0l\0\n\0", "not UTF-8");
    refused(&folder, "name,label,is_valid\n0.png,a,yes\n", "line 2: is_valid is \"yes\"");
    refused(&folder, "name,label,split\n0.png,a,dev\n", "line 2: split is \"dev\"");
    refused(&folder, "name,label,is_valid\n0.png,a,1\n", "none are left for training");
    refused(&folder, "name,label,is_valid,split\n0.png,a,1,test\n", "both a column");
}

#[test]
fn a_class_of_one_part_only_is_refused_with_the_table_and_the_part() {
    let folder = folder(&FOUR);
    write(&folder, "n,label,is_valid\n0.png,a,0\n1.png,b,0\n2.png,a,1\n3.png,a,1\n");
    let error = Splits::open(folder.path(), 0).unwrap_err().to_string();
    assert!(error.contains("labels.csv (valid): no class b, which"), "{error}");
}

#[test]
fn mnist_samples_table_says_what_its_folders_say() {
    let Some(archive) = mnist("mnist_sample.tgz") else { return };
    let folder = TempDir::new().unwrap();
    let bytes = flate2::read::GzDecoder::new(fs::File::open(&archive).unwrap());
    tar::Archive::new(bytes).unpack(folder.path()).unwrap();
    let sample = folder.path().join("mnist_sample");
    let table = sample.join("labels.csv");
    let expected = Splits::open(&archive, 0).unwrap();
    for data in [&sample, &archive] {
        let found = OpenOptions::new().labels(&table).open(data).unwrap();
        assert_eq!(found.train.labels(), expected.train.labels());
        assert_eq!(found.valid.labels(), expected.valid.labels());
        let last = expected.valid.len() - 1;
        assert_eq!(found.valid.image(last).unwrap(), expected.valid.image(last).unwrap());
    }
}

#[test]
fn the_program_takes_a_table_for_data_alone() {
    let run = output(&["--labels", "some.csv", "--device", "cpu"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(stderr(&run).contains("--labels some.csv needs"), "{}", stderr(&run));

    let folder = folder(&["a/0.png", "a/1.png", "b/2.png", "b/3.png"]);
    let table = write(&folder, "name,label\na/0.png,x\na/1.png,x\nb/2.png,x\nb/3.png,y\n");
    let [data, table] = [folder.path(), &table].map(|path: &Path| path.to_str().unwrap());
    let run = output(&["train", data, "--labels", table, "--device", "cpu"]);
    assert!(stderr(&run).contains("class y has one image"), "{}", stderr(&run));
}

#[test]
fn a_first_line_with_an_image_is_no_header_whatever_its_class_is_called() {
    for class in ["target", "class", "label", "category", "image", "name"] {
        let folder = folder(&FOUR);
        let rows = format!("0.png,{class}\n1.png,{class}\n2.png,b\n3.png,b\n");
        let table = write(&folder, rows);
        let all = OpenOptions::new().labels(&table).open_all(folder.path()).unwrap();
        assert_eq!(all.len(), 4, "{class}");
        assert!(all.classes().contains(&class.to_owned()), "{class}: {:?}", all.classes());
    }
    // By every extension of an image.
    let folder = TempDir::new().unwrap();
    for name in ["0.webp", "1.bmp"] {
        image::RgbImage::new(2, 2).save(folder.path().join(name)).unwrap();
    }
    let table = write(&folder, "0.webp,a\n1.bmp,b\n");
    assert_eq!(OpenOptions::new().labels(&table).open_all(folder.path()).unwrap().len(), 2);
}
