//! Which endpoints a client may have.

use copilot_api::{Client, Endpoints};
use copilot_tests::server;

const SECRET: &str = "hunter2hunter2";

fn both(base: &str) -> [Endpoints; 2] {
    let safe = Endpoints::environment("acme").unwrap();
    [safe.clone().with_collect_url(base).unwrap(), safe.with_consent_url(base).unwrap()]
}

#[test]
fn plain_http_to_another_machine_needs_permission_and_to_loopback_none() {
    let refused = [
        "http://api.acme.bycopilot.com/hunter2hunter2",
        "http://localhost.example.com/",
        "http://0.0.0.0:8080/",
        "http://[2001:db8::1]/",
    ];
    for url in refused {
        for endpoints in both(url) {
            let builder = Client::builder(server::credentials(), endpoints.clone());
            let error = builder.clone().build().expect_err(url);
            assert!(error.is_configuration(), "{url}: {error:?}");
            assert!(error.to_string().contains("allow_plain_http"), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains(SECRET), "{url}: {error:?}");
            assert!(builder.clone().http_client(reqwest::Client::new()).build().is_err(), "{url}");
            assert!(builder.allow_plain_http(true).build().is_ok(), "{url}");
            assert!(Client::new(server::credentials(), endpoints).is_err(), "{url}");
        }
    }
    for url in
        ["http://127.0.0.1:8080/in", "http://[::1]:8080/", "http://localhost/in", "https://a.example/in"]
    {
        for endpoints in both(url) {
            assert!(Client::new(server::credentials(), endpoints).is_ok(), "{url}");
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
    for name in ["", "-acme", "acme-", "a.b", "a/b", "me@evil", "acme:443", "ä", "\n", &"a".repeat(64)] {
        let error = Endpoints::environment(name).expect_err(name);
        assert!(error.to_string().contains("letters, digits"), "{name}: {error}");
    }
}

const COLLECT: &str = "/v2/collect";
const CONSENT: &str = "/v2/api/report/user_copilot_analysis_consent_changed";

#[test]
fn a_base_keeps_its_path_and_gets_those_of_the_operations() {
    let bases = [
        ("https://gw.example/", "https://gw.example"),
        ("HTTPS://GW.example:443//", "https://gw.example"),
        ("https://gw.example:8443/copilot", "https://gw.example:8443/copilot"),
        ("https://gw.example/a/b///", "https://gw.example/a/b"),
        ("https://gw.example/to/a%2Fb%3Fc", "https://gw.example/to/a%2Fb%3Fc"),
        ("https://gw.example/api", "https://gw.example/api"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
    ];
    for (base, expected) in bases {
        let endpoints = Endpoints::base(base).expect(base);
        assert_eq!(endpoints.collect_url().as_str(), format!("{expected}{COLLECT}"), "{base}");
        assert_eq!(endpoints.consent_url().as_str(), format!("{expected}{CONSENT}"), "{base}");
    }
}

#[test]
fn a_base_that_paths_cannot_follow_is_refused_with_a_hint() {
    let refused = [
        ("http://127.0.0.1/x?key=abc", "query", "with_collect_url"),
        ("https://gw.example?", "query", "with_collect_url"),
        ("https://gw.example/v2/collect", "path of an operation", "with_collect_url"),
        ("https://gw.example/copilot/V2//./collect//", "path of an operation", "with_collect_url"),
        (&format!("https://gw.example{CONSENT}"), "path of an operation", "with_consent_url"),
        ("https://gw.example/v2", "path of an operation", "with_collect_url"),
        ("https://gw.example/copilot/v2/api/report", "path of an operation", "with_consent_url"),
    ];
    for (base, problem, hint) in refused {
        let error = Endpoints::base(base).expect_err(base).to_string();
        assert!(error.contains(problem) && error.contains(hint), "{base}: {error}");
    }
}

#[test]
fn a_whole_url_is_taken_as_it_is_unless_it_is_that_of_the_other_operation() {
    let safe = Endpoints::environment("acme").unwrap();
    for url in ["https://gw.example/in?key=abc", "https://gw.example/", "https://gw.example/a%2Fb"] {
        let endpoints = safe.clone().with_collect_url(url).unwrap().with_consent_url(url).unwrap();
        assert_eq!([endpoints.collect_url().as_str(), endpoints.consent_url().as_str()], [url; 2]);
    }
    for end in ["", "/", "?key=abc"] {
        let (collect, consent) =
            (format!("https://gw.example/x{COLLECT}{end}"), format!("https://gw.example/x{CONSENT}{end}"));
        safe.clone().with_collect_url(&collect).unwrap().with_consent_url(&consent).unwrap();
        let error = safe.clone().with_collect_url(&consent).unwrap_err().to_string();
        assert!(error.contains("the URL of set_consent"), "{error}");
        let error = safe.clone().with_consent_url(&collect).unwrap_err().to_string();
        assert!(error.contains("the URL of collect"), "{error}");
    }
}

#[test]
fn a_url_that_is_refused_is_not_repeated_and_what_the_url_parser_would_mend_is_refused() {
    let safe = Endpoints::environment("acme").unwrap();
    let refused = [
        ("https://me:hunter2hunter2@api.acme.bycopilot.com/v2/collect", "user name or password"),
        ("https://hunter2hunter2@api.acme.bycopilot.com/v2/collect", "user name or password"),
        ("https://me:hunter2hunter2@a%b/v2/collect", "not an absolute URL"),
        ("/v2/collect?key=hunter2hunter2", "not an absolute URL"),
        ("hunter2hunter2:api", "https://"),
        ("https://api.acme.bycopilot.com/#hunter2hunter2", "fragment"),
        ("", "empty"),
        (" https://gw.example", "whitespace"),
        ("https://gw.example\u{a0}", "whitespace"),
        ("https:\\\\gw.example\\x", "backslash"),
        ("https://gw.example:0", "port 0"),
        ("gw.example:443", "https://"),
    ];
    for (url, problem) in refused {
        let errors = [
            Endpoints::base(url).expect_err(url),
            safe.clone().with_collect_url(url).expect_err(url),
            safe.clone().with_consent_url(url).expect_err(url),
        ];
        for error in errors {
            let shown = format!("{error} {error:?} {error:#?}");
            assert!(shown.contains(problem) && !shown.contains(SECRET), "{url:?}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_client_for_tests_waits_little_and_talks_to_this_machine_only() {
    let sandbox = server::sandbox();
    let client = |url: &str| Client::for_tests(url, server::client_id(), server::client_secret());
    for url in ["https://api.acme.bycopilot.com", "http://192.0.2.1:7300", "http://localhost.invalid", "x"] {
        let error = client(url).unwrap_err();
        assert!(error.is_configuration(), "{url}: {error}");
    }
    let client = client(&sandbox.url()).unwrap();
    sandbox.add_fault(copilot_sandbox::Fault::status(503).next(4)).unwrap();
    let started = std::time::Instant::now();
    client.collect_one(server::event("e-1")).await.unwrap();
    assert!(started.elapsed() < std::time::Duration::from_millis(500), "{:?}", started.elapsed());
}
