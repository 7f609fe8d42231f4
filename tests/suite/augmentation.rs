//! Augmentation against fastai, PyTorch and timm, and its promises: what is drawn, and when.

use burn::tensor::{Device, Int, Tensor};
use fastburn::data::{DataLoader, DataLoaders, Order, class_indices};
use fastburn::rand::Rng;
use fastburn::vision::augment::{Augment, Change, Erase, Flip, Map, Rotate, Transform};
use fastburn::vision::{
    ImageSource, ImageSpec, Images, Padding, ReadOptions, Residency, ResizeMethod, Splits,
};
use fastburn::{Error, Seed, device};
use image::{GrayImage, Luma};
use rayon::ThreadPoolBuilder;
use tempfile::tempdir;

use crate::support::{Reference, assert_close, cpus, each_device, values};

/// A transform that always does the same.
struct Fixed<F>(F);

impl<F: Fn(&mut Change) + Send + Sync> Transform for Fixed<F> {
    fn draw(&self, change: &mut Change, _: &mut dyn Rng) {
        (self.0)(change);
    }
}

/// An image of the reference, in bytes, and its shape.
fn image(file: &Reference, name: &str) -> (Vec<u8>, [usize; 3]) {
    let bytes = file.floats(name).into_iter().map(|value| value as u8).collect();
    (bytes, file.shape(name).try_into().unwrap())
}

fn changed(
    file: &Reference,
    name: &str,
    padding: Padding,
    change: impl Fn(&mut Change) + Send + Sync + 'static,
) -> Vec<f32> {
    let (pixels, shape) = image(file, name);
    let policy = Augment::none().padding(padding).with(Fixed(change));
    policy.image(&pixels, shape, 0).unwrap()
}

fn logit(value: f64) -> f64 {
    (value / (1.0 - value)).ln()
}

#[test]
fn each_change_gives_what_fastai_gives_with_the_same_draws() {
    let file = Reference::open("augmentation.safetensors");
    let share = |value: f64| 2.0 * value - 1.0;
    type Action = fn(&mut Change);
    let actions: [(&str, Action); 8] = [
        ("rotate", |change| change.map(Map::rotation(17.0, change.size()))),
        ("flip", |change| change.map(Map::mirror())),
        ("zoom", |change| change.map(Map::zoom(1.3, [2.0 * 0.2 - 1.0, 2.0 * 0.9 - 1.0]))),
        ("zoom_out", |change| change.map(Map::zoom(0.7, [2.0 * 0.4 - 1.0, 2.0 * 0.6 - 1.0]))),
        ("warp", |change| change.map(Map::warp([0.15, -0.2]))),
        ("brightness", |change| change.brighten(logit(0.58))),
        ("contrast", |change| change.change_contrast(1.22)),
        ("light", |change| {
            change.change_contrast(0.85);
            change.brighten(logit(0.42));
        }),
    ];
    for image in ["wide", "square"] {
        for (action, change) in actions {
            println!("{image}, {action}");
            let expected = file.floats(&format!("{image}.{action}"));
            assert_close(&changed(&file, image, Padding::Reflection, change), &expected, 0.0, 1e-4);
        }
    }
    let colours: [(&str, Action); 3] = [
        ("saturation", |change| change.saturate(1.4)),
        ("all_light", |change| {
            change.brighten(logit(0.45));
            change.change_contrast(1.1);
            change.saturate(0.7);
        }),
        ("hue", |change| change.turn_hue(0.93)),
    ];
    for (action, change) in colours {
        println!("wide, {action}");
        let expected = file.floats(&format!("wide.{action}"));
        assert_close(&changed(&file, "wide", Padding::Reflection, change), &expected, 0.0, 1e-4);
    }
    // fastai warps after the other maps, whatever the order.
    let all = changed(&file, "square", Padding::Reflection, move |change| {
        change.map(Map::warp([-0.1, 0.12]));
        change.map(Map::mirror());
        change.map(Map::rotation(-9.0, change.size()));
        change.map(Map::zoom(1.08, [share(0.7), share(0.3)]));
        change.brighten(logit(0.55));
        change.change_contrast(0.9);
    });
    assert_close(&all, &file.floats("square.all"), 0.0, 1e-4);
}

#[test]
fn sampling_far_beyond_the_border_gives_what_grid_sample_gives() {
    let file = Reference::open("augmentation.safetensors");
    let theta: Vec<f64> = file.floats("theta").into_iter().map(f64::from).collect();
    let map = Map::affine([[theta[0], theta[1], theta[2]], [theta[3], theta[4], theta[5]]]);
    for image in ["wide", "square"] {
        for padding in Padding::ALL {
            println!("{image}, {padding}");
            let found = changed(&file, image, padding, move |change| change.map(map));
            assert_close(&found, &file.floats(&format!("{image}.{padding}")), 0.0, 1e-4);
        }
    }
}

#[test]
fn erased_boxes_have_the_sizes_of_timms() {
    let expected = Reference::open("augmentation.safetensors").floats("erased_shares");
    let (pixels, shape) = (vec![255; 40 * 60], [1, 40, 60]);
    let policy = Augment::none().with(Erase::new(0.3).p(1.0));
    let share = |seed: u64| {
        let values = policy.image(&pixels, shape, seed).unwrap();
        values.iter().filter(|&&value| value != 1.0).count() as f32 / values.len() as f32
    };
    let mut shares: Vec<f32> = (0..20_000).map(share).collect();
    shares.sort_by(f32::total_cmp);
    let found: Vec<f32> = shares.into_iter().skip(50).step_by(100).collect();
    // Quantiles of 20,000 draws each.
    assert_close(&found, &expected, 0.0, 0.01);
}

/// The embedded digits, of which those for training are augmented.
fn augmented(policy: &str, reading: &ReadOptions) -> DataLoaders<Tensor<4>, Tensor<1, Int>> {
    let digits = Splits::digits().unwrap();
    let (train, valid) = digits.read(reading, &|_, _| {}).unwrap();
    let train = train.augment(policy.parse().unwrap());
    let device = device::cpu().unwrap();
    DataLoaders::from_images(train, valid, class_indices, &device).shuffle(Seed::new(5))
}

const EVERYTHING: &str = "crop=0.4,warp=0.2,flip,dihedral,rotate=20,zoom=0.8..1.2,shift=0.1,\
                          brightness=0.3,contrast=0.3,saturation=0.4,hue=0.2,erase=0.4";

fn presized() -> ReadOptions {
    let method = ResizeMethod::Crop { shorter_side: 20 };
    ReadOptions::new().size(20, 16).channels(3).resize(method).presize(30, 25).standardized()
}

/// The inputs of a batch of the second epoch.
fn second(loader: &DataLoader<Tensor<4>, Tensor<1, Int>>, device: &Device) -> Vec<f32> {
    values(loader.batch(&loader.order(1), 2, device).unwrap().input)
}

#[test]
fn the_same_seed_draws_the_same_bits_on_every_backend_with_any_threads_and_from_any_memory() {
    for reading in [ReadOptions::new(), presized()] {
        let in_memory = augmented(EVERYTHING, &reading);
        let expected = second(&in_memory.train, &device::cpu().unwrap());
        for device in cpus() {
            assert_eq!(second(&in_memory.train, &device), expected);
        }
        for threads in [1, 2, 7] {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| second(&in_memory.train, &device::cpu().unwrap()));
            assert_eq!(found, expected, "{threads} threads");
        }
        let streamed = augmented(EVERYTHING, &reading.clone().memory(0));
        assert_eq!(second(&streamed.train, &device::cpu().unwrap()), expected);
    }
}

#[test]
fn images_that_are_kept_on_a_gpu_are_drawn_as_on_the_host() {
    each_device(|device| {
        for (policy, reading) in [("digits,flip", ReadOptions::new()), (EVERYTHING, presized())] {
            let digits = Splits::digits().unwrap();
            let (train, valid) = digits.read(&reading, &|_, _| {}).unwrap();
            let train = train.augment(policy.parse().unwrap());
            let dls = DataLoaders::from_images(train, valid, class_indices, device);
            let loader = dls.shuffle(Seed::new(5)).train;
            let on_host = augmented(policy, &reading).train;
            let expected = second(&on_host, &device::cpu().unwrap());
            assert_close(&second(&loader, device), &expected, 0.0, 5e-3);
        }
    });
}

#[test]
fn an_image_is_drawn_by_its_epoch_and_not_by_the_other_images_of_its_batch() {
    let device = device::cpu().unwrap();
    let loader = augmented(EVERYTHING, &ReadOptions::new()).train;
    let draw = |indices: &[u32], epoch: usize| {
        let order = Order::new(indices, epoch);
        values(loader.clone().drop_last(false).batch(&order, 0, &device).unwrap().input)
    };
    let together = draw(&[7, 3, 99], 1);
    let alone = draw(&[3], 1);
    assert_eq!(together[784..2 * 784], alone);
    assert_ne!(alone, draw(&[3], 2));
    assert_ne!(draw(&[3, 4], 1)[..784], draw(&[3, 4], 1)[784..]);
}

#[test]
fn validation_images_and_predictions_are_never_augmented() {
    let device = device::cpu().unwrap();
    for reading in [ReadOptions::new(), presized()] {
        let plain = augmented("none", &reading);
        let dls = augmented(EVERYTHING, &reading);
        assert_eq!(second(&dls.valid, &device), second(&plain.valid, &device));
        // Training images are those that validation would show, if they are not for training.
        let as_valid = dls.train.clone().training(false);
        assert_eq!(second(&as_valid, &device), second(&plain.train.training(false), &device));
    }
}

#[test]
fn presized_images_without_other_changes_are_at_random_places_and_crops_within_the_picture() {
    // Rows of columns 0 to 39: each value says which column of the picture it shows.
    let place = tempdir().unwrap();
    for class in ["a", "b"] {
        let folder = place.path().join(class);
        std::fs::create_dir(&folder).unwrap();
        for index in 0..32 {
            let picture = GrayImage::from_fn(40, 20, |x, _| Luma([5 * x as u8]));
            picture.save(folder.join(format!("{index}.png"))).unwrap();
        }
    }
    let folder = fastburn::vision::ImageFolder::open(place.path()).unwrap();
    let method = ResizeMethod::Crop { shorter_side: 10 };
    let reading = ReadOptions::new().size(10, 10).resize(method).presize(20, 40);
    let images = Images::read(&folder, &reading, &|_, _| {}).unwrap();
    let device = device::cpu().unwrap();
    let first_columns = |images: Images| {
        let source = ImageSource::new(images, class_indices, &device, Residency::Auto);
        let loader = DataLoader::new(source).training(true);
        let input: Tensor<4> = loader.batch(&loader.order(0), 0, &device).unwrap().input;
        let rows = values(input);
        let rows = rows.chunks_exact(100).map(|image| {
            let columns = [0, 9].map(|column| image[column] * 51.0);
            (columns[0], columns[1])
        });
        rows.collect::<Vec<_>>()
    };
    // Twenty of forty columns are shown, of which each pixel is between two.
    let mut starts = Vec::new();
    for (first, last) in first_columns(images.clone()) {
        assert!((last - first - 18.0).abs() < 0.1, "from column {first} to {last}");
        assert!((0.4..=20.6).contains(&first), "from column {first}");
        starts.push(first);
    }
    let mean = starts.iter().sum::<f32>() / starts.len() as f32;
    assert!((mean - 10.5).abs() < 2.5, "they begin at {mean} on average");
    // The middle is what validation shows.
    let middle = images.pixels(0).unwrap();
    assert!((f32::from(middle[0]) / 5.0 - 10.5).abs() < 0.3, "{}", middle[0]);
    let crop: Augment = "crop=0.25".parse().unwrap();
    let widths = first_columns(images.augment(crop)).into_iter().map(|(first, last)| last - first);
    let widths: Vec<f32> = widths.collect();
    assert!(widths.iter().all(|width| (8.0..=36.0).contains(width)), "{widths:?}");
    assert!(widths.iter().any(|&width| width < 16.0) && widths.iter().any(|&width| width > 20.0));
}

#[test]
fn the_middle_of_a_picture_that_is_kept_whole_is_what_validation_shows() {
    let place = tempdir().unwrap();
    for class in ["a", "b"] {
        std::fs::create_dir(place.path().join(class)).unwrap();
        let picture = GrayImage::from_fn(90, 60, |x, y| Luma([(2 * x + y) as u8]));
        picture.save(place.path().join(class).join("0.png")).unwrap();
    }
    let folder = fastburn::vision::ImageFolder::open(place.path()).unwrap();
    for resize in [
        ResizeMethod::Squish,
        ResizeMethod::Crop { shorter_side: 24 },
        ResizeMethod::Cover { margin: 0 },
        ResizeMethod::Cover { margin: 6 },
        ResizeMethod::Pad { padding: Padding::Zeros },
        ResizeMethod::Pad { padding: Padding::Border },
    ] {
        for [height, width] in [[20, 20], [14, 20], [20, 14]] {
            let reading = ReadOptions::new().size(height, width).resize(resize);
            let read = |reading: &ReadOptions| Images::read(&folder, reading, &|_, _| {}).unwrap();
            let (shown, kept) = (read(&reading), read(&reading.clone().presize(60, 90)));
            let (shown, kept) = (shown.pixels(0).unwrap(), kept.pixels(0).unwrap());
            let differences = shown.iter().zip(kept.iter()).map(|(a, b)| a.abs_diff(*b));
            // A picture's last row is half black where it meets the black beyond the border.
            let large = differences.filter(|difference| *difference > 9).count();
            assert!(large <= 40, "{resize}, {width}×{height}: {large} pixels differ");
            let middle = (height / 2) * width + width / 2;
            assert!(shown[middle].abs_diff(kept[middle]) < 5, "{resize}, {width}×{height}");
        }
    }
}

#[test]
fn padded_images_show_the_whole_picture_in_the_middle() {
    // Two columns of grey, twice as wide as high.
    let picture: Vec<u8> = [[60, 60, 120, 120]; 2].concat();
    let resize = ResizeMethod::Pad { padding: Padding::Zeros };
    let format = ImageSpec { resize, ..ImageSpec::new([1, 8, 8]) };
    let (pixels, adapted) = format.adapt(&picture, [1, 2, 4]).unwrap();
    let change = adapted.unwrap().to_string();
    assert_eq!(change, "resized from 4×2 to 8×4, padded to 8×8");
    for (row, pixels) in pixels.chunks_exact(8).enumerate() {
        let is_picture = (2..6).contains(&row);
        let expected = if is_picture { [60, 120] } else { [0, 0] };
        assert_eq!([pixels[0], pixels[7]], expected, "row {row}");
    }
    let text = format.to_string();
    assert_eq!(text, "8×8 pixels, grey, scaled to [0, 1], resized in proportion, padded by zeros");
}

#[test]
fn transforms_draw_within_their_ranges_and_as_often_as_they_say() {
    let grey = |policy: &str, seed: u64| {
        let policy: Augment = policy.parse().unwrap();
        policy.image(&[100; 36], [1, 6, 6], seed).unwrap()[0]
    };
    let plain = 100.0 / 255.0;
    for (policy, share, low, high) in [
        ("brightness=0.2", 0.75, 0.3007, 0.4918),
        ("brightness=0.2@0.3", 0.3, 0.3007, 0.4918),
        ("contrast=0.2", 0.75, 0.3663, 0.4132),
    ] {
        let drawn: Vec<f32> = (0..4000).map(|seed| grey(policy, seed)).collect();
        let changed: Vec<f32> =
            drawn.into_iter().filter(|value| (value - plain).abs() > 1e-6).collect();
        let rate = changed.len() as f64 / 4000.0;
        assert!((rate - share).abs() < 0.03, "{policy} changes {rate}");
        let (least, most) =
            changed.iter().fold((1.0_f32, 0.0_f32), |(l, m), &v| (l.min(v), m.max(v)));
        assert!(least >= low - 1e-3 && least < low + 0.01, "{policy}: from {least}");
        assert!(most <= high + 1e-3 && most > high - 0.01, "{policy}: to {most}");
    }
    // One lit pixel left of the middle: where it comes to says what was drawn.
    let mut pixels = vec![0; 21 * 21];
    pixels[10 * 21 + 4] = 255;
    let mut flipped = 0;
    for seed in 0..2000 {
        let values = Augment::none().with(Flip::new()).image(&pixels, [1, 21, 21], seed).unwrap();
        flipped += i32::from(values[10 * 21 + 16] > 0.99);
    }
    assert!((flipped - 1000).abs() < 70, "{flipped} of 2000 are flipped");
    let policy = Augment::none().with(Rotate::new(30.0).p(1.0));
    let angles = (0..2000).map(|seed| {
        let values = policy.image(&pixels, [1, 21, 21], seed).unwrap();
        let sums = values.iter().enumerate().fold((0.0, 0.0, 0.0), |(x, y, sum), (at, &value)| {
            let (column, row) = ((at % 21) as f32 - 10.0, (at / 21) as f32 - 10.0);
            (x + column * value, y + row * value, sum + value)
        });
        (-sums.1 / sums.2).atan2(-sums.0 / sums.2).to_degrees()
    });
    let angles: Vec<f32> = angles.collect();
    let mean = angles.iter().sum::<f32>() / 2000.0;
    let most = angles.iter().fold(0.0_f32, |most, angle| most.max(angle.abs()));
    assert!(mean.abs() < 1.5 && most < 33.0 && most > 28.0, "mean {mean}, up to {most}");
}

#[test]
fn a_policys_text_says_all_and_what_is_unknown_is_an_error_that_lists_what_is_known() {
    for policy in
        [Augment::none(), Augment::standard(), Augment::digits(), EVERYTHING.parse().unwrap()]
    {
        assert_eq!(policy.to_string().parse::<Augment>().unwrap(), policy);
    }
    let changed: Augment = "standard,rotate=20,flip=none,warp=0.1@0.3".parse().unwrap();
    assert_eq!(
        changed.to_string(),
        "warp=0.1@0.3,rotate=20@0.75,zoom=1..1.1@0.75,brightness=0.2@0.75,contrast=0.2@0.75"
    );
    for wrong in
        ["rotat=3", "rotate", "rotate=x", "flip=2", "rotate=3@2", "crop=0", "", "padding=black"]
    {
        let error = wrong.parse::<Augment>().unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{wrong}: {error}");
    }
    let error = "rotat=3".parse::<Augment>().unwrap_err().to_string();
    assert!(error.contains("rotat=3") && error.contains("rotate=DEGREES"), "{error}");
}
