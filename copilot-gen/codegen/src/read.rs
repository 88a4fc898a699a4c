//! Replaces how the generated types are read. What serde derives takes a struct from an array of its fields' values,
//! and in a tagged or untagged enum it takes each value apart first: there it meets what serde_json hands out for a
//! number when another crate turned on `arbitrary_precision`, and takes it for an object.
//!
//! What was derived is kept on a private copy of the type, which serde's `remote` makes read the type itself.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Field, Fields, Item, ItemEnum, ItemStruct, Path, Token, Type, Visibility, parse_quote,
    punctuated::Punctuated,
};

use crate::{
    contract::Error,
    fields::{Kind, Property, only_argument},
    model::Model,
    names::{copy_ident, static_ident, type_ident},
};

pub(crate) fn read_as_written(model: &Model, types: &mut Vec<Item>) -> Result<(), Error> {
    let event = &model.event;
    let (mut copies, mut reading) = (Vec::new(), Vec::new());
    for item in types.iter_mut() {
        match item {
            Item::Struct(object) if matches!(object.fields, Fields::Named(_)) && derives(&object.attrs) => {
                let is_payload = event.types.iter().any(|one| object.ident == one.payload_name);
                if is_payload && object.fields.iter().any(is_flattened) {
                    reading.push(read_open(object)?);
                } else {
                    reading.push(read_object(&object.ident));
                    copies.push(Item::Struct(copy_of_struct(object, is_payload)));
                }
                withdraw(&mut object.attrs)?;
                object.fields.iter_mut().for_each(|field| field.attrs.retain(|attr| !is_for_reading(attr)));
            }
            Item::Enum(choice) if choice.ident == event.name => {
                reading.extend(read_event(model, choice));
                withdraw(&mut choice.attrs)?;
            }
            Item::Enum(choice) if derives(&choice.attrs) && is_untagged(choice) => {
                reading.push(read_scalar(choice)?);
                withdraw(&mut choice.attrs)?;
            }
            Item::Enum(values) if derives(&values.attrs) => {
                reading.push(read_value(&values.ident));
                withdraw(&mut values.attrs)?;
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

/// An object with properties of one's own beside those that are listed. serde would buffer all of them.
fn read_open(object: &ItemStruct) -> Result<Item, Error> {
    let name = &object.ident;
    let properties = object.fields.iter().map(Property::of).collect::<Result<Vec<_>, _>>()?;
    let (mut kept, mut arms, mut made) = (TokenStream::new(), TokenStream::new(), TokenStream::new());
    let mut further = TokenStream::new();
    for property in &properties {
        let Property { ident, wire_name, .. } = property;
        if matches!(property.kind, Kind::Further) {
            kept.extend(quote! { let mut #ident = ::std::vec::Vec::new(); });
            further
                .extend(quote! { _ => #ident.push((name_.into_string().into(), members_.next_value()?)), });
            made.extend(quote! { #ident: Properties::read(#ident)?, });
            continue;
        }
        kept.extend(quote! { let mut #ident = ::std::option::Option::None; });
        arms.extend(quote! { #wire_name => super::super::json::once(&mut #ident, #wire_name, members_.next_value()?)?, });
        made.extend(if matches!(property.kind, Kind::Mandatory) {
            quote! { #ident: #ident.ok_or_else(|| ::serde::de::Error::missing_field(#wire_name))?, }
        } else {
            quote! { #ident, }
        });
    }
    // As in the builders, no property is named as the local variables here.
    let expected = format!("the properties of `{name}`");
    Ok(parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                struct Members;
                impl<'de> ::serde::de::Visitor<'de> for Members {
                    type Value = #name;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str(#expected)
                    }

                    fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut members_: A) -> ::std::result::Result<#name, A::Error> {
                        #kept
                        while let Some(name_) = members_.next_key::<super::super::json::Name<'de>>()? {
                            match name_.as_str() {
                                #arms
                                #further
                            }
                        }
                        Ok(#name { #made })
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }
    })
}

/// The event: its type decides what the rest is read as. Where that comes first, nothing is buffered.
fn read_event(model: &Model, choice: &ItemEnum) -> [Item; 4] {
    let name = &choice.ident;
    let members = copy_ident(name);
    let (discriminator, _) = &model.event.discriminator;
    let arms = model.event.types.iter().map(|event_type| {
        let (wire_name, variant) = (&event_type.wire_name, type_ident(&event_type.wire_name));
        quote! {
            #wire_name => {
                let #members { event_id, payload, timestamp } = ::serde::Deserialize::deserialize(members)?;
                Self::#variant { event_id, payload, timestamp }
            }
        }
    });
    // Every variant has the same ones.
    let fields = choice.variants.first().into_iter().flat_map(|variant| &variant.fields).map(|field| {
        let (ident, ty) = (&field.ident, &field.ty);
        if ident.as_ref().is_some_and(|ident| ident == "payload") {
            quote!(payload: P)
        } else {
            quote!(#ident: #ty)
        }
    });
    let shared = parse_quote! {
        /// The members of an event whose type is known.
        #[derive(::serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct #members<P> { #(#fields),* }
    };
    let of_type = parse_quote! {
        impl #name {
            /// Reads the members beside the one that names the type.
            fn of_type<'de, D: ::serde::Deserializer<'de>>(event_type: &str, members: D) -> ::std::result::Result<Self, D::Error> {
                Ok(match event_type {
                    #(#arms)*
                    _ => return Err(::serde::de::Error::custom(super::super::json::Unreadable)),
                })
            }
        }
    };
    let convert = parse_quote! {
        /// Reads an event that keeps to the contract. What breaks only rules that the types cannot hold is read as well.
        impl ::std::convert::TryFrom<super::super::json::Json> for #name {
            type Error = super::super::json::Unreadable;

            fn try_from(json: super::super::json::Json) -> ::std::result::Result<Self, Self::Error> {
                let (event_type, members) = json.without(#discriminator)?;
                Self::of_type(&event_type, members)
            }
        }
    };
    let read = parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                struct Members;
                impl<'de> ::serde::de::Visitor<'de> for Members {
                    type Value = #name;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("an event")
                    }

                    fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut members: A) -> ::std::result::Result<#name, A::Error> {
                        match members.next_key::<super::super::json::Name<'de>>()? {
                            Some(first) if first.as_str() == #discriminator => {
                                let event_type = members.next_value::<super::super::json::Name<'de>>()?;
                                let rest = ::serde::de::value::MapAccessDeserializer::new(members);
                                #name::of_type(event_type.as_str(), rest)
                            }
                            first => {
                                let json = super::super::json::Json::of_members(first, members)?;
                                #name::try_from(json).map_err(::serde::de::Error::custom)
                            }
                        }
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }
    };
    [shared, of_type, convert, read]
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
        arms.extend(quote! { super::super::json::Json::#kind(value) => Self::#ident(value), });
    }
    Ok(parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let value = match <super::super::json::Json as ::serde::Deserialize>::deserialize(deserializer)? {
                    #arms
                    other => {
                        super::schemas::#table.check(&other).map_err(::serde::de::Error::custom)?;
                        return Err(::serde::de::Error::custom(super::super::json::Unreadable));
                    }
                };
                super::super::contract::Judge::of_choice(value).map_err(::serde::de::Error::custom)
            }
        }
    })
}

/// One of a few texts. Derived code also takes an object with such a text as its only name.
fn read_value(name: &Ident) -> Item {
    parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let text = <super::super::json::Name as ::serde::Deserialize>::deserialize(deserializer)?;
                text.as_str().parse().map_err(|_| ::serde::de::Error::custom(super::super::json::Unreadable))
            }
        }
    }
}

fn copy_of_struct(object: &ItemStruct, is_payload: bool) -> ItemStruct {
    let mut copy = object.clone();
    (copy.attrs, copy.ident, copy.vis) =
        (copied(&object.attrs, &object.ident), copy_ident(&object.ident), Visibility::Inherited);
    for field in &mut copy.fields {
        field.attrs.retain(|attr| attr.path().is_ident("serde"));
        // A null is no value of the contract; to serde it is an absent one.
        if let (true, Type::Path(path)) = (is_payload, &field.ty)
            && only_argument(&path.path, "Option").is_some()
        {
            field
                .attrs
                .push(parse_quote! { #[serde(default, deserialize_with = "super::super::json::present")] });
        }
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

fn is_flattened(field: &Field) -> bool {
    field
        .attrs
        .iter()
        .any(|attr| attr.path().is_ident("serde") && attr.to_token_stream().to_string().contains("flatten"))
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
