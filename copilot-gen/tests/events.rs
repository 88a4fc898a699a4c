//! What a queue asks of events: whose order they belong to, and how much memory they take.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::fs;

use copilot_gen::{
    EVENT_TYPES,
    types::{Event, Properties},
};
use serde_json::{Value, json};

/// The contract's example of each type of event.
fn examples() -> Vec<Value> {
    let contract = fs::read_to_string("../openapi/copilot.json").unwrap();
    let contract: Value = serde_json::from_str(&contract).unwrap();
    let schemas = &contract["components"]["schemas"];
    let mapping = &schemas["Event"]["discriminator"]["mapping"];
    let name = |event_type: &str| mapping[event_type].as_str().unwrap().rsplit('/').next().unwrap();
    EVENT_TYPES.iter().map(|event_type| schemas[name(event_type)]["example"].clone()).collect()
}

fn event(json: &Value) -> Event {
    serde_json::from_value(json.clone()).unwrap()
}

#[test]
fn an_event_belongs_to_the_order_of_its_user_else_its_thing_else_its_only_id() {
    let (mut of_thing, mut of_email, mut of_nobody) = (0, 0, Vec::new());
    for mut example in examples() {
        let text = |example: &Value, name: &str| example["payload"][name].as_str().map(str::to_owned);
        let (user, thing) = (text(&example, "user_id"), text(&example, "thing_id"));
        let key = event(&example).order_key().map(str::to_owned);
        match (&user, &thing) {
            (Some(_), _) => assert_eq!(key, user),
            (None, Some(_)) => assert_eq!(key, thing),
            (None, None) if key.is_some() => {
                assert_eq!(key, text(&example, "email"));
                of_email += 1;
            }
            (None, None) => of_nobody.push(event(&example).event_type()),
        }
        // Without its user, where it may be.
        if user.is_some() && thing.is_some() {
            example["payload"].as_object_mut().unwrap().remove("user_id");
            if let Ok(event) = serde_json::from_value::<Event>(example) {
                assert_eq!(event.order_key(), thing.as_deref());
                of_thing += 1;
            }
        }
    }
    assert_eq!(of_nobody, ["preexisting_sync_started", "preexisting_sync_completed"]);
    assert!(of_email == 1 && of_thing > 1, "{of_email}, {of_thing}");
}

#[test]
fn the_weight_of_an_event_is_about_the_memory_that_it_takes() {
    for example in examples() {
        let (event, length) = (event(&example), example.to_string().len());
        let weight = event.weight();
        let bounds = length / 2..=3 * length + size_of::<Event>();
        assert!(bounds.contains(&weight), "{}: {weight} is not in {bounds:?}", event.event_type());
    }
}

#[test]
fn every_text_and_property_of_an_event_has_its_weight() {
    let weight = |payload: &Value| {
        let json = json!({ "type": "thing_created", "event_id": "e-1", "timestamp": 1, "payload": payload });
        event(&json).weight() - size_of::<Event>()
    };
    assert_eq!(weight(&json!({ "thing_id": "t" })), 4);
    assert_eq!(weight(&json!({ "thing_id": "t", "user_id": "user-7", "firmware_version": "1.0" })), 13);
    let property = Properties::from_iter([("a", true)]).weight() - 1;
    assert!(property >= 40, "{property}");
    let own = json!({ "thing_id": "t", "custom_properties": { "name": "text", "n": 5, "b": true } });
    assert_eq!(weight(&own), 4 + 3 * property + 8 + 1 + 1);
    let custom = json!({
        "type": "custom_event", "event_id": "e-1", "timestamp": 1,
        "payload": { "subtype": "s", "user_id": "u", "more": "1" }
    });
    assert_eq!(event(&custom).weight(), size_of::<Event>() + 3 + 2 + property + 5);
}
