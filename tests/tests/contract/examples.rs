//! The contract's examples are what the contract says, and the types read and write them unchanged.

use copilot_gen::{
    EVENT_TYPES,
    types::{CollectRequest, CollectResponse, ConsentChange, Event},
};
use copilot_tests::{judge, spec};
use jsonschema::Draft;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// The examples of requests and responses: place, `$ref` of the schema, example.
fn media_type_examples() -> Vec<(String, String, Value)> {
    fn search(value: &Value, place: &str, found: &mut Vec<(String, String, Value)>) {
        if let (Some(examples), Some(schema)) =
            (value["examples"].as_object(), value["schema"]["$ref"].as_str())
        {
            for (name, example) in examples {
                found.push((format!("{place}/{name}"), schema.to_owned(), example["value"].clone()));
            }
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            search(member, &format!("{place}/{name}"), found);
        }
    }
    let mut found = Vec::new();
    search(&spec::ROOT["paths"], "/paths", &mut found);
    search(&spec::ROOT["components"]["responses"], "/components/responses", &mut found);
    found
}

fn assert_survives<T: DeserializeOwned + Serialize>(place: &str, json: &Value) {
    let typed: T = serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_eq!(serde_json::to_value(&typed).unwrap(), *json, "{place}");
    let text = serde_json::to_string(&typed).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *json, "{place} as text");
}

#[test]
fn the_types_are_those_of_the_contract_and_each_has_an_example() {
    let named: Vec<&str> = spec::event_types().iter().map(|event| event.name).collect();
    assert_eq!(named, EVENT_TYPES);
    let types: Vec<Value> = spec::event_types().iter().map(|event| event.example["type"].clone()).collect();
    assert_eq!(types, EVENT_TYPES);
    // `oneOf` and the mapping say the same, and each schema allows its own type only.
    let listed: Vec<&Value> =
        spec::schema("Event")["oneOf"].as_array().unwrap().iter().map(|one| &one["$ref"]).collect();
    let mapped: Vec<&Value> =
        spec::schema("Event")["discriminator"]["mapping"].as_object().unwrap().values().collect();
    assert_eq!(listed, mapped);
    for event in spec::event_types() {
        assert_eq!(event.schema["properties"]["type"]["enum"], json!([event.name]));
    }
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

#[test]
fn every_example_of_a_request_or_response_is_valid_and_survives() {
    let examples = media_type_examples();
    for (place, reference, example) in &examples {
        let validator = judge::validator_at(reference, Draft::Draft4);
        assert_eq!(judge::errors(&validator, example), [""; 0], "{place}");
        match reference.rsplit('/').next().unwrap() {
            "CollectRequest" => assert_survives::<CollectRequest>(place, example),
            "ConsentChange" => assert_survives::<ConsentChange>(place, example),
            "CollectResponse" if *example == json!({ "invalid_events": [] }) => {
                assert_eq!(
                    serde_json::from_value::<CollectResponse>(example.clone()).unwrap().invalid_events,
                    []
                );
            }
            "CollectResponse" => assert_survives::<CollectResponse>(place, example),
            // The types have no such schema: an error's body becomes an ErrorResponse (see raw_errors.rs).
            "ErrorBody" => assert!(example["reason"].is_string(), "{place}"),
            other => panic!("{place} is of {other}, which no test reads"),
        }
    }
    let places = examples.iter().filter(|(place, _, _)| place.contains("requestBody")).count();
    assert!(places >= 4 && examples.len() > places);
}
