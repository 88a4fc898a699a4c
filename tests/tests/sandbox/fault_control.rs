//! Faults switched on and off by the control API, and the client of this workspace against each of them.

use std::{collections::BTreeSet, time::Duration};

use copilot_api::{CollectReport, Endpoints, ReportParts, types::Event};
use copilot_sandbox::{Fault, Operation, Sandbox};
use copilot_tests::{
    sandbox::{Caller, connected},
    server::{self, client_id, client_secret, in_time},
};
use reqwest::Method;
use serde_json::{Value, json};

const FAULTS: &str = "/_sandbox/faults";

fn sandbox() -> (Sandbox, Caller) {
    let sandbox = Sandbox::builder().credentials(client_id(), client_secret()).seed(3).start().unwrap();
    let caller = Caller::of(&sandbox);
    (sandbox, caller)
}

/// The status and the body of what a fault is answered with.
async fn add(caller: &Caller, fault: &Value) -> (u16, Value) {
    let answer = caller.request(Method::POST, FAULTS).json(fault).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn delete(caller: &Caller, path: &str) -> u16 {
    caller.request(Method::DELETE, path).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn faults_are_added_listed_counted_and_removed() {
    let (sandbox, caller) = sandbox();
    let every_kind = [
        json!({ "kind": "status", "status": 503, "retry_after": "2" }),
        json!({ "kind": "delay", "milliseconds": 1 }),
        json!({ "kind": "drip", "bytes_per_second": 1000 }),
        json!({ "kind": "chunked", "bytes": 4 }),
        json!({ "kind": "cut_body", "bytes": 0 }),
        json!({ "kind": "hang_up" }),
        json!({ "kind": "close_before" }),
        json!({ "kind": "close_after" }),
        json!({ "kind": "reject_events", "share": 0.5, "types": ["thing_connected"], "event_ids": ["e"], "indexes": [0], "error": "w" }),
        json!({ "kind": "html", "status": 502 }),
        json!({ "kind": "cut_json" }),
        json!({ "kind": "answer", "status": 200, "headers": { "x-kettle": "on" }, "body": "{}" }),
    ];
    for (number, kind) in (1..).zip(&every_kind) {
        let fault = json!({ "operation": "collect", "next": 5, "share": 0.25, "fault": kind });
        let expected = json!({
            "id": number, "operation": "collect", "next": 5, "share": 0.25, "fired": 0, "fault": kind
        });
        assert_eq!(add(&caller, &fault).await, (201, expected), "{kind}");
    }
    let listed = caller.get(FAULTS).await;
    let kinds: Vec<&Value> =
        listed["faults"].as_array().unwrap().iter().map(|fault| &fault["fault"]).collect();
    assert_eq!(kinds, every_kind.iter().collect::<Vec<_>>());
    assert_eq!(caller.get("/_sandbox/statistics").await["faults"], 12);

    assert_eq!(delete(&caller, "/_sandbox/faults/3").await, 204);
    for gone in ["3", "0", "-1", "x", "99999999999999999999"] {
        assert_eq!(delete(&caller, &format!("/_sandbox/faults/{gone}")).await, 404, "{gone}");
    }
    assert_eq!(sandbox.faults().len(), 11);
    assert_eq!(delete(&caller, FAULTS).await, 204);
    assert_eq!(caller.get(FAULTS).await, json!({ "faults": [] }));

    let (_, fault) = add(&caller, &json!({ "next": 3, "fault": { "kind": "status", "status": 503 } })).await;
    assert_eq!((&fault["share"], fault.get("operation")), (&json!(1.0), None));
    for _ in 0..2 {
        assert_eq!(caller.collect(&[connected("e1")]).await.unwrap().status(), 503);
    }
    let listed = &caller.get(FAULTS).await["faults"][0];
    assert_eq!((&listed["fired"], &listed["next"]), (&json!(2), &json!(1)));
    let reset = caller.request(Method::POST, "/_sandbox/reset").send().await.unwrap();
    assert_eq!((reset.status().as_u16(), sandbox.faults().len()), (204, 0), "a reset switches faults off");
}

#[tokio::test]
async fn a_fault_that_is_none_is_refused_with_its_place() {
    let (sandbox, caller) = sandbox();
    let status = json!({ "kind": "status", "status": 503 });
    let cases = [
        (json!({ "next": 0, "fault": status }), "/next"),
        (json!({ "next": -1, "fault": status }), "next"),
        (json!({ "share": 1.5, "fault": status }), "/share"),
        (json!({ "share": -0.1, "fault": status }), "/share"),
        (json!({ "operation": "delete", "fault": status }), "operation"),
        (json!({ "fault": { "kind": "status", "status": 200 } }), "/fault/status"),
        (json!({ "fault": { "kind": "status", "status": 600 } }), "/fault/status"),
        (json!({ "fault": { "kind": "html", "status": 302 } }), "/fault/status"),
        (json!({ "fault": { "kind": "status" } }), "status"),
        (
            json!({ "fault": { "kind": "status", "status": 503, "retry_after": "a\nb" } }),
            "/fault/retry_after",
        ),
        (json!({ "fault": { "kind": "delay", "milliseconds": 600_001 } }), "/fault/milliseconds"),
        (json!({ "fault": { "kind": "drip", "bytes_per_second": 0 } }), "/fault/bytes_per_second"),
        (json!({ "fault": { "kind": "reject_events", "share": 2 } }), "/fault/share"),
        (json!({ "fault": { "kind": "reject_events", "type": "x" } }), "type"),
        (json!({ "fault": { "kind": "close_before", "milliseconds": 5 } }), "milliseconds"),
        (json!({ "fault": { "kind": "cut_json", "status": 500 } }), "status"),
        (json!({ "fault": { "kind": "status", "status": 503, "retry-after": "2" } }), "retry-after"),
        (json!({ "fault": { "kind": "answer", "status": 199 } }), "/fault/status"),
        (json!({ "fault": { "kind": "answer", "status": 204, "body": "x" } }), "/fault/body"),
        (
            json!({ "fault": { "kind": "answer", "status": 200, "headers": { "a b": "c" } } }),
            "/fault/headers",
        ),
        (
            json!({ "fault": { "kind": "answer", "status": 200, "headers": { "a": "b\nc" } } }),
            "/fault/headers",
        ),
        (
            json!({ "fault": { "kind": "answer", "status": 200, "headers": { "Content-Length": "7" } } }),
            "/fault/headers",
        ),
        (json!({ "fault": { "kind": "teapot" } }), "kind"),
        (json!({ "fault": {} }), "kind"),
        (json!({}), "fault"),
        (json!({ "fault": status, "shares": 0.5 }), "shares"),
        (json!({ "fault": status, "id": 7 }), "id"),
        (json!([]), ""),
    ];
    for (fault, place) in cases {
        let (code, words) = add(&caller, &fault).await;
        assert_eq!((code, &words["reason"]), (400, &json!("SANDBOX.FAULT")), "{fault}: {words}");
        let message = words["error_message"].as_str().unwrap();
        assert!(message.contains(place), "{fault}: {message}");
    }
    assert!(sandbox.faults().is_empty());

    let post = |body: Vec<u8>, kind: &str| {
        caller.request(Method::POST, FAULTS).header("content-type", kind).body(body).send()
    };
    assert_eq!(post(b"{".to_vec(), "application/json").await.unwrap().status(), 400);
    let two = br#"{"fault":{"kind":"close_before"}} {}"#.to_vec();
    assert_eq!(post(two, "application/json").await.unwrap().status(), 400);
    assert_eq!(post(b"{}".to_vec(), "text/plain").await.unwrap().status(), 415);
    assert_eq!(post(vec![b' '; 65_537], "application/json").await.unwrap().status(), 413);
}

#[tokio::test]
async fn faults_of_the_library_are_checked_too() {
    let (sandbox, _) = sandbox();
    for (fault, place) in [
        (Fault::status(200), "/fault/status"),
        (Fault::html(600), "/fault/status"),
        (Fault::status(503).next(0), "/next"),
        (Fault::status(503).share(f64::NAN), "/share"),
        (Fault::status(503).share(-0.1), "/share"),
        (Fault::status(503).retry_after("\n"), "/fault/retry_after"),
        (Fault::delay(Duration::MAX), "/fault/milliseconds"),
        (Fault::drip(0), "/fault/bytes_per_second"),
        (Fault::chunked(0), "/fault/bytes"),
        (Fault::reject_share(1.1), "/fault/share"),
    ] {
        assert!(sandbox.add_fault(fault).unwrap_err().to_string().starts_with(place), "{place}");
    }
    for _ in 0..1000 {
        sandbox.add_fault(Fault::close_before()).unwrap();
    }
    assert!(sandbox.add_fault(Fault::close_before()).is_err(), "more than a thousand are a mistake");
}

/// Each setting that would have no effect, with its place; beside it, its neighbour that has one.
#[tokio::test]
async fn a_setting_without_effect_is_refused_and_its_neighbour_is_taken() {
    let (sandbox, caller) = sandbox();
    let (collect, consent) = (Operation::Collect, Operation::SetConsent);
    let none: [&str; 0] = [];
    for (without_effect, place, neighbour) in [
        (
            Fault::status(503).header("x-kettle", "on"),
            "/fault/headers",
            Fault::answer(503, "").header("x-kettle", "on"),
        ),
        (Fault::close_after().header("x-kettle", "on"), "/fault/headers", Fault::close_after()),
        (
            Fault::answer(200, "").header("x-kettle", "on").header("x-kettle", "off"),
            "/fault/headers",
            Fault::answer(200, "").header("x-kettle", "on").header("x-lid", "off"),
        ),
        (
            Fault::answer(200, "").header("x-kettle", "on").header("X-Kettle", "off"),
            "/fault/headers",
            Fault::answer(204, "").header("content-type", "text/plain"),
        ),
        (Fault::html(503).retry_after("1"), "/fault/retry_after", Fault::status(400).retry_after("1")),
        (
            Fault::answer(503, "").retry_after("1"),
            "/fault/retry_after",
            Fault::answer(503, "").header("retry-after", "1"),
        ),
        (
            Fault::delay(Duration::from_secs(1)).retry_after("1").header("x", "y"),
            "/fault/retry_after",
            Fault::status(503),
        ),
        (Fault::reject_events().on(consent), "/operation", Fault::reject_events().on(collect)),
        (
            Fault::reject_types(["thing_connected"]).on(consent),
            "/operation",
            Fault::reject_types(["thing_connected"]),
        ),
        (Fault::drip(5).on(consent), "/operation", Fault::drip(5)),
        (Fault::chunked(5).on(consent), "/operation", Fault::chunked(1)),
        (Fault::cut_body(5).on(consent), "/operation", Fault::cut_body(0)),
        (Fault::drip(5).on(consent).on(consent), "/operation", Fault::drip(5).on(consent).on(collect)),
        (Fault::status(503).share(0.0), "/share", Fault::status(503).share(f64::MIN_POSITIVE)),
        (Fault::status(503).share(-0.0), "/share", Fault::cut_json().on(consent)),
        (Fault::reject_share(0.0), "/fault/share", Fault::reject_share(1.0)),
        (
            Fault::delay(Duration::from_micros(999)),
            "/fault/milliseconds",
            Fault::delay(Duration::from_millis(1)),
        ),
        (Fault::reject_types(none), "/fault/types", Fault::reject_events()),
        (Fault::reject_types(["thing_conected"]), "/fault/types", Fault::reject_types(["thing_connected"])),
        (Fault::reject_event_ids(none), "/fault/event_ids", Fault::reject_event_ids(["e"])),
    ] {
        let words = format!("{without_effect:?}");
        let refused = sandbox.add_fault(without_effect).expect_err(&words).to_string();
        assert!(refused.starts_with(&format!("{place}: ")), "{words}: {refused}");
        assert!(sandbox.faults().is_empty());
        sandbox.add_fault(neighbour).unwrap();
        sandbox.clear_faults();
    }
    for (without_effect, place) in [
        (json!({ "operation": "set_consent", "fault": { "kind": "reject_events" } }), "/operation"),
        (
            json!({ "operation": "set_consent", "fault": { "kind": "drip", "bytes_per_second": 5 } }),
            "/operation",
        ),
        (json!({ "share": 0, "fault": { "kind": "close_before" } }), "/share"),
        (json!({ "fault": { "kind": "delay", "milliseconds": 0 } }), "/fault/milliseconds"),
        (json!({ "fault": { "kind": "reject_events", "share": 0 } }), "/fault/share"),
        (json!({ "fault": { "kind": "reject_events", "types": [] } }), "/fault/types"),
        (json!({ "fault": { "kind": "reject_events", "types": ["thing_conected"] } }), "/fault/types"),
        (json!({ "fault": { "kind": "reject_events", "event_ids": [] } }), "/fault/event_ids"),
        (json!({ "fault": { "kind": "reject_events", "indexes": [] } }), "/fault/indexes"),
        (json!({ "fault": { "kind": "html", "status": 503, "retry_after": "1" } }), "retry_after"),
        (
            json!({ "fault": { "kind": "answer", "status": 200, "headers": { "a": "b", "A": "c" } } }),
            "/fault/headers",
        ),
    ] {
        let (code, words) = add(&caller, &without_effect).await;
        let message = words["error_message"].as_str().unwrap();
        assert!(code == 400 && message.contains(place), "{without_effect}: {words}");
    }
    assert!(sandbox.faults().is_empty());
}

/// What a call says: the ids of the events that were accepted, and the events to send again.
fn outcome(sent: &[Event], report: CollectReport) -> (BTreeSet<String>, Vec<Event>) {
    let (count, (read, unread)) = (report.accepted(), sent.split_at(report.read()));
    let ReportParts { rejections: rejected, uncertain, undelivered, .. } = report.into_parts();
    assert!(uncertain.is_empty());
    let others = rejected.iter().map(|one| one.index()).chain(undelivered.iter().map(|one| one.index()));
    let others: BTreeSet<usize> = others.collect();
    let accepted = read.iter().enumerate().filter(|(index, _)| !others.contains(index));
    let accepted: BTreeSet<String> = accepted.map(|(_, event)| event.event_id().to_string()).collect();
    assert_eq!(accepted.len(), count);
    (accepted, undelivered.into_iter().map(|one| one.into_event()).chain(unread.iter().cloned()).collect())
}

#[tokio::test]
async fn the_client_loses_no_event_to_any_fault() {
    let (sandbox, _) = sandbox();
    let faults = [
        ("status", Fault::status(503).retry_after("0").share(0.4)),
        ("too many requests", Fault::status(429).retry_after("0").share(0.4)),
        ("html", Fault::html(502).share(0.4)),
        ("delay", Fault::delay(Duration::from_millis(150)).share(0.3)),
        ("drip", Fault::drip(5).share(0.3)),
        ("chunked", Fault::chunked(2).share(0.3)),
        ("cut_body", Fault::cut_body(9).share(0.4)),
        ("hang_up", Fault::hang_up().share(0.4)),
        ("close_before", Fault::close_before().share(0.4)),
        ("close_after", Fault::close_after().share(0.4)),
        ("cut_json", Fault::cut_json().share(0.4)),
        ("reject_events", Fault::reject_share(0.4)),
        ("always", Fault::status(503)),
        ("never an answer", Fault::close_after()),
    ];
    for (name, fault) in faults {
        sandbox.reset();
        sandbox.add_fault(fault).unwrap();
        let client = server::quick(Endpoints::base(&sandbox.url()).unwrap())
            .timeout(Duration::from_millis(100))
            .max_batch_events(5)
            .build()
            .unwrap();
        let mut waiting: Vec<Event> = (0..60).map(|number| server::event(&format!("e{number}"))).collect();
        let mut said = BTreeSet::new();
        for _call in 0..20 {
            let report = match in_time(client.collect(waiting.clone())).await {
                Ok(report) => report,
                Err(failed) => failed.into_parts().1,
            };
            let (accepted, again) = outcome(&waiting, report);
            said.extend(accepted);
            waiting = again;
        }
        let fired = sandbox.statistics().faults == 1 && sandbox.faults()[0].fired() > 0;
        assert!(fired, "{name} never happened");
        let taken: BTreeSet<String> =
            sandbox.accepted().iter().map(|event| event.event_id.clone().unwrap()).collect();
        assert!(said.is_subset(&taken), "{name}: {:?}", said.difference(&taken).collect::<Vec<_>>());
        match name {
            "always" | "never an answer" => assert!(said.is_empty(), "{name}"),
            "reject_events" => assert!((10..50).contains(&said.len()), "{}", said.len()),
            _ => assert_eq!(said.len(), 60, "{name}: some never arrive"),
        }
    }
}
