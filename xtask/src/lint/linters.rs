//! The linters that look at the contract: this workspace's own rules, and those of others, which know no `x-provenance`
//! but were written by other people.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use copilot_codegen::line_of;
use serde_json::Value;

use super::output;
use crate::{
    failure::Failure,
    sandbox::{TOOLS, find},
    workspace::shown,
};

/// The npm project of the linters and of the renderer.
pub(crate) const PROJECT: &str = "tests/lint";

/// How its packages are installed.
pub(crate) const INSTALL: &str = "install Node.js 20.19 or newer, then npm ci in tests/lint";

/// Something that looks at a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Linter {
    /// The rules of this workspace.
    Own,
    Redocly,
    Spectral,
    SpecValidator,
}

/// What a linter found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    /// The position of the file among those that were given.
    pub(super) file: usize,
    /// From 1, where the linter says it.
    pub(super) line: Option<u64>,
    /// The place, as a JSON pointer.
    pub(super) pointer: String,
    /// The linter's name of the rule. This workspace's rules have none.
    pub(super) rule: String,
    pub(super) problem: String,
}

impl Linter {
    pub(super) const ALL: [Self; 4] = [Self::Own, Self::Redocly, Self::Spectral, Self::SpecValidator];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Own => "rules of this contract",
            Self::Redocly => "Redocly CLI",
            Self::Spectral => "Spectral",
            Self::SpecValidator => "openapi-spec-validator",
        }
    }

    pub(super) fn how_to_install(self) -> &'static str {
        match self {
            Self::Own => "it is always here",
            Self::Redocly | Self::Spectral => INSTALL,
            Self::SpecValidator => {
                "pip install -r tests/lint/requirements.txt, in an environment of Python at target/tools/python"
            }
        }
    }

    /// The version that is installed. `None` when it is not, or not in the version that this workspace names.
    pub(super) fn version(self, root: &Path) -> Option<String> {
        let (installed, wanted) = match self {
            Self::Own => return Some(env!("CARGO_PKG_VERSION").to_owned()),
            Self::Redocly => (npm_version(root, "@redocly/cli")?, npm_wanted(root, "@redocly/cli")?),
            Self::Spectral => {
                (npm_version(root, "@stoplight/spectral-cli")?, npm_wanted(root, "@stoplight/spectral-cli")?)
            }
            Self::SpecValidator => {
                let output = validate(root).arg("--version").stdin(Stdio::null()).output().ok()?;
                let wanted = fs::read_to_string(root.join(PROJECT).join("requirements.txt")).ok()?;
                let wanted = wanted.lines().find_map(|line| line.strip_prefix("openapi-spec-validator=="))?;
                (String::from_utf8(output.stdout).ok()?.trim().to_owned(), wanted.to_owned())
            }
        };
        (installed == wanted).then_some(installed)
    }

    /// What it finds in the files, in one run for all.
    pub(super) fn check(self, root: &Path, files: &[PathBuf]) -> Result<Vec<Finding>, Failure> {
        match self {
            Self::Own => own(files),
            Self::Redocly => {
                let mut command = redocly(root);
                command.args(["lint", "--config"]).arg(root.join(PROJECT).join("redocly.yaml"));
                command.args(["--format=json", "--max-problems=1000"]).args(files);
                asked(&mut command, |said| output::redocly(said, root, files))
            }
            Self::Spectral => {
                let mut command = node(root, "@stoplight/spectral-cli/dist/index.js");
                command.args(["lint", "--format=json", "--fail-severity=hint", "--ruleset"]);
                command.arg(root.join(PROJECT).join("spectral.yaml")).args(files);
                asked(&mut command, |said| output::spectral(said, files))
            }
            Self::SpecValidator => asked(validate(root).args(files), output::spec_validator),
        }
    }
}

fn own(files: &[PathBuf]) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for (file, path) in files.iter().enumerate() {
        let text = fs::read_to_string(path).map_err(Failure::reading(path))?;
        let mut lines = super::findings(&text);
        if lines.is_empty() {
            lines.extend(super::not_generated(&text));
        }
        found.extend(lines.iter().map(|line| {
            let (pointer, problem) = line.split_once(": ").unwrap_or(("", line));
            Finding {
                file,
                line: line_of(&text, pointer).and_then(|line| line.try_into().ok()),
                pointer: pointer.to_owned(),
                rule: String::new(),
                problem: problem.to_owned(),
            }
        }));
    }
    Ok(found)
}

/// Redocly, which neither reports its use nor asks for a newer version of itself.
pub(crate) fn redocly(root: &Path) -> Command {
    let mut command = node(root, "@redocly/cli/bin/cli.js");
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    command
}

/// A program of the npm project.
fn node(root: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("node");
    command.current_dir(root).env("NO_COLOR", "1");
    command.arg(Path::new(PROJECT).join("node_modules").join(program.as_ref()));
    command
}

/// What runs openapi-spec-validator over many files.
fn validate(root: &Path) -> Command {
    let python = find(&["python", "python3"], &[root.join(TOOLS)]).unwrap_or_else(|| "python3".into());
    let mut command = Command::new(python);
    // `-B`: leaves no compiled file in the workspace.
    command.current_dir(root).arg("-B").arg(Path::new(PROJECT).join("validate.py"));
    command
}

/// The version of a package that is in `node_modules`, if there is a Node.js that can run it.
pub(crate) fn npm_version(root: &Path, package: &str) -> Option<String> {
    find(&["node", "node.exe"], &[])?;
    let manifest = root.join(PROJECT).join("node_modules").join(package).join("package.json");
    Some(json(&manifest)?.get("version")?.as_str()?.to_owned())
}

/// The version of a package that the project asks for.
pub(crate) fn npm_wanted(root: &Path, package: &str) -> Option<String> {
    let manifest = json(&root.join(PROJECT).join("package.json"))?;
    Some(manifest.get("dependencies")?.get(package)?.as_str()?.to_owned())
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Runs a linter and reads its report. That it found something makes it fail, so the report tells, not the exit status.
fn asked(
    command: &mut Command,
    read: impl FnOnce(&str) -> Option<Vec<Finding>>,
) -> Result<Vec<Finding>, Failure> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Failure::Start { command: shown(command), source })?;
    read(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        // Redocly asks for a newer Node.js in a box.
        let lines = said.lines().filter(|line| !line.trim_start().starts_with(['╔', '║', '╚']));
        let said = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
        Failure::Exit { command: shown(command), said: Some(said) }
    })
}
