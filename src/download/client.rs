//! How servers are asked: URLs, time-outs, redirects, proxies and certificates.

use std::time::Duration;

use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use super::checksums::sha256_of;
use crate::error::{Error, Result};

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the next byte. However long the whole takes, it goes on while there are bytes.
    pub silence: Duration,
}

/// A client for one url.
///
/// It trusts whom the platform trusts, so that a company's own certificates count. A machine that
/// trusts nobody, as a bare container does, gets Mozilla's list with `without_platform`.
///
/// It follows redirects, but never from `https` to `http`.
pub(super) fn client(url: &Uri, timeouts: Timeouts, without_platform: bool) -> Result<Agent> {
    let roots = if without_platform { RootCerts::WebPki } else { RootCerts::PlatformVerifier };
    let config = Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .proxy(proxy_for(url)?)
        .https_only(url.scheme_str() == Some("https"))
        .http_status_as_error(false)
        // Where redirects end without an archive, the answer says why.
        .max_redirects_will_error(false)
        .save_redirect_history(true)
        .user_agent(concat!("fastburn/", env!("CARGO_PKG_VERSION")))
        // The bytes are kept, and their checksum taken, as they are on the server.
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

/// Whether an error says that the platform trusts nobody.
pub(super) fn has_no_platform_roots(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Rustls(_)) && error.to_string().contains("No CA certificates")
}

/// The proxy for an url: `https_proxy` or `http_proxy`, else `all_proxy`, in small or capital
/// letters; none for this machine itself and for what `no_proxy` lists.
fn proxy_for(url: &Uri) -> Result<Option<Proxy>> {
    let own = match url.scheme_str() {
        Some("https") => "https_proxy",
        _ => "http_proxy",
    };
    let found = [own, "all_proxy"].into_iter().find_map(variable);
    let Some((name, value)) = found.filter(|_| !is_this_machine(url)) else { return Ok(None) };
    // The value may hold a password.
    let refused = |_| {
        let expected = "the address of a proxy, such as http://proxy.example.com:3128";
        Error::setting("proxy in", &name, expected)
    };
    let proxy = Proxy::new(&value).map_err(refused)?;
    // The library reads `no_proxy` itself only where it may choose the variable of the proxy too.
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    let (_, without) = variable("no_proxy").unwrap_or_default();
    for host in without.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        builder = builder.no_proxy(host);
        // As elsewhere, a domain stands for the hosts in it too.
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

/// Endings that say what an archive is and not what is in it.
const ENDINGS: [&str; 6] = [".tar.gz", ".tgz", ".tar", ".zip", ".gz", ".txz"];

/// Whether a text is meant to be a url that can be fetched.
pub(crate) fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })
}

/// A url in its parts.
pub(crate) fn parsed(url: &str) -> Result<Uri> {
    let uri: Option<Uri> = url.parse().ok();
    uri.filter(|uri| is_url(url) && uri.host().is_some_and(|host| !host.is_empty()))
        .ok_or_else(|| Error::setting("URL", shown(url), "an http or https URL"))
}

/// A url as it may be shown and written down: without a user's name and password.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// A name for what is at a url: that of its file, and a part of its checksum, since many a url ends
/// in `images.zip`.
pub(crate) fn name_for(url: &str) -> String {
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
