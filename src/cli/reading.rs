//! How the program reads images: the options of the verbs that do.

use std::fmt;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fastburn::data::{Filter, Images, Reading, Skipped};
use fastburn::plot::text::printable;
use fastburn::{Error, Pretrained};
use serde::{Deserialize, Serialize};

use super::bytes::bytes;
use super::tell;

/// How many skipped files are named.
const NAMED: usize = 3;

/// How images are read to train on them; its result depends on it.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Options {
    #[command(flatten)]
    #[serde(flatten)]
    format: Format,
    /// Normalise the images by the mean and the deviation of those to train on
    #[arg(long)]
    #[serde(default)]
    normalize: bool,
    #[command(flatten)]
    #[serde(flatten)]
    bad: Bad,
}

/// What images are brought to.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Format {
    /// Resize all images, the whole of each, to SIDE or HEIGHTxWIDTH pixels
    #[arg(long, value_parser = Size::parse)]
    #[serde(default)]
    size: Option<Size>,
    /// Make all images grey (1) or colour (3)
    #[arg(long, value_parser = channels())]
    #[serde(default)]
    channels: Option<usize>,
    /// How images are resized; bilinear unless given
    #[arg(long, value_parser = filters())]
    #[serde(default)]
    filter: Option<Filter>,
}

/// What becomes of files that cannot be read.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct Bad {
    /// What to do about files that cannot be read as images
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    bad_images: BadImages,
}

/// How much of the images stays in memory; no result depends on it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Memory {
    /// Stream images that take more than that once decoded, such as 2GB; half of what is free
    /// unless given
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BadImages {
    /// End with an error that names the first
    #[default]
    Fail,
    /// Leave them out, and say which
    Skip,
}

/// A height and a width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size {
    height: usize,
    width: usize,
}

impl Options {
    /// These options, to train a new model or one that was trained in a format of its own.
    pub fn reading(&self, from: Option<&Pretrained>) -> Result<Reading, Error> {
        let reading = match from {
            Some(pretrained) => self.format.of(pretrained)?,
            None if self.normalize => self.format.reading().standardized(),
            None => self.format.reading(),
        };
        Ok(self.bad.applied(reading))
    }
}

impl Format {
    /// As these options say.
    pub fn reading(&self) -> Reading {
        let mut reading = Reading::new().filter(self.filter.unwrap_or_default());
        if let Some(Size { height, width }) = self.size {
            reading = reading.size(height, width);
        }
        if let Some(channels) = self.channels {
            reading = reading.channels(channels);
        }
        reading
    }

    /// As a trained model has it, which these options may only repeat.
    fn of(&self, pretrained: &Pretrained) -> Result<Reading, Error> {
        let own = &pretrained.card().image;
        let size = Size { height: own.height, width: own.width };
        let refused = |name, value: &dyn fmt::Display, own: &dyn fmt::Display| {
            let expected = format!("the model of --from has {own}; leave it out");
            Err(Error::Setting { name, value: value.to_string(), expected })
        };
        match (self.size, self.channels, self.filter) {
            (Some(other), ..) if other != size => refused("--size", &other, &size),
            (_, Some(other), _) if other != own.channels => {
                refused("--channels", &other, &own.channels)
            }
            (.., Some(other)) if other != own.filter => refused("--filter", &other, &own.filter),
            _ => Ok(Reading::like(own)),
        }
    }
}

impl Bad {
    /// The same reading, with these files left out or not.
    pub fn applied(&self, reading: Reading) -> Reading {
        match self.bad_images {
            BadImages::Fail => reading,
            BadImages::Skip => reading.skip_bad(),
        }
    }
}

impl Memory {
    /// The same reading, within this budget.
    pub fn applied(self, reading: Reading) -> Reading {
        match self.memory {
            Some(bytes) => reading.memory(bytes),
            None => reading,
        }
    }
}

/// How much streamed images would take, in words.
pub fn decoded_size(parts: &[&Images]) -> String {
    let bytes: usize = parts.iter().map(|part| part.len() * part.format().len()).sum();
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes => format!("{:.1} MB", bytes / 1e6),
    }
}

/// Says how many files were left out, and which.
pub fn tell_skipped_of(parts: &[&Images]) {
    let skipped = parts.iter().flat_map(|part| part.skipped());
    tell_skipped(skipped, parts.iter().map(|part| part.len()).sum());
}

/// As [`tell_skipped_of`], beside so many files that were read.
pub fn tell_skipped<'a>(skipped: impl Iterator<Item = &'a Skipped>, read: usize) {
    let skipped: Vec<_> = skipped.collect();
    if skipped.is_empty() {
        return;
    }
    tell(format_args!("skipped {} of {} files", skipped.len(), skipped.len() + read));
    for skipped in skipped.iter().take(NAMED) {
        tell(format_args!("        {}", printable(&skipped.to_string())));
    }
    if let more @ 1.. = skipped.len().saturating_sub(NAMED) {
        tell(format_args!("        and {more} more"));
    }
}

/// The options by which images that do not agree are brought to one format.
pub fn way_out(error: &Error) -> &'static str {
    match error {
        Error::Mixed { mixed: fastburn::Mixed::Sizes, .. } => ": --size 28 or --size HEIGHTxWIDTH",
        Error::Mixed { mixed: fastburn::Mixed::Channels, .. } => ": --channels 1 or --channels 3",
        _ => "",
    }
}

impl Size {
    /// Reads `28` or `480x640`; not the sign that stands in messages, where the width comes first.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || "it must be SIDE or HEIGHTxWIDTH in pixels, such as 28 or 480x640".to_owned();
        let (height, width) = text.split_once('x').unwrap_or((text, text));
        let side = |text: &str| text.parse().ok().filter(|&side| side > 0).ok_or_else(wrong);
        Ok(Self { height: side(height)?, width: side(width)? })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { height, width } if height == width => write!(f, "{height}"),
            Self { height, width } => write!(f, "{height}x{width}"),
        }
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

/// Reads a number of channels.
pub fn channels() -> impl TypedValueParser<Value = usize> {
    PossibleValuesParser::new(["1", "3"]).try_map(|channels| channels.parse::<usize>())
}

fn filters() -> impl TypedValueParser<Value = Filter> {
    PossibleValuesParser::new(Filter::ALL.map(Filter::name)).try_map(|name| name.parse::<Filter>())
}
