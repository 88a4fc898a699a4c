//! Which endpoints a client may have.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use copilot_api::{Client, Endpoints};
use copilot_tests::server;

const SECRET: &str = "hunter2hunter2";

fn both(base: &str) -> [Endpoints; 2] {
    let safe = Endpoints::environment("acme").unwrap();
    [safe.clone().with_collect_url(base).unwrap(), safe.with_consent_url(base).unwrap()]
}

#[test]
fn plain_http_to_another_machine_needs_permission() {
    let refused = [
        "http://api.acme.bycopilot.com/v2/collect",
        "http://203.0.113.7/v2/collect",
        "http://localhost.example.com/",
        "http://127.0.0.1.example.com/",
        "http://0.0.0.0:8080/",
        "http://10.0.0.1/",
        "http://[2001:db8::1]/",
        "http://[::]/",
    ];
    for url in refused {
        for endpoints in both(url) {
            let builder = Client::builder(server::credentials(), endpoints.clone());
            let error = builder.clone().build().expect_err(url);
            assert!(error.is_configuration(), "{url}: {error:?}");
            assert!(error.to_string().contains("allow_plain_http"), "{url}: {error}");
            assert!(builder.clone().http_client(reqwest::Client::new()).build().is_err(), "{url}");
            assert!(builder.allow_plain_http(true).build().is_ok(), "{url}");
            assert!(Client::new(server::credentials(), endpoints).is_err(), "{url}");
        }
    }
}

#[test]
fn plain_http_to_loopback_needs_no_permission() {
    let permitted = [
        "http://127.0.0.1:8080/v2/collect",
        "http://127.9.8.7/",
        "http://[::1]:8080/",
        "http://localhost/v2/collect",
        "http://LOCALHOST/v2/collect",
        "https://api.acme.bycopilot.com/v2/collect",
    ];
    for url in permitted {
        for endpoints in both(url) {
            assert!(Client::new(server::credentials(), endpoints).is_ok(), "{url}");
        }
    }
}

#[test]
fn a_url_that_is_refused_is_not_repeated() {
    let safe = Endpoints::environment("acme").unwrap();
    let refused = [
        (format!("https://me:{SECRET}@api.acme.bycopilot.com/v2/collect"), "user name or password"),
        (format!("https://{SECRET}@api.acme.bycopilot.com/v2/collect"), "user name or password"),
        (format!("https://:{SECRET}@api.acme.bycopilot.com/v2/collect"), "user name or password"),
        (format!("https://me:{SECRET}@a b/v2/collect"), "not an absolute URL"),
        (format!("/v2/collect?key={SECRET}"), "not an absolute URL"),
        (format!("ftp://me:{SECRET}@api.acme.bycopilot.com/"), "https://"),
        (format!("{SECRET}:api"), "https://"),
        (format!("https://api.acme.bycopilot.com/#{SECRET}"), "fragment"),
    ];
    for (url, problem) in refused {
        let errors = [
            Endpoints::base(&url).expect_err(&url),
            safe.clone().with_collect_url(&url).expect_err(&url),
            safe.clone().with_consent_url(&url).expect_err(&url),
        ];
        for error in errors {
            let shown = format!("{error} {error:?} {error:#?}");
            assert!(shown.contains(problem), "{url}: {shown}");
            assert!(!shown.contains(SECRET), "{url}: {shown}");
        }
    }
}

#[test]
fn an_environment_is_one_label_of_a_host_name() {
    for name in ["acme", "ACME", "a", "acme-7", "7", &"a".repeat(63)] {
        let endpoints = Endpoints::environment(name).expect(name);
        let host = format!("api.{}.bycopilot.com", name.to_lowercase());
        assert_eq!(endpoints.collect_url().host_str(), Some(host.as_str()));
        assert_eq!(endpoints.consent_url().host_str(), Some(host.as_str()));
        assert_eq!(endpoints.collect_url().scheme(), "https");
    }
    for name in [
        "",
        "-acme",
        "acme-",
        "a.b",
        "a/b",
        "acme#",
        "me@evil",
        "acme:443",
        "ä",
        "a b",
        "\n",
        &"a".repeat(64),
    ] {
        let error = Endpoints::environment(name).expect_err(name);
        assert!(error.to_string().contains("letters, digits"), "{name}: {error}");
    }
}

#[test]
fn a_secret_in_a_query_is_not_printed() {
    let url = format!("https://api.acme.bycopilot.com/v2/collect?token={SECRET}");
    for endpoints in both(&url) {
        let client = Client::new(server::credentials(), endpoints.clone()).unwrap();
        for printed in [format!("{endpoints:?}"), format!("{client:?}")] {
            assert!(printed.contains("/v2/collect") && !printed.contains(SECRET), "{printed}");
        }
    }
}
