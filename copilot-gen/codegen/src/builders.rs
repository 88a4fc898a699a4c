//! Emits the builders of the payloads, which name everything that breaks the contract at once: typify's stop at the
//! first.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, Field, Item, Type};

use crate::{
    contract::{Contract, Error, Variant},
    glue::member_type,
    names::{FURTHER, PROPERTIES, static_ident, type_ident},
    polish::only_argument,
};

/// The methods of a builder that are no setters, `NewEvent`'s among them.
pub(crate) const METHODS: [&str; 7] =
    ["build", "clone", "event", "event_at", "event_with", "fmt", "into_event"];

/// The module `builder` of the types, and `builder()` of each payload.
pub(crate) fn emit(contract: &Contract, types: &[Item]) -> Result<Vec<Item>, Error> {
    let event_table = static_ident(contract.event_name()?);
    let (_, variants) = contract.event_mapping()?;
    let (mut builders, mut items) = (TokenStream::new(), TokenStream::new());
    let mut used =
        BTreeSet::from([member_type(&variants, "event_id")?, member_type(&variants, "timestamp")?]);
    for Variant { payload, .. } in variants {
        let name = type_ident(payload);
        let built = types.iter().find_map(|item| match item {
            Item::Struct(built) if built.ident == name => Some(built),
            _ => None,
        });
        let built = built.ok_or_else(|| Error::new(payload, "is no struct of the generated types"))?;
        let properties = built.fields.iter().map(Property::of).collect::<Result<Vec<_>, _>>()?;
        used.extend(properties.iter().filter_map(|property| generated(&property.ty)).cloned());
        builders.extend(builder(&name, &properties, &static_ident(payload), &event_table));
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
    let emitted: syn::File = syn::parse2(quote! {
        #items

        /// Builders of payloads: one setter for each property, and `build`.
        pub mod builder {
            use super::super::super::contract::{Building, Given, IntoOptional, IntoProperty, InvalidInput};
            use super::super::schemas;

            #builders
        }
    })
    .map_err(|source| Error::new("the emitted builders", source.to_string()))?;
    Ok(emitted.items)
}

fn builder(name: &Ident, properties: &[Property], table: &Ident, event_table: &Ident) -> TokenStream {
    let fields = properties.iter().map(|property| {
        let (ident, ty) = (&property.ident, property.ty_from_builder());
        quote! { #ident: Given<#ty> }
    });
    let setters = properties.iter().map(Property::setter);
    let taken = properties.iter().map(|Property { ident, wire_name, kind, .. }| match kind {
        Kind::Further => quote! { let #ident = building_.further(self.#ident); },
        _ => quote! { let #ident = building_.property(#wire_name, self.#ident); },
    });
    let given = properties.iter().map(|Property { ident, kind, .. }| match kind {
        Kind::Mandatory => quote! { #ident: #ident? },
        _ => quote! { #ident },
    });
    let mutable = (!properties.is_empty()).then(|| quote!(mut));
    let doc = format!("Builds a [`{name}`](super::{name}).");
    // A sanitized name ends in an underscore for Rust's keywords only, so none of them is the local one here.
    quote! {
        #[doc = #doc]
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct #name { #(#fields),* }

        impl #name {
            #(#setters)*

            /// Finishes the payload. Fails with everything that breaks the contract: bad values, missing properties.
            pub fn build(self) -> ::std::result::Result<super::#name, InvalidInput> {
                let #mutable building_ = Building::new(&schemas::#table, &schemas::#event_table);
                #(#taken)*
                building_.finish(|| ::std::option::Option::Some(super::#name { #(#given),* }))
            }
        }
    }
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
        _ if name == PROPERTIES => quote! {
            #itself

            impl super::super::contract::IntoProperty<#name>
                for ::std::result::Result<#name, super::super::contract::InvalidInput>
            {
                fn into_property(self) -> ::std::result::Result<#name, super::super::contract::InvalidInput> {
                    self
                }
            }
        },
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
struct Property {
    ident: Ident,
    /// Its type; of an optional one, without the `Option`.
    ty: Type,
    wire_name: String,
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
    fn of(field: &Field) -> Result<Self, Error> {
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
                pub fn #ident<M>(mut self, value: impl IntoOptional<#ty, M>) -> Self {
                    self.#ident = value.into_optional();
                    self
                }
            },
            Kind::Mandatory | Kind::Further => quote! {
                #(#docs)*
                pub fn #ident(mut self, value: impl IntoProperty<#ty>) -> Self {
                    self.#ident = ::std::option::Option::Some(value.into_property());
                    self
                }
            },
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
