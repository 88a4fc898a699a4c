//! Whether a server can be reached: its name, a connection, TLS, an answer.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use reqwest::{StatusCode, Url};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{clock::Clock, proxy::Proxy, report::Report};
use crate::exit::{Exit, with_causes};

/// How long a name and a connection may take: as long as the client gives a connection.
const PATIENCE: Duration = Duration::from_millis(3100);

/// Goes as far as it can: what comes after a failure cannot work.
pub(super) async fn check(http: &reqwest::Client, url: &Url, proxy: Option<&Proxy>, report: &mut Report) {
    let (host, port) = match proxy {
        Some(proxy) => (proxy.host.as_str(), proxy.port),
        None => (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443)),
    };
    // As the resolver wants IPv6 addresses.
    let host = host.trim_matches(['[', ']']);
    let Some(addresses) = resolve(host, port, report).await else { return };
    if connect(host, &addresses, report).await {
        ask(http, url, report).await;
    }
}

async fn resolve(host: &str, port: u16, report: &mut Report) -> Option<Vec<SocketAddr>> {
    const CHECK: &str = "dns";
    let addresses: Vec<SocketAddr> = match within(lookup_host((host, port))).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let advice = "compare the name with the one that Copilot.cx gave you, and see /etc/resolv.conf";
            report.fail(Exit::GivenUp, CHECK, &format!("{host} has no address: {error}"), advice);
            return None;
        }
    };
    if host.parse::<IpAddr>().is_err() {
        let listed: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
        report.ok(CHECK, &format!("{host} is {}", listed.join(", ")));
    }
    Some(addresses)
}

async fn connect(host: &str, addresses: &[SocketAddr], report: &mut Report) -> bool {
    const CHECK: &str = "tcp";
    let mut failures = Vec::new();
    for address in addresses {
        let began = Instant::now();
        match within(TcpStream::connect(address)).await {
            Ok(_) => {
                report.ok(CHECK, &format!("connected to {address} in {} ms", began.elapsed().as_millis()));
                return true;
            }
            Err(error) => failures.push(format!("{address}: {error}")),
        }
    }
    let advice = "a firewall between, a server that is down, or the wrong port";
    report.fail(
        Exit::GivenUp,
        CHECK,
        &format!("{host} takes no connection: {}", failures.join(", ")),
        advice,
    );
    false
}

/// Makes the smallest request there is: it has no body and no credentials, and no server takes it for a report.
async fn ask(http: &reqwest::Client, url: &Url, report: &mut Report) {
    let check = if url.scheme() == "https" { "tls" } else { "http" };
    let clock = Clock::now();
    match http.head(url.clone()).send().await {
        Ok(response) => {
            let round_trip = clock.round_trip();
            answered(check, response.status(), round_trip, report);
            clock.check(response.headers(), round_trip, report);
        }
        Err(error) => {
            // A query may hold a secret.
            let words = with_causes(&error.without_url());
            let advice = if words.contains("certificate") {
                "the system must trust who issued it (a proxy that opens TLS has an issuer of its own), and this machine's clock be right"
            } else if words.contains("proxy authorization") {
                "write the proxy's user name and password into HTTPS_PROXY, as http://user:password@host:port"
            } else {
                "the endpoint may have another port or begin with http://, or something between breaks connections off"
            };
            report.fail(Exit::GivenUp, check, &words, advice);
        }
    }
}

fn answered(check: &str, status: StatusCode, round_trip: Duration, report: &mut Report) {
    let certificate = if check == "tls" { "the certificate is accepted, and " } else { "" };
    let found =
        format!("{certificate}HEAD was answered {} in {} ms", status.as_u16(), round_trip.as_millis());
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        let advice =
            "write the proxy's user name and password into HTTP_PROXY, as http://user:password@host:port";
        report.fail(Exit::GivenUp, check, &found, advice);
    } else if status.is_redirection() {
        report.warn(check, &found, "redirects are not followed: the endpoint may be another one");
    } else if status.is_server_error() {
        report.warn(check, &found, "the server, or a gateway before it, is in trouble");
    } else if status == StatusCode::NOT_FOUND {
        report.warn(check, &found, "compare the path with that of the operation: maybe nothing is there");
    } else {
        // Without credentials, or by this method: 401, 405. Somebody who speaks HTTP is there.
        report.ok(check, &found);
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let too_slow = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {PATIENCE:?}"));
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(too_slow()))
}
