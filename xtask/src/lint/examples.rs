//! Every example is there, and is what its schema takes.

use jsonschema::{Draft, ValidationError, error::ValidationErrorKind};
use serde_json::{Value, json};

use super::{
    Document, Findings,
    walk::{Kind, Place, join},
};

pub(super) fn check(document: &Document<'_>, findings: &mut Findings) {
    let schemas = Schemas::of(document);
    for place in document.places.iter().filter(|place| place.reference().is_none()) {
        match place.kind {
            Kind::Schema => {
                if let Some(example) = place.get("example") {
                    schemas.validate(&place.pointer, &join(&place.pointer, "example"), example, findings);
                }
            }
            Kind::MediaType | Kind::Parameter | Kind::Header => {
                exchanged(document, &schemas, place, findings)
            }
            _ => {}
        }
        shown(place, findings);
    }
}

/// The examples of what is sent or answered: of a body, a parameter or a header.
fn exchanged(document: &Document<'_>, schemas: &Schemas, place: &Place<'_>, findings: &mut Findings) {
    let one = place.get("example").map(|example| (join(&place.pointer, "example"), example));
    let many_at = join(&place.pointer, "examples");
    let many = place.get("examples").and_then(Value::as_object).into_iter().flatten();
    let many = many.filter(|(name, _)| !name.starts_with("x-")).filter_map(|(name, example)| {
        let pointer = join(&many_at, name);
        match document.resolved(example)?.get("value") {
            Some(value) => Some((join(&pointer, "value"), value)),
            None => {
                findings.add(&pointer, "has no value; one elsewhere cannot be checked");
                None
            }
        }
    });
    let examples: Vec<_> = one.into_iter().chain(many).collect();
    for (pointer, example) in examples {
        match place.get("schema") {
            Some(_) => schemas.validate(&join(&place.pointer, "schema"), &pointer, example, findings),
            None => findings.add(&pointer, "is an example of nothing: there is no schema"),
        }
    }
}

/// A request and a response with a body in JSON show one.
fn shown(place: &Place<'_>, findings: &mut Findings) {
    let of = match place.holder {
        Some((Kind::RequestBody, _)) => "request",
        Some((Kind::Response, _)) => "response",
        _ => return,
    };
    if place.kind != Kind::MediaType {
        return;
    }
    let name = place.pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/");
    let media_type = name.split(';').next().unwrap_or_default().trim();
    let is_json = media_type == "application/json" || media_type.ends_with("+json");
    let has_example = place.get("example").is_some()
        || place.get("examples").and_then(Value::as_object).is_some_and(|examples| !examples.is_empty());
    if is_json && !has_example {
        findings.add(&place.pointer, format!("the {of} has no example"));
    }
}

/// The schemas as JSON Schema, Draft 4, which OpenAPI 3.0 extends.
struct Schemas {
    root: Value,
}

impl Schemas {
    /// Draft 4 has no `nullable`; all else that OpenAPI adds to it refuses no value.
    fn of(document: &Document<'_>) -> Self {
        let mut root = document.root.clone();
        for place in document.places.iter().filter(|place| place.kind == Kind::Schema) {
            let nullable = place.get("nullable").and_then(Value::as_bool) == Some(true);
            let Some(schema) = root.pointer_mut(&place.pointer).filter(|_| nullable) else { continue };
            if let (Some(schema), Some(kind)) = (schema.as_object_mut(), place.get("type")) {
                schema.insert("type".to_owned(), json!([kind, "null"]));
            }
        }
        Self { root }
    }

    /// Validates the example that stands at `example_at` against the schema that stands at `schema_at`.
    fn validate(&self, schema_at: &str, example_at: &str, example: &Value, findings: &mut Findings) {
        // `allOf`, since Draft 4 looks at nothing beside a `$ref`, and the schema may be one.
        let schema = json!({
            "allOf": [self.root.pointer(schema_at)],
            "components": self.root.get("components"),
        });
        let validator =
            jsonschema::options().with_draft(Draft::Draft4).should_validate_formats(true).build(&schema);
        match validator {
            // That a reference leads nowhere is a finding already, where it stands.
            Err(wrong) if matches!(wrong.kind(), ValidationErrorKind::Referencing(_)) => {}
            Err(wrong) => findings.add(example_at, format!("cannot be checked: {}", wrong.masked())),
            Ok(validator) => {
                for error in validator.iter_errors(example) {
                    report(example_at, &error, findings);
                }
            }
        }
    }
}

/// Says what is wrong with the nearest of several alternatives; that none fits helps nobody.
fn report(pointer: &str, error: &ValidationError<'_>, findings: &mut Findings) {
    if let ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } =
        error.kind()
        && let Some(nearest) =
            context.iter().filter(|errors| !errors.is_empty()).min_by_key(|errors| distance(errors))
    {
        for error in nearest {
            report(pointer, error, findings);
        }
        return;
    }
    findings.add(
        &format!("{pointer}{}", error.instance_path()),
        format!("breaks the schema: {}", error.masked()),
    );
}

/// An alternative whose enum refuses the value is another variant, however little else is wrong.
fn distance(errors: &[ValidationError<'_>]) -> (usize, usize) {
    let enums = errors.iter().filter(|error| matches!(error.kind(), ValidationErrorKind::Enum { .. }));
    (enums.count(), errors.len())
}
