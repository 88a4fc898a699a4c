//! The rules of one schema: those of JSON Schema, compiled, and those that it does not know.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator, error::ValidationErrorKind, options};
use serde_json::{Value, json};

use super::{
    contract::{ContractError, Placed, escape, grade},
    reader::Reading,
    size,
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
        Ok(Self { contract: Arc::clone(contract), place: schema.place.clone(), validator, windows })
    }

    /// Every rule that a value breaks, by place.
    pub(super) fn check(&self, reading: &Reading, now_ms: i64) -> Vec<Violation> {
        let mut found = repeated(reading);
        if !self.validator.is_valid(&reading.value) {
            for error in self.validator.iter_errors(&reading.value) {
                self.report(&error, &mut found);
            }
        }
        // Of a name that stands twice, the value has only one. The event is refused for that.
        if !reading.huge.is_empty() && reading.repeated.is_empty() {
            size::check(&self.contract, &self.place, reading, &mut found);
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
