//! What the judge promises, with the published contract and with changed ones.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::sync::LazyLock;

use serde_json::{Value, json, value::RawValue};

use super::{Judge, Judged};

const NOW: i64 = 1_795_509_000_000;
const DAY: i64 = 86_400_000;

static CONTRACT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../generated/contract.json")).unwrap());
static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::new(&CONTRACT).unwrap());

fn judged(judge: &Judge, json: &str) -> Judged {
    judge.event(0, &RawValue::from_string(json.to_owned()).unwrap(), NOW).unwrap()
}

/// What is broken, as `pointer rule provenance`.
fn broken(judge: &Judge, json: &str) -> Vec<String> {
    let violations = judged(judge, json).violations.into_iter();
    violations
        .map(|violation| {
            format!("{} {} {}", violation.pointer, violation.rule, violation.provenance.unwrap_or_default())
        })
        .collect()
}

/// The example of that type, with that value in that place.
fn example(event_type: &str, changes: &[(&str, Value)]) -> String {
    let types = JUDGE.event_types();
    let mut event =
        types.iter().find(|known| known.name() == event_type).expect(event_type).example().clone();
    for (place, value) in changes {
        let (parent, name) = place.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    event.to_string()
}

fn properties(count: usize) -> Value {
    (0..count).map(|number| (format!("p{number}"), json!(number))).collect::<serde_json::Map<_, _>>().into()
}

/// The contract with that value in that place.
fn changed(place: &str, value: Value) -> Judge {
    let mut contract = CONTRACT.clone();
    *contract.pointer_mut(place).expect(place) = value;
    Judge::new(&contract).unwrap()
}

#[test]
fn every_example_of_the_contract_is_accepted() {
    assert_eq!(JUDGE.event_types().len(), 20);
    for (index, event_type) in JUDGE.event_types().iter().enumerate() {
        let timestamp = event_type.example()["timestamp"].as_i64().unwrap();
        let raw = RawValue::from_string(event_type.example().to_string()).unwrap();
        let judged = JUDGE.event(0, &raw, timestamp).unwrap();
        assert_eq!(judged.violations, [], "{}", event_type.name());
        assert_eq!(judged.event_type, Some(index));
        assert_eq!(&judged.value, event_type.example());
    }
}

#[test]
fn each_rule_accepts_what_keeps_it_and_refuses_what_breaks_it() {
    let user = |place: &str, value: Value| example("user_created", &[(place, value)]);
    let custom = |place: &str, value: Value| example("custom_event", &[(place, value)]);
    let without = |event_type: &str, name: &str| {
        let mut event: Value = serde_json::from_str(&example(event_type, &[])).unwrap();
        event["payload"].as_object_mut().unwrap().shift_remove(name);
        event.to_string()
    };
    let rows = [
        (
            "required",
            without("user_created", "email"),
            without("user_created", "user_id"),
            "/payload/user_id required documented",
        ),
        (
            "additionalProperties",
            custom("/payload/a~b", json!(1)),
            user("/payload/a~b", json!(1)),
            "/payload/a~0b additionalProperties documented",
        ),
        (
            "type",
            user("/payload/first_name", json!("")),
            user("/payload/first_name", json!(null)),
            "/payload/first_name type documented",
        ),
        (
            "pattern",
            user("/payload/user_id", json!("a:b")),
            user("/payload/user_id", json!("a b")),
            "/payload/user_id pattern documented",
        ),
        (
            "a pattern and a newline",
            user("/event_id", json!("e-1")),
            user("/event_id", json!("e-1\n")),
            "/event_id pattern documented",
        ),
        (
            "minLength",
            user("/event_id", json!("e")),
            user("/event_id", json!("")),
            "/event_id minLength assumed",
        ),
        (
            "maxLength",
            user("/event_id", json!("7".repeat(50))),
            user("/event_id", json!("7".repeat(51))),
            "/event_id maxLength observed",
        ),
        (
            "format of a string",
            user("/payload/email", json!("zoe@example.com")),
            user("/payload/email", json!(format!("{}@example.com", "z".repeat(65)))),
            "/payload/email format assumed",
        ),
        (
            "pattern of an address",
            user("/payload/email", json!("a@b.c")),
            user("/payload/email", json!("zoe@example")),
            "/payload/email pattern assumed",
        ),
        (
            "minimum",
            example("thing_status_changed", &[("/payload/status_date", json!(0))]),
            example("thing_status_changed", &[("/payload/status_date", json!(-1))]),
            "/payload/status_date minimum assumed",
        ),
        (
            "maximum",
            example("thing_status_changed", &[("/payload/status_date", json!(253_402_300_799_999_i64))]),
            user("/timestamp", json!(253_402_300_800_000_i64)),
            "/timestamp maximum assumed",
        ),
        (
            "format of an integer",
            custom("/payload/p", json!(i64::MAX)),
            custom("/payload/p", json!(1_u64 << 63)),
            "/payload/p format assumed",
        ),
        (
            "anyOf of scalars",
            custom("/payload/p", json!(1.5)),
            custom("/payload/p", json!([1])),
            "/payload/p anyOf documented",
        ),
        (
            "anyOf of properties",
            custom("/payload/thing_id", json!("t-1")),
            without("custom_event", "user_id"),
            "/payload anyOf documented",
        ),
        (
            "x-time-window, past",
            user("/timestamp", json!(NOW - 30 * DAY)),
            user("/timestamp", json!(NOW - 30 * DAY - 1)),
            "/timestamp x-time-window documented",
        ),
        (
            "x-time-window, future",
            user("/timestamp", json!(NOW + 300_000)),
            user("/timestamp", json!(NOW + 300_001)),
            "/timestamp x-time-window assumed",
        ),
        (
            "x-property-limit",
            user("/payload/custom_properties", properties(13)),
            user("/payload/custom_properties", properties(14)),
            "/payload x-property-limit documented",
        ),
        (
            "discriminator",
            user("/type", json!("user_created")),
            user("/type", json!("user_create")),
            "/type discriminator documented",
        ),
        (
            "type of the discriminator",
            user("/type", json!("user_created")),
            user("/type", json!(7)),
            "/type type documented",
        ),
        (
            "presence of the discriminator",
            user("/type", json!("user_created")),
            "{}".to_owned(),
            "/type required documented",
        ),
        ("object", user("/type", json!("user_created")), "[]".to_owned(), " type documented"),
        (
            "uniqueKeys",
            user("/event_id", json!("e-1")),
            example("user_created", &[]).replacen('{', r#"{"event_id":"e-0","#, 1),
            "/event_id uniqueKeys assumed",
        ),
    ];
    for (rule, good, bad, expected) in rows {
        assert_eq!(broken(&JUDGE, &good), [""; 0], "{rule}: {good}");
        assert_eq!(broken(&JUDGE, &bad), [expected], "{rule}: {bad}");
    }
}

#[test]
fn what_is_written_as_an_integer_must_fit_64_bits() {
    let free =
        |literal: &str| example("custom_event", &[("/payload/p", json!(70_707))]).replace("70707", literal);
    for good in ["9223372036854775807", "-9223372036854775808", "1e19", "9223372036854775808.0", "-1E+300"] {
        assert_eq!(broken(&JUDGE, &free(good)), [""; 0], "{good}");
    }
    for bad in ["9223372036854775808", "18446744073709551616", "-9223372036854775809", &"7".repeat(300)] {
        assert_eq!(broken(&JUDGE, &free(bad)), ["/payload/p format assumed"], "{bad}");
    }

    let time =
        |literal: &str| example("user_deleted", &[("/timestamp", json!(70_707))]).replace("70707", literal);
    assert_eq!(broken(&JUDGE, &time("18446744073709551616")), ["/timestamp format assumed"]);
    assert_eq!(broken(&JUDGE, &time("1e300")), ["/timestamp type documented"]);
    assert_eq!(broken(&JUDGE, &time("1795509000000.0")), ["/timestamp type documented"]);
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
    assert_eq!(broken(&JUDGE, &event), ["/payload/d format assumed", "/payload/e anyOf documented"]);
}

#[test]
fn a_name_that_stands_twice_is_found_at_every_depth() {
    let event = example("user_created", &[])
        .replacen("\"plan\"", "\"devices\":1,\"devices\":1,\"plan\"", 1)
        .replacen("\"payload\"", "\"payload\":7,\"payload\"", 1);
    assert_eq!(
        broken(&JUDGE, &event),
        ["/payload uniqueKeys assumed", "/payload/custom_properties/devices uniqueKeys assumed"]
    );
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
        broken(&JUDGE, &event),
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
    let message = |event: &str| judged(&JUDGE, event).violations[0].message.clone();
    let event = |place: &str, value: Value| example("user_created", &[(place, value)]);
    assert_eq!(
        message(&event("/timestamp", json!(NOW / 1000))),
        "is in seconds: milliseconds since 1970 are expected, so multiply it by 1000"
    );
    assert_eq!(
        message(&event("/timestamp", json!(NOW + DAY))),
        "lies too far in the future: at most 5 minutes after this clock"
    );
    assert_eq!(
        message(&event("/timestamp", json!(NOW - 31 * DAY))),
        "lies too far in the past: at most 30 days before this clock"
    );
    assert_eq!(message(&event("/event_id", json!("7".repeat(51)))), "must have at most 50 characters");
    assert_eq!(
        message(&event("/payload/custom_properties", json!({"secret": null}))),
        "must be a string, an integer, a number or a boolean, not null"
    );
    assert_eq!(
        message(&event("/payload/custom_properties", properties(14))),
        "must have at most 20 properties together, not 21"
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
            judged(&JUDGE, &event(place, value)).violations.iter().map(ToString::to_string).collect();
        assert!(!words.is_empty() && !words.concat().contains("cret"), "{words:?}");
    }
}

#[test]
fn limits_windows_patterns_grades_and_types_are_those_of_the_contract() {
    let user = |place: &str, value: Value| example("user_created", &[(place, value)]);
    let schema = |steps: &str| format!("/components/schemas/{steps}");

    let judge = changed(&schema("EventTime/x-time-window"), json!({ "past": 1000, "future": 2000 }));
    assert_eq!(broken(&judge, &user("/timestamp", json!(NOW + 2000))), [""; 0]);
    assert_eq!(
        broken(&judge, &user("/timestamp", json!(NOW - 1001))),
        ["/timestamp x-time-window documented"]
    );

    let judge = changed(&schema("Event/x-property-limit"), json!({ "maximum": 2, "within": "payload" }));
    assert_eq!(broken(&judge, &user("/payload", json!({ "user_id": "u", "email": "a@b.c" }))), [""; 0]);
    assert_eq!(broken(&judge, &user("/event_id", json!("e"))), ["/payload x-property-limit documented"]);

    let judge = changed(&schema("EventId/pattern"), json!("^[x ]+$"));
    assert_eq!(broken(&judge, &user("/event_id", json!("x x"))), [""; 0]);
    assert_eq!(broken(&judge, &user("/event_id", json!("e-1"))), ["/event_id pattern documented"]);

    let judge = changed(&schema("EventId/x-provenance"), json!("seed"));
    assert_eq!(broken(&judge, &user("/event_id", json!(""))), ["/event_id minLength seed"]);

    let mapping = json!({ "left": "#/components/schemas/UserDeletedEvent" });
    let mut contract = CONTRACT.clone();
    *contract.pointer_mut(&schema("Event/discriminator/mapping")).unwrap() = mapping;
    *contract.pointer_mut(&schema("UserDeletedEvent/properties/type/enum")).unwrap() = json!(["left"]);
    let judge = Judge::new(&contract).unwrap();
    assert_eq!(judge.event_types().len(), 1);
    assert_eq!(broken(&judge, &example("user_deleted", &[("/type", json!("left"))])), [""; 0]);
    assert_eq!(broken(&judge, &example("user_deleted", &[])), ["/type discriminator documented"]);

    let mut contract = CONTRACT.clone();
    contract["paths"] = json!({
        "/in": contract["paths"]["/v2/collect"],
        "/yes": contract["paths"]["/v2/api/report/user_copilot_analysis_consent_changed"],
    });
    let judge = Judge::new(&contract).unwrap();
    assert_eq!((judge.collect_path(), judge.set_consent_path()), ("/in", "/yes"));
    assert_eq!(JUDGE.collect_path(), "/v2/collect");
    assert_eq!(JUDGE.set_consent_path(), "/v2/api/report/user_copilot_analysis_consent_changed");
}

#[test]
fn a_contract_that_cannot_be_followed_is_named_with_the_place() {
    let error = |place: &str, value: Value| {
        let mut contract = CONTRACT.clone();
        *contract.pointer_mut(place).expect(place) = value;
        Judge::new(&contract).err().expect(place).to_string()
    };
    let cases = [
        (
            "/paths/~1v2~1collect/post/operationId",
            json!("other"),
            "#/paths: no POST operation has the id `collect`",
        ),
        (
            "/components/schemas/CollectRequest/properties/events/items",
            json!({}),
            "no array of values with a discriminator",
        ),
        (
            "/components/schemas/Event/discriminator/mapping/unsubscribe",
            json!("#/nowhere"),
            "mapping/unsubscribe: refers to #/nowhere",
        ),
        (
            "/components/schemas/EventTime/x-time-window",
            json!({ "past": "long" }),
            "#/components/schemas/EventTime/x-time-window/past: is not a whole number",
        ),
        ("/components/schemas/EventId/pattern", json!("(?=x)"), "is no JSON Schema"),
        (
            "/components/schemas/EventId",
            json!({ "$ref": "#/components/schemas/EventId" }),
            "#/components/schemas/EventId: refers to itself",
        ),
        (
            "/components/schemas/UserDeletedPayload/properties/user_id",
            json!({ "$ref": "#/components/schemas/UserDeletedPayload" }),
            "#/components/schemas/UserDeletedPayload: holds itself",
        ),
    ];
    for (place, value, words) in cases {
        let error = error(place, value);
        assert!(error.contains(words), "{place}: {error}");
    }
}

#[test]
fn the_events_of_a_request_are_handed_out_as_they_were_sent() {
    let body = br#"{ "events": [ {"type": "a" ,"b":1e400}, 7,"x", [ ] ] }"#;
    let events: Vec<&str> = JUDGE.collect(body).unwrap().into_iter().map(RawValue::get).collect();
    assert_eq!(events, [r#"{"type": "a" ,"b":1e400}"#, "7", "\"x\"", "[ ]"]);
}

#[test]
fn a_request_that_breaks_the_contract_around_its_events_is_refused_by_place_and_rule() {
    let refused = |body: &str| JUDGE.collect(body.as_bytes()).map(drop).expect_err(body).message;
    assert_eq!(refused("{}"), "/events: is missing (required, observed)");
    assert_eq!(refused(r#"{"events":[]}"#), "/events: must hold at least one item (minItems, observed)");
    assert_eq!(
        refused(r#"{"events":{"secret":"secret"}}"#),
        "/events: must be an array, not an object (type, observed)"
    );
    assert_eq!(
        refused(r#"{"events":[1],"sec/ret":1}"#),
        "/sec~1ret: is not a property that the contract lists here (additionalProperties, assumed)"
    );
    assert_eq!(
        refused(r#"{"events":[1],"events":[2]}"#),
        "/events: stands more than once in its object (uniqueKeys, assumed)"
    );
    assert!(refused("[1]").starts_with("(the whole value): must be an object, not an array"));
    assert!(refused("").contains("EOF"));
    assert!(refused(r#"{"events":[1],}"#).contains("line 1 column 15"));
    assert!(refused(r#"{"events":[1]} x"#).contains("trailing characters"));
    assert!(refused(r#"{"events":[{"secret":secret}]}"#).ends_with("expected value at line 1 column 22"));
    let not_text = JUDGE.collect(b"{\"events\":[\"\xff\"]}").err().unwrap().message;
    assert_eq!(not_text, "the body is not UTF-8, from byte 12 on");
    let many: serde_json::Map<String, Value> = (0..900).map(|n| (n.to_string(), json!(n))).collect();
    let many = refused(&Value::from(many).to_string());
    assert!(many.ends_with("; and 896 more") && many.len() < 1000, "{many}");
}

#[test]
fn an_event_that_cannot_be_read_refuses_the_request_with_its_position() {
    let deep = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
    for (event, words) in [
        (deep.as_str(), "recursion limit exceeded"),
        (r#"{"secret":1e400}"#, "number out of range"),
        (r#"{"secret":"\ud800"}"#, "hex escape"),
    ] {
        let body = format!(r#"{{"events":[1,{event}]}}"#);
        let events = JUDGE.collect(body.as_bytes()).unwrap();
        let message = JUDGE.event(1, events[1], NOW).err().expect(event).message;
        assert!(message.starts_with("/events/1: ") && message.contains(words), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn a_change_of_consent_is_read_or_refused_by_place_and_rule() {
    let read = JUDGE.consent(br#"{"user_id":"u-1","consent_value":false}"#).unwrap();
    assert_eq!((read.user_id.as_str(), read.consent_value), ("u-1", false));
    let refused = |body: &str| JUDGE.consent(body.as_bytes()).map(drop).expect_err(body).message;
    assert_eq!(
        refused(r#"{"user_id":"se cret","consent_value":"true"}"#),
        "/consent_value: must be a boolean, not a string (type, documented); \
         /user_id: must match ^[a-zA-Z0-9:\\-._+@]*$ (pattern, documented)"
    );
    assert_eq!(refused(r#"{"user_id":"u-1"}"#), "/consent_value: is missing (required, documented)");
    assert_eq!(
        refused(r#"{"user_id":"u-1","user_id":"u-2","consent_value":true}"#),
        "/user_id: stands more than once in its object (uniqueKeys, assumed)"
    );
    assert!(refused(r#"{"user_id":"#).contains("EOF"));
    assert!(refused("null").starts_with("(the whole value): must be an object, not null"));
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
        _ = JUDGE.consent(&bytes).map_err(|refusal| refusal.message);
        let events = JUDGE.collect(&bytes).unwrap_or_default();
        for (index, event) in events.into_iter().enumerate() {
            _ = JUDGE.event(index, event, NOW).map(|judged| judged.violations);
        }
    }
}
