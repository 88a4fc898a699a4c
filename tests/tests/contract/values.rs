//! Rules that hold for a whole space of values: good events, texts near the border, and the schemas of the types.

use std::{fmt::Display, str::FromStr};

use copilot_gen::{
    IntoEvent, InvalidInput,
    types::{self, CustomEventPayload, Event, Properties, PropertyValue},
};
use copilot_tests::{
    arbitrary::{self, NOW},
    judge, spec,
};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Reads a text as one of the string types in every way there is; they must agree. The error is `None` for `Ok`.
type Reader = fn(&str) -> Option<String>;

fn read<T>(text: &str) -> Option<String>
where
    T: FromStr + DeserializeOwned + TryFrom<String> + for<'a> TryFrom<&'a str> + Into<String>,
    <T as FromStr>::Err: Display,
    <T as TryFrom<String>>::Error: Display,
{
    let parsed = text.parse::<T>();
    assert_eq!(parsed.is_ok(), <T as TryFrom<&str>>::try_from(text).is_ok());
    let owned = <T as TryFrom<String>>::try_from(text.to_owned());
    let from_json = serde_json::from_value::<T>(json!(text));
    match (parsed, owned, from_json) {
        (Ok(parsed), Ok(owned), Ok(from_json)) => {
            for value in [parsed, owned, from_json] {
                assert_eq!(value.into(), text);
            }
            None
        }
        (Err(parsed), Err(owned), Err(from_json)) => Some(format!("{parsed}\n{owned}\n{from_json}")),
        _ => panic!("the ways of reading {text:?} do not agree"),
    }
}

/// The checked string types, by the name of their schema.
const STRINGS: &[(&str, Reader)] = &[
    ("UserId", read::<types::UserId>),
    ("ThingId", read::<types::ThingId>),
    ("EventId", read::<types::EventId>),
    ("Token", read::<types::Token>),
    ("Email", read::<types::Email>),
    ("UtcOffset", read::<types::UtcOffset>),
];

#[test]
fn every_string_schema_of_the_contract_has_a_checked_type() {
    let mut tested: Vec<&str> = STRINGS.iter().map(|(name, _)| *name).collect();
    let mut named = spec::bounded_schemas("string");
    tested.sort_unstable();
    named.sort_unstable();
    assert_eq!(tested, named);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_good_event_is_read_judged_and_written_unchanged(json in arbitrary::event()) {
        let text = json.to_string();
        let event: Event = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(event.violations(NOW), vec![]);
        prop_assert_eq!(serde_json::to_value(&event).unwrap(), json.clone());
        let written: Value = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        prop_assert_eq!(&written, &json);
        let again: Event = serde_json::from_value(written).unwrap();
        prop_assert_eq!(again, event);
    }

    #[test]
    fn what_is_sent_is_what_serialize_writes(json in arbitrary::spoilt_event()) {
        if let Ok(event) = serde_json::from_value::<Event>(json) {
            let mut sent = b"[".to_vec();
            event.write(&mut sent);
            prop_assert_eq!(String::from_utf8(sent).unwrap(), format!("[{}", serde_json::to_string(&event).unwrap()));
        }
    }

    #[test]
    fn a_text_is_taken_if_nothing_is_found_in_its_json(json in arbitrary::spoilt_event()) {
        let found = Event::violations_in(&(&json).into(), NOW);
        let read = Event::parse(&json.to_string(), NOW).map_err(InvalidInput::into_violations);
        prop_assert_eq!(read.as_ref().err(), (!found.is_empty()).then_some(&found));
        prop_assert!(read.is_err() || serde_json::to_value(read.unwrap()).unwrap() == json);
    }

    #[test]
    fn any_json_inside_an_event_is_judged_as_json_schema_judges_it(json in arbitrary::spoilt_event()) {
        let violations = Event::violations_in(&(&json).into(), NOW);
        let refused = violations.iter().any(|violation| !violation.rule().starts_with("x-"));
        prop_assert_eq!(judge::STRICT.is_valid(&json), !refused, "{:?}", violations);
        prop_assert!(refused || judge::MODERN.is_valid(&json), "{:?}", violations);
    }

}

fn strings_near_the_border() -> impl Strategy<Value = (&'static str, Reader, String)> {
    prop::sample::select(STRINGS)
        .prop_flat_map(|(name, reader)| (Just(name), Just(reader), arbitrary::nearly(spec::schema(name))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_checked_string_takes_what_the_regex_crate_and_the_lengths_take((name, reader, text) in strings_near_the_border()) {
        let schema = spec::schema(name);
        let length = text.chars().count() as u64;
        let good = spec::matches(schema["pattern"].as_str().unwrap(), &text)
            && schema["minLength"].as_u64().is_none_or(|shortest| length >= shortest)
            && schema["maxLength"].as_u64().is_none_or(|longest| length <= longest);
        prop_assert_eq!(reader(&text).is_none(), good);
    }

    #[test]
    fn the_error_of_a_checked_string_never_holds_the_text(
        (_, reader, _) in strings_near_the_border(),
        // Letters that stand in no sentence of ours, among some that stand in many secrets.
        secret in "[a-zA-Z0-9]{8}[ЖЩЪЮЯжщъюя☃🫖 ]{1,8}[a-zA-Z0-9]{8}",
    ) {
        let error = reader(&secret).expect("no such text is allowed");
        prop_assert!(!error.contains(&secret[..8]) && !error.contains(&secret[secret.len() - 8..]), "{}", error);
        prop_assert!(!secret.chars().any(|letter| !letter.is_ascii() && error.contains(letter)), "{}", error);
    }
}

#[test]
fn a_number_of_a_free_property_is_finite_and_lies_within_64_bits() {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    for (number, good) in [
        // What JSON cannot write would become null.
        (f64::NAN, false),
        (f64::NEG_INFINITY, false),
        (-0.0, true),
        (-BOUND, true),
        (BOUND.next_down(), true),
        (BOUND, false),
        ((-BOUND).next_down(), false),
    ] {
        // The fields are open, so that the builder, which checks them, can be passed by.
        let mut custom = CustomEventPayload::builder().subtype("brewed").user_id("u-1").build().unwrap();
        custom.extra = Properties::from_iter([("litres", number)]);
        let event = custom.into_event("free-1".parse().unwrap(), types::EventTime(NOW));
        let violations = event.violations(NOW);
        let found: Vec<_> = violations.iter().map(|found| (found.pointer(), found.rule())).collect();
        assert_eq!(found, if good { vec![] } else { vec![("/payload/litres", "anyOf")] }, "{number}");
        assert_eq!(serde_json::from_value::<PropertyValue>(json!(number)).is_ok(), good, "{number}");
    }
}

/// Of the fields, which are open; the builders refuse it as well (properties.rs).
#[test]
fn a_further_property_with_the_name_of_a_listed_one_is_refused() {
    for (name, refused) in [("user_id", true), ("subtype", true), ("further", false)] {
        let mut custom = CustomEventPayload::builder().subtype("brewed").user_id("u-1").build().unwrap();
        custom.extra = Properties::from_iter([(name, "twice")]);
        let event = custom.into_event("twice-1".parse().unwrap(), types::EventTime(NOW));
        let violations = event.violations(NOW);
        let found: Vec<_> =
            violations.iter().map(|found| (found.pointer().to_owned(), found.rule())).collect();
        let expected = refused.then(|| (format!("/payload/{name}"), "x-unique-names"));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn the_schemas_of_the_types_carry_the_bounds_of_the_contract() {
    let schema = schemars::schema_for!(Event).to_value();
    assert_eq!(schema["oneOf"].as_array().unwrap().len(), copilot_gen::EVENT_TYPES.len());
    let names = [spec::bounded_schemas("string"), spec::bounded_schemas("integer")].concat();
    assert!(names.contains(&"UserId") && names.contains(&"EventTime"));
    for name in names {
        let (ours, theirs) = (&schema["$defs"][name], spec::schema(name));
        for keyword in ["type", "pattern", "minLength", "maxLength", "minimum", "maximum"] {
            assert_eq!(ours[keyword], theirs[keyword], "{keyword} of {name} in {ours}");
        }
    }
    let utc = schemars::schema_for!(copilot_api::UtcTimestamp).to_value();
    for keyword in ["type", "format", "pattern", "minLength", "maxLength"] {
        assert_eq!(utc[keyword], spec::schema("UtcTimestamp")[keyword], "{keyword} in {utc}");
    }
    for (at, theirs) in spec::schema("PropertyValue")["anyOf"].as_array().unwrap().iter().enumerate() {
        let ours = &schema["$defs"]["PropertyValue"]["anyOf"][at];
        for keyword in ["type", "minimum", "maximum"] {
            assert_eq!(ours[keyword], theirs[keyword], "{keyword} in {ours}");
        }
    }
}

#[test]
fn the_schema_of_the_event_takes_the_examples_and_refuses_bad_ones() {
    let validator = jsonschema::draft202012::new(&schemars::schema_for!(Event).to_value()).unwrap();
    for event in spec::event_types() {
        assert_eq!(judge::errors(&validator, event.example), [""; 0], "{}", event.name);
        let mut json = event.example.clone();
        json["event_id"] = json!("a b");
        assert!(!validator.is_valid(&json), "{json}");
    }
}
