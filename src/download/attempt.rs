//! One request for a file, or for the rest of it.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::{Agent, Body, ResponseExt, Timeout};

use super::client::{has_no_platform_roots, without_credentials};
use super::partial_file::{PartialFile, Version};
use crate::error::{Error, Result};

/// The longest wait accepted from a server's `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A file to download, and a progress callback.
pub(crate) struct Download<'a> {
    /// The URL to request, and the one for messages.
    pub url: &'a str,
    pub shown: &'a str,
    /// The expected size in bytes, if known.
    pub size: Option<u64>,
    /// The maximum size in bytes.
    pub most: u64,
    /// The remedy without a network.
    pub offline: &'static str,
    /// Called with the number of bytes so far, and the total if known.
    pub on_bytes: &'a dyn Fn(u64, Option<u64>),
}

/// Why an attempt failed.
pub(super) enum Failure {
    /// A retry may succeed, after the given time if the server named one.
    Transient(String, Option<Duration>),
    /// The host cannot be reached.
    Unreachable(String),
    /// The platform has no root certificates to verify the server with.
    NoRoots,
    /// A retry would fail in the same way.
    Permanent(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Permanent(error)
    }
}

impl Download<'_> {
    /// Downloads the rest of `part`, or all of it unless `resume` and the server allow resuming.
    pub(super) fn attempt(
        &self,
        agent: &Agent,
        part: &mut PartialFile,
        resume: bool,
    ) -> Result<(), Failure> {
        let from = if resume { part.length } else { 0 };
        let mut request = agent.get(self.url);
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(validator) = &part.version.validator {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let response = request.call().map_err(|error| self.no_answer(error))?;
        match response.status() {
            StatusCode::OK => {
                let version = Version {
                    url: self.shown.to_owned(),
                    validator: validator(response.headers()),
                    total: number(response.headers(), header::CONTENT_LENGTH),
                };
                part.restart(version)?;
            }
            StatusCode::PARTIAL_CONTENT if from > 0 => {
                check_range(response.headers(), part)?;
                part.is_from_pieces = true;
            }
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                part.restart_empty()?;
                return Err(transient("the file is shorter than the part already downloaded"));
            }
            _ => return Err(self.refused(&response)),
        }
        self.receive(response, part)
    }

    fn receive(&self, response: Response<Body>, part: &mut PartialFile) -> Result<(), Failure> {
        let html = response.headers().get(header::CONTENT_TYPE);
        let html = html.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            (self.on_bytes)(part.length, part.version.total);
            let read = body.read(&mut buffer).map_err(|error| broken(&error.into(), part))?;
            if read == 0 {
                break;
            }
            if part.length == 0 {
                self.check_start(&buffer[..read], html, part.version.total)?;
            }
            part.append(&buffer[..read])?;
            if part.length > self.most {
                let problem = format!("the file has more than {} bytes, the limit", self.most);
                return Err(self.permanent(problem));
            }
        }
        match part.version.total {
            Some(total) if part.length < total => Err(transient(format!(
                "the server closed the connection after {} of {total} bytes",
                part.length
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses early, by the first bytes and the size, what would be refused after the download.
    fn check_start(&self, start: &[u8], html: bool, total: Option<u64>) -> Result<(), Failure> {
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        let marked_up = first == Some(&b'<');
        if marked_up || (html && !start.starts_with(&[0x1f, 0x8b]) && !start.starts_with(b"PK")) {
            let problem = "the server sent a web page instead of the file; open the URL in a \
                           browser to see what it says";
            return Err(self.permanent(problem));
        }
        match (total, self.size) {
            (Some(found), Some(expected)) if found != expected => Err(self.permanent(format!(
                "the file on the server was replaced: {found} bytes, expected {expected}"
            ))),
            (Some(found), _) if found > self.most => Err(self
                .permanent(format!("the file has {found} bytes, expected at most {}", self.most))),
            _ => Ok(()),
        }
    }

    /// Returns the failure for an answer that is neither the file nor a part of it.
    fn refused(&self, response: &Response<Body>) -> Failure {
        let (status, headers) = (response.status(), response.headers());
        if let Some(target) = foreign_redirect(response) {
            return self.permanent(format!(
                "the server redirects to {}, which is not an http or https URL",
                without_credentials(target)
            ));
        }
        if status.is_redirection() && headers.contains_key(header::LOCATION) {
            return self.permanent("the server redirects too many times");
        }
        let problem = format!("the server answered {status}");
        let again = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        if status.is_server_error() || again {
            let wait = number(headers, header::RETRY_AFTER).map(Duration::from_secs);
            return Failure::Transient(problem, wait.map(|wait| wait.min(LONGEST_WAIT)));
        }
        self.permanent(problem)
    }

    /// Returns the failure for a request without an answer.
    fn no_answer(&self, error: ureq::Error) -> Failure {
        use ureq::Error::{
            BadUri, ConnectProxyFailed, ConnectionFailed, HostNotFound, Http, Io,
            LargeResponseHeader, RequireHttpsOnly, Rustls, Tls,
        };
        if has_no_platform_roots(&error) {
            return Failure::NoRoots;
        }
        match error {
            HostNotFound => Failure::Unreachable("the host was not found".to_owned()),
            ConnectionFailed => Failure::Unreachable("the connection failed".to_owned()),
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Failure::Unreachable("the connection timed out".to_owned())
            }
            RequireHttpsOnly(target) => self.permanent(format!(
                "the server redirects from https to {}, which is not encrypted",
                without_credentials(&target)
            )),
            ConnectProxyFailed(problem) => {
                self.permanent(format!("the proxy refused the connection: {problem}"))
            }
            Io(error) if is_unreachable(&error) => Failure::Unreachable(error.to_string()),
            // Errors of certificates and of the encryption.
            Io(error) if error.kind() == ErrorKind::InvalidData => self.unsafe_connection(&error),
            error @ (Rustls(_) | Tls(_)) => self.unsafe_connection(&error),
            BadUri(_) | Http(_) | LargeResponseHeader(..) => self.permanent(error.to_string()),
            error => transient(describe(&error)),
        }
    }

    fn unsafe_connection(&self, error: &dyn std::fmt::Display) -> Failure {
        self.permanent(format!(
            "no secure connection ({error}); check the root certificates of the system, or the \
             file that SSL_CERT_FILE names"
        ))
    }

    fn permanent(&self, problem: impl Into<String>) -> Failure {
        Error::download(self.shown, problem).into()
    }
}

/// Returns the target of a redirect if it is not an http or https URL.
///
/// The client treats such a URL as a path on the same server (`file:///etc/passwd` becomes
/// `/file:///etc/passwd`), so the requested paths are searched for it too.
fn foreign_redirect(response: &Response<Body>) -> Option<&str> {
    let location = response.headers().get(header::LOCATION);
    let location = location.and_then(|location| location.to_str().ok());
    let followed = response.get_redirect_history().unwrap_or_default().iter().skip(1);
    location.into_iter().chain(followed.map(|url| url.path())).find_map(|path| {
        let (before, _) = path.split_once(":/")?;
        let start = before.rfind('/').map_or(0, |slash| slash + 1);
        let scheme = &before[start..];
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let is_http = ["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http));
        (is_scheme && !is_http).then(|| &path[start..])
    })
}

fn transient(problem: impl Into<String>) -> Failure {
    Failure::Transient(problem.into(), None)
}

/// Refuses a range that does not begin at the end of `part`, or belongs to another version.
fn check_range(headers: &HeaderMap, part: &mut PartialFile) -> Result<(), Failure> {
    let range = headers.get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let parsed = range.and_then(|range| {
        let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, _) = range.split_once('-')?;
        Some((first.parse::<u64>().ok()?, total.parse::<u64>().ok()))
    });
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let known = part.version.validator.as_deref().filter(|known| known.starts_with('"'));
    let other = tag.zip(known).is_some_and(|(tag, known)| tag != known);
    match parsed {
        Some((first, total))
            if first == part.length
                && !other
                && total.is_none_or(|total| part.version.total.is_none_or(|of| of == total)) =>
        {
            part.version.total = part.version.total.or(total);
            Ok(())
        }
        _ => {
            let problem = format!(
                "requested the bytes from {} on, the server sent others ({})",
                part.length,
                range.unwrap_or("range not stated")
            );
            part.restart_empty()?;
            Err(transient(problem))
        }
    }
}

/// Returns the validator with which a later request gets the rest of the same version only. Weak
/// entity tags do not count, since they may stand for different bytes.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let tag = text(header::ETAG).filter(|tag| tag.starts_with('"'));
    tag.or_else(|| text(header::LAST_MODIFIED))
}

fn number(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Returns the failure for a body that broke off.
fn broken(error: &ureq::Error, part: &PartialFile) -> Failure {
    let of = part.version.total.map(|total| format!(" of {total}")).unwrap_or_default();
    transient(format!("{} after {}{of} bytes", describe(error), part.length))
}

/// Returns the message for an error.
fn describe(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "the server sent nothing more".to_owned(),
        ureq::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            "the connection was closed".to_owned()
        }
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn is_unreachable(error: &std::io::Error) -> bool {
    let kinds = [
        ErrorKind::ConnectionRefused,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkUnreachable,
        ErrorKind::NetworkDown,
        ErrorKind::AddrNotAvailable,
    ];
    // The standard library has no error kind for a failed name resolution.
    kinds.contains(&error.kind()) || error.to_string().starts_with("failed to lookup address")
}
