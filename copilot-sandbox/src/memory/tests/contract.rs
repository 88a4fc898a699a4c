//! The names that the projection goes by are those of the contract, so that a rename there is noticed here.

use super::*;
use crate::memory::projection::{EFFECTS, Effect};

/// What is read of the payload for an effect.
fn read_for(effect: &Effect) -> &'static [&'static str] {
    match effect {
        Effect::UserProfile => &["user_id", "email", "copilot_analysis_consent"],
        Effect::UserDeleted => &["user_id"],
        Effect::ThingProfile => &["thing_id", "user_id"],
        Effect::ThingStatus => &["thing_id", "status_key", "status_value", "status_date"],
        Effect::Associated | Effect::Disassociated => &["user_id", "thing_id"],
        Effect::Unsubscribed => &["email"],
        Effect::Synced | Effect::SyncStarted | Effect::SyncCompleted => &[],
    }
}

/// The properties that the contract lists in the payload of this type.
fn properties(event_type: &str) -> BTreeSet<String> {
    let schemas = &CONTRACT["components"]["schemas"];
    let resolve = |schema: &Value| {
        let target = schema["$ref"].as_str().map(|target| target.trim_start_matches('#'));
        target.map_or_else(|| schema.clone(), |target| CONTRACT.pointer(target).unwrap().clone())
    };
    let mapping = &schemas["Event"]["discriminator"]["mapping"];
    let event = resolve(&json!({ "$ref": mapping[event_type] }));
    let payload = resolve(&event["properties"]["payload"]);
    payload["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[test]
fn what_is_read_of_an_event_is_in_the_contract() {
    for (event_type, effects) in EFFECTS {
        assert!(known_types().contains(*event_type), "the contract has no {event_type}");
        for name in effects.iter().flat_map(read_for) {
            assert!(properties(event_type).contains(*name), "{event_type} has no {name}");
        }
    }
}

#[test]
fn what_the_contract_says_of_addresses_and_consent_is_read() {
    for event_type in known_types() {
        let effects = EFFECTS.iter().find(|(name, _)| *name == event_type).map_or(&[][..], |found| found.1);
        let read: Vec<_> = effects.iter().flat_map(read_for).collect();
        for name in ["email", "copilot_analysis_consent"] {
            assert_eq!(read.contains(&&name), properties(&event_type).contains(name), "{event_type}: {name}");
        }
    }
}
