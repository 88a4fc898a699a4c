//! A second opinion on events: the `jsonschema` crate on the contract as it is published.

use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use crate::spec;

/// JSON Schema as OpenAPI 3.0 means it: draft 4, where `1.0` is no integer. It asserts formats.
pub static STRICT: LazyLock<Validator> = LazyLock::new(|| validator("Event", Draft::Draft4));

/// JSON Schema as most tools run it today: draft 2020-12, where `1.0` is an integer. It asserts no formats.
pub static MODERN: LazyLock<Validator> = LazyLock::new(|| validator("Event", Draft::Draft202012));

/// A validator of the named schema of the contract.
pub fn validator(name: &str, draft: Draft) -> Validator {
    validator_at(&format!("#/components/schemas/{name}"), draft)
}

/// A validator of the schema of the contract that stands at a `$ref`.
pub fn validator_at(reference: &str, draft: Draft) -> Validator {
    let root = json!({ "allOf": [{ "$ref": reference }], "paths": spec::ROOT["paths"], "components": spec::ROOT["components"] });
    jsonschema::options().with_draft(draft).build(&root).expect("the contract is no JSON Schema")
}

/// What a validator says against a value, for the message of a test that failed.
pub fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
