//! Pixel similarity.

use burn::tensor::{Device, Tensor};
use fastburn::models::Model;
use fastburn::vision::{Baseline, Distance, mean_images};
use fastburn::vision::{ImageFolder, Images, ReadOptions, Splits};
use image::GrayImage;
use tempfile::TempDir;

use crate::support::{assert_close, cpus, each_device, mnist, values};

/// A class of images for each list; each image is a row of two pixels.
fn images(classes: &[(&str, &[[u8; 2]])]) -> Images {
    let folder = TempDir::new().unwrap();
    for (class, images) in classes {
        let class = folder.path().join(class);
        std::fs::create_dir(&class).unwrap();
        for (index, pixels) in images.iter().enumerate() {
            let image = GrayImage::from_raw(2, 1, pixels.to_vec()).unwrap();
            image.save(class.join(format!("{index}.png"))).unwrap();
        }
    }
    Images::decode(&ImageFolder::open(folder.path()).unwrap()).unwrap()
}

#[test]
fn an_image_is_of_the_class_whose_mean_is_nearest() {
    // Means of (0, 51) and (204, 153): in [0, 1] they are (0, 0.2) and (0.8, 0.6).
    let train = images(&[("dark", &[[0, 0], [0, 102]]), ("light", &[[204, 153]])]);
    let means = mean_images(&train).unwrap();
    assert_eq!([means[0].rgb(1, 0)[0], means[1].rgb(0, 0)[0]], [51, 204]);
    each_device(|device| {
        let input = Tensor::<2>::from_data([[0.0, 1.0], [0.9, 0.2]], device);
        let logits = |distance| {
            let baseline = Baseline::new(&train, distance, device).unwrap();
            values(baseline.forward(input.clone()))
        };
        // (0 + 0.8) / 2, (0.8 + 0.4) / 2; (0.9 + 0) / 2, (0.1 + 0.4) / 2.
        assert_close(&logits(Distance::L1), &[-0.4, -0.6, -0.45, -0.25], 1e-6, 0.0);
        // √(0.64 / 2), √(0.8 / 2); √(0.81 / 2), √(0.17 / 2).
        let expected = [-0.32_f32.sqrt(), -0.4_f32.sqrt(), -0.405_f32.sqrt(), -0.085_f32.sqrt()];
        assert_close(&logits(Distance::L2), &expected, 1e-6, 0.0);

        let valid = images(&[("dark", &[[10, 250]]), ("light", &[[230, 51], [0, 0]])]);
        let baseline = Baseline::new(&train, Distance::L2, device).unwrap();
        let confusion = baseline.evaluate(valid).unwrap();
        assert_eq!(confusion.counts, [[1, 0], [1, 1]]);
        assert_eq!(confusion.class_accuracy(1), 0.5);
    });
}

#[test]
fn images_of_another_size_are_refused() {
    let train = images(&[("a", &[[0, 0]]), ("b", &[[9, 9]])]);
    let digits = Images::decode(&Splits::digits().unwrap().valid).unwrap();
    each_device(|device| {
        let baseline = Baseline::new(&train, Distance::L1, device).unwrap();
        let error = baseline.evaluate(digits.clone()).unwrap_err().to_string();
        assert!(error.contains("2 values") && error.contains("784"), "{error}");
    });
}

#[test]
fn other_classes_are_refused() {
    let digits = Splits::digits().unwrap();
    let train = Images::decode(&digits.valid).unwrap();
    let two = Images::decode(&digits.valid.with_classes(&["7", "3"]).unwrap()).unwrap();
    each_device(|device| {
        let baseline = Baseline::new(&train, Distance::L1, device).unwrap();
        let error = baseline.evaluate(two.clone()).unwrap_err().to_string();
        assert!(error.contains("0, 1, 2") && error.contains("7, 3"), "{error}");
    });
}

#[test]
fn a_class_without_an_image_has_no_mean() {
    let digits = Splits::digits().unwrap().valid;
    let only_zeros = Images::decode(&digits.subset(&[0, 1, 2])).unwrap();
    let error = mean_images(&only_zeros).unwrap_err().to_string();
    assert!(error.contains("class 1"), "{error}");
}

#[test]
fn mnist_has_the_known_figures() {
    let Some(path) = mnist("mnist_png.tgz") else { return };
    let splits = Splits::open(path, 0).unwrap();
    let accuracies = |splits: &Splits, distance, device: &Device| {
        let (train, valid) = splits.read(&ReadOptions::new(), &|_, _| {}).unwrap();
        Baseline::new(&train, distance, device).unwrap().evaluate(valid).unwrap()
    };
    let rounded = |share: f64| format!("{share:.4}");
    for device in cpus() {
        // Chapter 4 of Howard and Gugger's book.
        let two = accuracies(&splits.with_classes(&["3", "7"]).unwrap(), Distance::L1, &device);
        let (of_3s, of_7s) = (two.class_accuracy(0), two.class_accuracy(1));
        assert_eq!(
            [of_3s, of_7s, (of_3s + of_7s) / 2.0].map(rounded),
            ["0.9168", "0.9854", "0.9511"]
        );
        // The same in NumPy, in double precision.
        assert_eq!(rounded(accuracies(&splits, Distance::L1, &device).accuracy()), "0.6685");
        assert_eq!(rounded(accuracies(&splits, Distance::L2, &device).accuracy()), "0.8203");
    }
}
