//! The sandbox judges by the contract as it is published, the client by what was generated from it. Everything that the
//! contract's examples and their mutations can show is sent to a running sandbox, and both must say the same.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use copilot_gen::{
    EventPayload, contract,
    types::{self, CustomEventPayload, Event, PropertyValue, ThingInteractionPayload},
};
use copilot_sandbox::{ReceivedEvent, Sandbox, Verdict};
use copilot_tests::{
    mutation::{self, Mutation},
    spec,
};
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
/// What lies this near the clock of a mutation is moved with it, in milliseconds.
const NEAR: i64 = 60 * 24 * 60 * MINUTE;
const BATCH: usize = 500;

/// Pointer, rule and provenance of each broken rule.
type Broken = BTreeSet<(String, String, String)>;

/// An event as it is sent, and who judges it locally.
struct Vector {
    name: String,
    json: String,
    judge: Box<dyn Fn(i64) -> Vec<contract::Violation>>,
    /// What it breaks at any clock near the one it was made for.
    breaks: Option<Broken>,
}

fn clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// The same distance from `now` as `time` has from `then`, kept a minute away from the edges of the window: the clock
/// goes on until the event is judged.
fn moved(time: i64, then: i64, now: i64) -> i64 {
    let (past, future) = spec::time_window();
    let distance = match time - then {
        early if early < -past => early.min(-past - MINUTE),
        late if late > future => late.max(future + MINUTE),
        within => within.clamp(-past + MINUTE, future - MINUTE),
    };
    now + distance
}

/// The mutation with its time moved to the clock of now, so that it breaks the same rules.
fn moved_to(now: i64, mutation: &Mutation) -> Value {
    let (mut json, then) = (mutation.json.clone(), mutation.now);
    let near = |time: i64| time.checked_sub(then).is_some_and(|distance| distance.abs() < NEAR);
    if let Some(time) = json.get("timestamp").and_then(Value::as_i64) {
        if near(time) {
            json["timestamp"] = json!(moved(time, then, now));
        } else if time.checked_mul(1000).is_some_and(near) {
            json["timestamp"] = json!(moved(time * 1000, then, now) / 1000);
        }
    }
    json
}

fn vectors(now: i64) -> Vec<Vector> {
    let mut vectors = Vec::new();
    for mutation in mutation::all() {
        let json = moved_to(now, &mutation);
        let breaks = mutation.breaks.iter();
        vectors.push(Vector {
            name: mutation.to_string(),
            json: json.to_string(),
            judge: Box::new(move |clock| Event::violations_in(&json, clock)),
            breaks: Some(
                breaks.map(|(place, rule, grade)| (place.clone(), (*rule).into(), (*grade).into())).collect(),
            ),
        });
    }
    for event in names_that_stand_twice(now) {
        let json = serde_json::to_string(&event).unwrap();
        vectors.push(Vector {
            name: format!("a name that stands twice in {json}"),
            json,
            judge: Box::new(move |clock| event.violations(clock)),
            breaks: None,
        });
    }
    vectors
}

/// What a `Value` cannot hold, and a typed event can.
fn names_that_stand_twice(now: i64) -> Vec<Event> {
    let mut events = Vec::new();
    for name in ["user_id", "thing_id", "further"] {
        let free = BTreeMap::from([(name.to_owned(), PropertyValue::from("twice"))]);
        let custom = CustomEventPayload::builder().subtype("brewed").user_id("u-1").thing_id("t-1");
        let custom = CustomEventPayload::try_from(custom.extra(free.clone())).unwrap();
        let interaction = ThingInteractionPayload::builder().thing_id("t-1").user_id("u-1").extra(free);
        let interaction = ThingInteractionPayload::try_from(interaction).unwrap();
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
    violations
        .map(|found| {
            (found.pointer.clone(), found.rule.clone(), found.provenance.clone().unwrap_or_default())
        })
        .collect()
}

fn by_the_client(violations: &[contract::Violation]) -> Broken {
    let violations = violations.iter();
    violations
        .map(|found| (found.pointer().to_owned(), found.rule().to_owned(), found.provenance().to_string()))
        .collect()
}

#[test]
fn the_sandbox_and_the_client_judge_every_example_and_mutation_alike() {
    let sandbox = Sandbox::builder().start().unwrap();
    let vectors = vectors(clock());
    let received = send(&sandbox, &vectors);

    let mut differences = Vec::new();
    for (vector, (received, answered)) in vectors.iter().zip(&received) {
        assert!(received.erased || received.event.get() == vector.json, "in the order of arrival");
        let theirs = by_the_sandbox(received);
        let ours = by_the_client(&(vector.judge)(received.received_at.as_millis()));
        if theirs != ours || received.violations.len() != theirs.len() {
            let found = &received.violations;
            differences.push(format!("{}\n  the sandbox: {found:?}\n  the client: {ours:?}", vector.name));
        }
        if vector.breaks.as_ref().is_some_and(|breaks| *breaks != ours) {
            differences.push(format!("{}\n  breaks {:?} now", vector.name, ours));
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

/// The one known difference, in which the client is wrong: it reads text into a tree that holds no such integer.
#[test]
fn an_integer_beyond_64_unsigned_bits_is_an_integer_to_the_sandbox_and_a_decimal_to_the_client() {
    let now = clock();
    let json = format!(
        r#"{{"type":"custom_event","event_id":"e","timestamp":{now},"payload":{{"subtype":"s","user_id":"u","p":18446744073709551616}}}}"#
    );
    let local = Event::violations_in(&serde_json::from_str::<Value>(&json).unwrap(), now);
    assert_eq!(local, []);
    let vector = Vector { name: json.clone(), json, judge: Box::new(move |_| local.clone()), breaks: None };
    let received = send(&Sandbox::start().unwrap(), &[vector]);
    let violations = &received[0].0.violations;
    assert_eq!((violations[0].pointer.as_str(), violations[0].rule.as_str()), ("/payload/p", "format"));
}
