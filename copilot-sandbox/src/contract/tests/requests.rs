//! What is promised of whole requests.

use serde_json::{Value, json};

use super::{CONTRACT, NOW, example};

#[test]
fn the_events_of_a_request_are_handed_out_as_they_were_sent() {
    let body = br#"{ "events": [ {"type": "a" ,"b":1e400}, 7,"x", [ ] ] }"#;
    let events: Vec<&str> = CONTRACT.collect(body).unwrap().into_iter().map(|item| item.text).collect();
    assert_eq!(events, [r#"{"type": "a" ,"b":1e400}"#, "7", "\"x\"", "[ ]"]);
}

#[test]
fn a_request_that_breaks_the_contract_around_its_events_is_rejected_by_place_and_rule() {
    let rejected = |body: &str| CONTRACT.collect(body.as_bytes()).err().expect(body).message;
    assert_eq!(rejected("{}"), "/events: is missing (required, observed)");
    assert_eq!(rejected(r#"{"events":[]}"#), "/events: has less than 1 item (minItems, observed)");
    assert_eq!(
        rejected(r#"{"events":{"secret":"secret"}}"#),
        "/events: is not of type \"array\" (type, observed)"
    );
    assert_eq!(
        rejected(r#"{"events":[1],"sec/ret":1}"#),
        "/sec~1ret: is not a property that the contract lists here (additionalProperties, assumed)"
    );
    assert_eq!(
        rejected(r#"{"events":[1],"events":[2]}"#),
        "/events: stands more than once in its object (x-unique-names, assumed)"
    );
    assert!(rejected("[1]").starts_with("(the whole value): is not of type \"object\""));
    assert!(rejected("").contains("cannot go on as the text does at line 1 column 1"));
    assert!(rejected(r#"{"events":[1],}"#).contains("line 1 column 15"));
    assert!(rejected(r#"{"events":[1]} x"#).contains("something follows the value at line 1 column 16"));
    assert!(rejected(r#"{"events":[{"secret":secret}]}"#).ends_with("at line 1 column 22, in /events/0"));
    assert!(rejected("\u{feff}{}").contains("a byte order mark"));
    let not_text = CONTRACT.collect(b"{\"events\":[\"\xff\"]}").err().unwrap().message;
    assert_eq!(not_text, "the body is not UTF-8, from byte 12 on");
    let many: serde_json::Map<String, Value> = (0..900).map(|n| (n.to_string(), json!(n))).collect();
    let many = rejected(&Value::from(many).to_string());
    assert!(many.ends_with("; and 896 more") && many.len() < 1000, "{many}");
}

#[test]
fn an_event_that_cannot_be_read_rejects_the_request_with_its_position() {
    let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
    for (event, words) in [
        (deep.as_str(), "nested deeper than 128 levels"),
        (r#"{"secret":01}"#, "cannot go on"),
        (r#"{"secret":"\ud800"}"#, "cannot go on"),
    ] {
        let body = format!(r#"{{"events":[1,{event}]}}"#);
        let message = CONTRACT.collect(body.as_bytes()).err().expect(event).message;
        assert!(message.ends_with(", in /events/1") && message.contains(words), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn a_change_of_consent_is_read_or_rejected_by_place_and_rule() {
    let read = CONTRACT.consent(br#"{"user_id":"u-1","consent_value":false}"#).unwrap();
    assert_eq!((read.user_id.as_str(), read.consent_value), ("u-1", false));
    let rejected = |body: &str| CONTRACT.consent(body.as_bytes()).expect_err(body).message;
    assert_eq!(
        rejected(r#"{"user_id":"se cret","consent_value":"true"}"#),
        "/consent_value: is not of type \"boolean\" (type, documented); \
         /user_id: does not match \"^[a-zA-Z0-9:\\-._+@]*$\" (pattern, documented)"
    );
    assert_eq!(rejected(r#"{"user_id":"u-1"}"#), "/consent_value: is missing (required, documented)");
    assert_eq!(
        rejected(r#"{"user_id":"u-1","user_id":"u-2","consent_value":true}"#),
        "/user_id: stands more than once in its object (x-unique-names, assumed)"
    );
    assert!(rejected(r#"{"user_id":"#).contains("cannot go on as the text does"));
    assert!(rejected("null").starts_with("(the whole value): is not of type \"object\""));
}

#[test]
fn no_bytes_make_the_judge_panic() {
    let mut random = fastrand::Rng::with_seed(7);
    let body = format!(r#"{{"events":[{}]}}"#, example("custom_event", &[("/payload/p", json!(1e300))]));
    let parts = [
        "{", "}", "[", "]", "\"", "\\", "\\u", "d800", "1e", "-", "0", "9", ":", ",", "null", "\u{fe}",
        "type",
    ];
    for round in 0..20_000 {
        let mut bytes = if round % 2 == 0 { body.clone().into_bytes() } else { Vec::new() };
        for _ in 0..random.usize(1..12) {
            let at = random.usize(0..=bytes.len());
            let end = random.usize(at..=bytes.len().min(at + 3));
            let part = match random.u8(0..4) {
                0 => vec![random.u8(..)],
                1 => Vec::new(),
                _ => parts[random.usize(0..parts.len())].as_bytes().to_vec(),
            };
            bytes.splice(at..end, part);
        }
        _ = CONTRACT.consent(&bytes).map_err(|rejection| rejection.message);
        let events = CONTRACT.collect(&bytes).unwrap_or_default();
        for event in events {
            _ = CONTRACT.event(event.reading, NOW).violations;
        }
    }
}
