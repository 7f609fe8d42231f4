//! Downloads of one file over HTTP, with retries and resuming.
//!
//! [`attempt`] makes one request, [`partial_file`] holds the bytes so far and the version of the
//! file that they belong to, [`client`] has URLs, time-outs, redirects, proxies and certificates.
//! The caller decides what the file is for.

mod attempt;
mod checksums;
mod client;
mod partial_file;

use std::thread::sleep;
use std::time::Duration;

pub(crate) use self::attempt::Download;
use self::attempt::Failure;
pub use self::checksums::{Checksum, Md5, Sha256, Sha256Prefix};
pub(crate) use self::checksums::{md5_first_mib, sha256};
use self::client::client;
pub(crate) use self::client::{Timeouts, is_url, name_for, parse_url, without_credentials};
pub(crate) use self::partial_file::PartialFile;
use crate::error::{Error, Result};

/// The number and the timing of retries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retries {
    /// The number of retries in a row without a new byte.
    pub times: u32,
    /// The wait before the first retry; each wait is twice as long as the one before.
    pub first: Duration,
}

/// The longest wait, unless the server asks for a longer one.
const LONGEST: Duration = Duration::from_secs(30);

/// Downloads the rest of `part`.
pub(crate) fn download(
    wanted: &Download<'_>,
    part: &mut PartialFile,
    may_resume: bool,
    timeouts: Timeouts,
    retries: Retries,
    on_retry: &dyn Fn(&str, Duration),
) -> Result<()> {
    let url = parse_url(wanted.url)?;
    let mut agent = client(&url, timeouts, false)?;
    let (mut furthest, mut in_a_row, mut has_bytes) = (part.length, 0, false);
    let mut resume = may_resume;
    loop {
        if part.is_all() {
            return Ok(());
        }
        let before = part.length;
        let (problem, wait) = match wanted.attempt(&agent, part, resume) {
            Ok(()) => return Ok(()),
            Err(Failure::Permanent(error)) => return Err(error),
            Err(Failure::NoRoots) => {
                agent = client(&url, timeouts, true)?;
                continue;
            }
            Err(Failure::Unreachable(problem)) if !has_bytes => {
                let problem =
                    format!("no connection to {} ({problem})", url.host().unwrap_or_default());
                return Err(
                    Error::download(wanted.shown, problem).with_remedy(wanted.offline.into())
                );
            }
            Err(Failure::Unreachable(problem)) => (problem, None),
            Err(Failure::Transient(problem, wait)) => (problem, wait),
        };
        // If the server answered a range request with something else, request the whole file.
        resume = resume && (part.length >= before || before == 0);
        has_bytes |= part.length > 0;
        if part.length > furthest {
            (furthest, in_a_row) = (part.length, 0);
        }
        if in_a_row == retries.times {
            let retries = match in_a_row {
                0 => String::new(),
                times => format!(" (retried {times} times)"),
            };
            return Err(Error::download(wanted.shown, format!("{problem}{retries}")));
        }
        let doubled = retries.first.saturating_mul(1 << in_a_row.min(20)).min(LONGEST);
        let after = wait.map_or(doubled, |wait| wait.max(doubled));
        on_retry(&problem, after);
        sleep(after);
        in_a_row += 1;
    }
}
