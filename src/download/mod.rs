//! Downloads: one file over HTTP, retried and resumed until it is here or there is no hope of it.
//!
//! [`attempt`] makes one request, [`partial_file`] holds the bytes so far and what they are a part
//! of, [`client`] has URLs, time-outs, redirects, proxies and certificates. What a file is for is decided above.

mod attempt;
mod checksums;
mod client;
mod partial_file;

use std::thread::sleep;
use std::time::Duration;

pub(crate) use self::attempt::Download;
use self::attempt::Failure;
pub use self::checksums::{Checksum, Md5, Sha256};
pub(crate) use self::checksums::{md5_first_mib, sha256};
use self::client::client;
pub(crate) use self::client::{Timeouts, is_url, name_for, parsed, shown};
pub(crate) use self::partial_file::PartialFile;
use crate::error::{Error, Result};

/// How often and how soon a failure is tried again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retries {
    /// How often in a row without a byte more than before.
    pub times: u32,
    /// The wait before the first; each is twice as long as the one before.
    pub first: Duration,
}

/// What works without a network.
const OFFLINE: &str =
    "without a network, use a folder or archive of your own, or the bundled digits";
/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// Fetches what is missing of `part`.
pub(crate) fn download(
    wanted: &Download<'_>,
    part: &mut PartialFile,
    may_resume: bool,
    timeouts: Timeouts,
    retries: Retries,
    on_retry: &dyn Fn(&str, Duration),
) -> Result<()> {
    let url = parsed(wanted.url)?;
    let mut agent = client(&url, timeouts, false)?;
    let (mut furthest, mut in_a_row, mut any) = (part.length, 0, false);
    let mut resume = may_resume;
    loop {
        if part.is_all() {
            return Ok(());
        }
        let before = part.length;
        let (problem, wait) = match wanted.attempt(&agent, part, resume) {
            Ok(()) => return Ok(()),
            Err(Failure::Lasting(error)) => return Err(error),
            Err(Failure::NoRoots) => {
                agent = client(&url, timeouts, true)?;
                continue;
            }
            Err(Failure::Unreachable(problem)) if !any => {
                let problem =
                    format!("no connection to {} ({problem})", url.host().unwrap_or_default());
                return Err(Error::download(wanted.shown, problem).with_remedy(OFFLINE.into()));
            }
            Err(Failure::Unreachable(problem)) => (problem, None),
            Err(Failure::Passing(problem, wait)) => (problem, wait),
        };
        // A server that answers a range with something else is asked for the whole.
        resume = resume && (part.length >= before || before == 0);
        any |= part.length > 0;
        if part.length > furthest {
            (furthest, in_a_row) = (part.length, 0);
        }
        if in_a_row == retries.times {
            let tried = match in_a_row {
                0 => String::new(),
                times => format!("; tried again {times} times"),
            };
            return Err(Error::download(wanted.shown, format!("{problem}{tried}")));
        }
        let doubled = retries.first.saturating_mul(1 << in_a_row.min(20)).min(LONGEST);
        let after = wait.map_or(doubled, |wait| wait.max(doubled));
        on_retry(&problem, after);
        sleep(after);
        in_a_row += 1;
    }
}
