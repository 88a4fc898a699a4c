//! Emits the contract's rules as static tables, which `copilot-gen`'s `contract` module interprets.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

use crate::{
    contract::{Contract, Error, Provenance},
    names::static_ident,
    pattern,
};

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

/// The keywords that the checks of one kind of value understand.
fn of_kind(kind: &str) -> &'static [&'static str] {
    match kind {
        "string" => &["format", "enum", "pattern", "minLength", "maxLength"],
        "integer" => &["format", "minimum", "maximum", "x-time-window"],
        "number" => &["format", "minimum", "maximum"],
        "object" => &["properties", "required", "additionalProperties", "allOf", UNIQUE_NAMES],
        "condition" => &["anyOf"],
        "anyOf" => &["anyOf"],
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

/// Emits the module `schemas`: a static for every schema that a request can hold, or that is kept for clients.
pub(crate) fn emit(contract: &Contract) -> Result<TokenStream, Error> {
    let event = contract.event_name()?;
    let (property, variants) = contract.event_mapping()?;
    let mut needed = Needed { contract, names: Vec::new() };
    for variant in &variants {
        needed.add(variant.schema_name)?;
    }
    let requests = request_bodies(contract)?;
    for name in &requests {
        // The body that carries events is checked event by event.
        if !refers_to(contract, name, event)? {
            needed.add(name)?;
        }
    }

    // Schemas that are kept for clients although no request holds them.
    for (name, schema) in contract.schemas()? {
        if schema.get("x-unreferenced").is_some() {
            needed.add(name)?;
        }
    }

    let mut statics = TokenStream::new();
    for name in &needed.names {
        let place = format!("#/components/schemas/{name}");
        let ident = static_ident(name);
        let schema = contract.schema(name)?;
        let doc = format!("The rules of `{name}`.");
        let (ty, value) = schema_value(contract, &place, schema)?;
        statics.extend(quote! { #[doc = #doc] pub static #ident: #ty = #value; });
    }
    let rows = variants.iter().map(|variant| {
        let wire_name = variant.wire_name;
        let ident = static_ident(variant.schema_name);
        quote! { (#wire_name, &#ident) }
    });
    let event_schema = contract.schema(event)?;
    let place = format!("#/components/schemas/{event}");
    understand(&place, event_schema, "event")?;
    let discriminator = grade(&place, event_schema, "discriminator")?;
    let limit = property_limit(&place, event_schema)?;
    for name in requests.iter().map(String::as_str).chain([event]) {
        let schema = contract.schema(name)?;
        let graded = Contract::grade(name, schema, UNIQUE_NAMES)?;
        if schema.get(UNIQUE_NAMES) != Some(&Value::Bool(true)) || graded != Provenance::Assumed {
            let rule =
                format!("must have `{UNIQUE_NAMES}: true`, graded `assumed`, as all that is read is judged");
            return Err(Error::new(name, rule));
        }
    }
    let ident = static_ident(event);
    let doc = format!("The rules of `{event}`.");
    Ok(quote! {
        /// The rules of the contract, as tables.
        pub mod schemas {
            use super::super::contract::*;

            #statics

            #[doc = #doc]
            pub static #ident: EventSchema = EventSchema {
                discriminator: #property,
                provenance: #discriminator,
                variants: &[#(#rows),*],
                limit: #limit,
            };
        }
    })
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
        || match schema.get("type").and_then(Value::as_str) {
            Some("string") => schema.get("format").is_some(),
            Some("integer") => ["minimum", "maximum"].iter().any(|keyword| schema.get(keyword).is_some()),
            _ => false,
        }
}

/// The names of all schemas that the added ones refer to, the referred ones first.
struct Needed<'a> {
    contract: &'a Contract,
    names: Vec<String>,
}

impl Needed<'_> {
    fn add(&mut self, name: &str) -> Result<(), Error> {
        if self.names.iter().any(|known| known == name) {
            return Ok(());
        }
        let schema = self.contract.schema(name)?.clone();
        self.visit(&schema)?;
        self.names.push(name.to_owned());
        Ok(())
    }

    fn visit(&mut self, value: &Value) -> Result<(), Error> {
        if let Some(name) = Contract::reference(value) {
            return self.add(name);
        }
        match value {
            Value::Object(members) => members.values().try_for_each(|member| self.visit(member)),
            Value::Array(items) => items.iter().try_for_each(|item| self.visit(item)),
            _ => Ok(()),
        }
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

fn refers_to(contract: &Contract, name: &str, target: &str) -> Result<bool, Error> {
    fn search(value: &Value, target: &str) -> bool {
        match value {
            Value::Object(members) => {
                Contract::reference(value) == Some(target)
                    || members.values().any(|member| search(member, target))
            }
            Value::Array(items) => items.iter().any(|item| search(item, target)),
            _ => false,
        }
    }
    Ok(search(contract.schema(name)?, target))
}

/// The table of one schema that is not a reference: its type and its value.
fn schema_value(
    contract: &Contract,
    place: &str,
    schema: &Value,
) -> Result<(TokenStream, TokenStream), Error> {
    if let Some(alternatives) = schema.get("anyOf").filter(|_| schema.get("type").is_none()) {
        understand(place, schema, "anyOf")?;
        let graded = grade(place, schema, "anyOf")?;
        let mut schemas = Vec::new();
        for (at, alternative) in array(place, alternatives)?.iter().enumerate() {
            schemas.push(alternative_use(contract, &format!("{place}/anyOf/{at}"), alternative)?);
        }
        return Ok((quote!(AnyOf), quote! { AnyOf { alternatives: &[#(#schemas),*], provenance: #graded } }));
    }
    let kind = schema.get("type").and_then(Value::as_str).ok_or_else(|| Error::new(place, "has no type"))?;
    understand(place, schema, kind)?;
    let type_provenance = grade(place, schema, "type")?;
    match kind {
        "string" => Ok((quote!(StringSchema), string_schema(place, schema, &type_provenance)?)),
        "integer" => Ok((quote!(IntegerSchema), integer_schema(place, schema, &type_provenance)?)),
        "number" => Ok((quote!(NumberSchema), number_schema(place, schema, &type_provenance)?)),
        "boolean" => Ok((quote!(BooleanSchema), quote! { BooleanSchema { provenance: #type_provenance } })),
        "object" => Ok((quote!(ObjectSchema), object_schema(contract, place, schema, &type_provenance)?)),
        other => Err(Error::new(place, format!("the generator does not know how to check the type {other}"))),
    }
}

/// A schema where it is used: a reference to a static, or the table itself.
fn schema_use(contract: &Contract, place: &str, schema: &Value) -> Result<TokenStream, Error> {
    let (name, target) = contract.resolve(schema)?;
    if name.is_some() && schema.as_object().is_some_and(|members| members.len() > 1) {
        let members: Vec<&str> =
            schema.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        return Err(Error::new(
            place,
            format!("OpenAPI 3.0 ignores what stands beside a $ref: {}", members.join(", ")),
        ));
    }
    if name.is_none() && needs_a_name(target) {
        return Err(Error::new(place, "a string or integer with rules of its own must be a named schema"));
    }
    alternative_use(contract, place, schema)
}

/// As [`schema_use`], where the schema may stand inline whatever its rules are: none of them becomes a type.
fn alternative_use(contract: &Contract, place: &str, schema: &Value) -> Result<TokenStream, Error> {
    let (name, target) = contract.resolve(schema)?;
    let variant = match (target.get("type").and_then(Value::as_str), target.get("anyOf")) {
        (None, Some(_)) => quote!(AnyOf),
        (Some("string"), _) => quote!(String),
        (Some("integer"), _) => quote!(Integer),
        (Some("number"), _) => quote!(Number),
        (Some("boolean"), _) => quote!(Boolean),
        (Some("object"), _) => quote!(Object),
        _ => return Err(Error::new(place, "the generator does not know how to check this schema")),
    };
    let table = match name {
        Some(name) => {
            let ident = static_ident(name);
            quote! { &#ident }
        }
        None => {
            let (_, value) = schema_value(contract, place, schema)?;
            quote! { &#value }
        }
    };
    Ok(quote! { Schema::#variant(#table) })
}

fn string_schema(place: &str, schema: &Value, provenance: &TokenStream) -> Result<TokenStream, Error> {
    let min_length = bound(place, schema, "minLength", Value::as_u64)?;
    let max_length = bound(place, schema, "maxLength", Value::as_u64)?;
    let pattern = match schema.get("pattern").and_then(Value::as_str) {
        None => quote!(None),
        Some(source) => {
            let graded = grade(place, schema, "pattern")?;
            let table = pattern::emit(place, source)?;
            quote! { Some((#table, #graded)) }
        }
    };
    let one_of = match schema.get("enum") {
        None => quote!(None),
        Some(values) => {
            let graded = grade(place, schema, "enum")?;
            let values = strings(place, values)?;
            quote! { Some((&[#(#values),*], #graded)) }
        }
    };
    Ok(quote! {
        StringSchema { provenance: #provenance, min_length: #min_length, max_length: #max_length, pattern: #pattern, one_of: #one_of }
    })
}

fn integer_schema(place: &str, schema: &Value, provenance: &TokenStream) -> Result<TokenStream, Error> {
    if schema.get("format").and_then(Value::as_str) != Some("int64") {
        return Err(Error::new(place, "an integer must have the format int64"));
    }
    let format = grade(place, schema, "format")?;
    let minimum = bound(place, schema, "minimum", Value::as_i64)?;
    let maximum = bound(place, schema, "maximum", Value::as_i64)?;
    let window = match schema.get("x-time-window") {
        None => quote!(None),
        Some(window) => {
            let member = |name: &str| {
                window.get(name).and_then(Value::as_i64).ok_or_else(|| {
                    Error::new(format!("{place}/x-time-window"), format!("`{name}` must be milliseconds"))
                })
            };
            let (past, future) = (member("past")?, member("future")?);
            let past_grade = grade(place, schema, "x-time-window")?;
            let future_grade = grade(place, schema, "x-time-window/future")?;
            quote! {
                Some(TimeWindow { past: #past, past_provenance: #past_grade, future: #future, future_provenance: #future_grade })
            }
        }
    };
    Ok(quote! {
        IntegerSchema { provenance: #provenance, format: #format, minimum: #minimum, maximum: #maximum, window: #window }
    })
}

fn number_schema(place: &str, schema: &Value, provenance: &TokenStream) -> Result<TokenStream, Error> {
    let minimum = bound(place, schema, "minimum", Value::as_f64)?;
    let maximum = bound(place, schema, "maximum", Value::as_f64)?;
    Ok(quote! { NumberSchema { provenance: #provenance, minimum: #minimum, maximum: #maximum } })
}

fn object_schema(
    contract: &Contract,
    place: &str,
    schema: &Value,
    provenance: &TokenStream,
) -> Result<TokenStream, Error> {
    let required = match schema.get("required") {
        None => Vec::new(),
        Some(names) => strings(place, names)?,
    };
    let required_provenance =
        if required.is_empty() { provenance.clone() } else { grade(place, schema, "required")? };
    let mut properties = Vec::new();
    let declared = schema.get("properties").and_then(Value::as_object);
    // In the order of the generated types, so that the validator finds each property where it looks first.
    let ordered: BTreeMap<&String, &Value> = declared.into_iter().flatten().collect();
    for (name, property) in ordered {
        let used = schema_use(contract, &format!("{place}/properties/{name}"), property)?;
        let is_required = required.contains(&name.as_str());
        properties.push(quote! { Property { name: #name, schema: #used, required: #is_required } });
    }
    if properties.len() > 64 {
        return Err(Error::new(place, "has more than 64 properties; the validator's bit set holds 64"));
    }
    if let Some(missing) =
        required.iter().find(|name| !declared.is_some_and(|declared| declared.contains_key(**name)))
    {
        return Err(Error::new(place, format!("requires `{missing}`, which is not among its properties")));
    }
    let additional = match schema.get("additionalProperties") {
        Some(Value::Bool(false)) => {
            let graded = grade(place, schema, "additionalProperties")?;
            quote! { Additional::Closed(#graded) }
        }
        Some(Value::Object(_)) => {
            let used = schema_use(
                contract,
                &format!("{place}/additionalProperties"),
                &schema["additionalProperties"],
            )?;
            quote! { Additional::Open(#used) }
        }
        _ => return Err(Error::new(place, "an object in a request must say what additionalProperties are")),
    };
    let any_of = match schema.get("allOf") {
        None => quote!(None),
        Some(conditions) => {
            let place = &format!("{place}/allOf");
            let [condition] = array(place, conditions)?.as_slice() else {
                return Err(Error::new(place, "an object may have one condition only"));
            };
            let place = &format!("{place}/0");
            understand(place, condition, "condition")?;
            let graded = grade(place, condition, "anyOf")?;
            let alternatives = condition
                .get("anyOf")
                .ok_or_else(|| Error::new(place, "the condition of an object is an anyOf"))?;
            let mut sets = Vec::new();
            for alternative in array(place, alternatives)? {
                let only_required = alternative.as_object().is_some_and(|members| members.len() == 1);
                let names = alternative
                    .get("required")
                    .filter(|_| only_required)
                    .ok_or_else(|| Error::new(place, "anyOf of an object may hold `required` only"))?;
                let names = strings(place, names)?;
                sets.push(quote! { &[#(#names),*] });
            }
            quote! { Some((&[#(#sets),*], #graded)) }
        }
    };
    Ok(quote! {
        ObjectSchema {
            provenance: #provenance,
            properties: &[#(#properties),*],
            required_provenance: #required_provenance,
            additional: #additional,
            any_of: #any_of,
        }
    })
}

fn property_limit(place: &str, schema: &Value) -> Result<TokenStream, Error> {
    let Some(limit) = schema.get("x-property-limit") else { return Ok(quote!(None)) };
    let wrong = || Error::new(format!("{place}/x-property-limit"), "must have `maximum` and `within`");
    let maximum = limit
        .get("maximum")
        .and_then(Value::as_u64)
        .and_then(|maximum| usize::try_from(maximum).ok())
        .ok_or_else(wrong)?;
    let within = limit.get("within").and_then(Value::as_str).ok_or_else(wrong)?;
    let graded = grade(place, schema, "x-property-limit")?;
    Ok(quote! { Some(PropertyLimit { maximum: #maximum, within: #within, provenance: #graded }) })
}

fn bound<T: quote::ToTokens>(
    place: &str,
    schema: &Value,
    keyword: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Result<TokenStream, Error> {
    let Some(value) = schema.get(keyword) else { return Ok(quote!(None)) };
    let value =
        read(value).ok_or_else(|| Error::new(place, format!("`{keyword}` is not a number of its kind")))?;
    let graded = grade(place, schema, keyword)?;
    Ok(quote! { Some((#value, #graded)) })
}

fn array<'a>(place: &str, value: &'a Value) -> Result<&'a Vec<Value>, Error> {
    value.as_array().ok_or_else(|| Error::new(place, "expected an array"))
}

fn strings<'a>(place: &str, value: &'a Value) -> Result<Vec<&'a str>, Error> {
    array(place, value)?
        .iter()
        .map(|item| item.as_str().ok_or_else(|| Error::new(place, "expected an array of strings")))
        .collect()
}

fn grade(place: &str, schema: &Value, keyword: &str) -> Result<TokenStream, Error> {
    Ok(match Contract::grade(place, schema, keyword)? {
        Provenance::Seed => quote!(Provenance::Seed),
        Provenance::Documented => quote!(Provenance::Documented),
        Provenance::Observed => quote!(Provenance::Observed),
        Provenance::Assumed => quote!(Provenance::Assumed),
    })
}
