//! How servers are asked: time-outs, redirects, proxies and certificates.

use std::time::Duration;

use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

use super::proxies::proxy_for;
use crate::error::Result;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
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
