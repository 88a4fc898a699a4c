//! What is wrong with the settings, or with the place that the client is used at, is said once, in words that name it.
//! What needs a server with TLS is in `tests/tls`.

use std::time::{Duration, Instant};

use copilot_api::{Client, ClientBuilder, Endpoints, Error};
use copilot_tests::{
    child,
    server::{self, Answer, Server, in_time},
};
use serde_json::json;

/// Nobody has this host, and nobody is asked for it: it is reached through a proxy alone.
const REMOTE: &str = "https://api.acme.invalid";

/// What consent came to, in a line.
async fn outcome(client: Result<Client, Error>) -> String {
    let error = match client {
        Err(error) => return described("not built", &error),
        Ok(client) => match in_time(client.set_consent("user-7", true)).await {
            Ok(()) => return "accepted".to_owned(),
            Err(error) => error,
        },
    };
    described(&format!("{} attempts", error.attempts()), &error)
}

fn described(when: &str, error: &Error) -> String {
    let kind = match (error.is_configuration(), error.is_retryable()) {
        (true, false) => "configuration",
        (false, true) => "retryable",
        _ => "neither",
    };
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    format!("{when}, {kind}: {error}")
}

fn remote() -> ClientBuilder {
    server::quick(Endpoints::base(REMOTE).unwrap())
}

/// The URL of a proxy that asks for a password.
fn proxied(url: &str, scheme: &str) -> String {
    url.replace("http://", &format!("{scheme}://me:hunter2@"))
}

/// How often a proxy was asked for a tunnel.
fn tunnels(proxy: &Server) -> usize {
    proxy.requests().iter().filter(|request| request.method == "CONNECT").count()
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_a_configuration_error_that_names_its_variable() {
    if child::asked().is_some() {
        return println!("> {}", outcome(remote().build()).await);
    }
    let this = a_proxy_that_cannot_be_used_is_a_configuration_error_that_names_its_variable;
    let refusing = Server::always(Answer::head("HTTP/1.1 407 Proxy Authentication Required\r\n"));
    let busy = Server::always(Answer::head("HTTP/1.1 503 Service Unavailable\r\n"));
    let url = |scheme: &str, proxy: &Server| proxied(&proxy.url(), scheme);
    let (http, socks, ftp) = (url("http", &refusing), url("socks5", &refusing), url("ftp", &refusing));
    let busy_url = url("http", &busy);
    // The variables, how it begins, what it names, and how often a proxy was asked.
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, usize);
    let table: &[Row<'_>] = &[
        (&[("HTTPS_PROXY", &ftp)], "not built, configuration", "HTTPS_PROXY", 0),
        (&[("HTTPS_PROXY", &socks)], "1 attempts, configuration", "HTTPS_PROXY", 0),
        (&[("HTTPS_PROXY", &http)], "1 attempts, configuration", "HTTPS_PROXY", 1),
        // It may be there again in a moment.
        (&[("HTTPS_PROXY", &busy_url)], "5 attempts, retryable", "tunnel", 5),
    ];
    for (variables, expected, named, asked) in table {
        let before = tunnels(&refusing) + tunnels(&busy);
        let said = child::run(this, "outcome", variables);
        assert!(said.contains(&format!("> {expected}")) && said.contains(named), "{variables:?}: {said}");
        assert_eq!(tunnels(&refusing) + tunnels(&busy), before + asked, "{variables:?}: {said}");
    }
}

#[tokio::test]
async fn a_proxy_of_the_callers_own_http_client_is_judged_alike() {
    for (scheme, asked) in [("http", 1), ("socks5", 0)] {
        let refusing = Server::always(Answer::head("HTTP/1.1 407 Proxy Authentication Required\r\n"));
        let proxy = reqwest::Proxy::all(proxied(&refusing.url(), scheme)).unwrap();
        let http = reqwest::Client::builder().proxy(proxy).build().unwrap();
        let said = outcome(remote().http_client(http).build()).await;
        assert!(said.starts_with("1 attempts, configuration"), "{said}");
        assert_eq!(tunnels(&refusing), asked, "{said}");
    }
}

#[tokio::test]
async fn a_host_that_no_certificate_can_name_is_a_configuration_error() {
    let builder = |host: &str| server::quick(Endpoints::base(&format!("https://{host}")).unwrap());
    let direct = |host: &str| {
        // What is no name for TLS is not asked of anybody.
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        outcome(builder(host).http_client(http).build())
    };
    for host in ["a..b", "-a.invalid"] {
        let said = direct(host).await;
        assert!(said.starts_with("1 attempts, configuration") && said.contains("host"), "{host}: {said}");
    }
}

#[test]
fn a_time_limit_of_nothing_is_refused_by_its_name() {
    let (zero, own) = (Duration::ZERO, reqwest::Client::new());
    let refused = |builder: ClientBuilder, setting: &str| {
        let error = builder.build().unwrap_err();
        let said = error.to_string();
        assert!(error.is_configuration() && said.starts_with(&format!("the {setting} ")), "{said}");
    };
    refused(remote().timeout(zero), "timeout");
    refused(remote().timeout(zero).http_client(own.clone()), "timeout");
    refused(remote().connect_timeout(zero), "connect_timeout");
    // Of no effect there.
    remote().connect_timeout(zero).http_client(own).build().unwrap();
}

#[tokio::test(start_paused = true)]
async fn under_tokios_paused_clock_a_timeout_fires_at_once_and_says_why() {
    let slow = Answer::json(200, &json!({ "invalid_events": [] })).after(Duration::from_millis(50));
    let server = Server::always(slow);
    let client = server.client().build().unwrap();
    let started = Instant::now();
    let failed = client.collect([server::event("e-1")]).await.unwrap_err();
    let error = failed.error();
    assert!(error.is_timeout() && !error.is_configuration(), "{error:?}");
    assert!(error.to_string().contains("clock is paused"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(9), "its timeouts of 10 s took no time");
    assert_eq!(failed.report().accepted(), 0);

    tokio::time::resume();
    assert_eq!(client.collect([server::event("e-1")]).await.unwrap().accepted(), 1);
}

#[tokio::test]
async fn a_timeout_that_took_its_time_does_not_blame_the_clock() {
    let server = Server::always(Answer::status(204).after(Duration::from_secs(30)));
    let client = server.client().timeout(Duration::from_millis(20)).build().unwrap();
    let error = in_time(client.set_consent("user-7", true)).await.unwrap_err();
    assert!(error.is_timeout() && !error.to_string().contains("clock"), "{error}");
}

#[cfg(target_os = "linux")]
mod forked {
    use std::{
        io::{Read, Write},
        process, thread,
    };

    use copilot_api::{blocking, new_event_id};
    use fork::Fork;

    use super::*;

    /// What `work` makes of it in a fork of this process, which has no other threads that hold locks: 0 when it is true.
    fn in_a_fork(work: impl FnOnce() -> bool) -> i32 {
        match fork::fork().unwrap() {
            Fork::Parent(child) => fork::waitpid(child).unwrap(),
            Fork::Child => {
                thread::spawn(|| {
                    thread::sleep(Duration::from_secs(20));
                    process::exit(2);
                });
                process::exit(i32::from(!work()))
            }
        }
    }

    #[test]
    fn a_blocking_client_says_in_a_child_that_it_is_its_parents_and_may_be_dropped_there() {
        if !child::is_alone(a_blocking_client_says_in_a_child_that_it_is_its_parents_and_may_be_dropped_there)
        {
            return;
        }
        let server = Server::always(Answer::status(204));
        let client = blocking::Client::over(server.client().build().unwrap()).unwrap();
        client.set_consent("user-7", true).unwrap();
        let (theirs, endpoints) = (client.clone(), server.endpoints());
        let code = in_a_fork(move || {
            let mut events = [server::event("e-1")].into_iter();
            let consent = theirs.set_consent("user-7", true).unwrap_err();
            let collect = theirs.collect(&mut events).unwrap_err();
            let right = |error: &Error| error.is_configuration() && error.to_string().contains("forked");
            drop(theirs);
            let own = blocking::Client::over(server::quick(endpoints).build().unwrap()).unwrap();
            right(&consent)
                && right(collect.error())
                && events.len() == 1
                && own.set_consent("user-7", true).is_ok()
        });
        assert_eq!(code, 0);
        client.set_consent("user-7", true).unwrap();
        assert_eq!(server.requests().len(), 3);
    }

    #[test]
    fn event_ids_of_a_child_are_not_those_of_its_parent() {
        if !child::is_alone(event_ids_of_a_child_are_not_those_of_its_parent) {
            return;
        }
        // What follows the time: of 13 digits and hyphens.
        let random = || new_event_id().to_string().split_off(14);
        random();
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let code = in_a_fork(move || writer.write_all(random().as_bytes()).is_ok());
        assert_eq!(code, 0);
        let (mut childs, parents) = (String::new(), random());
        reader.read_to_string(&mut childs).unwrap();
        assert_eq!(childs.len(), parents.len());
        assert_ne!(childs, parents);
    }
}
