//! `cargo xtask diff`: what a release of the contract changes for those who build on the last one, and
//! whether that was declared.
//!
//! The contract is compared as the two ends of a request see it. What a sender may send must still be taken,
//! so a schema of a request may only grow wider; what a reader expects must still hold, so a schema of an
//! answer may only grow narrower; a schema that stands in both may do neither. Which of them it is, is found
//! by walking from the operations. Names that generated code is made of must stay. What cannot be compared,
//! such as a pattern that became another one, and what this comparison does not know, counts as breaking.
//!
//! A breaking change is declared by the contract's version and by a line of openapi/CHANGELOG.md that names
//! what it breaks.

mod comparison;
mod finding;
mod operations;
mod release;
mod schemas;
#[cfg(test)]
mod tests;
mod values;
mod variants;

use std::{fs, path::Path};

use copilot_codegen::Contract;
use serde_json::Value;

use crate::{failure::Failure, workspace::CONTRACT};
use comparison::Comparison;
use finding::{Finding, Level};
use release::{Changelog, Release};

/// The contract as it was released last.
const RELEASED: &str = "openapi/released/copilot.json";
/// What each release of the contract changed, in words.
const CHANGELOG: &str = "openapi/CHANGELOG.md";

/// What to do with the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Show it.
    Check,
    /// Show it, and make the contract the released one if it may be.
    Release,
}

/// Compares the contract with the last released one. `false` when a breaking change is not declared, or the
/// contract may not be released.
pub(crate) fn run(root: &Path, mode: Mode) -> Result<bool, Failure> {
    let contract = Contract::parse(&read(root, CONTRACT)?)
        .map_err(|source| Failure::Contract { file: CONTRACT, source })?;
    let new = contract.root();
    let changelog = Changelog::parse(&read(root, CHANGELOG)?);
    let old = match mode {
        // The first release has nothing before it.
        Mode::Release if !root.join(RELEASED).exists() => None,
        _ => Some(released(root)?),
    };

    let findings = old.as_ref().map(|old| compare(old, new)).unwrap_or_default();
    let release = Release::of(old.as_ref(), new).map_err(Failure::Unexpected)?;
    let declared = show(&findings, &release, &changelog);
    if mode == Mode::Check {
        return Ok(declared);
    }

    let refusals = release.refusals(&findings, &changelog);
    for refusal in &refusals {
        println!("not released: {refusal}");
    }
    if refusals.is_empty() {
        let path = root.join(RELEASED);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Failure::writing(folder))?;
        }
        fs::write(&path, contract.to_json()).map_err(Failure::writing(path))?;
        println!("{RELEASED}: written, version {}", release.new);
    }
    Ok(refusals.is_empty())
}

/// Everything that differs between two contracts, sorted by place.
fn compare(old: &Value, new: &Value) -> Vec<Finding> {
    let mut comparison = Comparison::new(old, new);
    operations::check(&mut comparison);
    comparison.into_findings()
}

/// Prints the findings with what is to be done about them. `false` when something is.
fn show(findings: &[Finding], release: &Release, changelog: &Changelog) -> bool {
    let mut open = 0_usize;
    for finding in findings {
        let to_do = release.undone(finding, changelog);
        println!("{finding}");
        if to_do.is_empty() {
            if finding.level == Level::Breaking {
                println!("    declared in version {}", release.new);
            }
        } else {
            open += 1;
            println!("    to do: {}", to_do.join("; "));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    println!(
        "{CONTRACT} {} against {}: {} breaking, {} additions, {} notes; {}",
        release.new,
        release.old.map_or_else(|| "nothing released".to_owned(), |old| format!("the released {old}")),
        count(Level::Breaking),
        count(Level::Addition),
        count(Level::Note),
        if open == 0 { "all declared".to_owned() } else { format!("{open} not declared") },
    );
    open == 0
}

fn read(root: &Path, file: &str) -> Result<String, Failure> {
    let path = root.join(file);
    fs::read_to_string(&path).map_err(Failure::reading(path))
}

fn released(root: &Path) -> Result<Value, Failure> {
    serde_json::from_str(&read(root, RELEASED)?)
        .map_err(|wrong| Failure::Unexpected(format!("{RELEASED}: is not JSON: {wrong}")))
}
