//! Which proxy requests go by.

use std::{env, net::IpAddr};

use copilot_api::Endpoints;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use super::report::Report;

/// The variables that name proxies, and what needs none.
const VARIABLES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Where a proxy listens.
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The proxy that requests for the URL go by, if any. Its URL is not repeated: it may hold a password.
pub(super) fn check(endpoints: &Endpoints, url: &Url, report: &mut Report) -> Option<Proxy> {
    const CHECK: &str = "proxy";
    let set: Vec<&str> = VARIABLES.into_iter().filter(|name| env::var_os(name).is_some()).collect();
    let set =
        if set.is_empty() { "no variable names one".to_owned() } else { format!("set: {}", set.join(", ")) };
    // As the client does: a proxy would carry what is meant for loopback to another machine.
    if [endpoints.collect_url(), endpoints.consent_url()].into_iter().any(is_loopback) {
        report.ok(CHECK, &format!("none is used, since an endpoint is on this machine ({set})"));
        return None;
    }
    let destination = url.as_str().parse().ok()?;
    let Some(found) = Matcher::from_system().intercept(&destination) else {
        report.ok(CHECK, &format!("none is used ({set})"));
        return None;
    };
    let host = found.uri().host()?.to_owned();
    let port = found.uri().port_u16().unwrap_or(match found.uri().scheme_str() {
        Some("https") => 443,
        Some("http") | None => 80,
        // Of SOCKS.
        Some(_) => 1080,
    });
    report.ok(CHECK, &format!("{host}:{port} ({set})"));
    Some(Proxy { host, port })
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}
