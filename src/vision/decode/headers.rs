//! Image headers, read without decoding the images, and whether they agree.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rayon::prelude::*;

use super::codec::{ImageHeader, header};
use crate::error::{Error, Remedy, Result};
use crate::vision::data_files::DataFile;

/// How many kinds of images a message lists: each photo may have a different size.
const LISTED: usize = 3;

/// The headers of many files, in the order of the files.
pub(in crate::vision) struct Headers<'a> {
    pub files: Vec<(&'a DataFile, Result<ImageHeader, Box<Error>>)>,
}

impl<'a> Headers<'a> {
    pub fn of(
        files: impl IntoParallelIterator<Item = &'a DataFile, Iter: IndexedParallelIterator>,
    ) -> Self {
        Self {
            files: files
                .into_par_iter()
                .map(|file| (file, header(file).map_err(Box::new)))
                .collect(),
        }
    }

    /// Fails if a file is not a readable image.
    pub fn all_read(&mut self) -> Result<()> {
        match self.files.iter().position(|(_, found)| found.is_err()) {
            Some(bad) => self.files.swap_remove(bad).1.map(drop).map_err(|error| *error),
            None => Ok(()),
        }
    }

    /// Returns the largest value of `of` over all images, or 0 without images.
    pub fn most(&self, of: impl Fn(&ImageHeader) -> usize) -> usize {
        self.headers().map(of).max().unwrap_or_default()
    }

    /// Counts the images of each kind, the most frequent kind first.
    pub fn counts<K: Ord>(&self, kind: impl Fn(&ImageHeader) -> K) -> Vec<(K, usize)> {
        let mut counts = BTreeMap::new();
        for header in self.headers() {
            *counts.entry(kind(header)).or_insert(0) += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, count)| Reverse(count));
        counts
    }

    /// Fails if images differ in size. Unreadable files are ignored.
    pub fn same_size(&self) -> Result<()> {
        let show = |[width, height]: [u32; 2]| format!("{width}×{height}");
        self.same(|header| header.size, show, Remedy::ResizeImages)
    }

    /// Fails if some images are grey and others in colour. Unreadable files are ignored.
    pub fn same_channels(&self) -> Result<()> {
        let show = |channels| if channels == 1 { "grey" } else { "in colour" }.to_owned();
        self.same(|header| header.channels, show, Remedy::ConvertChannels)
    }

    fn same<K: Ord + Copy>(
        &self,
        kind: impl Fn(&ImageHeader) -> K,
        show: impl Fn(K) -> String,
        remedy: Remedy,
    ) -> Result<()> {
        let mut known = self
            .files
            .iter()
            .filter_map(|(file, found)| found.as_ref().ok().map(|header| (*file, kind(header))));
        let Some((first, expected)) = known.next() else { return Ok(()) };
        let Some((other, found)) = known.find(|(_, found)| *found != expected) else {
            return Ok(());
        };
        let (counts, total) = (self.counts(kind), self.headers().count());
        let listed = counts.iter().take(LISTED).map(|(kind, count)| {
            let verb = if *count == 1 { "is" } else { "are" };
            format!("{count} {verb} {}", show(*kind))
        });
        let mut listed: Vec<_> = listed.collect();
        if counts.len() > LISTED {
            listed.push("the rest have other sizes".to_owned());
        }
        let problem = format!(
            "{}, expected {} as in {first}; of {total} images, {}",
            show(found),
            show(expected),
            listed.join(", ")
        );
        Err(Error::data(other, problem).with_remedy(remedy))
    }

    fn headers(&self) -> impl Iterator<Item = &ImageHeader> {
        self.files.iter().filter_map(|(_, found)| found.as_ref().ok())
    }
}
