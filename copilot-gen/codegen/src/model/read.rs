//! Reads the model from the contract, and refuses what could not be checked.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Event, EventType, Graded, IntegerRules, Model, NumberRules, ObjectRules, Property, PropertyLimit, Schema,
    StringRules, Used,
};
use crate::contract::{Contract, Error, Provenance};

/// The keywords that a schema in a request may use, beside those of its kind. Anything else would be a rule that is
/// silently not checked.
const OF_ANY_KIND: &[&str] = &[
    "type",
    "description",
    "example",
    "x-provenance",
    "x-unbounded",
    "x-open",
    "x-known-values",
    "x-unreferenced",
];

/// No object has a name twice.
const UNIQUE_NAMES: &str = "x-unique-names";

/// The keywords that are understood of one kind of value.
fn of_kind(kind: &str) -> &'static [&'static str] {
    match kind {
        "string" => &["format", "enum", "pattern", "minLength", "maxLength"],
        "integer" => &["format", "minimum", "maximum", "x-time-window"],
        "number" => &["format", "minimum", "maximum"],
        "object" => &["properties", "required", "additionalProperties", "allOf", UNIQUE_NAMES],
        "condition" | "anyOf" => &["anyOf"],
        "event" => &["oneOf", "discriminator", "x-property-limit", UNIQUE_NAMES],
        _ => &[],
    }
}

/// Refuses what no check would look at.
fn understand(place: &str, schema: &Value, kind: &str) -> Result<(), Error> {
    let object = schema.as_object().ok_or_else(|| Error::new(place, "is not an object"))?;
    let known = |keyword: &str| OF_ANY_KIND.contains(&keyword) || of_kind(kind).contains(&keyword);
    match object.keys().find(|keyword| !known(keyword)) {
        Some(unknown) => {
            Err(Error::new(place, format!("`{unknown}` is a rule that the generator does not know here")))
        }
        None => Ok(()),
    }
}

impl Model {
    /// Reads it from the contract.
    ///
    /// # Errors
    ///
    /// When the contract says something that could not be checked, or not how sure it is.
    pub fn read(contract: &Contract) -> Result<Self, Error> {
        let event = contract.event_name()?;
        let (discriminator, variants) = contract.event_mapping()?;
        let mut schemas = Named { contract, names: Vec::new(), read: Vec::new() };
        let mut types = Vec::new();
        for variant in variants {
            schemas.add(variant.schema_name)?;
            let Schema::Object(payload) = schemas.used(variant.payload, variant.payload)?.schema else {
                return Err(Error::new(variant.payload, "a payload must be an object"));
            };
            types.push(EventType {
                wire_name: variant.wire_name.to_owned(),
                schema_name: variant.schema_name.to_owned(),
                payload_name: variant.payload.to_owned(),
                payload,
            });
        }
        let requests = request_bodies(contract)?;
        for name in &requests {
            // The body that carries events is checked event by event.
            if !contract.reached_from(vec![name.clone()])?.contains(event) {
                schemas.add(name)?;
            }
        }
        for (name, schema) in contract.schemas()? {
            if schema.get("x-unreferenced").is_some() {
                schemas.add(name)?;
            }
        }

        let place = format!("#/components/schemas/{event}");
        let schema = contract.schema(event)?;
        understand(&place, schema, "event")?;
        for name in requests.iter().map(String::as_str).chain([event]) {
            let schema = contract.schema(name)?;
            let graded = Contract::grade(name, schema, UNIQUE_NAMES)?;
            if schema.get(UNIQUE_NAMES) != Some(&Value::Bool(true)) || graded != Provenance::Assumed {
                let rule = format!(
                    "must have `{UNIQUE_NAMES}: true`, graded `assumed`, as all that is read is judged"
                );
                return Err(Error::new(name, rule));
            }
        }
        let discriminator = (discriminator.to_owned(), Contract::grade(&place, schema, "discriminator")?);
        let limit = property_limit(&place, schema)?;
        Ok(Self {
            schemas: schemas.read,
            event: Event { name: event.to_owned(), discriminator, types, limit },
        })
    }
}

/// Whether the schema is a string with rules of its own, so that its Rust type checks them.
pub(crate) fn is_checked_string(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("string")
        && ["pattern", "minLength", "maxLength"].iter().any(|keyword| schema.get(keyword).is_some())
}

/// Whether typify would check an inline schema by itself: with crates that the generated code does not have, or by an
/// integer of another type.
fn needs_a_name(schema: &Value) -> bool {
    is_checked_string(schema)
        || schema.get("anyOf").is_some()
        || match schema.get("type").and_then(Value::as_str) {
            Some("string") => schema.get("format").is_some(),
            Some("integer") => ["minimum", "maximum"].iter().any(|keyword| schema.get(keyword).is_some()),
            _ => false,
        }
}

fn request_bodies(contract: &Contract) -> Result<Vec<String>, Error> {
    contract
        .operations()
        .map(|(path, _, operation)| {
            operation
                .pointer("/requestBody/content/application~1json/schema")
                .and_then(Contract::reference)
                .map(str::to_owned)
                .ok_or_else(|| Error::new(path, "the request body does not refer to a named schema"))
        })
        .collect()
}

/// The named schemas that were read.
struct Named<'a> {
    contract: &'a Contract,
    /// Those that were read or are being read: of what refers to itself there is no end.
    names: Vec<String>,
    read: Vec<Used>,
}

impl Named<'_> {
    fn add(&mut self, name: &str) -> Result<(), Error> {
        if self.names.iter().any(|known| known == name) {
            return Ok(());
        }
        self.names.push(name.to_owned());
        let place = format!("#/components/schemas/{name}");
        let schema = self.schema(&place, &self.contract.schema(name)?.clone())?;
        self.read.push(Used { name: Some(name.to_owned()), schema });
        Ok(())
    }

    /// The named schema, which is read first if need be.
    fn used(&mut self, place: &str, name: &str) -> Result<Used, Error> {
        self.add(name)?;
        let read = self.read.iter().find(|used| used.name.as_deref() == Some(name));
        read.cloned().ok_or_else(|| Error::new(place, format!("`{name}` refers to itself")))
    }

    /// A schema where it stands in another one.
    fn inner(&mut self, place: &str, schema: &Value) -> Result<Used, Error> {
        if let Some(name) = Contract::reference(schema) {
            let members: Vec<&str> =
                schema.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            if members.len() > 1 {
                let words = format!("OpenAPI 3.0 ignores what stands beside a $ref: {}", members.join(", "));
                return Err(Error::new(place, words));
            }
            return self.used(place, name);
        }
        if needs_a_name(schema) {
            return Err(Error::new(
                place,
                "one of several scalars, and a string or integer with rules of its own, must be a named schema",
            ));
        }
        Ok(Used { name: None, schema: self.schema(place, schema)? })
    }

    fn schema(&mut self, place: &str, schema: &Value) -> Result<Schema, Error> {
        if let Some(alternatives) = schema.get("anyOf").filter(|_| schema.get("type").is_none()) {
            understand(place, schema, "anyOf")?;
            let graded = Contract::grade(place, schema, "anyOf")?;
            let mut read = Vec::new();
            for (at, alternative) in array(place, alternatives)?.iter().enumerate() {
                // None of them becomes a type, so they need no name.
                read.push(Used {
                    name: None,
                    schema: self.schema(&format!("{place}/anyOf/{at}"), alternative)?,
                });
            }
            return Ok(Schema::AnyOf((read, graded)));
        }
        let kind =
            schema.get("type").and_then(Value::as_str).ok_or_else(|| Error::new(place, "has no type"))?;
        understand(place, schema, kind)?;
        let provenance = Contract::grade(place, schema, "type")?;
        Ok(match kind {
            "string" if schema.get("enum").is_some() && is_checked_string(schema) => {
                return Err(Error::new(place, "a string of a few values may have no other rules"));
            }
            "string" => Schema::String(StringRules {
                provenance,
                min_length: bound(place, schema, "minLength", Value::as_u64)?,
                max_length: bound(place, schema, "maxLength", Value::as_u64)?,
                pattern: bound(place, schema, "pattern", |value| value.as_str().map(str::to_owned))?,
                one_of: bound(place, schema, "enum", strings)?,
            }),
            "integer" if schema.get("format").and_then(Value::as_str) != Some("int64") => {
                return Err(Error::new(place, "an integer must have the format int64"));
            }
            "integer" => Schema::Integer(IntegerRules {
                provenance,
                format: Contract::grade(place, schema, "format")?,
                minimum: bound(place, schema, "minimum", Value::as_i64)?,
                maximum: bound(place, schema, "maximum", Value::as_i64)?,
                window: time_window(place, schema)?,
            }),
            "number" => Schema::Number(NumberRules {
                provenance,
                minimum: bound(place, schema, "minimum", Value::as_f64)?,
                maximum: bound(place, schema, "maximum", Value::as_f64)?,
            }),
            "boolean" => Schema::Boolean(provenance),
            "object" => Schema::Object(self.object(place, schema, provenance)?),
            other => {
                return Err(Error::new(
                    place,
                    format!("the generator does not know how to check the type {other}"),
                ));
            }
        })
    }

    fn object(&mut self, place: &str, schema: &Value, provenance: Provenance) -> Result<ObjectRules, Error> {
        let required: Vec<String> = match schema.get("required") {
            None => Vec::new(),
            Some(names) => {
                strings(names).ok_or_else(|| Error::new(place, "`required` is no list of names"))?
            }
        };
        let mut properties = BTreeMap::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let used = self.inner(&format!("{place}/properties/{name}"), property)?;
            properties.insert(name.clone(), Property { used, is_required: required.contains(name) });
        }
        if let Some(missing) = required.iter().find(|name| !properties.contains_key(*name)) {
            return Err(Error::new(
                place,
                format!("requires `{missing}`, which is not among its properties"),
            ));
        }
        let additional = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            Some(open @ Value::Object(_)) => {
                Some(Box::new(self.inner(&format!("{place}/additionalProperties"), open)?))
            }
            _ => {
                return Err(Error::new(
                    place,
                    "an object in a request must say what additionalProperties are",
                ));
            }
        };
        let any_of = condition(place, schema)?;
        let mut named = any_of.iter().flat_map(|(sets, _)| sets).flatten();
        if let Some(unknown) = named.find(|name| !properties.contains_key(*name)) {
            let words = format!("its condition names `{unknown}`, which is not among its properties");
            return Err(Error::new(place, words));
        }
        let graded = |keyword: &str, is_said: bool| {
            if is_said { Contract::grade(place, schema, keyword) } else { Ok(provenance) }
        };
        Ok(ObjectRules {
            provenance,
            required_provenance: graded("required", !required.is_empty())?,
            closed_provenance: graded("additionalProperties", additional.is_none())?,
            properties,
            additional,
            any_of,
        })
    }
}

/// `allOf` of one `anyOf` of lists of names.
fn condition(place: &str, schema: &Value) -> Result<Option<Graded<Vec<Vec<String>>>>, Error> {
    let Some(conditions) = schema.get("allOf") else { return Ok(None) };
    let place = &format!("{place}/allOf");
    let [condition] = array(place, conditions)?.as_slice() else {
        return Err(Error::new(place, "an object may have one condition only"));
    };
    let place = &format!("{place}/0");
    understand(place, condition, "condition")?;
    let graded = Contract::grade(place, condition, "anyOf")?;
    let alternatives =
        condition.get("anyOf").ok_or_else(|| Error::new(place, "the condition of an object is an anyOf"))?;
    let mut sets = Vec::new();
    for alternative in array(place, alternatives)? {
        let only_required = alternative.as_object().is_some_and(|members| members.len() == 1);
        let names = alternative.get("required").filter(|_| only_required).and_then(strings);
        let names = names.filter(|names| !names.is_empty());
        sets.push(names.ok_or_else(|| Error::new(place, "anyOf of an object may hold `required` only"))?);
    }
    if sets.is_empty() {
        return Err(Error::new(place, "anyOf of nothing"));
    }
    Ok(Some((sets, graded)))
}

fn time_window(place: &str, schema: &Value) -> Result<Option<[Graded<i64>; 2]>, Error> {
    let Some(window) = schema.get("x-time-window") else { return Ok(None) };
    let member = |name: &str, keyword: &str| {
        let value = window.get(name).and_then(Value::as_i64).ok_or_else(|| {
            Error::new(format!("{place}/x-time-window"), format!("`{name}` must be milliseconds"))
        })?;
        Ok((value, Contract::grade(place, schema, keyword)?))
    };
    Ok(Some([member("past", "x-time-window")?, member("future", "x-time-window/future")?]))
}

fn property_limit(place: &str, schema: &Value) -> Result<Option<Graded<PropertyLimit>>, Error> {
    let Some(limit) = schema.get("x-property-limit") else { return Ok(None) };
    let maximum = limit.get("maximum").and_then(Value::as_u64);
    let within = limit.get("within").and_then(Value::as_str);
    let (Some(maximum), Some(within)) = (maximum, within) else {
        return Err(Error::new(format!("{place}/x-property-limit"), "must have `maximum` and `within`"));
    };
    if within != "payload" {
        return Err(Error::new(
            format!("{place}/x-property-limit/within"),
            "properties are counted in `payload` only",
        ));
    }
    let graded = Contract::grade(place, schema, "x-property-limit")?;
    Ok(Some((PropertyLimit { maximum, within: within.to_owned() }, graded)))
}

/// What a keyword says, if it is there.
fn bound<T>(
    place: &str,
    schema: &Value,
    keyword: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Option<Graded<T>>, Error> {
    let Some(value) = schema.get(keyword) else { return Ok(None) };
    let value =
        read(value).ok_or_else(|| Error::new(place, format!("`{keyword}` is not a value of its kind")))?;
    Ok(Some((value, Contract::grade(place, schema, keyword)?)))
}

fn array<'a>(place: &str, value: &'a Value) -> Result<&'a Vec<Value>, Error> {
    value.as_array().ok_or_else(|| Error::new(place, "expected an array"))
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
