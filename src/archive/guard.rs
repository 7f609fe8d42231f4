//! Checks of every archive entry, in any format.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::rc::Rc;

use super::entry::{parts, read_error, shown};
use super::limits::{ArchiveLimits, Excess, Meter};
use crate::error::{Error, Remedy, Result};

/// Admits plain files and folders, as many as the limits allow.
#[derive(Debug)]
pub(super) struct Guard<'a> {
    /// The archive's name in messages.
    pub archive: &'a str,
    /// The number of bytes read and unpacked so far.
    pub meter: Rc<Meter>,
    limits: ArchiveLimits,
    places: Places,
    entries: u64,
    empty: u64,
    /// The entry being read, for messages.
    last: String,
}

impl<'a> Guard<'a> {
    pub fn new(archive: &'a str, limits: ArchiveLimits) -> Self {
        let (meter, places) = (Meter::new(limits), Places::default());
        Self { archive, meter, limits, places, entries: 0, empty: 0, last: String::new() }
    }

    /// Admits a file of `size` bytes and returns the parts of its path.
    pub fn file(&mut self, name: &[u8], size: u64) -> Result<Vec<String>> {
        let path = self.pass(name, false)?;
        if path.is_empty() || name.ends_with(b"/") || name.ends_with(b"/.") {
            return Err(self.refusal(name, "it is a file with the name of a folder"));
        }
        self.empty += u64::from(size == 0);
        if self.empty > self.limits.empty {
            let found = format!("more than {} empty files", self.limits.empty);
            return Err(self.excess(name, Excess { limit: "empty", found }));
        }
        Ok(path)
    }

    /// Admits a folder. Its own content, of `size` bytes, must be empty.
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
        // A repeated folder counts each time, or an archive could list it without end.
        self.entries += new.max(1);
        if self.entries > self.limits.files {
            let found = format!("more than {} files and folders", self.limits.files);
            return Err(self.excess(name, Excess { limit: "files", found }));
        }
        Ok(path)
    }

    /// Sets the entry being read.
    pub fn at(&mut self, name: &[u8]) {
        self.last = shown(name);
    }

    /// Returns the error that refuses the archive because of one entry.
    pub fn refusal(&self, name: &[u8], why: impl std::fmt::Display) -> Error {
        Error::data(self.archive, format!("refused at entry {}: {why}", shown(name)))
    }

    fn excess(&self, name: &[u8], excess: Excess) -> Error {
        self.refusal(name, &excess).with_remedy(Remedy::RaiseArchiveLimit(excess.limit))
    }

    /// Returns the error for a failed read during or after the last entry.
    pub fn read_error(&self, error: &io::Error) -> Error {
        read_error(self.archive, &self.last, error)
    }
}

/// The paths so far, and whether each is a folder.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: HashMap<String, bool>,
    /// The folder of the previous entry, which usually contains the next one too.
    folder: String,
}

impl Places {
    /// Claims the path of a file or folder, and those of its parent folders. Returns how many of
    /// them are new, or why the path cannot be claimed.
    pub fn take(&mut self, path: &[String], is_folder: bool) -> Result<u64, &'static str> {
        let Some((last, parents)) = path.split_last() else { return Ok(0) };
        let folder = parents.join("/");
        let mut new = 0;
        if folder != self.folder {
            let mut around = String::with_capacity(folder.len());
            for part in parents {
                if !around.is_empty() {
                    around.push('/');
                }
                around.push_str(part);
                match self.taken.get(&around) {
                    Some(true) => {}
                    Some(false) => return Err("another entry is a file where it needs a folder"),
                    None => {
                        self.taken.insert(around.clone(), true);
                        new += 1;
                    }
                }
            }
            self.folder.clone_from(&folder);
        }
        let place = if folder.is_empty() { last.clone() } else { folder + "/" + last };
        match self.taken.entry(place) {
            Entry::Vacant(place) => {
                place.insert(is_folder);
                Ok(new + 1)
            }
            Entry::Occupied(before) => match (*before.get(), is_folder) {
                (true, true) => Ok(new),
                (false, false) => Err("another entry has the same name"),
                (true, false) => Err("it is a file where another entry has a folder"),
                (false, true) => Err("it is a folder where another entry is a file"),
            },
        }
    }
}
