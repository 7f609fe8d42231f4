//! Names that any file system takes.

use std::collections::{HashMap, HashSet};

use crate::hidden::is_hidden;

/// The longest name, in bytes: most file systems take 255, and an ending or a number follows.
const LONGEST: usize = 200;

/// The names of a folder, none of which is there twice.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
    /// The number to try next, where names meet: files of many folders may all be called alike.
    next: HashMap<String, u64>,
}

impl Names {
    /// The name itself where it can be, else one like it; `ending` is put behind it.
    pub fn new_name(&mut self, wanted: &str, ending: &str) -> String {
        let plain = plain(wanted);
        // Where letters are the same in both cases, a second file would take the first one's place.
        let next = self.next.entry(plain.to_lowercase()).or_insert(1);
        loop {
            let name = match *next {
                1 => format!("{plain}{ending}"),
                number => format!("{plain}-{number}{ending}"),
            };
            *next += 1;
            if self.taken.insert(name.to_lowercase()) {
                return name;
            }
        }
    }
}

/// A name without what leads elsewhere, hides it, or is refused by some system.
fn plain(name: &str) -> String {
    let refused = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c);
    let mut plain: String = name.chars().map(|c| if refused(c) { '_' } else { c }).collect();
    plain.truncate(plain.floor_char_boundary(LONGEST));
    if plain.starts_with('.') {
        plain.replace_range(..1, "_");
    }
    if plain.ends_with(['.', ' ']) {
        plain.pop();
        plain.push('_');
    }
    if plain.is_empty() || is_hidden(&plain) {
        plain.insert(0, '_');
    }
    plain
}
