//! Emits what a command line is told of the contract: the types of events, with a flag for each property of their payloads.

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

use crate::{
    contract::{Contract, Error},
    header,
    lines::join,
    model::{EventType, Model, Property, Schema},
};

/// Generates the table of `copilot-cx event`: names, words and flags of the types of events.
///
/// # Errors
///
/// When the contract is not one that this generator understands.
pub fn generate_flags(contract: &Contract) -> Result<String, Error> {
    let model = Model::read(contract)?;
    let types = model.event.types.iter().map(|event| event_type(contract, event));
    let table: syn::File = syn::parse2(quote! {
        use crate::event::table::{EventType, Free, Kind, Property};

        pub(crate) const EVENT_TYPES: &[EventType] = &[#(#types),*];
    })
    .map_err(|source| Error::new("the table of flags", source.to_string()))?;
    Ok(format!("{}{}", header("//"), prettyplease::unparse(&table)))
}

fn event_type(contract: &Contract, event: &EventType) -> TokenStream {
    let EventType { wire_name, payload_name, schema_name, payload } = event;
    let about = [schema_name, payload_name]
        .into_iter()
        .find_map(|name| first_sentence(contract, &format!("/components/schemas/{name}")))
        .unwrap_or_default();
    let of_payload = format!("/components/schemas/{payload_name}/properties");
    let properties = payload.properties.iter().filter_map(|(name, property)| {
        let kind = kind(&property.used.schema)?;
        let about = words(contract, &join(&of_payload, name), property);
        let required = property.is_required;
        let flag = name.replace('_', "-");
        Some(quote! { Property { name: #name, flag: #flag, about: #about, kind: Kind::#kind, required: #required } })
    });
    // Names of the sender's own belong to the payload, or to the one object in it.
    let object =
        payload.properties.iter().find(|(_, property)| matches!(property.used.schema, Schema::Object(_)));
    let free = match (&payload.additional, object) {
        (Some(_), _) => quote! { Free::OfPayload },
        (None, Some((name, _))) => quote! { Free::Within(#name) },
        (None, None) => quote! { Free::None },
    };
    quote! { EventType { name: #wire_name, about: #about, properties: &[#(#properties),*], free: #free } }
}

/// What a flag takes; none, of an object.
fn kind(schema: &Schema) -> Option<TokenStream> {
    Some(match schema {
        Schema::String(_) => quote! { Text },
        Schema::Integer(_) => quote! { Integer },
        Schema::Number(_) => quote! { Number },
        Schema::Boolean(_) => quote! { Boolean },
        Schema::AnyOf(_) => quote! { Scalar },
        Schema::Object(_) => return None,
    })
}

/// What the contract says of a property: where it stands, or of its type.
fn words(contract: &Contract, place: &str, property: &Property) -> String {
    let of_type = || {
        let name = property.used.name.as_ref()?;
        first_sentence(contract, &format!("/components/schemas/{name}"))
    };
    first_sentence(contract, place).or_else(of_type).unwrap_or_default()
}

/// The first sentence of a description, in one line, without the full stop and the marks of code.
fn first_sentence(contract: &Contract, place: &str) -> Option<String> {
    let text = contract.root().pointer(place)?.get("description").and_then(Value::as_str)?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "");
    let end = text.find(". ").unwrap_or(text.trim_end_matches('.').len());
    text.get(..end).map(str::to_owned)
}
