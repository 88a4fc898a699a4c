//! The contract as a JSON tree, with the look-ups that the generator needs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::lines::{join, line_of};

/// Why the contract could not be read or generated from.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{place}: {problem}{}", .line.map(|line| format!(" (line {line})")).unwrap_or_default())]
pub struct Error {
    place: String,
    problem: String,
    line: Option<usize>,
}

impl Error {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), line: None }
    }
}

/// How sure a constraint of the contract is (`x-provenance`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// In the introduction that the vendor gives to integrators.
    Seed,
    /// In the vendor's public reference.
    Documented,
    /// What a customer's production client sends or accepts.
    Observed,
    /// Our reading where the sources are silent.
    Assumed,
}

impl Provenance {
    /// The names of the grades, from the surest to the least sure.
    pub const NAMES: [&str; 4] = ["seed", "documented", "observed", "assumed"];

    /// The grade of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "seed" => Self::Seed,
            "documented" => Self::Documented,
            "observed" => Self::Observed,
            "assumed" => Self::Assumed,
            _ => return None,
        })
    }
}

/// An OpenAPI document, in the order in which it was written.
#[derive(Clone, Debug)]
pub struct Contract {
    root: Value,
    /// What it was read from.
    text: Option<String>,
}

const SCHEMAS: &str = "#/components/schemas/";

impl Contract {
    /// Reads the YAML (or JSON) text of an OpenAPI document.
    ///
    /// # Errors
    ///
    /// When the text is not YAML, or its top level is not an object.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let root: Value =
            serde_saphyr::from_str(text).map_err(|source| Error::new("the contract", source.to_string()))?;
        Ok(Self { text: Some(text.to_owned()), ..Self::from_value(root)? })
    }

    /// Takes an OpenAPI document that was read already.
    ///
    /// # Errors
    ///
    /// When its top level is not an object.
    pub fn from_value(root: Value) -> Result<Self, Error> {
        if !root.is_object() {
            return Err(Error::new("the contract", "the top level is not an object"));
        }
        Ok(Self { root, text: None })
    }

    /// The document as JSON text, in the order of the YAML, with aliases expanded; ends with a newline.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.root)
    }

    /// The same error, with the line of its place in the text.
    pub(crate) fn with_line(&self, error: Error) -> Error {
        let pointer = error.place.trim_start_matches('#');
        let line = self.text.as_ref().and_then(|text| line_of(text, pointer));
        Error { line, ..error }
    }

    /// The whole document.
    pub fn root(&self) -> &Value {
        &self.root
    }

    pub(crate) fn root_mut(&mut self) -> &mut Value {
        &mut self.root
    }

    pub(crate) fn openapi(&self) -> Result<openapiv3::OpenAPI, Error> {
        serde_json::from_value(self.root.clone())
            .map_err(|source| Error::new("the contract as OpenAPI 3.0", source.to_string()))
    }

    /// All named schemas, in order.
    pub fn schemas(&self) -> Result<&Map<String, Value>, Error> {
        self.root
            .pointer("/components/schemas")
            .and_then(Value::as_object)
            .ok_or_else(|| Error::new("/components/schemas", "missing"))
    }

    pub(crate) fn schemas_mut(&mut self) -> Result<&mut Map<String, Value>, Error> {
        self.root
            .pointer_mut("/components/schemas")
            .and_then(Value::as_object_mut)
            .ok_or_else(|| Error::new("/components/schemas", "missing"))
    }

    /// The schema of that name.
    pub fn schema(&self, name: &str) -> Result<&Value, Error> {
        self.schemas()?.get(name).ok_or_else(|| Error::new(format!("{SCHEMAS}{name}"), "no such schema"))
    }

    /// The name that a `$ref` to a schema refers to.
    pub fn reference(schema: &Value) -> Option<&str> {
        schema.get("$ref")?.as_str()?.strip_prefix(SCHEMAS)
    }

    /// The schema itself, or the one that it refers to, with its name.
    ///
    /// # Errors
    ///
    /// When there is no schema of that name.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> Result<(Option<&'a str>, &'a Value), Error> {
        match Self::reference(schema) {
            Some(name) => Ok((Some(name), self.schema(name)?)),
            None => Ok((None, schema)),
        }
    }

    /// The operations: path, method, operation.
    pub(crate) fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.root.get("paths").and_then(Value::as_object).into_iter().flatten().flat_map(|(path, item)| {
            item.as_object()
                .into_iter()
                .flatten()
                .filter(|(_, operation)| operation.get("operationId").is_some())
                .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
    }

    /// The names of the schemas that the bodies of successes are made of.
    pub(crate) fn answers(&self) -> Result<BTreeSet<String>, Error> {
        let mut waiting = Vec::new();
        for (_, _, operation) in self.operations() {
            if let Some(success) = operation.pointer("/responses/200") {
                references(success, &mut waiting);
            }
        }
        self.reached_from(waiting)
    }

    /// The schemas of these names, and all that they refer to.
    pub(crate) fn reached_from(&self, mut waiting: Vec<String>) -> Result<BTreeSet<String>, Error> {
        let mut reached = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if reached.insert(name.clone()) {
                references(self.schema(&name)?, &mut waiting);
            }
        }
        Ok(reached)
    }

    /// Visits every object of the document that says something, with its place: not examples, extensions, or what only
    /// lists names.
    pub fn each_object<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a Map<String, Value>)) {
        each_object(&self.root, "", false, visit);
    }

    /// The name of the one schema that is chosen by a discriminator: the event.
    pub(crate) fn event_name(&self) -> Result<&str, Error> {
        let mut found = self.schemas()?.iter().filter(|(_, schema)| schema.get("discriminator").is_some());
        match (found.next(), found.next()) {
            (Some((name, _)), None) => Ok(name),
            (None, _) => Err(Error::new("/components/schemas", "no schema has a discriminator")),
            (Some((first, _)), Some((second, _))) => Err(Error::new(
                "/components/schemas",
                format!("both {first} and {second} have a discriminator; one event schema is expected"),
            )),
        }
    }

    /// The discriminating property of the event, and from its mapping each value with the schema that it chooses.
    pub(crate) fn event_mapping(&self) -> Result<(&str, Vec<Variant<'_>>), Error> {
        let name = self.event_name()?;
        let event = self.schema(name)?;
        let place = || format!("{SCHEMAS}{name}/discriminator");
        let property = event
            .pointer("/discriminator/propertyName")
            .and_then(Value::as_str)
            .ok_or_else(|| Error::new(place(), "propertyName is missing"))?;
        let mapping = event
            .pointer("/discriminator/mapping")
            .and_then(Value::as_object)
            .ok_or_else(|| Error::new(place(), "mapping is missing"))?;
        let mut variants = Vec::new();
        for (wire_name, target) in mapping {
            let schema_name = target
                .as_str()
                .and_then(|target| target.strip_prefix(SCHEMAS))
                .ok_or_else(|| Error::new(place(), format!("{wire_name} does not name a schema")))?;
            let schema = self.schema(schema_name)?;
            let payload =
                schema.pointer("/properties/payload").and_then(Self::reference).ok_or_else(|| {
                    Error::new(format!("{SCHEMAS}{schema_name}"), "payload does not refer to a named schema")
                })?;
            variants.push(Variant { wire_name, schema, schema_name, payload });
        }
        Ok((property, variants))
    }

    /// The grade of the constraint `keyword` of `schema`.
    pub(crate) fn grade(place: &str, schema: &Value, keyword: &str) -> Result<Provenance, Error> {
        let provenance = schema
            .get("x-provenance")
            .ok_or_else(|| Error::new(place, format!("x-provenance is missing (for {keyword})")))?;
        let text = match provenance {
            Value::String(all) => all,
            Value::Object(map) => map
                .get(keyword)
                .and_then(Value::as_str)
                .ok_or_else(|| Error::new(place, format!("x-provenance does not grade {keyword}")))?,
            _ => return Err(Error::new(place, "x-provenance is neither a grade nor a map of grades")),
        };
        Provenance::parse(text).ok_or_else(|| Error::new(place, format!("`{text}` is not a grade")))
    }
}

/// One type of event, from the discriminator's mapping.
pub(crate) struct Variant<'a> {
    /// The value of the discriminating property.
    pub(crate) wire_name: &'a str,
    /// The schema of the whole event.
    pub(crate) schema: &'a Value,
    /// The name of that schema.
    pub(crate) schema_name: &'a str,
    /// The name of the payload's schema.
    pub(crate) payload: &'a str,
}

/// The members whose own members are names of the contract's author, not keywords.
const BY_NAME: [&str; 13] = [
    "callbacks",
    "content",
    "headers",
    "links",
    "parameters",
    "paths",
    "properties",
    "requestBodies",
    "responses",
    "schemas",
    "scopes",
    "securitySchemes",
    "variables",
];

/// The members that hold values, not schemas.
const VALUES: [&str; 5] = ["default", "enum", "example", "examples", "mapping"];

fn each_object<'a>(
    value: &'a Value,
    pointer: &str,
    is_by_name: bool,
    visit: &mut dyn FnMut(&str, &'a Map<String, Value>),
) {
    match value {
        Value::Object(object) => {
            if !is_by_name {
                visit(pointer, object);
            }
            for (name, member) in object {
                if is_by_name || !(name.starts_with("x-") || VALUES.contains(&name.as_str())) {
                    let by_name = !is_by_name && BY_NAME.contains(&name.as_str());
                    each_object(member, &join(pointer, name), by_name, visit);
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                each_object(item, &format!("{pointer}/{at}"), false, visit);
            }
        }
        _ => {}
    }
}

/// Adds the names of the schemas that a value refers to, anywhere in it.
pub(crate) fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(name) = Contract::reference(value) {
                found.push(name.to_owned());
            }
            object.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
