//! fastburn's models, data and losses in Burn's own Learner (feature `burn-train`).
//!
//! Burn has its own training loop, [`SupervisedTraining`], with its own metrics, checkpointers and
//! early stopping. [`Classifier`] adapts a fastburn model and loss to it.
//! [`ImageFolder`](crate::vision::ImageFolder) and [`Images`](crate::vision::Images) are data sets
//! for its loaders, and [`ImageBatcher`](crate::interop::ImageBatcher) makes their batches.
//! [`quiet`] stops it from printing.
//!
//! A step is the same as in fastburn's [`Learner`](crate::learner::Learner). The differences are
//! around it: Burn's loaders shuffle differently and keep an incomplete last batch, its
//! `LossMetric` gives that batch full weight, and its training panics if it cannot write its logs.
//!
//! ```
//! use burn::data::dataloader::DataLoaderBuilder;
//! use burn::train::metric::{AccuracyMetric, LossMetric};
//! use burn::train::{Learner, LearnerSummary, SupervisedTraining};
//! use fastburn::interop::burn_learner::{Classifier, quiet};
//! use fastburn::interop::ImageBatcher;
//! use fastburn::vision::{ReadOptions, Splits};
//! use fastburn::optim::OptimizerKind;
//! use fastburn::loss::cross_entropy;
//! use fastburn::models::MlpConfig;
//!
//! let device = fastburn::device::cpu()?;
//! let (train, valid) = Splits::digits()?.read(&ReadOptions::new(), &|_, _| {})?;
//! let loader = || DataLoaderBuilder::new(ImageBatcher::default()).batch_size(64).set_device(device.clone());
//! let model = MlpConfig::new([784, 30, 10]).init(&device, 42)?;
//!
//! let folder = tempfile::tempdir()?; // for Burn's logs and checkpoints
//! let training =
//!     SupervisedTraining::new(&folder, loader().shuffle(42).build(train), loader().build(valid))
//!         .metrics((LossMetric::new(), AccuracyMetric::new()))
//!         .num_epochs(2);
//! let learner =
//!     Learner::new(Classifier::new(model, cross_entropy), OptimizerKind::Adam.into(), 3e-3);
//! let trained = quiet(training).launch(learner);
//! assert!(trained.error.is_none());
//!
//! let summary = LearnerSummary::new(&folder, &["Accuracy"])?;
//! assert!(summary.metrics.valid[0].entries[1].value > 70.0); // percent
//! let model = trained.model.model; // the fastburn model again
//! assert_eq!(model.layers.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use burn::module::{Module, ModuleDisplay};
use burn::tensor::{Int, Tensor};
use burn::train::logger::{EvaluationProgressLogger, TrainingProgressLogger};
use burn::train::metric::MetricDefinition;
use burn::train::renderer::{
    EvaluationName, MetricState, MetricsRenderer, MetricsRendererEvaluation,
    MetricsRendererTraining,
};
use burn::train::{
    ClassificationOutput, InferenceStep, LearnerModel, LearnerSummary, SupervisedTraining,
    TrainOutput, TrainStep,
};

use crate::checks::one_number;
use crate::data::Batch;
use crate::error::Result;
use crate::models::Model;

/// A fastburn model and its loss, in the form that Burn's [`Learner`](burn::train::Learner)
/// requires.
///
/// The model maps images `[batch, channels, height, width]` to logits `[batch, classes]`. The
/// output suits Burn's classification metrics, such as `AccuracyMetric` and `LossMetric`.
///
/// ```
/// use burn::data::dataloader::DataLoaderBuilder;
/// use burn::module::Module;
/// use burn::train::InferenceStep;
/// use fastburn::interop::burn_learner::Classifier;
/// use fastburn::interop::ImageBatcher;
/// use fastburn::vision::Splits;
/// use fastburn::loss::cross_entropy;
/// use fastburn::models::LinearConfig;
///
/// let device = fastburn::device::cpu()?;
/// let loader = DataLoaderBuilder::new(ImageBatcher::default())
///     .batch_size(32)
///     .set_device(device.clone())
///     .build(Splits::digits()?.valid);
/// let model = LinearConfig::new(784, 10).init(&device, 42)?;
/// let classifier = Classifier::new(model, cross_entropy).valid();
///
/// let batch = loader.iter().next().unwrap()?;
/// let answer = classifier.step(batch);
/// assert_eq!((answer.output.dims(), answer.loss.dims()), ([32, 10], [1]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// Its steps panic where fastburn's [`Learner`](crate::learner::Learner) returns an error, since
/// Burn's traits cannot return one: if the loss rejects the shapes of outputs and targets, if it is
/// not one number, and, in training, if it does not depend on a trainable parameter.
#[derive(Module, Debug)]
pub struct Classifier<M: Module> {
    /// The model.
    pub model: M,
    #[module(skip)]
    loss: fn(Tensor<2>, Tensor<1, Int>) -> Result<Tensor<1>>,
}

impl<M: Module> Classifier<M> {
    /// Prepares a model for training with a loss: a function of logits `[batch, classes]` and class
    /// indices `[batch]` to one number, `[1]`, such as
    /// [`cross_entropy`](crate::loss::cross_entropy()).
    pub fn new(model: M, loss: fn(Tensor<2>, Tensor<1, Int>) -> Result<Tensor<1>>) -> Self {
        // Burn's Learner moves a model to an autodiff device, but leaves it in validation mode.
        Self { model: model.train(), loss }
    }

    fn answer(&self, batch: Batch<Tensor<4>, Tensor<1, Int>>) -> Result<ClassificationOutput>
    where
        M: Model<Tensor<4>, Output = Tensor<2>>,
    {
        let logits = self.model.forward(batch.input);
        let loss = (self.loss)(logits.clone(), batch.target.clone())?;
        one_number("the loss", &loss)?;
        Ok(ClassificationOutput::new(loss, logits, batch.target))
    }
}

impl<M> TrainStep for Classifier<M>
where
    M: Model<Tensor<4>, Output = Tensor<2>> + ModuleDisplay,
{
    type Input = Batch<Tensor<4>, Tensor<1, Int>>;
    type Output = ClassificationOutput;

    /// # Panics
    ///
    /// If the loss rejects the shapes of outputs and targets, is not one number, or does not depend
    /// on a trainable parameter.
    fn step(&self, batch: Self::Input) -> TrainOutput<ClassificationOutput> {
        let output = InferenceStep::step(self, batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl<M> InferenceStep for Classifier<M>
where
    M: Model<Tensor<4>, Output = Tensor<2>> + ModuleDisplay,
{
    type Input = Batch<Tensor<4>, Tensor<1, Int>>;
    type Output = ClassificationOutput;

    /// # Panics
    ///
    /// If the loss rejects the shapes of outputs and targets, or is not one number.
    fn step(&self, batch: Self::Input) -> ClassificationOutput {
        match self.answer(batch) {
            Ok(output) => output,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Silences Burn's training: no line per batch, and no logger installed for the whole process.
/// Metrics, logs and checkpoints are still written to its folder.
///
/// ```
/// # use burn::data::dataloader::DataLoaderBuilder;
/// # use burn::train::SupervisedTraining;
/// # use fastburn::interop::burn_learner::{Classifier, quiet};
/// # use fastburn::interop::ImageBatcher;
/// # use fastburn::vision::Splits;
/// # use fastburn::models::Mlp;
/// # let folder = tempfile::tempdir()?;
/// # let digits = Splits::digits()?;
/// # let train = DataLoaderBuilder::new(ImageBatcher::default()).build(digits.train);
/// # let valid = DataLoaderBuilder::new(ImageBatcher::default()).build(digits.valid);
/// let training = quiet(SupervisedTraining::<Classifier<Mlp>>::new(&folder, train, valid));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn quiet<M: LearnerModel>(training: SupervisedTraining<M>) -> SupervisedTraining<M> {
    training.renderer(Box::new(Silent)).with_application_logger(None)
}

/// A renderer that shows nothing of Burn's training and evaluation.
///
/// [`quiet`] sets it for training. For an evaluation, set it directly:
///
/// ```
/// use burn::train::renderer::MetricsRenderer;
/// use fastburn::interop::burn_learner::Silent;
///
/// let renderer: Box<dyn MetricsRenderer> = Box::new(Silent);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl MetricsRenderer for Silent {
    fn manual_close(&mut self) {}
    fn register_metric(&mut self, _: MetricDefinition) {}
}

impl MetricsRendererTraining for Silent {
    fn update_train(&mut self, _: MetricState) {}
    fn update_valid(&mut self, _: MetricState) {}

    // The default implementation prints the summary.
    fn on_train_end(
        &mut self,
        _: Option<LearnerSummary>,
    ) -> std::result::Result<(), Box<dyn std::error::Error>> {
        Ok(())
    }
}

impl MetricsRendererEvaluation for Silent {
    fn update_test(&mut self, _: EvaluationName, _: MetricState) {}

    fn on_test_end(
        &mut self,
        _: Option<LearnerSummary>,
    ) -> std::result::Result<(), Box<dyn std::error::Error>> {
        Ok(())
    }
}

impl TrainingProgressLogger for Silent {
    fn start(&mut self, _: usize, _: usize, _: Option<usize>, _: Option<&str>) {}
    fn update_epoch(&mut self, _: usize) {}
    fn start_split(&mut self, _: &str, _: usize) {}
    fn update_split(&mut self, _: usize) {}
    fn end_split(&mut self) {}
    fn end(&mut self) {}
    fn log_event_training(&mut self, _: String) {}
}

impl EvaluationProgressLogger for Silent {
    fn start_global_progress(&mut self, _: usize) {}
    fn start_test(&mut self, _: &str, _: usize) {}
    fn update_test_progress(&mut self, _: usize) {}
    fn end_test(&mut self) {}
    fn end_global_progress(&mut self) {}
    fn log_event_evaluation(&mut self, _: String) {}
}
