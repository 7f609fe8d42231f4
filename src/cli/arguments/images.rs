//! Options for reading images.

use std::fmt;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fastburn::Error;
use fastburn::vision::{Filter, ImageSpec, ReadOptions};
use serde::{Deserialize, Serialize};

use super::values::bytes;

/// Options for reading training images; they affect the result.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Images")]
pub struct ImageOptions {
    #[command(flatten)]
    #[serde(flatten)]
    format: FormatOptions,
    /// Normalise with the mean and standard deviation of the training images
    #[arg(long)]
    #[serde(default)]
    normalize: bool,
    #[command(flatten)]
    #[serde(flatten)]
    bad: BadImageOptions,
}

/// The format that images are converted to.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Images")]
pub struct FormatOptions {
    /// Resize all images to SIDE or WIDTHxHEIGHT pixels, without cropping
    #[arg(long, value_parser = Size::parse)]
    #[serde(default)]
    size: Option<Size>,
    /// Convert all images to grey (1) or colour (3)
    #[arg(long, value_parser = channels())]
    #[serde(default)]
    channels: Option<usize>,
    /// Resampling filter for resizing [default: bilinear]
    #[arg(long, value_enum)]
    #[serde(default)]
    filter: Option<Filter>,
}

/// The handling of unreadable images.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Images")]
pub struct BadImageOptions {
    /// Fail on unreadable images, or skip them
    #[arg(long, value_enum, default_value_t)]
    #[serde(default)]
    bad_images: BadImages,
}

/// The memory for decoded images; it does not affect the result.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Images")]
pub struct MemoryOptions {
    /// Stream images that exceed SIZE once decoded, such as 2GB [default: half of free memory]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BadImages {
    /// Stop with an error that names the first one
    #[default]
    Fail,
    /// Skip them and list them
    Skip,
}

/// A height and a width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size {
    pub height: usize,
    pub width: usize,
}

/// The format of the images that a model was trained on.
#[derive(Debug, Clone, Copy)]
pub enum UsualFormat<'a> {
    /// The model takes images of this format only.
    Fixed(&'a ImageSpec),
    /// The model also takes images of another size, and of other channels.
    Default(&'a ImageSpec),
}

impl ImageOptions {
    /// Returns the read options for a new model, or for one that starts from another.
    pub fn reading(&self, usual: Option<UsualFormat<'_>>) -> Result<ReadOptions, Error> {
        let reading = match usual {
            Some(UsualFormat::Fixed(format)) => self.format.like(format)?,
            Some(UsualFormat::Default(format)) => self.format.instead_of(format),
            None if self.normalize => self.format.reading().standardized(),
            None => self.format.reading(),
        };
        Ok(self.bad.applied(reading))
    }
}

impl FormatOptions {
    /// Returns the read options for this format.
    pub fn reading(&self) -> ReadOptions {
        let mut reading = ReadOptions::new().filter(self.filter.unwrap_or_default());
        if let Some(Size { height, width }) = self.size {
            reading = reading.size(height, width);
        }
        if let Some(channels) = self.channels {
            reading = reading.channels(channels);
        }
        reading
    }

    /// Returns the read options for a format, except for the size, channels and filter that are
    /// given.
    fn instead_of(&self, usual: &ImageSpec) -> ReadOptions {
        let mut format = usual.clone();
        if let Some(Size { height, width }) = self.size {
            format = format.with_size(height, width);
        }
        if let Some(channels) = self.channels {
            format = format.with_channels(channels);
        }
        format.filter = self.filter.unwrap_or(format.filter);
        ReadOptions::like(&format)
    }

    /// Returns the read options for a trained model's format, which these options may only repeat.
    fn like(&self, own: &ImageSpec) -> Result<ReadOptions, Error> {
        let size = Size { height: own.height, width: own.width };
        let conflict = |name: &str, value: &dyn fmt::Display, own: &dyn fmt::Display| {
            let problem = format!("{name} {value} differs from the --from model, which has {own}");
            Err(Error::Usage { problem, remedy: Some("leave it out".into()) })
        };
        match (self.size, self.channels, self.filter) {
            (Some(other), ..) if other != size => conflict("--size", &other, &size),
            (_, Some(other), _) if other != own.channels => {
                conflict("--channels", &other, &own.channels)
            }
            (.., Some(other)) if other != own.filter => conflict("--filter", &other, &own.filter),
            _ => Ok(ReadOptions::like(own)),
        }
    }
}

impl BadImageOptions {
    /// Adds the handling of unreadable images to `reading`.
    pub fn applied(&self, reading: ReadOptions) -> ReadOptions {
        match self.bad_images {
            BadImages::Fail => reading,
            BadImages::Skip => reading.skip_bad(),
        }
    }
}

impl MemoryOptions {
    /// Adds the memory budget to `reading`.
    pub fn applied(self, reading: ReadOptions) -> ReadOptions {
        match self.memory {
            Some(bytes) => reading.memory(bytes),
            None => reading,
        }
    }
}

impl Size {
    /// Parses `28`, `640x480` or, as messages print sizes, `640×480`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let invalid =
            || "expected SIDE or WIDTHxHEIGHT in pixels, such as 28 or 640x480".to_owned();
        let (width, height) = text.split_once(['x', '×']).unwrap_or((text, text));
        let side = |text: &str| text.parse().ok().filter(|&side| side > 0).ok_or_else(invalid);
        Ok(Self { height: side(height)?, width: side(width)? })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { height, width } if height == width => write!(f, "{height}"),
            Self { height, width } => write!(f, "{width}x{height}"),
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

/// Parses a number of channels.
pub fn channels() -> impl TypedValueParser<Value = usize> {
    PossibleValuesParser::new(["1", "3"]).try_map(|channels| channels.parse::<usize>())
}
