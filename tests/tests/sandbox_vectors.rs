//! Every example and every mutation of the contract, judged by the sandbox and by the client's own validation. The two
//! share no code, so where they differ, one of them is wrong.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use copilot_gen::types::Event;
use copilot_sandbox::{ReceivedEvent, Sandbox, Verdict};
use copilot_tests::{
    mutation::{self, Mutation},
    server, spec,
};
use serde_json::{Value, json};

/// How far from its clock a mutation's timestamp may lie and still be about that clock.
const NEAR: i64 = 100 * 24 * 3_600_000;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The mutation as if it had been made now. What is in seconds stays in seconds.
fn moved(mutation: &Mutation, now: i64) -> Value {
    let mut event = mutation.json.clone();
    let Some(timestamp) = event.get("timestamp").and_then(Value::as_i64) else { return event };
    let away = |timestamp: i64| timestamp.checked_sub(mutation.now).filter(|away| away.abs() < NEAR);
    if let Some(away) = away(timestamp) {
        event["timestamp"] = (now + away).into();
    } else if let Some(away) = timestamp.checked_mul(1000).and_then(away) {
        event["timestamp"] = ((now + away) / 1000).into();
    }
    event
}

async fn send(http: &reqwest::Client, sandbox: &Sandbox, events: &[Value]) -> Value {
    let request = http
        .post(sandbox.collect_url())
        .basic_auth(sandbox.client_id(), Some(sandbox.client_secret()))
        .json(&json!({ "events": events }));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

type Opinion = BTreeSet<(String, String, Option<String>)>;

fn of_sandbox(event: &ReceivedEvent) -> Opinion {
    let violations = event.violations.iter();
    violations.map(|found| (found.pointer.clone(), found.rule.clone(), found.provenance.clone())).collect()
}

fn of_client(event: &Value, clock: i64) -> Opinion {
    Event::violations_in(event, clock)
        .iter()
        .map(|found| {
            (found.pointer().to_owned(), found.rule().to_owned(), Some(found.provenance().to_string()))
        })
        .collect()
}

#[tokio::test]
async fn every_example_and_mutation_is_judged_alike_by_the_sandbox_and_the_client() {
    let (http, sandbox) = (reqwest::Client::new(), server::sandbox());
    let mutations = mutation::all();
    let events: Vec<Value> = mutations.iter().map(|mutation| moved(mutation, now())).collect();
    let (mut invalid, mut received) = (0, Vec::new());
    let deletes = |event: &Value| event["type"] == "user_deleted";
    // A deletion takes the offending names out of what was said of the same user before, so each is looked at alone.
    for batch in
        events.chunk_by(|one, other| !deletes(one) && !deletes(other)).flat_map(|part| part.chunks(200))
    {
        invalid += send(&http, &sandbox, batch).await["invalid_events"].as_array().unwrap().len();
        received.extend(sandbox.events());
        sandbox.reset();
    }

    assert_eq!(received.len(), events.len());
    let mut differences = Vec::new();
    let mut refused = 0;
    for ((mutation, event), received) in mutations.iter().zip(&events).zip(&received) {
        // The sandbox's own clock, so that what lies on the edge of the window is judged alike too.
        let (there, here) = (of_sandbox(received), of_client(event, received.received_at.as_millis()));
        if there != here {
            differences.push(format!("{mutation}\n  the sandbox: {there:?}\n  the client: {here:?}"));
        }
        assert_eq!(received.verdict == Verdict::Refused, !there.is_empty(), "{mutation}");
        refused += usize::from(received.verdict == Verdict::Refused);
    }
    println!("{} events judged alike, {} differences", events.len() - differences.len(), differences.len());
    println!("{refused} of them refused");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(invalid, refused, "what was refused was answered");
    assert!(refused > 5000 && events.len() - refused > 500);
}

#[tokio::test]
async fn the_untouched_examples_are_accepted_and_each_user_and_thing_is_there() {
    let (http, sandbox) = (reqwest::Client::new(), server::sandbox());
    let mutations = mutation::all();
    let untouched = mutations.iter().filter(|mutation| mutation.change == "nothing");
    let events: Vec<Value> = untouched.map(|mutation| moved(mutation, now())).collect();
    assert_eq!(send(&http, &sandbox, &events).await, json!({ "invalid_events": [] }));
    let statistics = sandbox.statistics();
    assert_eq!(statistics.by_type.len(), spec::event_types().len());
    assert_eq!(statistics.events.accepted, spec::event_types().len() as u64);
    for event in &events {
        if let Some(user_id) = event["payload"]["user_id"].as_str() {
            assert!(sandbox.user(user_id).is_some(), "{event}");
        }
        if let Some(thing_id) = event["payload"]["thing_id"].as_str() {
            assert!(sandbox.thing(thing_id).is_some(), "{event}");
        }
    }
}
