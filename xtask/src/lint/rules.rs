//! The rules that no linter's configuration can say: every constraint has a grade, what is open or unbounded says why, and a
//! discriminator chooses among exactly the variants that there are. The head of `openapi/copilot.yaml` explains them.

use std::collections::BTreeSet;

use copilot_codegen::{Contract, join};
use serde_json::{Map, Value};

type Schema = Map<String, Value>;

/// The keywords that refuse values. `format` is one too, where a receiver checks it.
const CONSTRAINTS: [&str; 24] = [
    "additionalProperties",
    "allOf",
    "anyOf",
    "discriminator",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "required",
    "uniqueItems",
    "x-property-limit",
    "x-time-window",
    "x-unique-names",
];

/// What breaks the rules: places, each with its problem.
pub(super) fn check(contract: &Contract) -> Vec<(String, String)> {
    let mut found = Vec::new();
    contract.each_object(&mut |pointer, schema| {
        if !is_schema(pointer) || schema.contains_key("$ref") {
            return;
        }
        let problems = provenance(schema, is_condition(pointer, schema))
            .into_iter()
            .chain(openness(schema))
            .chain(bound(schema));
        found.extend(problems.map(|problem| (pointer.to_owned(), problem)));
        if let Some(discriminator) = schema.get("discriminator") {
            variants(contract, pointer, schema, discriminator, &mut found);
        }
    });
    found
}

/// Whether a schema stands at the place, told from what it stands in.
fn is_schema(pointer: &str) -> bool {
    let mut parts = pointer.rsplit('/');
    match (parts.next(), parts.next()) {
        (_, Some("allOf" | "anyOf" | "oneOf" | "properties" | "schemas")) => true,
        // A header may have such a name.
        (Some("additionalProperties" | "items" | "not" | "schema"), above) => above != Some("headers"),
        _ => false,
    }
}

/// Whether the schema only narrows the one that it stands in.
fn is_condition(pointer: &str, schema: &Schema) -> bool {
    let mut parts = pointer.rsplit('/');
    let last = parts.next();
    !schema.contains_key("type")
        && (last == Some("not") || matches!(parts.next(), Some("allOf" | "anyOf" | "oneOf")))
}

fn provenance(schema: &Schema, is_condition: bool) -> Vec<String> {
    let is_checked = matches!(type_of(schema), "integer" | "string");
    let constraints = schema
        .keys()
        .filter(|keyword| CONSTRAINTS.contains(&keyword.as_str()) || (*keyword == "format" && is_checked));
    match schema.get("x-provenance") {
        // `anyOf: [required: [a], required: [b]]` is one constraint, and graded as `anyOf` where it stands.
        None if is_condition => Vec::new(),
        None => {
            constraints.map(|keyword| format!("`{keyword}` has no grade: x-provenance is missing")).collect()
        }
        Some(Value::Object(grades)) => {
            let missing = constraints
                .filter(|keyword| !grades.contains_key(*keyword))
                .map(|keyword| format!("x-provenance does not grade `{keyword}`"));
            // `x-time-window/future` grades a part of the constraint.
            let base = |keyword: &str| keyword.split('/').next().unwrap_or_default().to_owned();
            let idle = grades
                .keys()
                .filter(|keyword| !schema.contains_key(&base(keyword)))
                .map(|keyword| format!("x-provenance grades `{keyword}`, which the schema does not have"));
            missing.chain(idle).collect()
        }
        // One grade for all. Spectral knows the grades.
        Some(_) => Vec::new(),
    }
}

fn openness(schema: &Schema) -> Option<String> {
    if type_of(schema) != "object" {
        return None;
    }
    let problem = match (schema.get("additionalProperties"), schema.contains_key("x-open")) {
        (None, _) => "the object does not say what its additionalProperties are",
        (Some(Value::Bool(false)), true) => "x-open is obsolete: the object is closed",
        (Some(Value::Bool(false)), false) | (Some(_), true) => return None,
        (Some(_), false) => "the object is open: say why in x-open",
    };
    Some(problem.to_owned())
}

fn bound(schema: &Schema) -> Option<String> {
    let bounds: &[&str] = match type_of(schema) {
        "string" => &["maxLength", "enum"],
        "array" => &["maxItems"],
        _ => return None,
    };
    match (bounds.iter().find(|bound| schema.contains_key(**bound)), schema.contains_key("x-unbounded")) {
        (Some(bound), true) => Some(format!("x-unbounded is obsolete: there is `{bound}`")),
        (None, false) => {
            Some(format!("has neither {} nor x-unbounded, which says why", bounds.join(" nor ")))
        }
        _ => None,
    }
}

fn type_of(schema: &Schema) -> &str {
    schema.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The mapping names each variant once, and each variant says its own name.
fn variants(
    contract: &Contract,
    pointer: &str,
    schema: &Schema,
    discriminator: &Value,
    found: &mut Vec<(String, String)>,
) {
    let place = join(pointer, "discriminator");
    let mut add = |place: &str, problem: String| found.push((place.to_owned(), problem));
    let property = discriminator.get("propertyName").and_then(Value::as_str);
    let mapping = discriminator.get("mapping").and_then(Value::as_object);
    let (Some(property), Some(mapping)) = (property, mapping) else {
        return add(&place, "has no propertyName, or no mapping".to_owned());
    };
    let mut unmapped = BTreeSet::new();
    for choice in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let is_new = Contract::reference(choice).is_some_and(|name| unmapped.insert(name.to_owned()));
        if !is_new {
            add(pointer, format!("of oneOf, {choice} is no reference to a schema, or stands there twice"));
        }
    }
    for (key, target) in mapping {
        let name = target.as_str().and_then(|target| target.rsplit('/').next()).unwrap_or_default();
        if !unmapped.remove(name) {
            add(
                &place,
                format!("`{key}` maps to {target}, which oneOf does not name, or another key maps to"),
            );
        }
        let Ok(variant) = contract.schema(name) else { continue };
        let values = variant.pointer(&format!("{}/enum", join("/properties", property)));
        let own = values.and_then(Value::as_array).is_some_and(|values| values.iter().eq([key.as_str()]));
        let required = variant.get("required").and_then(Value::as_array);
        if !own || !required.into_iter().flatten().any(|name| name == property) {
            let problem = format!("`{property}` must be required, with [{key}] for its enum");
            add(&join("/components/schemas", name), problem);
        }
    }
    for name in unmapped {
        add(&place, format!("the mapping lacks {name}, which oneOf names"));
    }
}
