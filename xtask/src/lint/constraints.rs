//! Every constraint says how sure it is, and what has no bound says why.

use copilot_codegen::Provenance;
use serde_json::Value;

use super::{
    Document, Findings,
    walk::{Kind, Place},
};

/// The keywords that refuse values. `format` is one too where a receiver checks it.
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

pub(super) fn check(document: &Document<'_>, findings: &mut Findings) {
    for place in
        document.places.iter().filter(|place| place.kind == Kind::Schema && place.reference().is_none())
    {
        provenance(place, findings);
        match place.get("type").and_then(Value::as_str) {
            Some("object") => openness(place, findings),
            Some("string") => bound(place, &["maxLength", "enum"], findings),
            Some("array") => bound(place, &["maxItems"], findings),
            None if place.get("properties").is_some() && !is_condition(place) => {
                findings.add(
                    &place.pointer,
                    "has properties but not `type: object`, so it also takes what is no object",
                );
            }
            _ => {}
        }
    }
}

fn provenance(place: &Place<'_>, findings: &mut Findings) {
    let keywords = place.value.as_object().into_iter().flat_map(|schema| schema.keys()).map(String::as_str);
    let type_of = place.get("type").and_then(Value::as_str);
    let constraints = keywords.filter(|keyword| match *keyword {
        "format" => matches!(type_of, Some("integer" | "string")),
        keyword => CONSTRAINTS.contains(&keyword),
    });
    match place.get("x-provenance") {
        // `anyOf: [required: [a], required: [b]]` is one constraint, and graded as `anyOf` where it stands.
        None if is_condition(place) => {}
        None => {
            for keyword in constraints {
                findings.add(&place.pointer, format!("`{keyword}` has no grade: x-provenance is missing"));
            }
        }
        Some(Value::String(all)) => grade(place, "x-provenance", all, findings),
        Some(Value::Object(grades)) => {
            for keyword in constraints {
                if !grades.contains_key(keyword) {
                    findings.add(&place.pointer, format!("x-provenance does not grade `{keyword}`"));
                }
            }
            for (keyword, text) in grades {
                // `x-time-window/future` grades a part of the constraint.
                let base = keyword.split_once('/').map_or(keyword.as_str(), |(base, _)| base);
                if place.get(base).is_none() {
                    findings.add(
                        &place.pointer,
                        format!("x-provenance grades `{keyword}`, which the schema does not have"),
                    );
                }
                grade(
                    place,
                    &format!("x-provenance of `{keyword}`"),
                    text.as_str().unwrap_or_default(),
                    findings,
                );
            }
        }
        Some(_) => findings.add(&place.pointer, "x-provenance is neither a grade nor a map of grades"),
    }
}

fn grade(place: &Place<'_>, what: &str, text: &str, findings: &mut Findings) {
    if Provenance::parse(text).is_none() {
        findings
            .add(&place.pointer, format!("{what} is `{text}`, not one of {}", Provenance::NAMES.join(", ")));
    }
}

/// Whether the schema only narrows the one that it stands in.
fn is_condition(place: &Place<'_>) -> bool {
    matches!(place.holder, Some((Kind::Schema, "allOf" | "anyOf" | "oneOf" | "not")))
        && place.get("type").is_none()
}

fn openness(place: &Place<'_>, findings: &mut Findings) {
    let reason = reason(place, "x-open", findings);
    match place.get("additionalProperties") {
        None => findings.add(&place.pointer, "the object does not say what its additionalProperties are"),
        Some(Value::Bool(false)) if reason => {
            findings.add(&place.pointer, "x-open is obsolete: the object is closed");
        }
        Some(Value::Bool(false)) => {}
        Some(_) if reason => {}
        Some(_) => findings.add(&place.pointer, "the object is open: say why in x-open"),
    }
}

fn bound(place: &Place<'_>, bounds: &[&str], findings: &mut Findings) {
    let reason = reason(place, "x-unbounded", findings);
    match (bounds.iter().find(|bound| place.get(bound).is_some()), reason) {
        (Some(bound), true) => {
            findings.add(&place.pointer, format!("x-unbounded is obsolete: there is `{bound}`"));
        }
        (None, false) => {
            let bounds = bounds.join(" nor ");
            findings.add(&place.pointer, format!("has neither {bounds} nor x-unbounded, which says why"));
        }
        _ => {}
    }
}

/// Whether the extension is there; it must give its reason in words.
fn reason(place: &Place<'_>, extension: &str, findings: &mut Findings) -> bool {
    let Some(reason) = place.get(extension) else { return false };
    if reason.as_str().is_none_or(|words| words.trim().is_empty()) {
        findings.add(&place.pointer, format!("{extension} does not say why"));
    }
    true
}
