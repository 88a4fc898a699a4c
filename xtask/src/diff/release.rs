//! What a release must declare: its version, and in the changelog what it breaks.

use std::collections::BTreeSet;

use copilot_codegen::Contract;
use semver::Version;
use serde_json::Value;

/// What each release of the contract changed, in words.
pub(super) const CHANGELOG: &str = "openapi/CHANGELOG.md";

/// From which version to which.
pub(super) struct Release {
    pub(super) old: Version,
    pub(super) new: Version,
    /// What the changelog lists under the new version, by item.
    items: Vec<String>,
}

impl Release {
    /// The versions of two contracts, or what is wrong with them.
    pub(super) fn new(old: &Contract, new: &Contract, changelog: &str) -> Result<Self, String> {
        let version = |contract: &Contract| {
            let text = contract.root().pointer("/info/x-contract-version").and_then(Value::as_str);
            Version::parse(text.unwrap_or_default())
                .map_err(|wrong| format!("info.x-contract-version is no version: {wrong}"))
        };
        let (old, new) = (version(old)?, version(new)?);
        let sections = changelog.split("\n## ").find(|section| section.starts_with(&format!("[{new}]")));
        let items = sections.into_iter().flat_map(|section| section.split("\n- ").skip(1)).map(str::to_owned);
        Ok(Self { old, items: items.collect(), new })
    }

    /// What is to be done before changes are declared, some of which may break something by that name. Empty: nothing.
    pub(super) fn undeclared(&self, changes: usize, breaking: &BTreeSet<&str>) -> Vec<String> {
        let mut to_do = Vec::new();
        let least = self.least(!breaking.is_empty());
        if changes > 0 && self.new < least {
            to_do.push(format!("raise info.x-contract-version from {} to {least} or more", self.new));
        }
        for subject in breaking {
            let named = format!("`{subject}`");
            if !self.items.iter().any(|item| item.starts_with("Breaking:") && item.contains(&named)) {
                to_do.push(format!(
                    "say what became of {named} in {CHANGELOG}, under {}, in a line that starts with `- Breaking:`",
                    self.new
                ));
            }
        }
        to_do
    }

    /// Why the new contract may not become the released one. Empty: it may.
    pub(super) fn unfit(&self) -> Vec<String> {
        let mut to_do = Vec::new();
        if self.new <= self.old {
            to_do.push(format!("raise info.x-contract-version: {} was released", self.old));
        }
        if self.items.is_empty() {
            to_do.push(format!("say something in {CHANGELOG} under a heading `## [{}]`", self.new));
        }
        to_do
    }

    /// The least version for such changes, by Semantic Versioning: before 1.0.0 the minor version is raised for what breaks.
    fn least(&self, is_breaking: bool) -> Version {
        let Version { major, minor, patch, .. } = self.old;
        match (major, is_breaking) {
            (0, false) => Version::new(0, minor, patch + 1),
            (0, true) | (_, false) => Version::new(major, minor + 1, 0),
            (_, true) => Version::new(major + 1, 0, 0),
        }
    }
}
