//! The sandbox judges by the contract as it is published, the client by what was generated from it: every vector is sent
//! to a running sandbox, and must be judged as it says.

use std::collections::BTreeSet;

use copilot_gen::types::Event;
use copilot_sandbox::{Sandbox, Verdict};
use copilot_tests::{
    sandbox::{Caller, SET_CONSENT},
    vectors::{self, Body, Break},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// How many events are sent at once.
const BATCH: usize = 500;

/// The clock of all files: the sandbox is started at it.
fn clock() -> i64 {
    vectors::texts().now
}

fn sandbox() -> (Sandbox, Caller) {
    let sandbox = Sandbox::builder().clock(clock()).start().unwrap();
    let caller = Caller::of(&sandbox);
    (sandbox, caller)
}

/// Each event, named with its file.
fn events() -> Vec<Body> {
    let mut all = Vec::new();
    for (file, bodies) in vectors::events() {
        all.extend(
            bodies.cases.into_iter().map(|case| Body { name: format!("{file}, {}", case.name), ..case }),
        );
    }
    all
}

#[tokio::test]
async fn the_sandbox_judges_every_vector_as_it_says() {
    let (sandbox, caller) = sandbox();
    let (mut rejected, mut differences) = (0, Vec::new());
    let vectors = events();
    for batch in vectors.chunks(BATCH) {
        let events: Vec<Value> = batch.iter().map(|vector| vector.body.clone()).collect();
        let answer: Value = caller.collect(&events).await.unwrap().json().await.unwrap();
        let invalid = answer["invalid_events"].as_array().unwrap().iter();
        let named: BTreeSet<u64> = invalid.map(|event| event["index"].as_u64().unwrap()).collect();
        rejected += named.len();
        let received = sandbox.events();
        assert_eq!(received.len(), batch.len(), "every event is remembered");
        for (index, (vector, received)) in (0..).zip(batch.iter().zip(received)) {
            let Body { name, body, .. } = vector;
            let breaks: BTreeSet<Break> = vector.breaks.iter().cloned().collect();
            assert_eq!(received.event.get(), body.to_string(), "in the order of arrival");
            let found = received.violations.iter().map(|found| Break {
                pointer: found.pointer.clone(),
                rule: found.rule.clone(),
                grade: found.provenance.clone().unwrap_or_default(),
            });
            let is_named = named.contains(&index);
            let is_alike = found.collect::<BTreeSet<_>>() == breaks
                && received.violations.len() == breaks.len()
                && is_named != breaks.is_empty()
                && is_named == (received.verdict == Verdict::Rejected);
            if !is_alike {
                differences.push(format!("{name}\n  {:?}\n  the vector: {breaks:?}", received.violations));
            }
        }
        sandbox.reset();
    }
    println!("{} events, {rejected} rejected, {} differences", vectors.len(), differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(rejected > 100 && vectors.len() - rejected > 100);
}

#[tokio::test]
async fn the_sandbox_judges_every_vector_of_consent_as_it_says() {
    let (_sandbox, caller) = sandbox();
    let bodies = vectors::consent();
    assert!(bodies.cases.len() > 40);
    for case in bodies.cases {
        let answer = caller.post(SET_CONSENT, &case.body).await.unwrap();
        assert_eq!(answer.status(), if case.valid { 204 } else { 400 }, "{}", case.name);
        let words = answer.text().await.unwrap();
        for Break { pointer, rule, grade } in case.breaks {
            let told = words.contains(&pointer) && words.contains(&format!("({rule}, {grade})"));
            assert!(told, "{}: {words}", case.name);
        }
    }
}

/// A custom event as a test of one's own would read it.
#[derive(Debug, PartialEq, Deserialize)]
struct Brewed {
    event_id: String,
    payload: Brew,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Brew {
    degrees: u8,
    litres: f64,
    water: Option<i64>,
}

fn brewed(event_id: &str, free: &Value) -> Value {
    let mut payload = json!({ "subtype": "brewed", "user_id": "u-1" });
    payload.as_object_mut().unwrap().extend(free.as_object().unwrap().clone());
    json!({ "type": "custom_event", "event_id": event_id, "timestamp": clock(), "payload": payload })
}

#[tokio::test]
async fn accepted_events_come_back_as_the_type_of_the_client_and_as_ones_own() {
    let (sandbox, caller) = sandbox();
    let accepted = events().into_iter().filter(|vector| vector.valid);
    let accepted: Vec<Value> = accepted.map(|vector| vector.body).collect();
    for batch in accepted.chunks(BATCH) {
        caller.deliver(batch).await;
    }
    let typed = sandbox.accepted_as::<Event>().unwrap();
    let sent = accepted.into_iter().map(|event| serde_json::from_value::<Event>(event).unwrap());
    assert!(typed == sent.collect::<Vec<_>>());

    sandbox.reset();
    let good = json!({ "degrees": 85, "litres": 0.7, "water": i64::MAX, "cups": 2 });
    let events = [brewed("b-1", &good), brewed("rejected", &json!({ "cups": null }))];
    assert_eq!(caller.collect(&events).await.unwrap().status(), 200);
    let payload = Brew { degrees: 85, litres: 0.7, water: Some(i64::MAX) };
    assert_eq!(sandbox.accepted_as::<Brewed>().unwrap(), [Brewed { event_id: "b-1".to_owned(), payload }]);

    // What a failure says is held beside the code.
    sandbox.reset();
    caller.deliver(&[brewed("b-1", &good), brewed("b-2", &json!({ "degrees": 777, "litres": 1.5 }))]).await;
    assert_eq!(sandbox.accepted_as::<Brewed>().unwrap_err().index(), 1);
}
