//! Each rule finds what it is for, as what it is and nothing else, in the contract with one thing changed;
//! and what breaks one way does not the other way.

#![allow(clippy::panic, clippy::unwrap_used)]

mod operations;
mod releases;
mod schemas;

use copilot_codegen::Contract;
use serde_json::Value;

use super::{
    compare,
    finding::{Finding, Level},
};
use crate::workspace::{CONTRACT, root};

const COLLECT: &str = "/paths/~1v2~1collect/post";
const SCHEMAS: &str = "/components/schemas/";

/// A value to put at a pointer, whose parent exists; `null` takes away what is there. `@` stands for the
/// operation `collect`, and a pointer without a slash before it starts at the schemas.
type Edit = (&'static str, Value);

fn contract() -> Value {
    let text = std::fs::read_to_string(root().unwrap().join(CONTRACT)).unwrap();
    Contract::parse(&text).unwrap().root().clone()
}

fn edited(contract: &Value, edits: &[Edit]) -> Value {
    let mut edited = contract.clone();
    for (pointer, value) in edits {
        let pointer = match pointer.strip_prefix('@') {
            Some(rest) => format!("{COLLECT}{rest}"),
            None if pointer.starts_with('/') => (*pointer).to_owned(),
            None => format!("{SCHEMAS}{pointer}"),
        };
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        let parent = edited.pointer_mut(parent).and_then(Value::as_object_mut);
        let parent = parent.unwrap_or_else(|| panic!("{pointer} has no object above it"));
        let member = member.replace("~1", "/");
        let was = match value {
            Value::Null => parent.shift_remove(&member),
            value => parent.insert(member, value.clone()),
        };
        assert_ne!(was.as_ref().unwrap_or(&Value::Null), value, "{pointer} is so already");
    }
    edited
}

/// Each finding in a line, with pointers as in [`Edit`].
fn lines(old: &Value, new: &Value) -> Vec<String> {
    let line = |finding: Finding| {
        let breaks: Vec<String> = finding.breaks.iter().map(|breaks| format!("{breaks:?}")).collect();
        let level = match finding.level {
            Level::Breaking => breaks.join("+"),
            level => format!("{level:?}"),
        };
        let pointer = finding.pointer.replace(COLLECT, "@").replace(SCHEMAS, "");
        format!("{level}: {pointer}: {}", finding.what)
    };
    compare(old, new).into_iter().map(line).collect()
}

/// Each row: what is done to the contract, what that is found to be, and what undoing it is found to be.
fn check(rows: &[(&[Edit], &[&str], &[&str])]) {
    let contract = contract();
    for (edits, there, back) in rows {
        let edited = edited(&contract, edits);
        assert_eq!(lines(&contract, &edited), *there, "{edits:?}");
        assert_eq!(lines(&edited, &contract), *back, "{edits:?}, undone");
    }
}

#[test]
fn a_contract_does_not_differ_from_itself() {
    assert_eq!(compare(&contract(), &contract()), Vec::new());
}

/// The order of lists says nothing, nor does that of members.
#[test]
fn what_stands_in_another_order_does_not_differ() {
    let contract = contract();
    let mut turned = contract.clone();
    for pointer in ["Event/oneOf", "PropertyValue/anyOf", "Event/required", "ConsentChange/required"] {
        if let Some(list) = turned.pointer_mut(&format!("{SCHEMAS}{pointer}")).and_then(Value::as_array_mut) {
            list.reverse();
        }
    }
    assert_ne!(turned, contract);
    assert_eq!(compare(&contract, &turned), Vec::new());
}
