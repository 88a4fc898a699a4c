//! The rules of the contract, and the one interpreter that checks values against them.
//!
//! The tables ([`StringSchema`], [`ObjectSchema`], …) are generated from the contract into
//! [`schemas`](crate::schemas); nothing here knows a type of event or a property. A value is checked through its
//! `Serialize` implementation, so that a typed event and a JSON value are judged by the same code.

mod numbers;
mod optional;
mod pattern;
mod rules;
mod serializer;
mod violation;
mod walk;

pub use optional::{Bare, IntoOptional, Wrapped};
pub use pattern::Pattern;
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
    /// The first rule that the text breaks, in words that do not repeat the text.
    pub fn violated(&self, text: &str) -> Option<String> {
        let mut first = None;
        rules::check_string(self, text, &mut |rule, provenance, message| {
            first.get_or_insert_with(|| format!("{message} ({rule}, {provenance})"));
        });
        first
    }
}

impl ObjectSchema {
    /// Every rule that the value breaks. `now` is the receiver's clock in milliseconds since 1970.
    pub fn check<T: Serialize + ?Sized>(&'static self, value: &T, now: i64) -> Vec<Violation> {
        let mut checker = Checker::new(now, None);
        checker.check(value, Schema::Object(self), &Path::ROOT);
        checker.finish()
    }
}

impl ObjectSchema {
    /// A generated payload, unless it breaks rules that its types cannot hold; those in one line.
    #[doc(hidden)]
    pub fn finish<T: Serialize>(&'static self, payload: T) -> Result<T, String> {
        // No rule about the clock applies inside a payload: events carry their time beside it.
        let mut checker = Checker::new(0, None).trusting_strings();
        checker.check(&payload, Schema::Object(self), &Path::ROOT);
        let violations = checker.finish();
        if violations.is_empty() {
            return Ok(payload);
        }
        Err(violations.iter().map(Violation::to_string).collect::<Vec<_>>().join("; "))
    }
}

impl AnyOf {
    /// The first rule that a value breaks, in words that do not repeat the value.
    #[doc(hidden)]
    pub fn violated(&'static self, value: &Json) -> Option<String> {
        let mut checker = Checker::new(0, None);
        checker.check(value, Schema::AnyOf(self), &Path::ROOT);
        checker.finish().first().map(|violation| {
            format!("{} ({}, {})", violation.message(), violation.rule(), violation.provenance())
        })
    }
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
        let mut checker = Checker::new(now, self.limit.as_ref()).trusting_strings();
        checker.check(event, Schema::Object(variant), &Path::ROOT);
        checker.finish()
    }

    /// Every rule that a JSON value breaks as an event. The variant is chosen by the discriminating property; while
    /// that is missing or unknown, nothing else can be judged but that no name stands twice.
    pub fn check_json(&'static self, json: &Json, now: i64) -> Vec<Violation> {
        let mut checker = Checker::new(now, self.limit.as_ref());
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
