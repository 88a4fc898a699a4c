//! What the contract says, for the vectors and for tests: without the generator of the Rust client, from which only the
//! reading of the document is taken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use copilot_codegen::Contract;
use regex::Regex;
use serde_json::Value;

/// The text of the contract.
pub const YAML: &str = include_str!("../../../copilot.yaml");

static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::parse(YAML).expect("the contract is not YAML"));

/// The whole document.
pub static ROOT: LazyLock<Value> = LazyLock::new(|| CONTRACT.root().clone());

/// The schema of that name.
pub fn schema(name: &str) -> &'static Value {
    CONTRACT.schema(name).unwrap_or_else(|error| panic!("{error}"))
}

/// The schema itself, or the one that it refers to, with its name.
pub(crate) fn resolve(schema: &'static Value) -> (Option<&'static str>, &'static Value) {
    CONTRACT.resolve(schema).unwrap_or_else(|error| panic!("{error}"))
}

/// One type of event.
#[derive(Clone, Copy, Debug)]
pub struct EventType {
    /// Its name on the wire.
    pub name: &'static str,
    /// The schema of the whole event.
    pub schema: &'static Value,
    /// The schema of its payload.
    pub payload: &'static Value,
    /// The schema's example.
    pub example: &'static Value,
}

/// The types of events, in the order of the discriminator's mapping.
pub fn event_types() -> Vec<EventType> {
    let mapping = schema("Event").pointer("/discriminator/mapping").and_then(Value::as_object);
    mapping
        .expect("the event has no mapping")
        .iter()
        .map(|(name, target)| {
            let target = target.as_str().and_then(|target| target.rsplit('/').next());
            let schema = schema(target.expect("the mapping names no schema"));
            let (_, payload) = resolve(&schema["properties"]["payload"]);
            let example = schema.get("example").unwrap_or_else(|| panic!("{name} has no example"));
            EventType { name, schema, payload, example }
        })
        .collect()
}

/// The examples of the body of `set_consent`.
pub fn consent_examples() -> Vec<&'static Value> {
    let paths = ROOT["paths"].as_object().expect("no paths");
    let operation =
        paths.values().map(|path| &path["post"]).find(|post| post["operationId"] == "set_consent");
    let examples = operation.and_then(|post| post.pointer("/requestBody/content/application~1json/examples"));
    let examples = examples.and_then(Value::as_object).expect("set_consent has no examples");
    examples.values().map(|example| &example["value"]).collect()
}

/// A listed property of an object's schema.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// The name of its schema, where that has one.
    pub schema_name: Option<&'static str>,
    /// Its schema, resolved.
    pub schema: &'static Value,
    /// Whether it must be there.
    pub required: bool,
}

/// The listed properties of an object's schema.
pub fn fields(object: &'static Value) -> Vec<Field> {
    let required: Vec<&str> = object
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = object.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let (schema_name, schema) = resolve(schema);
            Field { name, schema_name, schema, required: required.contains(&name.as_str()) }
        })
        .collect()
}

/// The schema of the properties that an object does not list, if it is open.
pub fn additional(object: &'static Value) -> Option<&'static Value> {
    match &object["additionalProperties"] {
        Value::Bool(false) => None,
        open @ Value::Object(_) => Some(resolve(open).1),
        other => panic!("additionalProperties is {other}"),
    }
}

/// The sets of properties of which one must be there whole (`anyOf` of `required`, in `allOf`), if the object says so.
pub fn alternatives(object: &Value) -> Option<Vec<Vec<&str>>> {
    let sets = object.pointer("/allOf/0/anyOf")?.as_array()?;
    Some(
        sets.iter()
            .map(|set| set["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect())
            .collect(),
    )
}

/// What `type` says.
pub fn kind(schema: &Value) -> &str {
    schema["type"].as_str().unwrap_or("any")
}

/// A value that the schema allows: its example where it has one.
pub fn sample(schema: &Value) -> Value {
    match (schema.get("example"), schema.pointer("/enum/0"), kind(schema)) {
        (Some(value), _, _) | (None, Some(value), _) => value.clone(),
        (None, None, "string") => "Zoë Martínez".into(),
        (None, None, "boolean") => true.into(),
        (None, None, kind) => panic!("no sample of {kind}"),
    }
}

/// The patterns of all named schemas, compiled once by the `regex` crate.
static PATTERNS: LazyLock<BTreeMap<&'static str, Regex>> = LazyLock::new(|| {
    let schemas = ROOT["components"]["schemas"].as_object().expect("no schemas");
    let patterns = schemas.values().filter_map(|schema| schema["pattern"].as_str());
    patterns.map(|pattern| (pattern, Regex::new(pattern).expect("no pattern"))).collect()
});

/// Whether the text matches a pattern of the contract, by the `regex` crate.
pub fn matches(pattern: &str, text: &str) -> bool {
    PATTERNS[pattern].is_match(text)
}

/// The keywords of a string's schema that the text breaks, by the `regex` crate.
pub fn broken_by(schema: &Value, text: &str) -> BTreeSet<&'static str> {
    let length = text.chars().count() as u64;
    let values = schema.get("enum").and_then(Value::as_array);
    let broken = [
        ("enum", values.is_some_and(|values| !values.iter().any(|value| value == text))),
        ("minLength", schema["minLength"].as_u64().is_some_and(|shortest| length < shortest)),
        ("maxLength", schema["maxLength"].as_u64().is_some_and(|longest| length > longest)),
        ("pattern", schema["pattern"].as_str().is_some_and(|pattern| !matches(pattern, text))),
    ];
    broken.into_iter().filter(|(_, broken)| *broken).map(|(keyword, _)| keyword).collect()
}

/// How sure the constraint `keyword` of a schema is (`x-provenance`).
pub fn grade<'a>(schema: &'a Value, keyword: &str) -> &'a str {
    let provenance = &schema["x-provenance"];
    provenance
        .as_str()
        .or_else(|| provenance[keyword].as_str())
        .unwrap_or_else(|| panic!("{keyword} has no grade"))
}

/// How many properties the event may have, payload keys and the keys of objects inside it together.
pub fn property_limit() -> usize {
    let maximum = schema("Event").pointer("/x-property-limit/maximum").and_then(Value::as_u64);
    usize::try_from(maximum.expect("the event has no limit")).unwrap()
}

/// How many keys an object has, with those of the objects inside it.
pub fn count_keys(object: &Value) -> usize {
    let members = object.as_object().into_iter().flatten();
    members.map(|(_, value)| 1 + count_keys(value)).sum()
}

/// How far a timestamp may lie in the past and in the future, in milliseconds.
pub fn time_window() -> (i64, i64) {
    let window = &schema("EventTime")["x-time-window"];
    (window["past"].as_i64().unwrap(), window["future"].as_i64().unwrap())
}

/// The names of the schemas that are strings with rules, or bounded integers, and that a request can hold.
pub fn bounded_schemas(of_kind: &str) -> Vec<&'static str> {
    let schemas = ROOT["components"]["schemas"].as_object().unwrap();
    schemas
        .iter()
        .filter(|(_, schema)| kind(schema) == of_kind && schema.get("x-unreferenced").is_none())
        .map(|(name, _)| name.as_str())
        .collect()
}
