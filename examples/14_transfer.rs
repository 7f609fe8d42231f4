//! Lesson 14: transfer learning.
//!
//! You will learn how a net that has learnt the digits 0 to 4 learns 5 to 9 from a few images, what
//! freezing does, and why the first layers get lower rates than the last. The same line of code then
//! starts from weights that were trained on ImageNet.
//!
//! ```sh
//! cargo run --release --example 14_transfer
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use std::num::NonZeroUsize;

use anyhow::{Context, Result};
use burn::data::dataset::Dataset;
use burn::tensor::{Int, Tensor};
use fastburn::callbacks::EpochTable;
use fastburn::data::DataLoaders;
use fastburn::learner::{FineTune, Learner};
use fastburn::loss::CrossEntropy;
use fastburn::metrics::accuracy;
use fastburn::models::{AnyModel, ConvNetConfig, StateDict};
use fastburn::plot::Chart;
use fastburn::vision::{PretrainedModel, Splits};
use lesson::{Lesson, step};

const LOW: [&str; 5] = ["0", "1", "2", "3", "4"];
const HIGH: [&str; 5] = ["5", "6", "7", "8", "9"];
const WIDTHS: [usize; 3] = [16, 32, 64];
const LR: f64 = 1e-2;
/// The numbers of images of each class to learn from.
const FEW: [usize; 4] = [2, 5, 20, 80];
/// The epochs on the few images, with a frozen body and after that.
const FROZEN: usize = 10;
const EPOCHS: usize = 20;
const BATCH: usize = 10;
/// The number of validation images of each class.
const VALIDATION: usize = 100;

type Digits = Learner<(AnyModel, Tensor<4>, Tensor<1, Int>)>;

fn main() -> Result<()> {
    let lesson = Lesson::begin("14_transfer")?;
    let data = lesson.data()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("low.safetensors");

    step("A net for the digits 0 to 4, with many images");
    let splits = data.splits.with_classes(&LOW)?;
    println!("{} training images", splits.train.len());
    let dls = splits.loaders(64, lesson.seed, &lesson.device)?;
    let mut learn = learner(dls, new_model(&lesson)?).callback(EpochTable::stdout());
    learn.fit_one_cycle(if data.is_mnist { 1 } else { 3 }, LR)?;
    let reached = learn.validate()?.metrics[0];
    lesson.claim(reached > 0.95, format!("it is right on {:.1} % of them", 100.0 * reached))?;
    learn.export(&file)?;

    step("The same body with a new head, for the digits 5 to 9");
    let trained = PretrainedModel::load(&file, &lesson.device)?.with_new_head();
    let high = data.splits.with_classes(&HIGH)?;
    let transferred = trained.model_for(HIGH.len(), lesson.seed)?;
    println!("{transferred}");
    let mut learn = learner(few(&lesson, &high, FEW[0])?, transferred.model);
    learn.freeze()?;
    let summary = learn.summary()?;
    println!("{summary}");
    let guess = learn.validate()?.metrics[0];
    let claim =
        format!("frozen, its head alone has to learn: now it is right on {:.0} %", 100.0 * guess);
    lesson.claim(summary.frozen > 0 && guess < 0.6, claim)?;

    step("From nothing, the head alone, and fine-tuned");
    println!("images of each class  from nothing  head alone  fine-tuned");
    let mut lines: [Vec<(f64, f64)>; 3] = Default::default();
    let mut moved = Vec::new();
    for count in FEW {
        let dls = few(&lesson, &high, count)?;
        let transferred = trained.model_for(HIGH.len(), lesson.seed)?.model;
        let mut nothing = learner(dls.clone(), new_model(&lesson)?);
        nothing.fit_one_cycle(FROZEN + EPOCHS, LR)?;
        let mut head = learner(dls.clone(), transferred.clone());
        head.freeze()?;
        head.fit_one_cycle(FROZEN + EPOCHS, LR)?;
        let before = StateDict::of(&transferred)?;
        let mut tuned = learner(dls, transferred);
        let settings = FineTune { base_lr: LR, freeze_epochs: FROZEN, ..FineTune::default() };
        tuned.fine_tune_with(EPOCHS, settings)?;
        moved = changes(&before, &StateDict::of(tuned.model())?)?;

        let mut cells = Vec::new();
        for (line, learn) in lines.iter_mut().zip([&mut nothing, &mut head, &mut tuned]) {
            let reached = learn.validate()?.metrics[0];
            line.push((count as f64, reached));
            cells.push(format!("{:.1} %", 100.0 * reached));
        }
        println!("{count:>20}  {:>12}  {:>10}  {:>10}", cells[0], cells[1], cells[2]);
    }
    let chart = Chart::new("Accuracy on 5 to 9").axes("images of each class", "accuracy");
    let names = ["from nothing", "head alone", "fine-tuned"];
    let chart = names
        .into_iter()
        .zip(lines.clone())
        .fold(chart.log_x(), |chart, (name, line)| chart.marked_line(name, line));
    lesson.save("accuracy", &chart.draw()?)?;
    let [nothing, head, tuned] = &lines;
    for (name, line, place) in [("the head alone", head, 1), ("fine-tuning", tuned, 2)] {
        let gain = line[place].1 - nothing[place].1;
        let claim = format!("with {} images of each, {name} gains", FEW[place]);
        lesson.claim(gain > 0.0, format!("{claim} {:.0} points", 100.0 * gain))?;
    }
    println!(
        "With very few images, the fewer weights learn, the better. With more, it pays to tune all\n\
         layers. With {} of each, even the net from nothing has enough: digits are simple.",
        FEW[FEW.len() - 1]
    );

    step("What fine-tuning has changed");
    for (name, change) in &moved {
        println!("{name:<16} {:>5.1} %", 100.0 * change);
    }
    println!(
        "The first kernels find edges, which all digits have. The last layers combine them into\n\
         the parts of certain digits. So the first get a hundredth of the head's rate."
    );
    let (first, last) = (moved.first().context("no layer")?, moved.last().context("no layer")?);
    lesson.claim(first.1 < last.1, "the first kernels have changed less than the head")?;

    step("From ImageNet");
    println!(
        "A ResNet that has learnt a million photos knows more than edges. In one command:\n  \
         fastburn train photos --model resnet18 --pretrained --fine-tune --epochs 3\n\
         And in Rust:\n  \
         let photos = Splits::open(\"photos\", 42)?;\n  \
         let mut learn = vision_learner(&photos, \"resnet18\").pretrained()?.build(&device)?;\n  \
         learn.fine_tune(3)?;"
    );
    Ok(())
}

/// Returns how much each layer's weights have changed, relative to their size.
fn changes(before: &StateDict, after: &StateDict) -> Result<Vec<(String, f32)>> {
    let length = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>().sqrt();
    let mut changes = Vec::new();
    for name in before.names().filter(|name| name.ends_with("0.weight") || name.starts_with("head"))
    {
        let (Some(old), Some(new)) = (before.values(name), after.values(name)) else { continue };
        let change = length(&mut old.iter().zip(new).map(|(a, b)| b - a));
        changes.push((name.to_owned(), change / length(&mut old.iter().copied())));
    }
    Ok(changes)
}

/// Returns loaders of that many training images of each class.
fn few(
    lesson: &Lesson,
    splits: &Splits,
    count: usize,
) -> Result<DataLoaders<Tensor<4>, Tensor<1, Int>>> {
    let number = |count| NonZeroUsize::new(count).context("no images of a class");
    let mut splits = splits.clone();
    splits.train = splits.train.max_per_class(number(count)?, lesson.seed);
    splits.valid = splits.valid.max_per_class(number(VALIDATION)?, lesson.seed);
    Ok(splits.loaders(BATCH, lesson.seed, &lesson.device)?)
}

fn new_model(lesson: &Lesson) -> Result<AnyModel> {
    let config = ConvNetConfig::new(1, WIDTHS, LOW.len());
    Ok(AnyModel::from(config.init(&lesson.device, lesson.seed)?))
}

fn learner(dls: DataLoaders<Tensor<4>, Tensor<1, Int>>, model: AnyModel) -> Digits {
    Learner::new(dls, model, CrossEntropy::new()).metric(accuracy())
}
