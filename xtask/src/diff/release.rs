//! Versions, the changelog, and what a release must declare.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::{
    CHANGELOG,
    finding::{Finding, Level},
};

/// How a line of the changelog that declares a breaking change starts.
const BREAKING: &str = "- Breaking:";

/// A version of the contract, by Semantic Versioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let numbers = text.split('.').map(|number| {
            let plain = number == "0" || !number.starts_with(['0', '+']);
            number.parse().ok().filter(|_| plain)
        });
        match numbers.collect::<Option<Vec<u64>>>()?.as_slice() {
            &[major, minor, patch] => Some(Self { major, minor, patch }),
            _ => None,
        }
    }

    /// The `info.x-contract-version` of a contract.
    fn of(contract: &Value) -> Option<Self> {
        Self::parse(contract.get("info")?.get("x-contract-version")?.as_str()?)
    }

    /// The lowest version that may follow this one with a change of that level. Before 1.0.0 the minor
    /// version tells what breaks.
    fn next(self, level: Level) -> Self {
        let Self { major, minor, patch } = self;
        match (level, major) {
            (Level::Breaking, 1..) => Self { major: major.saturating_add(1), minor: 0, patch: 0 },
            (Level::Breaking, 0) | (Level::Addition, 1..) => {
                Self { major, minor: minor.saturating_add(1), patch: 0 }
            }
            (Level::Addition, 0) => Self { major, minor, patch: patch.saturating_add(1) },
            (Level::Note, _) => self,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What the changelog says, version by version.
#[derive(Debug, Default)]
pub(super) struct Changelog {
    /// The items of each version's lists, one line each.
    versions: BTreeMap<Version, Vec<String>>,
}

impl Changelog {
    /// Reads Markdown in the form of Keep a Changelog. What it does not know it leaves out.
    pub(super) fn parse(text: &str) -> Self {
        let mut changelog = Self::default();
        let mut version = None;
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("## ") {
                let name = heading.trim_start().strip_prefix('[').and_then(|rest| rest.split(']').next());
                version = name.and_then(Version::parse);
                if let Some(version) = version {
                    changelog.versions.entry(version).or_default();
                }
                continue;
            }
            let Some(items) = version.and_then(|version| changelog.versions.get_mut(&version)) else {
                continue;
            };
            if line.starts_with("- ") {
                items.push(line.to_owned());
            } else if let (true, Some(item)) = (line.starts_with(' '), items.last_mut()) {
                // An item goes on in the indented lines below it.
                item.push(' ');
                item.push_str(line.trim());
            }
        }
        changelog
    }

    fn says_something_of(&self, version: Version) -> bool {
        self.versions.get(&version).is_some_and(|items| !items.is_empty())
    }

    /// Whether the version declares that it breaks the subject.
    fn declares(&self, version: Version, subject: &str) -> bool {
        let quoted = format!("`{subject}`");
        let items = self.versions.get(&version).into_iter().flatten();
        items.into_iter().any(|item| item.starts_with(BREAKING) && item.contains(&quoted))
    }
}

/// From which version to which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Release {
    /// `None`: nothing was released yet.
    pub(super) old: Option<Version>,
    pub(super) new: Version,
}

impl Release {
    /// The versions of two contracts, or what is wrong with them.
    pub(super) fn of(old: Option<&Value>, new: &Value) -> Result<Self, String> {
        let version = |which: &str, contract| {
            Version::of(contract).ok_or_else(|| {
                format!("the {which} contract: info.x-contract-version is not of the form 1.2.3")
            })
        };
        Ok(Self { old: old.map(|old| version("released", old)).transpose()?, new: version("new", new)? })
    }

    /// What must be done before a finding is declared. Empty: nothing.
    pub(super) fn undone(&self, finding: &Finding, changelog: &Changelog) -> Vec<String> {
        let mut to_do = Vec::new();
        if let Some(old) = self.old {
            let least = old.next(finding.level);
            if self.new < least {
                to_do.push(format!(
                    "raise info.x-contract-version to {least} or more: it is {}, and {old} was released",
                    self.new
                ));
            }
        }
        if finding.level == Level::Breaking && !changelog.declares(self.new, &finding.subject) {
            to_do.push(format!(
                "say in {CHANGELOG}, under that version, in a line that starts with `{BREAKING}` and names \
                 `{}` in backquotes, what became of it",
                finding.subject
            ));
        }
        to_do
    }

    /// Why the new contract may not become the released one. Empty: it may.
    pub(super) fn refusals(&self, findings: &[Finding], changelog: &Changelog) -> Vec<String> {
        let Self { old, new } = self;
        let mut refusals = Vec::new();
        if let Some(old) = old.filter(|old| new <= old) {
            refusals.push(format!("info.x-contract-version is {new}, and {old} was released: raise it"));
        }
        if !changelog.says_something_of(*new) {
            refusals.push(format!("{CHANGELOG} says nothing under a heading `## [{new}]`"));
        }
        let open = findings.iter().filter(|finding| !self.undone(finding, changelog).is_empty()).count();
        if open > 0 {
            refusals.push(format!("{open} of the changes above are not declared"));
        }
        refusals
    }
}
