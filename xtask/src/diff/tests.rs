//! The contract with one thing changed, and what that is found to be.

#![allow(clippy::unwrap_used)]

use copilot_vectors::{mutation::with, spec};
use serde_json::{Value, json};

use super::{Contract, broken, compare, release::Release};

fn contract(value: &Value) -> Contract {
    Contract::from_value(value.clone()).unwrap()
}

/// The contract with that member set, or taken away where it is `null`.
fn changed(pointer: &str, member: Value) -> Value {
    let pointer =
        pointer.replace("COLLECT", "/paths/~1v2~1collect/post").replace("SCHEMAS", "/components/schemas");
    with(&spec::ROOT, &pointer, Some(member).filter(|member| !member.is_null()))
}

/// Each finding as its level with its subject.
fn found(old: &Value, new: &Value) -> Vec<String> {
    let line = |finding: super::Finding| {
        format!("{} {}", if finding.is_breaking { "breaks" } else { "adds" }, finding.subject)
    };
    compare(&contract(old), &contract(new)).into_iter().map(line).collect()
}

#[test]
fn words_differ_in_nothing() {
    for pointer in
        ["SCHEMAS/UserId/description", "SCHEMAS/UserId/x-provenance", "COLLECT/summary", "/info/title"]
    {
        assert_eq!(found(&spec::ROOT, &changed(pointer, json!("seed"))), [""; 0], "{pointer}");
    }
}

#[test]
fn what_is_only_added_is_an_addition_and_anything_else_breaks() {
    let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let list = |pointer: &str, added: Value| {
        let mut list = spec::ROOT.pointer(pointer).unwrap().clone();
        list.as_array_mut().unwrap().insert(0, added);
        list
    };
    let types = list("/components/schemas/Event/oneOf", reference("ThingId"));
    let required = list("/components/schemas/ConsentChange/required", json!("code"));
    for (pointer, member, expected) in [
        ("SCHEMAS/InvalidEvent/properties/description", reference("Token"), "adds InvalidEvent"),
        ("SCHEMAS/UnsubscribePayload/properties/why", reference("Token"), "adds UnsubscribePayload"),
        ("SCHEMAS/CustomEventPayload/properties/why", reference("Token"), "breaks CustomEventPayload"),
        ("SCHEMAS/ConsentChange/required", required, "breaks ConsentChange"),
        ("SCHEMAS/Event/oneOf", types, "adds Event"),
        ("SCHEMAS/Event/discriminator/mapping/new", json!("#/components/schemas/New"), "adds Event"),
        ("SCHEMAS/New", json!({ "type": "string" }), "adds New"),
        ("COLLECT/responses/418", json!({}), "adds collect"),
        ("/paths/~1v3", json!({ "get": {} }), "adds /v3"),
        ("/paths/~1v2~1collect/get", json!({ "responses": {} }), "adds /v2/collect"),
        ("/paths/~1v2~1collect/parameters", json!([]), "breaks /v2/collect"),
        ("SCHEMAS/UserId/minLength", json!(7), "breaks UserId"),
        ("SCHEMAS/UserId/maxLength", json!(7), "breaks UserId"),
        ("SCHEMAS/Event/x-property-limit/maximum", json!(21), "breaks Event"),
        ("COLLECT/operationId", json!("collect_events"), "breaks collect"),
        ("COLLECT/deprecated", json!(true), "breaks collect"),
        ("/security", json!([]), "breaks security"),
    ] {
        let changed = changed(pointer, member);
        assert_eq!(found(&spec::ROOT, &changed), [expected], "{pointer}");
        let undone = found(&changed, &spec::ROOT);
        assert!(matches!(undone.as_slice(), [only] if only.starts_with("breaks")), "{pointer}: {undone:?}");
    }
}

#[test]
fn what_a_property_that_is_called_properties_gains_is_no_property() {
    let old = changed("SCHEMAS/InvalidEvent/properties/properties", json!({ "type": "string" }));
    let new = with(&old, "/components/schemas/InvalidEvent/properties/properties/maxLength", Some(json!(7)));
    assert_eq!(found(&old, &new), ["breaks InvalidEvent"]);
}

#[test]
fn the_order_of_a_list_says_nothing_but_of_servers() {
    let mut turned = spec::ROOT.clone();
    for pointer in ["Event/oneOf", "PropertyValue/anyOf", "Event/required", "ConsentChange/required"] {
        if let Some(list) = turned.pointer_mut(&format!("/components/schemas/{pointer}")) {
            list.as_array_mut().unwrap().reverse();
        }
    }
    assert_eq!(found(&spec::ROOT, &turned), [""; 0]);
    let servers = |first, second| changed("/servers", json!([{ "url": first }, { "url": second }]));
    assert_eq!(found(&servers("a", "b"), &servers("b", "a")), ["breaks servers"]);
}

#[test]
fn a_breaking_change_needs_the_version_and_a_line_that_names_what_it_breaks() {
    let contract = |version: &str, least: u8| {
        let root = changed("SCHEMAS/UserId/minLength", json!(least));
        contract(&with(&root, "/info/x-contract-version", Some(json!(version))))
    };
    let to_do = |old: &str, new: &str, least: u8, changelog: &str| {
        let (old, new) = (contract(old, 7), contract(new, least));
        let findings = compare(&old, &new);
        let release = Release::new(&old, &new, changelog).unwrap();
        release.undeclared(findings.len(), &broken(&findings)).len()
    };
    let declared =
        "# Log\n\n## [0.3.0] - 2026-11-24\n\n- Breaking: ids of\n  users, `UserId`, grew.\n\n## [0.2.0]\n";
    assert_eq!(to_do("0.2.0", "0.3.0", 8, declared), 0);
    assert_eq!(to_do("0.2.0", "0.2.1", 8, declared), 2);
    assert_eq!(to_do("1.2.0", "1.3.0", 8, &declared.replace("[0.3.0]", "[1.3.0]")), 1);
    assert_eq!(to_do("1.2.0", "2.0.0", 8, &declared.replace("[0.3.0]", "[2.0.0]")), 0);
    assert_eq!(to_do("0.2.0", "0.3.0", 8, &declared.replace("Breaking: ", "")), 1);
    assert_eq!(to_do("0.2.0", "0.3.0", 8, &declared.replace("UserId", "ThingId")), 1);
    assert_eq!(to_do("0.2.0", "0.3.0", 8, &declared.replace("[0.3.0]", "[Unreleased]")), 1);
    assert_eq!(to_do("0.2.0", "0.2.0", 7, ""), 0);
}

#[test]
fn a_release_has_a_new_version_and_an_entry() {
    let version = |version: &str| contract(&changed("/info/x-contract-version", json!(version)));
    let unfit = |old, new, log| Release::new(&version(old), &version(new), log).unwrap().unfit().len();
    assert_eq!(unfit("0.2.0", "0.3.0", "\n## [0.3.0]\n- It is new.\n"), 0);
    assert_eq!(unfit("0.3.0", "0.3.0", "\n## [0.3.0]\n- It is new.\n"), 1);
    assert_eq!(unfit("0.2.0", "0.3.0", "\n## [0.3.0]\n\n## [0.2.0]\n- It is old.\n"), 1);
    assert!(Release::new(&version("0.2"), &version("0.3.0"), "").is_err());
}
