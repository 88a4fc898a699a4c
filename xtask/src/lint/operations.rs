//! Every operation says what it is, under a name of its own, what it takes, and what it may answer.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Document, Findings,
    walk::{Kind, Place, join},
};

pub(super) fn check(document: &Document<'_>, findings: &mut Findings) {
    let tags: BTreeSet<&str> =
        list(document.root.get("tags")).filter_map(|tag| tag.get("name")?.as_str()).collect();
    let mut unused = tags.clone();
    for place in document.places.iter().filter(|place| place.kind == Kind::Operation) {
        for member in ["operationId", "summary", "description"] {
            if place.get(member).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
                findings.add(&place.pointer, format!("the operation has no {member}"));
            }
        }
        if list(place.get("tags")).next().is_none() {
            findings.add(&place.pointer, "the operation has no tags");
        }
        for tag in list(place.get("tags")).filter_map(Value::as_str) {
            unused.remove(tag);
            if !tags.contains(tag) {
                findings.add(&place.pointer, format!("the tag `{tag}` is not among the document's"));
            }
        }
        answers(document, place, findings);
        parameters(document, place, findings);
    }
    for tag in unused {
        findings.add("/tags", format!("no operation has the tag `{tag}`"));
    }
    servers(document, findings);
}

/// There is an answer to what is right and one to what is wrong, and one to wrong credentials.
fn answers(document: &Document<'_>, place: &Place<'_>, findings: &mut Findings) {
    let statuses: Vec<&str> = place
        .get("responses")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|answers| answers.keys())
        .map(String::as_str)
        .collect();
    for (class, of) in [("2", "success"), ("4", "refusal")] {
        if !statuses.iter().any(|status| status.starts_with(class)) {
            findings.add(&place.pointer, format!("the operation has no answer of {of}, {class}xx"));
        }
    }
    let security = place.get("security").or_else(|| document.root.get("security"));
    if list(security).next().is_none() {
        findings.add(&place.pointer, "the operation asks for no credentials");
    } else if !statuses.iter().any(|status| matches!(*status, "401" | "4XX")) {
        findings.add(&place.pointer, "the operation asks for credentials and has no answer 401");
    }
}

/// The names in the path are parameters, and the parameters of the path are in it.
fn parameters(document: &Document<'_>, place: &Place<'_>, findings: &mut Findings) {
    let Some((item, _)) = place.pointer.rsplit_once('/') else { return };
    let shared = document.root.pointer(item).and_then(|item| item.get("parameters"));
    let path = item.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
    let mut named = names_in_braces(&path);
    for parameter in list(shared).chain(list(place.get("parameters"))) {
        let Some(parameter) = document.resolved(parameter) else { continue };
        if parameter.get("in").and_then(Value::as_str) != Some("path") {
            continue;
        }
        let Some(name) = parameter.get("name").and_then(Value::as_str) else { continue };
        if !named.remove(name) {
            findings.add(&place.pointer, format!("the parameter `{name}` is not in the path"));
        }
        if parameter.get("required").and_then(Value::as_bool) != Some(true) {
            findings.add(&place.pointer, format!("the parameter `{name}` of the path must be required"));
        }
    }
    for name in named {
        findings.add(&place.pointer, format!("`{{{name}}}` in the path is not a declared parameter"));
    }
}

/// The names in a server's URL are its variables, and the other way round.
fn servers(document: &Document<'_>, findings: &mut Findings) {
    for (at, server) in list(document.root.get("servers")).enumerate() {
        let pointer = join("/servers", &at.to_string());
        let named = names_in_braces(server.get("url").and_then(Value::as_str).unwrap_or_default());
        let variables = server.get("variables").and_then(Value::as_object);
        let declared: BTreeSet<&str> =
            variables.into_iter().flat_map(|variables| variables.keys()).map(String::as_str).collect();
        for name in named.symmetric_difference(&declared) {
            let problem =
                if named.contains(name) { "is not a declared variable" } else { "is not in the URL" };
            findings.add(&pointer, format!("`{name}` {problem}"));
        }
    }
}

fn names_in_braces(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
