//! The licences of the libraries that the program is made of: who hands on a binary hands on their texts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use serde_json::Value;

use crate::{
    failure::Failure,
    workspace::{cargo, printed},
};

/// How the files begin that hold such texts.
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];

/// Each text once, after the names of the crates whose it is.
pub(super) fn of_libraries(root: &Path) -> Result<String, Failure> {
    let tree =
        ["tree", "--locked", "-p", "copilot-cli", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let listed = printed(&mut cargo(root, tree))?;
    let used: BTreeSet<(&str, &str)> = listed.lines().filter_map(name_and_version).collect();
    let metadata = printed(&mut cargo(root, ["metadata", "--locked", "--format-version=1"]))?;
    let odd = || Failure::Unexpected("`cargo metadata` answered something unexpected".to_owned());
    let metadata: Value = serde_json::from_str(&metadata).map_err(|_| odd())?;
    let mut crates_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in metadata.get("packages").and_then(Value::as_array).ok_or_else(odd)? {
        let text = |member: &str| package.get(member).and_then(Value::as_str);
        let (Some(name), Some(version), Some(manifest)) =
            (text("name"), text("version"), text("manifest_path"))
        else {
            return Err(odd());
        };
        // What has no source is of this workspace, and under its licence.
        if text("source").is_none() || !used.contains(&(name, version)) {
            continue;
        }
        let folder = Path::new(manifest).parent().unwrap_or(root);
        let mut texts = texts(folder)?;
        if texts.is_empty() {
            let said = |member| text(member).unwrap_or("its package does not say");
            let (licence, source) = (said("license"), said("repository"));
            texts.push(format!("Its package holds no text of its licence: {licence}. Source: {source}\n"));
        }
        for text in texts {
            crates_of.entry(text).or_default().push(format!("{name} {version}"));
        }
    }
    let mut sections: Vec<(Vec<String>, String)> =
        crates_of.into_iter().map(|(text, of)| (of, text)).collect();
    sections.sort();
    let mut all =
        "copilot-cx is made with these libraries, under the licences that follow their names.\n".to_owned();
    for (crates, text) in sections {
        let _ = write!(all, "\n{}\n{}\n\n{}\n", "=".repeat(80), crates.join(", "), text.trim_end());
    }
    Ok(all)
}

/// Of a line of `cargo tree`: `serde v1.0.228 (*)`.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

fn texts(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .map_err(Failure::reading(folder))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
            file.is_file() && NAMES.iter().any(|beginning| name.starts_with(beginning))
        })
        .collect();
    files.sort();
    let read = |file| fs::read(&file).map_err(Failure::reading(file));
    files.into_iter().map(|file| Ok(String::from_utf8_lossy(&read(file)?).replace("\r\n", "\n"))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_texts_of_libraries_are_found_by_what_cargo_lists() {
        assert_eq!(name_and_version("serde v1.0.228 (*)"), Some(("serde", "1.0.228")));
        assert_eq!(name_and_version(""), None);
        let all = of_libraries(&crate::workspace::root().unwrap()).unwrap();
        assert!(all.contains("tokio 1.") && all.contains("Permission is hereby granted"));
        // Only the generator needs it, which is not handed on.
        assert!(!all.contains("progenitor-impl ") && !all.contains("copilot-api "));
    }
}
