//! The sandbox judges by the contract as it is published, the client by what was generated from it. Everything that the
//! contract's examples and their mutations can show is sent to a running sandbox, and both must say the same.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{collections::BTreeSet, sync::Arc};

use copilot_gen::{
    IntoEvent, Violation,
    types::{self, CustomEventPayload, Event, Properties, ThingInteractionPayload},
};
use copilot_sandbox::{ReceivedEvent, Sandbox, Verdict};
use copilot_tests::vectors::{self, Break};
use serde_json::Value;

const BATCH: usize = 500;

type Broken = BTreeSet<Break>;

/// An event as it is sent, and what it breaks.
struct Vector {
    name: String,
    json: String,
    breaks: Broken,
}

/// The clock of all files: the sandbox is started at it.
fn clock() -> i64 {
    let clocks: BTreeSet<i64> = vectors::events().iter().map(|(_, bodies)| bodies.now).collect();
    assert_eq!(clocks.len(), 1, "the files have clocks of their own");
    *clocks.first().unwrap()
}

fn sandbox() -> Sandbox {
    Sandbox::builder().clock(clock()).start().unwrap()
}

fn events(now: i64) -> Vec<Vector> {
    let mut all = Vec::new();
    for (file, bodies) in vectors::events() {
        for case in bodies.cases {
            let name = format!("{file}, {}", case.name);
            let json = case.body.to_string();
            all.push(Vector { name, json, breaks: case.breaks.into_iter().collect() });
        }
    }
    for event in names_that_stand_twice(now) {
        let json = serde_json::to_string(&event).unwrap();
        let name = format!("a name that stands twice in {json}");
        all.push(Vector { name, json, breaks: by_the_client(&event.violations(now)) });
    }
    all
}

/// What a `Value` cannot hold, and a typed event can.
fn names_that_stand_twice(now: i64) -> Vec<Event> {
    let mut events = Vec::new();
    for name in ["user_id", "thing_id", "further"] {
        // Their builders would refuse it.
        let custom = CustomEventPayload::builder().subtype("brewed").user_id("u-1").thing_id("t-1");
        let mut custom = custom.build().unwrap();
        custom.extra = Properties::from_iter([(name, "twice")]);
        let interaction = ThingInteractionPayload::builder().thing_id("t-1").user_id("u-1");
        let mut interaction = interaction.build().unwrap();
        interaction.extra = custom.extra.clone();
        let envelope = || ("twice-1".parse().unwrap(), types::EventTime(now));
        let ((id, at), (id_2, at_2)) = (envelope(), envelope());
        events.extend([custom.into_event(id, at), interaction.into_event(id_2, at_2)]);
    }
    events
}

/// Sends the events in batches: what the sandbox received, and whether its answer named it as refused.
fn send(sandbox: &Sandbox, vectors: &[Vector]) -> Vec<(Arc<ReceivedEvent>, bool)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut all = Vec::new();
    // A deletion takes the offending names out of what was said of its user before, so each stands alone.
    let deletes = |vector: &Vector| vector.json.contains(r#""type":"user_deleted""#);
    let parts = vectors.chunk_by(|one, other| !deletes(one) && !deletes(other));
    for batch in parts.flat_map(|part| part.chunks(BATCH)) {
        let events: Vec<&str> = batch.iter().map(|vector| vector.json.as_str()).collect();
        let request = client
            .post(sandbox.collect_url())
            .basic_auth(sandbox.client_id(), Some(sandbox.client_secret()))
            .header("content-type", "application/json")
            .body(format!(r#"{{"events":[{}]}}"#, events.join(",")));
        let answer: Value = runtime.block_on(async {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.json().await.unwrap()
        });
        let invalid = answer.get("invalid_events").and_then(Value::as_array).into_iter().flatten();
        let refused: BTreeSet<u64> = invalid.map(|event| event["index"].as_u64().unwrap()).collect();
        let received = sandbox.events();
        assert_eq!(received.len(), batch.len(), "every event is remembered");
        all.extend((0..).zip(received).map(|(index, event)| (event, refused.contains(&index))));
        sandbox.reset();
    }
    all
}

fn by_the_sandbox(received: &ReceivedEvent) -> Broken {
    let violations = received.violations.iter();
    let breaks = violations.map(|found| Break {
        pointer: found.pointer.clone(),
        rule: found.rule.clone(),
        grade: found.provenance.clone().unwrap_or_default(),
    });
    breaks.collect()
}

fn by_the_client(violations: &[Violation]) -> Broken {
    let breaks = violations.iter().map(|found| Break {
        pointer: found.pointer().to_owned(),
        rule: found.rule().to_owned(),
        grade: found.provenance().to_string(),
    });
    breaks.collect()
}

#[test]
fn the_sandbox_judges_every_vector_as_it_says() {
    let sandbox = sandbox();
    let vectors = events(clock());
    let received = send(&sandbox, &vectors);

    let mut differences = Vec::new();
    for (vector, (received, answered)) in vectors.iter().zip(&received) {
        assert!(received.erased || received.event.get() == vector.json, "in the order of arrival");
        let theirs = by_the_sandbox(received);
        if theirs != vector.breaks || received.violations.len() != theirs.len() {
            let (found, name) = (&received.violations, &vector.name);
            differences.push(format!("{name}\n  the sandbox: {found:?}\n  the vector: {:?}", vector.breaks));
        }
        let is_refused = received.verdict == Verdict::Refused;
        if is_refused == theirs.is_empty() || is_refused != *answered {
            differences.push(format!("{}\n  the answer and what is remembered differ", vector.name));
        }
    }
    println!("{} events judged alike, {} differences", vectors.len() - differences.len(), differences.len());
    let refused = received.iter().filter(|(_, refused)| *refused).count();
    println!("{refused} refused, {} accepted", vectors.len() - refused);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_sandbox_judges_every_vector_of_consent_as_it_says() {
    let sandbox = sandbox();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let bodies = vectors::consent();
    assert!(bodies.cases.len() > 40);
    for case in bodies.cases {
        let request = client
            .post(sandbox.consent_url())
            .basic_auth(sandbox.client_id(), Some(sandbox.client_secret()))
            .json(&case.body);
        let (status, words) = runtime.block_on(async {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        });
        assert_eq!(status, if case.valid { 204 } else { 400 }, "{}", case.name);
        for Break { pointer, rule, grade } in case.breaks {
            let told = words.contains(&pointer) && words.contains(&format!("({rule}, {grade})"));
            assert!(told, "{}: {words}", case.name);
        }
    }
}
