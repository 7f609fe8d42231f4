//! Options for reading images.

use std::fmt;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use fastburn::Error;
use fastburn::vision::{Filter, ImageSpec, Padding, ReadOptions, ResizeMethod};
use serde::{Deserialize, Serialize};

use super::augmentation::AugmentOptions;
use super::values::{bytes, name_of};

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
    #[command(flatten)]
    #[serde(flatten)]
    pub augment: AugmentOptions,
    /// Keep training pictures whole, at SIDE or WIDTHxHEIGHT pixels, and make each image from that
    /// [default: one and a half times the size, with --resize crop or pad, or --random-crop]
    #[arg(long, value_parser = Size::parse, value_name = "SIZE", help_heading = "Augmentation")]
    #[serde(default)]
    presize: Option<Size>,
}

/// The format that images are converted to.
#[derive(Debug, Clone, Default, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Images")]
pub struct FormatOptions {
    /// Resize all images to SIDE or WIDTHxHEIGHT pixels
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
    /// How images of another shape come to the size; crop and pad at a random place in training, at
    /// the centre otherwise [default: that of the --from model or of the weights, always at the
    /// centre; otherwise squish, or crop with --random-crop]
    #[arg(long, value_enum)]
    #[serde(default)]
    resize: Option<ResizeName>,
}

/// How images of another shape come to a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ResizeName {
    /// Cut off what is too long
    Crop,
    /// Change the proportions
    Squish,
    /// Show all, and the reflection beyond
    Pad,
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
        let mut reading = match usual {
            Some(UsualFormat::Fixed(format)) => self.format.like(format)?,
            Some(UsualFormat::Default(format)) => self.format.instead_of(format),
            None if self.normalize => self.format.reading().standardized(),
            None => self.format.reading(),
        };
        let crops = self.augment.crops();
        let needs_place = matches!(self.format.resize, Some(ResizeName::Crop | ResizeName::Pad));
        if crops || needs_place || self.presize.is_some() {
            let size = self.format.size.or(usual.map(UsualFormat::size));
            let Some(size) = size else {
                let problem = "--random-crop, --presize, and --resize crop or pad need the size of \
                               the images";
                let remedy = Some("add --size".into());
                return Err(Error::Usage { problem: problem.to_owned(), remedy });
            };
            let is_fixed = matches!(usual, Some(UsualFormat::Fixed(_)));
            if crops && !is_fixed && self.format.resize.is_none() && reading.squishes() {
                reading = reading.resize(ResizeMethod::Cover { margin: size.margin() });
            }
            let kept = self.presize.unwrap_or(size.half_as_much_again());
            reading = reading.presize(kept.height, kept.width);
        }
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
        if let Some(resize) = self.resize {
            reading = reading.resize(resize.method());
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
        if let Some(resize) = self.resize {
            format.resize = resize.method();
        }
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
            _ if self.resize.is_some_and(|other| !other.is_kind_of(own.resize)) => {
                conflict("--resize", &self.resize.map(name_of).unwrap_or_default(), &own.resize)
            }
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

impl ResizeName {
    /// Returns whether a method, with whatever margin, has this name.
    fn is_kind_of(self, method: ResizeMethod) -> bool {
        match method {
            ResizeMethod::Crop { .. } | ResizeMethod::Cover { .. } => self == Self::Crop,
            ResizeMethod::Pad { .. } => self == Self::Pad,
            _ => self == Self::Squish,
        }
    }

    fn method(self) -> ResizeMethod {
        match self {
            Self::Squish => ResizeMethod::Squish,
            Self::Crop => ResizeMethod::Cover { margin: 0 },
            Self::Pad => ResizeMethod::Pad { padding: Padding::default() },
        }
    }
}

impl UsualFormat<'_> {
    fn size(self) -> Size {
        let (Self::Fixed(format) | Self::Default(format)) = self;
        Size { height: format.height, width: format.width }
    }
}

impl Size {
    /// Returns the margin that is cropped in validation if training shows random parts, which are
    /// enlarged: fastai's `val_xtra`.
    fn margin(self) -> usize {
        let side = self.height.max(self.width) as f64;
        (side * 0.14 / 8.0).ceil() as usize * 8
    }

    /// Returns the size at which pictures are kept by default.
    fn half_as_much_again(self) -> Self {
        let [height, width] = [self.height, self.width].map(|side| (side * 3).div_ceil(2));
        Self { height, width }
    }

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
