//! Lesson 11: the learning rate finder and one-cycle training.
//!
//! You will learn to find a learning rate before training, to train with the one-cycle schedule, to
//! check that the layers stay alive, to stop in time and keep the best model, and to look at what
//! the model still gets wrong: fastai's workflow from `lr_find` to `top_losses`.
//!
//! ```sh
//! cargo run --release --example 11_one_cycle
//! ```

#[allow(dead_code, reason = "each lesson uses only a part of it")]
mod lesson;

use anyhow::{Context, Result};
use burn::tensor::{Int, Tensor};
use fastburn::callbacks::{ActivationStats, EarlyStopping, EpochTable, Notes, SaveModel};
use fastburn::data::DataLoaders;
use fastburn::learner::Learner;
use fastburn::loss::CrossEntropy;
use fastburn::metrics::accuracy;
use fastburn::models::{Mlp, MlpConfig};
use fastburn::plot::{
    Cells, plot_activation_stats, plot_confusion_matrix, plot_loss, plot_lr_find, plot_schedule,
    plot_top_losses,
};
use lesson::{Lesson, step};

const HIDDEN: usize = 500;
const BATCH: usize = 64;
const EPOCHS: usize = 5;
/// The maximum number of epochs of the fit with early stopping.
const MOST: usize = 60;

type Digits = Learner<(Mlp, Tensor<4>, Tensor<1, Int>)>;

fn main() -> Result<()> {
    let lesson = Lesson::begin("11_one_cycle")?;
    let data = lesson.data()?;
    let dls = data.splits.loaders(BATCH, lesson.seed, &lesson.device)?;
    let batches = dls.train.len();

    step("The net of lesson 5, 784-500-10, which failed there");
    let mut learn = learner(&lesson, &dls)?;
    println!("{}", learn.summary()?);
    let untrained = learn.validate()?;

    step("The learning rate finder: train briefly at rising rates, and watch the loss");
    let curve = learn.lr_find()?;
    lesson.save("learning_rates", &plot_lr_find(&curve)?)?;
    for (name, suggestion) in curve.suggestions() {
        if let Some(lr) = suggestion {
            println!("{name:>8} {lr:.1e}");
        }
    }
    if let Some(warning) = curve.warning() {
        println!("{warning}");
    }
    let lr = curve.suggestion().context("the curve is too short for a suggestion")?;
    println!(
        "At tiny rates nothing happens, then the loss falls, and at huge rates it diverges. At\n\
         a good rate it falls steeply, well before its minimum. We take `valley`: {lr:.1e}."
    );
    let claim = format!("the suggestion, {lr:.1e}, is neither tiny nor huge");
    lesson.claim((1e-4..1e-1).contains(&lr), claim)?;
    lesson.claim(learn.validate()? == untrained, "the search leaves the model unchanged")?;

    step("One cycle: the rate rises to this peak and falls, the momentum falls and rises");
    let stats = ActivationStats::new();
    let mut learn = learn.callback(EpochTable::stdout());
    learn.with(stats.clone(), |learn| learn.fit_one_cycle(EPOCHS, lr))?;
    let reached = learn.validate()?.metrics[0];
    lesson.save("schedule", &plot_schedule(learn.history())?)?;
    lesson.save("loss", &plot_loss(learn.history())?)?;
    let rates: Vec<f64> = learn.history().steps.iter().map(|step| step.lr).collect();
    let highest = (0..rates.len()).max_by(|&a, &b| rates[a].total_cmp(&rates[b]));
    let highest = highest.context("no batch was trained")?;
    println!(
        "Small steps at the start, while the weights are random. Large steps in the middle,\n\
         which skip poor minima. Tiny steps at the end, to settle."
    );
    let quarter = (highest as f64 - 0.25 * rates.len() as f64).abs() <= 1.0;
    let claim = format!("the rate peaks after a quarter of the fit, at step {highest}");
    lesson.claim(quarter && (rates[highest] - lr).abs() < 1e-3 * lr, claim)?;

    step("Are the layers alive? Activation statistics of each batch");
    let layers = stats.records()?;
    lesson.save("activations", &plot_activation_stats(&layers)?)?;
    let hidden = layers.first().context("no layer was recorded")?;
    let dead = hidden.dead.last().context("no batch was recorded")?;
    println!(
        "{}: {:.0} % of its activations are at or near 0 in the last batch",
        hidden.layer,
        100.0 * dead
    );
    println!("A ReLU outputs 0 for inputs below 0. If all units of a layer do, the layer is dead.");
    let claim = "the hidden layer is alive, and every batch was recorded";
    lesson.claim(*dead < 0.95 && hidden.dead.len() == EPOCHS * batches, claim)?;

    step("Stop in time and keep the best model: a long fit at a constant rate");
    let folder = tempfile::tempdir()?;
    let best = folder.path().join("best.safetensors");
    let mut patient = learner(&lesson, &dls)?
        .callback(EpochTable::stdout())
        .callback(EarlyStopping::patience(2))
        .callback(SaveModel::best(&best))
        .callback(Notes::new(std::io::stdout()));
    patient.fit(MOST, lr)?;
    let history = patient.history();
    let lowest = history.best_epoch().context("no epoch was validated")?.clone();
    let epochs = history.epochs.len();
    lesson.save("loss_until_stopped", &plot_loss(history)?)?;
    println!("The training loss keeps falling while the validation loss does not: overfitting.");
    let kept = patient.validate()?;
    let claim =
        format!("the fit stops after {epochs} epochs, two after the best, epoch {}", lowest.epoch);
    lesson.claim(epochs < MOST && epochs == lowest.epoch + 1 + 2, claim)?;
    let claim = format!("it ends with the best model: validation loss {:.4}", kept.loss);
    lesson.claim(Some(kept.loss) == lowest.valid_loss, claim)?;

    step("What does it still get wrong?");
    let seen = learn.interpret()?;
    let confusion = seen.confusion();
    lesson.save("confusion", &plot_confusion_matrix(&confusion, Cells::Counts)?)?;
    lesson.save("top_losses", &plot_top_losses(&seen, &data.splits.valid, 9)?)?;
    for (actual, predicted, count) in confusion.most_confused(2).into_iter().take(5) {
        println!("{count:>3} times {actual} was mistaken for {predicted}");
    }
    print!("{}", seen.report());
    let wrong = seen.top_losses(9).iter().filter(|item| item.predicted != item.actual).count();
    lesson.claim(wrong == 9, "the nine largest losses are those of misclassified images")?;

    step("Results");
    let enough = match (data.known_figures, data.is_mnist) {
        (true, _) => 0.982,
        (_, true) => 0.96,
        _ => 0.88,
    };
    let claim = format!(
        "{:.2} % in {EPOCHS} epochs, with a learning rate that needed no guess",
        100.0 * reached
    );
    lesson.claim(reached >= enough, claim)?;
    let patient = 100.0 * kept.metrics[0];
    if data.known_figures {
        let claim = format!("{epochs} epochs at a constant rate reach less: {patient:.2} %");
        lesson.claim(kept.metrics[0] < reached, claim)?;
    } else {
        println!("{epochs} epochs at a constant rate reach {patient:.2} %.");
    }
    println!(
        "Suggestions vary. On MNIST with five seeds, `valley` was from 4.8e-4 to 1.7e-3, and\n\
         five epochs reached 97.3 to 98.3 %. The curve tells more than a single number."
    );
    Ok(())
}

fn learner(lesson: &Lesson, dls: &DataLoaders<Tensor<4>, Tensor<1, Int>>) -> Result<Digits> {
    let model = MlpConfig::new([28 * 28, HIDDEN, 10]).init(&lesson.device, lesson.seed)?;
    Ok(Learner::new(dls.clone(), model, CrossEntropy::new()).metric(accuracy()))
}
