//! The one error of what breaks the contract.

use std::{convert::Infallible, fmt};

use super::{Provenance, Violation};
use crate::json::{SyntaxError, Unreadable};

/// What was to be sent or read breaks the contract: lists every rule that it breaks, and repeats no value.
///
/// Building a payload or an event, reading one from JSON, and checking one fail with this.
///
/// ```
/// # use copilot_gen as copilot_api;
/// use copilot_api::types::ThingConnectedPayload;
///
/// let error = ThingConnectedPayload::builder().user_id("user 7").build().unwrap_err();
/// let places: Vec<&str> = error.violations().iter().map(|violation| violation.pointer()).collect();
/// assert_eq!(places, ["/thing_id", "/user_id"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidInput {
    /// Two words: in a `Result` beside a string they need no more room than that.
    violations: Box<[Violation]>,
}

impl InvalidInput {
    /// Fails if there are violations.
    #[doc(hidden)]
    pub fn if_any(mut violations: Vec<Violation>) -> Result<(), Self> {
        if violations.is_empty() {
            return Ok(());
        }
        Violation::sort(&mut violations);
        Err(Self { violations: violations.into() })
    }

    pub(crate) fn one(violation: Violation) -> Self {
        Self { violations: [violation].into() }
    }

    /// Every rule that is broken, in the order of their places.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The same, to keep.
    pub fn into_violations(self) -> Vec<Violation> {
        self.violations.into_vec()
    }

    /// The text of a value of an enumeration is none of these.
    #[doc(hidden)]
    pub fn none_of(values: &[&str], provenance: Provenance) -> Self {
        let message = format!("must be {}", values.join(" or "));
        Self::one(Violation::of(String::new(), ("enum", provenance, message)))
    }
}

/// Of a single value.
impl FromIterator<Violation> for InvalidInput {
    fn from_iter<I: IntoIterator<Item = Violation>>(violations: I) -> Self {
        Self { violations: violations.into_iter().collect() }
    }
}

/// All in one line.
impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Listed(&self.violations).fmt(f)
    }
}

impl std::error::Error for InvalidInput {}

/// A text that is no JSON has one violation, of the rule `json`, whose message says the line and the column.
impl From<SyntaxError> for InvalidInput {
    fn from(error: SyntaxError) -> Self {
        Self::one(Violation::new(String::new(), "json", Provenance::Seed, error.to_string()))
    }
}

impl From<Unreadable> for InvalidInput {
    fn from(error: Unreadable) -> Self {
        Self::one(Violation::new(String::new(), "type", Provenance::Assumed, error.to_string()))
    }
}

impl From<Infallible> for InvalidInput {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Violations in one line.
#[doc(hidden)]
#[derive(Debug)]
pub struct Listed<'a>(pub &'a [Violation]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, violation) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        Ok(())
    }
}
