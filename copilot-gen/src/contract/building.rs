//! Makes a payload, and an event, of parts; collects all that breaks the contract on the way.

use std::{collections::BTreeMap, ops::Deref};

use serde::Serialize;

use super::{
    EventSchema, InvalidInput, ObjectSchema, PropertyLimit, Schema, StringSchema, Violation,
    walk::{Checker, Members},
};

/// What a setter was given: nothing, a value, or one that breaks the contract.
pub type Given<T> = Option<Result<T, InvalidInput>>;

/// A payload while its builder puts it together.
#[derive(Debug)]
pub struct Building {
    object: &'static ObjectSchema,
    limit: Option<&'static PropertyLimit>,
    checker: Checker,
    /// One bit for each listed property that was there.
    seen: u64,
}

impl Building {
    /// A payload with these rules, of events with those.
    pub fn new(object: &'static ObjectSchema, event: &'static EventSchema) -> Self {
        let limit = event.limit.as_ref().filter(|limit| limit.within == "payload");
        Self { object, limit, checker: Checker::new(None, None).trusting_strings(), seen: 0 }
    }

    /// Takes a listed property. `None` where it is missing or breaks a rule of its own.
    pub fn property<T: Serialize>(&mut self, name: &'static str, given: Given<T>) -> Option<T> {
        match given? {
            Ok(value) => {
                self.with_members(|members| members.listed(name, &value));
                Some(value)
            }
            Err(invalid) => {
                self.with_members(|members| members.refused(name));
                let invalid = self.one_of(name).map_or(invalid, InvalidInput::one);
                self.checker.extend(at(&format!("/{name}"), invalid));
                None
            }
        }
    }

    /// What a value of a property breaks that is an enumeration: its type does not know the rule's grade.
    fn one_of(&self, name: &str) -> Option<Violation> {
        let listed = self.object.properties.iter().find(|listed| listed.name == name)?;
        let Schema::String(StringSchema { one_of: Some((values, provenance)), .. }) = listed.schema else {
            return None;
        };
        let message = format!("must be {}", values.join(" or "));
        Some(Violation::new(String::new(), "enum", *provenance, message))
    }

    /// Takes the properties that the contract does not list, after those that it does.
    pub fn further<P, V>(&mut self, given: Given<P>) -> P
    where
        P: Default + Deref<Target = BTreeMap<String, V>>,
        V: Serialize,
    {
        match given {
            None => P::default(),
            Some(Ok(properties)) => {
                self.with_members(|members| {
                    properties.iter().for_each(|(name, value)| members.free(name, value));
                });
                properties
            }
            Some(Err(invalid)) => {
                self.checker.extend(invalid.into_violations());
                P::default()
            }
        }
    }

    /// The payload, if no rule is broken. `make` gives none where a mandatory property is missing, which is one.
    pub fn finish<P>(mut self, make: impl FnOnce() -> Option<P>) -> Result<P, InvalidInput> {
        let Self { object, limit, seen, .. } = self;
        Members::resumed(&mut self.checker, object, seen, limit).finish();
        Parts { violations: self.checker.finish() }.finish(make)
    }

    fn with_members(&mut self, take: impl FnOnce(&mut Members<'_, 'static>)) {
        let mut members = Members::resumed(&mut self.checker, self.object, self.seen, self.limit);
        take(&mut members);
        self.seen = members.seen();
    }
}

/// An event while it is put together.
#[derive(Debug, Default)]
pub struct Parts {
    violations: Vec<Violation>,
}

impl Parts {
    /// Takes the part at that place. `None` where it breaks the contract.
    pub fn part<T>(&mut self, place: &str, part: Result<T, InvalidInput>) -> Option<T> {
        part.map_err(|invalid| self.violations.extend(at(place, invalid))).ok()
    }

    /// The whole, if no part breaks the contract.
    pub fn finish<T>(self, make: impl FnOnce() -> Option<T>) -> Result<T, InvalidInput> {
        InvalidInput::if_any(self.violations)?;
        make().ok_or(InvalidInput::from(crate::json::Unreadable))
    }
}

fn at(place: &str, invalid: InvalidInput) -> impl Iterator<Item = Violation> + use<'_> {
    invalid.into_violations().into_iter().map(move |violation| violation.at(place))
}
