//! How images are read: the size, the channels and the numbers they become.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::error::{Error, Result};
use crate::vision::resize::Filter;
use crate::vision::scaling::Scaling;
use crate::vision::spec::{ImageSpec, LARGEST_SIDE};

/// How images of any kind are read into one format.
///
/// Without a size or a number of channels the images must agree. Photos are always turned the
/// right way up, 16 bits become 8, and transparency is left out.
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
    pub(in crate::vision) numbers: Numbers,
    pub(in crate::vision) skip_bad: bool,
    /// In bytes.
    pub(in crate::vision) memory: Option<u64>,
}

/// How pixels become numbers.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::vision) enum Numbers {
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

impl ReadOptions {
    /// As the images are, which must agree in size and in channels; a bad one is an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// In a model's own format, so that it sees what it saw when it was trained.
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

    /// The budget in bytes.
    pub(super) fn budget(&self) -> u64 {
        self.memory.unwrap_or_else(|| free_memory() / 2)
    }

    /// Refuses what no image can be.
    pub(in crate::vision) fn check(&self) -> Result<()> {
        let sides = 1..=LARGEST_SIDE as usize;
        if let Some([height, width]) = self.size
            && ![height, width].iter().all(|side| sides.contains(side))
        {
            let expected = format!("sides of 1 to {LARGEST_SIDE} pixels");
            return Err(Error::setting("image size", format!("{height}×{width}"), expected));
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

/// How many bytes this process may still take: those that the machine has left, or fewer where a
/// container or another control group gives it fewer.
fn free_memory() -> u64 {
    let mut system = System::new();
    system.refresh_memory();
    let pid = Pid::from_u32(std::process::id());
    let nothing_else = ProcessRefreshKind::nothing();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, nothing_else);
    let own = system.process(pid).and_then(|process| process.cgroup_limits());
    // What a group has read from files counts as its own until somebody else needs the room.
    let of_group = own.or_else(|| system.cgroup_limits());
    let of_group = of_group.map(|limits| limits.total_memory.saturating_sub(limits.rss));
    match (system.available_memory(), of_group) {
        // A system that does not say.
        (0, None) => u64::MAX,
        (0, Some(group)) => group,
        (machine, Some(group)) => machine.min(group),
        (machine, None) => machine,
    }
}
