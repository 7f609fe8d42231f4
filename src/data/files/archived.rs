//! An archive's folders and files, in memory.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::archive::{Entry, Visit};
use crate::error::Result;

/// A folder of an archive.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub folders: BTreeMap<String, Arc<Node>>,
    pub files: BTreeMap<String, Content>,
}

/// A file's bytes within the buffer that all files of an archive share.
pub(super) type Content = (Arc<Vec<u8>>, Range<usize>);

impl Node {
    /// The tree of the files that `walk` visits; hidden ones are left out.
    pub fn read(walk: impl FnOnce(&mut Visit<'_>) -> Result<()>) -> Result<Self> {
        let (mut bytes, mut found) = (Vec::new(), Vec::new());
        walk(&mut |entry: Entry<'_>| {
            if entry.is_hidden() {
                return Ok(());
            }
            let start = bytes.len();
            let read = entry.content.read_to_end(&mut bytes);
            read.map_err(|error| entry.unreadable(&error))?;
            found.push((entry.path, start..bytes.len()));
            Ok(())
        })?;
        let bytes = Arc::new(bytes);
        let mut top = Self::default();
        for (path, range) in found {
            top.insert(&path, (bytes.clone(), range));
        }
        Ok(top)
    }

    fn insert(&mut self, path: &[String], content: Content) {
        match path {
            [] => {}
            [file] => {
                self.files.insert(file.clone(), content);
            }
            [folder, rest @ ..] => {
                let folder = self.folders.entry(folder.clone()).or_default();
                // No other handle exists while the tree is being built.
                if let Some(folder) = Arc::get_mut(folder) {
                    folder.insert(rest, content);
                }
            }
        }
    }
}
