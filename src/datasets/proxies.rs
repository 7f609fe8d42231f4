//! The proxy that the environment names.

use ureq::Proxy;
use ureq::http::Uri;

use crate::error::{Error, Result};

/// The proxy for an url: `https_proxy` or `http_proxy`, else `all_proxy`, in small or capital
/// letters; none for this machine itself and for what `no_proxy` lists.
pub(super) fn proxy_for(url: &Uri) -> Result<Option<Proxy>> {
    let own = match url.scheme_str() {
        Some("https") => "https_proxy",
        _ => "http_proxy",
    };
    let found = [own, "all_proxy"].into_iter().find_map(variable);
    let Some((name, value)) = found.filter(|_| !is_this_machine(url)) else { return Ok(None) };
    // The value may hold a password.
    let refused = |_| {
        let expected = "it must be the address of a proxy, such as http://proxy.example.com:3128";
        Error::setting("a proxy in the environment", &name, expected)
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
