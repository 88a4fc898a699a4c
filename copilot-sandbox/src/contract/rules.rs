//! The rules of one schema: those of JSON Schema, compiled, and those that it does not know.

use std::{collections::BTreeSet, sync::Arc};

use jsonschema::{Draft, PatternOptions, ValidationError, Validator, error::ValidationErrorKind, options};
use serde_json::{Value, json};

use super::{
    document::{ContractError, Placed, escape, grade},
    reader::{Beyond, Reading},
    window::Window,
};
use crate::model::Violation;

/// In the JSON text of a value, no object has a name twice (`x-unique-names`).
#[derive(Clone)]
pub(super) struct UniqueNames {
    provenance: Option<String>,
}

impl UniqueNames {
    const RULE: &str = "x-unique-names";

    /// Whether a schema says so.
    pub(super) fn of(schema: &Placed<'_>) -> Option<Self> {
        (schema.value[Self::RULE] == true).then(|| Self { provenance: schema.grade(Self::RULE) })
    }

    /// The names that stand twice, each once.
    pub(super) fn check(&self, reading: &Reading) -> Vec<Violation> {
        let places: BTreeSet<&String> = reading.repeated.iter().collect();
        let violation = |pointer: &String| Violation {
            pointer: pointer.clone(),
            rule: Self::RULE.to_owned(),
            provenance: self.provenance.clone(),
            message: "stands more than once in its object".to_owned(),
        };
        places.into_iter().map(violation).collect()
    }
}

/// The rules of one schema.
pub(super) struct Rules {
    document: Arc<Value>,
    validator: Validator,
    windows: Vec<Window>,
    unique_names: Option<UniqueNames>,
}

impl Rules {
    /// Compiles the schema at a place of the document.
    pub(super) fn compile(
        document: &Arc<Value>,
        schema: &Placed<'_>,
        unique_names: Option<UniqueNames>,
    ) -> Result<Self, ContractError> {
        // JSON Schema as OpenAPI 3.0 means it. What stands beside a `$ref` is not read there.
        let (paths, components) = (&document["paths"], &document["components"]);
        let root = json!({ "allOf": [{ "$ref": schema.place }], "paths": paths, "components": components });
        let validator = options()
            .with_draft(Draft::Draft4)
            // Where a string has a format, its pattern is the rule: validators differ in what they take a format for.
            .should_validate_formats(false)
            .offline()
            // Linear in the text, whatever the pattern.
            .with_pattern_options(PatternOptions::regex())
            .build(&root)
            .map_err(|error| ContractError::new(&schema.place, format!("is no JSON Schema: {error}")))?;
        let windows = Window::all_in(schema)?;
        Ok(Self { document: Arc::clone(document), validator, windows, unique_names })
    }

    /// Every rule that a value breaks, by place.
    pub(super) fn check(&self, reading: &Reading, now_ms: i64) -> Vec<Violation> {
        let mut found = self.unique_names.as_ref().map(|rule| rule.check(reading)).unwrap_or_default();
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
        let place = error.instance_path().as_str();
        let parent = error.schema_path().as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
        let schema = self.document.pointer(parent).unwrap_or(&Value::Null);
        // To JSON Schema, a number beyond 64 bits is an integer however it was written, and its size is for `format` to
        // tell, which is an annotation.
        let beyond = reading.beyond.get(place).filter(|_| schema["type"] == "integer");
        let rule = match beyond {
            Some(Beyond::Integer) => "format",
            Some(Beyond::Decimal) => "type",
            None => error.kind().keyword(),
        };
        let provenance = grade(schema, rule);
        let mut push = |pointer: String, message: String| {
            found.push(Violation { pointer, rule: rule.to_owned(), provenance: provenance.clone(), message });
        };
        match error.kind() {
            ValidationErrorKind::Required { property: Value::String(name) } => {
                push(format!("{place}/{}", escape(name)), "is missing".to_owned());
            }
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for name in unexpected {
                    let words = "is not a property that the contract lists here";
                    push(format!("{place}/{}", escape(name)), words.to_owned());
                }
            }
            _ if beyond.is_some() => push(place.to_owned(), "must fit a signed 64-bit integer".to_owned()),
            // The message says of each alternative what is wrong with it.
            ValidationErrorKind::AnyOf { context } => {
                let mut each: Vec<String> = context.iter().flatten().map(words).collect();
                each.dedup();
                push(place.to_owned(), each.join(", or "));
            }
            _ => push(place.to_owned(), words(error)),
        }
    }
}

/// What is wrong, without the value.
fn words(error: &ValidationError<'_>) -> String {
    error.masked_with("").to_string().trim_start().to_owned()
}
