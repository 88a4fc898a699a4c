//! Lists what people who import our crates can break on, from the source, so that a change of it shows in a diff and is made
//! on purpose: public items, the traits that they implement or derive, what they re-export of `copilot-gen`, the names of the
//! generated types, and features.
//!
//! cargo-public-api would know more, and needs a nightly compiler; cargo-semver-checks finds what breaks since a version that
//! was published, and none was. What is `pub` in the source but only inside a private module is `pub(crate)` there, which
//! rustc's `unreachable_pub` sees to.

use std::{
    collections::BTreeSet,
    fs, mem,
    path::{Path, PathBuf},
};

use quote::ToTokens;
use syn::{
    Attribute, Fields, ImplItem, Item, ItemImpl, Token, TraitItem, Visibility, punctuated::Punctuated,
};

use crate::{failure::Failure, workspace::Workspace};

/// The crates whose listings are committed, each as `public-api.txt` in its folder.
pub(crate) const LISTED: [&str; 3] = ["copilot-api", "copilot-delivery", "copilot-sandbox"];

/// One line for each thing that a user of the crate can break on, sorted.
pub(crate) fn listing(workspace: &Workspace, krate: &str, generated: &str) -> Result<String, Failure> {
    let mut lines = of_folder(&workspace.root.join(krate).join("src"), None)?;
    let exports: BTreeSet<String> = lines
        .iter()
        .filter(|line| line.contains("use copilot_gen"))
        .flat_map(|line| line.split(' ').filter(|word| word.starts_with(char::is_uppercase)))
        .map(str::to_owned)
        .collect();
    if !exports.is_empty() {
        lines.extend(of_folder(&workspace.root.join("copilot-gen/src"), Some(&exports))?);
        lines.extend(types(generated)?);
    }
    for package in workspace.packages.iter().filter(|package| package.name == krate) {
        let features = package.features.iter();
        lines.extend(features.map(|(name, on)| format!("feature {name} = [{}]", on.join(", "))));
    }
    lines.sort();
    lines.dedup();
    let head = format!(
        "# The public API of {krate}, made by `cargo xtask gen`: a change here is a change for users."
    );
    Ok(format!("{head}\n{}\n", lines.join("\n")))
}

/// What the sources in a folder make public; of these names alone, where they are given.
fn of_folder(folder: &Path, names: Option<&BTreeSet<String>>) -> Result<Vec<String>, Failure> {
    let lib = read(&folder.join("lib.rs"))?;
    let mut modules = Vec::new();
    for path in sources(folder)? {
        // What stands in a private module is exported by lib.rs; a public one is part of the item's path.
        let module = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let is_public = names.is_none() && lib.contains(&format!("pub mod {module};"));
        modules.push((if is_public { format!("{module}: ") } else { String::new() }, parse(&read(&path)?)?));
    }
    let all = modules.iter().flat_map(|(_, items)| items).filter_map(public_name).collect();
    let mut lines = Vec::new();
    for (prefix, items) in modules {
        let mut found = listed(items, names.unwrap_or(&all));
        found.retain(|line| names.is_none() || !line.starts_with("pub use "));
        lines.extend(found.into_iter().map(|line| prefix.clone() + &line));
    }
    Ok(lines)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::reading(path))
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Failure::reading(folder))? {
        let path = entry.map_err(Failure::reading(folder))?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

fn parse(source: &str) -> Result<Vec<Item>, Failure> {
    let file = syn::parse_file(source);
    file.map(|file| file.items).map_err(|wrong| Failure::Unexpected(format!("a source is not Rust: {wrong}")))
}

/// The names in the module `types` of the generated client: their members are the contract's.
fn types(generated: &str) -> Result<Vec<String>, Failure> {
    let items = parse(generated)?.into_iter().find_map(|item| match item {
        Item::Mod(module) if module.ident == "types" => module.content.map(|(_, items)| items),
        _ => None,
    });
    let names = items.iter().flatten().filter_map(public_name);
    Ok(names.map(|name| format!("types: {name}")).collect())
}

fn public_name(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    is_public(visibility).then(|| name.to_string())
}

/// What the items of these names are, and what they re-export.
fn listed(items: Vec<Item>, names: &BTreeSet<String>) -> Vec<String> {
    let mut lines = Vec::new();
    for item in items {
        match public_name(&item) {
            Some(name) if names.contains(&name) => list(item, &name, &mut lines),
            Some(_) => {}
            None => list_nameless(item, names, &mut lines),
        }
    }
    lines
}

fn list(item: Item, name: &str, lines: &mut Vec<String>) {
    match item {
        Item::Const(mut item) => {
            item.attrs.clear();
            lines.push(shown(&item));
        }
        Item::Struct(mut item) => {
            derived(&mem::take(&mut item.attrs), name, lines);
            for field in mem::replace(&mut item.fields, Fields::Unit) {
                if let (true, Some(field_name)) = (is_public(&field.vis), field.ident) {
                    lines.push(format!("struct {name} . {field_name} : {}", shown(&field.ty)));
                }
            }
            lines.push(shown(&item));
        }
        Item::Enum(item) => {
            derived(&item.attrs, name, lines);
            let exhaustive = !item.attrs.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
            lines.push(format!("enum {name}{}", if exhaustive { "" } else { " (non_exhaustive)" }));
            for mut variant in item.variants {
                variant.attrs.clear();
                variant.fields.iter_mut().for_each(|field| field.attrs.clear());
                lines.push(format!("enum {name} :: {}", shown(&variant)));
            }
        }
        Item::Fn(item) if !is_hidden(&item.attrs) => lines.push(shown(&item.sig)),
        Item::Trait(item) => {
            lines.push(format!("trait {name} : {}", shown(&item.supertraits)));
            for member in item.items {
                if let TraitItem::Fn(function) = member {
                    lines.push(format!("trait {name} {{ {} }}", shown(&function.sig)));
                }
            }
        }
        _ => {}
    }
}

fn list_nameless(item: Item, names: &BTreeSet<String>, lines: &mut Vec<String>) {
    match item {
        Item::Use(mut item) if is_public(&item.vis) => {
            item.attrs.clear();
            lines.push(shown(&item));
        }
        Item::Macro(item) if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) => {
            lines.extend(item.ident.map(|name| format!("macro {name}!")));
        }
        Item::Impl(item) => list_impl(item, names, lines),
        _ => {}
    }
}

/// What is implemented for one of these names, or with one of them for a type of another crate.
fn list_impl(item: ItemImpl, names: &BTreeSet<String>, lines: &mut Vec<String>) {
    let ty = shown(&item.self_ty);
    let names_one = |text: &str| text.split(' ').any(|word| names.contains(word));
    if let Some((implemented, _)) = &item.trait_ {
        let implemented = shown(implemented);
        // A trait with a path is another crate's, whatever its name.
        if names_one(&ty) || (names_one(&implemented) && !implemented.contains("::")) {
            lines.push(format!("impl {implemented} for {ty}"));
        }
        return;
    }
    for member in item.items.into_iter().filter(|_| names_one(&ty)) {
        match member {
            ImplItem::Fn(function) if is_public(&function.vis) && !is_hidden(&function.attrs) => {
                lines.push(format!("{ty} :: {}", shown(&function.sig)));
            }
            ImplItem::Const(constant) if is_public(&constant.vis) => {
                lines.push(format!("{ty} :: const {} : {}", constant.ident, shown(&constant.ty)));
            }
            _ => {}
        }
    }
}

/// What an item derives, as if it were implemented by hand.
fn derived(attributes: &[Attribute], name: &str, lines: &mut Vec<String>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let traits = attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated);
        lines.extend(
            traits.into_iter().flatten().map(|derived| format!("impl {} for {name}", shown(&derived))),
        );
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| shown(attribute).contains("hidden"))
}

/// Tokens as text, in which only the spaces differ from what was written.
fn shown(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{listed, parse, public_name};

    #[test]
    fn what_is_public_is_listed_and_what_is_private_is_not() {
        let source = "
            /// Docs.
            #[derive(Debug, PartialEq)]
            pub struct A { pub open: u8, closed: u8 }
            #[derive(Debug)]
            struct B;
            impl A { pub fn f(&self) -> u8 { 1 } fn g() {} pub(crate) fn h() {} }
            impl Clone for A { fn clone(&self) -> A { loop {} } }
            impl Clone for B { fn clone(&self) -> B { loop {} } }
            #[non_exhaustive] pub enum E { One, /** Docs. */ Two(u8) }
            pub(crate) fn inner() {}
            #[doc(hidden)] pub fn hidden() {}
            pub fn outer<T: Copy>(t: T) -> T { t }
        ";
        let items = parse(source).unwrap();
        let names = items.iter().filter_map(public_name).collect();
        assert_eq!(
            listed(items, &names),
            [
                "impl Debug for A",
                "impl PartialEq for A",
                "struct A . open : u8",
                "pub struct A ;",
                "A :: fn f (& self) -> u8",
                "impl Clone for A",
                "enum E (non_exhaustive)",
                "enum E :: One",
                "enum E :: Two (u8)",
                "fn outer < T : Copy > (t : T) -> T",
            ]
        );
    }
}
