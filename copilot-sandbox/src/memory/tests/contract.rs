//! The names that the projection goes by are those of the contract, so that a rename there is noticed here.

use super::*;

/// The types that mean more than "seen", and the properties that are read of them beside the ids.
const SPECIAL: &[(&str, &[&str])] = &[
    ("user_created", &["user_id", "email", "copilot_analysis_consent"]),
    ("user_updated", &["user_id", "email", "copilot_analysis_consent"]),
    ("preexisting_user_created", &["user_id", "email", "copilot_analysis_consent"]),
    ("user_deleted", &["user_id"]),
    ("thing_created", &["thing_id", "user_id", "firmware_version"]),
    ("thing_updated", &["thing_id", "user_id", "firmware_version"]),
    ("preexisting_thing_created", &["thing_id", "user_id", "firmware_version"]),
    ("firmware_upgrade_completed", &["thing_id", "user_id", "firmware_version"]),
    ("thing_status_changed", &["thing_id", "status_key", "status_value", "status_date"]),
    ("user_thing_associated", &["user_id", "thing_id"]),
    ("preexisting_user_thing_associated", &["user_id", "thing_id"]),
    ("user_thing_disassociated", &["user_id", "thing_id"]),
    ("unsubscribe", &["email"]),
    ("preexisting_sync_started", &[]),
    ("preexisting_sync_completed", &[]),
];

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
    for (event_type, names) in SPECIAL {
        assert!(known_types().contains(*event_type), "the contract has no {event_type}");
        for name in *names {
            assert!(properties(event_type).contains(*name), "{event_type} has no {name}");
        }
    }
}

/// Every text in the source of the projection is a name of the contract, or how names of it begin.
#[test]
fn the_projection_writes_no_name_that_the_contract_does_not_have() {
    let source = include_str!("../people.rs");
    let code =
        source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let texts: BTreeSet<&str> = code.split('"').skip(1).step_by(2).collect();
    let types = known_types();
    let all_properties: BTreeSet<String> = types.iter().flat_map(|name| properties(name)).collect();
    assert!(texts.len() > 15, "{texts:?}");
    for text in &texts {
        let begins = text.ends_with('_') && types.iter().any(|name| name.starts_with(text));
        assert!(types.contains(*text) || all_properties.contains(*text) || begins, "{text}");
    }
    for (event_type, _) in SPECIAL {
        assert!(texts.contains(event_type), "{event_type} is no longer special");
    }
}

#[test]
fn every_type_that_tells_an_address_of_a_user_is_one_that_erasure_knows() {
    for event_type in known_types() {
        let properties = properties(&event_type);
        let is_special = SPECIAL.iter().any(|(name, read)| *name == event_type && read.contains(&"email"));
        assert_eq!(properties.contains("email"), is_special, "{event_type}");
        let tells_consent = properties.contains("copilot_analysis_consent");
        assert_eq!(tells_consent, is_special && event_type != "unsubscribe", "{event_type}");
    }
}
