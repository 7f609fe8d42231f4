//! What is asked of every entry, whatever the format.

use std::io;
use std::rc::Rc;

use super::ArchiveLimits;
use super::entry_path::{parts, shown};
use super::limits::{Excess, Meter};
use super::places::Places;
use crate::error::{Error, Result};

/// Lets plain files and folders pass, as many as the limits allow.
#[derive(Debug)]
pub(super) struct Guard<'a> {
    /// The archive, as messages name it.
    pub archive: &'a str,
    /// The bytes that were read and unpacked.
    pub meter: Rc<Meter>,
    limits: ArchiveLimits,
    places: Places,
    entries: u64,
    empty: u64,
    /// The entry that was let pass last.
    last: String,
}

impl<'a> Guard<'a> {
    pub fn new(archive: &'a str, limits: ArchiveLimits) -> Self {
        let (meter, places) = (Meter::new(limits), Places::default());
        Self { archive, meter, limits, places, entries: 0, empty: 0, last: String::new() }
    }

    /// A file of `size` bytes: the parts of its path.
    pub fn file(&mut self, name: &[u8], size: u64) -> Result<Vec<String>> {
        let path = self.pass(name, false)?;
        if path.is_empty() || name.ends_with(b"/") || name.ends_with(b"/.") {
            return Err(self.refusal(name, "it is a file of a folder's name"));
        }
        self.empty += u64::from(size == 0);
        if self.empty > self.limits.empty {
            let found = format!("more than {} empty files", self.limits.empty);
            return Err(self.refusal(name, Excess { limit: "empty", found }));
        }
        Ok(path)
    }

    /// A folder that holds `size` bytes itself, which should be none.
    pub fn folder(&mut self, name: &[u8], size: u64) -> Result<()> {
        self.pass(name, true)?;
        if size > 0 {
            return Err(self.refusal(name, "it is a folder with content"));
        }
        Ok(())
    }

    fn pass(&mut self, name: &[u8], is_folder: bool) -> Result<Vec<String>> {
        self.at(name);
        let path = parts(name).map_err(|why| self.refusal(name, why))?;
        let new = self.places.take(&path, is_folder).map_err(|why| self.refusal(name, why))?;
        // A folder may be listed again, but not for ever.
        self.entries += new.max(1);
        if self.entries > self.limits.files {
            let found = format!("more than {} files and folders", self.limits.files);
            return Err(self.refusal(name, Excess { limit: "files", found }));
        }
        Ok(path)
    }

    /// Says which entry is being read.
    pub fn at(&mut self, name: &[u8]) {
        self.last = shown(name);
    }

    /// The archive is not taken because of one entry.
    pub fn refusal(&self, name: &[u8], why: impl std::fmt::Display) -> Error {
        Error::layout(self.archive, format!("refused at its entry {}: {why}", shown(name)))
    }

    /// What a failed read means, during or after the last entry.
    pub fn trouble(&self, error: &io::Error) -> Error {
        trouble(self.archive, &self.last, error)
    }
}

/// What a failed read of an archive means: too much of it, or a damage.
pub(super) fn trouble(archive: &str, entry: &str, error: &io::Error) -> Error {
    let excess = error.get_ref().and_then(|error| error.downcast_ref::<Excess>());
    let problem = match (excess, entry) {
        (Some(excess), "") => format!("refused: {excess}"),
        (Some(excess), entry) => format!("refused at its entry {entry}: {excess}"),
        (None, "") => format!("a damaged archive ({error}); fetch it again"),
        (None, entry) => {
            format!("a damaged archive, at or after its entry {entry} ({error}); fetch it again")
        }
    };
    Error::layout(archive, problem)
}
