//! The HTTP client: URLs, time-outs, redirects, proxies and certificates.

use std::time::Duration;

use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use super::checksums::sha256_of;
use crate::error::{Error, Result};

/// The time-outs of a download.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// For connecting.
    pub connect: Duration,
    /// For the next byte. The total time is unlimited as long as bytes arrive.
    pub silence: Duration,
}

/// Creates a client for one URL.
///
/// It uses the platform's root certificates, which may include a company's own. On a machine that
/// has none, such as a bare container, `without_platform` selects Mozilla's list.
///
/// It follows redirects, except from `https` to `http`.
pub(super) fn client(url: &Uri, timeouts: Timeouts, without_platform: bool) -> Result<Agent> {
    let roots = if without_platform { RootCerts::WebPki } else { RootCerts::PlatformVerifier };
    let config = Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .proxy(proxy_for(url)?)
        .https_only(url.scheme_str() == Some("https"))
        .http_status_as_error(false)
        // After too many redirects, the last answer still serves for a precise message.
        .max_redirects_will_error(false)
        .save_redirect_history(true)
        .user_agent(concat!("fastburn/", env!("CARGO_PKG_VERSION")))
        // Sizes, ranges and checksums are those of the file on the server: no compression.
        .accept_encoding("identity")
        .timeout_resolve(Some(timeouts.connect))
        .timeout_connect(Some(timeouts.connect))
        .timeout_send_request(Some(timeouts.silence))
        .timeout_recv_response(Some(timeouts.silence))
        .timeout_per_read(Some(timeouts.silence))
        .timeout_per_write(Some(timeouts.silence))
        .build();
    Ok(config.new_agent())
}

/// Returns whether an error says that the platform has no root certificates.
pub(super) fn has_no_platform_roots(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Rustls(_)) && error.to_string().contains("No CA certificates")
}

/// Returns the proxy for a URL: `https_proxy` or `http_proxy`, else `all_proxy`, in lower or upper
/// case. This machine itself and the hosts in `no_proxy` get no proxy.
fn proxy_for(url: &Uri) -> Result<Option<Proxy>> {
    let by_scheme = match url.scheme_str() {
        Some("https") => "https_proxy",
        _ => "http_proxy",
    };
    let found = [by_scheme, "all_proxy"].into_iter().find_map(variable);
    let Some((name, value)) = found.filter(|_| !is_this_machine(url)) else { return Ok(None) };
    // The message leaves out the value, which may contain a password.
    let refused = |_| {
        let expected = "the address of a proxy, such as http://proxy.example.com:3128";
        Error::setting("proxy in", &name, expected)
    };
    let proxy = Proxy::new(&value).map_err(refused)?;
    // The client library reads `no_proxy` only if it also reads the proxy from the environment.
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    let (_, excluded) = variable("no_proxy").unwrap_or_default();
    for host in excluded.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        builder = builder.no_proxy(host);
        // As in other programs, a domain also covers its subdomains.
        if !host.starts_with(['.', '*']) {
            builder = builder.no_proxy(&format!(".{host}"));
        }
    }
    builder.build().map(Some).map_err(refused)
}

fn variable(name: &'static str) -> Option<(String, String)> {
    [name.to_owned(), name.to_uppercase()].into_iter().find_map(|name| {
        let value = std::env::var(&name).ok().filter(|value| !value.is_empty())?;
        Some((name, value))
    })
}

fn is_this_machine(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse().ok();
    host.eq_ignore_ascii_case("localhost")
        || address.is_some_and(|address: std::net::IpAddr| address.is_loopback())
}

/// File extensions of archives, which are not part of a data set's name.
const EXTENSIONS: [&str; 6] = [".tar.gz", ".tgz", ".tar", ".zip", ".gz", ".txz"];

/// Returns whether a text begins like an `http://` or `https://` URL.
pub(crate) fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// Parses an `http://` or `https://` URL.
pub(crate) fn parse_url(url: &str) -> Result<Uri> {
    let uri: Option<Uri> = url.parse().ok();
    uri.filter(|uri| is_url(url) && uri.host().is_some_and(|host| !host.is_empty()))
        .ok_or_else(|| Error::setting("URL", without_credentials(url), "an http or https URL"))
}

/// Returns a URL without user name and password, fit for messages and records.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// Returns a name for the archive at a URL: its file name, and part of a checksum of the URL, since
/// many URLs end in `images.zip`.
pub(crate) fn name_for(url: &str) -> String {
    let url = without_credentials(url);
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let file = path.split_once('/').map_or("", |(_, path)| path).rsplit('/').next();
    let file = file.unwrap_or_default();
    let stem = EXTENSIONS.iter().find_map(|&extension| {
        let start = file.len().checked_sub(extension.len())?;
        file.get(start..)?.eq_ignore_ascii_case(extension).then(|| &file[..start])
    });
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let stem: String = stem.unwrap_or(file).chars().take(40).collect();
    let words: Vec<_> = stem.split(|c| !plain(c)).filter(|word| !word.is_empty()).collect();
    let stem = if words.is_empty() { "archive".to_owned() } else { words.join("-") };
    let checksum = sha256_of(url.as_bytes()).to_string();
    format!("{stem}-{}", &checksum[..8])
}
