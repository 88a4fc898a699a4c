//! Emits the rules of the contract as static tables: of single values for the types that hold them, of whole events for
//! `copilot-gen`'s `contract::foreign`, which says what JSON from elsewhere breaks.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::{
    contract::{Error, Provenance},
    model::{Graded, IntegerRules, Model, NumberRules, ObjectRules, Schema, StringRules, Used},
    names::static_ident,
    pattern,
};

/// Emits the module `schemas`: a static for every named schema of the model, and one for the event.
pub(crate) fn emit(model: &Model) -> Result<TokenStream, Error> {
    let mut statics = TokenStream::new();
    for used in &model.schemas {
        let name = used.name.as_deref().unwrap_or_default();
        let (ident, ty, doc) =
            (static_ident(name), table_type(&used.schema), format!("The rules of `{name}`."));
        let value = table(name, &used.schema)?;
        statics.extend(quote! { #[doc = #doc] pub static #ident: #ty = #value; });
    }
    let event = &model.event;
    let rows = event.types.iter().map(|event_type| {
        let (wire_name, ident) = (&event_type.wire_name, static_ident(&event_type.schema_name));
        quote! { (#wire_name, &#ident) }
    });
    let (discriminator, graded) = &event.discriminator;
    let limit = event.limit.as_ref().map(|(limit, graded)| {
        let (maximum, within) = (proc_macro2::Literal::u64_unsuffixed(limit.maximum), &limit.within);
        quote! { PropertyLimit { maximum: #maximum, within: #within, provenance: #graded } }
    });
    let (ident, limit) = (static_ident(&event.name), option(limit));
    let doc = format!("The rules of `{}`.", event.name);
    Ok(quote! {
        /// The rules of the contract, as tables.
        pub mod schemas {
            use super::super::contract::*;

            #statics

            #[doc = #doc]
            pub static #ident: EventSchema = EventSchema {
                discriminator: #discriminator,
                provenance: #graded,
                variants: &[#(#rows),*],
                limit: #limit,
            };
        }
    })
}

/// A reference to the table of a schema, from outside the module of the tables.
pub(crate) fn path(used: &Used) -> Result<TokenStream, Error> {
    Ok(match &used.name {
        Some(name) => {
            let ident = static_ident(name);
            quote! { &schemas::#ident }
        }
        None => reference(used)?,
    })
}

/// A reference to the table of a schema, from within the module of the tables.
fn reference(used: &Used) -> Result<TokenStream, Error> {
    match &used.name {
        Some(name) => {
            let ident = static_ident(name);
            Ok(quote! { &#ident })
        }
        None => {
            let value = table("an inline schema", &used.schema)?;
            Ok(quote! { &#value })
        }
    }
}

impl ToTokens for Provenance {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Seed => quote!(Provenance::Seed),
            Self::Documented => quote!(Provenance::Documented),
            Self::Observed => quote!(Provenance::Observed),
            Self::Assumed => quote!(Provenance::Assumed),
        });
    }
}

fn table_type(schema: &Schema) -> TokenStream {
    match schema {
        Schema::String(_) => quote!(StringSchema),
        Schema::Integer(_) => quote!(IntegerSchema),
        Schema::Number(_) => quote!(NumberSchema),
        Schema::Boolean(_) => quote!(BooleanSchema),
        Schema::AnyOf(_) => quote!(AnyOf),
        Schema::Object(_) => quote!(ObjectSchema),
    }
}

fn table(place: &str, schema: &Schema) -> Result<TokenStream, Error> {
    Ok(match schema {
        Schema::String(rules) => string(place, rules)?,
        Schema::Integer(rules) => integer(rules),
        Schema::Number(NumberRules { provenance, minimum, maximum }) => {
            let (minimum, maximum) = (bound(minimum), bound(maximum));
            quote! { NumberSchema { provenance: #provenance, minimum: #minimum, maximum: #maximum } }
        }
        Schema::Boolean(provenance) => quote! { BooleanSchema { provenance: #provenance } },
        Schema::AnyOf((alternatives, provenance)) => {
            let alternatives = alternatives.iter().map(of_kind).collect::<Result<Vec<_>, _>>()?;
            quote! { AnyOf { alternatives: &[#(#alternatives),*], provenance: #provenance } }
        }
        Schema::Object(rules) => object(rules)?,
    })
}

/// A schema where it is used, with its kind.
fn of_kind(used: &Used) -> Result<TokenStream, Error> {
    let table = reference(used)?;
    let kind = match &used.schema {
        Schema::String(_) => quote!(String),
        Schema::Integer(_) => quote!(Integer),
        Schema::Number(_) => quote!(Number),
        Schema::Boolean(_) => quote!(Boolean),
        Schema::AnyOf(_) => quote!(AnyOf),
        Schema::Object(_) => quote!(Object),
    };
    Ok(quote! { Schema::#kind(#table) })
}

fn string(place: &str, rules: &StringRules) -> Result<TokenStream, Error> {
    let StringRules { provenance, min_length, max_length, pattern, one_of } = rules;
    let (min_length, max_length) = (bound(min_length), bound(max_length));
    let pattern = match pattern {
        None => quote!(None),
        Some((source, graded)) => {
            let table = pattern::emit(place, source)?;
            quote! { Some((#table, #graded)) }
        }
    };
    let one_of = option(one_of.as_ref().map(|(values, graded)| quote! { (&[#(#values),*], #graded) }));
    Ok(quote! {
        StringSchema { provenance: #provenance, min_length: #min_length, max_length: #max_length, pattern: #pattern, one_of: #one_of }
    })
}

fn integer(rules: &IntegerRules) -> TokenStream {
    let IntegerRules { provenance, format, minimum, maximum, window } = rules;
    let (minimum, maximum) = (bound(minimum), bound(maximum));
    let window = option(window.as_ref().map(|[(past, past_grade), (future, future_grade)]| {
        quote! {
            TimeWindow { past: #past, past_provenance: #past_grade, future: #future, future_provenance: #future_grade }
        }
    }));
    quote! {
        IntegerSchema { provenance: #provenance, format: #format, minimum: #minimum, maximum: #maximum, window: #window }
    }
}

fn object(rules: &ObjectRules) -> Result<TokenStream, Error> {
    let ObjectRules { provenance, properties, required_provenance, additional, closed_provenance, any_of } =
        rules;
    let mut rows = Vec::new();
    for (name, property) in properties {
        let (schema, required) = (of_kind(&property.used)?, property.is_required);
        rows.push(quote! { Property { name: #name, schema: #schema, required: #required } });
    }
    let additional = match additional {
        None => quote! { Additional::Closed(#closed_provenance) },
        Some(used) => {
            let schema = of_kind(used)?;
            quote! { Additional::Open(#schema) }
        }
    };
    let any_of = option(any_of.as_ref().map(|(sets, graded)| {
        let sets = sets.iter().map(|names| quote! { &[#(#names),*] });
        quote! { (&[#(#sets),*], #graded) }
    }));
    Ok(quote! {
        ObjectSchema {
            provenance: #provenance,
            properties: &[#(#rows),*],
            required_provenance: #required_provenance,
            additional: #additional,
            any_of: #any_of,
        }
    })
}

fn bound<T: ToTokens>(bound: &Option<Graded<T>>) -> TokenStream {
    option(bound.as_ref().map(|(value, graded)| quote! { (#value, #graded) }))
}

fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or(quote!(None), |value| quote! { Some(#value) })
}
