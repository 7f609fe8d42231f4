//! Images that are resized in proportion and cropped at the centre.

use std::fs;
use std::path::{Path, PathBuf};

use fastburn::Error;
use fastburn::data::{DataLoaders, class_indices};
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::models::LinearConfig;
use fastburn::vision::{
    DataFormat, Filter, ImageFolder, ImageSpec, Images, OpenOptions, Predictor, PretrainedModel,
    ReadOptions, ResizeMethod, Scaling, Splits,
};
use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::any_images::{QUICK, bytes, distance};
use crate::program::{output, stderr, stdout};
use crate::support::{assert_close, crate_path, values};

/// What torchvision made of images: see `tests/reference/make_center_crops.py`.
fn reference() -> Value {
    let file = crate_path("tests/reference/center_crops.json");
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// The images of the reference values, `[channels, height, width]`.
fn formula([channels, height, width]: [usize; 3]) -> Vec<u8> {
    let pixel = |c, y, x| (7 * x * x + 5 * y * y + (3 + c) * x * y + 400 * c) / 16 % 256;
    let indices =
        (0..channels * height * width).map(|i| (i / width / height, i / width, i % width));
    indices.map(|(c, y, x)| pixel(c, y % height, x) as u8).collect()
}

fn shape(of: &Value) -> [usize; 3] {
    serde_json::from_value(of.clone()).unwrap()
}

/// The image format of a reference value.
fn format(case: &Value) -> ImageSpec {
    let shorter_side = case["shorter_side"].as_u64().unwrap() as usize;
    ImageSpec {
        filter: case["filter"].as_str().unwrap().parse().unwrap(),
        ..cropped(shape(&case["shape"]), shorter_side)
    }
}

fn cropped(shape: [usize; 3], shorter_side: usize) -> ImageSpec {
    ImageSpec { resize: ResizeMethod::Crop { shorter_side }, ..ImageSpec::new(shape) }
}

/// The rows that a reference value holds, of each channel.
fn rows(case: &Value, pixels: &[u8]) -> Vec<u8> {
    let [_, height, width] = shape(&case["shape"]);
    let rows: Vec<usize> = serde_json::from_value(case["rows"].clone()).unwrap();
    let plane = |plane: &[u8]| {
        let row = |&row: &usize| plane[row * width..][..width].to_vec();
        rows.iter().flat_map(row).collect::<Vec<_>>()
    };
    pixels.chunks_exact(height * width).flat_map(plane).collect()
}

#[test]
fn images_are_resized_and_cropped_as_torchvision_does() {
    let reference = reference();
    let cases = reference["cases"].as_array().unwrap();
    for case in cases {
        let source = shape(&case["source"]);
        let (found, _) = format(case).adapt(&formula(source), source).unwrap();
        let found = distance(&rows(case, &found), &bytes(&case["pixels"]));
        let allowed = if case["filter"] == "nearest" { 0 } else { 1 };
        assert!(found <= allowed, "{source:?} as {}: {found}", format(case));
    }
    assert_eq!(cases.len(), 90);
}

#[test]
fn a_rotated_photo_is_cropped_as_an_upright_one() {
    let reference = reference();
    for (index, case) in reference["turned"].as_array().unwrap().iter().enumerate() {
        let content = bytes(&case["content"]);
        let (found, adapted) = format(case).decode(&content, "turned").unwrap();
        let away = distance(&found, &bytes(&case["pixels"]));
        assert!(away <= 1, "orientation {}: {away}", index % 8 + 1);

        let source = shape(&case["source"]);
        assert_eq!(adapted.unwrap().from, source);
        let (upright, _) = ImageSpec::new(source).decode(&content, "turned").unwrap();
        for filter in Filter::ALL {
            // Even and odd margins, of which the odd ones are split to either side.
            let crops = [(16, 11, 14), (13, 8, 10), (9, 9, 9), (10, 7, 1)];
            let crops =
                crops.map(|(side, height, width)| cropped([source[0], height, width], side));
            // Sizes for which the height is resized first.
            let squished = [[5, 26], [3, 40]];
            let squished =
                squished.map(|[height, width]| ImageSpec::new([source[0], height, width]));
            for format in crops.into_iter().chain(squished) {
                let format = ImageSpec { filter, ..format };
                let (found, _) = format.decode(&content, "turned").unwrap();
                let (expected, _) = format.adapt(&upright, source).unwrap();
                assert!(found == expected, "orientation {}, {format}", index % 8 + 1);
            }
        }
    }
}

#[test]
fn a_long_thin_image_takes_no_memory_for_what_is_cropped_away() {
    // Resized as a whole, it would have 3,670,016 × 224 pixels in three channels: 2.5 GB.
    let row: Vec<u8> = (0..3 * 16_384).map(|x| (x % 16_384 / 64) as u8).collect();
    let (pixels, adapted) = cropped([3, 224, 224], 224).adapt(&row, [3, 1, 16_384]).unwrap();
    assert!(pixels.iter().all(|&pixel| pixel == 127 || pixel == 128));
    let adapted = adapted.unwrap().to_string();
    assert_eq!(adapted, "resized from 16384×1 to 3670016×224, cropped to 224×224");
}

#[test]
fn inputs_are_normalised_by_imagenet_as_torchvision_does() {
    let place = tempdir().unwrap();
    write(&place.path().join("a/0.png"), [3, 16, 20]);
    let reading =
        ReadOptions::like(&ImageSpec { scaling: Scaling::imagenet(), ..cropped([3, 16, 15], 16) });
    let images = read(place.path(), &reading);
    let device = fastburn::device::cpu().unwrap();
    let dls = DataLoaders::from_images(images.clone(), images, class_indices, &device);
    let input = dls.valid.batch(&dls.valid.order(0), 0, &device).unwrap().input;
    let expected = bytes(&reference()["numbers"]);
    let (expected, _) = expected.as_chunks::<4>();
    let expected: Vec<f32> = expected.iter().map(|number| f32::from_le_bytes(*number)).collect();
    assert_close(&values(input), &expected, 0.0, 1e-6);
}

fn write(path: &Path, [channels, height, width]: [usize; 3]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let (pixels, size) = (formula([channels, height, width]), height * width);
    let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let pixel = y as usize * width + x as usize;
        Rgb([0, 1, 2].map(|channel| pixels[channel % channels * size + pixel]))
    });
    image.save(path).unwrap();
}

fn read(place: &Path, reading: &ReadOptions) -> Images {
    Images::read(&ImageFolder::open(place).unwrap(), reading, &|_, _| {}).unwrap()
}

/// Photos of two classes: landscape, portrait and square.
fn photos() -> TempDir {
    let place = tempdir().unwrap();
    for index in 0..8 {
        write(&place.path().join(format!("a/{index}.png")), [3, 20 + index, 31]);
        write(&place.path().join(format!("b/{index}.png")), [1, 40, 24 + 3 * index]);
    }
    place
}

fn crop_reading() -> ReadOptions {
    let resize = ResizeMethod::Crop { shorter_side: 12 };
    ReadOptions::new().size(8, 10).channels(3).resize(resize)
}

#[test]
fn streamed_images_are_cropped_as_those_in_memory() {
    let place = photos();
    let (memory, streamed) =
        (read(place.path(), &crop_reading()), read(place.path(), &crop_reading().memory(0)));
    assert_eq!((memory.is_streamed(), streamed.is_streamed()), (false, true));
    assert_eq!(memory.format(), &cropped([3, 8, 10], 12));
    assert_eq!(streamed.format(), memory.format());
    assert_eq!(streamed.checksum().unwrap(), memory.checksum().unwrap());
    for index in 0..memory.len() {
        let pixels = memory.pixels(index).unwrap();
        assert_eq!(streamed.pixels(index).unwrap(), pixels);
        let item = memory.folder().image(index).unwrap();
        let (expected, _) = memory.format().adapt(&item.pixels, item.shape).unwrap();
        assert_eq!(*pixels, expected);
    }
    // As the statistics of what the model is given.
    let of = |reading: ReadOptions| read(place.path(), &reading.standardized()).format().clone();
    assert_eq!(of(crop_reading()), of(crop_reading().memory(0)));
    assert_ne!(of(crop_reading()).scaling, of(ReadOptions::new().size(8, 10).channels(3)).scaling);
}

/// A model file of an untrained model that was given the images as `reading` says.
fn model_file(place: &Path, reading: &ReadOptions) -> PathBuf {
    let device = fastburn::device::cpu().unwrap();
    let images = read(place, reading);
    let model = LinearConfig::new(images.format().len(), 2).init(&device, 0).unwrap();
    let dls = DataLoaders::from_images(images.clone(), images, class_indices, &device);
    let file = place.join("model.safetensors");
    Learner::new(dls, model, CrossEntropy::new()).export(&file).unwrap();
    file
}

#[test]
fn a_model_file_keeps_the_crop_and_its_predictor_crops() {
    let place = photos();
    let file = model_file(place.path(), &crop_reading());
    let device = fastburn::device::cpu().unwrap();
    let predictor = Predictor::load(&file, &device).unwrap();
    let images = read(place.path(), &ReadOptions::like(predictor.format()));
    assert_eq!(images.format(), &cropped([3, 8, 10], 12));
    let seen = predictor.interpret(&images).unwrap();
    for item in &seen.items {
        let path = PathBuf::from(images.folder().file_name(item.index));
        let answer = predictor.predict_file(&path).unwrap();
        assert_close(&answer.probabilities, &item.probabilities, 1e-6, 1e-6);
        let photo = images.folder().image(item.index).unwrap();
        assert_eq!(predictor.predict_pixels(&photo.pixels, photo.shape).unwrap(), answer);
    }

    // Nothing to resize, and four columns left and right that are cropped away.
    let photo = formula([3, 12, 18]);
    let mut painted = photo.clone();
    painted.chunks_exact_mut(18).for_each(|row| {
        row[..4].fill(0);
        row[14..].fill(255);
    });
    let answers =
        [&photo, &painted].map(|pixels| predictor.predict_pixels(pixels, [3, 12, 18]).unwrap());
    assert_eq!(answers[0], answers[1]);
    let adapted = answers[0].adaptation.as_deref();
    assert_eq!(adapted, Some("cropped from 18×12 to 10×8"));
    painted[18 * 5 + 9] ^= 128;
    let other = predictor.predict_pixels(&painted, [3, 12, 18]).unwrap();
    assert_ne!(other.probabilities, answers[0].probabilities);

    let new = PretrainedModel::load(&file, &device).unwrap();
    new.check_images(images.format()).unwrap();
    for other in [ImageSpec::new([3, 8, 10]), cropped([3, 8, 10], 11)] {
        let error = new.check_images(&other).unwrap_err();
        assert!(
            error.to_string().contains("resized to 12, cropped at the centre; found"),
            "{error}"
        );
    }
}

#[test]
fn a_format_without_a_resize_method_squishes_and_is_written_without_one() {
    let old = json!({ "channels": 1, "height": 2, "width": 3, "scaling": "unit" });
    let format: ImageSpec = serde_json::from_value(old).unwrap();
    assert_eq!(format, ImageSpec::new([1, 2, 3]));
    assert_eq!(format.resize, ResizeMethod::Squish);
    let written = serde_json::to_string(&format).unwrap();
    assert_eq!(
        written,
        r#"{"channels":1,"height":2,"width":3,"scaling":"unit","filter":"bilinear"}"#
    );
    let written = serde_json::to_value(cropped([1, 2, 3], 4)).unwrap();
    assert_eq!(written["resize"], json!({ "crop": { "shorter_side": 4 } }));
    assert_eq!(serde_json::from_value::<ImageSpec>(written).unwrap(), cropped([1, 2, 3], 4));
}

#[test]
fn what_was_changed_is_told() {
    for (format, shape, expected) in [
        (cropped([3, 8, 8], 8), [3, 8, 8], None),
        (cropped([3, 8, 8], 9), [3, 8, 8], Some("resized from 8×8 to 9×9, cropped to 8×8")),
        (cropped([3, 8, 8], 9), [3, 9, 9], Some("cropped from 9×9 to 8×8")),
        (cropped([3, 8, 8], 8), [3, 16, 16], Some("resized from 16×16 to 8×8")),
        (cropped([1, 8, 8], 8), [3, 8, 9], Some("cropped from 9×8 to 8×8, colour to grey")),
        (
            cropped([3, 8, 6], 8),
            [1, 9, 7],
            Some("resized from 7×9 to 8×10, cropped to 6×8, grey to colour"),
        ),
    ] {
        let (_, adapted) = format.adapt(&formula(shape), shape).unwrap();
        assert_eq!(adapted.map(|adapted| adapted.to_string()).as_deref(), expected);
    }
    let mut format = cropped([3, 224, 224], 256);
    assert_eq!(
        format.to_string(),
        "224×224 pixels, colour, scaled to [0, 1], shorter side resized to 256, cropped at the centre"
    );
    format.filter = Filter::Bicubic;
    assert!(format.to_string().ends_with("resized to 256 by bicubic, cropped at the centre"));
}

#[test]
fn a_crop_that_does_not_fit_is_refused() {
    for (height, width, shorter_side) in
        [(8, 10, 9), (10, 8, 9), (1, 1, 0), (8, 8, 16_385), (8, 8, usize::MAX)]
    {
        let format = cropped([3, height, width], shorter_side);
        let expected = format!(
            "expected a shorter side of {} to 16384 pixels for a crop of {width}×{height}",
            height.max(width)
        );
        let place = photos();
        let folder = ImageFolder::open(place.path()).unwrap();
        let png = fs::read(place.path().join("a/0.png")).unwrap();
        for error in [
            format.adapt(&[0; 300], [3, 10, 10]).unwrap_err(),
            format.decode(&png, "0.png").unwrap_err(),
            Images::read(&folder, &ReadOptions::like(&format), &|_, _| {}).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Setting { .. }), "{error}");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
    let place = photos();
    let splits = Splits::open(place.path(), 0).unwrap();
    let reading = ReadOptions::new().resize(ResizeMethod::Crop { shorter_side: 12 });
    let error = splits.read(&reading, &|_, _| {}).unwrap_err().to_string();
    assert_eq!(
        error,
        "invalid resize method crop from a shorter side of 12: expected a size to crop to"
    );
}

#[test]
fn a_conversion_crops_too() {
    let (place, out) = (photos(), tempdir().unwrap());
    let (out, png) = (out.path().join("small"), DataFormat::Png);
    OpenOptions::new().convert(place.path(), &out, png, &crop_reading(), &|_, _| true).unwrap();
    let (found, expected) = (read(&out, &ReadOptions::new()), read(place.path(), &crop_reading()));
    assert_eq!((found.len(), found.shape()), (16, [3, 8, 10]));
    for index in 0..found.len() {
        assert_eq!(found.pixels(index).unwrap(), expected.pixels(index).unwrap());
    }
}

#[test]
fn the_program_crops_as_the_model_file_says() {
    let place = photos();
    let data = place.path().to_str().unwrap();
    let file = model_file(place.path(), &crop_reading().filter(Filter::Bicubic));
    let file = file.to_str().unwrap();
    let info = stdout(&output(&["info", file]));
    let format = "10×8 pixels, colour, scaled to [0, 1], shorter side resized to 12 by bicubic, \
                  cropped at the centre\n";
    assert!(info.contains(&format!("images      {format}")), "{info}");
    let info: Value = serde_json::from_str(&stdout(&output(&["info", file, "--json"]))).unwrap();
    assert_eq!(info["image"]["resize"]["crop"]["shorter_side"], 12, "{info}");

    let photo = place.path().join("a/0.png");
    let photo = photo.to_str().unwrap();
    let run = output(&["predict", file, photo, "--device", "cpu"]);
    assert!(stdout(&run).contains("(resized from 31×20 to 18×12, cropped to 10×8)"), "{run:?}");
    let run = output(&["validate", file, data, "--part", "all", "--device", "cpu"]);
    assert!(run.status.success(), "{}", stderr(&run));

    // The model that starts from it reads its images in the same way.
    let out = place.path().join("new.safetensors");
    let out = out.to_str().unwrap();
    let run = output(&[&["train", data, "--from", file, "--out", out], &QUICK[..]].concat());
    assert!(run.status.success(), "{}", stderr(&run));
    assert!(stdout(&output(&["info", out])).contains(format));
}
