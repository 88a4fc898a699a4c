//! Which names in Rust the contract's names become, and which of them cannot stand beside each other.

use std::collections::BTreeMap;

use heck::{ToPascalCase, ToShoutySnakeCase, ToSnakeCase};
use proc_macro2::{Ident, Span};
use quote::format_ident;
use serde_json::{Map, Value};
use unicode_ident::{is_xid_continue, is_xid_start};

use crate::{
    contract::{Contract, Error},
    lines::join,
    lower,
};

/// The name of the type of properties that the contract does not list.
pub(crate) const PROPERTIES: &str = "Properties";
/// The schema of what one of these may be, which `copilot-gen` knows by its name.
pub(crate) const PROPERTY_VALUE: &str = "PropertyValue";
/// typify's name of the field that holds them beside those that it lists.
pub(crate) const FURTHER: &str = "extra";

/// What the generated client has already, beside one method for each operation.
const CLIENT_METHODS: [&str; 12] = [
    "api_version",
    "baseurl",
    "client",
    "clone",
    "exec",
    "fmt",
    "inner",
    "new_with_client",
    "post",
    "pre",
    "with_body",
    "with_timeout",
];

/// The methods of a builder that are no setters, `NewEvent`'s among them.
const BUILDER_METHODS: [&str; 7] = ["build", "clone", "event", "event_at", "event_with", "fmt", "into_event"];

/// Types that the generated code names without their path.
const STANDARD_TYPES: [&str; 8] = ["Default", "Err", "From", "Ok", "Option", "Result", "Some", "String"];

/// The name of a type, or of a variant.
pub(crate) fn type_ident(name: &str) -> Ident {
    Ident::new(&sanitized(name, str::to_pascal_case), Span::call_site())
}

/// The name of a field, a setter or a method.
pub(crate) fn member_ident(name: &str) -> Ident {
    Ident::new(&sanitized(name, str::to_snake_case), Span::call_site())
}

/// The name of a static or a constant.
pub(crate) fn static_ident(name: &str) -> Ident {
    Ident::new(&sanitized(name, str::to_shouty_snake_case), Span::call_site())
}

/// The name of the private copy of a type, from which its members are read.
pub(crate) fn copy_ident(name: &Ident) -> Ident {
    format_ident!("{name}Members")
}

/// As typify makes an identifier of a name. A test compares the two.
fn sanitized(name: &str, to_case: impl Fn(&str) -> String) -> String {
    let cased = match name {
        "+1" => "plus1".to_owned(),
        "-1" => "minus1".to_owned(),
        _ => to_case(&name.replace('\'', "").replace(|letter| !is_xid_continue(letter), "-")),
    };
    let begun = match cased.chars().next() {
        None => to_case("x"),
        Some(letter) if is_xid_start(letter) => cased,
        Some(_) => format!("{}{cased}", to_case("x")),
    };
    if typify::accept_as_ident(&begun) { begun } else { format!("{begun}_") }
}

/// The names that cannot become code, each with its place.
pub(crate) fn refused(contract: &Contract) -> Result<Vec<Error>, Error> {
    let mut found = Vec::new();
    schemas(contract, &mut found)?;
    operations(contract, &mut found);
    let payloads: Vec<&str> =
        contract.event_mapping()?.1.into_iter().map(|variant| variant.payload).collect();
    let error_schema = lower::error_schema_name(contract)?;
    contract.each_object(&mut |pointer, object| {
        let name = pointer.strip_prefix("/components/schemas/");
        let mut reserved = Vec::new();
        if name.is_some_and(|name| payloads.contains(&name)) {
            reserved.extend(BUILDER_METHODS.map(|method| (method, "the builder's own method")));
        }
        if name == Some(&error_schema) {
            reserved.push((lower::BODY_EXCERPT, "the start of an error's body"));
        }
        properties(pointer, object, reserved, &mut found);
        variants(pointer, object, &mut found);
    });
    Ok(found)
}

/// Names of one scope, by what they become.
struct Scope(BTreeMap<String, String>);

impl Scope {
    fn of<'a>(reserved: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(reserved.into_iter().map(|(ident, what)| (ident.to_owned(), what.to_owned())).collect())
    }

    /// Adds what a name becomes; refuses it where that is taken.
    fn add(&mut self, place: String, ident: &Ident, called: String, found: &mut Vec<Error>) {
        let ident = ident.to_string();
        match self.0.get(&ident) {
            Some(other) => {
                found.push(Error::new(place, format!("becomes `{ident}` in Rust, as {other} does")))
            }
            None => drop(self.0.insert(ident, called)),
        }
    }
}

fn schemas(contract: &Contract, found: &mut Vec<Error>) -> Result<(), Error> {
    let generated =
        [(lower::ERROR_RESPONSE, "the answer of an error"), (PROPERTIES, "properties of one's own")];
    let standard = STANDARD_TYPES.map(|name| (name, "a name of Rust's own"));
    let mut types = Scope::of(generated.into_iter().chain(standard));
    let mut statics = Scope::of([]);
    let event = contract.event_name()?;
    for (name, schema) in contract.schemas()? {
        let place = join("/components/schemas", name);
        let ident = type_ident(name);
        let called = format!("the schema `{name}`");
        let before = found.len();
        types.add(place.clone(), &ident, called.clone(), found);
        statics.add(place.clone(), &static_ident(name), called.clone(), found);
        if found.len() == before && ident != name {
            found.push(Error::new(&place, format!("must be named as its Rust type is: `{ident}`")));
        }
        if schema.get("properties").is_some() || name == event {
            types.add(place, &copy_ident(&ident), format!("the members of {called}"), found);
        }
    }
    Ok(())
}

fn operations(contract: &Contract, found: &mut Vec<Error>) {
    let mut methods = Scope::of(CLIENT_METHODS.map(|name| (name, "the client's own method")));
    for (path, method, operation) in contract.operations() {
        let Some(id) = operation.get("operationId").and_then(Value::as_str) else { continue };
        let place = format!("{}/{method}/operationId", join("/paths", path));
        methods.add(place, &member_ident(id), format!("the operation `{id}` of {path}"), found);
    }
}

fn properties(
    pointer: &str,
    object: &Map<String, Value>,
    mut reserved: Vec<(&str, &str)>,
    found: &mut Vec<Error>,
) {
    let Some(properties) = object.get("properties").and_then(Value::as_object) else { return };
    if object.get("additionalProperties").is_some_and(Value::is_object) {
        reserved.push((FURTHER, "the field of the properties that are not listed"));
    }
    let mut fields = Scope::of(reserved);
    for name in properties.keys() {
        let place = join(&format!("{pointer}/properties"), name);
        fields.add(place, &member_ident(name), format!("the property `{name}`"), found);
    }
}

/// The values of an enumeration, and those of a discriminator.
fn variants(pointer: &str, object: &Map<String, Value>, found: &mut Vec<Error>) {
    let mut values = Scope::of([]);
    for (at, value) in object.get("enum").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if let Some(value) = value.as_str() {
            values.add(
                format!("{pointer}/enum/{at}"),
                &type_ident(value),
                format!("the value `{value}`"),
                found,
            );
        }
    }
    let mapping = object.get("discriminator").and_then(|chosen| chosen.get("mapping")?.as_object());
    for name in mapping.into_iter().flat_map(Map::keys) {
        let place = join(&format!("{pointer}/discriminator/mapping"), name);
        values.add(place, &type_ident(name), format!("the type of event `{name}`"), found);
    }
}
