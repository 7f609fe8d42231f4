//! Settings that a resumed run must have as before.

use serde_json::Value;

use crate::error::{Error, Result};

/// Refuses a callback that is set otherwise than in the run that is resumed.
pub fn check(callback: &'static str, now: &Value, saved: &Value) -> Result<()> {
    match now == saved {
        true => Ok(()),
        false => Err(Error::setting(callback, now, format!("the resumed run has {saved}"))),
    }
}
