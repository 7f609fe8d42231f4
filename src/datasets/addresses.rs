//! Urls: which can be fetched, how they are shown, and how a folder is called after one.

use ureq::http::Uri;

use super::checksums::sha256_of;
use crate::error::{Error, Result};

/// Endings that say what an archive is and not what is in it.
const ENDINGS: [&str; 6] = [".tar.gz", ".tgz", ".tar", ".zip", ".gz", ".txz"];

/// Whether a text is meant to be a url that can be fetched.
pub(super) fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// A url in its parts.
pub(super) fn parsed(url: &str) -> Result<Uri> {
    let uri: Option<Uri> = url.parse().ok();
    uri.filter(|uri| is_url(url) && uri.host().is_some_and(|host| !host.is_empty())).ok_or_else(
        || Error::setting("the url", shown(url), "it must be that of an http or https server"),
    )
}

/// A url as it may be shown and written down: without a user's name and password.
pub(super) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// A name for what is at a url: that of its file, and a part of its checksum, since many a url ends
/// in `images.zip`.
pub(super) fn name_for(url: &str) -> String {
    let url = shown(url);
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let file = path.split_once('/').map_or("", |(_, path)| path).rsplit('/').next();
    let file = file.unwrap_or_default();
    let stem = ENDINGS.iter().find_map(|&ending| {
        let start = file.len().checked_sub(ending.len())?;
        file.get(start..)?.eq_ignore_ascii_case(ending).then(|| &file[..start])
    });
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let stem: String = stem.unwrap_or(file).chars().take(40).collect();
    let words: Vec<_> = stem.split(|c| !plain(c)).filter(|word| !word.is_empty()).collect();
    let stem = if words.is_empty() { "archive".to_owned() } else { words.join("-") };
    let checksum = sha256_of(url.as_bytes()).to_string();
    format!("{stem}-{}", &checksum[..8])
}
