//! What a broken rule is reported as.

use std::fmt;

use super::Broken;

/// How sure a rule of the contract is (`x-provenance`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// In the introduction that the vendor gives to integrators.
    Seed,
    /// In the vendor's public reference.
    Documented,
    /// What a customer's production client sends or accepts.
    Observed,
    /// Our reading where the sources are silent: the stricter choice for a sender.
    Assumed,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seed => "seed",
            Self::Documented => "documented",
            Self::Observed => "observed",
            Self::Assumed => "assumed",
        })
    }
}

/// One rule that a value breaks, and where. It never repeats the value.
///
/// ```
/// # use copilot_gen as copilot_api;
/// use copilot_api::{Provenance, types::ThingConnectedPayload};
///
/// let error = ThingConnectedPayload::builder().thing_id("").build().unwrap_err();
/// let violation = &error.violations()[0];
/// assert_eq!((violation.pointer(), violation.rule()), ("/thing_id", "minLength"));
/// assert_eq!(violation.provenance(), Provenance::Documented);
/// assert_eq!(violation.message(), "must not be empty");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pointer: String,
    rule: &'static str,
    provenance: Provenance,
    message: String,
}

impl Violation {
    pub(crate) fn new(pointer: String, rule: &'static str, provenance: Provenance, message: String) -> Self {
        Self { pointer, rule, provenance, message }
    }

    pub(super) fn of(pointer: String, (rule, provenance, message): Broken) -> Self {
        Self { pointer, rule, provenance, message }
    }

    /// It is the choice among several scalars that is broken.
    pub(super) fn choice(&mut self, provenance: Provenance) {
        (self.rule, self.provenance) = ("anyOf", provenance);
    }

    /// By place: the order in which members came is no property of the value.
    pub(super) fn sort(violations: &mut [Self]) {
        violations.sort_by(|one, other| one.pointer.cmp(&other.pointer));
    }

    /// The same, of a value that stands at that place in another one.
    pub(crate) fn at(self, place: &str) -> Self {
        Self { pointer: format!("{place}{}", self.pointer), ..self }
    }

    /// The place of the value, as a JSON pointer (RFC 6901) into what was judged: an event, a payload that is built, or
    /// a single value, whose place is empty. For a property that is missing, the place where it would stand.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The keyword of the contract that holds the rule: `required`, `pattern`, `x-time-window`, …; or `json`, where a
    /// text is none.
    pub fn rule(&self) -> &'static str {
        self.rule
    }

    /// How sure the rule is.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The rule in words. Names properties, never values.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        write!(f, "{} ({}, {})", self.message, self.rule, self.provenance)
    }
}
