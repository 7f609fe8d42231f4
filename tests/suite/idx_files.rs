//! MNIST's own files: what is read, and what is refused.

use std::fs;
use std::io::Write;
use std::path::Path;

use burn::data::dataset::Dataset;
use fastburn::vision::{Idx, ImageFolder, ReadOptions, Splits};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::properties;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// A header and what follows it, unchecked.
fn idx(kind: u8, dims: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dims.len() as u8];
    dims.iter().for_each(|length| bytes.extend(length.to_be_bytes()));
    bytes.extend(data);
    bytes
}

/// Images of 2×3 pixels whose values count up, and their labels.
fn images(labels: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let count = labels.len() as u32;
    let pixels: Vec<u8> = (0..=u8::MAX).cycle().take(labels.len() * 6).collect();
    (idx(8, &[count, 2, 3], &pixels), idx(8, &[count], labels))
}

/// A folder of both parts, named `NAME-images…` and `NAME-labels…`.
fn folder(parts: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (part, labels) in parts {
        let (images, labels) = images(labels);
        fs::write(folder.path().join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.path().join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
    folder
}

fn mnist_like() -> TempDir {
    folder(&[("train", &[10, 2, 10, 0, 2, 0]), ("t10k", &[0, 2, 10])])
}

#[track_caller]
fn refused(folder: &Path, expected: &[&str]) {
    let error = Splits::open(folder, 0).unwrap_err();
    assert!(!error.is_usage());
    let error = error.to_string();
    assert!(expected.iter().all(|part| error.contains(part)), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

fn content(images: &ImageFolder) -> Vec<(Vec<u8>, String)> {
    let class = |label: u32| images.classes()[label as usize].clone();
    let items = (0..images.len()).map(|index| images.image(index).unwrap());
    items.map(|item| (item.pixels, class(item.label))).collect()
}

#[test]
fn a_folder_of_idx_files_has_two_parts_and_classes_called_by_their_numbers() {
    let folder = mnist_like();
    let splits = Splits::open(folder.path(), 0).unwrap();
    assert_eq!(splits.train.classes(), ["0", "2", "10"]);
    assert_eq!(splits.train.labels(), [2, 1, 2, 0, 1, 0]);
    assert_eq!(splits.valid.labels(), [0, 1, 2]);
    let second = splits.train.image(1).unwrap();
    assert_eq!((second.shape, second.pixels), ([1, 2, 3], vec![6, 7, 8, 9, 10, 11]));
    assert_eq!(splits.train.sizes().unwrap(), [([3, 2], 6)]);
    assert!(splits.train.file_name(4).ends_with("train-images-idx3-ubyte[4]"));
    let (train, valid) = splits.read(&ReadOptions::new(), &|_, _| {}).unwrap();
    assert_eq!(
        (train.len(), valid.pixels(2).unwrap().as_ref()),
        (6, &[12, 13, 14, 15, 16, 17][..])
    );
}

#[test]
fn packed_files_other_names_and_an_archive_hold_the_same() {
    let plain = mnist_like();
    let expected = Splits::open(plain.path(), 0).unwrap();
    let names = [
        ("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
        ("train-labels-idx1-ubyte", "train-labels.idx1-ubyte"),
        ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"),
        ("t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"),
    ];
    let emnist = |name: &str| format!("emnist-letters-{}.gz", name.replace("t10k", "test"));
    let [dotted, packed] = [(), ()].map(|()| TempDir::new().unwrap());
    for (name, with_dot) in names {
        let bytes = fs::read(plain.path().join(name)).unwrap();
        fs::write(dotted.path().join(with_dot), &bytes).unwrap();
        fs::write(packed.path().join(emnist(name)), gzip(&bytes)).unwrap();
    }
    let archive = packed.path().join("all.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).unwrap());
    tar.append_dir_all("MNIST/raw", plain.path()).unwrap();
    tar.into_inner().unwrap();

    for path in [dotted.path(), packed.path(), &archive] {
        let found = Splits::open(path, 0).unwrap();
        assert_eq!(content(&found.train), content(&expected.train), "{}", path.display());
        assert_eq!(content(&found.valid), content(&expected.valid), "{}", path.display());
    }
}

#[test]
fn a_plain_file_counts_before_its_packed_twin() {
    let folder = mnist_like();
    fs::write(folder.path().join("train-images-idx3-ubyte.gz"), "not gzip").unwrap();
    assert_eq!(Splits::open(folder.path(), 0).unwrap().train.len(), 6);
}

#[test]
fn of_a_training_part_alone_a_fifth_is_held_back_by_the_seed() {
    let labels: Vec<u8> = (0..50).map(|index| index % 2).collect();
    let folder = folder(&[("train", &labels)]);
    let open = |seed| Splits::open(folder.path(), seed).unwrap();
    assert_eq!((open(1).train.len(), open(1).valid.len()), (40, 10));
    assert_eq!(content(&open(1).valid), content(&open(1).valid));
    assert_ne!(content(&open(1).valid), content(&open(2).valid));
}

#[test]
fn classes_txt_names_the_classes() {
    let folder = mnist_like();
    let names = |lines: &str| fs::write(folder.path().join("classes.txt"), lines).unwrap();
    let lines: String = (0..11).map(|number| format!("class {number}\r\n")).collect();
    names(&lines);
    let splits = Splits::open(folder.path(), 0).unwrap();
    assert_eq!(splits.train.classes(), ["class 0", "class 2", "class 10"]);

    names("a\nb\nc\n");
    refused(folder.path(), &["labels-idx1-ubyte: label 10", "3 lines"]);
    names("a\nb\na\n");
    refused(folder.path(), &["classes.txt: line 3: duplicate class a"]);
    names("a\n\nb\n");
    refused(folder.path(), &["classes.txt: line 2 is empty"]);
}

#[test]
fn files_that_do_not_belong_together_are_refused_by_name() {
    let file = |name: &str, bytes: &[u8]| {
        let folder = mnist_like();
        fs::write(folder.path().join(name), bytes).unwrap();
        folder
    };
    let labels = "train-labels-idx1-ubyte";
    let images = "train-images-idx3-ubyte";
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        (labels, idx(8, &[5], &[0; 5]), &[images, "6 images; expected 5", labels]),
        (labels, idx(8, &[6, 1], &[0; 6]), &[labels, "2 dimensions; expected 1"]),
        (images, idx(8, &[6], &[0; 6]), &[images, "1 dimensions; expected 3"]),
        (images, idx(8, &[6, 0, 3], &[]), &[images, "images of 3×0 pixels"]),
        (images, idx(8, &[6, 1, 16_385], &[0; 6 * 16_385]), &[images, "16385×1", "16384"]),
        (labels, idx(0x0c, &[6], &[0; 24]), &[labels, "32-bit integers; expected unsigned bytes"]),
        (labels, idx(8, &[6], &[0, 2, 0, 2, 0, 2]), &[images, "no class 10, which", "t10k"]),
        ("other-train-labels-idx1-ubyte", vec![], &["several data sets", "other-train"]),
    ];
    for (name, bytes, expected) in cases {
        refused(file(name, &bytes).path(), expected);
    }
    let alone = mnist_like();
    fs::remove_file(alone.path().join(labels)).unwrap();
    refused(alone.path(), &[images, "no train-labels-idx1-ubyte beside it"]);
    refused(folder(&[("t10k", &[0, 1])]).path(), &["without train-images-idx3-ubyte"]);
    refused(folder(&[("train", &[])]).path(), &["no images"]);
    refused(folder(&[("train", &[3, 3])]).path(), &["one class, 3"]);
}

#[test]
fn a_damaged_file_is_refused_with_what_was_expected() {
    let whole = idx(8, &[2, 2, 2], &[1; 8]);
    let mut damaged = gzip(&whole);
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    let cases: [(Vec<u8>, &str); 14] = [
        (vec![], "truncated in its header"),
        (vec![0, 0], "truncated in its header"),
        (b"\x89PNG\r\n".to_vec(), "not an IDX file: begins with the bytes 89 50 4e 47"),
        (idx(0x0d, &[1], &[0; 4]), "32-bit floats; expected unsigned bytes"),
        (idx(0x07, &[1], &[0; 4]), "unknown number type 07"),
        (idx(8, &[], &[1]), "0 dimensions"),
        (whole[..9].to_vec(), "truncated in its header"),
        (whole[..20].to_vec(), "truncated: 4 of 2×2×2 = 8 bytes; download it again"),
        ([&whole[..], &[0]].concat(), "more bytes than its header declares, 2×2×2 = 8"),
        (idx(8, &[u32::MAX; 3], &[0; 9]), "more than the file can hold"),
        (gzip(&idx(8, &[u32::MAX, 9], &[0; 9])), "more than the file can hold"),
        (gzip(&whole)[..20].to_vec(), "a damaged gzip file"),
        (damaged, "a damaged gzip file"),
        (gzip(&idx(8, &[0xffff, 0xffff, 0], &[0])), "more bytes than its header declares"),
    ];
    for (bytes, expected) in cases {
        let error = Idx::parse("the file", &bytes).unwrap_err().to_string();
        assert!(error.starts_with("the file: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn no_more_of_a_packed_file_is_unpacked_than_its_header_says() {
    let bomb = gzip(&idx(8, &[10], &vec![0; 64 << 20]));
    let start = std::time::Instant::now();
    let error = Idx::parse("bomb", &bomb).unwrap_err().to_string();
    assert!(error.contains("more bytes than its header declares, 10"), "{error}");
    assert!(start.elapsed().as_millis() < 50, "{:?}", start.elapsed());
}

#[test]
fn numbers_that_do_not_fit_their_dimensions_are_not_written() {
    let refused = |dims: Vec<usize>, count: usize| {
        Idx { dims, data: vec![0; count] }.to_bytes().unwrap_err().to_string()
    };
    assert!(refused(vec![2, 3], 5).contains("expected 2×3 = 6 bytes, found 5"));
    assert!(refused(vec![], 1).contains("dimensions"));
    assert!(refused(vec![1; 256], 1).contains("1 to 255 dimensions"));
    assert!(refused(vec![usize::MAX, 2], 0).contains("dimensions"));
}

proptest! {
    #![proptest_config(properties(1000))]

    #[test]
    fn what_is_written_is_read_back(
        dims in prop::collection::vec(0_usize..6, 1..5),
        first in any::<u8>(),
        packed in any::<bool>(),
    ) {
        let data = (0..dims.iter().product()).map(|i: usize| first.wrapping_add(i as u8)).collect();
        let idx = Idx { dims, data };
        let bytes = if packed { idx.to_gzip() } else { idx.to_bytes() }.unwrap();
        prop_assert_eq!(Idx::parse("it", &bytes).unwrap(), idx);
    }

    #[test]
    fn whatever_the_bytes_it_is_refused_or_whole(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        small in prop::collection::vec(0_u8..4, 0..40),
        packed in any::<bool>(),
    ) {
        // Anything at all; a header that is right so far; either of them as gzip, whole or cut.
        let begun = [&[0, 0, 8, 2, 0, 0][..], &small].concat();
        for bytes in [&bytes, &begun] {
            let bytes = if packed { gzip(bytes) } else { bytes.clone() };
            let cut = &bytes[..bytes.len() - bytes.len() / 3];
            for bytes in [&bytes[..], cut] {
                if let Ok(idx) = Idx::parse("it", bytes) {
                    prop_assert_eq!(idx.dims.iter().product::<usize>(), idx.data.len());
                }
            }
        }
    }
}
