//! What is promised of single events, beside what the vectors show: `tests/tests/sandbox/vectors.rs`.

use serde_json::{Value, json};

use super::{CONTRACT, DAY, NOW, broken, example, judged, properties, reader};

#[test]
fn every_example_of_the_contract_is_accepted() {
    assert!(!CONTRACT.event_types().is_empty());
    for event_type in CONTRACT.event_types() {
        let timestamp = event_type.example["timestamp"].as_i64().unwrap();
        let reading = reader::read(&event_type.example.to_string()).unwrap();
        let judged = CONTRACT.event(reading, timestamp);
        assert_eq!(judged.violations, [], "{}", event_type.name);
        assert!(judged.known_type);
        assert_eq!(judged.value, event_type.example);
    }
}

#[test]
fn a_huge_number_is_found_among_others_and_among_texts_that_look_like_numbers() {
    let event =
        example("custom_event", &[("/payload/a\"-7\\", json!("\\\"-8 \\\\")), ("/payload/b", json!(-1.5e3))]);
    let event = event.replacen(
        "\"subtype\"",
        r#""c": 1e300, "d": 99999999999999999999, "e": [1e300, 3], "subtype""#,
        1,
    );
    assert_eq!(
        broken(&CONTRACT, &event),
        ["/payload/c anyOf documented", "/payload/d anyOf documented", "/payload/e anyOf documented"]
    );
}

#[test]
fn a_name_that_stands_twice_is_found_at_every_depth() {
    let event = example("user_created", &[])
        .replacen("\"plan\"", "\"devices\":1,\"devices\":1,\"plan\"", 1)
        .replacen("\"payload\"", "\"payload\":7,\"payload\"", 1);
    assert_eq!(
        broken(&CONTRACT, &event),
        ["/payload x-unique-names assumed", "/payload/custom_properties/devices x-unique-names assumed"]
    );
}

#[test]
fn names_that_stand_twice_below_a_long_name_cost_no_more_than_the_text() {
    let name = "n".repeat(200_000);
    let twice = r#""a":1,"#.repeat(50_000);
    let event = format!(r#"{{"type":"custom_event","{name}":{{{twice}"b":2}}}}"#);
    let violations = judged(&CONTRACT, &event).violations;
    assert!(violations.iter().any(|violation| violation.rule == "x-unique-names"));
    assert!(violations.iter().map(|violation| violation.pointer.len()).sum::<usize>() < 1_000_000);
}

#[test]
fn every_broken_rule_is_reported_in_the_order_of_the_places() {
    let event = example(
        "user_created",
        &[
            ("/timestamp", json!(NOW / 1000)),
            ("/payload/email", json!(7)),
            ("/payload/a", json!(1)),
            ("/payload/custom_properties", properties(14)),
        ],
    );
    assert_eq!(
        broken(&CONTRACT, &event),
        [
            "/payload x-property-limit documented",
            "/payload/a additionalProperties documented",
            "/payload/email type documented",
            "/timestamp x-time-window documented",
        ]
    );
}

#[test]
fn a_violation_names_the_rule_in_words_and_never_the_value() {
    let message = |event: &str| judged(&CONTRACT, event).violations[0].message.clone();
    let event = |place: &str, value: Value| example("user_created", &[(place, value)]);
    assert_eq!(
        message(&event("/timestamp", json!(NOW / 1000))),
        "is in seconds: milliseconds since 1970 are expected, so multiply it by 1000"
    );
    assert_eq!(
        message(&event("/timestamp", json!(NOW * 1000))),
        "is in microseconds: milliseconds since 1970 are expected, so divide it by 1000"
    );
    assert_eq!(
        message(&event("/timestamp", json!(NOW * 1_000_000))),
        "is in nanoseconds: milliseconds since 1970 are expected, so divide it by 1000000"
    );
    assert_eq!(message(&event("/timestamp", json!(NOW + DAY))), "lies more than 5 minutes after this clock");
    assert_eq!(
        message(&event("/timestamp", json!(NOW - 31 * DAY))),
        "lies more than 30 days before this clock"
    );
    assert_eq!(message(&event("/event_id", json!("7".repeat(51)))), "is longer than 50 characters");
    assert_eq!(
        message(&event("/payload/custom_properties", json!({"secret": null}))),
        r#"is not of type "string", or is not of type "integer", or is not of type "number", or is not of type "boolean""#
    );
    assert_eq!(
        message(&event("/payload/custom_properties", properties(14))),
        "has 21 properties together: more than 20"
    );
    for (place, value) in [
        ("/event_id", json!("se cret")),
        ("/payload/email", json!("secret")),
        ("/payload/utc_offset", json!("secret")),
        ("/payload/user_id", json!({"secret": "secret"})),
        ("/payload/custom_properties", json!({"key": ["secret"]})),
        ("/type", json!("secret")),
    ] {
        let words: Vec<String> =
            judged(&CONTRACT, &event(place, value)).violations.iter().map(ToString::to_string).collect();
        assert!(!words.is_empty() && !words.concat().contains("cret"), "{words:?}");
    }
}
