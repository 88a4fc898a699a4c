//! Holds values of the generated types against the rules that the types do not hold themselves. Which these are is
//! generated, for each payload.

use super::{
    Broken, Given, IntegerSchema, InvalidInput, NumberSchema, Path, PropertyLimit, Provenance, UNIQUE_NAMES,
    Violation,
};
use crate::properties::Properties;

/// Collects what a value breaks. Allocates only to report.
#[derive(Debug, Default)]
pub struct Judge {
    violations: Vec<Violation>,
    may_be_misread: bool,
}

/// A generated type that is one of several scalars.
pub trait Choice {
    /// Reports what the type does not hold.
    fn judge(&self, at: &Path<'_>, judge: &mut Judge);

    /// The length of the text, where it is one.
    fn weight(&self) -> usize;
}

impl Judge {
    /// Every rule that is broken, in the order of their places.
    pub fn finish(mut self) -> Vec<Violation> {
        Violation::sort(&mut self.violations);
        self.violations
    }

    /// What was made, if no rule is broken. `make` gives none where a mandatory part is missing, which is one.
    pub fn made<T>(self, make: impl FnOnce() -> Option<T>) -> Result<T, InvalidInput> {
        if self.violations.is_empty()
            && let Some(made) = make()
        {
            return Ok(made);
        }
        InvalidInput::if_any(self.violations)?;
        Err(crate::json::Unreadable.into())
    }

    /// One of several scalars, if it keeps to the rules that its type does not hold.
    pub fn of_choice<T: Choice>(value: T) -> Result<T, InvalidInput> {
        let mut judge = Self::default();
        value.judge(&Path::ROOT, &mut judge);
        judge.made(|| Some(value))
    }

    /// Whether no rule is broken, and nothing in it may have been written otherwise.
    pub fn is_content(&self) -> bool {
        self.violations.is_empty() && !self.may_be_misread
    }

    /// A mandatory property that a builder was given. `None` where it is missing or breaks a rule of its own.
    pub fn mandatory<T>(&mut self, name: &'static str, given: Given<T>, grade: Provenance) -> Option<T> {
        if given.is_none() {
            self.report(&Path::ROOT.child(name), missing(name, grade));
        }
        self.optional(name, given)
    }

    /// As [`mandatory`](Self::mandatory), of an optional one.
    pub fn optional<T>(&mut self, name: &'static str, given: Given<T>) -> Option<T> {
        self.part(name, given?)
    }

    /// The properties that the contract does not list, which say the places of what they break.
    pub fn further(&mut self, given: Given<Properties>) -> Properties {
        match given {
            None => Properties::default(),
            Some(Ok(properties)) => properties,
            Some(Err(invalid)) => {
                self.violations.extend(invalid.into_violations());
                Properties::default()
            }
        }
    }

    /// A part under that name. `None` where it breaks the contract.
    pub fn part<T>(&mut self, name: &str, part: Result<T, InvalidInput>) -> Option<T> {
        match part {
            Ok(part) => Some(part),
            Err(invalid) => {
                let at = Path::ROOT.child(name).pointer();
                self.violations.extend(invalid.into_violations().into_iter().map(|broken| broken.at(&at)));
                None
            }
        }
    }

    /// What was judged so far stands in a member of that name.
    pub fn within(&mut self, name: &str) {
        if !self.violations.is_empty() {
            let at = Path::ROOT.child(name).pointer();
            let judged = std::mem::take(&mut self.violations);
            self.violations.extend(judged.into_iter().map(|broken| broken.at(&at)));
        }
    }

    /// At least one of these sets of properties must be there whole.
    pub fn at_least_one_of(&mut self, sets: &[&[&str]], grade: Provenance, is_there: bool) {
        if !is_there {
            self.report(&Path::ROOT, none_of(sets, grade));
        }
    }

    /// How many properties there are.
    pub fn count(&mut self, keys: usize, limit: Option<&PropertyLimit>) {
        if let Some(broken) = limit.and_then(|limit| limit.broken(keys)) {
            self.report(&Path::ROOT, broken);
        }
    }

    /// A whole number. `now` is the receiver's clock in milliseconds since 1970.
    pub fn integer(&mut self, name: &str, schema: &IntegerSchema, value: i64, now: Option<i64>) {
        if let Some(broken) = schema.broken(value, now) {
            self.report(&Path::ROOT.child(name), broken);
        }
    }

    /// A number.
    pub fn number(&mut self, name: &str, schema: &NumberSchema, value: f64) {
        if let Some(broken) = schema.broken(value) {
            self.report(&Path::ROOT.child(name), broken);
        }
        self.may_be_misread |= may_be_an_integer(value);
    }

    /// A number where there may be something else: what is broken is the choice, which is so sure.
    pub fn alternative(&mut self, at: &Path<'_>, schema: &NumberSchema, choice: Provenance, value: f64) {
        if let Some((_, _, message)) = schema.broken(value) {
            self.report(at, ("anyOf", choice, message));
        }
        self.may_be_misread |= may_be_an_integer(value);
    }

    /// Properties of the caller's own, none of which may bear a listed name.
    pub fn properties(&mut self, at: &Path<'_>, properties: &Properties, listed: &[&str]) {
        for (name, value) in properties.iter() {
            if listed.contains(&name) {
                let message =
                    format!("`{name}` is listed in the contract: it cannot be a further property as well");
                self.report(&at.child(name), (UNIQUE_NAMES, Provenance::Assumed, message));
            }
            value.judge(&at.child(name), self);
        }
    }

    #[cold]
    fn report(&mut self, at: &Path<'_>, broken: Broken) {
        self.violations.push(Violation::of(at.pointer(), broken));
    }
}

/// Whether serde may have met an integer as this decimal: -0, and what no `i64` holds.
fn may_be_an_integer(value: f64) -> bool {
    value.abs() >= 9_223_372_036_854_775_808.0 || (value == 0.0 && value.is_sign_negative())
}

impl PropertyLimit {
    pub(super) fn broken(&self, keys: usize) -> Option<Broken> {
        (keys > self.maximum).then(|| {
            let message = format!("must have at most {} properties together, not {keys}", self.maximum);
            ("x-property-limit", self.provenance, message)
        })
    }
}

pub(super) fn missing(name: &str, grade: Provenance) -> Broken {
    ("required", grade, format!("`{name}` is missing"))
}

pub(super) fn none_of(sets: &[&[&str]], grade: Provenance) -> Broken {
    let names: Vec<String> = sets.iter().map(|set| set.join(" with ")).collect();
    ("anyOf", grade, format!("must have at least one of {}", names.join(", ")))
}
