//! The generator: what is in the contract comes out, always in the same bytes, and what it cannot check it refuses.

use copilot_codegen::{Contract, generate};
use copilot_tests::spec;
use serde_json::{Value, json};

/// The real contract after an edit.
fn edited(edit: impl FnOnce(&mut Value)) -> Contract {
    let mut root = spec::ROOT.clone();
    edit(&mut root);
    assert_ne!(root, *spec::ROOT, "the edit changes nothing");
    Contract::from_value(root).unwrap()
}

fn at<'a>(root: &'a mut Value, pointer: &str) -> &'a mut Value {
    root.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"))
}

/// The patch (RFC 7386) of the payload of `user_deleted` that adds this property.
fn property(name: &str, property: Value) -> Value {
    json!({ "UserDeletedPayload": { "properties": { name: property } } })
}

fn refer(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn token() -> Value {
    refer("Token")
}

/// The real contract after a patch of its schemas.
fn patched(patch: &Value) -> Contract {
    edited(|root| merge(at(root, "/components/schemas"), patch))
}

fn merge(target: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else { return *target = patch.clone() };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, member) in members {
        match member {
            Value::Null => _ = target.as_object_mut().and_then(|object| object.remove(name)).expect(name),
            member => merge(&mut target[name], member),
        }
    }
}

#[test]
fn the_same_contract_gives_the_same_bytes() {
    let contract = Contract::parse(spec::YAML).unwrap();
    let first = generate(&contract).unwrap();
    assert!(first.starts_with("// @generated") && first.ends_with("}\n"));
    assert_eq!(first, generate(&contract).unwrap());
    // From its JSON form as well.
    assert_eq!(first, generate(&Contract::parse(&contract.to_json()).unwrap()).unwrap());
}

/// Each contract must be refused with an error that holds these words.
fn assert_refused(contracts: impl IntoIterator<Item = (String, Contract, Vec<&'static str>)>) {
    let mut failures = Vec::new();
    for (edit, contract, words) in contracts {
        let said = generate(&contract).map_or_else(|error| error.to_string(), |_| "accepted".to_owned());
        if !words.iter().all(|word| said.contains(word)) {
            failures.push(format!("{edit}: {words:?}, but it says: {said}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The same of patches of the schemas.
fn assert_patches_refused<const N: usize>(rows: [(Value, &[&'static str]); N]) {
    assert_refused(rows.map(|(patch, words)| (patch.to_string(), patched(&patch), words.to_vec())));
}

/// A place beside the schemas, its edit, and the words.
type Edit<'a> = (&'a str, fn(&mut Value), &'a [&'static str]);

/// The same of edits of a place beside the schemas.
fn assert_edits_refused<const N: usize>(rows: [Edit<'_>; N]) {
    assert_refused(rows.map(|(place, edit, words)| {
        (place.to_owned(), edited(|root| edit(at(root, place))), words.to_vec())
    }));
}

#[test]
fn a_rewrite_whose_reason_is_gone_says_that_it_is_to_be_deleted() {
    const GONE: &str = "delete this rewrite";
    let unbounded = json!({ "minimum": null, "maximum": null });
    let mut scalars = spec::schema("PropertyValue")["anyOf"].clone();
    for scalar in scalars.as_array_mut().unwrap() {
        scalar
            .as_object_mut()
            .unwrap()
            .retain(|keyword, _| !["minimum", "maximum"].contains(&keyword.as_str()));
    }
    let names = spec::ROOT["components"]["schemas"].as_object().unwrap().keys();
    let all =
        names.map(|name| (format!("x_{name}"), json!({ "$ref": format!("#/components/schemas/{name}") })));
    let all: Value = all.collect();
    assert_patches_refused([
        (json!({ "Event": { "oneOf": null } }), &["inline_event_variants", GONE]),
        (json!({ "CustomEventPayload": { "allOf": null } }), &["drop_conditions", GONE]),
        (json!({ "EpochMillis": unbounded, "EventTime": unbounded }), &["drop_integer_ranges", GONE]),
        (json!({ "PropertyValue": { "anyOf": scalars } }), &["drop_ranges_of_alternatives", GONE]),
        (json!({ "CollectResponse": { "properties": all } }), &["drop_unreferenced_schemas", GONE]),
    ]);
    assert_edits_refused([
        (
            "/paths/~1v2~1api~1report~1user_copilot_analysis_consent_changed/post/responses",
            |responses| merge(responses, &json!({ "204": null })),
            &["merge_success_responses", GONE],
        ),
        (
            "/paths/~1v2~1collect/post/responses",
            |responses| responses.as_object_mut().unwrap().retain(|status, _| status == "200"),
            &["unify_error_responses", "collect", GONE],
        ),
    ]);
}

#[test]
fn a_contract_that_does_not_say_enough_is_refused() {
    assert_patches_refused([
        (json!({ "Token": { "pattern": "^[a-z]*" } }), &["Token", "begin with ^ and end with $"]),
        (json!({ "Token": { "x-provenance": null } }), &["Token", "x-provenance is missing"]),
        (json!({ "EpochMillis": { "format": null } }), &["EpochMillis", "int64"]),
        (
            json!({ "UserDeletedPayload": { "additionalProperties": null } }),
            &["UserDeletedPayload", "additionalProperties"],
        ),
        (
            json!({ "Event": { "discriminator": { "mapping": { "x": "#/components/schemas/ThingLostEvent" } } } }),
            &["ThingLostEvent"],
        ),
        (json!({ "ConsentChange": { "x-unique-names": null } }), &["ConsentChange", "x-unique-names"]),
        (
            json!({ "EventTime": { "x-time-window": { "future": null } } }),
            &["EventTime", "x-time-window", "future"],
        ),
        (json!({ "Event": { "x-property-limit": { "within": null } } }), &["Event", "x-property-limit"]),
        // Events that name their ids differently.
        (json!({ "UserDeletedEvent": { "properties": { "event_id": token() } } }), &["event_id"]),
    ]);
    assert!(Contract::parse("- a list").is_err());
    assert!(Contract::parse("a: [").is_err());
}

#[test]
fn a_rule_that_would_silently_not_be_checked_is_refused() {
    let choice = spec::schema("PropertyValue");
    let mut no_integer = schema_named("Motive");
    no_integer["Motive"] = choice.clone();
    no_integer["Motive"]["anyOf"].as_array_mut().unwrap().remove(1);
    let condition = |alternatives: Value| {
        let mut all = spec::schema("CustomEventPayload")["allOf"].clone();
        all[0]["anyOf"] = alternatives;
        json!({ "CustomEventPayload": { "allOf": all } })
    };
    let limit = &spec::schema("Event")["x-property-limit"];
    let above_zero = json!({ "type": "number", "format": "double", "minimum": 0, "exclusiveMinimum": true, "x-provenance": "assumed" });
    assert_patches_refused([
        (json!({ "UserDeletedPayload": { "maxProperties": 1 } }), &["UserDeletedPayload", "maxProperties"]),
        (json!({ "EpochMillis": { "multipleOf": 1000 } }), &["EpochMillis", "multipleOf"]),
        (json!({ "UserId": { "nullable": true } }), &["UserId", "nullable"]),
        // A rule of another kind of value, and one beside a reference.
        (json!({ "EpochMillis": { "maxLength": 13 } }), &["EpochMillis", "maxLength"]),
        (property("motive", above_zero), &["exclusiveMinimum"]),
        (property("user_id", json!({ "maxLength": 5 })), &["maxLength"]),
        // Where it would mean nothing, or something else in Rust.
        (property("motive", refer("EventTime")), &["motive", "time window"]),
        (json!({ "Token": { "enum": ["a", "b"] } }), &["Token", "a few values"]),
        (
            condition(json!([{ "required": ["motive"] }, { "required": ["thing_id"] }])),
            &["CustomEventPayload", "`motive`", "not among its properties"],
        ),
        (
            condition(json!([{ "required": [] }, { "required": ["thing_id"] }])),
            &["CustomEventPayload", "`required` only"],
        ),
        (property("motive", choice.clone()), &["motive", "must be a named schema"]),
        // typify checks such values with crates that the generated code does not have, or by integers of odd types.
        (
            property("motive", with_rules("string", "pattern", json!("^[a-z]*$"))),
            &["motive", "must be a named schema"],
        ),
        (
            property("motive", with_rules("integer", "minimum", json!(1))),
            &["motive", "must be a named schema"],
        ),
        (no_integer, &["Motive", "5 would be sent as 5.0"]),
        (
            property("motive", spec::schema("CustomProperties").clone()),
            &["an inline object", "must be named"],
        ),
        (
            json!({ "UserDeletedPayload": { "additionalProperties": token() } }),
            &["UserDeletedPayload", "further properties"],
        ),
        // A misspelt extension.
        (
            json!({ "Event": { "x-property-limit": null, "x-properties-limit": limit } }),
            &["Event", "x-properties-limit"],
        ),
        (
            json!({ "Event": { "discriminator": { "mapping": { "unsubscribe": null } } } }),
            &["UnsubscribeEvent"],
        ),
    ]);
}

/// A schema of that name that is used.
fn schema_named(name: &str) -> Value {
    let mut patch = property("motive", refer(name));
    patch[name] =
        json!({ "type": "string", "description": "Why.", "maxLength": 9, "x-provenance": "assumed" });
    patch
}

#[test]
fn names_that_become_one_identifier_are_refused_at_their_place() {
    const PAYLOAD: &str = "/components/schemas/UserDeletedPayload/properties/";
    const CUSTOM: &str = "/components/schemas/CustomEventPayload/properties/extra: ";
    const MAPPING: &str = "/components/schemas/Event/discriminator/mapping/";
    const BUILDER: &str = "the builder's own method";
    let named = |name: &str| property(name, token());
    let values = json!({ "type": "string", "enum": ["soon", "Soon"], "x-provenance": "assumed" });
    let mut keyword = named("type");
    merge(&mut keyword, &named("type_"));
    let again = json!({ "user-deleted": "#/components/schemas/UserDeletedEvent" });
    assert_patches_refused([
        (named("userId"), &[PAYLOAD, "/userId: becomes `user_id`", "the property `user_id`"]),
        (keyword, &[PAYLOAD, "/type_: becomes `type_`", "the property `type`"]),
        (named("build"), &[PAYLOAD, "/build: becomes `build`", BUILDER]),
        (property("motive", values), &[PAYLOAD, "/motive/enum/1: becomes `Soon`", "the value `soon`"]),
        (json!({ "CustomEventPayload": { "properties": { "extra": token() } } }), &[CUSTOM, "not listed"]),
        (
            json!({ "Event": { "discriminator": { "mapping": again } } }),
            &[MAPPING, "/user-deleted: becomes `UserDeleted`", "the type of event `user_deleted`"],
        ),
        (schema_named("user_id"), &["/user_id: becomes `UserId`", "the schema `UserId`"]),
        (schema_named("Properties"), &["/components/schemas/Properties: becomes `Properties`"]),
        (
            schema_named("motiveKind"),
            &["/components/schemas/motiveKind: must be named as its Rust type is: `MotiveKind`"],
        ),
    ]);
    assert_edits_refused([(
        "/paths/~1v2~1collect/post/operationId",
        |id| *id = json!("setConsent"),
        &["/post/operationId: becomes `set_consent`", "`setConsent` of /v2/collect"],
    )]);
}

#[test]
fn words_that_would_become_more_than_documentation_are_refused_at_their_place() {
    let place = "/components/schemas/UserId/description";
    for (words, problem) in [
        ("The user.\n\n```\npanic!();\n```", "code block"),
        ("The user.\n\n~~~\npanic!();\n~~~", "code block"),
        ("The user.\n\n    panic!();", "code block"),
        ("The user, see [UserId].", "a link that is no URL"),
        ("The user, see [it][UserId].", "a link that is no URL"),
        ("<div>\nThe user.\n</div>", "HTML"),
        ("The user, see https://docs.copilot.cx.", "bare URL"),
        ("The user\u{202e}.", "control character"),
    ] {
        let error = generate(&patched(&json!({ "UserId": { "description": words } }))).unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with(&format!("{place}: ")) && error.contains(problem), "{words:?}: {error}");
    }
    for place in [
        "/info/description",
        "/paths/~1v2~1collect/post/summary",
        "/components/schemas/UserDeletedPayload/title",
        "/components/schemas/UserDeletedPayload/properties/motive/description",
    ] {
        let error = generate(&edited(|root| {
            merge(
                at(root, "/components/schemas"),
                &property("motive", json!({ "type": "boolean", "x-provenance": "assumed" })),
            );
            let (object, name) = place.rsplit_once('/').unwrap();
            at(root, object)[name] = json!("```\npanic!();\n```");
        }));
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{place}: holds a code block")), "{error}");
    }
}

/// The schema of a scalar with one rule.
fn with_rules(kind: &str, keyword: &str, rule: Value) -> Value {
    let mut schema = json!({ "type": kind, "description": "Why.", "x-provenance": "assumed" });
    if kind == "integer" {
        schema["format"] = json!("int64");
    }
    schema[keyword] = rule;
    schema
}
