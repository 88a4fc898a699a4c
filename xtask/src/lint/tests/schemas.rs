//! What a schema means.

use serde_json::json;

use super::{Remove, Set, check};

#[test]
fn a_property_that_is_named_like_a_keyword_is_none() {
    let schema = json!({
        "type": "object",
        "description": "Its properties are named like keywords.",
        "additionalProperties": false,
        "x-provenance": "seed",
        "x-unreferenced": "Only here.",
        "properties": {
            "example": { "type": "boolean", "description": "A flag." },
            "enum": { "type": "boolean", "description": "A flag." },
            "x-open": { "type": "boolean", "description": "A flag." },
            "items": { "type": "string", "description": "Words." }
        },
        "example": { "example": true, "enum": false, "x-open": true, "items": "type: object" }
    });
    check(vec![(
        vec![Set("/components/schemas/Tricky", schema)],
        &["/components/schemas/Tricky/properties/items: has neither maxLength nor enum nor x-unbounded, \
             which says why"],
    )]);
}

#[test]
fn what_is_required_is_a_property() {
    check(vec![
        (
            vec![Set(
                "/components/schemas/Added",
                json!({
                    "type": "object", "required": ["code"], "additionalProperties": false, "properties": {},
                    "description": "Added.", "x-provenance": "seed", "x-unreferenced": "Only here."
                }),
            )],
            &["/components/schemas/Added: requires `code`, which is no property of it"],
        ),
        (
            // A condition speaks of the properties of the schema around it, however deep it stands.
            vec![Set(
                "/components/schemas/Added",
                json!({
                    "type": "object", "additionalProperties": false,
                    "properties": { "code": { "type": "boolean", "description": "A flag." } },
                    "allOf": [{ "anyOf": [{ "required": ["code"] }, { "not": { "required": ["reason"] } }] }],
                    "description": "Added.", "x-provenance": "seed", "x-unreferenced": "Only here."
                }),
            )],
            &["/components/schemas/Added/allOf/0/anyOf/1/not: requires `reason`, which is no property of it"],
        ),
    ]);
}

#[test]
fn a_component_and_a_property_have_a_description() {
    check(vec![
        (
            vec![Remove("/components/schemas/UserId/description")],
            &["/components/schemas/UserId: has no description"],
        ),
        (
            vec![Set("/components/schemas/InvalidEvent/properties/index/description", json!(" "))],
            &["/components/schemas/InvalidEvent/properties/index: has no description"],
        ),
    ]);
}

#[test]
fn a_schema_that_takes_nothing_or_cannot_be_read_is_found() {
    let added = |schema| Set("/components/schemas/Added", schema);
    check(vec![
        (
            vec![added(json!({
                "type": "string", "minLength": 3, "maxLength": 2, "description": "Added.",
                "x-provenance": "seed", "x-unreferenced": "Only here."
            }))],
            &["/components/schemas/Added: takes nothing: `minLength` exceeds `maxLength`"],
        ),
        (
            vec![added(json!({
                "type": "string", "pattern": "^[a-z", "maxLength": 2, "description": "Added.",
                "x-provenance": "seed", "x-unreferenced": "Only here."
            }))],
            &["/components/schemas/Added/pattern: \"^[a-z\" is no regular expression"],
        ),
        (
            vec![added(json!({
                "type": "string", "enum": ["a", "b", "a", 5], "description": "Added.",
                "x-provenance": "seed", "x-unreferenced": "Only here."
            }))],
            &[
                "/components/schemas/Added/enum/2: becomes `A` in Rust, as the value `a` does",
                "/components/schemas/Added/enum: 5 is not of the schema's type",
            ],
        ),
        (
            vec![added(json!({
                "type": "integer", "enum": [], "description": "Added.",
                "x-provenance": "seed", "x-unreferenced": "Only here."
            }))],
            &[
                "/components/schemas/Added/enum: is empty",
                "/components/schemas/Added: the integer has no format, so its size is not known",
            ],
        ),
        (
            vec![added(json!({
                "type": "array", "maxItems": 2, "description": "Added.",
                "x-provenance": "seed", "x-unreferenced": "Only here."
            }))],
            &["/components/schemas/Added: the array does not say what it holds"],
        ),
    ]);
}

#[test]
fn an_extension_that_nobody_explains_is_found() {
    check(vec![
        (
            vec![Set("/components/schemas/EventId/x-provenence", json!("seed"))],
            &["/components/schemas/EventId: `x-provenence` is no extension of this contract"],
        ),
        (
            vec![Set("/paths/~1v2~1collect/post/x-internal", json!(true))],
            &["/paths/~1v2~1collect/post: `x-internal` is no extension of this contract"],
        ),
    ]);
}
