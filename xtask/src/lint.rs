//! `cargo xtask lint`: what an OpenAPI contract of this workspace must keep to, beyond what a parser checks.
//!
//! Each group of rules is a module: it looks at the places of the document that `walk` finds and adds
//! findings. The rules themselves are in the head comment of `openapi/copilot.yaml`.

mod constraints;
mod discriminator;
mod examples;
mod operations;
mod references;
#[cfg(test)]
mod tests;
mod walk;

use std::{collections::BTreeSet, fs, path::Path};

use copilot_codegen::{Contract, generate};
use serde_json::Value;

use crate::failure::Failure;
use walk::Place;

/// Prints the findings about the contract in `path`, which the output calls `name`. `false` when there are
/// any.
pub(crate) fn run(path: &Path, name: &str) -> Result<bool, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::reading(path))?;
    let mut findings = findings(&text);
    if findings.is_empty() {
        findings.extend(not_generated(&text));
    }
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("{name}: no findings"),
        1 => println!("{name}: 1 finding"),
        many => println!("{name}: {many} findings"),
    }
    Ok(findings.is_empty())
}

/// What the generator refuses in a contract that is otherwise right.
fn not_generated(text: &str) -> Option<String> {
    let refused = Contract::parse(text).and_then(|contract| generate(&contract)).err()?;
    Some(format!("{refused} (the generator of the Rust client)"))
}

/// Everything that is wrong with the contract, each as `pointer: problem`, sorted.
pub(crate) fn findings(text: &str) -> Vec<String> {
    let contract = match Contract::parse(text) {
        Ok(contract) => contract,
        Err(unreadable) => return vec![format!("/: {unreadable}")],
    };
    let document = Document { root: contract.root(), places: walk::places(contract.root()) };
    let mut findings = Findings::default();
    if let Err(wrong) = serde_json::from_value::<openapiv3::OpenAPI>(contract.root().clone()) {
        findings.add("/", format!("is not OpenAPI 3.0: {wrong}"));
    }
    references::check(&document, &mut findings);
    operations::check(&document, &mut findings);
    constraints::check(&document, &mut findings);
    discriminator::check(&document, &mut findings);
    examples::check(&document, &mut findings);
    findings.lines.into_iter().collect()
}

/// The document, with its places.
struct Document<'a> {
    root: &'a Value,
    places: Vec<Place<'a>>,
}

impl<'a> Document<'a> {
    /// What a reference such as `#/components/schemas/Event` refers to.
    fn target(&self, reference: &str) -> Option<&'a Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// What stands at a place: the value itself, or what it refers to.
    fn resolved(&self, value: &'a Value) -> Option<&'a Value> {
        match walk::reference(value) {
            Some(reference) => self.target(reference),
            None => Some(value),
        }
    }
}

/// What is wrong so far. A set: an alias of YAML can bring the same place up twice.
#[derive(Default)]
struct Findings {
    lines: BTreeSet<String>,
}

impl Findings {
    fn add(&mut self, pointer: &str, problem: impl AsRef<str>) {
        self.lines.insert(format!("{pointer}: {}", problem.as_ref()));
    }
}
