//! Emits the builders of the payloads, which name everything that breaks the contract at once: typify's stop at the
//! first.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Item;

use crate::{
    contract::{Contract, Error},
    fields::{Kind, Property, generated},
    glue::member_type,
    model::{EventType, Model, Schema},
    names::{PROPERTIES, type_ident},
    pattern,
    payloads::{Holder, Judged},
};

/// The module `builder` of the types, and `builder()` of each payload.
pub(crate) fn emit(contract: &Contract, model: &Model, types: &[Item]) -> Result<Vec<Item>, Error> {
    let (_, variants) = contract.event_mapping()?;
    let (mut builders, mut items) = (TokenStream::new(), TokenStream::new());
    let mut used =
        BTreeSet::from([member_type(&variants, "event_id")?, member_type(&variants, "timestamp")?]);
    for event_type in &model.event.types {
        let payload = &event_type.payload_name;
        let name = type_ident(payload);
        let built = types.iter().find_map(|item| match item {
            Item::Struct(built) if built.ident == name => Some(built),
            _ => None,
        });
        let built = built.ok_or_else(|| Error::new(payload, "is no struct of the generated types"))?;
        let properties = built.fields.iter().map(Property::of).collect::<Result<Vec<_>, _>>()?;
        used.extend(properties.iter().filter_map(|property| generated(&property.ty)).cloned());
        builders.extend(builder(&name, &properties, model, event_type)?);
        items.extend(quote! {
            impl #name {
                /// Begins a payload.
                pub fn builder() -> builder::#name {
                    Default::default()
                }
            }
        });
    }
    items.extend(used.iter().map(|name| conversions(contract, name)));
    for used in &model.schemas {
        if pattern::takes_uuids(used)? {
            let name = type_ident(used.name.as_deref().unwrap_or_default());
            items.extend(quote! {
                /// With hyphens and small letters. Every UUID keeps to the rules of this text.
                impl ::std::convert::From<super::super::contract::Uuid> for #name {
                    fn from(value: super::super::contract::Uuid) -> Self {
                        let mut buffer = super::super::contract::Uuid::encode_buffer();
                        Self(value.hyphenated().encode_lower(&mut buffer).to_owned())
                    }
                }
            });
        }
    }
    let emitted: syn::File = syn::parse2(quote! {
        #items

        /// Builders of payloads: one setter for each property, and `build`.
        pub mod builder {
            use super::super::super::contract::{
                Choice, Given, IntoOptional, IntoProperty, InvalidInput, Judge, NumberSchema, Path, Provenance,
            };
            use super::super::{schemas, types};

            #builders
        }
    })
    .map_err(|source| Error::new("the emitted builders", source.to_string()))?;
    Ok(emitted.items)
}

fn builder(
    name: &Ident,
    properties: &[Property],
    model: &Model,
    EventType { payload, .. }: &EventType,
) -> Result<TokenStream, Error> {
    let fields = properties.iter().map(|property| {
        let (ident, ty) = (&property.ident, property.ty_from_builder());
        quote! { #ident: Given<#ty> }
    });
    let setters = properties.iter().map(setter);
    let required = payload.required_provenance;
    let taken = properties.iter().map(|Property { ident, wire_name, kind, .. }| {
        let values = payload.properties.get(wire_name).and_then(|property| match &property.used.schema {
            Schema::String(rules) => rules.one_of.as_ref(),
            _ => None,
        });
        let given = match values {
            // The type of its values does not know how sure they are.
            Some((values, grade)) => quote! {
                self.#ident.map(|given| given.map_err(|_| InvalidInput::none_of(&[#(#values),*], #grade)))
            },
            None => quote! { self.#ident },
        };
        match kind {
            Kind::Mandatory => quote! { let #ident = judge_.mandatory(#wire_name, #given, #required); },
            Kind::Optional => quote! { let #ident = judge_.optional(#wire_name, #given); },
            Kind::Further => quote! { let #ident = judge_.further(#given); },
        }
    });
    let made = properties.iter().map(|Property { ident, kind, .. }| match kind {
        Kind::Mandatory => quote! { #ident: #ident? },
        _ => quote! { #ident },
    });
    let judged = Judged { model, payload, holder: Holder::Builder };
    let (presence, values) = (judged.presence(), judged.values()?);
    // A name ends in an underscore for Rust's keywords only, so no property is named as the local ones here.
    let mutable = (!properties.is_empty()).then(|| quote!(mut));
    let doc = format!("Builds a [`{name}`](super::{name}).");
    Ok(quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct #name { #(#fields),* }

        impl #name {
            #(#setters)*

            /// Finishes the payload. Fails with everything that breaks the contract: bad values, missing properties.
            pub fn build(self) -> ::std::result::Result<super::#name, InvalidInput> {
                let #mutable judge_ = Judge::default();
                #presence
                #(#taken)*
                #values
                judge_.made(|| ::std::option::Option::Some(super::#name { #(#made),* }))
            }
        }
    })
}

/// What the setters of properties of a generated type take.
fn conversions(contract: &Contract, name: &Ident) -> TokenStream {
    let schema = contract.schema(&name.to_string()).ok();
    // What has no name in the contract is an enumeration that stands in a payload.
    let kind = schema.map_or(Some("string"), |schema| schema.get("type")?.as_str());
    let itself = quote! {
        impl super::super::contract::IntoProperty<#name> for #name {
            fn into_property(self) -> ::std::result::Result<#name, super::super::contract::InvalidInput> {
                Ok(self)
            }
        }
    };
    match kind {
        _ if name == PROPERTIES => TokenStream::new(),
        Some("string") => quote! { impl super::super::contract::Text for #name {} },
        Some("integer") => {
            let is_time = schema.is_some_and(|schema| schema.get("x-time-window").is_some())
                || name.to_string().ends_with("Millis");
            let time = is_time.then(|| {
                quote! {
                    impl super::super::contract::Millis for #name {}
                    impl super::super::contract::IntoMillis for #name {
                        fn into_millis(self) -> i64 {
                            self.0
                        }
                    }
                }
            });
            quote! {
                #itself
                impl super::super::contract::Integer for #name {}
                #time
            }
        }
        _ => itself,
    }
}

fn setter(property: &Property) -> TokenStream {
    let Property { ident, kind, docs, .. } = property;
    let ty = property.ty_from_builder();
    match kind {
        Kind::Optional => quote! {
            #(#docs)*
            ///
            /// Optional; takes an `Option` as well.
            pub fn #ident<M>(mut self, value: impl IntoOptional<#ty, M>) -> Self {
                self.#ident = value.into_optional();
                self
            }
        },
        Kind::Mandatory | Kind::Further => {
            let must = matches!(kind, Kind::Mandatory).then(|| {
                quote! {
                    ///
                    /// Mandatory.
                }
            });
            quote! {
                #(#docs)*
                #must
                pub fn #ident(mut self, value: impl IntoProperty<#ty>) -> Self {
                    self.#ident = ::std::option::Option::Some(value.into_property());
                    self
                }
            }
        }
    }
}
