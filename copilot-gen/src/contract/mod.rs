//! The rules of the contract, and the one interpreter that checks values against them.
//!
//! The tables ([`StringSchema`], [`ObjectSchema`], …) are generated from the contract into
//! [`schemas`](crate::schemas); nothing here knows a type of event or a property. A value is checked through its
//! `Serialize` implementation, so that a typed event and a JSON value are judged by the same code.

mod building;
mod invalid_input;
mod numbers;
mod pattern;
mod property;
mod rules;
mod serializer;
mod violation;
mod walk;

pub use building::{Building, Given, Parts};
pub use invalid_input::{InvalidInput, Listed};
pub use pattern::Pattern;
pub use property::{Bare, Integer, IntoMillis, IntoOptional, IntoProperty, Millis, Text, Wrapped};
pub use violation::{Provenance, Violation};

use serde::Serialize;

use crate::json::Json;

pub(crate) use walk::Path;

use walk::Checker;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Schema {
    /// A string.
    String(&'static StringSchema),
    /// A whole number.
    Integer(&'static IntegerSchema),
    /// Any finite number.
    Number(&'static NumberSchema),
    /// `true` or `false`.
    Boolean(&'static BooleanSchema),
    /// One of several scalars.
    AnyOf(&'static AnyOf),
    /// An object.
    Object(&'static ObjectSchema),
}

/// The rules of a string. Lengths count characters.
#[derive(Debug)]
pub struct StringSchema {
    /// How sure it is that this is a string.
    pub provenance: Provenance,
    /// The shortest length.
    pub min_length: Option<(u64, Provenance)>,
    /// The greatest length.
    pub max_length: Option<(u64, Provenance)>,
    /// The pattern that the whole string matches.
    pub pattern: Option<(Pattern, Provenance)>,
    /// The only values.
    pub one_of: Option<(&'static [&'static str], Provenance)>,
}

/// The rules of a whole number, which always fits an `i64`.
#[derive(Debug)]
pub struct IntegerSchema {
    /// How sure it is that this is an integer.
    pub provenance: Provenance,
    /// How sure its size is.
    pub format: Provenance,
    /// The least value.
    pub minimum: Option<(i64, Provenance)>,
    /// The greatest value.
    pub maximum: Option<(i64, Provenance)>,
    /// Where it lies around the receiver's clock.
    pub window: Option<TimeWindow>,
}

/// Where a time lies around the receiver's clock (`x-time-window`), in milliseconds.
#[derive(Debug)]
pub struct TimeWindow {
    /// How far it may lie in the past.
    pub past: i64,
    /// How sure that is.
    pub past_provenance: Provenance,
    /// How far it may lie in the future.
    pub future: i64,
    /// How sure that is.
    pub future_provenance: Provenance,
}

/// The rules of a number.
#[derive(Debug)]
pub struct NumberSchema {
    /// How sure it is that this is a number.
    pub provenance: Provenance,
    /// The least value.
    pub minimum: Option<(f64, Provenance)>,
    /// The greatest value.
    pub maximum: Option<(f64, Provenance)>,
}

/// The rules of a boolean.
#[derive(Debug)]
pub struct BooleanSchema {
    /// How sure it is that this is a boolean.
    pub provenance: Provenance,
}

/// A choice of scalars.
#[derive(Debug)]
pub struct AnyOf {
    /// What the value may be.
    pub alternatives: &'static [Schema],
    /// How sure the choice is.
    pub provenance: Provenance,
}

/// The rules of an object.
#[derive(Debug)]
pub struct ObjectSchema {
    /// How sure it is that this is an object.
    pub provenance: Provenance,
    /// The properties that it lists.
    pub properties: &'static [Property],
    /// How sure it is which of them are mandatory.
    pub required_provenance: Provenance,
    /// What holds for properties that are not listed.
    pub additional: Additional,
    /// Sets of properties, at least one of which must be there whole.
    pub any_of: Option<(&'static [&'static [&'static str]], Provenance)>,
}

/// One listed property of an object.
#[derive(Debug)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// What its value must be.
    pub schema: Schema,
    /// Whether it must be there.
    pub required: bool,
}

/// What holds for properties that an object does not list.
#[derive(Debug)]
pub enum Additional {
    /// They are refused.
    Closed(Provenance),
    /// Each must be this.
    Open(Schema),
}

/// The rules of the event: one object per value of the discriminating property.
#[derive(Debug)]
pub struct EventSchema {
    /// The property that decides.
    pub discriminator: &'static str,
    /// How sure that is.
    pub provenance: Provenance,
    /// The object for each value.
    pub variants: &'static [(&'static str, &'static ObjectSchema)],
    /// How many properties an event may have.
    pub limit: Option<PropertyLimit>,
}

/// How many properties an event may have (`x-property-limit`).
#[derive(Debug)]
pub struct PropertyLimit {
    /// The greatest number of keys.
    pub maximum: usize,
    /// The member of the event in which keys count, those of objects inside it included.
    pub within: &'static str,
    /// How sure the limit is.
    pub provenance: Provenance,
}

impl StringSchema {
    /// Holds a text against every rule.
    pub fn check(&self, text: &str) -> Result<(), InvalidInput> {
        let mut violations = Vec::new();
        rules::check_string(self, text, &mut |rule, provenance, message| {
            violations.push(Violation::new(String::new(), rule, provenance, message));
        });
        InvalidInput::if_any(violations)
    }
}

impl IntegerSchema {
    /// Holds an integer against every rule but those about the clock.
    pub fn check(&'static self, value: i64) -> Result<(), InvalidInput> {
        check(&value, Schema::Integer(self), None)
    }
}

impl ObjectSchema {
    /// Holds a value against every rule. `now` is the receiver's clock in milliseconds since 1970.
    pub fn check<T: Serialize + ?Sized>(&'static self, value: &T, now: i64) -> Result<(), InvalidInput> {
        check(value, Schema::Object(self), Some(now))
    }
}

impl AnyOf {
    /// Holds a value against every rule.
    pub fn check(&'static self, value: &Json) -> Result<(), InvalidInput> {
        check(value, Schema::AnyOf(self), None)
    }
}

fn check<T: Serialize + ?Sized>(value: &T, schema: Schema, now: Option<i64>) -> Result<(), InvalidInput> {
    let mut checker = Checker::new(now, None);
    checker.check(value, schema, &Path::ROOT);
    InvalidInput::if_any(checker.finish())
}

impl EventSchema {
    /// Every rule that a generated event breaks, whose variant is known. Its strings need no second look. `now` is the
    /// receiver's clock in milliseconds since 1970.
    #[doc(hidden)]
    pub fn check_generated<T: Serialize>(
        &'static self,
        variant: &'static ObjectSchema,
        event: &T,
        now: i64,
    ) -> Vec<Violation> {
        let mut checker = Checker::new(Some(now), self.limit.as_ref()).trusting_strings();
        checker.check(event, Schema::Object(variant), &Path::ROOT);
        checker.finish()
    }

    /// Every rule that a JSON value breaks as an event. The variant is chosen by the discriminating property; while
    /// that is missing or unknown, nothing else can be judged but that no name stands twice.
    pub fn check_json(&'static self, json: &Json, now: i64) -> Vec<Violation> {
        let mut checker = Checker::new(Some(now), self.limit.as_ref());
        checker.repeated_names(json);
        match self.variant(json) {
            Ok(variant) => checker.check(json, Schema::Object(variant), &Path::ROOT),
            Err(violation) => checker.add(violation),
        }
        checker.finish()
    }

    fn variant(&self, json: &Json) -> Result<&'static ObjectSchema, Violation> {
        let wrong = |pointer, rule, message| Err(Violation::new(pointer, rule, self.provenance, message));
        let pointer = format!("/{}", self.discriminator);
        if !matches!(json, Json::Object(_)) {
            return wrong(String::new(), "type", "must be an object".to_owned());
        }
        match json.member(self.discriminator) {
            None => wrong(pointer, "required", format!("`{}` is missing", self.discriminator)),
            Some(Json::String(name)) => match self.variants.iter().find(|(known, _)| known == name) {
                Some((_, variant)) => Ok(variant),
                None => {
                    let known = self.variants.len();
                    wrong(
                        pointer,
                        "discriminator",
                        format!("is not one of the {known} types of the contract"),
                    )
                }
            },
            Some(_) => wrong(pointer, "type", "must be a string".to_owned()),
        }
    }
}
