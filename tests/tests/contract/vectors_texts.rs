//! The vectors of JSON texts: what is lost where text becomes values. Client and sandbox say the same of each.

use copilot_api::parse_event;
use copilot_gen::{
    json::Json,
    types::{ConsentChange, Event},
};
use copilot_sandbox::Sandbox;
use copilot_tests::{
    sandbox::{COLLECT, Caller, SET_CONSENT},
    vectors::{self, Break, Text},
};

fn sorted(mut breaks: Vec<Break>) -> Vec<Break> {
    breaks.sort();
    breaks
}

fn events() -> Vec<Text> {
    vectors::texts().cases.into_iter().filter(|case| case.operation == "collect").collect()
}

fn consents() -> Vec<Text> {
    vectors::texts().cases.into_iter().filter(|case| case.operation == "set_consent").collect()
}

#[test]
fn the_client_says_of_each_text_of_an_event_what_the_vector_says() {
    let now = vectors::texts().now;
    let (mut good, mut broken, mut unreadable) = (0, 0, 0);
    for case in events() {
        let name = &case.name;
        let json = match Json::parse(&case.text) {
            Ok(json) => json,
            Err(error) => {
                assert!(!case.json, "{name}: {error}");
                unreadable += 1;
                continue;
            }
        };
        assert!(case.json, "{name} is read");
        let found = Event::violations_in(&json, now).into_iter().map(|found| Break {
            pointer: found.pointer().to_owned(),
            rule: found.rule().to_owned(),
            grade: found.provenance().to_string(),
        });
        assert_eq!(sorted(found.collect()), sorted(case.breaks), "{name}");
        if case.valid {
            good += 1;
            let event = Event::try_from(json.clone()).unwrap();
            assert_eq!(event.violations(now), [], "{name}");
            let written = serde_json::to_string(&event).unwrap();
            assert_eq!(Json::parse(&written).unwrap(), json, "{name}: {written}");
        } else {
            broken += 1;
        }
    }
    assert!(
        good > 20 && broken > 20 && unreadable > 20,
        "{good} good, {broken} broken, {unreadable} unreadable"
    );
}

#[test]
fn what_is_no_json_is_told_by_what_is_wrong_and_where_and_never_repeated() {
    let head = r#"{"secret":"#;
    for (end, words) in [
        (r#""\ud800"}"#, "half of a surrogate pair, which is no character, at line 1, column 12"),
        (r#""\ud83e\u0041"}"#, "half of a surrogate pair, which is no character, at line 1, column 12"),
        (r#""\x"}"#, "an escape that JSON does not have, at line 1, column 12"),
        ("\"\t\"}", "a control character stands in a string as it is, at line 1, column 12"),
        (r#""secret"#, "the text ends before the value does, at line 1, column 18"),
        ("\n  secret}", "JSON cannot go on like this, at line 2, column 3"),
        ("\r\n \"é\" 7}", "JSON cannot go on like this, at line 2, column 6"),
        (r#""secret"} x"#, "something follows the value, at line 1, column 21"),
    ] {
        let text = format!("{head}{end}");
        let error = parse_event(&text).unwrap_err();
        assert_eq!(error.to_string(), format!("not JSON: {words} (json, seed)"), "{text}");
        let [violation] = error.violations() else { panic!("{error}") };
        assert_eq!((violation.pointer(), violation.rule()), ("", "json"));
        assert!(!format!("{error:?}").contains("secret"));
    }
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Json::parse(&deep(128)).is_ok());
    let too_deep = Json::parse(&deep(129)).unwrap_err().to_string();
    assert!(too_deep.contains("128 levels, at line 1, column 130"), "{too_deep}");
    assert!(Json::parse(&"[".repeat(1_000_000)).is_err());
    assert!(Json::parse("\u{feff}{}").unwrap_err().to_string().contains("a byte order mark"));
}

#[test]
fn names_that_stand_twice_below_a_long_name_cost_no_more_than_the_text() {
    let (name, twice) = ("n".repeat(200_000), r#""a":1,"#.repeat(50_000));
    let more: String = (0..50_000).map(|number| format!(r#""{number}":1,"{number}":2,"#)).collect();
    let text = format!(r#"{{"type":"custom_event","{name}":{{{twice}{more}"b":2}}}}"#);
    let violations = Event::violations_in(&Json::parse(&text).unwrap(), 0);
    assert!(violations.iter().any(|found| found.rule() == "x-unique-names"));
    assert!(violations.iter().map(|found| found.pointer().len()).sum::<usize>() < 1_000_000);
}

/// What serde_json does to a text before the types see it. Only `parse_event` reads it as it is written.
fn is_changed_by_serde_json(case: &Text) -> bool {
    if cfg!(feature = "foreign-json-features") {
        // With `arbitrary_precision` it hands out a number as such an object.
        case.name.ends_with("the one member $serde_json::private::Number")
            || case.name.ends_with("the one name $serde_json::private::Number")
    } else {
        // It rounds an integer that is a little below -2^63 to that.
        case.name == "one less than the least integer of 64 bits"
    }
}

/// serde has no rules of the contract, but it must not read what the text does not say.
#[test]
fn the_types_read_each_text_as_it_is_written_or_not_at_all() {
    let numbers_are_texts = serde_json::from_str::<serde_json::Number>("1e400").is_ok();
    assert_eq!(numbers_are_texts, cfg!(feature = "foreign-json-features"));
    for case in events() {
        match serde_json::from_str::<Event>(&case.text) {
            _ if is_changed_by_serde_json(&case) => {}
            Ok(event) => {
                assert!(case.valid, "{}: {event:?}", case.name);
                let written = serde_json::to_string(&event).unwrap();
                assert_eq!(Json::parse(&written).unwrap(), Json::parse(&case.text).unwrap(), "{}", case.name);
            }
            Err(error) => assert!(!case.valid, "{}: {error}", case.name),
        }
    }
    for case in consents() {
        assert_eq!(serde_json::from_str::<ConsentChange>(&case.text).is_ok(), case.valid, "{}", case.name);
    }
    assert!(serde_json::from_str::<ConsentChange>(r#"["user-7",true]"#).is_err());
}

#[tokio::test]
async fn the_sandbox_says_of_each_text_what_the_vector_says() {
    let sandbox = Sandbox::builder().clock(vectors::texts().now).start().unwrap();
    let caller = Caller::of(&sandbox);
    let send = async |path, body| {
        let answer = caller.post_text(path, body).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for case in events() {
        sandbox.reset();
        let (name, body) = (&case.name, format!(r#"{{"events":[{}]}}"#, case.text));
        let (status, words) = send(COLLECT, body).await;
        assert_eq!(status, if case.json { 200 } else { 400 }, "{name}: {words}");
        let Some(received) = sandbox.events().into_iter().next() else {
            assert!(!case.json, "{name}");
            continue;
        };
        let found = received.violations.iter().map(|found| Break {
            pointer: found.pointer.clone(),
            rule: found.rule.clone(),
            grade: found.provenance.clone().unwrap_or_default(),
        });
        assert_eq!(sorted(found.collect()), sorted(case.breaks), "{name}");
        assert_eq!(received.event.get(), case.text.trim(), "{name}");
    }
    for case in consents() {
        let (status, words) = send(SET_CONSENT, case.text).await;
        assert_eq!(status, if case.valid { 204 } else { 400 }, "{}: {words}", case.name);
        for Break { pointer, rule, grade } in case.breaks {
            assert!(words.contains(&pointer) && words.contains(&format!("({rule}, {grade})")), "{words}");
        }
    }
}
