//! `cargo xtask lint`: what an OpenAPI contract of this workspace must keep to, beyond what a parser checks.
//!
//! Four linters look at it. The rules of this workspace come first: each group of them is a module, which looks at the
//! places of the document that `walk` finds and adds findings. What they ask for is in the head comment of
//! `openapi/copilot.yaml`. The others, in `linters`, are those that people elsewhere run.

mod constraints;
mod defects;
mod discriminator;
mod edit;
mod examples;
pub(crate) mod linters;
mod operations;
mod output;
mod proof;
mod references;
mod schemas;
#[cfg(test)]
mod tests;
mod walk;

use std::{
    collections::BTreeSet,
    fs, panic,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use copilot_codegen::{Contract, generate, refused};
use serde_json::Value;

use crate::{
    failure::Failure,
    workspace::{CONTRACT, CONTRACT_JSON, in_ci},
};
use linters::{Finding, Linter};
pub(crate) use proof::prove;
use walk::Place;

/// Prints what the linters find in the file, or in the contract's two forms. `false` when there is something, and in CI
/// when a linter is not installed.
pub(crate) fn run(root: &Path, file: Option<&str>) -> Result<bool, Failure> {
    let names = match file {
        Some(file) => vec![file],
        None => vec![CONTRACT, CONTRACT_JSON],
    };
    let place = |name: &&str| match file {
        // As the person who names it sees it, wherever that is.
        Some(_) => std::path::absolute(name).map_err(Failure::reading(*name)),
        None => Ok(root.join(name)),
    };
    let files: Vec<PathBuf> = names.iter().map(place).collect::<Result<_, _>>()?;
    for path in &files {
        fs::metadata(path).map_err(Failure::reading(path))?;
    }
    let reports = reports(root, &files);
    for report in &reports {
        report.print(&names);
    }
    println!("\n{}", table(&reports));
    Ok(reports.iter().all(|report| report.passes(in_ci())))
}

/// What became of one linter's look at the files.
struct Report {
    linter: Linter,
    outcome: Outcome,
    took: Duration,
}

enum Outcome {
    /// It ran, in this version.
    Found(String, Vec<Finding>),
    NotInstalled,
    /// It could not do its work.
    Failed(Failure),
}

/// Each linter's look at the files, all at the same time.
fn reports(root: &Path, files: &[PathBuf]) -> Vec<Report> {
    let report = |linter: Linter| {
        let start = Instant::now();
        let outcome = match linter.version(root) {
            None => Outcome::NotInstalled,
            Some(version) => match linter.check(root, files) {
                Ok(mut found) => {
                    found.sort();
                    Outcome::Found(version, found)
                }
                Err(failure) => Outcome::Failed(failure),
            },
        };
        Report { linter, outcome, took: start.elapsed() }
    };
    thread::scope(|scope| {
        let looks = Linter::ALL.map(|linter| scope.spawn(move || report(linter)));
        looks.map(|look| look.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))).into()
    })
}

impl Report {
    fn passes(&self, in_ci: bool) -> bool {
        match &self.outcome {
            Outcome::Found(_, found) => found.is_empty(),
            Outcome::NotInstalled => !in_ci,
            Outcome::Failed(_) => false,
        }
    }

    /// Says what was found where, or why nothing could be. `names` are what the files are called.
    fn print(&self, names: &[&str]) {
        let linter = self.linter.name();
        match &self.outcome {
            Outcome::Found(_, found) => {
                for finding in found {
                    let name = names.get(finding.file).copied().unwrap_or_default();
                    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
                    let rule =
                        if finding.rule.is_empty() { String::new() } else { format!(", {}", finding.rule) };
                    println!("{name}{line} {}: {} ({linter}{rule})", finding.pointer, finding.problem);
                }
            }
            Outcome::NotInstalled => {
                let missing = format!("{linter} is not installed, or not in its version");
                println!("SKIPPED: {missing}: {}", self.linter.how_to_install());
                if in_ci() {
                    println!("CI=true: a skipped linter counts as failed");
                }
            }
            Outcome::Failed(failure) => println!("error: {}", failure.chain()),
        }
    }
}

fn table(reports: &[Report]) -> String {
    let width = reports.iter().map(|report| report.linter.name().len()).max().unwrap_or_default();
    let line = |linter: &str, version: &str, findings: &str, seconds: &str| {
        format!("{linter:<width$}  {version:<8}  {findings:>8}  {seconds:>8}\n")
    };
    let mut text = line("linter", "version", "findings", "seconds");
    for Report { linter, outcome, took } in reports {
        let (version, findings) = match outcome {
            Outcome::Found(version, found) => (version.as_str(), found.len().to_string()),
            Outcome::NotInstalled => ("", "SKIPPED".to_owned()),
            Outcome::Failed(_) => ("", "FAILED".to_owned()),
        };
        text.push_str(&line(linter.name(), version, &findings, &format!("{:.1}", took.as_secs_f64())));
    }
    text
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
    schemas::check(&document, &mut findings);
    examples::check(&document, &mut findings);
    // Names and words that cannot become Rust. A contract without events, or without an error, is refused as a whole.
    findings.lines.extend(refused(&contract).unwrap_or_default().iter().map(ToString::to_string));
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
