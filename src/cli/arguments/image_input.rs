//! Images named on the command line.

use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::{Path, PathBuf};

use fastburn::Error;

/// The argument that stands for standard input.
const STDIN: &str = "-";
/// The largest image on standard input, in bytes.
const MOST_INPUT: u64 = 1 << 28;

/// The source of an image.
pub enum ImageInput {
    Stdin,
    File(PathBuf),
}

impl ImageInput {
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdin => None,
        }
    }

    /// Fails if the file cannot be read.
    pub fn check(&self) -> fastburn::Result<()> {
        let Some(path) = self.file() else { return Ok(()) };
        let failed = |source| Error::Read { path: path.to_owned(), source };
        File::open(path).map(drop).map_err(failed)
    }

    /// Reads the image on standard input, and passes it to a function whose errors then name it.
    pub fn with_stdin<T>(answer: impl FnOnce(&[u8]) -> fastburn::Result<T>) -> fastburn::Result<T> {
        let failed = |source| Error::Read { path: Self::Stdin.to_string().into(), source };
        let mut bytes = Vec::new();
        stdin().lock().take(MOST_INPUT + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MOST_INPUT {
            let problem = format!("more than {MOST_INPUT} bytes");
            return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, problem)));
        }
        answer(&bytes).map_err(|error| match error {
            Error::Image { reason, remedy, .. } => {
                Error::Image { file: Self::Stdin.to_string(), reason, remedy }
            }
            other => other,
        })
    }
}

impl From<&Path> for ImageInput {
    fn from(argument: &Path) -> Self {
        if argument.as_os_str() == STDIN { Self::Stdin } else { Self::File(argument.to_owned()) }
    }
}

impl std::fmt::Display for ImageInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}
