//! Images of every kind, read into one format.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use burn::data::dataset::Dataset;
use fastburn::data::{DataLoaders, InputFormat, class_indices};
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::models::LinearConfig;
use fastburn::vision::{
    Filter, ImageFolder, ImageSpec, Images, Predictor, ReadOptions, Scaling, Splits,
};
use fastburn::{Error, Remedy};
use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::program::{output, stderr, stdout};
use crate::support::{crate_path, values};

/// What Pillow made of small images: see `tests/reference/make_images.py`.
fn reference() -> Value {
    let file = crate_path("tests/reference/images.json");
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

pub fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap().as_bytes().chunks_exact(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

fn shape(of: &Value) -> [usize; 3] {
    serde_json::from_value(of["shape"].clone()).unwrap()
}

/// The largest difference of two images' pixels.
pub fn distance(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// A folder of one class with one file.
fn folder_of(name: &str, content: &[u8]) -> (TempDir, ImageFolder) {
    let place = tempdir().unwrap();
    fs::create_dir(place.path().join("a")).unwrap();
    fs::write(place.path().join("a").join(name), content).unwrap();
    let folder = ImageFolder::open(place.path()).unwrap();
    (place, folder)
}

/// Two classes of grey slopes, five 4×4 images each; in class `b` the other way up.
fn slopes() -> TempDir {
    let place = tempdir().unwrap();
    for index in 0..5_u8 {
        for (class, up) in [("a", 1), ("b", 0)] {
            let row = |y: u8| if up == 1 { y } else { 3 - y };
            let image =
                GrayImage::from_fn(4, 4, |x, y| Luma([row(y as u8) * 60 + x as u8 + index]));
            write(&place.path().join(class).join(format!("{index}.png")), image.into());
        }
    }
    place
}

fn write(path: &Path, image: image::DynamicImage) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

fn colour(width: u32, height: u32) -> image::DynamicImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 200])).into()
}

fn read(place: &Path, reading: &ReadOptions) -> fastburn::Result<Images> {
    Images::read(&ImageFolder::open(place)?, reading, &|_, _| {})
}

#[test]
fn files_of_every_kind_become_the_pixels_that_pillow_finds() {
    for file in reference()["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let (_place, folder) = folder_of(name, &bytes(&file["content"]));
        let item = folder.image(0).unwrap();
        assert_eq!(item.shape, shape(file), "{name}");
        let [_, height, width] = item.shape.map(|side| side as u32);
        assert_eq!(folder.sizes().unwrap(), [([width, height], 1)], "{name}");
        let allowed = match name {
            // Pillow cuts colours of 16 bits off, and here they are rounded.
            "colour_16.png" => 1,
            "lossy.webp" => 3,
            name if !name.ends_with(".jpg") => 0,
            // Decoders may differ in how they round and how they enlarge the colour planes.
            "subsampled.jpg" => 12,
            _ => 3,
        };
        let found = distance(&item.pixels, &bytes(&file["pixels"]));
        assert!(found <= allowed, "{name}: {found} of 255 away");
    }
}

#[test]
fn each_filter_resizes_as_pillow_does() {
    let reference = reference();
    let resized = reference["resized"].as_array().unwrap();
    for small in resized {
        let source = &reference["sources"][small["source"].as_u64().unwrap() as usize];
        let name = small["filter"].as_str().unwrap();
        let format = ImageSpec { filter: name.parse().unwrap(), ..ImageSpec::new(shape(small)) };
        let (found, _) = format.adapt(&bytes(&source["pixels"]), shape(source)).unwrap();
        let found = distance(&found, &bytes(&small["pixels"]));
        let allowed = if name == "nearest" { 0 } else { 1 };
        assert!(found <= allowed, "{name} {:?} to {:?}: {found}", shape(source), shape(small));
    }
    assert_eq!(resized.len(), 48);
}

#[test]
fn the_nearest_of_two_pixels_equally_near_is_the_one_that_pillow_takes() {
    let reference = reference();
    let rows = reference["nearest"].as_array().unwrap();
    for row in rows {
        let from = row["from"].as_u64().unwrap() as u8;
        let (source, expected) = ((0..from).collect::<Vec<u8>>(), bytes(&row["pixels"]));
        let sides = [expected.len(), 1];
        // As columns too.
        for [width, height] in [sides, [sides[1], sides[0]]] {
            let shape = if width > height { [1, 1, from.into()] } else { [1, from.into(), 1] };
            let format =
                ImageSpec { filter: Filter::Nearest, ..ImageSpec::new([1, height, width]) };
            let (found, _) = format.adapt(&source, shape).unwrap();
            assert_eq!(found, expected, "{shape:?} to {width}×{height}");
        }
    }
    assert_eq!(rows.len(), 900);
}

#[test]
fn a_picture_that_is_cut_anywhere_is_an_error_or_whole() {
    for file in reference()["files"].as_array().unwrap() {
        let (name, whole) = (file["name"].as_str().unwrap(), bytes(&file["content"]));
        let (place, folder) = folder_of(name, &whole);
        let pixels = folder.image(0).unwrap().pixels;
        for length in 0..whole.len() {
            fs::write(place.path().join("a").join(name), &whole[..length]).unwrap();
            match folder.image(0) {
                Err(Error::Image { .. }) => {}
                Err(error) => panic!("{name} of {length} bytes: {error}"),
                // Its end may hold nothing but metadata.
                Ok(item) => assert!(item.pixels == pixels, "{name} of {length} bytes"),
            }
        }
    }
}

#[test]
fn grey_is_pillows_grey() {
    let grey = &reference()["grey"];
    let (found, _) =
        ImageSpec::new([1, 16, 16]).adapt(&bytes(&grey["of"]["pixels"]), [3, 16, 16]).unwrap();
    assert_eq!(found, bytes(&grey["is"]["pixels"]));
}

#[test]
fn a_photo_is_turned_and_resized_whichever_comes_first() {
    for file in reference()["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        if !name.starts_with("turned") {
            continue;
        }
        for filter in [Filter::Bilinear, Filter::Lanczos] {
            let (_place, folder) = folder_of(name, &bytes(&file["content"]));
            let item = folder.image(0).unwrap();
            let reading = ReadOptions::new().size(5, 8).filter(filter);
            let images = Images::read(&folder, &reading, &|_, _| {}).unwrap();
            let (expected, _) = images.format().adapt(&item.pixels, item.shape).unwrap();
            let found = distance(&images.pixels(0).unwrap(), &expected);
            assert!(found <= 1, "{name}, {filter}: {found}");
        }
    }
}

#[test]
fn images_of_two_sizes_are_refused_unless_a_size_is_given() {
    let place = slopes();
    write(&place.path().join("b/7.png"), GrayImage::new(9, 7).into());
    let error = read(place.path(), &ReadOptions::new()).unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::ResizeImages), "{error}");
    let images = read(place.path(), &ReadOptions::new().size(3, 5)).unwrap();
    assert_eq!((images.len(), images.shape()), (11, [1, 3, 5]));
}

#[test]
fn grey_beside_colour_is_refused_unless_a_size_or_the_channels_are_given() {
    let place = slopes();
    write(&place.path().join("b/7.png"), colour(4, 4));
    let error = read(place.path(), &ReadOptions::new()).unwrap_err();
    let message = error.to_string();
    assert_eq!(error.remedy(), Some(Remedy::ConvertChannels), "{error}");
    assert!(
        message.contains("b/7.png: in colour, expected grey as in ") && message.contains("a/0.png")
    );
    assert!(message.contains("of 11 images, 10 are grey, 1 is in colour"), "{message}");
    // One option is enough for photos, some of which are grey.
    for (reading, shape) in [
        (ReadOptions::new().channels(1), [1, 4, 4]),
        (ReadOptions::new().channels(3), [3, 4, 4]),
        (ReadOptions::new().size(2, 2), [3, 2, 2]),
        (ReadOptions::new().size(2, 2).channels(1), [1, 2, 2]),
    ] {
        assert_eq!(read(place.path(), &reading).unwrap().shape(), shape);
    }
    let [grey, in_colour] = [0, 10].map(|index| {
        let images = read(place.path(), &ReadOptions::new().channels(3)).unwrap();
        images.pixels(index).unwrap().into_owned()
    });
    assert!(grey[..16] == grey[16..32] && grey[..16] == grey[32..]);
    assert_eq!(&in_colour[32..], [200; 16]);
}

#[test]
fn the_parts_of_a_data_set_agree_with_each_other() {
    let place = tempdir().unwrap();
    for class in ["a", "b"] {
        write(&place.path().join("train").join(class).join("0.png"), GrayImage::new(4, 4).into());
        write(&place.path().join("valid").join(class).join("0.png"), colour(4, 4));
    }
    let splits = Splits::open(place.path(), 0).unwrap();
    let error = splits.read(&ReadOptions::new(), &|_, _| {}).unwrap_err();
    assert_eq!(error.remedy(), Some(Remedy::ConvertChannels), "{error}");
    let (train, valid) = splits.read(&ReadOptions::new().size(4, 4), &|_, _| {}).unwrap();
    assert_eq!((train.shape(), valid.shape()), ([3, 4, 4], [3, 4, 4]));
}

#[test]
fn what_no_image_can_be_is_refused_before_any_is_read() {
    let place = slopes();
    fs::write(place.path().join("a/0.png"), "no image").unwrap();
    for reading in [
        ReadOptions::new().size(0, 4),
        ReadOptions::new().size(4, 16_385),
        ReadOptions::new().channels(2),
        ReadOptions::new().size(4, 4).channels(1).scaling(standard(&[0.5], &[0.0])),
        ReadOptions::new().size(4, 4).channels(3).scaling(standard(&[0.5], &[0.2])),
        ReadOptions::new().size(4, 4).channels(1).scaling(standard(&[f32::NAN], &[0.2])),
    ] {
        let error = read(place.path(), &reading).unwrap_err();
        assert!(error.is_usage(), "{error}");
    }
}

fn standard(mean: &[f32], std: &[f32]) -> Scaling {
    Scaling::Standard { mean: mean.to_vec(), std: std.to_vec() }
}

#[test]
fn images_are_standardised_by_the_training_images_own_mean_and_deviation() {
    let place = tempdir().unwrap();
    let shade = |part: u8, class: u8, x: u32| {
        Rgb([x as u8 * 9, 40 + 70 * class, 90 + 11 * (x as u8 * part % 5)])
    };
    for (part, name) in [(1, "train"), (2, "valid")] {
        for class in [0, 1_u8] {
            let image = RgbImage::from_fn(5, 3, |x, _| shade(part, class, x));
            write(&place.path().join(name).join(class.to_string()).join("0.png"), image.into());
        }
    }
    let splits = Splits::open(place.path(), 0).unwrap();
    let (train, valid) = splits.read(&ReadOptions::new().standardized(), &|_, _| {}).unwrap();
    // In one channel after the other, as numpy does: the mean, then that of the squares around it.
    let Scaling::Standard { mean, std } = &train.format().scaling else { panic!() };
    for channel in 0..3 {
        let of = |i| train.pixels(i).unwrap()[channel * 15..][..15].to_vec();
        let numbers: Vec<f64> =
            [of(0), of(1)].concat().iter().map(|&p| f64::from(p) / 255.0).collect();
        let average = numbers.iter().sum::<f64>() / 30.0;
        let variance = numbers.iter().map(|n| (n - average).powi(2)).sum::<f64>() / 30.0;
        assert!((f64::from(mean[channel]) - average).abs() < 1e-7);
        assert!((f64::from(std[channel]) - variance.sqrt()).abs() < 1e-7);
    }
    assert_eq!(valid.format(), train.format());

    let (pixel, scaling) = (valid.pixels(1).unwrap()[20], train.format().scaling.clone());
    let device = fastburn::device::cpu().unwrap();
    let dls = DataLoaders::from_images(train, valid, class_indices, &device);
    let batch = dls.valid.batch(&dls.valid.order(0), 0, &device).unwrap();
    let Scaling::Standard { mean, std } = &scaling else { panic!() };
    // Red, green and blue of 15 pixels each, in the second image.
    assert_eq!(values(batch.input)[45 + 20], (f32::from(pixel) / 255.0 - mean[1]) / std[1]);
    let InputFormat::Image(input) = dls.items.unwrap().input else { panic!() };
    assert_eq!(serde_json::from_value::<ImageSpec>(input).unwrap().scaling, scaling);
}

#[test]
fn standardised_numbers_of_large_and_small_batches_are_the_same() {
    let digits = Splits::digits().unwrap().valid;
    let reading = ReadOptions::new().size(33, 33).channels(3).standardized();
    let images = Images::read(&digits, &reading, &|_, _| {}).unwrap();
    let device = fastburn::device::cpu().unwrap();
    let dls = DataLoaders::from_images(images.clone(), images, class_indices, &device);
    let input = |loader: &fastburn::data::DataLoader<_, _>, index| {
        values(loader.batch(&loader.order(0), index, &device).unwrap().input)
    };
    let whole = input(&dls.valid.clone().batch_size(1000).unwrap(), 0);
    let parts = dls.valid.clone().batch_size(100).unwrap();
    let parts: Vec<f32> = (0..10).flat_map(|index| input(&parts, index)).collect();
    assert!(whole == parts);
    // One number of all, which the sums over them should bring to 0 and 1.
    let (count, channel) = (1000.0 * 33.0 * 33.0, |i: usize| i / (33 * 33) % 3 == 2);
    let numbers = whole.iter().enumerate().filter(|(i, _)| channel(*i)).map(|(_, n)| f64::from(*n));
    let (sum, squares) = numbers.fold((0.0, 0.0), |(sum, squares), n| (sum + n, squares + n * n));
    assert!((sum / count).abs() < 1e-4 && (squares / count - 1.0).abs() < 1e-4);
}

#[test]
fn images_without_any_difference_cannot_be_standardised() {
    let (_place, folder) = folder_of("a.png", &bytes(&reference()["files"][0]["content"]));
    assert!(Images::read(&folder, &ReadOptions::new().standardized(), &|_, _| {}).is_ok());
    let place = tempdir().unwrap();
    write(&place.path().join("a/0.png"), GrayImage::from_pixel(3, 3, Luma([7])).into());
    let error = read(place.path(), &ReadOptions::new().standardized()).unwrap_err();
    assert!(error.to_string().contains("all pixels of a channel are equal"), "{error}");
}

#[test]
fn a_model_file_keeps_how_its_images_are_read() {
    let place = slopes();
    write(&place.path().join("b/7.png"), colour(9, 7));
    let reading = ReadOptions::new().size(3, 3).filter(Filter::Lanczos).standardized();
    let splits = Splits::open(place.path(), 0).unwrap();
    let (train, valid) = splits.read(&reading, &|_, _| {}).unwrap();
    let format = train.format().clone();
    let device = fastburn::device::cpu().unwrap();
    let dls = DataLoaders::from_images(train.clone(), valid.clone(), class_indices, &device);
    let model = LinearConfig::new(27, 2).init(&device, 0).unwrap();
    let learn = Learner::new(dls.batch_size(2).unwrap(), model, CrossEntropy::new());
    let file = place.path().join("model.safetensors");
    learn.export(&file).unwrap();

    let predictor = Predictor::load(&file, &device).unwrap();
    assert_eq!(predictor.format(), &format);
    let said = format.to_string();
    assert!(
        said.starts_with("3×3 pixels, colour, normalised with mean ") && said.ends_with("lanczos")
    );
    // From the file as from the images that were read to train.
    let seen = predictor.interpret(&train).unwrap();
    for item in &seen.items {
        let path = PathBuf::from(train.folder().file_name(item.index));
        let answer = predictor.predict_file(&path).unwrap();
        let apart =
            answer.probabilities.iter().zip(&item.probabilities).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f32::max) < 1e-6);
    }
    let again = Images::read(&splits.train, &ReadOptions::like(&format), &|_, _| {}).unwrap();
    assert!((0..again.len()).all(|i| again.pixels(i).unwrap() == train.pixels(i).unwrap()));
    assert_eq!(again.checksum().unwrap(), train.checksum().unwrap());
}

#[test]
fn bad_files_are_skipped_where_that_is_asked_for() {
    let place = slopes();
    fs::write(place.path().join("a/1.png"), "no image").unwrap();
    let whole = fs::read(place.path().join("b/0.png")).unwrap();
    fs::write(place.path().join("b/3.png"), &whole[..whole.len() / 2]).unwrap();
    let error = read(place.path(), &ReadOptions::new()).unwrap_err().to_string();
    assert!(error.contains("a/1.png") && error.contains("not a PNG, JPEG, WebP"), "{error}");

    let images = read(place.path(), &ReadOptions::new().skip_bad()).unwrap();
    assert_eq!((images.len(), images.labels()), (8, &[0, 0, 0, 0, 1, 1, 1, 1][..]));
    let skipped: Vec<_> = images.skipped().iter().map(|skipped| skipped.file.clone()).collect();
    assert!(skipped[0].ends_with("a/1.png") && skipped[1].ends_with("b/3.png"), "{skipped:?}");
    for index in 0..8 {
        let item = images.folder().get(index).unwrap();
        assert_eq!(*images.pixels(index).unwrap(), *item.pixels);
        assert_eq!(images.labels()[index], item.label);
    }
}

#[test]
fn the_first_file_may_be_a_bad_one() {
    let place = slopes();
    fs::write(place.path().join("a/0.png"), "").unwrap();
    let images = read(place.path(), &ReadOptions::new().skip_bad()).unwrap();
    assert_eq!((images.len(), images.shape()), (9, [1, 4, 4]));
}

#[test]
fn a_class_without_any_image_left_is_an_error() {
    let place = slopes();
    for index in 0..5 {
        fs::write(place.path().join(format!("b/{index}.png")), "no image").unwrap();
    }
    let error = read(place.path(), &ReadOptions::new().skip_bad()).unwrap_err().to_string();
    assert!(error.contains("no image of class b can be read"), "{error}");
}

#[test]
fn a_file_that_vanishes_behind_the_listing_is_named_or_skipped() {
    let place = slopes();
    let folder = ImageFolder::open(place.path()).unwrap();
    fs::remove_file(place.path().join("b/2.png")).unwrap();
    let error = Images::decode(&folder).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error}");
    assert!(error.to_string().contains("b/2.png"), "{error}");
    let images = Images::read(&folder, &ReadOptions::new().skip_bad(), &|_, _| {}).unwrap();
    assert_eq!((images.len(), images.skipped().len()), (9, 1));
}

#[test]
fn a_file_that_says_it_is_huge_is_refused_at_once() {
    let mut header = b"IHDR".to_vec();
    header.extend([65_535_u32.to_be_bytes(), 65_535_u32.to_be_bytes()].concat());
    header.extend([8, 2, 0, 0, 0]);
    // The frame header of an empty JPEG, with another size in it.
    let mut jpeg = std::io::Cursor::new(Vec::new());
    colour(8, 8).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let mut jpeg = jpeg.into_inner();
    let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0xff);
    for (name, content) in [("a.png", crate::image_folders::png_of(&header)), ("a.jpg", jpeg)] {
        let (_place, folder) = folder_of(name, &content);
        let refused = |_| {
            let start = Instant::now();
            for reading in [ReadOptions::new(), ReadOptions::new().size(28, 28)] {
                let error = Images::read(&folder, &reading, &|_, _| {}).unwrap_err();
                assert!(matches!(error, Error::Image { .. }), "{error}");
            }
            start.elapsed()
        };
        assert!((0..5).map(refused).min().unwrap() < Duration::from_millis(10), "{name}");
    }
}

/// A data set as a phone leaves it: colour and grey of all sizes, and one file that is no image.
fn photos() -> TempDir {
    let place = slopes();
    for index in 0..4 {
        write(&place.path().join(format!("a/photo{index}.jpg")), colour(40 + index, 30));
        write(&place.path().join(format!("b/photo{index}.jpg")), colour(30, 40 + index));
    }
    fs::write(place.path().join("b/broken.jpg"), "no image").unwrap();
    place
}

pub const QUICK: [&str; 6] = ["--device", "cpu", "--epochs", "1", "--batch-size", "4"];

#[test]
fn the_program_says_which_option_mends_what() {
    let place = photos();
    fs::remove_file(place.path().join("b/broken.jpg")).unwrap();
    let data = place.path().to_str().unwrap();
    let run = output(&[&["train", data], &QUICK[..]].concat());
    assert_eq!((run.status.code(), stderr(&run).lines().count()), (Some(1), 1));
    assert!(stderr(&run).contains("resize all images with --size 28"), "{}", stderr(&run));
    for index in 0..4 {
        for class in ["a", "b"] {
            write(&place.path().join(class).join(format!("photo{index}.jpg")), colour(4, 4));
        }
    }
    let run = output(&[&["train", data], &QUICK[..]].concat());
    assert!(stderr(&run).contains("with --channels 1 or --channels 3"), "{}", stderr(&run));
}

#[test]
fn photos_train_with_one_option_and_the_model_reads_them_by_itself() {
    let place = photos();
    let (data, out) = (place.path().to_str().unwrap(), place.path().join("m.safetensors"));
    let out = out.to_str().unwrap();
    let run = output(&[&["train", data, "--size", "8"], &QUICK[..]].concat());
    assert!(stderr(&run).contains("broken.jpg is not a readable image"), "{}", stderr(&run));

    let options = ["--size", "8x6", "--bad-images", "skip", "--normalize", "--filter", "bicubic"];
    let run = output(&[&["train", data, "--out", out], &options[..], &QUICK[..]].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    let told = stderr(&run);
    assert!(told.contains("skipped 1 of 19 files\n") && told.contains("broken.jpg: not a PNG"));
    assert!(told.contains("images of 8×6, 2 classes"), "{told}");
    let info = stdout(&output(&["info", out]));
    assert!(info.contains("images      8×6 pixels, colour, normalised with mean 0."), "{info}");
    assert!(info.contains(", resized by bicubic\n"), "{info}");

    for verb in ["validate", "confusion", "top-losses"] {
        let judged = [verb, out, data, "--part", "all"];
        let run = output(&judged);
        assert!(!run.status.success() && stderr(&run).contains("broken.jpg"), "{}", stderr(&run));
        let run = output(&[&judged[..], &["--bad-images", "skip"]].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        assert!(stderr(&run).contains("skipped 1 of 19 files"), "{}", stderr(&run));
    }
    // Files are named by what is left, in which the broken one does not count.
    let judged = ["top-losses", out, data, "--part", "all", "--images", "18", "--json"];
    let run = output(&[&judged[..], &["--bad-images", "skip"]].concat());
    let line: Value = serde_json::from_str(&stdout(&run)).unwrap();
    for item in line["top_losses"].as_array().unwrap() {
        let (image, actual) = (item["image"].as_str().unwrap(), item["actual"].as_str().unwrap());
        assert!(image.contains(&format!("/{actual}/")) && !image.contains("broken"), "{item}");
    }

    let json = output(&[&["train", data, "--json"], &options[..], &QUICK[..]].concat());
    let start: Value = serde_json::from_str(stdout(&json).lines().next().unwrap()).unwrap();
    assert!(start["skipped"][0]["file"].as_str().unwrap().ends_with("broken.jpg"));
    assert_eq!(start["image"], serde_json::json!([3, 6, 8]));
    assert_eq!(start["settings"]["size"], "8x6");
}

#[test]
fn a_model_to_start_from_brings_its_format() {
    let place = photos();
    fs::remove_file(place.path().join("b/broken.jpg")).unwrap();
    let (data, out) = (place.path().to_str().unwrap(), place.path().join("m.safetensors"));
    let (out, train) = (out.to_str().unwrap(), ["train", data]);
    let options = ["--size", "8", "--normalize", "--out", out];
    assert!(output(&[&train[..], &options[..], &QUICK[..]].concat()).status.success());
    let run = output(&[&train[..], &["--from", out, "--json"], &QUICK[..]].concat());
    let start: Value = serde_json::from_str(stdout(&run).lines().next().unwrap()).unwrap();
    assert_eq!(start["image"], serde_json::json!([3, 8, 8]));
    assert!(start["scaling"]["standard"]["mean"].is_array(), "{start}");
    for (option, value) in [("--size", "9"), ("--channels", "1"), ("--filter", "nearest")] {
        let run = output(&[&train[..], &["--from", out, option, value], &QUICK[..]].concat());
        assert_eq!(run.status.code(), Some(2));
        assert!(stderr(&run).contains(&format!("{option} {value} differs")), "{}", stderr(&run));
    }
    let run = output(&[&train[..], &["--from", out, "--normalize"], &QUICK[..]].concat());
    assert_eq!(run.status.code(), Some(2));
}

#[test]
fn the_options_of_reading_belong_to_a_run() {
    let (place, kept) = (photos(), tempdir().unwrap());
    fs::remove_file(place.path().join("b/broken.jpg")).unwrap();
    let (data, kept) = (place.path().to_str().unwrap(), kept.path().join("kept"));
    let kept = kept.to_str().unwrap();
    let run = output(&[&["train", data, "--size", "8", "--checkpoint", kept], &QUICK[..]].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    let resume = ["train", data, "--resume", kept, "--epochs", "2", "--force"];
    let run = output(&[&resume[..], &["--size", "9"]].concat());
    assert!(stderr(&run).contains("--size 9 differs from the resumed run, which has 8"));
    let run = output(&resume);
    assert!(run.status.success() && stderr(&run).contains("images of 8×8"), "{}", stderr(&run));
    // Another picture under the same name is another data set.
    write(&place.path().join("a/0.png"), GrayImage::new(4, 4).into());
    assert!(stderr(&output(&resume)).contains("not the images of the resumed run"));
}

#[test]
fn the_other_verbs_read_any_images_too() {
    let place = photos();
    fs::remove_file(place.path().join("b/broken.jpg")).unwrap();
    let data = place.path().to_str().unwrap();
    let run = output(&["baseline", data, "--size", "8", "--channels", "1", "--device", "cpu"]);
    assert!(run.status.success(), "{}", stderr(&run));
    let run = output(&["summary", data, "--size", "8", "--device", "cpu", "--batch-size", "4"]);
    assert!(stdout(&run).contains("19200") || stdout(&run).contains("19300"), "{}", stdout(&run));
    let find = ["lr-find", data, "--size", "8", "--normalize", "--steps", "9"];
    let run = output(&[&find[..], &QUICK[..2], &QUICK[4..]].concat());
    assert!(stdout(&run).starts_with("loss "), "{}", stderr(&run));
    let run = output(&["train", data, "--size", "0"]);
    assert!(run.status.code() == Some(2) && stderr(&run).contains("such as 28 or 640x480"));
}
