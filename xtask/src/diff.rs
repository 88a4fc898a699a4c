//! `cargo xtask diff`: what differs from the contract that was released last, and whether that was declared.
//!
//! Words and grades are left out. Of the rest, what was only added is an addition: optional properties, types of events,
//! statuses, operations, and components that something new refers to. Anything else is breaking, whoever may notice it: the
//! contract's version and a line of `openapi/CHANGELOG.md` that names what it breaks must say so.

mod release;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fs, path::Path};

use copilot_codegen::{Contract, join};
use serde_json::Value;

use crate::{failure::Failure, workspace::CONTRACT};
use release::{CHANGELOG, Release};

/// The contract as it was released last.
const RELEASED: &str = "openapi/released/copilot.json";

/// Members that are words for people, or say how sure something is.
const WORDS: [&str; 11] = [
    "description",
    "example",
    "examples",
    "externalDocs",
    "summary",
    "title",
    "x-known-values",
    "x-open",
    "x-provenance",
    "x-unbounded",
    "x-unreferenced",
];

/// How many characters of a value are shown.
const SHOWN: usize = 60;

/// What to do with the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Show it.
    Check,
    /// Show it, and make the contract the released one if it may be.
    Release,
}

/// Compares the contract with the last released one. `false` when a change is not declared.
pub(crate) fn run(root: &Path, mode: Mode) -> Result<bool, Failure> {
    let (old, new) = (contract(root, RELEASED)?, contract(root, CONTRACT)?);
    let changelog = root.join(CHANGELOG);
    let changelog = fs::read_to_string(&changelog).map_err(Failure::reading(changelog))?;
    let release = Release::new(&old, &new, &changelog).map_err(Failure::Unexpected)?;

    let findings = compare(&old, &new);
    for finding in &findings {
        let level = if finding.is_breaking { "breaking" } else { "addition" };
        println!("{level}: {}: {}", finding.pointer, finding.what);
    }
    println!("{CONTRACT} {} against the released {}: {} changes", release.new, release.old, findings.len());
    let mut to_do = release.undeclared(findings.len(), &broken(&findings));
    if mode == Mode::Release {
        to_do.extend(release.unfit());
    }
    for to_do in &to_do {
        println!("to do: {to_do}");
    }
    if mode == Mode::Release && to_do.is_empty() {
        let path = root.join(RELEASED);
        fs::write(&path, new.to_json()).map_err(Failure::writing(path))?;
        println!("{RELEASED}: written");
    }
    Ok(to_do.is_empty())
}

fn contract(root: &Path, file: &'static str) -> Result<Contract, Failure> {
    let path = root.join(file);
    let text = fs::read_to_string(&path).map_err(Failure::reading(path))?;
    Contract::parse(&text).map_err(|source| Failure::Contract { file, source })
}

/// One difference.
#[derive(Debug)]
struct Finding {
    /// Where, as a JSON pointer.
    pointer: String,
    what: String,
    is_breaking: bool,
    /// What a line of the changelog names to declare it: a component, an operation, a path, or a member of the document.
    subject: String,
}

/// The subjects of what breaks.
fn broken(findings: &[Finding]) -> BTreeSet<&str> {
    findings.iter().filter(|finding| finding.is_breaking).map(|finding| finding.subject.as_str()).collect()
}

/// Everything that differs but words.
fn compare(old: &Contract, new: &Contract) -> Vec<Finding> {
    let (old, new) = (without_words(old), without_words(new));
    let mut comparison = Comparison { old: &old, new: &new, found: Vec::new() };
    comparison.values("", &old, &new);
    comparison.found
}

fn without_words(contract: &Contract) -> Value {
    let mut document = contract.root().clone();
    contract.each_object(&mut |pointer, _| {
        if let Some(members) = document.pointer_mut(pointer).and_then(Value::as_object_mut) {
            members.retain(|name, _| !WORDS.contains(&name.as_str()));
        }
    });
    if let Some(members) = document.as_object_mut() {
        members.retain(|name, _| !["info", "tags"].contains(&name.as_str()));
    }
    document
}

struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    found: Vec<Finding>,
}

impl Comparison<'_> {
    fn values(&mut self, at: &str, old: &Value, new: &Value) {
        match (old, new) {
            (Value::Object(was), Value::Object(is)) => {
                for (name, old) in was {
                    let at = join(at, name);
                    match is.get(name) {
                        Some(new) => self.values(&at, old, new),
                        None => self.add(at, format!("{} is gone", shown(old)), true),
                    }
                }
                for (name, new) in is.iter().filter(|(name, _)| !was.contains_key(*name)) {
                    let is_breaking = !self.may_gain(at, new);
                    self.add(join(at, name), format!("{} is new", shown(new)), is_breaking);
                }
            }
            (Value::Array(was), Value::Array(is)) => {
                for item in was.iter().filter(|item| !is.contains(item)) {
                    self.add(at.to_owned(), format!("{} is gone", shown(item)), true);
                }
                for item in is.iter().filter(|item| !was.contains(item)) {
                    let is_breaking = !self.may_gain(at, item);
                    self.add(at.to_owned(), format!("{} is new", shown(item)), is_breaking);
                }
                // Generated code takes the first server; the order of other lists says nothing.
                if at.ends_with("/servers") && was.first() != is.first() {
                    self.add(at.to_owned(), "another one is the first".to_owned(), true);
                }
            }
            _ if old == new => {}
            _ => self.add(at.to_owned(), format!("was {}, is {}", shown(old), shown(new)), true),
        }
    }

    /// Whether those who know nothing of what stands there go on as they are when this is added.
    fn may_gain(&self, at: &str, added: &Value) -> bool {
        let around = |above: &str, member: &str| {
            self.old.pointer(at.strip_suffix(above)?)?.get(member).filter(|value| value.is_object())
        };
        let parts: Vec<&str> = at.split('/').skip(1).collect();
        // Every other one is a property that is called so.
        let is_properties = parts.iter().rev().take_while(|part| **part == "properties").count() % 2 == 1;
        match parts.as_slice() {
            ["paths"]
            | ["components", _]
            | ["paths", _, _, "responses"]
            | [.., "discriminator", "mapping"] => true,
            ["paths", _] => added.get("responses").is_some(),
            [.., "oneOf"] => {
                Contract::reference(added).is_some() && around("/oneOf", "discriminator").is_some()
            }
            // Where there is a schema for what is not listed, the property was the sender's own until now.
            _ if is_properties => around("/properties", "additionalProperties").is_none(),
            _ => false,
        }
    }

    fn add(&mut self, pointer: String, what: String, is_breaking: bool) {
        let subject = self.subject(&pointer);
        self.found.push(Finding { pointer, what, is_breaking, subject });
    }

    /// What people would call the thing that a pointer leads to or into.
    fn subject(&self, pointer: &str) -> String {
        let mut parts = pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
        let first = parts.next().unwrap_or_default();
        match (first.as_str(), parts.next(), parts.next()) {
            ("components", _, Some(name)) => name,
            ("paths", Some(path), Some(method)) => {
                let id = [self.old, self.new].into_iter().find_map(|document| {
                    document.get("paths")?.get(&path)?.get(&method)?.get("operationId")?.as_str()
                });
                id.map_or(path, str::to_owned)
            }
            ("paths", Some(path), None) => path,
            _ => first,
        }
    }
}

/// A value as text, cut where it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
