//! Replaces how the generated types are read. What serde derives takes a struct from an array of its fields' values,
//! and in a tagged or untagged enum it takes each value apart first: there it meets what serde_json hands out for a
//! number when another crate turned on `arbitrary_precision`, and takes it for an object.
//!
//! What was derived is kept on a private copy of the type, which serde's `remote` makes read the type itself.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{
    Attribute, Fields, Item, ItemEnum, ItemStruct, Path, Token, Visibility, parse_quote,
    punctuated::Punctuated,
};

use crate::{
    contract::{Contract, Error},
    names::static_ident,
};

pub(crate) fn read_as_written(contract: &Contract, types: &mut Vec<Item>) -> Result<(), Error> {
    let event = contract.event_name()?;
    let (mut copies, mut reading) = (Vec::new(), Vec::new());
    for item in types.iter_mut() {
        match item {
            Item::Struct(object) if matches!(object.fields, Fields::Named(_)) && derives(&object.attrs) => {
                reading.push(read_object(&object.ident));
                copies.push(Item::Struct(copy_of_struct(object)));
                withdraw(&mut object.attrs)?;
                object.fields.iter_mut().for_each(|field| field.attrs.retain(|attr| !is_for_reading(attr)));
            }
            Item::Enum(choice) if choice.ident == event => {
                reading.extend(read_event(&choice.ident));
                copies.push(Item::Enum(copy_of_enum(choice)));
                withdraw(&mut choice.attrs)?;
            }
            Item::Enum(choice) if derives(&choice.attrs) && is_untagged(choice) => {
                reading.push(read_scalar(choice)?);
                withdraw(&mut choice.attrs)?;
            }
            _ => {}
        }
    }
    if copies.is_empty() {
        return Err(Error::new("read::read_as_written", "found nothing to do: delete this step"));
    }
    types.extend(copies);
    types.extend(reading);
    Ok(())
}

fn read_object(name: &Ident) -> Item {
    let copy = copy_ident(name);
    parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                #copy::deserialize(super::super::json::ObjectOnly(deserializer))
            }
        }
    }
}

fn read_event(name: &Ident) -> [Item; 2] {
    let copy = copy_ident(name);
    let convert = parse_quote! {
        /// Reads an event that keeps to the contract. What breaks only rules that the types cannot hold is read as well.
        impl ::std::convert::TryFrom<super::super::json::Json> for #name {
            type Error = super::super::json::Unreadable;

            fn try_from(json: super::super::json::Json) -> ::std::result::Result<Self, Self::Error> {
                if !json.repeated_names().is_empty() {
                    return Err(super::super::json::Unreadable);
                }
                #copy::deserialize(json)
            }
        }
    };
    let read = parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let json = <super::super::json::Json as ::serde::Deserialize>::deserialize(deserializer)?;
                Self::try_from(json).map_err(::serde::de::Error::custom)
            }
        }
    };
    [convert, read]
}

pub(crate) fn copy_ident(name: &Ident) -> Ident {
    format_ident!("{name}Members")
}

/// One of several scalars, each of another kind.
fn read_scalar(choice: &ItemEnum) -> Result<Item, Error> {
    let name = &choice.ident;
    let table = static_ident(&name.to_string());
    let mut arms = TokenStream::new();
    for variant in &choice.variants {
        let ident = &variant.ident;
        let kind = match variant
            .fields
            .iter()
            .map(|field| field.ty.to_token_stream().to_string())
            .next()
            .as_deref()
        {
            Some(":: std :: string :: String") => quote!(String),
            Some("i64") => quote!(Integer),
            Some("f64") => quote!(Decimal),
            Some("bool") => quote!(Boolean),
            _ => return Err(Error::new(format!("{name}::{ident}"), "no scalar: read_scalar cannot read it")),
        };
        arms.extend(quote! { super::super::json::Json::#kind(value) => Ok(Self::#ident(value)), });
    }
    Ok(parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let json = <super::super::json::Json as ::serde::Deserialize>::deserialize(deserializer)?;
                super::schemas::#table.check(&json).map_err(::serde::de::Error::custom)?;
                match json {
                    #arms
                    _ => Err(::serde::de::Error::custom(super::super::json::Unreadable)),
                }
            }
        }
    })
}

fn copy_of_struct(object: &ItemStruct) -> ItemStruct {
    let mut copy = object.clone();
    (copy.attrs, copy.ident, copy.vis) =
        (copied(&object.attrs, &object.ident), copy_ident(&object.ident), Visibility::Inherited);
    copy.fields.iter_mut().for_each(|field| field.attrs.retain(|attr| attr.path().is_ident("serde")));
    copy
}

fn copy_of_enum(choice: &ItemEnum) -> ItemEnum {
    let mut copy = choice.clone();
    (copy.attrs, copy.ident, copy.vis) =
        (copied(&choice.attrs, &choice.ident), copy_ident(&choice.ident), Visibility::Inherited);
    for variant in &mut copy.variants {
        variant.attrs.retain(|attr| attr.path().is_ident("serde"));
    }
    copy
}

/// What serde must know of a copy.
fn copied(attrs: &[Attribute], name: &Ident) -> Vec<Attribute> {
    let remote = name.to_string();
    let mut copied =
        vec![parse_quote! { #[derive(::serde::Deserialize)] }, parse_quote! { #[serde(remote = #remote)] }];
    copied.extend(attrs.iter().filter(|attr| attr.path().is_ident("serde")).cloned());
    copied
}

/// What derived code is to read a member with: not for what only writes.
fn is_for_reading(attr: &Attribute) -> bool {
    attr.path().is_ident("serde") && attr.to_token_stream().to_string().contains("deserialize_with")
}

fn is_untagged(choice: &ItemEnum) -> bool {
    choice
        .attrs
        .iter()
        .any(|attr| attr.path().is_ident("serde") && attr.to_token_stream().to_string().contains("untagged"))
}

fn derived(attr: &Attribute) -> Option<Punctuated<Path, Token![,]>> {
    attr.path().is_ident("derive").then(|| attr.parse_args_with(Punctuated::parse_terminated).ok())?
}

fn is_deserialize(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == "Deserialize")
}

fn derives(attrs: &[Attribute]) -> bool {
    attrs.iter().filter_map(derived).flatten().any(|path| is_deserialize(&path))
}

/// Takes the derived reading away.
fn withdraw(attrs: &mut [Attribute]) -> Result<(), Error> {
    for attr in attrs {
        if let Some(paths) = derived(attr)
            && paths.iter().any(is_deserialize)
        {
            let kept = paths.iter().filter(|path| !is_deserialize(path));
            *attr = parse_quote! { #[derive(#(#kept),*)] };
            return Ok(());
        }
    }
    Err(Error::new("read::withdraw", "nothing derives Deserialize"))
}
