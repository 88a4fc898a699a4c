//! Lists the public API of the crates that people import from their source, so that a change of it shows in a diff and is made on purpose.
//!
//! Listed is what is `pub` in the source; what is only public inside a private module is `pub(crate)` there, which rustc's
//! `unreachable_pub` sees to. The generated types are the contract's, and have a committed copy of their own.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use quote::ToTokens;
use syn::{Fields, ImplItem, Item, ItemImpl, Visibility};

use crate::failure::Failure;

/// The file that holds the listing of `copilot-api`.
pub(crate) const OF_API: &str = "copilot-api/public-api.txt";
/// The file that holds the listing of `copilot-sandbox`.
pub(crate) const OF_SANDBOX: &str = "copilot-sandbox/public-api.txt";

/// One line for each public item of the crate in whose folder the file stands, sorted.
pub(crate) fn listing(root: &Path, file: &str) -> Result<String, Failure> {
    let folder = file.split('/').next().unwrap_or_default();
    let source = root.join(folder).join("src");
    let lib = read(&source.join("lib.rs"))?;
    let mut lines = Vec::new();
    for path in sources(&source)? {
        let file = syn::parse_file(&read(&path)?)
            .map_err(|source| Failure::Unexpected(format!("{}: {source}", path.display())))?;
        let mut found = Vec::new();
        file.items.into_iter().for_each(|item| list(item, &mut found));
        // What stands in a private module is exported by lib.rs; a public one is part of the item's path.
        let module = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let public = lib.contains(&format!("pub mod {module};"));
        let prefix = if public { format!("{module}: ") } else { String::new() };
        lines.extend(found.into_iter().map(|line| (prefix.clone(), line)));
    }
    let mut lines = without_private_impls(lines);
    lines.sort();
    let types =
        if file == OF_API { " Its `types` are\n# listed in copilot-gen/generated/client.rs." } else { "" };
    let head = format!(
        "# The public API of {folder}, made by `cargo xtask gen`: a change here is a change for users.{types}\n"
    );
    Ok(format!("{head}{}\n", lines.join("\n")))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::reading(path))
}

/// The lines with their prefixes, without the implementations that name no public type.
fn without_private_impls(lines: Vec<(String, String)>) -> Vec<String> {
    let defined = |line: &str| -> Option<String> {
        let mut words = line.split_whitespace();
        words.find(|word| ["struct", "enum", "trait"].contains(word))?;
        words.next().map(str::to_owned)
    };
    let public: BTreeSet<String> = lines.iter().filter_map(|(_, line)| defined(line)).collect();
    lines
        .into_iter()
        .filter(|(_, line)| {
            !line.starts_with("impl ") || line.split_whitespace().any(|word| public.contains(word))
        })
        .map(|(prefix, line)| prefix + &line)
        .collect()
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

fn list(item: Item, lines: &mut Vec<String>) {
    match item {
        Item::Const(mut item) if is_public(&item.vis) => {
            item.attrs.clear();
            lines.push(shown(&item));
        }
        Item::Struct(mut item) if is_public(&item.vis) => {
            let ident = item.ident.to_string();
            item.attrs.clear();
            for field in std::mem::replace(&mut item.fields, Fields::Unit) {
                if let (true, Some(name)) = (is_public(&field.vis), field.ident) {
                    lines.push(format!("struct {ident} . {name} : {}", shown(&field.ty)));
                }
            }
            lines.push(shown(&item));
        }
        Item::Enum(item) if is_public(&item.vis) => {
            let exhaustive = !item.attrs.iter().any(|attribute| attribute.path().is_ident("non_exhaustive"));
            lines.push(format!("enum {}{}", item.ident, if exhaustive { "" } else { " (non_exhaustive)" }));
            for mut variant in item.variants {
                variant.attrs.clear();
                variant.fields.iter_mut().for_each(|field| field.attrs.clear());
                lines.push(format!("enum {} :: {}", item.ident, shown(&variant)));
            }
        }
        Item::Fn(item) if is_public(&item.vis) && !is_hidden(&item.attrs) => lines.push(shown(&item.sig)),
        Item::Macro(item) if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) => {
            lines.extend(item.ident.map(|name| format!("macro {name}!")));
        }
        Item::Trait(item) if is_public(&item.vis) => {
            lines.push(format!("trait {} : {}", item.ident, shown(&item.supertraits)));
            for member in item.items {
                if let syn::TraitItem::Fn(function) = member {
                    lines.push(format!("trait {} {{ {} }}", item.ident, shown(&function.sig)));
                }
            }
        }
        Item::Use(mut item) if is_public(&item.vis) => {
            item.attrs.clear();
            lines.push(shown(&item));
        }
        Item::Impl(item) => list_impl(item, lines),
        _ => {}
    }
}

fn list_impl(item: ItemImpl, lines: &mut Vec<String>) {
    let ty = shown(&item.self_ty);
    if let Some((implemented, _)) = &item.trait_ {
        lines.push(format!("impl {} for {ty}", shown(implemented)));
        return;
    }
    for member in item.items {
        match member {
            ImplItem::Fn(function) if is_public(&function.vis) => {
                lines.push(format!("{ty} :: {}", shown(&function.sig)))
            }
            ImplItem::Const(constant) if is_public(&constant.vis) => {
                lines.push(format!("{ty} :: const {} : {}", constant.ident, shown(&constant.ty)));
            }
            _ => {}
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| shown(attribute).contains("hidden"))
}

/// Tokens as text, in which only the spaces differ from what was written.
fn shown(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn what_is_public_is_listed_and_what_is_private_is_not() {
        let source = "
            /// Docs.
            pub struct A { pub open: u8, closed: u8 }
            struct B;
            impl A { pub fn f(&self) -> u8 { 1 } fn g() {} pub(crate) fn h() {} }
            impl Clone for A { fn clone(&self) -> A { loop {} } }
            #[non_exhaustive] pub enum E { One, Two(u8) }
            pub(crate) fn inner() {}
            #[doc(hidden)] pub fn hidden() {}
            pub fn outer<T: Copy>(t: T) -> T { t }
        ";
        let mut lines = Vec::new();
        let items = syn::parse_file(source).map(|file| file.items).unwrap_or_default();
        items.into_iter().for_each(|item| list(item, &mut lines));
        assert_eq!(
            lines,
            [
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
