//! Emits what each payload is held against beyond its types, and how it is written: plain code, one function each.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    contract::Error,
    model::{EventType, Graded, IntegerRules, Model, ObjectRules, Property, PropertyLimit, Schema, Used},
    names::{FURTHER, PROPERTY_VALUE, member_ident, static_ident, type_ident},
    pattern, tables,
};

/// The functions of all payloads, and of the scalars that properties of one's own may be.
pub(crate) fn emit(model: &Model) -> Result<TokenStream, Error> {
    let mut emitted = choices(model)?;
    for EventType { payload_name, payload, .. } in &model.event.types {
        if payload.additional.as_deref().is_some_and(|used| !is_own(used)) {
            return Err(Error::new(payload_name, format!("further properties must be `{PROPERTY_VALUE}`s")));
        }
        let name = type_ident(payload_name);
        let judged = Judged { model, payload, holder: Holder::Payload };
        let (presence, values) = (judged.presence(), judged.values()?);
        let (members, weight) = (members(payload)?, weight(payload));
        let (judge, json) =
            (unused(presence.is_empty() && values.is_empty(), "judge"), unused(members.is_empty(), "json"));
        emitted.extend(quote! {
            impl types::#name {
                /// Holds it against the rules that its types do not hold.
                fn judge(&self, #judge: &mut Judge) {
                    #presence
                    #values
                }

                /// Writes its members.
                fn write(&self, #json: &mut Writer<'_>) {
                    #members
                }

                /// About how many bytes of memory it takes, beside its own size.
                fn weight(&self) -> usize {
                    #weight
                }
            }
        });
    }
    Ok(emitted)
}

fn unused(is_unused: bool, name: &str) -> proc_macro2::Ident {
    quote::format_ident!("{}{name}", if is_unused { "_" } else { "" })
}

/// Where the properties are that are judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// In the fields of the payload.
    Payload,
    /// In local variables of the builder, each of them an `Option`; what the setters were given is in its fields.
    Builder,
}

impl Holder {
    fn judge(self) -> TokenStream {
        if self == Self::Payload { quote!(judge) } else { quote!(judge_) }
    }
}

/// What a payload is held against.
pub(crate) struct Judged<'m> {
    pub(crate) model: &'m Model,
    pub(crate) payload: &'m ObjectRules,
    pub(crate) holder: Holder,
}

impl Judged<'_> {
    /// The rules about which properties there are. A builder follows them before it takes what it was given.
    pub(crate) fn presence(&self) -> TokenStream {
        let judge = self.holder.judge();
        let at_least_one = self.payload.any_of.as_ref().map(|(sets, grade)| {
            let are_there = sets.iter().map(|set| {
                let each = set.iter().map(|name| self.is_there(name));
                quote! { #(#each)&&* }
            });
            let sets = sets.iter().map(|names| quote! { &[#(#names),*] });
            quote! { #judge.at_least_one_of(&[#(#sets),*], #grade, #(#are_there)||*); }
        });
        let counted = (self.limit().is_some() && self.holder == Holder::Builder).then(|| {
            let count = self.count();
            quote! { let given_ = #count; }
        });
        quote! { #at_least_one #counted }
    }

    /// The rules about values, and about how many there are.
    pub(crate) fn values(&self) -> Result<TokenStream, Error> {
        let judge = self.holder.judge();
        let mut rules = TokenStream::new();
        let mut maps = Vec::new();
        for (name, property) in &self.payload.properties {
            if is_map(property)? {
                maps.push(self.keys(name, property));
            }
            let Some(rule) = rule(name, property, self.holder)? else { continue };
            let ident = member_ident(name);
            rules.extend(match self.holder {
                Holder::Payload if property.is_required => quote! { let value = &self.#ident; #rule },
                Holder::Payload => quote! { if let Some(value) = &self.#ident { #rule } },
                Holder::Builder => quote! { if let Some(value) = &#ident { #rule } },
            });
        }
        let further = quote::format_ident!("{FURTHER}");
        let further = if self.holder == Holder::Payload { quote!(self.#further) } else { quote!(#further) };
        if self.payload.additional.is_some() {
            let listed = self.payload.properties.keys();
            rules.extend(quote! { #judge.properties(&Path::ROOT, &#further, &[#(#listed),*]); });
            maps.push(quote! { #further.len() });
        }
        if self.limit().is_some() {
            let given = if self.holder == Holder::Payload { self.count() } else { quote!(given_) };
            let event = static_ident(&self.model.event.name);
            rules.extend(quote! { #judge.count(#given #(+ #maps)*, schemas::#event.limit.as_ref()); });
        }
        Ok(rules)
    }

    /// The limit of properties, where the payload can have more.
    fn limit(&self) -> Option<&Graded<PropertyLimit>> {
        let limit = self.model.event.limit.as_ref()?;
        let is_open = self.payload.additional.is_some()
            || self
                .payload
                .properties
                .values()
                .any(|property| matches!(property.used.schema, Schema::Object(_)));
        (is_open || self.payload.properties.len() as u64 > limit.0.maximum).then_some(limit)
    }

    /// How many listed properties there are.
    fn count(&self) -> TokenStream {
        let all = self.payload.properties.iter();
        let (sure, others): (Vec<_>, Vec<_>) =
            all.partition(|(_, property)| property.is_required && self.holder == Holder::Payload);
        let others = others.into_iter().map(|(name, _)| self.is_there(name));
        let sure = (!sure.is_empty() || others.len() == 0)
            .then(|| proc_macro2::Literal::usize_unsuffixed(sure.len()));
        let terms =
            sure.map(|sure| quote!(#sure)).into_iter().chain(others.map(|other| quote!(usize::from(#other))));
        quote! { #(#terms)+* }
    }

    fn is_there(&self, name: &str) -> TokenStream {
        let ident = member_ident(name);
        let is_sure = self.payload.properties.get(name).is_some_and(|property| property.is_required);
        if is_sure && self.holder == Holder::Payload { quote!(true) } else { quote!(self.#ident.is_some()) }
    }

    /// How many keys an object holds.
    fn keys(&self, name: &str, property: &Property) -> TokenStream {
        let ident = member_ident(name);
        let map = if self.holder == Holder::Payload { quote!(self.#ident) } else { quote!(#ident) };
        if property.is_required && self.holder == Holder::Payload {
            quote! { #map.len() }
        } else {
            quote! { #map.as_ref().map_or(0, types::Properties::len) }
        }
    }
}

/// Whether a property is an object of properties of one's own.
fn is_map(property: &Property) -> Result<bool, Error> {
    let Schema::Object(rules) = &property.used.schema else { return Ok(false) };
    match &property.used.name {
        Some(_) if rules.properties.is_empty() && rules.additional.as_deref().is_some_and(is_own) => Ok(true),
        name => Err(Error::new(
            name.as_deref().unwrap_or("an inline object"),
            "an object inside a payload must be named, and may hold properties of one's own only",
        )),
    }
}

/// Whether that is what a property of one's own may be.
fn is_own(used: &Used) -> bool {
    used.name.as_deref() == Some(PROPERTY_VALUE)
}

/// What `value` is held against, where its type does not hold it.
fn rule(name: &str, property: &Property, holder: Holder) -> Result<Option<TokenStream>, Error> {
    let judge = holder.judge();
    let table = || tables::path(&property.used);
    Ok(Some(match &property.used.schema {
        Schema::String(_) | Schema::Boolean(_) => return Ok(None),
        Schema::Integer(IntegerRules { window: Some(_), .. }) => {
            return Err(Error::new(
                name,
                "a time window is for the event's own time: no payload knows the clock",
            ));
        }
        Schema::Integer(rules) if rules.minimum.is_none() && rules.maximum.is_none() => return Ok(None),
        Schema::Integer(_) => {
            let table = table()?;
            quote! { #judge.integer(#name, #table, value.0, None); }
        }
        Schema::Number(_) => {
            let (table, value) = (table()?, number(property));
            quote! { #judge.number(#name, #table, #value); }
        }
        Schema::AnyOf(_) => {
            let lent = if holder == Holder::Builder { quote!(&mut judge_) } else { judge };
            quote! { value.judge(&Path::ROOT.child(#name), #lent); }
        }
        Schema::Object(_) => quote! { #judge.properties(&Path::ROOT.child(#name), value, &[]); },
    }))
}

fn number(property: &Property) -> TokenStream {
    if property.used.name.is_some() { quote!(value.0) } else { quote!(*value) }
}

/// The named scalars of several kinds.
fn choices(model: &Model) -> Result<TokenStream, Error> {
    let mut emitted = TokenStream::new();
    for used in &model.schemas {
        let (Some(name), Schema::AnyOf((alternatives, grade))) = (&used.name, &used.schema) else { continue };
        let ident = type_ident(name);
        let is_there = |is_kind: fn(&Schema) -> bool| alternatives.iter().any(|one| is_kind(&one.schema));
        if is_there(|schema| matches!(schema, Schema::Number(_)))
            && !is_there(|schema| matches!(schema, Schema::Integer(_)))
        {
            return Err(Error::new(name, "without an integer beside the number, 5 would be sent as 5.0"));
        }
        let (mut arms, mut weights) = (TokenStream::new(), TokenStream::new());
        for alternative in alternatives {
            match &alternative.schema {
                Schema::Number(_) => {
                    let table = tables::path(alternative)?;
                    arms.extend(
                        quote! { Self::Double(value) => judge.alternative(at, #table, #grade, *value), },
                    );
                }
                Schema::Integer(rules)
                    if rules.minimum.is_none_or(|(minimum, _)| minimum == i64::MIN)
                        && rules.maximum.is_none_or(|(maximum, _)| maximum == i64::MAX) => {}
                Schema::String(rules)
                    if rules.min_length.is_none()
                        && rules.max_length.is_none()
                        && rules.pattern.is_none() =>
                {
                    if rules.one_of.is_none() {
                        weights.extend(quote! { Self::String(text) => text.len(), });
                    }
                }
                Schema::Boolean(_) => {}
                _ => {
                    return Err(Error::new(
                        name,
                        "the generator does not know how to check this alternative",
                    ));
                }
            }
        }
        emitted.extend(quote! {
            impl Choice for types::#ident {
                fn judge(&self, at: &Path<'_>, judge: &mut Judge) {
                    match self {
                        #arms
                        _ => {}
                    }
                }

                fn weight(&self) -> usize {
                    match self {
                        #weights
                        _ => 0,
                    }
                }
            }
        });
    }
    Ok(emitted)
}

/// Writes the members of a payload, in the order of its fields.
fn members(payload: &ObjectRules) -> Result<TokenStream, Error> {
    let mut written = TokenStream::new();
    for (name, property) in &payload.properties {
        let (ident, mut member) = (member_ident(name), member(name));
        let write = match &property.used.schema {
            Schema::String(_) if pattern::is_plain(&property.used)? => {
                member.push('"');
                quote!(plain)
            }
            Schema::String(rules) if rules.one_of.is_none() => quote!(text),
            Schema::Object(_) => quote!(properties),
            _ => quote!(member),
        };
        written.extend(if property.is_required {
            quote! { json.#write(#member, &self.#ident); }
        } else {
            quote! { if let Some(value) = &self.#ident { json.#write(#member, value); } }
        });
    }
    if payload.additional.is_some() {
        let further = quote::format_ident!("{FURTHER}");
        written.extend(quote! { json.further(&self.#further); });
    }
    Ok(written)
}

/// Adds up the texts of a payload: what it holds outside of its own size.
fn weight(payload: &ObjectRules) -> TokenStream {
    let listed = payload.properties.iter().filter_map(|(name, property)| {
        let ident = member_ident(name);
        let weight = match &property.used.schema {
            Schema::String(rules) if rules.one_of.is_none() => quote!(len),
            Schema::AnyOf(_) | Schema::Object(_) => quote!(weight),
            _ => return None,
        };
        Some(if property.is_required {
            quote! { self.#ident.#weight() }
        } else {
            quote! { self.#ident.as_ref().map_or(0, |value| value.#weight()) }
        })
    });
    let further = quote::format_ident!("{FURTHER}");
    let terms: Vec<_> =
        listed.chain(payload.additional.iter().map(|_| quote! { self.#further.weight() })).collect();
    if terms.is_empty() {
        quote!(0)
    } else {
        quote! { #(#terms)+* }
    }
}

/// The name of a member as it stands before its value.
pub(crate) fn member(name: &str) -> String {
    format!("{}:", serde_json::Value::from(name))
}
