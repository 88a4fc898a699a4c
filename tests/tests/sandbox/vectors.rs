//! The sandbox judges by the contract as it is published, the client by what was generated from it. Everything that the
//! contract's examples and their mutations can show is sent to a running sandbox, and both must say the same.

use std::{collections::BTreeSet, sync::Arc};

use copilot_gen::{
    IntoEvent, Violation,
    types::{self, CustomEventPayload, Event, Properties, ThingInteractionPayload},
};
use copilot_sandbox::{ReceivedEvent, Sandbox, Verdict};
use copilot_tests::vectors::{self, Break};
use serde::Deserialize;
use serde_json::{Value, json};

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

/// Sends the events in one request: the indexes of those that its answer names as rejected.
fn post(sandbox: &Sandbox, batch: &[Vector]) -> BTreeSet<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let events: Vec<&str> = batch.iter().map(|vector| vector.json.as_str()).collect();
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(sandbox.collect_url());
    let request = request
        .basic_auth(sandbox.client_id(), Some(sandbox.client_secret()))
        .header("content-type", "application/json")
        .body(format!(r#"{{"events":[{}]}}"#, events.join(",")));
    let answer: Value = runtime.block_on(async {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    });
    let invalid = answer.get("invalid_events").and_then(Value::as_array).into_iter().flatten();
    invalid.map(|event| event["index"].as_u64().unwrap()).collect()
}

/// Sends the events in batches: what the sandbox received, and whether its answer named it as rejected.
fn send(sandbox: &Sandbox, vectors: &[Vector]) -> Vec<(Arc<ReceivedEvent>, bool)> {
    let mut all = Vec::new();
    for batch in vectors.chunks(BATCH) {
        let rejected = post(sandbox, batch);
        let received = sandbox.events();
        assert_eq!(received.len(), batch.len(), "every event is remembered");
        all.extend((0..).zip(received).map(|(index, event)| (event, rejected.contains(&index))));
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
        assert!(received.event.get() == vector.json, "in the order of arrival");
        let theirs = by_the_sandbox(received);
        if theirs != vector.breaks || received.violations.len() != theirs.len() {
            let (found, name) = (&received.violations, &vector.name);
            differences.push(format!("{name}\n  the sandbox: {found:?}\n  the vector: {:?}", vector.breaks));
        }
        let is_rejected = received.verdict == Verdict::Rejected;
        if is_rejected == theirs.is_empty() || is_rejected != *answered {
            differences.push(format!("{}\n  the answer and what is remembered differ", vector.name));
        }
    }
    println!("{} events judged alike, {} differences", vectors.len() - differences.len(), differences.len());
    let rejected = received.iter().filter(|(_, rejected)| *rejected).count();
    println!("{rejected} rejected, {} accepted", vectors.len() - rejected);
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

#[test]
fn accepted_events_come_back_as_the_type_of_the_client() {
    let sandbox = sandbox();
    let mut vectors = events(clock());
    vectors.retain(|vector| vector.breaks.is_empty());
    for batch in vectors.chunks(BATCH) {
        assert!(post(&sandbox, batch).is_empty());
    }
    let typed = sandbox.accepted_as::<Event>().unwrap();
    let sent = vectors.iter().map(|vector| serde_json::from_str::<Event>(&vector.json).unwrap());
    assert!(typed == sent.collect::<Vec<_>>());
    assert!(typed.len() > 100, "{}", typed.len());
}

/// A custom event as a test of one's own would read it.
#[derive(Debug, PartialEq, Deserialize)]
struct Brewed {
    event_id: String,
    timestamp: i64,
    payload: Brew,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Brew {
    user_id: String,
    degrees: u8,
    litres: f64,
    water: Option<i64>,
}

fn brewed(event_id: &str, free: Value) -> Vector {
    let mut payload = json!({ "subtype": "brewed", "user_id": "u-1" });
    payload.as_object_mut().unwrap().extend(free.as_object().unwrap().clone());
    let event =
        json!({ "type": "custom_event", "event_id": event_id, "timestamp": clock(), "payload": payload });
    Vector { name: event_id.to_owned(), json: event.to_string(), breaks: Broken::new() }
}

#[test]
fn accepted_events_come_back_as_a_type_of_ones_own_or_the_place_is_told_that_does_not_fit() {
    let sandbox = sandbox();
    assert_eq!(sandbox.accepted_as::<Brewed>().unwrap(), []);
    let good = brewed("b-1", json!({ "degrees": 85, "litres": 0.7, "water": i64::MAX, "cups": 2 }));
    post(&sandbox, &[good, brewed("b-2", json!({ "degrees": 85, "litres": 0.5, "cups": null }))]);
    let expected = Brew { user_id: "u-1".to_owned(), degrees: 85, litres: 0.7, water: Some(i64::MAX) };
    let expected = Brewed { event_id: "b-1".to_owned(), timestamp: clock(), payload: expected };
    assert_eq!(sandbox.accepted_as::<Brewed>().unwrap(), [expected], "what was rejected is not among them");

    for (free, told) in [
        (json!({ "degrees": "zoe", "litres": 1.5 }), "/payload/degrees: expected u8"),
        (json!({ "degrees": 777, "litres": 1.5 }), "/payload/degrees: expected u8"),
        (json!({ "degrees": 85, "litres": 1.5, "water": 0.777 }), "/payload/water: expected i64"),
        (json!({ "degrees": 85 }), "/payload: missing field `litres`"),
    ] {
        sandbox.reset();
        post(&sandbox, &[brewed("b-0", json!({ "degrees": 85, "litres": 1.5 })), brewed("zoe-1", free)]);
        let error = sandbox.accepted_as::<Brewed>().unwrap_err();
        assert_eq!(error.to_string(), format!("accepted event 1 (custom_event) does not fit, at {told}"));
        assert_eq!(error.index(), 1);
        assert!(!format!("{error:?}").contains("zoe") && !format!("{error:?}").contains("777"), "{error:?}");
    }
}
