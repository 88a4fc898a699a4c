//! How the generated types are read by serde, whatever the deserializer.

use std::time::{Duration, Instant};

use copilot_gen::{
    InvalidInput,
    json::Json,
    types::{CollectResponse, Event, InvalidEvent},
};
use copilot_tests::arbitrary::NOW;

#[test]
fn an_answer_is_read_leniently_where_nothing_depends_on_it() {
    let read = |json: &str| serde_json::from_str::<InvalidEvent>(json).ok();
    for (json, index) in [
        (r#"{"index":3}"#, Some(3)),
        (r#"{"index":"3"}"#, None),
        (r#"{"index":3.5}"#, None),
        (r#"{"index":{"$serde_json::private::RawValue":"3"}}"#, None),
        (r#"{"index":null,"new":{"a":1,"a":2}}"#, None),
        (r#"{"index":4,"event_id":7,"error":{"code":7}}"#, Some(4)),
    ] {
        assert_eq!(read(json).expect(json).index, index, "{json}");
    }
    // Which of the two is meant decides what became of events.
    assert!(
        serde_json::from_str::<CollectResponse>(r#"{"invalid_events":[{}],"invalid_events":[]}"#).is_err()
    );
    assert!(read(r#"{"index":3,"index":4}"#).is_none());
}

/// Odd values, as they are written.
const ODD: &[&str] = &[
    "-0",
    "5.0",
    "1E400",
    "-1e-400",
    "9007199254740993",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854776833",
    "9223372036854775295.9",
    "0.1000000000000000055511151231257827021181583404541015625",
    "[[1]]",
    r#""u\u002d1""#,
    "\"\u{1}\"",
    r#"{"a":1,"a":2}"#,
    r#"{"$serde_json::private::Number":"5"}"#,
    r#"{"$serde_json::private::Numbe\u0072":"5","$serde_json::private::Number":"6"}"#,
    r#"{"$serde_json::private::RawValue":"5"}"#,
    r#"1,"user_id":"u-2""#,
    r#"1,"us\u0065r_id":"u-2""#,
    r#"1}, "payload":{"subtype":"s","user_id":"u-1""#,
    r#"1}, "typ\u0065":"custom_event","a":{"b":1"#,
    r#"1}} {"a":{"b":1"#,
];

#[test]
fn a_text_is_read_as_the_json_that_stands_in_it() {
    let mut taken = 0;
    for odd in ODD {
        let payloads = [
            format!(r#"{{"subtype":"s","user_id":"u-1","odd":{odd}}}"#),
            format!(r#"{{"user_id":{odd},"subtype":"s"}}"#),
            (*odd).to_owned(),
        ];
        for (at, payload) in payloads.iter().enumerate() {
            for text in [
                format!(r#"{{"type":"custom_event","event_id":"e","timestamp":{NOW},"payload":{payload}}}"#),
                format!(r#"{{"payload":{payload},"event_id":"e","timestamp":{NOW},"type":"custom_event"}}"#),
            ] {
                let read = Json::parse(&text).map_err(InvalidInput::from).and_then(|json| {
                    let violations = Event::violations_in(&json, NOW);
                    InvalidInput::if_any(violations).map(|()| Event::try_from(json).expect(&text))
                });
                assert_eq!(format!("{:?}", Event::parse(&text, NOW)), format!("{read:?}"), "{text}");
                taken += usize::from(read.is_ok() && at == 0);
            }
        }
    }
    assert!(taken > 10, "only {taken} of them are good");
}

#[test]
fn properties_without_number_are_read_in_time_that_grows_with_it() {
    let names: Vec<String> = (0..200_000).rev().map(|number| format!(r#""p{number:06}":1"#)).collect();
    let text = format!(
        r#"{{"type":"custom_event","event_id":"e","timestamp":{NOW},"payload":{{"subtype":"s","user_id":"u",{}}}}}"#,
        names.join(",")
    );
    let started = Instant::now();
    let event: Event = serde_json::from_str(&text).unwrap();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let limit = event.violations(NOW);
    assert_eq!(limit.iter().map(|found| found.rule()).collect::<Vec<_>>(), ["x-property-limit"]);
    assert_eq!(Event::parse(&text, NOW).unwrap_err().violations(), limit);
}
