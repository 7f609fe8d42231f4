//! Which places an archive's entries have taken.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The paths so far, and whether each is a folder.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: HashMap<String, bool>,
    /// The folder of the entry before, in which the next one lies most often.
    folder: String,
}

impl Places {
    /// Takes the place of a file or a folder, and those of the folders around it: how many are
    /// new, or why it cannot have it.
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
                    Some(false) => return Err("another entry is a file where it has a folder"),
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
