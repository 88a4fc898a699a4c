//! `cargo xtask lint`: what the contract must keep to, beyond what a parser checks.
//!
//! Redocly and Spectral do what they can: their own rules, and those of this contract that their configuration in
//! `openapi/lint` can say. `rules` is what they cannot say.

mod rules;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    slice,
};

use copilot_codegen::{Contract, generate, line_of};

use crate::{
    failure::Failure,
    tool::Tool,
    workspace::{CONTRACT, in_ci, succeeds},
};

/// The npm project of the linters, which is that of the renderer too, with their configuration.
const PROJECT: &str = "openapi/lint";

/// Prints what is wrong with the file, or with the contract. `false` when there is something, and in CI when the linters
/// are not installed.
pub(crate) fn run(root: &Path, file: Option<&str>) -> Result<bool, Failure> {
    // As the person who names it sees it, wherever that is.
    let path = match file {
        Some(file) => std::path::absolute(file).map_err(Failure::reading(file))?,
        None => root.join(CONTRACT),
    };
    let text = fs::read_to_string(&path).map_err(Failure::reading(&path))?;
    let findings = findings(&text);
    for (pointer, problem) in &findings {
        let line = line_of(&text, pointer).map(|line| format!(":{line}")).unwrap_or_default();
        println!("{}{line} {pointer}: {problem}", file.unwrap_or(CONTRACT));
    }
    println!("rules of this contract: {} findings", findings.len());
    let mut is_clean = findings.is_empty();

    if !Tool::ContractLinters.is_installed(root) {
        println!("SKIPPED: {}", Tool::ContractLinters.missing());
        return Ok(is_clean && !in_ci());
    }
    for linter in [Linter::Redocly, Linter::Spectral] {
        is_clean &= succeeds(&mut linter.command(root, "stylish", slice::from_ref(&path)))?;
    }
    Ok(is_clean)
}

/// What the rules of this contract find, each with its place, or else what the generator refuses.
fn findings(text: &str) -> Vec<(String, String)> {
    let contract = match Contract::parse(text) {
        Ok(contract) => contract,
        Err(unreadable) => return vec![(String::new(), unreadable.to_string())],
    };
    let found = rules::check(&contract);
    if !found.is_empty() {
        return found;
    }
    let refused = generate(&contract).err();
    refused.into_iter().map(|refused| (String::new(), format!("{refused} (the generator)"))).collect()
}

/// A linter that people elsewhere run, too.
#[derive(Clone, Copy)]
enum Linter {
    Redocly,
    Spectral,
}

impl Linter {
    /// Its look at the files, in one run for all.
    fn command(self, root: &Path, format: &str, files: &[PathBuf]) -> Command {
        let project = Path::new(PROJECT);
        let mut command = match self {
            Self::Redocly => redocly(root),
            Self::Spectral => node(root, "@stoplight/spectral-cli/dist/index.js"),
        };
        command.arg("lint").arg(format!("--format={format}"));
        match self {
            Self::Redocly => command.arg("--config").arg(project.join("redocly.yaml")),
            Self::Spectral => {
                command.arg("--fail-severity=hint").arg("--ruleset").arg(project.join("spectral.yaml"))
            }
        };
        command.args(files);
        command
    }
}

/// `cargo xtask docs`: the contract as one page for people, which asks no host for anything.
pub(crate) fn docs(root: &Path) -> Result<bool, Failure> {
    if !Tool::ContractLinters.is_installed(root) {
        return Err(Failure::Unexpected(Tool::ContractLinters.missing()));
    }
    let project = Path::new(PROJECT);
    let mut command = redocly(root);
    command.args(["build-docs", CONTRACT, "--output=target/docs/copilot.html", "--inlineBundle"]);
    command.arg("--config").arg(project.join("redocly.yaml"));
    command.arg("--template").arg(project.join("docs.hbs"));
    succeeds(&mut command)
}

/// Redocly, which neither reports its use nor asks for a newer version of itself.
fn redocly(root: &Path) -> Command {
    let mut command = node(root, "@redocly/cli/bin/cli.js");
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    command
}

/// A program of the npm project.
fn node(root: &Path, program: &str) -> Command {
    let mut command = Command::new("node");
    command.current_dir(root).env("NO_COLOR", "1");
    command.arg(Path::new(PROJECT).join("node_modules").join(program));
    command
}
