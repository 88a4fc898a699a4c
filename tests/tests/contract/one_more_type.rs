//! One more type of event, added by editing nothing but the contract (see build.rs): its types and its rules.

use grown::{EVENT_TYPES, IntoEvent, types};
use serde_json::{Value, json};

/// What `copilot-gen` would be with that contract.
mod grown {
    pub(crate) use copilot_gen::{answer, contract, json, properties, raw};

    #[allow(missing_docs, unused, unreachable_pub, clippy::all)]
    #[allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
    #[rustfmt::skip]
    mod generated {
        include!(concat!(env!("OUT_DIR"), "/one_more_type.rs"));
    }

    pub(crate) use generated::{EVENT_TYPES, IntoEvent, types};
}

const NOW: i64 = 1_795_509_000_000;

fn repaired() -> types::Event {
    let payload =
        types::ThingRepairedPayload::builder().thing_id("A4:CF:12:00:9B:3E").part("heater").cost(20.5);
    payload.into_event("repair-1", types::EventTime(NOW)).unwrap()
}

fn repaired_json() -> Value {
    json!({
        "type": "thing_repaired",
        "event_id": "repair-1",
        "timestamp": NOW,
        "payload": { "thing_id": "A4:CF:12:00:9B:3E", "part": "heater", "cost": 20.5 }
    })
}

#[test]
fn the_new_event_is_built_read_and_written_like_any_other() {
    assert_eq!([&copilot_gen::EVENT_TYPES[..], &["thing_repaired"]].concat(), EVENT_TYPES);
    let event = repaired();
    assert_eq!(event.event_type(), "thing_repaired");
    assert_eq!((event.thing_id().unwrap().as_str(), event.user_id()), ("A4:CF:12:00:9B:3E", None));
    assert_eq!(serde_json::to_value(&event).unwrap(), repaired_json());
    assert_eq!(serde_json::from_value::<types::Event>(repaired_json()).unwrap(), event);
    let problem = types::ThingRepairedPayload::builder().part("heater").build().unwrap_err().to_string();
    assert!(problem.contains("thing_id"), "{problem}");
}

#[test]
fn a_property_of_every_kind_is_set_and_written_and_what_it_must_not_be_is_named() {
    let builder = types::ThingRepairedPayload::builder().thing_id("t-1");
    let good = builder
        .clone()
        .type_("on-site")
        .urgency(types::Urgency::Later)
        .remark("Sealed again.")
        .repair_count(2)
        .hours(3)
        .paid(true)
        .note("None.")
        .anything(types::PropertyValue::Double(0.5))
        .more(types::Properties::default())
        .at(std::time::SystemTime::UNIX_EPOCH);
    let written = json!({
        "thing_id": "t-1", "type": "on-site", "urgency": "later", "Remark": "Sealed again.", "repair-count": 2,
        "hours": 3, "paid": true, "note": "None.", "anything": 0.5, "more": {}, "at": 0
    });
    assert_eq!(serde_json::to_value(good.build().unwrap()).unwrap(), written);

    let bad = builder.type_("off-site").urgency("soon").repair_count(0).at(-1);
    let error = bad.anything(types::PropertyValue::Double(f64::NAN)).build().unwrap_err();
    let found: Vec<_> = error.violations().iter().map(|found| (found.pointer(), found.rule())).collect();
    assert_eq!(
        found,
        [
            ("/anything", "anyOf"),
            ("/at", "minimum"),
            ("/repair-count", "minimum"),
            ("/type", "enum"),
            ("/urgency", "enum")
        ]
    );
}

#[test]
fn the_rules_of_the_new_event_are_checked() {
    assert_eq!(repaired().violations(NOW), []);
    assert_eq!(types::Event::violations_in(&(&repaired_json()).into(), NOW), []);
    for (place, value, pointer, rule) in [
        ("part", json!("a b"), "/payload/part", "pattern"),
        ("cost", json!("dear"), "/payload/cost", "type"),
        ("warranty", json!(true), "/payload/warranty", "additionalProperties"),
    ] {
        let mut json = repaired_json();
        json["payload"][place] = value;
        let violations = types::Event::violations_in(&(&json).into(), NOW);
        let [violation] = violations.as_slice() else { panic!("{json}: {violations:?}") };
        assert_eq!((violation.pointer(), violation.rule()), (pointer, rule));
        assert!(serde_json::from_value::<types::Event>(json.clone()).is_err(), "{json}");
    }
    let [late] = &repaired().violations(NOW + 31 * 86_400_000)[..] else {
        panic!("a late event is accepted")
    };
    assert_eq!((late.pointer(), late.rule()), ("/timestamp", "x-time-window"));
    let unknown = copilot_gen::types::Event::violations_in(&(&repaired_json()).into(), NOW);
    assert_eq!((unknown[0].pointer(), unknown[0].rule()), ("/type", "discriminator"));
}

#[test]
fn no_name_of_a_property_is_taken_by_the_generated_code() {
    let payload = json!({
        "given": "g", "judge": "j", "members": "m", "name": "n", "subtype": "s", "user_id": "u", "value": "v", "more": 1
    });
    let built =
        types::CustomEventPayload::builder().subtype("s").user_id("u").given("g").judge("j").members("m");
    let built =
        built.name("n").value("v").extra(types::Properties::from_iter([("more", 1)])).build().unwrap();
    assert_eq!(serde_json::from_value::<types::CustomEventPayload>(payload).unwrap(), built);
}
