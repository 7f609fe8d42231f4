//! A download that goes on until the archive is here or there is no hope of it.

use std::thread::sleep;
use std::time::Duration;

use super::attempt::{Failure, Wanted};
use super::client::{Timeouts, client};
use super::part::Part;
use super::{addresses, progress::Progress};
use crate::error::{Error, Result};

/// How often and how soon a failure is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retries {
    /// How often in a row without a byte more than before.
    pub times: u32,
    /// The wait before the first; each is twice as long as the one before.
    pub first: Duration,
}

/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// Fetches what is missing of `part`.
pub(super) fn download(
    wanted: &Wanted<'_>,
    part: &mut Part,
    timeouts: Timeouts,
    retries: Retries,
    tell: &dyn Fn(Progress<'_>),
) -> Result<()> {
    let url = addresses::parsed(wanted.url)?;
    let mut agent = client(&url, timeouts, false)?;
    let (mut furthest, mut in_a_row, mut any, mut resume) = (part.length, 0, false, true);
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
                return Err(Error::download(wanted.shown, offline(&url, &problem)));
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
        tell(Progress::Retrying { problem: &problem, after });
        sleep(after);
        in_a_row += 1;
    }
}

fn offline(url: &ureq::http::Uri, problem: &str) -> String {
    format!(
        "no connection to {} ({problem}); without a network, give a folder or archive of images, \
         or take the embedded digits",
        url.host().unwrap_or_default()
    )
}
