//! The folders of `openapi/examples`, and their copy in which the clients are made.

use std::{fs, io, path::Path};

use serde::Deserialize;

use crate::failure::Failure;

/// A client: a folder of `openapi/examples`, as its `commands.json` describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    /// The name of the folder.
    #[serde(skip)]
    pub(super) name: String,
    pub(super) language: String,
    /// What it is made with; a judge by JSON Schema is not made.
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
    /// What must be refused.
    #[serde(default)]
    pub(super) refuses: Vec<Refuses>,
    /// Runs the vectors.
    pub(super) run: String,
    /// The small program to start from.
    #[serde(default)]
    pub(super) first_event: Option<String>,
    /// What the generator cannot do.
    #[serde(default)]
    pub(super) limits: Vec<Limit>,
}

/// A command that must fail.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refuses {
    pub(super) command: String,
    /// What it must say.
    pub(super) says: String,
}

/// What a generator cannot do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    pub(super) what: String,
    pub(super) why: String,
    /// The page of the tool's tracker about it.
    #[serde(default)]
    pub(super) issue: Option<String>,
    /// The cases in which it differs from the vectors, if it does.
    #[serde(default)]
    pub(super) differs: Vec<Differs>,
}

/// Cases in which a client is known to differ from the vectors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Differs {
    /// The part of the report.
    pub(super) part: String,
    /// The case's name, or its end after `*`.
    pub(super) name: String,
}

impl Example {
    /// Every one, sorted by name.
    pub(super) fn all(root: &Path) -> Result<Vec<Self>, Failure> {
        let folder = root.join("openapi/examples");
        let mut examples = Vec::new();
        for (name, is_folder) in entries(&folder)? {
            if is_folder {
                examples.push(Self::read(&folder.join(&name), name)?);
            }
        }
        Ok(examples)
    }

    fn read(folder: &Path, name: String) -> Result<Self, Failure> {
        let file = folder.join("commands.json");
        let text = fs::read_to_string(&file).map_err(Failure::reading(&file))?;
        let example: Self = serde_json::from_str(&text)
            .map_err(|error| Failure::Unexpected(format!("{}: {error}", file.display())))?;
        Ok(Self { name, ..example })
    }

    /// The programs that it needs and that this machine lacks.
    pub(super) fn lacks(&self) -> impl Iterator<Item = &str> {
        let needs = self.needs.iter().map(String::as_str);
        needs.filter(|program| crate::sandbox::find(&[program], &[]).is_none())
    }

    /// Whether it judges by JSON Schema, with no client of the contract.
    pub(super) fn is_judge(&self) -> bool {
        self.generator.is_none()
    }
}

/// Names what was copied, so that the copy can follow when it goes.
const COPIED: &str = "copied.txt";

/// Copies the folder into `to/openapi`, and removes what was copied before and is gone. What is made in the copy stays.
pub(super) fn mirror(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut files = Vec::new();
    collect(from, "openapi", &mut files)?;
    let list = to.join(COPIED);
    for stale in fs::read_to_string(&list).unwrap_or_default().lines() {
        if !files.iter().any(|file| file == stale) {
            // It may have been removed by hand.
            let _ = fs::remove_file(to.join(stale));
        }
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
    fs::write(&list, files.join("\n")).map_err(Failure::writing(list))
}

/// Every file below the folder, by its path from the folder above, but for what a `.gitignore` beside it leaves out.
fn collect(folder: &Path, path: &str, files: &mut Vec<String>) -> Result<(), Failure> {
    let ignored = fs::read_to_string(folder.join(".gitignore")).unwrap_or_default();
    let ignored: Vec<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    for (name, is_folder) in entries(folder)? {
        let path = format!("{path}/{name}");
        if ignored.contains(&name.as_str()) {
            continue;
        }
        if is_folder {
            collect(&folder.join(name), &path, files)?;
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
