//! Lists what people who import our crates can break on, from the source, so that a change of it shows in a diff and is made
//! on purpose: public items, the traits that they implement or derive, what they re-export of `copilot-gen`, the names of the
//! generated types, and features.
//!
//! Tools that know more (cargo-public-api, cargo-semver-checks) read what rustdoc writes with a nightly compiler, and compare
//! with a published version; this workspace has a stable one, and published none yet. What is `pub` in the source but only
//! inside a private module is `pub(crate)` there, which rustc's `unreachable_pub` sees to.

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
pub(crate) const LISTED: [&str; 2] = ["copilot-api", "copilot-sandbox"];

/// Words that stand before the name of an item.
const KEYWORDS: [&str; 9] = ["pub", "struct", "enum", "trait", "const", "async", "fn", "macro", "use"];

/// One line for each thing that a user of the crate can break on, sorted.
pub(crate) fn listing(workspace: &Workspace, krate: &str, generated: &str) -> Result<String, Failure> {
    let root = &workspace.root;
    let lines = items(&root.join(krate).join("src"))?;
    let exports: BTreeSet<String> = lines
        .iter()
        .filter(|line| line.contains("use copilot_gen"))
        .flat_map(|line| line.split(' ').map(str::to_owned))
        .filter(|word| word.starts_with(char::is_uppercase))
        .collect();
    let mut lines = of_public_types(lines);
    if !exports.is_empty() {
        let below = items(&root.join("copilot-gen/src"))?;
        lines.extend(of_public_types(below).into_iter().filter(|line| is_about(line, &exports)));
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

/// The public items of the sources in a folder.
fn items(folder: &Path) -> Result<Vec<String>, Failure> {
    let lib = read(&folder.join("lib.rs"))?;
    let mut lines = Vec::new();
    for path in sources(folder)? {
        // What stands in a private module is exported by lib.rs; a public one is part of the item's path.
        let module = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let is_public = lib.contains(&format!("\npub mod {module};"))
            && !lib.contains(&format!("hidden)]\npub mod {module};"));
        let prefix = if is_public { format!("{module}: ") } else { String::new() };
        lines.extend(listed(&read(&path)?)?.into_iter().map(|line| prefix.clone() + &line));
    }
    Ok(lines)
}

/// The names in the module `types` of the generated client: their members are the contract's.
fn types(generated: &str) -> Result<Vec<String>, Failure> {
    let items = parse(generated)?.into_iter().find_map(|item| match item {
        Item::Mod(module) if module.ident == "types" => module.content.map(|(_, items)| items),
        _ => None,
    });
    let name = |item: Item| match item {
        Item::Struct(item) if !is_hidden(&item.attrs) => Some(format!("types: struct {}", item.ident)),
        Item::Enum(item) if !is_hidden(&item.attrs) => Some(format!("types: enum {}", item.ident)),
        _ => None,
    };
    Ok(items.into_iter().flatten().filter_map(name).collect())
}

/// The lines without the implementations that name no public type or trait.
fn of_public_types(lines: Vec<String>) -> Vec<String> {
    let defines = |line: &&String| line.split(' ').any(|word| ["struct", "enum", "trait"].contains(&word));
    let public: BTreeSet<String> =
        lines.iter().filter(defines).map(|line| subject(line).to_owned()).collect();
    lines.into_iter().filter(|line| !bare(line).starts_with("impl ") || is_about(line, &public)).collect()
}

/// Whether a line is of one of these, or an implementation of or for one. A trait with a path is another crate's.
fn is_about(line: &str, names: &BTreeSet<String>) -> bool {
    match bare(line).strip_prefix("impl ").and_then(|line| line.split_once(" for ")) {
        Some((implemented, of)) => {
            let implemented = if implemented.contains("::") { "" } else { implemented };
            implemented.split(' ').chain(of.split(' ')).any(|word| names.contains(word))
        }
        None => names.contains(subject(line)),
    }
}

/// The name of what a line that is no implementation is about.
fn subject(line: &str) -> &str {
    bare(line).split(' ').find(|word| !KEYWORDS.contains(word)).unwrap_or_default()
}

/// The line without its module.
fn bare(line: &str) -> &str {
    line.split_once(' ').filter(|(first, _)| first.ends_with(':')).map_or(line, |(_, rest)| rest)
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

fn listed(source: &str) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    parse(source)?.into_iter().for_each(|item| list(item, &mut lines));
    Ok(lines)
}

fn list(item: Item, lines: &mut Vec<String>) {
    match item {
        Item::Const(mut item) if is_public(&item.vis) => {
            item.attrs.clear();
            lines.push(shown(item));
        }
        Item::Struct(mut item) if is_public(&item.vis) => {
            derived(&item.attrs, &item.ident, lines);
            for field in mem::replace(&mut item.fields, Fields::Unit) {
                if let (true, Some(name)) = (is_public(&field.vis), field.ident) {
                    lines.push(format!("struct {} . {name} : {}", item.ident, shown(&field.ty)));
                }
            }
            item.attrs.clear();
            lines.push(shown(item));
        }
        Item::Enum(item) if is_public(&item.vis) => {
            derived(&item.attrs, &item.ident, lines);
            let exhaustive = !item.attrs.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
            lines.push(format!("enum {}{}", item.ident, if exhaustive { "" } else { " (non_exhaustive)" }));
            for mut variant in item.variants {
                variant.attrs.clear();
                variant.fields.iter_mut().for_each(|field| field.attrs.clear());
                lines.push(format!("enum {} :: {}", item.ident, shown(variant)));
            }
        }
        Item::Fn(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => lines.push(shown(item.sig)),
        Item::Macro(item) if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) => {
            lines.extend(item.ident.map(|name| format!("macro {name}!")));
        }
        Item::Trait(item) if is_public(&item.vis) => {
            lines.push(format!("trait {} : {}", item.ident, shown(item.supertraits)));
            for member in item.items {
                if let TraitItem::Fn(function) = member {
                    lines.push(format!("trait {} {{ {} }}", item.ident, shown(function.sig)));
                }
            }
        }
        Item::Use(mut item) if is_public(&item.vis) => {
            item.attrs.clear();
            lines.push(shown(item));
        }
        Item::Impl(item) => list_impl(item, lines),
        _ => {}
    }
}

fn list_impl(item: ItemImpl, lines: &mut Vec<String>) {
    let ty = shown(item.self_ty);
    if let Some((implemented, _)) = item.trait_ {
        return lines.push(format!("impl {} for {ty}", shown(implemented)));
    }
    for member in item.items {
        match member {
            ImplItem::Fn(function) if is_public(&function.vis) && !is_hidden(&function.attrs) => {
                lines.push(format!("{ty} :: {}", shown(function.sig)));
            }
            ImplItem::Const(constant) if is_public(&constant.vis) => {
                lines.push(format!("{ty} :: const {} : {}", constant.ident, shown(constant.ty)));
            }
            _ => {}
        }
    }
}

/// What an item derives, as if it were implemented by hand.
fn derived(attributes: &[Attribute], name: &syn::Ident, lines: &mut Vec<String>) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let traits = attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated);
        let traits = traits.into_iter().flatten();
        lines.extend(traits.map(|derived| format!("impl {} for {name}", shown(derived))));
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.to_token_stream().to_string().contains("hidden"))
}

/// Tokens as text, in which only the spaces differ from what was written.
fn shown(tokens: impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{listed, of_public_types, types};

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
        assert_eq!(
            of_public_types(listed(source).unwrap()),
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

    #[test]
    fn of_what_is_generated_the_types_are_named() {
        let generated =
            "pub mod types { pub struct A { pub a: u8 } pub mod builder { pub struct B; } } pub struct C;";
        assert_eq!(types(generated).unwrap(), ["types: struct A"]);
    }
}
