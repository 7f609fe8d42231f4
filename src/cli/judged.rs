//! What a trained model says of labelled images: what the verbs that look at it share.

use std::path::PathBuf;

use anyhow::Result;
use burn::data::dataset::Dataset;
use clap::ValueEnum;
use fastburn::data::{ImageFolder, Images, Reading, Splits};
use fastburn::plot::text::printable;
use fastburn::{Interpretation, Predictor, device};

use super::{bars, opened, reading, tell};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// A model file, from `fastburn train … --out`
    model: PathBuf,
    #[arg(help = opened::DATA)]
    data: PathBuf,
    #[command(flatten)]
    opening: opened::Options,
    #[command(flatten)]
    bad: reading::Bad,
    #[command(flatten)]
    memory: reading::Memory,
    /// Which of its images to look at
    #[arg(long, value_enum, default_value_t = Part::Valid)]
    part: Part,
    /// Where the validation images are drawn from, if the data does not say which they are: the
    /// seed that the model was trained with
    #[arg(long, default_value = "42")]
    seed: u64,
    /// The device: auto, cpu, or a name that `fastburn devices` lists
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Print one JSON object in place of the tables
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Those to train on
    Train,
    /// Those held back for validation
    Valid,
    /// Both
    All,
}

/// Labelled images, and what a model says of them.
pub struct Judged {
    pub folder: ImageFolder,
    pub seen: Interpretation,
}

/// Does what the options say.
pub fn judge(options: &Options) -> Result<Judged> {
    let device = device::named(&options.device)?;
    let predictor = Predictor::load(&options.model, &device)?;
    let (all, folder) = match options.part {
        Part::All => {
            let all = options.opening.all(&options.data)?;
            (all.len(), all)
        }
        part => {
            let splits = options.opening.splits(Some(&options.data), options.seed)?;
            let Splits { train, valid, .. } = splits;
            (train.len() + valid.len(), if part == Part::Train { train } else { valid })
        }
    };
    let format = &predictor.card().image;
    let reading = options.memory.applied(options.bad.applied(Reading::like(format)));
    let images = bars::while_decoding(|progress| Images::read(&folder, &reading, progress))?;
    reading::tell_skipped_of(&[&images]);
    let seen = predictor.interpret(&images)?;
    if folder.len() < all {
        // Which ones those are may depend on the seed, and on what DATA is.
        let (some, data) = (folder.len(), options.data.display());
        tell(format_args!("data    {some} of the {all} images of {data}; --part has others"));
    }
    let (trained_with, measured) = (&predictor.card().loss, predictor.card().outputs.loss_name());
    if trained_with != measured {
        let trained_with = printable(trained_with);
        tell(format_args!("loss    {measured}; the model was trained with {trained_with}"));
    }
    let first = images.folder().image(0)?;
    let (_, adapted) = format.adapt(&first.pixels, first.shape)?;
    if let Some(adapted) = adapted {
        tell(format_args!("images  {adapted}, to fit the model"));
    }
    Ok(Judged { folder: images.folder().clone(), seen })
}
