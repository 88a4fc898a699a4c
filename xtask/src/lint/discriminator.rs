//! A discriminator chooses among exactly the variants that there are, and each variant says its own name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Document, Findings,
    walk::{Kind, Place, join, reference},
};

pub(super) fn check(document: &Document<'_>, findings: &mut Findings) {
    for place in document.places.iter().filter(|place| place.kind == Kind::Schema) {
        if let Some(discriminator) = place.get("discriminator") {
            let pointer = join(&place.pointer, "discriminator");
            variants(document, place, discriminator, &pointer, findings);
        }
    }
}

fn variants(
    document: &Document<'_>,
    place: &Place<'_>,
    discriminator: &Value,
    pointer: &str,
    findings: &mut Findings,
) {
    let Some(mapping) = discriminator.get("mapping").and_then(Value::as_object) else {
        return findings.add(pointer, "has no mapping");
    };
    let Some(property) = discriminator.get("propertyName").and_then(Value::as_str) else {
        return findings.add(pointer, "has no propertyName");
    };

    let choices = place.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let mut unmapped = BTreeSet::new();
    for (at, choice) in choices.enumerate() {
        match reference(choice) {
            Some(target) if unmapped.insert(target) => {}
            Some(target) => findings.add(&place.pointer, format!("oneOf names `{target}` twice")),
            None => findings.add(
                &format!("{}/oneOf/{at}", place.pointer),
                "is not a $ref, so the mapping cannot name it",
            ),
        }
    }
    for (key, target) in mapping {
        let Some(target) = target.as_str() else { continue };
        if !unmapped.remove(target) {
            findings.add(
                pointer,
                format!("`{key}` maps to `{target}`, which oneOf does not name, or another key maps to"),
            );
        }
        if let (Some(schema), Some(at)) = (document.target(target), target.strip_prefix('#')) {
            variant(schema, at, property, key, findings);
        }
    }
    for target in unmapped {
        findings.add(pointer, format!("the mapping lacks `{target}`, which oneOf names"));
    }
}

fn variant(schema: &Value, pointer: &str, property: &str, key: &str, findings: &mut Findings) {
    let named = schema.get("properties").and_then(|properties| properties.get(property));
    let values = named.and_then(|named| named.get("enum")).and_then(Value::as_array);
    let only = values.is_some_and(|values| matches!(values.as_slice(), [value] if value == key));
    if !only {
        findings
            .add(pointer, format!("the enum of `{property}` must be [{key}], as the discriminator maps it"));
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    if !required.into_iter().any(|name| name == property) {
        findings.add(pointer, format!("`{property}` chooses the variant, so it must be required"));
    }
    if schema.get("example").is_none() {
        findings.add(pointer, format!("the variant `{key}` has no example"));
    }
}
