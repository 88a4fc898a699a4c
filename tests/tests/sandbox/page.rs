//! What a person sees of the sandbox: the page, the contract, the stream that keeps the page up to date, the request log.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use copilot_sandbox::{Fault, Sandbox, Statistics};
use copilot_tests::{
    sandbox::{COLLECT, Caller, PATIENCE, Process, connected, event},
    server::{client_id, client_secret},
};
use regex::Regex;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::sandbox;

#[tokio::test]
async fn pages_run_nothing_but_their_own_scripts_and_are_shown_in_no_frame() {
    let (_sandbox, caller) = sandbox();
    for (path, is_page) in [
        ("/", true),
        ("/docs", true),
        ("/docs/start.js", false),
        ("/_sandbox/events", false),
        ("/_sandbox/contract.json", false),
        ("/nothing", false),
    ] {
        let answer = caller.request(Method::GET, path).send().await.unwrap();
        let header =
            |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        let policy = header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            let has_rule = policy.split("; ").any(|found| found.trim() == rule);
            assert!(has_rule || !is_page, "{path}: {rule} is not in {policy}");
        }
        assert_eq!(header("content-type") == "text/html; charset=utf-8", is_page, "{path}");
    }
}

#[tokio::test]
async fn the_contract_is_the_published_one_with_the_sandbox_as_its_server() {
    let (_sandbox, caller) = sandbox();
    let mut published: Value = serde_json::from_str(include_str!("../../../openapi/copilot.json")).unwrap();
    let served = caller.get("/_sandbox/contract.json").await;
    published["servers"] = served["servers"].clone();
    assert!(served == published, "run `cargo xtask gen`");
    let urls: Vec<&Value> =
        served["servers"].as_array().unwrap().iter().map(|server| &server["url"]).collect();
    assert_eq!(urls, ["/"]);
}

#[tokio::test]
async fn only_credentials_that_the_sandbox_made_up_are_shown_and_only_to_this_machine() {
    let made = Sandbox::start().unwrap();
    let shown = json!({ "client_id": made.client_id(), "client_secret": made.client_secret() });
    assert_eq!(Caller::of(&made).get("/_sandbox/status").await["credentials"], shown);
    assert!(made.made_its_credentials());

    let (given, caller) = sandbox();
    let status = caller.get("/_sandbox/status").await;
    assert_eq!(status["credentials"], Value::Null);
    assert!(!status.to_string().contains(client_secret()) && !given.made_its_credentials());

    let open = Sandbox::builder().bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).i_know_this_is_not_copilot();
    let open = open.start().unwrap();
    let here = open.url().replace("0.0.0.0", "127.0.0.1");
    assert_eq!(Caller::new(&here, "", "").get("/_sandbox/status").await["credentials"], Value::Null);
}

/// A stream of statistics.
struct Stream {
    answer: Response,
    text: String,
}

impl Stream {
    async fn of(caller: &Caller) -> Self {
        let answer = caller.request(Method::GET, "/_sandbox/stream").send().await.unwrap();
        Self { answer, text: String::new() }
    }

    async fn next(&mut self) -> Statistics {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event.strip_prefix("event: change\ndata: ").expect("another event").to_owned();
                self.text = rest.to_owned();
                return serde_json::from_str(&data).unwrap();
            }
            let piece = timeout(PATIENCE, self.answer.chunk()).await.expect("nothing comes").unwrap();
            self.text.push_str(std::str::from_utf8(&piece.expect("the stream ended")).unwrap());
        }
    }

    /// How many are told until there is one like this, and that one.
    async fn until(&mut self, is_it: impl Fn(&Statistics) -> bool) -> (usize, Statistics) {
        let mut told = (1, self.next().await);
        while !is_it(&told.1) {
            told = (told.0 + 1, self.next().await);
        }
        told
    }
}

#[tokio::test]
async fn the_stream_tells_at_once_and_after_changes_of_many_together() {
    let (sandbox, caller) = sandbox();
    let begin = Instant::now();
    let mut stream = Stream::of(&caller).await;
    assert_eq!(stream.next().await.events.accepted, 0);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(timeout(Duration::from_millis(1200), stream.next()).await.is_err(), "nothing changed");

    sandbox.add_fault(Fault::delay(Duration::from_millis(1))).unwrap();
    assert_eq!(stream.next().await.faults, 1);
    let begin = Instant::now();
    let mut sent = 0;
    while begin.elapsed() < Duration::from_secs(2) {
        caller.deliver(&[connected(&format!("e{sent}"))]).await;
        sent += 1;
    }
    assert!(sent > 40, "{sent} changes");
    let (told, last) = stream.until(|told| told.events.accepted == sent).await;
    assert!((4..=10).contains(&told), "{told} in two seconds");
    assert_eq!(last.things, 1);
    sandbox.reset();
    let (_, told) = stream.until(|told| told.resets == 1).await;
    assert_eq!((told.events.accepted, told.faults), (0, 0));
}

#[tokio::test]
async fn the_request_log_has_a_line_for_each_request_and_nothing_of_what_was_sent() {
    let mut sandbox = Process::start(&[]);
    let caller = sandbox.caller();
    let payload = json!({ "user_id": "quill-1", "first_name": "Quill", "email": "quill@example.com" });
    caller.deliver(&[event("user_created", "quill-event", payload)]).await;
    let wrong = event("user_created", "quill-wrong", json!({ "quill": 1 }));
    assert_eq!(caller.collect(&[wrong]).await.unwrap().status(), 200);
    assert_eq!(caller.set_consent("quill-1", true).await.unwrap().status(), 204);
    assert_eq!(caller.set_consent("quill 1", true).await.unwrap().status(), 400);
    for path in [
        "/_sandbox/users/quill-1",
        "/_sandbox/users/quill@example.com",
        "/_sandbox/users?search=quill",
        "/_sandbox/events?quill=quill",
        "/_sandbox/page/quill",
        "/_sandbox/user/quill@example.com",
        "/?quill",
    ] {
        caller.request(Method::GET, path).send().await.unwrap();
    }
    let stranger = Caller::new(&sandbox.url, "quill", "quillsecret");
    assert_eq!(stranger.collect(&[]).await.unwrap().status(), 401);
    for kind in [json!({ "kind": "reject_events", "error": "quill" }), json!({ "kind": "close_before" })] {
        let fault = json!({ "next": 1, "fault": kind });
        caller.request(Method::POST, "/_sandbox/faults").json(&fault).send().await.unwrap();
        _ = caller.collect(&[connected("quill-fault")]).await;
    }

    let log = sandbox.wait_for("the last line", |sandbox| {
        let log = sandbox.log();
        (log.lines().count() >= 16).then_some(log)
    });
    assert_eq!(log.lines().count(), 16, "{log}");
    for secret in ["quill", client_id(), client_secret()] {
        assert!(!log.to_lowercase().contains(&secret.to_lowercase()), "{log}");
    }
    assert!(log.contains(" 401 "), "{log}");
    let form = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ \S.* (\d{3}|closed)(, .+)? \(\d+\.\d ms\)$";
    let form = Regex::new(form).unwrap();
    assert!(log.lines().all(|line| form.is_match(line)), "{log}");
    assert_eq!(sandbox.output(), format!("listening on {}\n", sandbox.url));
    let first = log.lines().next().unwrap();
    assert!(first.contains(&format!("POST {COLLECT} 200, 1 events, 0 rejected")), "{first}");
    assert!(log.contains(" /_sandbox/users/{user_id} 404"), "{log}");
}
