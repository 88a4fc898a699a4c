//! A schema means something: there are values that it takes, and its words are known ones.

use jsonschema::Draft;
use serde_json::{Value, json};

use super::{
    Document, Findings,
    walk::{Kind, Place, join},
};

/// The extensions of this contract, which its head comment explains.
const EXTENSIONS: [&str; 8] = [
    "x-known-values",
    "x-open",
    "x-property-limit",
    "x-provenance",
    "x-time-window",
    "x-unbounded",
    "x-unique-names",
    "x-unreferenced",
];

/// What a schema must not ask for at least and at most the wrong way round.
const BOUNDS: [(&str, &str); 4] = [
    ("minimum", "maximum"),
    ("minItems", "maxItems"),
    ("minLength", "maxLength"),
    ("minProperties", "maxProperties"),
];

pub(super) fn check(document: &Document<'_>, findings: &mut Findings) {
    for place in document.places.iter().filter(|place| place.reference().is_none()) {
        for name in place.value.as_object().into_iter().flat_map(|members| members.keys()) {
            // The members of a callback and of a path are checked where they stand.
            if name.starts_with("x-") && !EXTENSIONS.contains(&name.as_str()) {
                findings.add(&place.pointer, format!("`{name}` is no extension of this contract"));
            }
        }
        if place.kind == Kind::Schema {
            described(place, findings);
            required(document, place, findings);
            typed(place, findings);
            bounded(place, findings);
            choices(place, findings);
            pattern(place, findings);
        }
    }
}

/// A component and a property say what they are for.
fn described(place: &Place<'_>, findings: &mut Findings) {
    let is_named = matches!(place.holder, None | Some((Kind::Schema, "properties")));
    if is_named && place.get("description").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty())
    {
        findings.add(&place.pointer, "has no description");
    }
}

/// What is required is a property of the schema, or of the one that a condition stands in.
fn required(document: &Document<'_>, place: &Place<'_>, findings: &mut Findings) {
    let properties = place.get("properties").or_else(|| properties_around(document, &place.pointer));
    for name in place.get("required").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = name.as_str() else { continue };
        if properties.and_then(|properties| properties.get(name)).is_none() {
            findings.add(&place.pointer, format!("requires `{name}`, which is no property of it"));
        }
    }
}

/// The properties of the nearest schema around a condition that has some.
fn properties_around<'a>(document: &Document<'a>, pointer: &str) -> Option<&'a Value> {
    let (above, last) = pointer.rsplit_once('/')?;
    let schema = match above.rsplit_once('/')? {
        _ if last == "not" => above,
        (schema, "allOf" | "anyOf" | "oneOf") => schema,
        _ => return None,
    };
    document.root.pointer(schema)?.get("properties").or_else(|| properties_around(document, schema))
}

/// The type is one that there is, with what the others rely on.
fn typed(place: &Place<'_>, findings: &mut Findings) {
    let absent = |member| place.get(member).is_none();
    match place.get("type").map(|name| name.as_str().unwrap_or_default()) {
        Some("array") if absent("items") => {
            findings.add(&place.pointer, "the array does not say what it holds")
        }
        Some(number @ ("integer" | "number")) if absent("format") => {
            findings.add(&place.pointer, format!("the {number} has no format, so its size is not known"));
        }
        None | Some("array" | "boolean" | "integer" | "number" | "object" | "string") => {}
        Some(other) => findings.add(&place.pointer, format!("`{other}` is no type")),
    }
}

fn bounded(place: &Place<'_>, findings: &mut Findings) {
    for (least, most) in BOUNDS {
        let bound = |keyword| place.get(keyword).and_then(Value::as_f64);
        if let (Some(low), Some(high)) = (bound(least), bound(most))
            && low > high
        {
            findings.add(&place.pointer, format!("takes nothing: `{least}` exceeds `{most}`"));
        }
    }
}

/// An enum has values, each once and of the schema's type.
fn choices(place: &Place<'_>, findings: &mut Findings) {
    let Some(values) = place.get("enum").and_then(Value::as_array) else { return };
    let pointer = join(&place.pointer, "enum");
    if values.is_empty() {
        findings.add(&pointer, "is empty");
    }
    for (at, value) in values.iter().enumerate() {
        // Of texts, those that become one name of Rust are found.
        if !value.is_string() && values.iter().take(at).any(|earlier| earlier == value) {
            findings.add(&pointer, format!("{value} stands in it twice"));
        }
        let fits = match place.get("type").and_then(Value::as_str) {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !fits {
            findings.add(&pointer, format!("{value} is not of the schema's type"));
        }
    }
}

/// The pattern is one that a validator can read.
fn pattern(place: &Place<'_>, findings: &mut Findings) {
    let Some(pattern) = place.get("pattern") else { return };
    let schema = json!({ "pattern": pattern });
    if jsonschema::options().with_draft(Draft::Draft4).build(&schema).is_err() {
        findings.add(&join(&place.pointer, "pattern"), format!("{pattern} is no regular expression"));
    }
}
