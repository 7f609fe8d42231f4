//! Lesson 16: more from the same pictures.
//!
//! You will learn what augmentation does to an image, why all changes of place are one map, what a
//! draw depends on, how much augmentation gives when there are few images, and what mixing images
//! and asking a net several times add.
//!
//! ```sh
//! cargo run --release --example 16_augmentation
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use burn::data::dataset::Dataset;
use burn::tensor::{Int, Tensor, TensorData};
use fastburn::callbacks::{CutMix, MixUp};
use fastburn::data::{DataLoaders, Mixable, Order, PerItem, class_indices};
use fastburn::learner::Learner;
use fastburn::loss::{CrossEntropy, Loss};
use fastburn::models::{ConvNet, ConvNetConfig};
use fastburn::rand::Rng;
use fastburn::vision::augment::{Augment, Change, Map, Rotate, Shift, Transform, Zoom};
use fastburn::vision::{Bitmap, ImageItem, Images, Padding};
use lesson::maps::{save_grid, values};
use lesson::{Data, Lesson, step};

/// The width and height of a digit.
const SIDE: usize = 28;
const CLASSES: usize = 10;
/// The training images of each class. With thousands, augmentation gives less.
const PER_CLASS: usize = 100;
/// The validation images: all would take longer.
const VALID: usize = 2_000;
const BATCH: usize = 64;
const EPOCHS: usize = 40;
const LR: f64 = 1e-2;
/// The passes of test-time augmentation.
const PASSES: usize = 8;
/// The class of the image that is drawn.
const SHOWN: usize = 7;

type Digits = Learner<(ConvNet, Tensor<4>, Tensor<1, Int>)>;

fn main() -> Result<()> {
    let lesson = Lesson::begin("16_augmentation")?;
    let Data { splits, .. } = lesson.data()?;
    let of_class = splits.valid.with_classes(&[&SHOWN.to_string()])?;
    let seven = of_class.get(0).context("there is no 7")?;
    nine_drawings(&lesson, &seven)?;
    one_map(&lesson, &seven)?;

    let per_class = NonZeroUsize::new(PER_CLASS).context("no images")?;
    let train = Images::decode(&splits.train.max_per_class(per_class, lesson.seed))?;
    let valid = Images::decode(&splits.valid.sample(VALID, lesson.seed))?;
    draws(&lesson, &train, &valid)?;

    step(&format!("{} images, {EPOCHS} epochs", train.len()));
    let plain = trained(&lesson, &train, &valid, Augment::none(), Mixing::None)?;
    let augmented = trained(&lesson, &train, &valid, Augment::digits(), Mixing::None)?;
    let [without, with] = [wrong(&plain)?, wrong(&augmented)?];
    let accuracy = |wrong: f64| format!("{:.2} %", 100.0 * (1.0 - wrong));
    println!("without augmentation  {}", accuracy(without));
    println!("with digits()         {}", accuracy(with));
    let claim = format!("{:.1} times fewer errors with augmentation", without / with);
    lesson.claim(with < 0.8 * without, claim)?;
    println!(
        "The net hardly ever sees the same image twice, so it cannot learn them by heart. On all of\n\
         MNIST there is less to gain: fastburn train mnist --augment digits --epochs 20"
    );

    mixing(&lesson, &train, &valid)?;
    several_times(&lesson, &augmented, with)
}

fn nine_drawings(lesson: &Lesson, seven: &ImageItem) -> Result<()> {
    step("One image, drawn nine ways");
    let policy = Augment::digits();
    println!("digits() is {policy}");
    let drawings = (0..9).map(|seed| {
        let values = policy.image(&seven.pixels, seven.shape, seed)?;
        Ok((Bitmap::new(&values, seven.shape)?, format!("seed {seed}")))
    });
    save_grid(lesson, "nine_sevens", &drawings.collect::<Result<Vec<_>>>()?, 3)?;
    println!("All of them are still a 7. A mirrored one would not be, so digits() has no flips.");

    let kinds: [(&str, Augment); 3] = [
        ("rotate=30", Augment::none().with(Rotate::new(30.0).p(1.0))),
        ("shift=0.2", Augment::none().with(Shift::new(0.2).p(1.0))),
        ("zoom=0.7..1.3", Augment::none().with(Zoom::new(0.7, 1.3).p(1.0))),
    ];
    let mut pictures = Vec::new();
    for (text, policy) in kinds {
        let policy = policy.padding(Padding::Zeros);
        let same: Augment = format!("{text}@1,padding=zeros").parse()?;
        lesson.claim(policy == same, format!("--augment {text}@1,padding=zeros says the same"))?;
        for seed in 0..4 {
            let values = policy.image(&seven.pixels, seven.shape, seed)?;
            pictures.push((Bitmap::new(&values, seven.shape)?, text.to_owned()));
        }
    }
    save_grid(lesson, "one_at_a_time", &pictures, 4)
}

/// Turns an image by an angle, several times.
struct Turn {
    degrees: f64,
    times: usize,
}

impl Transform for Turn {
    fn draw(&self, change: &mut Change, _: &mut dyn Rng) {
        for _ in 0..self.times {
            change.map(Map::rotation(self.degrees, change.size()));
        }
    }
}

fn one_map(lesson: &Lesson, seven: &ImageItem) -> Result<()> {
    step("All changes of place are one map");
    println!(
        "A pixel of the changed image comes from a place in the original, between four pixels. Each\n\
         interpolation blurs. So the maps of all transforms are multiplied, and the image is sampled\n\
         once."
    );
    let turned = |pixels: &[u8], turn: Turn| {
        Augment::none().padding(Padding::Zeros).with(turn).image(pixels, seven.shape, 0)
    };
    let together = turned(&seven.pixels, Turn { degrees: 30.0, times: 12 })?;
    let mut one_by_one = seven.pixels.clone();
    for _ in 0..12 {
        let values = turned(&one_by_one, Turn { degrees: 30.0, times: 1 })?;
        one_by_one = values.into_iter().map(|value| (255.0 * value).round() as u8).collect();
    }
    let original: Vec<f32> = seven.pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
    let one_by_one: Vec<f32> = one_by_one.into_iter().map(|p| f32::from(p) / 255.0).collect();
    let error = |values: &[f32]| {
        let errors = values.iter().zip(&original).map(|(value, exact)| (value - exact).abs());
        errors.sum::<f32>() / original.len() as f32
    };
    let pictures = [
        (&original, "original"),
        (&together, "12 × 30° as one"),
        (&one_by_one, "one after the other"),
    ];
    let pictures = pictures
        .map(|(values, title)| anyhow::Ok((Bitmap::new(values, seven.shape)?, title.to_owned())));
    save_grid(lesson, "full_turn", &pictures.into_iter().collect::<Result<Vec<_>>>()?, 3)?;
    let (sharp, blurred) = (error(&together), error(&one_by_one));
    let claim = "twelve turns of 30° as one map give the image back";
    lesson.claim(sharp < 1e-3, claim)?;
    let claim =
        format!("one after the other, they move each pixel by {:.1} levels", 255.0 * blurred);
    lesson.claim(255.0 * blurred > 1.0, claim)
}

fn draws(lesson: &Lesson, train: &Images, valid: &Images) -> Result<()> {
    step("What is drawn depends on the seed, the epoch and the image");
    let learn = learner(lesson, train, valid, Augment::digits(), Mixing::None)?;
    let loader = learn.dls().train.clone().drop_last(false);
    let drawn = |indices: &[u32], epoch: usize| {
        let batch = loader.batch(&Order::new(indices, epoch), 0, &lesson.device)?;
        values(&batch.input.narrow(0, 0, 1))
    };
    let first = drawn(&[5, 6, 7], 0)?;
    lesson.claim(first == drawn(&[5], 0)?, "not on the other images of the batch")?;
    lesson.claim(first != drawn(&[5], 1)?, "in the next epoch, the image looks different")?;
    println!("So a run repeats to the bit, with any number of threads, and when it is resumed.");
    let valid = &learn.dls().valid;
    let first_of = |epoch: usize| {
        let batch = valid.batch(&Order::new(vec![0], epoch), 0, &lesson.device)?;
        values(&batch.input)
    };
    lesson.claim(first_of(0)? == first_of(1)?, "validation images stay as they are")
}

/// How the images of a batch are mixed.
#[derive(Debug, Clone, Copy)]
enum Mixing {
    None,
    Up,
    Cut,
}

fn learner(
    lesson: &Lesson,
    train: &Images,
    valid: &Images,
    augment: Augment,
    mixing: Mixing,
) -> Result<Digits> {
    let train = train.clone().augment(augment);
    let dls = DataLoaders::from_images(train, valid.clone(), class_indices, &lesson.device);
    let dls = dls.shuffle(fastburn::Seed::new(lesson.seed)).batch_size(BATCH)?;
    let model = ConvNetConfig::new(1, [16, 32, 64], CLASSES).init(&lesson.device, lesson.seed)?;
    let learn = Learner::new(dls, model, CrossEntropy::new());
    Ok(match mixing {
        Mixing::None => learn,
        Mixing::Up => learn.callback(MixUp::new(0.4)),
        Mixing::Cut => learn.callback(CutMix::new(1.0)),
    })
}

fn trained(
    lesson: &Lesson,
    train: &Images,
    valid: &Images,
    augment: Augment,
    mixing: Mixing,
) -> Result<Digits> {
    let mut learn = learner(lesson, train, valid, augment, mixing)?;
    learn.fit_one_cycle(EPOCHS, LR)?;
    Ok(learn)
}

/// Returns the share of validation images that are classified wrongly.
fn wrong(learn: &Digits) -> Result<f64> {
    Ok(1.0 - learn.interpret()?.accuracy())
}

fn mixing(lesson: &Lesson, train: &Images, valid: &Images) -> Result<()> {
    step("Mixing two images, and their losses");
    let learn = learner(lesson, train, valid, Augment::none(), Mixing::None)?;
    let loader = &learn.dls().train;
    let batch = loader.batch(&loader.order(0), 0, &lesson.device)?.input;
    let [images, others] = [[0, 1, 2], [3, 4, 5]].map(|items| batch.in_order(&items));
    let halves = images.mixed(&others, &[0.9, 0.7, 0.5]);
    // A box that is a quarter of the image.
    let area = [0..3, 0..1, SIDE / 4..SIDE * 3 / 4, SIDE / 4..SIDE * 3 / 4];
    let cut = images.clone().slice_assign(area.clone(), others.clone().slice(area));
    let mut pictures = Vec::new();
    for (row, title) in
        [(&images, "an image"), (&others, "another"), (&halves, "MixUp"), (&cut, "CutMix")]
    {
        for item in 0..3 {
            let picture = Bitmap::from_tensor(row.clone().narrow(0, item, 1))?;
            pictures.push((picture, title.to_owned()));
        }
    }
    save_grid(lesson, "mixed", &pictures, 3)?;

    println!("The loss of a mixed image is that of both classes, in the same shares.");
    let outputs = TensorData::from([[2.0_f32, 0.0, 0.0]]);
    let outputs = Tensor::<2>::from_data(outputs, &lesson.device);
    let class = |class: i32| Tensor::<1, Int>::from_data([class], &lesson.device);
    let loss = CrossEntropy::new();
    let mixed = values(&loss.compute_mixed(outputs.clone(), class(0), class(1), &[0.7])?)?;
    let [own, other] = [0, 1].map(|index| values(&loss.compute(outputs.clone(), class(index))?));
    let by_hand = 0.7 * own?[0] + 0.3 * other?[0];
    let claim = "0.7 · loss of one class + 0.3 · loss of the other";
    lesson.claim((mixed[0] - by_hand).abs() < 1e-5, claim)?;

    for (mixing, name) in [(Mixing::Up, "MixUp"), (Mixing::Cut, "CutMix")] {
        let right = 1.0 - wrong(&trained(lesson, train, valid, Augment::none(), mixing)?)?;
        let claim = format!(
            "trained on mixtures by {name} alone, the net reads {:.2} % of plain digits",
            100.0 * right
        );
        lesson.claim(right > 0.9, claim)?;
    }
    Ok(())
}

fn several_times(lesson: &Lesson, learn: &Digits, once: f64) -> Result<()> {
    step("Asking several times");
    println!(
        "The net can also see a validation image as training would show it. The mean of {PASSES}\n\
         such answers, with a quarter of the plain one, is test-time augmentation."
    );
    let seen = learn.tta(PASSES)?;
    let several = 1.0 - seen.accuracy();
    println!("once           {:.2} %", 100.0 * (1.0 - once));
    println!("several times  {:.2} %", 100.0 * (1.0 - several));
    println!("The program does this too: fastburn predict digits.safetensors 7.png --tta {PASSES}");
    let claim = "it is wrong no more often, but for chance";
    lesson.claim(several <= 1.1 * once, claim)
}
