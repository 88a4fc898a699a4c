//! Gives the generated types what typify leaves out. Each function fails when it finds nothing to do.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use serde_json::Value;
use syn::{
    Fields, File, ImplItem, ImplItemFn, Item, ItemEnum, ItemImpl, ItemMod, ItemStruct, Type, parse_quote,
    visit_mut::{VisitMut, visit_arm_mut, visit_path_mut, visit_type_mut},
};

use crate::{
    builders,
    contract::{Contract, Error},
    fields::only_argument,
    model::{Model, is_checked_string},
    names::{PROPERTIES, member_ident, static_ident},
    read::read_as_written,
};

pub(crate) fn polish(contract: &Contract, model: &Model, client: &mut File) -> Result<(), Error> {
    drop_default_client(client)?;
    let types = module(&mut client.items, "types")?;
    check_strings_by_table(contract, types)?;
    fail_with_one_error(types)?;
    have_one_type_of_properties(types)?;
    describe_bounds(contract, types)?;
    read_answers_leniently(contract, types)?;
    leave_room_to_grow(contract, types)?;
    document_properties(contract, model, types)?;
    read_as_written(model, types)?;
    let builders = builders::emit(contract, model, types)?;
    types.extend(builders);
    Ok(())
}

/// `Client::new` unwraps, and its HTTP client follows redirects: with credentials on board neither will do. What
/// remains is `new_with_client`.
fn drop_default_client(client: &mut File) -> Result<(), Error> {
    let mut dropped = false;
    for item in &mut client.items {
        if let Item::Impl(block) = item
            && block.trait_.is_none()
            && type_name(&block.self_ty) == "Client"
        {
            let before = block.items.len();
            block.items.retain(|item| !matches!(item, ImplItem::Fn(function) if function.sig.ident == "new"));
            dropped |= block.items.len() < before;
        }
    }
    if dropped { Ok(()) } else { Err(nothing("drop_default_client")) }
}

/// typify checks each string with a regular expression, which costs about a microsecond. The contract's table says
/// the same in a few nanoseconds. A `String` is kept, where typify copies it.
fn check_strings_by_table(contract: &Contract, types: &mut [Item]) -> Result<(), Error> {
    let mut changed = false;
    for item in types {
        let Item::Impl(block) = item else { continue };
        let name = type_name(&block.self_ty);
        if !contract.schema(&name).is_ok_and(is_checked_string) {
            continue;
        }
        let Some((path, _)) = &block.trait_ else { continue };
        let last = path.segments.last().map(ToTokens::to_token_stream).unwrap_or_default().to_string();
        let table = static_ident(&name);
        let body: syn::Block = match last.split_whitespace().collect::<String>().as_str() {
            "FromStr" => parse_quote! {{
                super::schemas::#table.check(value)?;
                Ok(Self(value.to_string()))
            }},
            "TryFrom<::std::string::String>" => parse_quote! {{
                super::schemas::#table.check(&value)?;
                Ok(Self(value))
            }},
            "Deserialize<'de>" => parse_quote! {{
                Self::try_from(::std::string::String::deserialize(deserializer)?).map_err(::serde::de::Error::custom)
            }},
            _ => continue,
        };
        for function in functions(block) {
            function.block = body.clone();
            changed = true;
        }
    }
    if changed { Ok(()) } else { Err(nothing("check_strings_by_table")) }
}

/// What is known of the answers comes from watching them. A null, or an index that is a string, must not make the whole
/// answer unreadable: the events that it does not list were taken, and sending them again would double them.
fn read_answers_leniently(contract: &Contract, types: &mut [Item]) -> Result<(), Error> {
    let answers = contract.answers()?;
    let mut changed = false;
    for item in types {
        let Item::Struct(answer) = item else { continue };
        if !answers.contains(&answer.ident.to_string()) {
            continue;
        }
        for field in &mut answer.fields {
            let Type::Path(path) = &field.ty else { continue };
            // typify has given a list its default already.
            field.attrs.push(if only_argument(&path.path, "Option").is_some() {
                parse_quote! { #[serde(default, deserialize_with = "super::super::answer::lenient")] }
            } else if only_argument(&path.path, "Vec").is_some() {
                parse_quote! { #[serde(deserialize_with = "super::super::answer::null_as_empty")] }
            } else {
                continue;
            });
            changed = true;
        }
    }
    if changed { Ok(()) } else { Err(nothing("read_answers_leniently")) }
}

/// A new optional property, or a new type of event, must not break who uses the types.
fn leave_room_to_grow(contract: &Contract, types: &mut [Item]) -> Result<(), Error> {
    let (_, variants) = contract.event_mapping()?;
    let event = contract.event_name()?;
    let mut changed = false;
    for item in types {
        let attrs = match item {
            Item::Struct(payload) if variants.iter().any(|variant| payload.ident == variant.payload) => {
                &mut payload.attrs
            }
            Item::Enum(item) if item.ident == event => &mut item.attrs,
            _ => continue,
        };
        attrs.push(parse_quote! { #[non_exhaustive] });
        changed = true;
    }
    if changed { Ok(()) } else { Err(nothing("leave_room_to_grow")) }
}

/// A property that refers to a schema has no words of its own: those of the schema stand for them.
fn document_properties(contract: &Contract, model: &Model, types: &mut [Item]) -> Result<(), Error> {
    let mut changed = false;
    for item in types {
        let Item::Struct(payload) = item else { continue };
        let Some(event_type) = model.event.types.iter().find(|one| payload.ident == one.payload_name) else {
            continue;
        };
        let properties = &event_type.payload.properties;
        for field in &mut payload.fields {
            let Some(ident) = field.ident.as_ref().filter(|_| !has_words(&field.attrs)) else { continue };
            let property = properties.iter().find(|(name, _)| member_ident(name) == *ident);
            let name = property.and_then(|(_, property)| property.used.name.as_deref());
            let words = match name.map(|name| contract.schema(name)).transpose()? {
                Some(schema) => schema.get("description").and_then(Value::as_str).unwrap_or_default(),
                None if property.is_none() => "Properties of your own, beside those that are listed.",
                None => continue,
            };
            let first = words.split("\n\n").next().unwrap_or_default().trim();
            field.attrs.insert(0, parse_quote! { #[doc = #first] });
            changed = true;
        }
    }
    if changed { Ok(()) } else { Err(nothing("document_properties")) }
}

fn has_words(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident("doc"))
}

/// typify's error is a sentence, which loses the rule that was broken and its grade.
fn fail_with_one_error(types: &mut Vec<Item>) -> Result<(), Error> {
    let before = types.len();
    types.retain(|item| !matches!(item, Item::Mod(module) if module.ident == "error"));
    if types.len() == before {
        return Err(nothing("fail_with_one_error"));
    }
    let mut errors = OneError;
    types.iter_mut().for_each(|item| errors.visit_item_mut(item));
    Ok(())
}

struct OneError;

impl VisitMut for OneError {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        if path.segments.last().is_some_and(|last| last.ident == "ConversionError") {
            *path = parse_quote! { super::super::contract::InvalidInput };
        }
        visit_path_mut(self, path);
    }

    /// The arm of an enumeration for a text that is none of its values.
    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        if matches!(arm.pat, syn::Pat::Wild(_))
            && arm.body.to_token_stream().to_string().starts_with("Err (\"")
        {
            *arm.body = parse_quote! { Err(super::super::json::Unreadable.into()) };
        }
        visit_arm_mut(self, arm);
    }
}

/// Properties that the contract does not list stand beside those that it does, or in an object of their own: a named map
/// there, and for typify a plain one here. Both become the one type of `copilot-gen`.
fn have_one_type_of_properties(types: &mut Vec<Item>) -> Result<(), Error> {
    let maps: Vec<(Ident, Type)> = types.iter().filter_map(named_map).collect();
    let [(name, map)] = maps.as_slice() else {
        return Err(Error::new(
            "polish::have_one_type_of_properties",
            "one named schema of a map is expected",
        ));
    };
    types.retain(|item| match item {
        Item::Struct(item) => item.ident != *name,
        Item::Impl(block) => *name != type_name(&block.self_ty) && !makes(block, name),
        _ => true,
    });
    let mut renamed = Rename { name: name.clone(), map: map.clone() };
    types.iter_mut().for_each(|item| renamed.visit_item_mut(item));
    let properties = format_ident!("{PROPERTIES}");
    types.push(parse_quote! { pub use super::super::properties::#properties; });
    Ok(())
}

/// Whether it makes something else of that type.
fn makes(block: &ItemImpl, name: &Ident) -> bool {
    let made = |path: &syn::Path| {
        path.segments.last().is_some_and(|last| {
            only_argument(path, "From").is_some_and(|from| *name == type_name(from)) && last.ident == "From"
        })
    };
    block.trait_.as_ref().is_some_and(|(path, _)| made(path))
}

/// A newtype of a map, and the map.
fn named_map(item: &Item) -> Option<(Ident, Type)> {
    let Item::Struct(ItemStruct { ident, fields: Fields::Unnamed(fields), .. }) = item else { return None };
    let field = fields.unnamed.first()?;
    match &field.ty {
        Type::Path(path) if path.path.segments.last()?.ident == "BTreeMap" => {
            Some((ident.clone(), field.ty.clone()))
        }
        _ => None,
    }
}

struct Rename {
    name: Ident,
    map: Type,
}

impl VisitMut for Rename {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let properties = format_ident!("{PROPERTIES}");
        if *ty == self.map || self.name == type_name(ty) {
            *ty = parse_quote! { #properties };
        }
        visit_type_mut(self, ty);
    }
}

/// A derived `JsonSchema` does not know the bounds that a newtype checks.
fn describe_bounds(contract: &Contract, types: &mut [Item]) -> Result<(), Error> {
    let mut changed = false;
    for item in types {
        if let Item::Enum(choice) = item {
            describe_alternatives(contract, choice);
        }
        let Item::Struct(newtype) = item else { continue };
        let Ok(schema) = contract.schema(&newtype.ident.to_string()) else { continue };
        let bounds = bounds(schema);
        if bounds.is_empty() {
            continue;
        }
        if let (1, Some(field)) = (newtype.fields.len(), newtype.fields.iter_mut().next()) {
            field.attrs.push(parse_quote! { #[schemars(#bounds)] });
            changed = true;
        }
    }
    if changed { Ok(()) } else { Err(nothing("describe_bounds")) }
}

/// The same of the scalars that a value may be, which stand in the order of the contract.
fn describe_alternatives(contract: &Contract, choice: &mut ItemEnum) {
    let Ok(schema) = contract.schema(&choice.ident.to_string()) else { return };
    let alternatives = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    for (alternative, variant) in alternatives.zip(&mut choice.variants) {
        let bounds = bounds(alternative);
        if let (false, Some(field)) = (bounds.is_empty(), variant.fields.iter_mut().next()) {
            field.attrs.push(parse_quote! { #[schemars(#bounds)] });
        }
    }
}

fn bounds(schema: &Value) -> TokenStream {
    let number =
        |keyword: &str| schema.get(keyword).and_then(Value::as_i64).map(proc_macro2::Literal::i64_suffixed);
    let mut parts = Vec::new();
    let mut range = |outer: &str, low: Option<proc_macro2::Literal>, high: Option<proc_macro2::Literal>| {
        let outer = quote::format_ident!("{outer}");
        let low = low.map(|low| quote! { min = #low });
        let high = high.map(|high| quote! { max = #high });
        let both: Vec<_> = low.into_iter().chain(high).collect();
        if !both.is_empty() {
            parts.push(quote! { #outer(#(#both),*) });
        }
    };
    range("length", number("minLength"), number("maxLength"));
    range("range", number("minimum"), number("maximum"));
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        parts.push(quote! { regex(pattern = #pattern) });
    }
    quote! { #(#parts),* }
}

fn module<'a>(items: &'a mut [Item], name: &str) -> Result<&'a mut Vec<Item>, Error> {
    items
        .iter_mut()
        .find_map(|item| match item {
            Item::Mod(ItemMod { ident, content: Some((_, items)), .. }) if ident == name => Some(items),
            _ => None,
        })
        .ok_or_else(|| Error::new("polish", format!("the output of progenitor has no module `{name}`")))
}

fn functions(block: &mut ItemImpl) -> impl Iterator<Item = &mut ImplItemFn> {
    block.items.iter_mut().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    })
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::Path(path) => {
            path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
        }
        other => other.to_token_stream().to_string(),
    }
}

fn nothing(step: &str) -> Error {
    Error::new(format!("polish::{step}"), "found nothing to do: delete this step")
}
