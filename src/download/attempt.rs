//! One request for an archive, or for the rest of it.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::{Agent, Body, ResponseExt, Timeout};

use super::client::{has_no_platform_roots, shown};
use super::partial_file::{PartialFile, Version};
use crate::error::{Error, Result};

/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is expected of an archive, and who hears how much of it is here.
pub(crate) struct Download<'a> {
    /// The url to ask, and the one to show.
    pub url: &'a str,
    pub shown: &'a str,
    /// How many bytes it has, if that is known.
    pub size: Option<u64>,
    /// How many bytes it may have.
    pub most: u64,
    /// Told of the bytes that are here, and of the total.
    pub on_bytes: &'a dyn Fn(u64, Option<u64>),
}

/// Why an attempt ended early.
pub(super) enum Failure {
    /// It may go better the next time, after that time if the server named one.
    Passing(String, Option<Duration>),
    /// Nobody could be reached.
    Unreachable(String),
    /// The client cannot check any certificate with what the platform has.
    NoRoots,
    /// It will be the same the next time.
    Lasting(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Lasting(error)
    }
}

impl Download<'_> {
    /// Fetches what is missing of `part`, from its end on if `resume` and the server allow it.
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
                goes_on(response.headers(), part)?;
                part.is_pieced = true;
            }
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => {
                part.restart_empty()?;
                return Err(passing("the archive is shorter than what was here of it"));
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
                let problem = format!("it has more than {} bytes, the limit", self.most);
                return Err(self.lasting(problem));
            }
        }
        match part.version.total {
            Some(total) if part.length < total => Err(passing(format!(
                "the server sent {} of {total} bytes and closed the connection",
                part.length
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses by the first bytes and by the length what would be refused in the end.
    fn check_start(&self, start: &[u8], html: bool, total: Option<u64>) -> Result<(), Failure> {
        let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
        let marked_up = first == Some(&b'<');
        if marked_up || (html && !start.starts_with(&[0x1f, 0x8b]) && !start.starts_with(b"PK")) {
            let problem = "the server sent a web page and not an archive; open the url in a \
                           browser to see what it says";
            return Err(self.lasting(problem));
        }
        match (total, self.size) {
            (Some(found), Some(expected)) if found != expected => Err(self.lasting(format!(
                "the archive has {found} bytes, but {expected} are expected; it was replaced by \
                 another"
            ))),
            (Some(found), _) if found > self.most => Err(self.lasting(format!(
                "the archive has {found} bytes, more than the limit, {}",
                self.most
            ))),
            _ => Ok(()),
        }
    }

    /// An answer that is neither the archive nor a part of it.
    fn refused(&self, response: &Response<Body>) -> Failure {
        let (status, headers) = (response.status(), response.headers());
        if let Some(target) = foreign_redirect(response) {
            return self.lasting(format!(
                "the server redirects to {}, which is not an http or https URL",
                shown(target)
            ));
        }
        if status.is_redirection() && headers.contains_key(header::LOCATION) {
            return self.lasting("the server redirects from one URL to the next without end");
        }
        let problem = format!("the server answered {status}");
        let again = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        if status.is_server_error() || again {
            let wait = number(headers, header::RETRY_AFTER).map(Duration::from_secs);
            return Failure::Passing(problem, wait.map(|wait| wait.min(LONGEST_WAIT)));
        }
        self.lasting(problem)
    }

    /// A request to which nobody answered.
    fn no_answer(&self, error: ureq::Error) -> Failure {
        use ureq::Error::{
            BadUri, ConnectProxyFailed, ConnectionFailed, HostNotFound, Http, Io,
            LargeResponseHeader, RequireHttpsOnly, Rustls, Tls,
        };
        if has_no_platform_roots(&error) {
            return Failure::NoRoots;
        }
        match error {
            HostNotFound | ConnectionFailed => {
                Failure::Unreachable("the host was not found".to_owned())
            }
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Failure::Unreachable("no connection within the time-out".to_owned())
            }
            RequireHttpsOnly(target) => self.lasting(format!(
                "the server redirects from https to {}, which anybody on the way could change",
                shown(&target)
            )),
            ConnectProxyFailed(problem) => self.lasting(format!("the proxy refused: {problem}")),
            Io(error) if is_unreachable(&error) => Failure::Unreachable(error.to_string()),
            // What is wrong with a certificate, or with the encryption.
            Io(error) if error.kind() == ErrorKind::InvalidData => self.unsafe_connection(&error),
            error @ (Rustls(_) | Tls(_)) => self.unsafe_connection(&error),
            BadUri(_) | Http(_) | LargeResponseHeader(..) => self.lasting(error.to_string()),
            error => passing(said(&error)),
        }
    }

    fn unsafe_connection(&self, error: &dyn std::fmt::Display) -> Failure {
        self.lasting(format!(
            "the connection would not be safe ({error}); whom this machine trusts is a matter of \
             its system's certificates, or of the file that SSL_CERT_FILE names"
        ))
    }

    fn lasting(&self, problem: impl Into<String>) -> Failure {
        Error::download(self.shown, problem).into()
    }
}

/// Returns where an answer redirected to, if that was not an http or https URL.
///
/// The client takes such a URL for a path on the same server (`file:///etc/passwd` for
/// `/file:///etc/passwd`), so it is looked for in the paths that were asked for.
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

fn passing(problem: impl Into<String>) -> Failure {
    Failure::Passing(problem.into(), None)
}

/// Refuses a part that does not begin where the bytes that are here end, or is of something else.
fn goes_on(headers: &HeaderMap, part: &mut PartialFile) -> Result<(), Failure> {
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
                "asked for the bytes from {} on, the server sent others ({})",
                part.length,
                range.unwrap_or("without saying which")
            );
            part.restart_empty()?;
            Err(passing(problem))
        }
    }
}

/// By what a later request can ask for the rest of the same version only. A weak tag may stand for
/// other bytes.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let tag = text(header::ETAG).filter(|tag| tag.starts_with('"'));
    tag.or_else(|| text(header::LAST_MODIFIED))
}

fn number(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A body that broke off.
fn broken(error: &ureq::Error, part: &PartialFile) -> Failure {
    let of = part.version.total.map(|total| format!(" of {total}")).unwrap_or_default();
    passing(format!("{} after {}{of} bytes", said(error), part.length))
}

/// An error in words.
fn said(error: &ureq::Error) -> String {
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
    // The standard library has no kind for a name that cannot be resolved.
    kinds.contains(&error.kind()) || error.to_string().starts_with("failed to lookup address")
}
