//! The rules in words. They name what the rule asks for, and the kind of the value, never the value.

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// A name stands once in an object.
pub(super) const UNIQUE_NAMES: &str = "x-unique-names";

pub(super) const NOT_AN_INTEGER: &str = "must be an integer, not a decimal number";
pub(super) const BEYOND_64_BITS: &str = "must fit a signed 64-bit integer";
pub(super) const MISSING: &str = "is missing";
pub(super) const NOT_LISTED: &str = "is not a property that the contract lists here";

/// What a rule asks for. `schema` is the one in which the rule stands.
pub(super) fn of(kind: &ValidationErrorKind, schema: &Value, value: &Value) -> String {
    match kind {
        ValidationErrorKind::Type { .. } => {
            format!("must be {}, not {}", expected(schema), kind_of(value))
        }
        ValidationErrorKind::AnyOf { .. } => any_of(schema, value),
        ValidationErrorKind::Enum { options } => {
            let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
            format!("must be {}", choice(options.iter().map(plain)))
        }
        ValidationErrorKind::MinLength { limit: 1 } => "must not be empty".to_owned(),
        ValidationErrorKind::MinLength { limit } => format!("must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::Pattern { pattern } => format!("must match {pattern}"),
        ValidationErrorKind::Format { format } => format!("must have the format `{format}`"),
        ValidationErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ValidationErrorKind::MinItems { limit: 1 } => "must hold at least one item".to_owned(),
        ValidationErrorKind::MinItems { limit } => format!("must hold at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("must hold at most {limit} items"),
        other => match schema.get(other.keyword()) {
            Some(rule @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => {
                format!("must keep to `{}`: {}", other.keyword(), plain(rule))
            }
            _ => format!("must keep to `{}`", other.keyword()),
        },
    }
}

fn any_of(schema: &Value, value: &Value) -> String {
    let alternatives = schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let sets: Vec<&Vec<Value>> =
        alternatives.iter().filter_map(|alternative| alternative.get("required")?.as_array()).collect();
    if !sets.is_empty() && sets.len() == alternatives.len() {
        let sets = sets.iter().map(|set| set.iter().map(plain).collect::<Vec<_>>().join(" with "));
        return format!("must have {}", choice(sets));
    }
    format!("must be {}, not {}", choice(alternatives.iter().map(expected)), kind_of(value))
}

/// The kind of value that a schema asks for.
fn expected(schema: &Value) -> String {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "a string".to_owned(),
        Some("integer") => "an integer".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "a boolean".to_owned(),
        Some("array") => "an array".to_owned(),
        Some("object") => "an object".to_owned(),
        _ => "what the contract says".to_owned(),
    }
}

/// The kind of a value.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value of the contract as a reader writes it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `a, b or c`.
fn choice(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    match words.pop() {
        Some(last) if !words.is_empty() => format!("{} or {last}", words.join(", ")),
        Some(only) => only,
        None => "nothing".to_owned(),
    }
}
