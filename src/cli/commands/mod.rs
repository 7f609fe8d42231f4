//! The verbs, one file each.

mod baseline;
mod confusion;
mod data;
mod devices;
mod explain;
mod info;
mod lr_find;
mod models;
mod predict;
mod show;
mod summary;
mod top_losses;
pub mod train;
mod validate;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::arguments::given::Given;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model on a folder or archive of images, one sub-folder per class
    Train(train::Arguments),
    /// Find a learning rate with a short training run at rising rates
    LrFind(lr_find::Arguments),
    /// Show the layers and parameters of the model that `train` would use
    Summary(summary::Arguments),
    /// Classify images with a trained model
    Predict(predict::Arguments),
    /// Show where in an image a trained model looks
    Explain(explain::Arguments),
    /// Evaluate a trained model on labelled images
    Validate(validate::Arguments),
    /// Show the confusion matrix of a trained model
    Confusion(confusion::Arguments),
    /// List the images on which a trained model has the highest loss
    TopLosses(top_losses::Arguments),
    /// Show a model file's contents
    Info(info::Arguments),
    /// List the models, and the pretrained weights of some
    Models(models::Arguments),
    /// Show the classes, image sizes and some images of a data set
    Show(show::Arguments),
    /// Download, check and convert data sets
    Data(data::Arguments),
    /// Measure a baseline that predicts the class with the nearest mean image
    Baseline(baseline::Arguments),
    /// List the compute devices available to this build
    Devices(devices::Arguments),
}

impl Command {
    /// Runs the verb; `given` names the options on the command line.
    pub fn run(self, given: &Given) -> Result<ExitCode> {
        match self {
            Self::Train(arguments) => train::run(Some(&arguments.data), arguments.options, given),
            Self::LrFind(arguments) => lr_find::run(&arguments, given),
            Self::Summary(arguments) => summary::run(&arguments, given),
            Self::Predict(arguments) => predict::run(&arguments),
            Self::Explain(arguments) => explain::run(&arguments),
            Self::Validate(arguments) => validate::run(&arguments),
            Self::Confusion(arguments) => confusion::run(&arguments),
            Self::TopLosses(arguments) => top_losses::run(&arguments),
            Self::Info(arguments) => info::run(&arguments),
            Self::Models(arguments) => models::run(&arguments),
            Self::Show(arguments) => show::run(&arguments),
            Self::Data(arguments) => data::run(&arguments),
            Self::Baseline(arguments) => baseline::run(&arguments),
            Self::Devices(arguments) => devices::run(&arguments),
        }
    }
}
