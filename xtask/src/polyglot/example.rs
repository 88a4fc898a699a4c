//! The folders of `openapi/examples`, and their copy in which the clients are made.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use super::vectors::Case;
use crate::failure::Failure;

/// The folder of all of them, from the root of the workspace.
const EXAMPLES: &str = "openapi/examples";

/// A client: a folder of `openapi/examples`, or of a language's folder there, as its `commands.json` describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    /// Its folder, from `openapi/examples`, and that with `-` for `/`.
    #[serde(skip)]
    pub(super) folder: String,
    #[serde(skip)]
    pub(super) name: String,
    pub(super) language: String,
    /// What it is made with; a validator by JSON Schema is not made.
    #[serde(default)]
    pub(super) generator: Option<String>,
    /// The version of the generator, or of the JSON Schema library.
    pub(super) version: String,
    /// Programs that must be on the machine.
    pub(super) needs: Vec<String>,
    /// Fetches what the folder itself needs.
    pub(super) install: Vec<String>,
    /// Makes the client.
    #[serde(default)]
    pub(super) generate: Option<String>,
    /// Checks the types.
    #[serde(default)]
    pub(super) check: Vec<String>,
    /// A misspelt field, which must be refused.
    pub(super) refuses: Refuses,
    /// Does the cases of the vectors: see `testee.rs`.
    pub(super) testee: String,
    /// Says which bodies the compiler refuses, where types are gone when the program runs.
    #[serde(default)]
    pub(super) compiles: Option<String>,
    /// What a case may need that the language lacks.
    #[serde(default)]
    pub(super) lacks: Vec<String>,
    /// The small program to start from.
    #[serde(default)]
    pub(super) first_event: Option<String>,
}

/// A command that must fail.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refuses {
    pub(super) command: String,
    /// What it must say.
    pub(super) says: String,
    pub(super) when: When,
}

/// When a misspelt field is refused.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum When {
    Compiled,
    Run,
}

impl When {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Compiled => "does not compile",
            Self::Run => "refused when run",
        }
    }
}

impl Example {
    /// Every one, sorted by folder.
    pub(super) fn all(root: &Path) -> Result<Vec<Self>, Failure> {
        let mut examples = Vec::new();
        Self::find(&root.join(EXAMPLES), "", &mut examples)?;
        Ok(examples)
    }

    fn find(all: &Path, folder: &str, examples: &mut Vec<Self>) -> Result<(), Failure> {
        for (name, is_folder) in entries(&all.join(folder))? {
            let inner = format!("{folder}/{name}").trim_start_matches('/').to_owned();
            if name == "commands.json" {
                examples.push(Self::read(all, folder)?);
            } else if is_folder && inner.split('/').count() <= 2 {
                Self::find(all, &inner, examples)?;
            }
        }
        Ok(())
    }

    fn read(all: &Path, folder: &str) -> Result<Self, Failure> {
        let file = all.join(folder).join("commands.json");
        let text = fs::read_to_string(&file).map_err(Failure::reading(&file))?;
        let example: Self = serde_json::from_str(&text)
            .map_err(|error| Failure::Unexpected(format!("{}: {error}", file.display())))?;
        Ok(Self { folder: folder.to_owned(), name: folder.replace('/', "-"), ..example })
    }

    /// Its folder, in the copy of `openapi` that `folder` holds.
    pub(super) fn place(&self, folder: &Path) -> PathBuf {
        folder.join(EXAMPLES).join(&self.folder)
    }

    /// What it is made with, and in which version.
    pub(super) fn tool(&self) -> String {
        let generator = self.generator.iter().map(|generator| format!("{generator} "));
        generator.chain([self.version.clone()]).collect()
    }

    /// The programs that it needs and that this machine lacks.
    pub(super) fn lacks_programs(&self) -> impl Iterator<Item = &str> {
        let needs = self.needs.iter().map(String::as_str);
        needs.filter(|program| crate::tool::find(&[program], &[]).is_none())
    }

    /// Whether the case needs what the language lacks.
    pub(super) fn lacks_for(&self, case: &Case) -> bool {
        let needs = case.expected.get("needs").and_then(Value::as_array).into_iter().flatten();
        needs.into_iter().any(|need| self.lacks.iter().any(|lacks| need == lacks))
    }

    /// Whether it judges by JSON Schema, with no client of the contract.
    pub(super) fn is_validator(&self) -> bool {
        self.generator.is_none()
    }
}

/// Copies the folder into `to/openapi`, and removes from there what is gone. What is made in the copy stays: git ignores it.
pub(super) fn mirror(from: &Path, to: &Path) -> Result<(), Failure> {
    let (mut files, mut copies) = (Vec::new(), Vec::new());
    collect(from, "openapi", &[], &mut files)?;
    let copy = to.join("openapi");
    if copy.is_dir() {
        collect(&copy, "openapi", &[], &mut copies)?;
    }
    for stale in copies.iter().filter(|copy| !files.contains(copy)) {
        let stale = to.join(stale);
        fs::remove_file(&stale).map_err(Failure::writing(stale))?;
    }
    for file in &files {
        let (source, copy) = (from.with_file_name(file), to.join(file));
        let text = fs::read(&source).map_err(Failure::reading(source))?;
        if fs::read(&copy).is_ok_and(|found| found == text) {
            continue;
        }
        if let Some(folder) = copy.parent() {
            fs::create_dir_all(folder).map_err(Failure::writing(folder))?;
        }
        fs::write(&copy, text).map_err(Failure::writing(copy))?;
    }
    Ok(())
}

/// Every file below the folder, by its path from the folder above, but for what a `.gitignore` beside it or above it
/// leaves out.
fn collect(folder: &Path, path: &str, ignored: &[String], files: &mut Vec<String>) -> Result<(), Failure> {
    let more = fs::read_to_string(folder.join(".gitignore")).unwrap_or_default();
    let more = more.lines().map(|line| line.trim_matches('/').to_owned());
    let ignored: Vec<String> = ignored.iter().cloned().chain(more).collect();
    for (name, is_folder) in entries(folder)? {
        let path = format!("{path}/{name}");
        if ignored.contains(&name) {
            continue;
        }
        if is_folder {
            collect(&folder.join(name), &path, &ignored, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The names in a folder, sorted, and whether each is a folder.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>, Failure> {
    let read = || -> io::Result<Vec<(String, bool)>> {
        let entries = fs::read_dir(folder)?.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name().to_string_lossy().into_owned(), entry.file_type()?.is_dir()))
        });
        entries.collect()
    };
    let mut entries = read().map_err(Failure::reading(folder))?;
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn each_readme_has_its_commands() {
        let root = crate::workspace::root().unwrap();
        for example in Example::all(&root).unwrap() {
            let readme = fs::read_to_string(example.place(&root).join("README.md")).unwrap();
            let commands = example.install.iter().chain(&example.generate).chain(&example.check);
            for command in commands.chain(&example.first_event) {
                assert!(readme.contains(&format!("\n{command}\n")), "{}: {command}", example.name);
            }
        }
    }

    #[test]
    fn nothing_stands_twice() {
        let root = crate::workspace::root().unwrap();
        let mut files = Vec::new();
        collect(&root.join(EXAMPLES), "examples", &[], &mut files).unwrap();
        let mut seen = std::collections::BTreeMap::new();
        for file in files {
            let text = fs::read_to_string(root.join("openapi").join(&file)).unwrap();
            if text.lines().count() < 5 {
                continue;
            }
            if let Some(other) = seen.insert(text, file.clone()) {
                // eslint looks for its packages beside its settings.
                assert!(file.ends_with("eslint.config.js"), "{file} is {other} again");
            }
        }
    }

    #[test]
    fn the_copy_follows_the_folder_and_keeps_what_was_made() {
        let root = std::env::temp_dir().join(format!("xtask-polyglot-{}", std::process::id()));
        let (from, to) = (root.join("openapi"), root.join("target"));
        let write = |file: std::path::PathBuf, text: &str| {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write(from.join("go/a.go"), "old");
        write(from.join("go/gone.go"), "");
        write(from.join("go/.gitignore"), "/generated/\n");
        write(from.join("go/generated/by-hand.go"), "");
        mirror(&from, &to).unwrap();
        assert!(to.join("openapi/go/gone.go").is_file());

        write(from.join("go/a.go"), "new");
        fs::remove_file(from.join("go/gone.go")).unwrap();
        write(to.join("openapi/go/generated/made.go"), "");
        mirror(&from, &to).unwrap();
        let copy = to.join("openapi/go");
        assert_eq!(fs::read_to_string(copy.join("a.go")).unwrap(), "new");
        assert!(copy.join("generated/made.go").is_file());
        assert!(!copy.join("gone.go").exists() && !copy.join("generated/by-hand.go").exists());
        fs::remove_dir_all(root).unwrap();
    }
}
