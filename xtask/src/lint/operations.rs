//! Every operation says what it is, under a name of its own.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Document, Findings, walk::Kind};

pub(super) fn check(document: &Document<'_>, findings: &mut Findings) {
    let mut known = BTreeMap::new();
    for place in document.places.iter().filter(|place| place.kind == Kind::Operation) {
        for member in ["operationId", "summary", "description"] {
            if place.get(member).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
                findings.add(&place.pointer, format!("the operation has no {member}"));
            }
        }
        if place.get("tags").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            findings.add(&place.pointer, "the operation has no tags");
        }
        if let Some(id) = place.get("operationId").and_then(Value::as_str)
            && let Some(first) = known.insert(id, &place.pointer)
        {
            findings.add(&place.pointer, format!("the operationId `{id}` is also that of {first}"));
        }
    }
}
