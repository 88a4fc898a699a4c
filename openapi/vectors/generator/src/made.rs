//! The vectors that can be made from the contract: events and consent.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    mutation::{self, Mutation},
    spec,
};

/// The greatest integer up to which a binary floating-point number holds them all.
const EXACT: u64 = 1 << 53;

/// The files that are made from the contract: their paths in `openapi/vectors`, and their text.
pub fn made() -> Vec<(String, String)> {
    let events = spec::event_types().into_iter().map(|event| {
        let head = json!({
            "$schema": "../schema.json", "kind": "events", "schema": "Event", "event_type": event.name,
            "now": mutation::now()
        });
        (format!("events/{}.json", event.name), text(head, &mutation::of_event(event)))
    });
    let head = json!({
        "$schema": "schema.json", "kind": "consent", "schema": "ConsentChange", "now": mutation::now()
    });
    events.chain([("consent.json".to_owned(), text(head, &mutation::of_consent()))]).collect()
}

/// The file as text, one case a line.
fn text(head: Value, mutations: &[Mutation]) -> String {
    let mut names = BTreeSet::new();
    let mut bodies = BTreeSet::new();
    let mut lines = Vec::new();
    for mutation in mutations {
        // Different changes may come to the same.
        if !bodies.insert(mutation.json.to_string()) {
            continue;
        }
        let mut name = mutation.name();
        let mut number = 1;
        while !names.insert(name.clone()) {
            number += 1;
            name = format!("{} ({number})", mutation.name());
        }
        lines.push(format!("    {}", case(&name, mutation)));
    }
    let head = serde_json::to_string_pretty(&head).expect("JSON can be written");
    let head = head.trim_end_matches(['\n', '}']);
    format!("{head},\n  \"cases\": [\n{}\n  ]\n}}\n", lines.join(",\n"))
}

fn case(name: &str, mutation: &Mutation) -> Value {
    let mut case = json!({ "name": name, "valid": mutation.breaks.is_empty() });
    if !mutation.breaks.is_empty() {
        let breaks = mutation.breaks.iter();
        case["breaks"] = breaks
            .map(|(pointer, rule, grade)| json!({ "pointer": pointer, "rule": rule, "grade": grade }))
            .collect();
    }
    let mut needs = BTreeSet::new();
    numbers(&mutation.json, &mut needs);
    if !needs.is_empty() {
        case["needs"] = json!(needs);
    }
    case["body"] = mutation.json.clone();
    case
}

/// What a reader of JSON must be able to tell apart for these numbers.
fn numbers(value: &Value, needs: &mut BTreeSet<&'static str>) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if number.as_f64().is_some_and(|number| number.fract() == 0.0) {
                needs.insert("decimals");
            }
        }
        Value::Number(number) => {
            let size = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
            if size.is_none_or(|size| size > EXACT) {
                needs.insert("int64");
            }
        }
        Value::Array(items) => items.iter().for_each(|item| numbers(item, needs)),
        Value::Object(members) => members.values().for_each(|member| numbers(member, needs)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
