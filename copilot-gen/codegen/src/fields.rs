//! The fields of payloads, as typify made them.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, Field, GenericArgument, PathArguments, Type};

use crate::{contract::Error, names::FURTHER};

/// A property of a payload, as typify made it.
pub(crate) struct Property {
    pub(crate) ident: Ident,
    /// Its type; of an optional one, without the `Option`.
    pub(crate) ty: Type,
    pub(crate) wire_name: String,
    pub(crate) kind: Kind,
    /// What the contract says about it.
    pub(crate) docs: Vec<Attribute>,
}

/// Whether it must be there.
pub(crate) enum Kind {
    Mandatory,
    Optional,
    /// All that the contract does not list.
    Further,
}

impl Property {
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
    pub(crate) fn ty_from_builder(&self) -> TokenStream {
        let ty = &self.ty;
        if generated(ty).is_some() { quote!(super::#ty) } else { quote!(#ty) }
    }
}

fn optional(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Path(path) => only_argument(&path.path, "Option"),
        _ => None,
    }
}

/// The name of a type, if it is a generated one: all others have a path, or are Rust's own.
pub(crate) fn generated(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => {
            path.path.get_ident().filter(|name| !["bool", "f64", "i64"].iter().any(|own| name == own))
        }
        _ => None,
    }
}

/// The argument of a type of that name.
pub(crate) fn only_argument<'a>(path: &'a syn::Path, name: &str) -> Option<&'a Type> {
    let last = path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    }
}
