//! Lesson 7: the Learner.
//!
//! You will learn to train with a Learner, as in fastai: it combines data, a model, a loss, an
//! optimizer and metrics, and trains in one line. You will see that a poor result can be due to the
//! settings alone, and write a callback, which is how anything else is added to training.
//!
//! ```sh
//! cargo run --release --example 07_learner
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::Result;
use fastburn::Seed;
use fastburn::callbacks::EpochTable;
use fastburn::data::{DataLoader, DataLoaders, class_indices};
use fastburn::learner::{Callback, Flow, Learner, Scope, State, Stop, Task};
use fastburn::loss::CrossEntropy;
use fastburn::metrics::accuracy;
use fastburn::models::MlpConfig;
use fastburn::optim::OptimizerKind;
use fastburn::plot::{plot_loss, show_batch};
use fastburn::vision::{ImageSource, Images, ReadOptions, Residency};
use lesson::{Lesson, step};

const BATCH: usize = 256;

/// A custom callback, which stops training once the accuracy is high enough.
struct GoodEnough(f64);

impl<T: Task> Callback<T> for GoodEnough {
    fn after_epoch(&mut self, state: &mut State<T>) -> Flow {
        match &state.record {
            Some(record) if record.metrics[0] >= self.0 => Err(Stop::Cancel(Scope::Fit)),
            _ => Ok(()),
        }
    }
}

fn main() -> Result<()> {
    let lesson = Lesson::begin("07_learner")?;
    let device = &lesson.device;
    let data = lesson.data()?;
    let (train, valid) = data.splits.read(&ReadOptions::new(), &|_, _| {})?;

    step("Linear(784, 30) → ReLU → Linear(30, 10), SGD, as in the tutorial");
    println!("Learning rate 1e-3, fastai's default, with batches in the order of the files:");
    let in_order = |images: &Images| {
        let source = ImageSource::new(images.clone(), class_indices, device, Residency::Auto);
        DataLoader::new(source).batch_size(BATCH)
    };
    let dls = DataLoaders::from_loaders(in_order(&train)?, in_order(&valid)?);
    let model = MlpConfig::new([28 * 28, 30, 10]).init(device, lesson.seed)?;
    let mut learn = Learner::new(dls, model, CrossEntropy::new())
        .optimizer(OptimizerKind::Sgd)
        .metric(accuracy())
        .callback(EpochTable::stdout());
    learn.fit(10, 1e-3)?;
    println!("Ten more epochs of the same model:");
    learn.fit(10, 1e-3)?;
    let accuracies: Vec<f64> = learn.history().epochs.iter().map(|row| row.metrics[0]).collect();
    let (fresh, continued) = (accuracies[9], accuracies[19]);
    lesson.save("loss_as_in_the_tutorial", &plot_loss(learn.history())?)?;

    println!(
        "The training loss goes up and down because the batches are sorted: each class pulls\n\
         the model towards itself. The tutorial's table goes from 0.61 to 0.71 in ten epochs.\n\
         Its model had been trained before, and its accuracy is the wrong metric of lesson 6,\n\
         about 0.05 too low."
    );

    step("The same model, with better settings");
    println!("Lesson 5 tried each of these settings separately. Now all at once:");
    println!("shuffled batches of 64, Adam, learning rate 3e-3, stopping at a high accuracy.");
    let dls = DataLoaders::from_images(train, valid, class_indices, device)
        .shuffle(Seed::new(lesson.seed));
    let loader = &dls.train;
    let batch = loader.batch(&loader.order(0), 0, device)?;
    lesson.save("batch", &show_batch(&batch, data.splits.train.classes())?)?;
    let enough = if data.is_mnist { 0.96 } else { 0.88 };
    let model = MlpConfig::new([28 * 28, 30, 10]).init(device, lesson.seed)?;
    let mut learn = Learner::new(dls, model, CrossEntropy::new())
        .metric(accuracy())
        .callback(EpochTable::stdout())
        .callback(GoodEnough(enough));
    learn.fit(20, 3e-3)?;
    let better = learn.validate()?.metrics[0];
    lesson.save("loss_with_better_settings", &plot_loss(learn.history())?)?;

    step("Results");
    if data.known_figures {
        // The ranges of twelve seeds, from `benches/pytorch_lessons.py`.
        for (epochs, found, least, most) in
            [(10, fresh, 0.560, 0.705), (20, continued, 0.696, 0.770)]
        {
            let claim =
                format!("{found:.4} after {epochs} epochs, in PyTorch's range {least} to {most}");
            lesson.claim(found >= least && found <= most, claim)?;
        }
    }
    let claim = format!("ten more epochs raise the accuracy from {fresh:.4} to {continued:.4}");
    lesson.claim(continued > fresh, claim)?;
    let epochs = learn.history().epochs.len();
    let claim = format!("better settings reach {:.2} % in {epochs} epochs", 100.0 * better);
    lesson.claim(better >= enough, claim)?;
    lesson.claim(epochs < 20, "the callback stops training before the twenty epochs are over")?;
    println!(
        "An accuracy that decides when to stop is slightly optimistic. An unbiased estimate\n\
         needs a test set that has influenced no decision."
    );
    Ok(())
}
