//! Faults switched on and off, by the control API and by the library: which are taken, and which are refused.

use std::time::Duration;

use copilot_sandbox::{Fault, Operation};
use copilot_tests::sandbox::{Caller, connected};
use reqwest::Method;
use serde_json::{Value, json};

use super::{description, problems, sandbox};

const FAULTS: &str = "/_sandbox/faults";

/// One of each kind, with all that it can be told.
fn every_kind() -> [Value; 12] {
    [
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
    ]
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
    let mut expected = Vec::new();
    for (number, kind) in (1..).zip(every_kind()) {
        let mut fault = json!({ "operation": "collect", "next": 5, "share": 0.25, "fault": kind });
        let (status, added) = add(&caller, &fault).await;
        fault["id"] = json!(number);
        fault["fired"] = json!(0);
        assert_eq!((status, &added), (201, &fault));
        expected.push(added);
    }
    assert_eq!(caller.get(FAULTS).await["faults"], json!(expected));
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
    caller.reset().await;
    assert!(sandbox.faults().is_empty(), "a reset switches faults off");
}

/// Beside [`every_kind`], which is taken and fits the description.
#[tokio::test]
async fn what_is_no_fault_or_has_no_effect_is_refused_with_its_place() {
    let (sandbox, caller) = sandbox();
    let description = description(&caller).await;
    let schema =
        format!("/paths/{}/post/requestBody/content/application~1json/schema", FAULTS.replace('/', "~1"));
    let status = json!({ "kind": "status", "status": 503 });
    let mut wrong = vec![
        (json!({ "next": 0, "fault": status }), "/next"),
        (json!({ "share": 1.5, "fault": status }), "/share"),
        (json!({ "operation": "delete", "fault": status }), "operation"),
        (json!({ "id": 7, "fault": status }), "id"),
        (json!({}), "fault"),
    ];
    for mut kind in every_kind() {
        assert_eq!(problems(&description, &schema, &json!({ "fault": kind })), [""; 0]);
        kind["lid"] = json!("off");
        wrong.push((json!({ "fault": kind }), "lid"));
    }
    for (kind, place) in [
        (json!({}), "kind"),
        (json!({ "kind": "teapot" }), "kind"),
        (json!({ "kind": "status", "status": 200 }), "/fault/status"),
        (json!({ "kind": "html", "status": 600 }), "/fault/status"),
        (json!({ "kind": "html", "status": 503, "retry_after": "1" }), "retry_after"),
        (json!({ "kind": "delay", "milliseconds": 0 }), "/fault/milliseconds"),
        (json!({ "kind": "drip", "bytes_per_second": 0 }), "/fault/bytes_per_second"),
        (json!({ "kind": "chunked", "bytes": 0 }), "/fault/bytes"),
        (json!({ "kind": "cut_body" }), "bytes"),
        (json!({ "kind": "reject_events", "share": 0 }), "/fault/share"),
        (json!({ "kind": "reject_events", "types": [] }), "/fault/types"),
        (json!({ "kind": "answer", "status": 199 }), "/fault/status"),
    ] {
        wrong.push((json!({ "fault": kind }), place));
    }
    for (fault, _) in &wrong {
        assert!(!problems(&description, &schema, fault).is_empty(), "the description allows {fault}");
    }
    // What JSON Schema cannot say, or what the description leaves to the answer.
    for (operation, kind, place) in [
        ("set_consent", json!({ "kind": "reject_events" }), "/operation"),
        ("set_consent", json!({ "kind": "drip", "bytes_per_second": 5 }), "/operation"),
        ("collect", json!({ "kind": "status", "status": 503, "retry_after": "a\nb" }), "/fault/retry_after"),
        ("collect", json!({ "kind": "reject_events", "types": ["thing_conected"] }), "/fault/types"),
        ("collect", json!({ "kind": "answer", "status": 204, "body": "x" }), "/fault/body"),
        ("collect", json!({ "kind": "answer", "status": 200, "headers": { "a b": "c" } }), "/fault/headers"),
        (
            "collect",
            json!({ "kind": "answer", "status": 200, "headers": { "Content-Length": "7" } }),
            "/fault/headers",
        ),
    ] {
        wrong.push((json!({ "operation": operation, "fault": kind }), place));
    }
    for (fault, place) in wrong {
        let (code, words) = add(&caller, &fault).await;
        assert_eq!((code, &words["reason"]), (400, &json!("SANDBOX.FAULT")), "{fault}: {words}");
        let message = words["error_message"].as_str().unwrap();
        assert!(message.contains(place), "{fault}: {message}");
    }
    assert!(sandbox.faults().is_empty());
}

#[tokio::test]
async fn the_library_refuses_the_same_and_takes_its_neighbour() {
    let (sandbox, _) = sandbox();
    let consent = Operation::SetConsent;
    for (wrong, place, neighbour) in [
        (Fault::status(503).header("x", "y"), "/fault/headers", Fault::answer(503, "").header("x", "y")),
        (Fault::html(503).retry_after("1"), "/fault/retry_after", Fault::status(503).retry_after("1")),
        (Fault::drip(5).on(consent), "/operation", Fault::drip(5).on(consent).on(Operation::Collect)),
        (Fault::reject_events().on(consent), "/operation", Fault::cut_json().on(consent)),
        (Fault::reject_share(0.0), "/fault/share", Fault::reject_share(1.0)),
        (Fault::status(503).next(0), "/next", Fault::status(503).next(1)),
        (Fault::delay(Duration::MAX), "/fault/milliseconds", Fault::delay(Duration::from_secs(600))),
    ] {
        let refused = sandbox.add_fault(wrong).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("{place}: ")), "{refused}");
        sandbox.add_fault(neighbour).unwrap();
    }
    sandbox.clear_faults();
    for _ in 0..1000 {
        sandbox.add_fault(Fault::close_before()).unwrap();
    }
    assert!(sandbox.add_fault(Fault::close_before()).is_err(), "more than a thousand are a mistake");
}
