//! Emits whose order an event belongs to.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    model::{Model, ObjectRules, Property, Schema, StringRules},
    names::{member_ident, type_ident},
};

/// The accessor of what decides in whose order an event stands.
pub(crate) fn key(model: &Model) -> TokenStream {
    let arms = model.event.types.iter().map(|event| {
        let variant = type_ident(&event.wire_name);
        let key = owners(&event.payload).into_iter().rev().fold(None, |next, (name, owner)| {
            let ident = member_ident(name);
            if owner.is_required {
                return Some(quote! { ::std::option::Option::Some(payload.#ident.as_str()) });
            }
            let or_next = next.map(|next| quote! { .or(#next) });
            Some(quote! { payload.#ident.as_ref().map(|id| id.as_str())#or_next })
        });
        match key {
            Some(key) => quote! { Self::#variant { payload, .. } => #key },
            None => quote! { Self::#variant { .. } => ::std::option::Option::None },
        }
    });
    quote! {
        /// Whose order the event belongs to, for a sender that keeps the events of one user or thing in the order in which
        /// they happened: the id of the user that it is about, else that of the thing, else the only id that its payload
        /// must have, as the e-mail address of `unsubscribe`. `None` for an event about nobody, as the two that open and
        /// close the one-time synchronization.
        pub fn order_key(&self) -> ::std::option::Option<&str> {
            match self { #(#arms),* }
        }
    }
}

/// The properties that can say whose order an event belongs to: the first of them that is there does.
pub(crate) fn owners(payload: &ObjectRules) -> Vec<(&String, &Property)> {
    let owners: Vec<_> =
        ["user_id", "thing_id"].iter().filter_map(|name| payload.properties.get_key_value(*name)).collect();
    if !owners.is_empty() {
        return owners;
    }
    let mut ids = payload.properties.iter().filter(|(_, property)| property.is_required && is_id(property));
    match (ids.next(), ids.next()) {
        (Some(only), None) => vec![only],
        _ => Vec::new(),
    }
}

/// Whether a property is text of a named type, which is how the contract declares ids, and no enumeration.
pub(crate) fn is_id(property: &Property) -> bool {
    property.used.name.is_some()
        && matches!(property.used.schema, Schema::String(StringRules { one_of: None, .. }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{contract::Provenance, model::Used};

    const GRADE: Provenance = Provenance::Documented;

    /// A payload of texts, each with its name, the name of its type, whether it is mandatory, and its only values.
    fn payload(texts: &[(&str, Option<&str>, bool, &[&str])]) -> ObjectRules {
        let properties = texts.iter().map(|(name, type_name, is_required, values)| {
            let one_of = (!values.is_empty())
                .then(|| (values.iter().map(|value| (*value).to_owned()).collect(), GRADE));
            let rules =
                StringRules { provenance: GRADE, min_length: None, max_length: None, pattern: None, one_of };
            let used = Used { name: type_name.map(str::to_owned), schema: Schema::String(rules) };
            ((*name).to_owned(), Property { used, is_required: *is_required })
        });
        ObjectRules {
            provenance: GRADE,
            properties: BTreeMap::from_iter(properties),
            required_provenance: GRADE,
            additional: None,
            closed_provenance: GRADE,
            any_of: None,
        }
    }

    #[test]
    fn the_order_is_that_of_the_user_else_of_the_thing_else_of_the_only_id() {
        let (user, thing) =
            (("user_id", Some("UserId"), false, &[][..]), ("thing_id", Some("ThingId"), true, &[][..]));
        let email = ("email", Some("Email"), true, &[][..]);
        let table: [(&[_], &[&str]); 8] = [
            (&[thing, user, email], &["user_id", "thing_id"]),
            (&[thing, email], &["thing_id"]),
            (&[email], &["email"]),
            (&[email, ("note", None, true, &[]), ("token", Some("Token"), false, &[])], &["email"]),
            // Which of the two it is, nobody said.
            (&[email, ("token", Some("Token"), true, &[])], &[]),
            (&[("email", Some("Email"), false, &[])], &[]),
            (&[("urgency", Some("Urgency"), true, &["now", "later"])], &[]),
            (&[], &[]),
        ];
        for (texts, expected) in table {
            let payload = payload(texts);
            let owners: Vec<&str> = owners(&payload).into_iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(owners, expected, "{texts:?}");
        }
    }
}
