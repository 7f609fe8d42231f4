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

    /// Reads images in that format; what happens to unreadable ones, and the memory, stay as set.
    pub fn with_format(self, format: &ImageSpec) -> Self {
        Self { skip_bad: self.skip_bad, memory: self.memory, ..Self::like(format) }
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
        if let Some([height, width]) = self.size
            && ![height, width].iter().all(|side| sides.contains(side))
        {
            let expected = format!("sides of 1 to {LARGEST_SIDE} pixels");
            return Err(Error::setting("image size", format!("{height}×{width}"), expected));
        }
        let method = |expected: String| Error::setting("resize method", self.resize, expected);
        match self.size {
            Some(size) => self.resize.check(size, LARGEST_SIDE as usize).map_err(method)?,
            None if self.resize.is_default() => {}
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
