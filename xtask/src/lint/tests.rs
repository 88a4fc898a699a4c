//! The contract has no findings, and a defect put into it is found, as what it is and nothing else.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;

mod operations;
mod proof;
mod report;
mod rust;
mod schemas;

use copilot_codegen::Contract;
use serde_json::json;

use super::{
    edit::Edit::{self, Remove, Set},
    findings,
};
use crate::workspace::{CONTRACT, root};

fn contract() -> String {
    std::fs::read_to_string(root().unwrap().join(CONTRACT)).unwrap()
}

#[test]
fn the_contract_has_no_findings() {
    assert_eq!(findings(&contract()), Vec::<String>::new());
}

#[test]
fn text_that_is_no_contract_is_one_finding() {
    for (text, expected) in [
        ("paths: [", "/: the contract: "),
        ("[]", "/: the contract: the top level is not an object"),
        ("openapi: 3.0.3\nopenapi: 3.0.3\n", "/: the contract: "),
    ] {
        let found = findings(text);
        assert!(matches!(found.as_slice(), [only] if only.starts_with(expected)), "{text:?}: {found:?}");
    }
    let found = findings("openapi: 3.0.3\n");
    assert!(matches!(found.as_slice(), [only] if only.starts_with("/: is not OpenAPI 3.0: ")), "{found:?}");
}

/// Each row: what is done to the contract, and exactly which findings that adds.
fn check(rows: Vec<(Vec<Edit>, &[&str])>) {
    let untouched: BTreeSet<String> = findings(&contract()).into_iter().collect();
    for (edits, expected) in rows {
        let mut root = Contract::parse(&contract()).unwrap().root().clone();
        edits.iter().for_each(|edit| edit.apply(&mut root).unwrap());
        let found = findings(&root.to_string());
        let added: Vec<&str> =
            found.iter().filter(|line| !untouched.contains(*line)).map(String::as_str).collect();
        assert_eq!(added, expected);
    }
}

#[test]
fn references_that_lead_nowhere_and_components_without_any_are_found() {
    check(vec![
        (
            vec![Set(
                "/paths/~1v2~1collect/post/responses/401/$ref",
                json!("#/components/responses/Missing"),
            )],
            &["/paths/~1v2~1collect/post/responses/401: `#/components/responses/Missing` does not exist"],
        ),
        (
            vec![Set(
                "/paths/~1v2~1collect/post/responses/401/$ref",
                json!("#/components/schemas/ErrorBody"),
            )],
            &["/paths/~1v2~1collect/post/responses/401: `#/components/schemas/ErrorBody` is not in \
                 #/components/responses"],
        ),
        (
            vec![Set("/components/schemas/UserDeletedPayload/properties/user_id/maxLength", json!(5))],
            &["/components/schemas/UserDeletedPayload/properties/user_id: `maxLength` stands beside \
                 $ref, where OpenAPI \
                 3.0 ignores it"],
        ),
        (
            vec![Set("/security", json!([{ "bearer": [] }]))],
            &[
                "/components/securitySchemes/basicAuth: nothing refers to it: remove it, or say why it \
                 stays in \
                 x-unreferenced",
                "/security: the security scheme `bearer` does not exist",
            ],
        ),
        (
            vec![Remove("/components/schemas/UtcTimestamp/x-unreferenced")],
            &["/components/schemas/UtcTimestamp: nothing refers to it: remove it, or say why it stays in \
                 x-unreferenced"],
        ),
        (
            vec![Set(
                "/components/responses/Teapot",
                json!({ "description": "Two that only refer to themselves." }),
            )],
            &["/components/responses/Teapot: nothing refers to it: remove it, or say why it stays in \
                 x-unreferenced"],
        ),
        (
            vec![Set(
                "/components/schemas/Lonely",
                json!({ "type": "boolean", "description": "Alone.", "x-unreferenced": "Soon." }),
            )],
            &[],
        ),
        (
            vec![Set("/components/schemas/UserId/x-unreferenced", json!("Not so."))],
            &["/components/schemas/UserId: x-unreferenced is obsolete: something refers to it"],
        ),
        (
            // A cycle of two that no path leads to.
            vec![
                Set(
                    "/components/schemas/Egg",
                    json!({ "description": "An egg.", "anyOf": [{ "$ref": "#/components/schemas/Hen" }], "x-provenance": "seed" }),
                ),
                Set(
                    "/components/schemas/Hen",
                    json!({ "description": "A hen.", "anyOf": [{ "$ref": "#/components/schemas/Egg" }], "x-provenance": "seed" }),
                ),
            ],
            &[
                "/components/schemas/Egg: nothing refers to it: remove it, or say why it stays in \
                 x-unreferenced",
                "/components/schemas/Hen: nothing refers to it: remove it, or say why it stays in \
                 x-unreferenced",
            ],
        ),
        (
            // The examples that cannot be checked now are not findings as well.
            vec![Set(
                "/components/schemas/UserDeletedPayload/properties/user_id/$ref",
                json!("#/components/schemas/Nobody"),
            )],
            &["/components/schemas/UserDeletedPayload/properties/user_id: `#/components/schemas/Nobody` \
                 does not exist"],
        ),
    ]);
}

#[test]
fn examples_that_break_their_schema_are_found() {
    check(vec![
        (
            vec![Set("/components/schemas/EventId/example", json!("has a space"))],
            &["/components/schemas/EventId/example: breaks the schema: value does not match \
                 \"^[a-zA-Z0-9:\\-._+@]*$\""],
        ),
        (
            vec![Set("/components/schemas/UtcTimestamp/example", json!("2026-02-30T08:30:00.000Z"))],
            &["/components/schemas/UtcTimestamp/example: breaks the schema: value is not a \"date-time\""],
        ),
        (
            vec![Set(
                "/paths/~1v2~1collect/post/requestBody/content/application~1json/examples/oneEvent/value/\
                 events/0/payload/thing_id",
                json!(5),
            )],
            &["/paths/~1v2~1collect/post/requestBody/content/application~1json/examples/oneEvent/value/\
                 events/0/payload/thing_id: breaks the schema: value is not of type \"string\""],
        ),
        (
            vec![Set("/components/schemas/PreexistingSyncStartedEvent/example/payload/extra", json!(true))],
            &["/components/schemas/PreexistingSyncStartedEvent/example/payload: breaks the schema: \
                 Additional properties are not allowed ('extra' was unexpected)"],
        ),
        (
            vec![Set(
                "/components/responses/Unauthorized/content/application~1json/examples/unauthorized/value",
                json!({}),
            )],
            &["/components/responses/Unauthorized/content/application~1json/examples/unauthorized/value: \
                 breaks the schema: \"reason\" is a required property"],
        ),
        (
            vec![Set("/components/headers/RetryAfter/schema/example", json!(30))],
            &["/components/headers/RetryAfter/schema/example: breaks the schema: value is not of type \
                 \"string\""],
        ),
        (
            vec![Set("/components/headers/RetryAfter/example", json!(30))],
            &["/components/headers/RetryAfter/example: breaks the schema: value is not of type \"string\""],
        ),
        (
            vec![
                Set("/components/headers/RetryAfter/example", json!(null)),
                Set("/components/headers/RetryAfter/schema/nullable", json!(true)),
            ],
            &[],
        ),
        (
            vec![Remove("/components/responses/Unauthorized/content/application~1json/examples")],
            &["/components/responses/Unauthorized/content/application~1json: the response has no example"],
        ),
        (
            vec![Remove("/paths/~1v2~1collect/post/requestBody/content/application~1json/examples")],
            &["/paths/~1v2~1collect/post/requestBody/content/application~1json: the request has no example"],
        ),
        (
            vec![Remove(
                "/components/responses/Unauthorized/content/application~1json/examples/unauthorized/value",
            )],
            &["/components/responses/Unauthorized/content/application~1json/examples/unauthorized: has \
                 no value; one elsewhere cannot be checked"],
        ),
    ]);
}

#[test]
fn constraints_without_a_grade_and_values_without_a_bound_are_found() {
    check(vec![
        (
            vec![Remove("/components/schemas/EventId/x-provenance/maxLength")],
            &["/components/schemas/EventId: x-provenance does not grade `maxLength`"],
        ),
        (
            vec![Set("/components/schemas/EventId/x-provenance/maximum", json!("seed"))],
            &["/components/schemas/EventId: x-provenance grades `maximum`, which the schema does not have"],
        ),
        (
            vec![Set("/components/schemas/EventId/x-provenance/maxLength", json!("guessed"))],
            &["/components/schemas/EventId: x-provenance of `maxLength` is `guessed`, not one of seed, \
                 documented, observed, assumed"],
        ),
        (
            vec![Set("/components/schemas/Token/x-provenance", json!("sure"))],
            &["/components/schemas/Token: x-provenance is `sure`, not one of seed, documented, \
                 observed, assumed"],
        ),
        (
            vec![Set("/components/schemas/Token/x-provenance", json!(1))],
            &["/components/schemas/Token: x-provenance is neither a grade nor a map of grades"],
        ),
        (
            vec![Remove("/components/schemas/UtcOffset/x-provenance")],
            &[
                "/components/schemas/UtcOffset: `maxLength` has no grade: x-provenance is missing",
                "/components/schemas/UtcOffset: `minLength` has no grade: x-provenance is missing",
                "/components/schemas/UtcOffset: `pattern` has no grade: x-provenance is missing",
            ],
        ),
        (
            vec![Remove("/components/schemas/EventTime/x-provenance/x-time-window")],
            &["/components/schemas/EventTime: x-provenance does not grade `x-time-window`"],
        ),
        (
            vec![Remove("/components/schemas/Event/x-provenance/x-property-limit")],
            &["/components/schemas/Event: x-provenance does not grade `x-property-limit`"],
        ),
        (
            vec![Remove("/components/schemas/Event/x-provenance/x-unique-names")],
            &["/components/schemas/Event: x-provenance does not grade `x-unique-names`"],
        ),
        (
            vec![Remove("/components/schemas/PropertyValue/anyOf/1/x-provenance/format")],
            &["/components/schemas/PropertyValue/anyOf/1: x-provenance does not grade `format`"],
        ),
        (
            vec![Remove("/components/schemas/ConsentChange/additionalProperties")],
            &[
                "/components/schemas/ConsentChange: the object does not say what its additionalProperties \
                 are",
                "/components/schemas/ConsentChange: x-provenance grades `additionalProperties`, which the \
                 schema does not have",
            ],
        ),
        (
            vec![Remove("/components/schemas/UserDeletedPayload/type")],
            &["/components/schemas/UserDeletedPayload: has properties but not `type: object`, so it \
                 also takes what is no object"],
        ),
        (
            vec![Remove("/components/schemas/ErrorBody/x-open")],
            &["/components/schemas/ErrorBody: the object is open: say why in x-open"],
        ),
        (
            vec![Set("/components/schemas/ConsentChange/x-open", json!("No."))],
            &["/components/schemas/ConsentChange: x-open is obsolete: the object is closed"],
        ),
        (
            vec![Set("/components/schemas/ErrorBody/x-open", json!(true))],
            &["/components/schemas/ErrorBody: x-open does not say why"],
        ),
        (
            vec![Remove("/components/schemas/UserId/x-unbounded")],
            &["/components/schemas/UserId: has neither maxLength nor enum nor x-unbounded, which says why"],
        ),
        (
            vec![Remove("/components/schemas/CollectRequest/properties/events/x-unbounded")],
            &["/components/schemas/CollectRequest/properties/events: has neither maxItems nor \
                 x-unbounded, which says why"],
        ),
        (
            vec![Set("/components/schemas/EventId/x-unbounded", json!("No."))],
            &["/components/schemas/EventId: x-unbounded is obsolete: there is `maxLength`"],
        ),
    ]);
}

#[test]
fn a_discriminator_that_disagrees_with_its_variants_is_found() {
    check(vec![
        (
            vec![Remove("/components/schemas/Event/discriminator/mapping/unsubscribe")],
            &["/components/schemas/Event/discriminator: the mapping lacks \
                 `#/components/schemas/UnsubscribeEvent`, which oneOf names"],
        ),
        (
            vec![Set(
                "/components/schemas/Event/discriminator/mapping/unsubscribe",
                json!("UnsubscribeEvent"),
            )],
            &[
                "/components/schemas/Event/discriminator/mapping/unsubscribe: `UnsubscribeEvent` is not in \
                 #/components/schemas",
                "/components/schemas/Event/discriminator: `unsubscribe` maps to `UnsubscribeEvent`, \
                 which oneOf does not name, or another key maps to",
                "/components/schemas/Event/discriminator: the mapping lacks \
                 `#/components/schemas/UnsubscribeEvent`, which oneOf names",
            ],
        ),
        (
            vec![Remove("/components/schemas/Event/oneOf/8")],
            &["/components/schemas/Event/discriminator: `thing_interaction` maps to \
                 `#/components/schemas/ThingInteractionEvent`, which oneOf does not name, or another key \
                 maps to"],
        ),
        (
            vec![Set("/components/schemas/UnsubscribeEvent/properties/type/enum", json!(["subscribe"]))],
            &[
                "/components/schemas/UnsubscribeEvent/example/type: breaks the schema: value is not one \
                 of \"subscribe\"",
                "/components/schemas/UnsubscribeEvent: the enum of `type` must be [unsubscribe], as the \
                 discriminator maps it",
            ],
        ),
        (
            vec![Set(
                "/components/schemas/UnsubscribeEvent/required",
                json!(["event_id", "timestamp", "payload"]),
            )],
            &["/components/schemas/UnsubscribeEvent: `type` chooses the variant, so it must be required"],
        ),
        (
            vec![Remove("/components/schemas/UnsubscribeEvent/example")],
            &["/components/schemas/UnsubscribeEvent: the variant `unsubscribe` has no example"],
        ),
        (
            vec![Remove("/components/schemas/Event/discriminator/mapping")],
            &["/components/schemas/Event/discriminator: has no mapping"],
        ),
    ]);
}

#[test]
fn what_the_generator_refuses_is_a_finding_too() {
    let contract = include_str!("../../../openapi/copilot.yaml");
    assert_eq!(super::not_generated(contract), None);
    let inline = contract.replacen(
        "        consumable_type:\n          $ref: '#/components/schemas/Token'\n",
        "        consumable_type:\n          type: integer\n          format: int64\n          minimum: 0\n          x-provenance: assumed\n",
        1,
    );
    assert!(super::not_generated(&inline).is_some_and(|finding| finding.contains("must be a named schema")));
}
