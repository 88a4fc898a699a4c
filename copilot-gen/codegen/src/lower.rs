//! Rewrites the contract into what progenitor can digest.
//!
//! The published contract keeps the shape that serves every language. Each function here works around one thing in
//! progenitor or typify, says which, and fails when what it works around is no longer in the contract, so that none
//! outlives its reason.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::contract::{Contract, Error, references};

/// The schema that all error statuses answer with after [`unify_error_responses`].
pub(crate) const ERROR_RESPONSE: &str = "ErrorResponse";
/// Its member that keeps the start of the body, whatever the body was.
pub(crate) const BODY_EXCERPT: &str = "body_excerpt";

/// Runs every rewrite.
pub(crate) fn lower(contract: &Contract) -> Result<Contract, Error> {
    let mut lowered = contract.clone();
    inline_event_variants(&mut lowered)?;
    drop_conditions(&mut lowered)?;
    drop_integer_ranges(&mut lowered)?;
    drop_ranges_of_alternatives(&mut lowered)?;
    merge_success_responses(&mut lowered)?;
    unify_error_responses(&mut lowered)?;
    drop_unreferenced_schemas(&mut lowered)?;
    Ok(lowered)
}

/// typify ignores the discriminator: a `oneOf` of references becomes an untagged enum that tries every variant in
/// turn. Variants that stand inline and differ in a constant property become one internally tagged enum.
fn inline_event_variants(contract: &mut Contract) -> Result<(), Error> {
    let name = contract.event_name()?.to_owned();
    let (_, variants) = contract.event_mapping()?;
    let listed = contract.schema(&name)?.get("oneOf").and_then(Value::as_array);
    for one in listed.into_iter().flatten() {
        let known = Contract::reference(one)
            .is_some_and(|one| variants.iter().any(|variant| variant.schema_name == one));
        if !known {
            return Err(Error::new(
                &name,
                format!("oneOf lists {one}, which the discriminator's mapping does not name"),
            ));
        }
    }
    if let Some(listed) = listed
        && listed.len() != variants.len()
    {
        return Err(Error::new(&name, "the discriminator's mapping names a schema that oneOf does not list"));
    }
    let inlined: Vec<Value> = variants
        .iter()
        .map(|variant| {
            let mut schema = variant.schema.clone();
            if let Some(schema) = schema.as_object_mut() {
                schema.remove("example");
            }
            schema
        })
        .collect();
    let event = contract
        .schemas_mut()?
        .get_mut(&name)
        .and_then(Value::as_object_mut)
        .ok_or_else(|| Error::new(&name, "the event is not an object"))?;
    if !event.contains_key("oneOf") {
        return Err(obsolete("inline_event_variants", "the event is no longer a oneOf"));
    }
    event.remove("discriminator");
    event.insert("oneOf".to_owned(), Value::Array(inlined));
    Ok(())
}

/// typify merges an `allOf` into the object, and makes an enum of look-alike structs of the `anyOf` of `required` lists in it.
/// The rule is kept by the model instead.
fn drop_conditions(contract: &mut Contract) -> Result<(), Error> {
    let mut dropped = false;
    for schema in contract.schemas_mut()?.values_mut() {
        let Some(object) = schema.as_object_mut() else { continue };
        if object.contains_key("properties") && object.remove("allOf").is_some() {
            dropped = true;
        }
    }
    if dropped { Ok(()) } else { Err(obsolete("drop_conditions", "no object has an allOf")) }
}

/// progenitor carries integer bounds as f64, and typify picks odd types for some of them. The bounds are kept by the
/// model instead, and every int64 becomes an i64.
fn drop_integer_ranges(contract: &mut Contract) -> Result<(), Error> {
    let mut dropped = false;
    for schema in contract.schemas_mut()?.values_mut() {
        let Some(object) = schema.as_object_mut() else { continue };
        if object.get("type").and_then(Value::as_str) == Some("integer") {
            for bound in ["minimum", "maximum"] {
                dropped |= object.remove(bound).is_some();
            }
        }
    }
    if dropped { Ok(()) } else { Err(obsolete("drop_integer_ranges", "no integer has a bound")) }
}

/// As [`drop_integer_ranges`], of the scalars that a free property may be.
fn drop_ranges_of_alternatives(contract: &mut Contract) -> Result<(), Error> {
    let mut dropped = false;
    for schema in contract.schemas_mut()?.values_mut() {
        for alternative in schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(object) = alternative.as_object_mut() else { continue };
            for bound in ["minimum", "maximum"] {
                dropped |= object.remove(bound).is_some();
            }
        }
    }
    if dropped { Ok(()) } else { Err(obsolete("drop_ranges_of_alternatives", "no alternative has a bound")) }
}

/// progenitor panics on two success responses (`response_types.len() <= 1`) even where neither has a body: they
/// become the one range 2XX.
fn merge_success_responses(contract: &mut Contract) -> Result<(), Error> {
    let mut merged = false;
    for (operation, responses) in responses_mut(contract) {
        let successes: Vec<String> =
            responses.keys().filter(|status| status.starts_with('2')).cloned().collect();
        if successes.len() < 2 {
            continue;
        }
        if successes
            .iter()
            .any(|status| responses.get(status).is_some_and(|response| response.get("content").is_some()))
        {
            return Err(Error::new(operation, "has several success responses, one of them with a body"));
        }
        for status in successes {
            responses.remove(&status);
        }
        responses.insert("2XX".to_owned(), json!({ "description": "Success, with nothing to read." }));
        merged = true;
    }
    if merged {
        Ok(())
    } else {
        Err(obsolete("merge_success_responses", "no operation has two success responses"))
    }
}

/// An error status with a body that is not the JSON error (a proxy's HTML, nothing at all) becomes progenitor's
/// `InvalidResponsePayload`, which has neither status nor headers. So every error status answers with one schema, in
/// which all is optional but the start of the body; `copilot-gen`'s hook rewrites each error body into it.
fn unify_error_responses(contract: &mut Contract) -> Result<(), Error> {
    let error_schema = error_schema_name(contract)?;
    let mut schema = contract.schema(&error_schema)?.clone();
    let object = schema.as_object_mut().ok_or_else(|| Error::new(&error_schema, "not an object"))?;
    object.remove("required");
    object.insert(
        "description".to_owned(),
        json!("What an answer with an error status said, whatever its body was. `reason` and `error_message` are there when the body was the JSON error of this API."),
    );
    object.insert("required".to_owned(), json!([BODY_EXCERPT]));
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(
            BODY_EXCERPT.to_owned(),
            json!({
                "type": "string",
                "description": "The first 512 bytes of the body as text, bytes that are not UTF-8 replaced. May hold personal data: not for logs."
            }),
        );
    }
    contract.schemas_mut()?.insert(ERROR_RESPONSE.to_owned(), schema);
    for (operation, responses) in responses_mut(contract) {
        let before = responses.len();
        responses.retain(|status, _| status.starts_with('2'));
        if responses.len() == before {
            return Err(obsolete("unify_error_responses", &format!("{operation} has no error response")));
        }
        for range in ["4XX", "5XX"] {
            responses.insert(
                range.to_owned(),
                json!({
                    "description": "An error.",
                    "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{ERROR_RESPONSE}") } } }
                }),
            );
        }
    }
    Ok(())
}

/// typify emits every named schema; the ones that only stood in what was rewritten, or that no operation needs,
/// would be dead code.
fn drop_unreferenced_schemas(contract: &mut Contract) -> Result<(), Error> {
    let mut needed = Vec::new();
    references(contract.root().get("paths").unwrap_or(&Value::Null), &mut needed);
    let reached = contract.reached_from(needed)?;
    let schemas = contract.schemas_mut()?;
    let before = schemas.len();
    schemas.retain(|name, _| reached.contains(name));
    if schemas.len() == before {
        return Err(obsolete("drop_unreferenced_schemas", "every schema is referred to"));
    }
    // The shared responses refer to schemas that are gone now.
    if let Some(components) = contract.root_mut().get_mut("components").and_then(Value::as_object_mut) {
        components.remove("responses");
    }
    Ok(())
}

/// The schema of error bodies: what the shared 4xx and 5xx responses refer to.
pub(crate) fn error_schema_name(contract: &Contract) -> Result<String, Error> {
    let place = "/components/responses";
    let responses = contract
        .root()
        .pointer(place)
        .and_then(Value::as_object)
        .ok_or_else(|| Error::new(place, "missing"))?;
    let names: BTreeSet<&str> = responses
        .values()
        .filter_map(|response| {
            response.pointer("/content/application~1json/schema").and_then(Contract::reference)
        })
        .collect();
    match names.into_iter().collect::<Vec<_>>().as_slice() {
        [name] => Ok((*name).to_owned()),
        names => Err(Error::new(place, format!("expected one error schema, found {names:?}"))),
    }
}

fn responses_mut(contract: &mut Contract) -> Vec<(String, &mut Map<String, Value>)> {
    let paths = contract.root_mut().get_mut("paths").and_then(Value::as_object_mut);
    paths
        .into_iter()
        .flat_map(|paths| paths.values_mut())
        .filter_map(Value::as_object_mut)
        .flat_map(|item| item.values_mut())
        .filter_map(|operation| {
            let id = operation.get("operationId")?.as_str()?.to_owned();
            Some((id, operation.get_mut("responses")?.as_object_mut()?))
        })
        .collect()
}

fn obsolete(rewrite: &str, why: &str) -> Error {
    Error::new(format!("lower::{rewrite}"), format!("{why}: delete this rewrite"))
}
