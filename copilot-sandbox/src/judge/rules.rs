//! The rules of one schema: those of JSON Schema, compiled, and those that it does not know.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator, error::ValidationErrorKind, options};
use serde_json::{Value, json};

use super::{
    contract::{ContractError, Placed, escape, grade},
    reader::{Beyond, Reading},
    window::Window,
    words,
};
use crate::model::Violation;

/// The rules of one schema.
pub(super) struct Rules {
    contract: Arc<Value>,
    validator: Validator,
    windows: Vec<Window>,
}

impl Rules {
    /// Compiles the schema at a place of the contract.
    pub(super) fn compile(contract: &Arc<Value>, schema: &Placed<'_>) -> Result<Self, ContractError> {
        // JSON Schema as OpenAPI 3.0 means it. What stands beside a `$ref` is not read there.
        let root = json!({ "allOf": [{ "$ref": schema.place }], "paths": contract["paths"], "components": contract["components"] });
        let validator = options()
            .with_draft(Draft::Draft4)
            // Where a string has a format, its pattern is the rule: validators differ in what they take a format for.
            .should_validate_formats(false)
            .offline()
            // Linear in the text, whatever the pattern.
            .with_pattern_options(PatternOptions::regex())
            .build(&root)
            .map_err(|error| ContractError::new(&schema.place, format!("is no JSON Schema: {error}")))?;
        let windows = Window::all_in(contract, schema)?;
        Ok(Self { contract: Arc::clone(contract), validator, windows })
    }

    /// Every rule that a value breaks, by place.
    pub(super) fn check(&self, reading: &Reading, now_ms: i64) -> Vec<Violation> {
        let mut found = repeated(reading);
        if !self.validator.is_valid(&reading.value) {
            for error in self.validator.iter_errors(&reading.value) {
                self.report(&error, reading, &mut found);
            }
        }
        for window in &self.windows {
            match found.iter_mut().find(|violation| violation.pointer == window.pointer) {
                None => found.extend(window.check(&reading.value, now_ms)),
                // A value that breaks another rule is no time, but it may be one in another unit.
                Some(broken) if broken.rule == "maximum" => {
                    if let Some(unit) = window.unit(&reading.value, now_ms) {
                        broken.message = unit;
                    }
                }
                Some(_) => {}
            }
        }
        found.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        found
    }

    fn report(&self, error: &ValidationError<'_>, reading: &Reading, found: &mut Vec<Violation>) {
        let mut rule = error.kind().keyword();
        let schema = error
            .schema_path()
            .as_str()
            .rsplit_once('/')
            .and_then(|(parent, _)| self.contract.pointer(parent))
            .unwrap_or(&Value::Null);
        let place = error.instance_path().as_str();
        // To JSON Schema, a number beyond 64 bits is an integer however it was written, and its size is for `format` to
        // tell, which is an annotation.
        let is_integer = schema.get("type").and_then(Value::as_str) == Some("integer");
        let beyond = match reading.notes.beyond.get(place) {
            Some(Beyond::Integer) if is_integer => Some(("format", words::BEYOND_64_BITS)),
            Some(Beyond::Decimal) if is_integer => Some(("type", words::NOT_AN_INTEGER)),
            _ => None,
        };
        if let Some((meant, _)) = beyond {
            rule = meant;
        }
        let provenance = grade(schema, rule);
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
            _ if beyond.is_some() => {
                push(place.to_owned(), beyond.map(|(_, words)| words.to_owned()).unwrap_or_default());
            }
            kind => push(place.to_owned(), words::of(kind, schema, error.instance())),
        }
    }
}

/// The names that stand twice, each once.
pub(super) fn repeated(reading: &Reading) -> Vec<Violation> {
    let mut places: Vec<&String> = reading.notes.repeated.iter().collect();
    places.sort_unstable();
    places.dedup();
    let violation = |pointer: &String| Violation {
        pointer: pointer.clone(),
        rule: words::UNIQUE_NAMES.to_owned(),
        provenance: Some("assumed".to_owned()),
        message: "stands more than once in its object".to_owned(),
    };
    places.into_iter().map(violation).collect()
}
