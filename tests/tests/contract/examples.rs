//! The contract's examples are what the contract says, and the types read and write them unchanged.

use copilot_gen::{
    EVENT_TYPES,
    types::{CollectRequest, CollectResponse, ConsentChange, Event},
};
use copilot_tests::{judge, spec};
use jsonschema::Draft;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Every event among the examples, with the place where it stands.
fn events() -> Vec<(String, Value)> {
    let mut events: Vec<(String, Value)> = spec::event_types()
        .into_iter()
        .map(|event| (format!("the example of {}", event.name), event.example.clone()))
        .collect();
    for (place, _, example) in media_type_examples() {
        for (number, event) in example["events"].as_array().into_iter().flatten().enumerate() {
            events.push((format!("{place}, event {number}"), event.clone()));
        }
    }
    events
}

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

/// A clock a little after the event happened.
fn clock(event: &Value) -> i64 {
    event["timestamp"].as_i64().unwrap() + 1500
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
fn every_example_of_an_event_is_valid_by_json_schema() {
    let events = events();
    println!("{} examples of events", events.len());
    assert!(events.len() >= 24);
    for (place, event) in events {
        for validator in [&judge::STRICT, &judge::MODERN] {
            assert_eq!(judge::errors(validator, &event), [""; 0], "{place}");
        }
    }
}

#[test]
fn every_example_of_an_event_is_accepted_by_the_validator() {
    for (place, json) in events() {
        assert_eq!(Event::violations_in(&(&json).into(), clock(&json)), [], "{place}");
        let event: Event = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(event.violations(clock(&json)), [], "{place}, typed");
    }
}

#[test]
fn every_example_of_an_event_is_read_and_written_unchanged() {
    for (place, event) in events() {
        assert_survives::<Event>(&place, &event);
    }
}

#[test]
fn integers_stay_integers_and_decimals_stay_decimals() {
    let text = |place: &str| {
        let event = spec::event_types().into_iter().find(|event| event.name == place).unwrap();
        serde_json::to_string(&serde_json::from_value::<Event>(event.example.clone()).unwrap()).unwrap()
    };
    assert!(
        text("user_created").contains(r#""devices":2,"#) || text("user_created").contains(r#""devices":2}"#)
    );
    assert!(text("thing_created").contains(r#""litres":1.7"#));
    assert!(
        text("custom_event").contains(r#""target_celsius":85"#) && !text("custom_event").contains("85.0")
    );
}

#[test]
fn the_accessors_say_what_the_json_says() {
    let (mut users, mut things) = (0, 0);
    for (place, json) in events() {
        let event: Event = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(json["type"], event.event_type(), "{place}");
        assert_eq!(json["event_id"], event.event_id().as_str(), "{place}");
        assert_eq!(json["timestamp"], **event.timestamp(), "{place}");
        let text = |name: &str| json["payload"].get(name).and_then(Value::as_str).map(str::to_owned);
        assert_eq!(event.user_id().map(|id| id.to_string()), text("user_id"), "{place}");
        assert_eq!(event.thing_id().map(|id| id.to_string()), text("thing_id"), "{place}");
        users += usize::from(event.user_id().is_some());
        things += usize::from(event.thing_id().is_some());
    }
    assert!(users > 5 && things > 5);
}

#[test]
fn the_accessors_find_the_ids_of_every_type_that_lists_them() {
    for event in spec::event_types() {
        let listed = |name: &str| spec::fields(event.payload).iter().any(|field| field.name == name);
        let mut json = event.example.clone();
        for name in ["user_id", "thing_id"] {
            if listed(name) {
                json["payload"][name] = json!(format!("the-{name}"));
            }
        }
        let typed: Event = serde_json::from_value(json).unwrap();
        let expected = |name: &str| listed(name).then(|| format!("the-{name}"));
        assert_eq!(typed.user_id().map(|id| id.to_string()), expected("user_id"), "{}", event.name);
        assert_eq!(typed.thing_id().map(|id| id.to_string()), expected("thing_id"), "{}", event.name);
    }
}

#[test]
fn every_example_of_a_request_or_response_is_valid_and_survives() {
    let examples = media_type_examples();
    println!("{} examples of requests and responses", examples.len());
    for (place, reference, example) in &examples {
        for draft in [Draft::Draft4, Draft::Draft202012] {
            assert_eq!(judge::errors(&judge::validator_at(reference, draft), example), [""; 0], "{place}");
        }
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

#[test]
fn every_example_of_a_named_schema_is_valid() {
    let schemas = spec::ROOT["components"]["schemas"].as_object().unwrap();
    let mut count = 0;
    for (name, schema) in schemas {
        let Some(example) = schema.get("example") else { continue };
        count += 1;
        for draft in [Draft::Draft4, Draft::Draft202012] {
            assert_eq!(judge::errors(&judge::validator(name, draft), example), [""; 0], "{name}");
        }
    }
    println!("{count} examples of named schemas");
    assert!(count > EVENT_TYPES.len());
}
