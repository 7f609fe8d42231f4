//! How images are read: the size, the channels and the numbers they become.

use super::decode::LARGEST_SIDE;
use super::filter::Filter;
use super::image_spec::ImageSpec;
use super::memory;
use super::scaling::Scaling;
use crate::error::{Error, Result};

/// How images of any kind are read into one format.
///
/// Without a size or a number of channels the images must agree. Photos are always turned the
/// right way up, 16 bits become 8, and transparency is left out.
///
/// ```
/// use fastburn::data::{Filter, Images, Reading, Splits};
///
/// let folder = Splits::digits()?.valid.sample(20, 0);
/// let reading = Reading::new().size(14, 14).channels(3).filter(Filter::Lanczos);
/// let images = Images::read(&folder, &reading, &|_, _| {})?;
/// assert_eq!((images.len(), images.shape()), (20, [3, 14, 14]));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// `[height, width]`.
    pub(super) size: Option<[usize; 2]>,
    pub(super) channels: Option<usize>,
    pub(super) filter: Filter,
    pub(super) numbers: Numbers,
    pub(super) skip_bad: bool,
    /// In bytes.
    pub(super) memory: Option<u64>,
}

/// How pixels become numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numbers {
    /// In that way.
    By(Scaling),
    /// By the training images' own mean and deviation.
    Standardized,
}

impl Default for Numbers {
    fn default() -> Self {
        Self::By(Scaling::default())
    }
}

impl Reading {
    /// As the images are, which must agree in size and in channels; a bad one is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// In a model's own format, so that it sees what it saw when it was trained.
    ///
    /// ```
    /// use fastburn::data::{ImageSpec, Images, Reading, Splits};
    ///
    /// let format = ImageSpec::new([3, 32, 32]);
    /// let folder = Splits::digits()?.valid.sample(20, 0);
    /// let images = Images::read(&folder, &Reading::like(&format), &|_, _| {})?;
    /// assert_eq!(images.format(), &format);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn like(format: &ImageSpec) -> Self {
        Self {
            size: Some([format.height, format.width]),
            channels: Some(format.channels),
            filter: format.filter,
            numbers: Numbers::By(format.scaling.clone()),
            ..Self::default()
        }
    }

    /// Brings all images to that size, in pixels: the whole of each, which is not cropped.
    ///
    /// If some are in colour and no number of [`channels`](Self::channels) is asked for, the grey
    /// ones become three equal channels.
    pub fn size(mut self, height: usize, width: usize) -> Self {
        self.size = Some([height, width]);
        self
    }

    /// Makes all images grey (1) or colour (3).
    pub fn channels(mut self, channels: usize) -> Self {
        self.channels = Some(channels);
        self
    }

    /// Resizes by another filter than the bilinear one.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Has a model see other numbers than those in [0, 1], such as those that a model from
    /// elsewhere was trained on.
    pub fn scaling(mut self, scaling: Scaling) -> Self {
        self.numbers = Numbers::By(scaling);
        self
    }

    /// Has a model see numbers of mean 0 and deviation 1 in each channel: those of the training
    /// images, also where other images are read beside them. The sums are exact, so that the
    /// result is always the same.
    ///
    /// ```
    /// use fastburn::data::{Reading, Scaling, Splits};
    ///
    /// let digits = Splits::digits()?;
    /// let (train, valid) = digits.read(&Reading::new().standardized(), &|_, _| {})?;
    /// let Scaling::Standard { mean, std } = &train.format().scaling else { panic!() };
    /// assert!(mean[0] > 0.0 && mean[0] < 1.0 && std[0] > 0.0);
    /// assert_eq!(valid.format(), train.format());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn standardized(mut self) -> Self {
        self.numbers = Numbers::Standardized;
        self
    }

    /// Leaves out files that cannot be read as images, which
    /// [`Images::skipped`](super::Images::skipped) then lists.
    pub fn skip_bad(mut self) -> Self {
        self.skip_bad = true;
        self
    }

    /// Keeps the decoded images in memory if they are at most that many bytes, both parts together;
    /// otherwise they are streamed: decoded anew in each epoch, ahead of their use, with the same
    /// results. Half of the memory that is free unless given.
    ///
    /// ```
    /// use fastburn::data::{Images, Reading, Splits};
    ///
    /// let folder = Splits::digits()?.valid;
    /// let images = Images::read(&folder, &Reading::new().memory(100_000), &|_, _| {})?;
    /// assert!(images.is_streamed());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// The budget in bytes.
    pub(super) fn budget(&self) -> u64 {
        self.memory.unwrap_or_else(|| memory::free() / 2)
    }

    /// Refuses what no image can be.
    pub(super) fn check(&self) -> Result<()> {
        let sides = 1..=LARGEST_SIDE as usize;
        if let Some([height, width]) = self.size
            && ![height, width].iter().all(|side| sides.contains(side))
        {
            let expected = format!("sides of 1 to {LARGEST_SIDE} pixels are expected");
            return Err(Error::setting(
                "the size of images",
                format!("{height}×{width}"),
                expected,
            ));
        }
        match self.channels {
            None | Some(1 | 3) => Ok(()),
            Some(other) => {
                let expected = "1 for grey or 3 for colour is expected";
                Err(Error::setting("the number of channels", other, expected))
            }
        }
    }
}
