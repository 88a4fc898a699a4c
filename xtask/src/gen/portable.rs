//! The contract for tools that read less of OpenAPI than it says: `openapi/copilot.portable.json`.
//!
//! Whatever the contract allows is allowed by this one too; the server refuses the rest. Each change is a function that
//! fails when there is nothing left to change, so that it can be deleted.

use serde_json::{Map, Value};

use crate::failure::Failure;

/// Where it is written.
pub(super) const PORTABLE: &str = "openapi/copilot.portable.json";

const NOTE: &str = "This is copilot.portable.json, made from copilot.yaml for tools that read less of OpenAPI: without \
                    examples, without the condition that a custom event names a user or a thing, with any value for a \
                    free property, and with each status of a failing server by itself.\n\n";
/// The failures of a server that are worth another attempt, as the contract says in words.
const SERVER_ERRORS: [&str; 4] = ["500", "502", "503", "504"];
const FREE_VALUE: &str = "#/components/schemas/PropertyValue";

/// Changes an object, if it has what is to be changed, and counts that.
type Change = fn(&mut Map<String, Value>) -> usize;

/// Makes it from the contract as JSON.
pub(super) fn portable(contract: &str) -> Result<String, Failure> {
    let broken = |error| Failure::Unexpected(format!("the contract is no JSON: {error}"));
    let mut root: Value = serde_json::from_str(contract).map_err(broken)?;
    if let Some(Value::String(description)) = root.pointer_mut("/info/description") {
        description.insert_str(0, NOTE);
    }
    let changes: [(&str, Change); 4] = [
        ("examples", drop_examples),
        ("a range of statuses", spell_out_5xx),
        ("a condition in allOf", drop_conditions),
        ("a free property's value", free_values),
    ];
    for (what, change) in changes {
        if every_object(&mut root, change) == 0 {
            return Err(Failure::Unexpected(format!(
                "the contract has {what} no more: take it out of {}",
                file!()
            )));
        }
    }
    if let Some(Value::Object(schemas)) = root.pointer_mut("/components/schemas") {
        schemas.shift_remove(FREE_VALUE.rsplit('/').next().unwrap_or_default());
    }
    serde_json::to_string_pretty(&root).map(|text| text + "\n").map_err(broken)
}

/// Changes every object of the document, and counts the changes. What the members of `properties` are called is no keyword.
fn every_object(value: &mut Value, change: Change) -> usize {
    match value {
        Value::Array(items) => items.iter_mut().map(|item| every_object(item, change)).sum(),
        Value::Object(object) => {
            let changes = change(object);
            let inside = object.iter_mut().map(|(name, member)| match member {
                Value::Object(named) if name == "properties" => {
                    named.values_mut().map(|schema| every_object(schema, change)).sum()
                }
                _ => every_object(member, change),
            });
            changes + inside.sum::<usize>()
        }
        _ => 0,
    }
}

/// Generators warn of each, and some make code of them that does not compile.
fn drop_examples(object: &mut Map<String, Value>) -> usize {
    ["example", "examples"].iter().filter(|name| object.shift_remove(**name).is_some()).count()
}

/// Generators of Scala, Elixir and TypeScript (oazapfts) take `5XX` for a number.
fn spell_out_5xx(object: &mut Map<String, Value>) -> usize {
    let Some(answer) = object.shift_remove("5XX") else { return 0 };
    object.extend(SERVER_ERRORS.map(|status| (status.to_owned(), answer.clone())));
    SERVER_ERRORS.len()
}

/// openapi-generator's client of Python drops the free properties beside it, and those of C#, Swift and Kotlin have none.
fn drop_conditions(object: &mut Map<String, Value>) -> usize {
    let is_condition = |schema: &Value| {
        let alternatives = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        alternatives.clone().count() > 0
            && alternatives.into_iter().all(|schema| {
                schema.as_object().is_some_and(|schema| schema.keys().all(|keyword| keyword == "required"))
            })
    };
    let parts = object.get("allOf").and_then(Value::as_array);
    let is_condition = parts.is_some_and(|parts| parts.iter().all(is_condition));
    usize::from(is_condition && object.shift_remove("allOf").is_some())
}

/// An `anyOf` of scalars becomes a class without members in C#, Swift and Kotlin, which is sent as `{}`.
fn free_values(object: &mut Map<String, Value>) -> usize {
    let Some(values) = object.get_mut("additionalProperties") else { return 0 };
    let is_free = values.get("$ref").is_some_and(|reference| reference == FREE_VALUE);
    if is_free {
        *values = Value::Bool(true);
    }
    usize::from(is_free)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn contract() -> Value {
        json!({
            "info": { "description": "Words." },
            "paths": { "/p": { "post": { "responses": { "5XX": { "$ref": "#/r" } } } } },
            "components": { "schemas": {
                "PropertyValue": { "anyOf": [{ "type": "string" }] },
                "Payload": {
                    "example": {},
                    "properties": { "example": { "type": "string" }, "5XX": { "type": "string" } },
                    "additionalProperties": { "$ref": FREE_VALUE },
                    "allOf": [{ "anyOf": [{ "required": ["a"] }], "x-provenance": "seed" }]
                }
            } }
        })
    }

    #[test]
    fn only_what_tools_stumble_over_is_changed() {
        let made: Value = serde_json::from_str(&portable(&contract().to_string()).unwrap()).unwrap();
        let error = json!({ "$ref": "#/r" });
        assert_eq!(
            made.pointer("/paths/~1p/post/responses").unwrap(),
            &json!({ "500": error, "502": error, "503": error, "504": error })
        );
        assert_eq!(
            made.pointer("/components/schemas").unwrap(),
            &json!({ "Payload": {
                "properties": { "example": { "type": "string" }, "5XX": { "type": "string" } },
                "additionalProperties": true
            } })
        );
        assert_eq!(made.pointer("/info/description").unwrap(), &json!(format!("{NOTE}Words.")));
    }

    #[test]
    fn a_change_that_is_not_needed_any_more_is_told() {
        for (place, name) in [
            ("/components/schemas/Payload", "example"),
            ("/paths/~1p/post/responses", "5XX"),
            ("/components/schemas/Payload", "allOf"),
            ("/components/schemas/Payload", "additionalProperties"),
        ] {
            let mut contract = contract();
            contract.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
            assert!(portable(&contract.to_string()).is_err(), "{name}");
        }
    }
}
