//! What the judge promises of single events.

use serde_json::{Value, json};

use super::{DAY, JUDGE, NOW, broken, example, judged, properties, reader};

#[test]
fn every_example_of_the_contract_is_accepted() {
    assert!(!JUDGE.event_types().is_empty());
    for (index, event_type) in JUDGE.event_types().iter().enumerate() {
        let timestamp = event_type.example()["timestamp"].as_i64().unwrap();
        let reading = reader::read(&event_type.example().to_string()).unwrap();
        let judged = JUDGE.event(reading, timestamp);
        assert_eq!(judged.violations, [], "{}", event_type.name());
        assert_eq!(judged.event_type, Some(index));
        assert_eq!(&judged.value, event_type.example());
    }
}

#[test]
fn each_rule_accepts_what_keeps_it_and_rejects_what_breaks_it() {
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
            user("/timestamp", json!(NOW)),
            user("/timestamp", json!(1_u64 << 63)),
            "/timestamp format assumed",
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
            "x-unique-names",
            user("/event_id", json!("e-1")),
            example("user_created", &[]).replacen('{', r#"{"event_id":"e-0","#, 1),
            "/event_id x-unique-names assumed",
        ),
    ];
    for (rule, good, bad, expected) in rows {
        assert_eq!(broken(&JUDGE, &good), [""; 0], "{rule}: {good}");
        assert_eq!(broken(&JUDGE, &bad), [expected], "{rule}: {bad}");
    }
}

#[test]
fn a_number_must_fit_64_bits_however_it_is_written() {
    let free =
        |literal: &str| example("custom_event", &[("/payload/p", json!(70_707))]).replace("70707", literal);
    for good in ["9223372036854775807", "-9223372036854775808", "9.2e18", "-9223372036854775808.0", "1e-400"]
    {
        assert_eq!(broken(&JUDGE, &free(good)), [""; 0], "{good}");
    }
    let digits = "7".repeat(300);
    for bad in [
        "9223372036854775808",
        "18446744073709551616",
        "-9223372036854775809",
        &digits,
        "1e19",
        "9223372036854775808.0",
        "-1E+300",
        "1e400",
    ] {
        assert_eq!(broken(&JUDGE, &free(bad)), ["/payload/p anyOf documented"], "{bad}");
    }

    let time =
        |literal: &str| example("user_deleted", &[("/timestamp", json!(70_707))]).replace("70707", literal);
    assert_eq!(broken(&JUDGE, &time("18446744073709551616")), ["/timestamp format assumed"]);
    assert_eq!(broken(&JUDGE, &time("-18446744073709551616")), ["/timestamp format assumed"]);
    assert_eq!(broken(&JUDGE, &time("1e300")), ["/timestamp type documented"]);
    assert_eq!(broken(&JUDGE, &time("1e400")), ["/timestamp type documented"]);
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
    assert_eq!(
        broken(&JUDGE, &event),
        ["/payload/c anyOf documented", "/payload/d anyOf documented", "/payload/e anyOf documented"]
    );
}

#[test]
fn a_name_that_stands_twice_is_found_at_every_depth() {
    let event = example("user_created", &[])
        .replacen("\"plan\"", "\"devices\":1,\"devices\":1,\"plan\"", 1)
        .replacen("\"payload\"", "\"payload\":7,\"payload\"", 1);
    assert_eq!(
        broken(&JUDGE, &event),
        ["/payload x-unique-names assumed", "/payload/custom_properties/devices x-unique-names assumed"]
    );
}

#[test]
fn names_that_stand_twice_below_a_long_name_cost_no_more_than_the_text() {
    let name = "n".repeat(200_000);
    let twice = r#""a":1,"#.repeat(50_000);
    let event = format!(r#"{{"type":"custom_event","{name}":{{{twice}"b":2}}}}"#);
    let violations = judged(&JUDGE, &event).violations;
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
        message(&event("/timestamp", json!(NOW * 1000))),
        "is in microseconds: milliseconds since 1970 are expected, so divide it by 1000"
    );
    assert_eq!(
        message(&event("/timestamp", json!(NOW * 1_000_000))),
        "is in nanoseconds: milliseconds since 1970 are expected, so divide it by 1000000"
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
