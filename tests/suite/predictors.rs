//! Predictors: images of every kind, answered as the model was trained.

use std::fs;

use burn::tensor::Tensor;
use fastburn::Error;
use fastburn::vision::{ImageSpec, Predictor, Splits};

use crate::model_files::trained;
use crate::support::assert_close;

#[test]
fn an_image_is_prepared_for_a_prediction_as_for_training() {
    let (folder, file) = trained();
    let device = fastburn::device::cpu().unwrap();
    let predictor = Predictor::load(file, &device).unwrap();
    let valid = Splits::digits().unwrap().valid;
    let png = folder.path().join("image.png");
    for index in [0, 321, 999] {
        let item = valid.image(index).unwrap();
        let image = image::GrayImage::from_raw(28, 28, item.pixels.clone()).unwrap();
        image.save(&png).unwrap();
        let dls = Splits::digits().unwrap().loaders(1, 0, &device).unwrap();
        let order = dls.valid.order(0);
        let input = dls.valid.batch(&order, index, &device).unwrap().input;
        let expected = predictor.predict_batch(input).unwrap().remove(0);
        assert_eq!(predictor.predict_file(&png).unwrap(), expected);
        assert_eq!(predictor.predict_bytes(&fs::read(&png).unwrap()).unwrap(), expected);
        assert_eq!(predictor.predict_pixels(&item.pixels, item.shape).unwrap(), expected);
        assert_eq!(predictor.predict_files(&[&png]).remove(0).unwrap(), expected);
    }
}

#[test]
fn an_image_of_another_kind_is_changed_to_fit_and_says_so() {
    let (folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let item = Splits::digits().unwrap().valid.image(700).unwrap();
    let grey = image::GrayImage::from_raw(28, 28, item.pixels.clone()).unwrap();
    let plain = predictor.predict_pixels(&item.pixels, item.shape).unwrap();
    assert_eq!((plain.label(), plain.adaptation.as_deref()), ("7", None));

    // Grey written as colour is the same image.
    let colour = image::DynamicImage::ImageLuma8(grey.clone()).into_rgb8();
    let png = folder.path().join("colour.png");
    colour.save(&png).unwrap();
    let answer = predictor.predict_file(&png).unwrap();
    assert_eq!(answer.probabilities, plain.probabilities);
    assert_eq!(answer.adaptation.unwrap(), "colour to grey");

    // Four pixels for each one are that one again.
    let large = image::imageops::resize(&colour, 84, 84, image::imageops::FilterType::Nearest);
    let jpeg = folder.path().join("large.jpg");
    large.save(&jpeg).unwrap();
    let answer = predictor.predict_file(&jpeg).unwrap();
    assert_eq!(answer.label(), "7");
    let said = answer.adaptation.unwrap();
    assert_eq!(said, "resized from 84×84 to 28×28, colour to grey");
}

#[test]
fn many_files_are_answered_each_for_itself() {
    let (folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let valid = Splits::digits().unwrap().valid;
    let mut paths = Vec::new();
    for index in 0..300 {
        let path = folder.path().join(format!("{index}.png"));
        let item = valid.image(3 * index).unwrap();
        image::GrayImage::from_raw(28, 28, item.pixels).unwrap().save(&path).unwrap();
        paths.push(path);
    }
    fs::write(&paths[7], "no image").unwrap();
    paths[290] = folder.path().join("missing.png");
    let answers = predictor.predict_files(&paths);
    assert_eq!(answers.len(), 300);
    for (index, (path, answer)) in paths.iter().zip(answers).enumerate() {
        match (index, answer) {
            (7, Err(Error::Image { file, .. })) => assert!(file.ends_with("7.png")),
            (290, Err(Error::Read { path, .. })) => assert!(path.ends_with("missing.png")),
            (_, Ok(answer)) => {
                // A batch of many and a batch of one add in another order.
                let alone = predictor.predict_file(path).unwrap();
                assert_close(&answer.probabilities, &alone.probabilities, 1e-5, 1e-6);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn pixels_that_do_not_fit_their_shape_are_refused() {
    let (_folder, file) = trained();
    let device = fastburn::device::cpu().unwrap();
    let predictor = Predictor::load(file, &device).unwrap();
    for (pixels, shape) in [
        (0, [1, 28, 28]),
        (784, [1, 28, 27]),
        (784, [2, 14, 28]),
        (0, [1, 0, 28]),
        (9, [usize::MAX, 3, 3]),
    ] {
        let error = predictor.predict_pixels(&vec![0; pixels], shape).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }), "{error}");
    }
    let error = predictor.predict_batch(Tensor::zeros([2, 3, 28, 28], &device)).unwrap_err();
    assert!(error.to_string().contains("[2, 3, 28, 28]"), "{error}");
    assert!(predictor.predict_batch(Tensor::zeros([0, 1, 28, 28], &device)).unwrap().is_empty());
}

#[test]
fn a_predictor_answers_on_many_threads_at_once() {
    let (_folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let item = Splits::digits().unwrap().valid.image(400).unwrap();
    let expected = predictor.predict_pixels(&item.pixels, item.shape).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let answer = predictor.predict_pixels(&item.pixels, item.shape).unwrap();
                    assert_eq!(answer, expected);
                }
            });
        }
    });
}

#[test]
fn a_predictor_can_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<Predictor>();
}

#[test]
fn an_image_is_resized_as_pillow_does() {
    // Pillow 13, `Image.fromarray(a).resize((3, 2), Image.Resampling.BILINEAR)`, with
    // a[y, x] = 40 y + 7 x² for five columns and four rows.
    let pixels: Vec<u8> = (0..4).flat_map(|y| (0..5).map(move |x| 40 * y + 7 * x * x)).collect();
    let (found, adapted) = ImageSpec::new([1, 2, 3]).adapt(&pixels, [1, 4, 5]).unwrap();
    let expected = [32, 60, 120, 94, 122, 182];
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.abs_diff(expected) <= 1, "{found} is not {expected}");
    }
    assert_eq!(adapted.unwrap().to_string(), "resized from 5×4 to 3×2");
}

#[test]
fn a_grey_image_fits_a_model_of_colour() {
    let (found, adapted) = ImageSpec::new([3, 1, 2]).adapt(&[10, 200], [1, 1, 2]).unwrap();
    assert_eq!(found, [10, 200, 10, 200, 10, 200]);
    assert_eq!(adapted.unwrap().to_string(), "grey to colour");
    // Red, green and blue planes of one pixel each.
    let (found, _) = ImageSpec::new([1, 1, 1]).adapt(&[255, 0, 0], [3, 1, 1]).unwrap();
    assert_eq!(found, [76]);
}

#[test]
fn transparency_is_left_out_and_said() {
    let (folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let path = folder.path().join("transparent.png");
    image::GrayAlphaImage::from_pixel(28, 28, image::LumaA([90, 0])).save(&path).unwrap();
    let answer = predictor.predict_file(&path).unwrap();
    assert_eq!(answer.adaptation.unwrap(), "transparency dropped");
    let plain = predictor.predict_pixels(&[90; 784], [1, 28, 28]).unwrap();
    assert_eq!(answer.probabilities, plain.probabilities);
}

#[test]
fn a_file_too_large_to_be_an_image_is_not_read() {
    let (folder, file) = trained();
    let predictor = Predictor::load(file, &fastburn::device::cpu().unwrap()).unwrap();
    let path = folder.path().join("huge.png");
    fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_len(40_000_000_000).unwrap();
    let error = predictor.predict_file(&path).unwrap_err().to_string();
    assert!(error.contains("huge.png") && error.contains("40000000000 bytes"), "{error}");
}
