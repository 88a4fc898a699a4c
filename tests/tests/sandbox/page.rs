//! What a person sees of the sandbox: the page, the contract, the stream that keeps the page up to date, the log.

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
use tokio::time::{sleep, timeout};

fn sandbox() -> (Sandbox, Caller) {
    let sandbox = Sandbox::start().unwrap();
    let caller = Caller::of(&sandbox);
    (sandbox, caller)
}

async fn get(caller: &Caller, path: &str) -> Response {
    caller.request(Method::GET, path).send().await.unwrap().error_for_status().unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn pages_run_nothing_but_their_own_scripts_and_are_shown_in_no_frame() {
    let (_sandbox, caller) = sandbox();
    let inline = Regex::new(r#"(?i)<script(?:\s+type="module")?\s*>|\son[a-z]+\s*=|javascript:"#).unwrap();
    for path in ["/", "/docs"] {
        let answer = get(&caller, path).await;
        assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8", "{path}");
        let policy = header(&answer, "content-security-policy").to_owned();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(
                policy.split("; ").any(|found| found.trim() == rule),
                "{path}: {rule} is not in {policy}"
            );
        }
        let html = answer.text().await.unwrap();
        assert!(!inline.is_match(&html), "{path} has a script inline, which would not run");
    }
    let paths = ["/", "/docs", "/docs/start.js", "/_sandbox/events", "/_sandbox/contract.json", "/nothing"];
    for path in paths {
        let answer = caller.request(Method::GET, path).send().await.unwrap();
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "cache-control"), "no-store", "{path}");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn everything_that_a_page_asks_for_is_served_from_here() {
    let (_sandbox, caller) = sandbox();
    let asked = Regex::new(r##"(?:src|href)="([^"#]+)""##).unwrap();
    let mut files = Vec::new();
    for page in ["/", "/docs"] {
        let html = get(&caller, page).await.text().await.unwrap();
        files.extend(asked.captures_iter(&html).map(|found| found[1].to_owned()));
    }
    assert!(files.iter().any(|file| file.ends_with("swagger-ui-bundle.js")), "{files:?}");
    for file in files {
        assert!(file.starts_with('/') && !file.starts_with("//"), "{file} is of another site");
        let answer = get(&caller, &file).await;
        let kind = match file.rsplit('.').next().unwrap() {
            "css" => "text/css",
            "js" => "text/javascript",
            "svg" => "image/svg+xml",
            "json" => "application/json",
            _ => "text/html",
        };
        let found = header(&answer, "content-type").split(';').next().unwrap().to_owned();
        let found = if found == "application/javascript" { "text/javascript" } else { &found };
        assert_eq!(found, kind, "{file}");
        assert!(!answer.bytes().await.unwrap().is_empty(), "{file}");
    }
    assert_eq!(header(&get(&caller, "/favicon.ico").await, "content-type"), "image/svg+xml");
}

#[tokio::test]
async fn the_contract_is_the_published_one_with_the_sandbox_as_its_server() {
    let (_sandbox, caller) = sandbox();
    let mut served = caller.get("/_sandbox/contract.json").await;
    let mut published: Value = serde_json::from_str(include_str!("../../../openapi/copilot.json")).unwrap();
    assert_eq!(served["servers"][0]["url"], "/");
    assert_eq!(served["servers"].as_array().unwrap().len(), 1);
    served.as_object_mut().unwrap().remove("servers");
    published.as_object_mut().unwrap().remove("servers");
    assert!(served == published, "run `cargo xtask gen`");
}

#[tokio::test]
async fn only_credentials_that_the_sandbox_made_up_are_shown() {
    let (made, caller) = sandbox();
    let shown = json!({ "client_id": made.client_id(), "client_secret": made.client_secret() });
    assert_eq!(caller.get("/_sandbox/status").await["credentials"], shown);
    assert!(made.made_its_credentials());

    let given = Sandbox::builder().credentials(client_id(), client_secret()).start().unwrap();
    let status = Caller::of(&given).get("/_sandbox/status").await;
    assert_eq!(status["credentials"], Value::Null);
    assert!(!status.to_string().contains(client_secret()) && !given.made_its_credentials());

    let open = Sandbox::builder().bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).i_know_this_is_not_copilot();
    let open = open.start().unwrap();
    let here = open.url().replace("0.0.0.0", "127.0.0.1");
    let status = Caller::new(&here, "", "").get("/_sandbox/status").await;
    assert_eq!(status["credentials"], Value::Null, "whoever reaches it could see them");
}

#[tokio::test]
async fn the_status_says_what_the_sandbox_is() {
    let sandbox = Sandbox::builder().seed(5).keep(42).start().unwrap();
    let status = Caller::of(&sandbox).get("/_sandbox/status").await;
    let contract: Value = serde_json::from_str(include_str!("../../../openapi/copilot.json")).unwrap();
    assert_eq!(status["api_version"], contract["info"]["version"]);
    assert_eq!(status["contract_version"], contract["info"]["x-contract-version"]);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["url"], sandbox.url());
    assert_eq!(
        sandbox.collect_url(),
        format!("{}{}", sandbox.url(), status["collect_path"].as_str().unwrap())
    );
    assert_eq!(
        sandbox.consent_url(),
        format!("{}{}", sandbox.url(), status["set_consent_path"].as_str().unwrap())
    );
    assert_eq!((&status["seed"], &status["keep"]), (&json!(5), &json!(42)));
    let types: Vec<&str> = copilot_tests::spec::event_types().iter().map(|known| known.name).collect();
    assert_eq!(status["event_types"], json!(types));
    let examples = status["examples"].as_object().unwrap();
    assert!(types.iter().all(|name| examples[*name]["type"] == *name));
}

/// A stream of statistics.
struct Stream {
    answer: Response,
    text: String,
}

impl Stream {
    async fn of(caller: &Caller) -> Self {
        Self { answer: get(caller, "/_sandbox/stream").await, text: String::new() }
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
}

#[tokio::test]
async fn the_stream_tells_at_once_and_after_each_change() {
    let (sandbox, caller) = sandbox();
    let begin = Instant::now();
    let mut stream = Stream::of(&caller).await;
    assert_eq!(stream.next().await.events.accepted, 0);
    assert!(begin.elapsed() < Duration::from_millis(250), "{:?}", begin.elapsed());
    assert!(timeout(Duration::from_millis(1200), stream.next()).await.is_err(), "nothing changed");

    sandbox.add_fault(Fault::delay(Duration::from_millis(1))).unwrap();
    assert_eq!(stream.next().await.faults, 1);
    caller.deliver(&[connected("e1")]).await;
    let mut told = stream.next().await;
    while told.requests.is_empty() {
        told = stream.next().await;
    }
    assert_eq!((told.events.accepted, told.things, told.requests["collect"]["200"]), (1, 1, 1));
    let begin = Instant::now();
    let moved = stream.next().await;
    assert!(begin.elapsed() < Duration::from_millis(1500), "the second of the rate moves on");
    assert_eq!(moved.events, told.events);
    assert_ne!(moved.rate, told.rate);
    sandbox.reset();
    let mut told = stream.next().await;
    while told.resets == 0 {
        told = stream.next().await;
    }
    assert_eq!((told.events.accepted, told.faults), (0, 0));
}

#[tokio::test]
async fn the_stream_tells_of_many_changes_together() {
    let (_sandbox, caller) = sandbox();
    let mut stream = Stream::of(&caller).await;
    let begin = Instant::now();
    let sending = async {
        for number in 0.. {
            if begin.elapsed() > Duration::from_secs(2) {
                return number;
            }
            caller.deliver(&[connected(&format!("e{number}"))]).await;
            sleep(Duration::from_millis(2)).await;
        }
        unreachable!()
    };
    let watching = async {
        let (mut told, mut last) = (0, stream.next().await);
        while begin.elapsed() < Duration::from_secs(2) {
            (told, last) = (told + 1, stream.next().await);
        }
        (told, last)
    };
    let (sent, (told, mut last)) = tokio::join!(sending, watching);
    assert!(sent > 40, "{sent} changes");
    assert!((4..=9).contains(&told), "{told} in two seconds");
    while last.events.accepted < sent {
        last = timeout(Duration::from_secs(1), stream.next()).await.expect("the last change is told too");
    }
}

#[tokio::test]
async fn the_log_has_a_line_for_each_request_and_nothing_of_what_was_sent() {
    let mut sandbox = Process::start(&[]);
    let caller = sandbox.caller();
    let payload = json!({ "user_id": "quill-1", "first_name": "Quill", "email": "quill@example.com" });
    caller.deliver(&[event("user_created", "quill-event", payload.clone())]).await;
    let mut wrong = event("user_created", "quill-wrong", payload);
    wrong["payload"]["quill"] = json!(1);
    assert_eq!(caller.collect(&[wrong]).await.unwrap().status(), 200);
    assert_eq!(caller.set_consent("quill-1", true).await.unwrap().status(), 204);
    assert_eq!(caller.set_consent("quill 1", true).await.unwrap().status(), 400);
    for path in [
        "/_sandbox/users/quill-1",
        "/_sandbox/users/quill@example.com",
        "/_sandbox/users?search=quill",
        "/_sandbox/events?user_id=quill-1",
        "/_sandbox/events?quill=quill",
        "/_sandbox/page/quill",
        "/_sandbox/user/quill@example.com",
        "/?quill",
    ] {
        caller.request(Method::GET, path).send().await.unwrap();
    }
    let stranger = Caller::new(&sandbox.url, "quill", "quillsecret");
    assert_eq!(stranger.collect(&[]).await.unwrap().status(), 401);
    let fault = json!({ "next": 1, "fault": { "kind": "reject_events", "error": "quill" } });
    caller.request(Method::POST, "/_sandbox/faults").json(&fault).send().await.unwrap();
    caller.collect(&[connected("quill-rejected")]).await.unwrap();
    let fault = json!({ "next": 1, "fault": { "kind": "close_before" } });
    caller.request(Method::POST, "/_sandbox/faults").json(&fault).send().await.unwrap();
    assert!(caller.collect(&[connected("quill-closed")]).await.is_err());

    let log = sandbox.wait_for("the last line", |sandbox| {
        let log = sandbox.log();
        (log.lines().count() >= 17).then_some(log)
    });
    assert_eq!(log.lines().count(), 17, "{log}");
    assert!(!log.to_lowercase().contains("quill"), "{log}");
    assert!(!log.contains(client_id()) && !log.contains(client_secret()), "{log}");
    let form = Regex::new(
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ \S.* (\d{3}|closed)(, .+)? \(\d+\.\d ms\)$",
    );
    let form = form.unwrap();
    assert!(log.lines().all(|line| form.is_match(line)), "{log}");
    let first = log.lines().next().unwrap();
    assert!(first.contains(&format!("POST {COLLECT} 200, 1 events, 0 rejected")), "{first}");
    assert!(log.contains(" /_sandbox/users/{user_id} 404"), "{log}");
}
