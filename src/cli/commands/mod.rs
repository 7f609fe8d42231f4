//! The verbs, a file each.

mod announce;
mod baseline;
mod confusion;
mod data;
mod devices;
mod info;
mod lr_find;
mod predict;
mod show;
mod summary;
mod top_losses;
pub mod train;
mod validate;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use super::arguments::settings::Given;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a model on a folder or archive of images, one sub-folder per class
    Train(train::Arguments),
    /// Find a learning rate by training briefly at rising rates
    LrFind(lr_find::Arguments),
    /// Show the layers and parameters of the model that `train` would train
    Summary(summary::Arguments),
    /// Classify images with a trained model
    Predict(predict::Arguments),
    /// Measure how well a trained model does on labelled images
    Validate(validate::Arguments),
    /// Show which classes a trained model mistakes for which
    Confusion(confusion::Arguments),
    /// List the images that a trained model is most wrong about
    TopLosses(top_losses::Arguments),
    /// Show a model file's contents
    Info(info::Arguments),
    /// Show a data set's classes, image sizes and some of its images
    Show(show::Arguments),
    /// Download, check and convert data sets
    Data(data::Arguments),
    /// Measure how well comparing pixels alone does: what a model has to beat
    Baseline(baseline::Arguments),
    /// List the devices that this build can use on this machine
    Devices(devices::Arguments),
}

impl Command {
    /// Runs the verb; `given` are the options that the command line has.
    pub fn run(self, given: &Given) -> Result<ExitCode> {
        match self {
            Self::Train(arguments) => train::run(Some(&arguments.data), arguments.options, given),
            Self::LrFind(arguments) => lr_find::run(&arguments),
            Self::Summary(arguments) => summary::run(&arguments),
            Self::Predict(arguments) => predict::run(&arguments),
            Self::Validate(arguments) => validate::run(&arguments),
            Self::Confusion(arguments) => confusion::run(&arguments),
            Self::TopLosses(arguments) => top_losses::run(&arguments),
            Self::Info(arguments) => info::run(&arguments),
            Self::Show(arguments) => show::run(&arguments),
            Self::Data(arguments) => data::run(&arguments),
            Self::Baseline(arguments) => baseline::run(&arguments),
            Self::Devices(arguments) => devices::run(&arguments),
        }
    }
}
