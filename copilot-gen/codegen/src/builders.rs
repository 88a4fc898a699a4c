//! Emits the builders of the payloads, which name everything that breaks the contract at once: typify's stop at the
//! first.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, Field, Item, Type};

use crate::{
    contract::{Contract, Error},
    glue::member_type,
    model::{EventType, Model, Schema},
    names::{FURTHER, PROPERTIES, type_ident},
    pattern,
    payloads::{Holder, Judged},
    polish::only_argument,
};

/// The methods of a builder that are no setters, `NewEvent`'s among them.
pub(crate) const METHODS: [&str; 7] =
    ["build", "clone", "event", "event_at", "event_with", "fmt", "into_event"];

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
    let setters = properties.iter().map(Property::setter);
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

/// A property of a payload, as typify made it.
pub(crate) struct Property {
    pub(crate) ident: Ident,
    /// Its type; of an optional one, without the `Option`.
    ty: Type,
    pub(crate) wire_name: String,
    kind: Kind,
    /// What the contract says about it.
    docs: Vec<Attribute>,
}

enum Kind {
    Mandatory,
    Optional,
    /// All that the contract does not list.
    Further,
}

impl Property {
    pub(crate) fn is_mandatory(&self) -> bool {
        matches!(self.kind, Kind::Mandatory)
    }

    pub(crate) fn is_further(&self) -> bool {
        matches!(self.kind, Kind::Further)
    }

    pub(crate) fn of(field: &Field) -> Result<Self, Error> {
        let ident =
            field.ident.clone().ok_or_else(|| Error::new("a payload", "has a field without a name"))?;
        let mut wire_name = ident.to_string();
        let mut kind = Kind::Mandatory;
        for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("flatten") {
                    kind = Kind::Further;
                } else if let Ok(value) = meta.value() {
                    let value: syn::LitStr = value.parse()?;
                    if meta.path.is_ident("rename") {
                        wire_name = value.value();
                    }
                }
                Ok(())
            })
            .map_err(|source| Error::new(&wire_name, source.to_string()))?;
        }
        if matches!(kind, Kind::Further) && ident != FURTHER {
            return Err(Error::new(ident.to_string(), format!("is flattened, and not named `{FURTHER}`")));
        }
        let ty = match optional(&field.ty) {
            None => &field.ty,
            Some(inner) => {
                kind = Kind::Optional;
                inner
            }
        };
        let docs = field.attrs.iter().filter(|attr| attr.path().is_ident("doc")).cloned().collect();
        Ok(Self { ident, ty: ty.clone(), wire_name, kind, docs })
    }

    /// Its type, as the module of the builders names it.
    fn ty_from_builder(&self) -> TokenStream {
        let ty = &self.ty;
        if generated(ty).is_some() { quote!(super::#ty) } else { quote!(#ty) }
    }

    fn setter(&self) -> TokenStream {
        let Self { ident, kind, docs, .. } = self;
        let ty = self.ty_from_builder();
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
}

fn optional(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Path(path) => only_argument(&path.path, "Option"),
        _ => None,
    }
}

/// The name of a type, if it is a generated one: all others have a path, or are Rust's own.
fn generated(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => {
            path.path.get_ident().filter(|name| !["bool", "f64", "i64"].iter().any(|own| name == own))
        }
        _ => None,
    }
}
