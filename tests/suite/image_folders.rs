//! Folders and archives of images: what is found, and what is refused.

use std::fs;
use std::path::Path;

use burn::data::dataloader::DataLoaderBuilder;
use burn::data::dataloader::batcher::Batcher;
use burn::data::dataset::Dataset;
use fastburn::interop::ImageBatcher;
use fastburn::vision::{ImageFolder, ImageItem, Images, ReadOptions, Splits, image_files};
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use crate::program::{fastburn, output, stderr};
use crate::support::{each_device, values};

fn write_grey(path: &Path, width: u32, height: u32, value: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let format = ImageFormat::from_path(path).unwrap();
    GrayImage::from_pixel(width, height, Luma([value])).save_with_format(path, format).unwrap();
}

/// Two classes with three images of 4×4 each.
fn small_folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for class in ["a", "b"] {
        for (index, value) in [10, 20, 30].into_iter().enumerate() {
            write_grey(&folder.path().join(class).join(format!("{index}.png")), 4, 4, value);
        }
    }
    folder
}

/// What decoding a folder, or listing it, fails with.
fn trouble(folder: &Path) -> String {
    let listed = ImageFolder::open(folder);
    let error = listed.and_then(|folder| Images::decode(&folder)).unwrap_err();
    assert!(!error.is_usage());
    error.to_string()
}

#[test]
fn classes_stand_in_natural_order_and_notes_are_passed_over() {
    let folder = TempDir::new().unwrap();
    for class in ["10", "2", "1", ".hidden"] {
        write_grey(&folder.path().join(class).join("x.png"), 2, 2, 0);
    }
    fs::write(folder.path().join("labels.csv"), "name,label").unwrap();
    fs::write(folder.path().join("2/labels.csv"), "name,label").unwrap();
    fs::write(folder.path().join("2/.DS_Store"), "?").unwrap();

    let found = ImageFolder::open(folder.path()).unwrap();
    assert_eq!(found.classes(), ["1", "2", "10"]);
    assert_eq!(found.labels(), [0, 1, 2]);
}

#[test]
fn grey_and_colour_png_and_jpeg_become_channels_first_bytes() {
    let folder = TempDir::new().unwrap();
    let class = folder.path().join("a");
    write_grey(&class.join("0.png"), 3, 2, 7);
    write_grey(&class.join("1.jpg"), 3, 2, 200);
    let mut colour = RgbImage::from_pixel(3, 2, Rgb([1, 2, 3]));
    colour.put_pixel(2, 1, Rgb([9, 8, 7]));
    colour.save(class.join("2.png")).unwrap();

    let listed = ImageFolder::open(folder.path()).unwrap();
    let [grey, jpeg, colour] = [0, 1, 2].map(|index| listed.get(index).unwrap());
    assert_eq!((grey.shape, grey.pixels), ([1, 2, 3], vec![7; 6]));
    assert_eq!((jpeg.shape, jpeg.pixels), ([1, 2, 3], vec![200; 6]));
    assert_eq!(colour.shape, [3, 2, 3]);
    assert_eq!(colour.pixels, [1, 1, 1, 1, 1, 9, 2, 2, 2, 2, 2, 8, 3, 3, 3, 3, 3, 7]);

    // In colour, the grey ones have three equal channels.
    let together = Images::read(&listed, &ReadOptions::new().channels(3), &|_, _| {}).unwrap();
    assert_eq!(together.shape(), [3, 2, 3]);
    assert_eq!(*together.pixels(0).unwrap(), [7; 18]);
    assert_eq!(*together.pixels(2).unwrap(), *colour.pixels);
}

#[test]
fn a_folder_works_in_burns_loader_as_in_ours() {
    let folder = small_folder();
    each_device(|device| {
        let splits = Splits::by_fraction(&ImageFolder::open(folder.path()).unwrap(), 0.34, 0);
        let splits = splits.unwrap();
        let burns = DataLoaderBuilder::new(ImageBatcher::default())
            .batch_size(3)
            .set_device(device.clone())
            .build(splits.train.clone());
        let ours = splits.loaders(3, 0, device).unwrap().train.shuffle(None).drop_last(false);
        let order = ours.order(0);
        let mut batches = 0;
        for (index, theirs) in burns.iter().enumerate() {
            let (theirs, ours) = (theirs.unwrap(), ours.batch(&order, index, device).unwrap());
            assert_eq!(ours.len, theirs.len);
            assert_eq!(values(ours.input), values(theirs.input));
            ours.target.into_data().assert_eq(&theirs.target.into_data(), true);
            batches += 1;
        }
        assert_eq!(batches, ours.len());
    });
}

#[test]
fn decoded_images_are_the_same_data_set_as_their_files() {
    let folder = Splits::digits().unwrap().valid.sample(50, 0);
    let images = Images::decode(&folder).unwrap();
    assert_eq!(Dataset::len(&images), folder.len());
    for index in 0..folder.len() {
        assert_eq!(images.get(index).unwrap(), folder.get(index).unwrap());
    }
}

#[test]
#[should_panic(expected = "images of different shapes")]
fn a_batch_of_images_of_two_sizes_is_refused() {
    let item = |shape: [usize; 3]| ImageItem { pixels: vec![0; 8], shape, label: 0 };
    let items = vec![item([1, 2, 4]), item([1, 4, 2])];
    ImageBatcher::default().batch(items, &fastburn::device::cpu().unwrap());
}

#[test]
fn parts_are_found_by_their_names() {
    for (train, valid) in [("training", "testing"), ("train", "valid"), ("train", "test")] {
        let folder = TempDir::new().unwrap();
        for (part, count) in [(train, 2), (valid, 1)] {
            for index in 0..count {
                for class in ["a", "b"] {
                    let path = folder.path().join(part).join(class).join(format!("{index}.png"));
                    write_grey(&path, 2, 2, 0);
                }
            }
        }
        let splits = Splits::open(folder.path(), 0).unwrap();
        assert_eq!((splits.train.len(), splits.valid.len()), (4, 2));
    }
}

#[test]
fn a_single_class_is_refused_by_name() {
    for path in ["train/a/0.png valid/a/0.png", "a/0.png a/1.png"] {
        let folder = TempDir::new().unwrap();
        for path in path.split(' ') {
            write_grey(&folder.path().join(path), 2, 2, 0);
        }
        let error = Splits::open(folder.path(), 0).unwrap_err().to_string();
        assert!(error.contains("one class, a; at least two"), "{error}");
    }
}

#[test]
fn sizes_are_counted_and_what_is_no_image_is_named() {
    let folder = small_folder();
    write_grey(&folder.path().join("b/3.jpg"), 7, 5, 0);
    let listed = ImageFolder::open(folder.path()).unwrap();
    assert_eq!(listed.sizes().unwrap(), [([4, 4], 6), ([7, 5], 1)]);
    fs::write(folder.path().join("a/9.png"), "no image").unwrap();
    let error = ImageFolder::open(folder.path()).unwrap().sizes().unwrap_err().to_string();
    assert!(error.contains("9.png") && error.contains("not a PNG, JPEG, WebP"), "{error}");
}

#[test]
fn a_sample_is_drawn_by_the_seed() {
    let valid = Splits::digits().unwrap().valid;
    let names = |seed: u64| {
        let sample = valid.sample(20, seed);
        (0..sample.len()).map(|index| sample.file_name(index)).collect::<Vec<_>>()
    };
    assert_eq!(names(1), names(1));
    assert_ne!(names(1), names(2));
    assert_eq!(valid.sample(5000, 1).len(), 1000);
}

#[test]
fn without_parts_a_share_of_each_class_is_held_back_by_the_seed() {
    let folder = TempDir::new().unwrap();
    for (class, count) in [("a", 10), ("b", 20)] {
        for index in 0..count {
            write_grey(&folder.path().join(class).join(format!("{index}.png")), 2, 2, 0);
        }
    }
    let names = |folder: &ImageFolder| {
        (0..folder.len()).map(|index| folder.file_name(index)).collect::<Vec<_>>()
    };
    let splits = Splits::open(folder.path(), 1).unwrap();
    let valid = names(&splits.valid);
    assert_eq!(splits.valid.labels().iter().filter(|&&label| label == 0).count(), 2);
    assert_eq!(splits.valid.labels().iter().filter(|&&label| label == 1).count(), 4);
    assert!(names(&splits.train).iter().all(|name| !valid.contains(name)));
    assert_eq!(splits.train.len(), 24);
    assert_eq!(valid, names(&Splits::open(folder.path(), 1).unwrap().valid));
    assert_ne!(valid, names(&Splits::open(folder.path(), 2).unwrap().valid));
}

#[test]
fn parts_with_different_classes_are_refused_by_name() {
    let folder = TempDir::new().unwrap();
    for path in ["train/a/0.png", "train/b/0.png", "valid/a/0.png"] {
        write_grey(&folder.path().join(path), 2, 2, 0);
    }
    let error = Splits::open(folder.path(), 0).unwrap_err().to_string();
    assert!(error.contains("valid: no class b, which"), "{error}");
}

#[test]
fn a_part_without_its_other_is_refused() {
    for (there, missing) in [("training", "testing"), ("valid", "train"), ("testing", "training")] {
        let folder = TempDir::new().unwrap();
        write_grey(&folder.path().join(there).join("a/0.png"), 2, 2, 0);
        let error = Splits::open(folder.path(), 0).unwrap_err().to_string();
        assert!(error.contains(&format!("a folder {there} without a folder {missing}")), "{error}");
    }
}

#[test]
fn a_class_may_be_called_train() {
    let folder = TempDir::new().unwrap();
    for class in ["car", "train"] {
        for index in 0..3 {
            write_grey(&folder.path().join(class).join(format!("{index}.png")), 2, 2, 0);
        }
    }
    assert_eq!(Splits::open(folder.path(), 0).unwrap().train.classes(), ["car", "train"]);
}

#[test]
fn parts_whose_images_differ_in_size_are_refused() {
    let folder = TempDir::new().unwrap();
    for class in ["a", "b"] {
        write_grey(&folder.path().join("train").join(class).join("0.png"), 2, 2, 0);
        write_grey(&folder.path().join("valid").join(class).join("0.png"), 3, 2, 0);
    }
    let error =
        Splits::open(folder.path(), 0).unwrap().read(&ReadOptions::new(), &|_, _| {}).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("valid/a/0.png: 3×2, expected 2×2 as in "), "{error}");
}

#[test]
fn a_file_that_is_no_whole_image_is_named() {
    let whole = {
        let folder = small_folder();
        fs::read(folder.path().join("a/0.png")).unwrap()
    };
    let mut flipped = whole.clone();
    let middle = flipped.len() - 20;
    flipped[middle] ^= 0xff;
    for (name, content, expected) in [
        ("empty.png", vec![], "empty file"),
        ("text.png", b"not an image at all".to_vec(), "not a PNG, JPEG, WebP"),
        ("short.png", whole[..whole.len() / 2].to_vec(), "not a readable image"),
        ("flipped.png", flipped, "not a readable image"),
        ("head.jpg", vec![0xff, 0xd8, 0xff, 0xe0, 0, 16], "not a readable image"),
    ] {
        let folder = small_folder();
        fs::write(folder.path().join("b").join(name), content).unwrap();
        let message = trouble(folder.path());
        assert!(message.contains(name) && message.contains(expected), "{message}");
    }
}

#[test]
fn a_huge_image_in_a_small_file_is_refused() {
    let folder = small_folder();
    let mut header = b"IHDR".to_vec();
    header.extend(100_000_u32.to_be_bytes());
    header.extend(100_000_u32.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    fs::write(folder.path().join("a/huge.png"), png_of(&header)).unwrap();
    assert!(trouble(folder.path()).contains("huge.png"));
}

#[test]
fn the_first_two_images_that_differ_in_size_are_named() {
    let folder = small_folder();
    write_grey(&folder.path().join("b/1.png"), 5, 4, 0);
    write_grey(&folder.path().join("b/2.png"), 6, 4, 0);
    let message = trouble(folder.path());
    assert!(message.contains("b/1.png: 5×4, expected 4×4 as in "), "{message}");
    assert!(message.contains("a/0.png; of 6 images, 4 are 4×4, 1 is 5×4, 1 is 6×4"));
    assert!(message.ends_with("resize all images with ReadOptions::size"), "{message}");
}

#[test]
fn a_folder_that_holds_no_data_set_says_what_it_lacks() {
    let folder = small_folder();
    fs::create_dir(folder.path().join("c")).unwrap();
    assert!(trouble(folder.path()).contains("c: no images in this class"));

    let folder = TempDir::new().unwrap();
    assert!(trouble(folder.path()).contains("no classes"));
    assert!(trouble(&folder.path().join("absent")).contains("no such folder"));

    let file = folder.path().join("file.txt");
    fs::write(&file, "text").unwrap();
    assert!(trouble(&file).contains("not an archive, expected a folder"));

    let archive = folder.path().join("damaged.tgz");
    fs::write(&archive, [0x1f, 0x8b, 8, 0, 0]).unwrap();
    assert!(trouble(&archive).contains("damaged archive"));
}

#[test]
fn an_image_that_unpacks_to_gigabytes_is_refused() {
    let folder = small_folder();
    let mut header = b"IHDR".to_vec();
    header.extend(16_384_u32.to_be_bytes());
    header.extend(16_384_u32.to_be_bytes());
    header.extend([16, 6, 0, 0, 0]); // 16 bits, colour and transparency: 2 GiB
    fs::write(folder.path().join("a/bomb.png"), png_of(&header)).unwrap();
    let message = trouble(folder.path());
    assert!(message.contains("bomb.png") && message.contains("2147483648"), "{message}");
}

/// A PNG of that header, with the right checksum, and an empty body.
pub fn png_of(header: &[u8]) -> Vec<u8> {
    let chunk = |content: &[u8]| {
        let mut checksum = flate2::Crc::new();
        checksum.update(content);
        let length = (content.len() as u32 - 4).to_be_bytes();
        [&length[..], content, &checksum.sum().to_be_bytes()].concat()
    };
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(header), chunk(b"IDAT"), chunk(b"IEND")].concat()
}

#[test]
fn a_damaged_end_of_an_archive_is_noticed() {
    let folder = TempDir::new().unwrap();
    let mut bytes = fs::read(crate::support::crate_path("assets/digits.tgz")).unwrap();
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    let path = folder.path().join("digits.tgz");
    fs::write(&path, bytes).unwrap();
    assert!(trouble(&path).contains("damaged archive"));
}

#[cfg(unix)]
#[test]
fn what_leads_nowhere_is_named() {
    let folder = small_folder();
    let dangling = folder.path().join("a/gone.png");
    std::os::unix::fs::symlink(folder.path().join("nowhere"), dangling).unwrap();
    assert!(trouble(folder.path()).contains("a/gone.png"));
}

#[test]
fn an_archive_gives_the_images_that_its_folder_gives() {
    let folder = TempDir::new().unwrap();
    for (path, value) in
        [("train/a/0.png", 1), ("train/b/0.png", 2), ("valid/a/0.png", 3), ("valid/b/0.png", 4)]
    {
        write_grey(&folder.path().join(path), 2, 2, value);
    }
    let path = folder.path().join("set.tgz");
    let gzip = flate2::write::GzEncoder::new(
        fs::File::create(&path).unwrap(),
        flate2::Compression::fast(),
    );
    let mut archive = tar::Builder::new(gzip);
    for part in ["train", "valid"] {
        archive.append_dir_all(format!("set/{part}"), folder.path().join(part)).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();

    let nothing = |_: usize, _: usize| {};
    let (train, valid) =
        Splits::open(&path, 0).unwrap().read(&ReadOptions::new(), &nothing).unwrap();
    let (same_train, same_valid) =
        Splits::open(folder.path(), 0).unwrap().read(&ReadOptions::new(), &nothing).unwrap();
    for (archived, plain) in [(train, same_train), (valid, same_valid)] {
        assert_eq!(archived.labels(), plain.labels());
        assert!(
            (0..plain.len())
                .all(|index| archived.pixels(index).unwrap() == plain.pixels(index).unwrap())
        );
    }
}

#[test]
fn files_beside_the_images_are_passed_over_counted_and_no_part_of_a_split() {
    let folder = small_folder();
    for class in ["a", "b"] {
        for index in 0..3 {
            for ending in ["wav", "TXT", "svg"] {
                let name = format!("{class}/{index}.{ending}");
                fs::write(folder.path().join(name), "not an image").unwrap();
            }
        }
    }
    fs::write(folder.path().join("a/LICENSE"), "as well").unwrap();
    let listed = ImageFolder::open(folder.path()).unwrap();
    assert_eq!(listed.labels(), [0, 0, 0, 1, 1, 1]);
    let counts: Vec<_> = listed.ignored_files().iter().map(|(e, n)| (e.as_str(), *n)).collect();
    assert_eq!(counts, [("", 1), ("svg", 6), ("txt", 6), ("wav", 6)]);
    assert_eq!(image_files(folder.path()).unwrap().len(), 6);
    // One image of each class is held back, whatever lies beside the images.
    for seed in 0..20 {
        let splits = Splits::open(folder.path(), seed).unwrap();
        assert_eq!(
            (splits.train.labels(), splits.valid.labels()),
            (&[0, 0, 1, 1][..], &[0, 1][..])
        );
    }

    let run =
        output(&["train", folder.path().to_str().unwrap(), "--device", "cpu", "--batch-size", "1"]);
    assert!(run.status.success(), "{}", stderr(&run));
    let lines = stderr(&run).lines().filter(|line| line.starts_with("ignored")).count();
    assert_eq!(lines, 1, "{}", stderr(&run));
    assert!(stderr(&run).contains("6 .svg, 6 .txt, 6 .wav"), "{}", stderr(&run));
}

#[test]
fn an_image_is_taken_by_its_extension_in_any_case() {
    let folder = TempDir::new().unwrap();
    let names = ["0.png", "1.JPG", "2.jpeg", "3.webp", "4.BMP", "5.gif", "6.tif", "7.TIFF"];
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        for name in names {
            let file = folder.path().join(class).join(name);
            image::RgbImage::new(4, 4).save(&file).unwrap();
        }
    }
    let listed = ImageFolder::open(folder.path()).unwrap();
    assert_eq!((listed.len(), listed.ignored_files().len()), (16, 0));
    assert_eq!(Images::decode(&listed).unwrap().shape(), [3, 4, 4]);
}

#[cfg(target_os = "linux")]
#[test]
fn metadata_in_a_png_is_not_unpacked() {
    use std::io::Write;

    // A colour profile of a GiB of zeros, which takes a MB.
    let mut profile = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    (0..1024).for_each(|_| profile.write_all(&zeros).unwrap());
    let profile = [b"iCCPx\0\0", &profile.finish().unwrap()[..]].concat();
    let mut checksum = flate2::Crc::new();
    checksum.update(&profile);
    let length = (profile.len() as u32 - 4).to_be_bytes();
    let chunk = [&length[..], &profile, &checksum.sum().to_be_bytes()].concat();

    let folder = small_folder();
    for class in ["a", "b"] {
        for index in 0..3 {
            let file = folder.path().join(class).join(format!("{index}.png"));
            let png = fs::read(&file).unwrap();
            // Behind the header, which is the first chunk.
            let (header, rest) = png.split_at(33);
            fs::write(file, [header, &chunk, rest].concat()).unwrap();
        }
    }
    let folder = folder.path().to_str().unwrap();
    let mut run = fastburn(&["train", folder, "--device", "cpu", "--batch-size", "1"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The most memory that it has had; once it has ended, there is no more to be read.
    let status = format!("/proc/{}/status", run.id());
    let mut peak = 0_usize;
    while run.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.and_then(|most| most.trim().strip_suffix(" kB"));
        peak = most.map_or(peak, |most| most.parse().unwrap());
    }
    assert!(run.wait().unwrap().success());
    assert!(peak < 200_000, "{peak} kB");
}
