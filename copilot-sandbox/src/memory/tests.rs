//! What the sandbox remembers and what it forgets.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod contract;
mod events;
mod projection;

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::{Value, json, value::RawValue};

use super::*;
use crate::model::Violation;

/// The contract that the sandbox enforces.
static CONTRACT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../generated/contract.json")).unwrap());

/// The contract's example of each type of event.
fn examples() -> Vec<Value> {
    let mapping = CONTRACT["components"]["schemas"]["Event"]["discriminator"]["mapping"].as_object().unwrap();
    let example = |target: &Value| {
        let schema = CONTRACT.pointer(target.as_str().unwrap().trim_start_matches('#')).unwrap();
        schema["example"].clone()
    };
    mapping.values().map(example).collect()
}

fn known_types() -> BTreeSet<String> {
    examples().iter().map(|example| example["type"].as_str().unwrap().to_owned()).collect()
}

/// A memory with a clock that a test winds.
struct History {
    memory: Memory,
    seconds: i64,
    requests: u64,
}

impl History {
    fn new() -> Self {
        Self::keeping(1000)
    }

    fn keeping(keep: usize) -> Self {
        Self { memory: Memory::new(keep), seconds: 0, requests: 0 }
    }

    /// The time of what comes next: a second after what came last.
    fn tick(&mut self) -> Moment {
        self.seconds += 1;
        self.now()
    }

    fn now(&self) -> Moment {
        Moment::from_millis(1_795_509_000_000 + self.seconds * 1000)
    }

    /// One request brings these events.
    fn take(&mut self, arrived: Vec<Arrived>) {
        let at = self.tick();
        self.requests += 1;
        let arrived = arrived.into_iter().enumerate().map(|(index, mut arrived)| {
            arrived.event.received_at = at;
            arrived.event.request = self.requests;
            arrived.event.index = index;
            arrived
        });
        self.memory.take(at, arrived.collect());
    }

    /// An event that keeps to the contract.
    fn accept(&mut self, event_type: &str, payload: Value) -> Moment {
        let event_id = format!("e{}", self.requests);
        self.take(vec![accepted(event_type, &event_id, payload)]);
        self.now()
    }

    fn reject(&mut self, event_type: &str, payload: Value, pointer: &str) {
        let event_id = format!("e{}", self.requests);
        self.take(vec![rejected(event_type, &event_id, payload, pointer)]);
    }

    fn set_consent(&mut self, user_id: &str, value: bool) -> Moment {
        let at = self.tick();
        self.memory.set_consent(user_id, value, at);
        at
    }

    fn user(&self, user_id: &str) -> User {
        self.memory.user(user_id).unwrap()
    }

    fn thing(&self, thing_id: &str) -> Thing {
        self.memory.thing(thing_id).unwrap()
    }

    fn statistics(&self) -> Statistics {
        self.memory.statistics(self.now(), 0)
    }

    /// The numbers of the events that the filter asks for, as the first page has them.
    fn find(&self, filter: EventFilter) -> Vec<u64> {
        self.memory.find(&filter).0.iter().map(|event| event.sequence).collect()
    }
}

/// An event as the server makes it of what was sent.
fn arrived(event: Value, violations: Vec<Violation>) -> Arrived {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let event_type = text("/type");
    let known_type = event_type.as_ref().is_some_and(|name| known_types().contains(name));
    let received = ReceivedEvent {
        sequence: 0,
        received_at: Moment::from_millis(0),
        request: 0,
        index: 0,
        verdict: if violations.is_empty() { Verdict::Accepted } else { Verdict::Rejected },
        repeated: false,
        r#type: event_type,
        event_id: text("/event_id"),
        user_id: text("/payload/user_id"),
        thing_id: text("/payload/thing_id"),
        violations,
        event: RawValue::from_string(event.to_string()).unwrap(),
    };
    let payload = event.get("payload").filter(|_| received.r#type.as_deref().is_some_and(reads_payload));
    Arrived { payload: payload.cloned().unwrap_or_default(), event: received, known_type }
}

fn accepted(event_type: &str, event_id: &str, payload: Value) -> Arrived {
    arrived(sent(event_type, event_id, payload), Vec::new())
}

/// An event with a value at this place that breaks a rule.
fn rejected(event_type: &str, event_id: &str, payload: Value, pointer: &str) -> Arrived {
    let violation = Violation {
        pointer: pointer.to_owned(),
        rule: "additionalProperties".to_owned(),
        provenance: Some("documented".to_owned()),
        message: "is not a property that the contract lists here".to_owned(),
    };
    arrived(sent(event_type, event_id, payload), vec![violation])
}

fn sent(event_type: &str, event_id: &str, payload: Value) -> Value {
    json!({ "type": event_type, "event_id": event_id, "timestamp": 1_795_509_000_000_i64, "payload": payload })
}
