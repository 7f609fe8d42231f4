//! Options for reading images: size, channels, scaling and memory.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::error::{Error, Result};
use crate::vision::resize::Filter;
use crate::vision::resize_method::ResizeMethod;
use crate::vision::scaling::Scaling;
use crate::vision::spec::{ImageSpec, LARGEST_SIDE};

/// Options for reading images of any kind into one format.
///
/// Without a size or a number of channels, the images must agree in it. Photos are always rotated
/// upright, 16-bit channels become 8-bit, and transparency is dropped.
///
/// ```
/// use fastburn::vision::{Filter, Images, ReadOptions, Splits};
///
/// let folder = Splits::digits()?.valid.sample(20, 0);
/// let reading = ReadOptions::new().size(14, 14).channels(3).filter(Filter::Lanczos);
/// let images = Images::read(&folder, &reading, &|_, _| {})?;
/// assert_eq!((images.len(), images.shape()), (20, [3, 14, 14]));
/// # Ok::<(), fastburn::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadOptions {
    /// `[height, width]`.
    pub(in crate::vision) size: Option<[usize; 2]>,
    pub(in crate::vision) channels: Option<usize>,
    pub(in crate::vision) filter: Filter,
    pub(in crate::vision) resize: ResizeMethod,
    /// `[height, width]`.
    presize: Option<[usize; 2]>,
    pub(in crate::vision) numbers: Numbers,
    pub(in crate::vision) skip_bad: bool,
    /// In bytes.
    pub(in crate::vision) memory: Option<u64>,
}

/// The scaling of pixels to a model's inputs.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::vision) enum Numbers {
    /// A given scaling.
    By(Scaling),
    /// By the mean and standard deviation of the training images.
    Standardized,
}

impl Default for Numbers {
    fn default() -> Self {
        Self::By(Scaling::default())
    }
}

impl ReadOptions {
    /// Creates options without resizing or conversion: the images must agree in size and channels,
    /// and an unreadable file is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates options that read images in the format that a model was trained on.
    ///
    /// ```
    /// use fastburn::vision::{ImageSpec, Images, ReadOptions, Splits};
    ///
    /// let format = ImageSpec::new([3, 32, 32]);
    /// let folder = Splits::digits()?.valid.sample(20, 0);
    /// let images = Images::read(&folder, &ReadOptions::like(&format), &|_, _| {})?;
    /// assert_eq!(images.format(), &format);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn like(format: &ImageSpec) -> Self {
        Self {
            size: Some([format.height, format.width]),
            channels: Some(format.channels),
            filter: format.filter,
            resize: format.resize,
            numbers: Numbers::By(format.scaling.clone()),
            ..Self::default()
        }
    }

    /// Reads images in that format; what happens to unreadable ones, the memory, and the size at which
    /// training images are kept, stay as set.
    pub fn with_format(self, format: &ImageSpec) -> Self {
        let Self { skip_bad, memory, presize, .. } = self;
        Self { skip_bad, memory, presize, ..Self::like(format) }
    }

    /// Resizes all images to this size in pixels, without cropping unless
    /// [`resize`](Self::resize) says otherwise.
    ///
    /// If some are in colour and [`channels`](Self::channels) is not set, grey images become three
    /// equal channels.
    pub fn size(mut self, height: usize, width: usize) -> Self {
        self.size = Some([height, width]);
        self
    }

    /// Converts all images to grey (1) or colour (3).
    pub fn channels(mut self, channels: usize) -> Self {
        self.channels = Some(channels);
        self
    }

    /// Sets the resize filter. The default is bilinear.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets the way in which images are brought to the [`size`](Self::size). The default resizes
    /// the whole image.
    ///
    /// ```
    /// use fastburn::vision::{Images, ReadOptions, ResizeMethod, Scaling, Splits};
    ///
    /// // The images that torchvision's networks are evaluated on.
    /// let reading = ReadOptions::new()
    ///     .size(224, 224)
    ///     .channels(3)
    ///     .resize(ResizeMethod::Crop { shorter_side: 256 })
    ///     .scaling(Scaling::imagenet());
    /// let images = Images::read(&Splits::digits()?.valid.sample(20, 0), &reading, &|_, _| {})?;
    /// assert_eq!(images.shape(), [3, 224, 224]);
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn resize(mut self, method: ResizeMethod) -> Self {
        self.resize = method;
        self
    }

    /// Keeps training images at this size in pixels, of which each epoch shows another part at the
    /// [`size`](Self::size): fastai's presizing.
    ///
    /// The whole picture is kept, with its proportions remembered. Training shows it, or a part of it at
    /// a random place, as [`resize`](Self::resize) says, or a
    /// [`RandomCrop`](crate::vision::augment::RandomCrop). With one interpolation after that, whatever
    /// the augmentation, a size of one and a half to two times the final one loses nothing.
    /// Validation images are read as without it. The first part that is read counts as training
    /// images.
    ///
    /// ```
    /// use fastburn::vision::augment::{Augment, RandomCrop};
    /// use fastburn::vision::{ReadOptions, ResizeMethod, Splits};
    ///
    /// let reading = ReadOptions::new()
    ///     .size(20, 20)
    ///     .resize(ResizeMethod::Cover { margin: 0 })
    ///     .presize(30, 30);
    /// let (train, valid) = Splits::digits()?.read(&reading, &|_, _| {})?;
    /// let train = train.augment(Augment::digits().crop(RandomCrop::new(0.5)));
    /// assert_eq!((train.shape(), valid.shape()), ([1, 20, 20], [1, 20, 20]));
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn presize(mut self, height: usize, width: usize) -> Self {
        self.presize = Some([height, width]);
        self
    }

    /// Returns whether images of another shape are resized as a whole, which changes their proportions.
    pub fn squishes(&self) -> bool {
        self.resize.is_default()
    }

    /// Returns the format in which the images of a part are kept, of which the first is for
    /// training, and whether it is only that of whole pictures.
    pub(super) fn kept_format(&self, part: usize, format: &ImageSpec) -> (ImageSpec, bool) {
        match self.presize {
            Some([height, width]) if part == 0 => {
                let resize = ResizeMethod::Squish;
                (ImageSpec { height, width, resize, ..format.clone() }, true)
            }
            _ => (format.clone(), false),
        }
    }

    /// Sets the scaling of pixels, such as the one that a pretrained model expects. The default is
    /// to [0, 1].
    pub fn scaling(mut self, scaling: Scaling) -> Self {
        self.numbers = Numbers::By(scaling);
        self
    }

    /// Scales each channel to mean 0 and standard deviation 1 over the training images. Other
    /// images read with them are scaled by the same statistics. The sums are exact: the result is
    /// always the same.
    ///
    /// ```
    /// use fastburn::vision::{ReadOptions, Scaling, Splits};
    ///
    /// let digits = Splits::digits()?;
    /// let (train, valid) = digits.read(&ReadOptions::new().standardized(), &|_, _| {})?;
    /// let Scaling::Standard { mean, std } = &train.format().scaling else { panic!() };
    /// assert!(mean[0] > 0.0 && mean[0] < 1.0 && std[0] > 0.0);
    /// assert_eq!(valid.format(), train.format());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn standardized(mut self) -> Self {
        self.numbers = Numbers::Standardized;
        self
    }

    /// Skips unreadable images. [`Images::skipped`](super::Images::skipped) lists them.
    pub fn skip_bad(mut self) -> Self {
        self.skip_bad = true;
        self
    }

    /// Sets the memory budget for decoded images in bytes, over both parts. The default is half of
    /// the free memory.
    ///
    /// Images that exceed it are streamed: decoded again in each epoch, ahead of their use, with
    /// the same results.
    ///
    /// ```
    /// use fastburn::vision::{Images, ReadOptions, Splits};
    ///
    /// let folder = Splits::digits()?.valid;
    /// let images = Images::read(&folder, &ReadOptions::new().memory(100_000), &|_, _| {})?;
    /// assert!(images.is_streamed());
    /// # Ok::<(), fastburn::Error>(())
    /// ```
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Returns the memory budget in bytes.
    pub(super) fn budget(&self) -> u64 {
        self.memory.unwrap_or_else(|| free_memory() / 2)
    }

    /// Checks that the size and the number of channels are in range.
    pub(in crate::vision) fn check(&self) -> Result<()> {
        let sides = 1..=LARGEST_SIDE as usize;
        for (what, size) in [("image size", self.size), ("size to keep images at", self.presize)] {
            if let Some([height, width]) = size
                && ![height, width].iter().all(|side| sides.contains(side))
            {
                let expected = format!("sides of 1 to {LARGEST_SIDE} pixels");
                return Err(Error::setting(what, format!("{height}×{width}"), expected));
            }
        }
        if let Some(kept) = self.presize {
            let is_larger = |size: [usize; 2]| kept[0] >= size[0] && kept[1] >= size[1];
            if !self.size.is_some_and(is_larger) {
                let kept = format!("{}×{}", kept[0], kept[1]);
                let expected = "at least the size of the images, which has to be set as well";
                return Err(Error::setting("size to keep images at", kept, expected));
            }
        }
        let method = |expected: String| Error::setting("resize method", self.resize, expected);
        match self.size {
            Some(size) => self.resize.check(size, LARGEST_SIDE as usize).map_err(method)?,
            None if self.resize.is_default() => {}
            None if matches!(self.resize, ResizeMethod::Pad { .. }) => {
                return Err(method("a size to pad to".to_owned()));
            }
            None => return Err(method("a size to crop to".to_owned())),
        }
        match self.channels {
            None | Some(1 | 3) => Ok(()),
            Some(other) => {
                let expected = "1 for grey or 3 for colour";
                Err(Error::setting("number of channels", other, expected))
            }
        }
    }
}

/// Returns how many bytes this process may still allocate: the available memory of the machine, or
/// less if a container or another control group limits it.
fn free_memory() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    let pid = Pid::from_u32(std::process::id());
    let nothing_else = ProcessRefreshKind::nothing();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, nothing_else);
    let own = system.process(pid).and_then(|process| process.cgroup_limits());
    // A group's page cache counts as used memory until it is reclaimed, so `rss` is subtracted.
    let of_group = own.or_else(|| system.cgroup_limits());
    let of_group = of_group.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    match (system.available_memory(), of_group) {
        // The system does not report it.
        (0, None) => u64::MAX,
        (0, Some(group)) => group,
        (machine, Some(group)) => machine.min(group),
        (machine, None) => machine,
    }
}
