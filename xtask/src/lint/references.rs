//! Every reference leads somewhere, and every component is referred to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Document, Findings,
    walk::{Kind, Place, SECTIONS, join},
};

pub(super) fn check(document: &Document<'_>, findings: &mut Findings) {
    resolved(document, findings);
    referred_to(document, findings);
}

fn resolved(document: &Document<'_>, findings: &mut Findings) {
    for place in &document.places {
        if let Some(reference) = place.reference() {
            if let Err(problem) = leads_to(document, place.kind, reference) {
                findings.add(&place.pointer, problem);
            }
            for beside in place.value.as_object().into_iter().flat_map(|members| members.keys()) {
                if beside != "$ref" {
                    findings.add(
                        &place.pointer,
                        format!("`{beside}` stands beside $ref, where OpenAPI 3.0 ignores it"),
                    );
                }
            }
        }
        for (key, target) in mapping(place) {
            if let Err(problem) = leads_to(document, Kind::Schema, target) {
                findings.add(&join(&format!("{}/discriminator/mapping", place.pointer), key), problem);
            }
        }
    }
    for (pointer, name) in schemes(document) {
        if document.root.pointer(&join("/components/securitySchemes", name)).is_none() {
            findings.add(&pointer, format!("the security scheme `{name}` does not exist"));
        }
    }
}

/// That the reference names a component of that kind.
fn leads_to(document: &Document<'_>, kind: Kind, reference: &str) -> Result<(), String> {
    let section = SECTIONS.iter().find(|(_, held)| *held == kind).map(|(section, _)| *section);
    let Some(section) = section else { return Err(format!("{kind:?} cannot be a $ref here")) };
    if !reference.starts_with(&format!("#/components/{section}/")) {
        return Err(format!("`{reference}` is not in #/components/{section}"));
    }
    match document.target(reference) {
        Some(_) => Ok(()),
        None => Err(format!("`{reference}` does not exist")),
    }
}

/// A component is needed when a path leads to it, on whatever way; two that only refer to each other are not.
fn referred_to(document: &Document<'_>, findings: &mut Findings) {
    let components: Vec<&Place<'_>> = document
        .places
        .iter()
        .filter(|place| place.holder.is_none() && place.kind != Kind::PathItem)
        .collect();
    let kept = |place: &Place<'_>| place.get("x-unreferenced").is_some();

    let mut waiting: Vec<String> = targets_under(document, "/paths/");
    waiting.extend(schemes(document).map(|(_, name)| join("/components/securitySchemes", name)));
    for place in components.iter().filter(|place| kept(place)) {
        waiting.extend(targets_under(document, &place.pointer));
    }
    let mut reached = BTreeSet::new();
    while let Some(pointer) = waiting.pop() {
        if reached.insert(pointer.clone()) {
            waiting.extend(targets_under(document, &pointer));
        }
    }
    for place in components {
        match (reached.contains(&place.pointer), kept(place)) {
            (false, false) => {
                findings.add(
                    &place.pointer,
                    "nothing refers to it: remove it, or say why it stays in x-unreferenced",
                );
            }
            (true, true) => {
                findings.add(&place.pointer, "x-unreferenced is obsolete: something refers to it")
            }
            _ => {}
        }
    }
}

/// The pointers that the places at and below `pointer` refer to.
fn targets_under(document: &Document<'_>, pointer: &str) -> Vec<String> {
    let below = format!("{}/", pointer.trim_end_matches('/'));
    let places =
        document.places.iter().filter(|place| place.pointer == pointer || place.pointer.starts_with(&below));
    places
        .flat_map(|place| place.reference().into_iter().chain(mapping(place).map(|(_, target)| target)))
        .filter_map(|reference| reference.strip_prefix('#').map(str::to_owned))
        .collect()
}

/// The mapping of a discriminator: each value with its reference. OpenAPI also allows a schema's bare name;
/// here, as in the generator, there is one way.
fn mapping<'a>(place: &Place<'a>) -> impl Iterator<Item = (&'a String, &'a str)> {
    let mapping = place.get("discriminator").filter(|_| place.kind == Kind::Schema);
    let targets = mapping.and_then(|discriminator| discriminator.get("mapping")).and_then(Value::as_object);
    targets.into_iter().flatten().filter_map(|(key, target)| Some((key, target.as_str()?)))
}

/// The names of the security schemes that the document or an operation asks for, each with where.
fn schemes<'a>(document: &'a Document<'_>) -> impl Iterator<Item = (String, &'a String)> {
    let operations = document.places.iter().filter(|place| place.kind == Kind::Operation);
    let security = operations.map(|place| (place.pointer.as_str(), place.value)).chain([("", document.root)]);
    security.flat_map(|(pointer, value)| {
        let choices = value.get("security").and_then(Value::as_array).into_iter().flatten();
        choices
            .filter_map(Value::as_object)
            .flat_map(|names| names.keys())
            .map(move |name| (format!("{pointer}/security"), name))
    })
}
