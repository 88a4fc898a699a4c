//! Keeps pages of other sites, open in the browser of whoever runs the relay, away from what it shows and does.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::Response,
};

use super::{answer, state::Relay};

pub(super) async fn guard(State(relay): State<Arc<Relay>>, request: Request, next: Next) -> Response {
    match check(request.uri(), request.headers(), relay.is_local) {
        Ok(()) => next.run(request).await,
        Err(message) => answer::error(StatusCode::FORBIDDEN, "RELAY.OTHER_SITE", message),
    }
}

/// A page may only talk to the host that it came from. Where the relay is on loopback, that host must be called so: another
/// name that leads here is a trick (DNS rebinding).
fn check(target: &Uri, headers: &HeaderMap, is_local: bool) -> Result<(), &'static str> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(host) = text(header::HOST) else { return Err("Host is missing") };
    if target.authority().is_some_and(|authority| authority.as_str() != host) {
        return Err("Host is not the one of the request's target");
    }
    if is_local && !is_loopback(host) {
        return Err("Host must be this machine's own: localhost or a loopback address");
    }
    match text(header::ORIGIN) {
        Some(origin) if origin.split_once("://").map(|(_, host)| host) != Some(host) => {
            Err("Origin is another site")
        }
        _ => Ok(()),
    }
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Whether a request with these headers passes; an empty one is not sent.
    fn passes(target: &'static str, host: &str, origin: &str, is_local: bool) -> bool {
        let pairs = [(header::HOST, host), (header::ORIGIN, origin)];
        let sent = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        let headers = sent.map(|(name, value)| (name, value.parse().unwrap())).collect();
        check(&Uri::from_static(target), &headers, is_local).is_ok()
    }

    #[test]
    fn the_page_itself_and_programs_are_let_in_and_other_sites_are_not() {
        for host in ["127.0.0.1:7400", "localhost:7400", "[::1]:7400"] {
            assert!(
                passes("/", host, "", true) && passes("/", host, &format!("http://{host}"), true),
                "{host}"
            );
        }
        assert!(passes("/", "relay.internal", "", false));
        for origin in ["http://evil.test", "null", "http://127.0.0.1:7401", "http://localhost:7400"] {
            assert!(!passes("/", "127.0.0.1:7400", origin, true), "{origin}");
        }
        for host in ["evil.test", "127.0.0.1.evil.test", "10.0.0.1", "", "127.0.0.1@evil.test"] {
            assert!(!passes("/", host, "", true), "{host}");
        }
        assert!(!passes("http://evil.test/_relay/forget", "127.0.0.1:7400", "", true));
    }
}
