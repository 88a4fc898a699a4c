//! The rules of one schema: those of JSON Schema, compiled, and those that it does not know.

use std::{collections::HashSet, sync::Arc};

use jsonschema::{Draft, PatternOptions, ValidationError, Validator, error::ValidationErrorKind, options};
use serde_json::{Value, json};

use super::{
    contract::{ContractError, Placed, escape, grade, resolve, steps},
    reader::Reading,
    window::Window,
    words,
};
use crate::model::Violation;

/// The rules of one schema.
pub(super) struct Rules {
    contract: Arc<Value>,
    place: String,
    validator: Validator,
    windows: Vec<Window>,
}

impl Rules {
    /// Compiles the schema at a place of the contract.
    pub(super) fn compile(contract: &Arc<Value>, schema: &Placed<'_>) -> Result<Self, ContractError> {
        // JSON Schema as OpenAPI 3.0 means it, with formats asserted. What stands beside a `$ref` is not read there.
        let root = json!({ "allOf": [{ "$ref": schema.place }], "paths": contract["paths"], "components": contract["components"] });
        let validator = options()
            .with_draft(Draft::Draft4)
            .should_validate_formats(true)
            .offline()
            // Linear in the text, whatever the pattern.
            .with_pattern_options(PatternOptions::regex())
            .build(&root)
            .map_err(|error| ContractError::new(&schema.place, format!("is no JSON Schema: {error}")))?;
        let windows = Window::all_in(contract, schema)?;
        Ok(Self { contract: Arc::clone(contract), place: schema.place.clone(), validator, windows })
    }

    /// Every rule that a value breaks, by place.
    pub(super) fn check(&self, reading: &Reading, now_ms: i64) -> Vec<Violation> {
        let mut found = repeated(reading);
        if !self.validator.is_valid(&reading.value) {
            for error in self.validator.iter_errors(&reading.value) {
                self.report(&error, &mut found);
            }
            say_a_form_once(&mut found);
        }
        if !reading.huge.is_empty() {
            self.check_size(reading, &mut found);
        }
        for window in &self.windows {
            // A value that breaks another rule is no time.
            if !found.iter().any(|violation| violation.pointer == window.pointer) {
                found.extend(window.check(&reading.value, now_ms));
            }
        }
        found.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        found
    }

    fn report(&self, error: &ValidationError<'_>, found: &mut Vec<Violation>) {
        let rule = error.kind().keyword();
        let schema = error
            .schema_path()
            .as_str()
            .rsplit_once('/')
            .and_then(|(parent, _)| self.contract.pointer(parent))
            .unwrap_or(&Value::Null);
        let provenance = grade(schema, rule);
        let place = error.instance_path().as_str();
        let mut push = |pointer: String, message: String| {
            found.push(Violation { pointer, rule: rule.to_owned(), provenance: provenance.clone(), message });
        };
        match error.kind() {
            ValidationErrorKind::Required { property: Value::String(name) } => {
                push(format!("{place}/{}", escape(name)), words::MISSING.to_owned());
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for name in unexpected {
                    push(format!("{place}/{}", escape(name)), words::NOT_LISTED.to_owned());
                }
            }
            kind => push(place.to_owned(), words::of(kind, schema, error.instance())),
        }
    }

    /// To JSON Schema, `format: int64` is an annotation, and a number beyond 64 bits is an integer however it was
    /// written. Here, an integer that no `i64` holds breaks the format wherever an integer may stand, even where a
    /// decimal number may stand as well; and a decimal number is no integer.
    fn check_size(&self, reading: &Reading, found: &mut Vec<Violation>) {
        let mut sized = Vec::new();
        for huge in &reading.huge {
            let Some(schema) = self.schema_at(&reading.value, &huge.pointer) else { continue };
            let (schema, rule, message) = match (huge.is_integer, self.int64_in(schema)) {
                (true, Some(schema)) => (schema, "format", "must fit a signed 64-bit integer"),
                (false, _) if is_integer(schema) => {
                    (schema, "type", "must be an integer, not a decimal number")
                }
                _ => continue,
            };
            sized.push(Violation {
                pointer: huge.pointer.clone(),
                rule: rule.to_owned(),
                provenance: grade(schema, rule),
                message: message.to_owned(),
            });
        }
        let places: HashSet<&str> = sized.iter().map(|violation| violation.pointer.as_str()).collect();
        found.retain(|violation| {
            violation.rule == words::UNIQUE_KEYS || !places.contains(violation.pointer.as_str())
        });
        found.append(&mut sized);
    }

    /// The schema that holds for a place in the value.
    fn schema_at(&self, value: &Value, pointer: &str) -> Option<&Value> {
        let mut value = value;
        let mut schema = self.contract.pointer(self.place.strip_prefix('#')?)?;
        for step in steps(pointer) {
            let parent = self.resolved(schema)?;
            (value, schema) = match value {
                Value::Object(members) => {
                    let listed = parent.get("properties").and_then(|properties| properties.get(&step));
                    (members.get(&step)?, listed.or_else(|| parent.get("additionalProperties"))?)
                }
                Value::Array(items) => (items.get(step.parse::<usize>().ok()?)?, parent.get("items")?),
                _ => return None,
            };
        }
        self.resolved(schema)
    }

    /// The schema itself or the alternative of it that is a 64-bit integer.
    fn int64_in<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        let alternatives = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
        let mut candidates = std::iter::once(schema).chain(alternatives);
        candidates.find_map(|candidate| {
            let candidate = self.resolved(candidate)?;
            let is_int64 = candidate.get("format").and_then(Value::as_str) == Some("int64");
            (is_integer(candidate) && is_int64).then_some(candidate)
        })
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        Some(resolve(&self.contract, Placed { schema, place: String::new() }).ok()?.schema)
    }
}

fn is_integer(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("integer")
}

/// The names that stand twice, each once.
pub(super) fn repeated(reading: &Reading) -> Vec<Violation> {
    let mut places: Vec<&String> = reading.repeated.iter().collect();
    places.sort_unstable();
    places.dedup();
    let violation = |pointer: &String| Violation {
        pointer: pointer.clone(),
        rule: words::UNIQUE_KEYS.to_owned(),
        provenance: Some("assumed".to_owned()),
        message: "stands more than once in its object".to_owned(),
    };
    places.into_iter().map(violation).collect()
}

/// Where a text breaks both, its pattern tells more than the name of its format.
fn say_a_form_once(found: &mut Vec<Violation>) {
    let places = |rule: &str| -> HashSet<String> {
        let of_rule = found.iter().filter(|violation| violation.rule == rule);
        of_rule.map(|violation| violation.pointer.clone()).collect()
    };
    let patterns = places("pattern");
    found.retain(|violation| violation.rule != "format" || !patterns.contains(&violation.pointer));
}
