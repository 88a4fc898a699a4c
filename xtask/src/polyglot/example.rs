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

/// What is made in the copy, and must stay there.
const MADE: &[&str] = &[
    "node_modules",
    ".venv",
    "generated",
    "build",
    "dist",
    "__pycache__",
    ".mypy_cache",
    super::client::INSTALLED,
];

/// Makes the copy equal to the folder, but for what was made there.
pub(super) fn mirror(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(Failure::writing(to))?;
    let wanted = entries(from)?;
    for (name, is_folder) in entries(to)? {
        if !MADE.contains(&name.as_str()) && !wanted.contains(&(name.clone(), is_folder)) {
            let stale = to.join(name);
            let removed = if is_folder { fs::remove_dir_all(&stale) } else { fs::remove_file(&stale) };
            removed.map_err(Failure::writing(stale))?;
        }
    }
    for (name, is_folder) in wanted {
        let (from, to) = (from.join(&name), to.join(&name));
        if is_folder {
            // Made in the sources, by hand: what is checked is made anew.
            if !MADE.contains(&name.as_str()) {
                mirror(&from, &to)?;
            }
            continue;
        }
        let text = fs::read(&from).map_err(Failure::reading(&from))?;
        if fs::read(&to).is_ok_and(|found| found == text) {
            continue;
        }
        fs::write(&to, text).map_err(Failure::writing(to))?;
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
        let (from, to) = (root.join("from"), root.join("to"));
        for (folder, file, text) in [
            (from.join("go"), "a.go", "new"),
            (to.join("go"), "a.go", "old"),
            (to.join("go"), "stale.go", ""),
            (to.join("go/generated"), "kept.go", ""),
            (to.join("gone"), "b.go", ""),
        ] {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(file), text).unwrap();
        }
        mirror(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("go/a.go")).unwrap(), "new");
        assert!(to.join("go/generated/kept.go").is_file());
        assert!(!to.join("go/stale.go").exists() && !to.join("gone").exists());
        fs::remove_dir_all(root).unwrap();
    }
}
