//! What `format: int64` says. To JSON Schema it is an annotation, and a number beyond 64 bits is an integer however it
//! was written. Here, an integer that no `i64` holds breaks the format wherever an integer may stand, even where a
//! decimal number may stand as well; and a decimal number is no integer.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    contract::{Placed, grade, resolve},
    path::Path,
    reader::{Huge, Reading},
    words,
};
use crate::model::Violation;

/// Replaces what was found at numbers beyond 64 bits by what this rule says of them. `place` is that of the schema.
pub(super) fn check(contract: &Value, place: &str, reading: &Reading, found: &mut Vec<Violation>) {
    let schema = place.strip_prefix('#').and_then(|pointer| contract.pointer(pointer));
    let mut walk = Walk { contract, huge: reading.huge.iter(), next: None, numbers: 0, found: Vec::new() };
    walk.next = walk.huge.next();
    walk.visit(&reading.value, schema, &Path::ROOT);
    let places: HashSet<&str> = walk.found.iter().map(|violation| violation.pointer.as_str()).collect();
    found.retain(|violation| !places.contains(violation.pointer.as_str()));
    found.append(&mut walk.found);
}

/// Visits the numbers of a value in the order in which they were read.
struct Walk<'a> {
    contract: &'a Value,
    huge: std::slice::Iter<'a, Huge>,
    /// The next number beyond 64 bits.
    next: Option<&'a Huge>,
    numbers: usize,
    found: Vec<Violation>,
}

impl<'a> Walk<'a> {
    /// `schema` is the one that holds for this value, if one does.
    fn visit(&mut self, value: &Value, schema: Option<&'a Value>, at: &Path<'_>) {
        match value {
            Value::Number(_) => {
                if let Some(huge) = self.next.filter(|huge| huge.number == self.numbers) {
                    self.next = self.huge.next();
                    if let Some(schema) = schema.and_then(|schema| self.resolved(schema)) {
                        self.judge(huge, schema, at);
                    }
                }
                self.numbers += 1;
            }
            Value::Array(items) => {
                let of_items = schema.and_then(|schema| self.resolved(schema)?.get("items"));
                for (index, item) in items.iter().enumerate() {
                    self.visit(item, of_items, &at.index(index));
                }
            }
            Value::Object(members) => {
                let schema = schema.and_then(|schema| self.resolved(schema));
                let listed = schema.and_then(|schema| schema.get("properties"));
                let further = schema.and_then(|schema| schema.get("additionalProperties"));
                for (name, member) in members {
                    let of_member = listed.and_then(|listed| listed.get(name)).or(further);
                    self.visit(member, of_member, &at.name(name));
                }
            }
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }

    fn judge(&mut self, huge: &Huge, schema: &'a Value, at: &Path<'_>) {
        let (schema, rule, message) = match (huge.is_integer, self.int64_in(schema)) {
            (true, Some(schema)) => (schema, "format", "must fit a signed 64-bit integer"),
            (false, _) if is_integer(schema) => (schema, "type", words::NOT_AN_INTEGER),
            _ => return,
        };
        self.found.push(Violation {
            pointer: at.pointer(),
            rule: rule.to_owned(),
            provenance: grade(schema, rule),
            message: message.to_owned(),
        });
    }

    /// The schema itself, or the alternative of it, that is a 64-bit integer.
    fn int64_in(&self, schema: &'a Value) -> Option<&'a Value> {
        let alternatives = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        std::iter::once(schema).chain(alternatives).find_map(|candidate| {
            let candidate = self.resolved(candidate)?;
            let is_int64 = candidate.get("format").and_then(Value::as_str) == Some("int64");
            (is_integer(candidate) && is_int64).then_some(candidate)
        })
    }

    fn resolved(&self, schema: &'a Value) -> Option<&'a Value> {
        Some(resolve(self.contract, Placed { schema, place: String::new() }).ok()?.schema)
    }
}

fn is_integer(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("integer")
}
