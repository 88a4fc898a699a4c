//! The rules of the contract, and what holds values against them.
//!
//! The tables ([`StringSchema`], [`ObjectSchema`], …) and what uses them are generated from the contract; nothing here
//! knows a type of event or a property.
//!
//! - A generated type holds the rules of its own value when it is made ([`StringSchema::check`]).
//! - What its type cannot hold, a generated function of each payload says to the [`Judge`], both when a builder makes the
//!   payload and before it is sent.
//! - What JSON from elsewhere breaks that does not fit the types, [`EventSchema::violations`] lists.

mod foreign;
mod invalid_input;
mod judge;
mod path;
mod pattern;
mod property;
mod scalars;
mod violation;

pub use invalid_input::{InvalidInput, Listed};
pub use judge::{Choice, Judge};
pub use path::Path;
pub use pattern::Pattern;
pub use property::{Bare, Integer, IntoMillis, IntoOptional, IntoProperty, Millis, Text, Wrapped};
pub use scalars::Broken;
pub use uuid::Uuid;
pub use violation::{Provenance, Violation};

/// No object has a name twice. The generator asks the contract for this rule, with the grade `assumed`.
const UNIQUE_NAMES: &str = "x-unique-names";

/// What a setter was given: nothing, a value, or one that breaks the contract.
pub type Given<T> = Option<Result<T, InvalidInput>>;

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
