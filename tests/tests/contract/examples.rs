//! The types of events, and the contract's example of each.

use copilot_gen::{EVENT_TYPES, types::Event};
use copilot_tests::spec;
use serde_json::{Value, json};

#[test]
fn the_types_are_those_of_the_contract_and_each_has_an_example() {
    let named: Vec<&str> = spec::event_types().iter().map(|event| event.name).collect();
    assert_eq!(named, EVENT_TYPES);
}

#[test]
fn the_accessors_say_what_the_json_says() {
    for event in spec::event_types() {
        let mut json = event.example.clone();
        for field in spec::fields(event.payload) {
            if ["user_id", "thing_id"].contains(&field.name) {
                json["payload"][field.name] = json!(format!("the-{}", field.name));
            }
        }
        let typed: Event = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(json["type"], typed.event_type());
        assert_eq!(json["event_id"], typed.event_id().as_str());
        assert_eq!(json["timestamp"], **typed.timestamp());
        let text = |name: &str| json["payload"].get(name).and_then(Value::as_str).map(str::to_owned);
        assert_eq!(typed.user_id().map(|id| id.to_string()), text("user_id"), "{}", event.name);
        assert_eq!(typed.thing_id().map(|id| id.to_string()), text("thing_id"), "{}", event.name);
    }
}
