//! Gives the generated types what typify leaves out. Each function fails when it finds nothing to do.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use serde_json::Value;
use syn::{
    File, FnArg, GenericArgument, ImplItem, ImplItemFn, Item, ItemEnum, ItemImpl, ItemMod, PathArguments,
    Type, parse_quote,
};

use crate::{
    contract::{Contract, Error},
    read::read_as_written,
    tables::{is_checked_string, static_ident},
};

pub(crate) fn polish(contract: &Contract, client: &mut File) -> Result<(), Error> {
    drop_default_client(client)?;
    let types = module(&mut client.items, "types")?;
    check_strings_by_table(contract, types)?;
    describe_bounds(contract, types)?;
    read_answers_leniently(contract, types)?;
    leave_room_to_grow(contract, types)?;
    default_further_properties(types)?;
    relax_optional_setters(types)?;
    read_as_written(contract, types)
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
/// the same in a few nanoseconds.
fn check_strings_by_table(contract: &Contract, types: &mut [Item]) -> Result<(), Error> {
    let mut changed = false;
    for block in impls(types, "FromStr") {
        let name = type_name(&block.self_ty);
        let Ok(schema) = contract.schema(&name) else { continue };
        if !is_checked_string(schema) {
            continue;
        }
        let table = static_ident(&name);
        for function in functions(block) {
            function.block = parse_quote! {{
                match super::schemas::#table.violated(value) {
                    ::std::option::Option::None => Ok(Self(value.to_string())),
                    ::std::option::Option::Some(rule) => Err(rule.into()),
                }
            }};
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

/// typify's builder demands a map of further properties even where there are none.
fn default_further_properties(types: &mut [Item]) -> Result<(), Error> {
    let mut changed = false;
    for block in impls(module(types, "builder")?, "Default") {
        for function in functions(block) {
            let Some(syn::Stmt::Expr(syn::Expr::Struct(fields), _)) = function.block.stmts.last_mut() else {
                continue;
            };
            for field in &mut fields.fields {
                if matches!(&field.member, syn::Member::Named(name) if name == "extra") {
                    field.expr = parse_quote! { Ok(Default::default()) };
                    changed = true;
                }
            }
        }
    }
    if changed { Ok(()) } else { Err(nothing("default_further_properties")) }
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

/// typify's setter of an optional property takes only what converts to `Option<T>`, so that `.user_id("u-1")` does not
/// compile. The relaxed setter takes what converts to `T`, or an `Option` of that.
fn relax_optional_setters(types: &mut [Item]) -> Result<(), Error> {
    let mut changed = false;
    for item in module(types, "builder")? {
        let Item::Impl(block) = item else { continue };
        if block.trait_.is_some() {
            continue;
        }
        for function in functions(block) {
            let Some(inner) = optional_target(function) else { continue };
            let name = function.sig.ident.to_string();
            let field = &function.sig.ident;
            let problem = format!("{name}: {{}}");
            *function = ImplItemFn {
                attrs: std::mem::take(&mut function.attrs),
                ..parse_quote! {
                    pub fn #field<V, M>(mut self, value: V) -> Self
                    where
                        V: super::super::super::contract::IntoOptional<#inner, M>,
                    {
                        self.#field = value.into_optional().map_err(|e| format!(#problem, e));
                        self
                    }
                }
            };
            changed = true;
        }
    }
    if changed { Ok(()) } else { Err(nothing("relax_optional_setters")) }
}

/// The `T` of a setter whose bound is `TryInto<Option<T>>`.
fn optional_target(function: &ImplItemFn) -> Option<Type> {
    if !matches!(function.sig.inputs.first(), Some(FnArg::Receiver(_))) {
        return None;
    }
    for predicate in &function.sig.generics.where_clause.as_ref()?.predicates {
        let syn::WherePredicate::Type(predicate) = predicate else { continue };
        for bound in &predicate.bounds {
            let syn::TypeParamBound::Trait(bound) = bound else { continue };
            let Some(target) = only_argument(&bound.path, "TryInto") else { continue };
            if let Type::Path(target) = target
                && let Some(inner) = only_argument(&target.path, "Option")
            {
                return Some(inner.clone());
            }
        }
    }
    None
}

fn only_argument<'a>(path: &'a syn::Path, name: &str) -> Option<&'a Type> {
    let last = path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    }
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

fn impls<'a>(items: &'a mut [Item], wanted: &str) -> impl Iterator<Item = &'a mut ItemImpl> {
    items.iter_mut().filter_map(move |item| match item {
        Item::Impl(block)
            if block
                .trait_
                .as_ref()
                .and_then(|(path, _)| path.segments.last())
                .is_some_and(|last| last.ident == wanted) =>
        {
            Some(block)
        }
        _ => None,
    })
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

/// Words of typify's builders that differ from those of the contract's rules, and what stands in their place.
const WORDS: [(&str, &str); 2] =
    [("error converting supplied value for ", ""), ("\"no value supplied for ", "\"required, but missing: ")];

/// Gives the builders' errors one form: the property, then the rule.
pub(crate) fn say_it_alike(source: String) -> Result<String, Error> {
    let mut said = source;
    for (theirs, ours) in WORDS {
        if !said.contains(theirs) {
            return Err(nothing("say_it_alike"));
        }
        said = said.replace(theirs, ours);
    }
    Ok(said)
}
