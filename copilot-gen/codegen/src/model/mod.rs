//! What the contract says of the values that a request holds, read once: what is generated is made of this.

mod read;

use std::collections::BTreeMap;

use crate::contract::Provenance;

pub(crate) use read::is_checked_string;

/// Something that the contract says, and how sure it is.
pub type Graded<T> = (T, Provenance);

/// The values of requests.
#[derive(Clone, Debug)]
pub struct Model {
    /// The named schemas that a request can hold, and those that are kept for clients. What one refers to comes before it.
    pub schemas: Vec<Used>,
    /// The event.
    pub event: Event,
}

/// The event: one object for each value of the discriminating property.
#[derive(Clone, Debug)]
pub struct Event {
    /// The name of its schema.
    pub name: String,
    /// The property that decides.
    pub discriminator: Graded<String>,
    /// The types of events, in the order of the contract.
    pub types: Vec<EventType>,
    /// How many properties an event may have.
    pub limit: Option<Graded<PropertyLimit>>,
}

/// A type of event.
#[derive(Clone, Debug)]
pub struct EventType {
    /// The value of the discriminating property.
    pub wire_name: String,
    /// The name of the schema of the whole event.
    pub schema_name: String,
    /// The name of the payload's schema.
    pub payload_name: String,
    /// The payload.
    pub payload: ObjectRules,
}

/// How many properties there may be in a member of the event, those of objects inside it included.
#[derive(Clone, Debug)]
pub struct PropertyLimit {
    /// The greatest number of keys.
    pub maximum: u64,
    /// The member.
    pub within: String,
}

/// A schema where it is used.
#[derive(Clone, Debug)]
pub struct Used {
    /// Its name; none, where it stands inline.
    pub name: Option<String>,
    /// What it says.
    pub schema: Schema,
}

/// What a value must be.
#[derive(Clone, Debug)]
pub enum Schema {
    /// A string.
    String(StringRules),
    /// A whole number of 64 bits.
    Integer(IntegerRules),
    /// A number.
    Number(NumberRules),
    /// `true` or `false`.
    Boolean(Provenance),
    /// One of several scalars.
    AnyOf(Graded<Vec<Used>>),
    /// An object.
    Object(ObjectRules),
}

/// The rules of a string. Lengths count characters.
#[derive(Clone, Debug)]
pub struct StringRules {
    /// How sure it is that this is a string.
    pub provenance: Provenance,
    /// The shortest length.
    pub min_length: Option<Graded<u64>>,
    /// The greatest length.
    pub max_length: Option<Graded<u64>>,
    /// The pattern that the whole string matches.
    pub pattern: Option<Graded<String>>,
    /// The only values.
    pub one_of: Option<Graded<Vec<String>>>,
}

/// The rules of a whole number.
#[derive(Clone, Debug)]
pub struct IntegerRules {
    /// How sure it is that this is an integer.
    pub provenance: Provenance,
    /// How sure its size is.
    pub format: Provenance,
    /// The least value.
    pub minimum: Option<Graded<i64>>,
    /// The greatest value.
    pub maximum: Option<Graded<i64>>,
    /// How far it may lie before and after the receiver's clock, in milliseconds.
    pub window: Option<[Graded<i64>; 2]>,
}

/// The rules of a number.
#[derive(Clone, Debug)]
pub struct NumberRules {
    /// How sure it is that this is a number.
    pub provenance: Provenance,
    /// The least value.
    pub minimum: Option<Graded<f64>>,
    /// The greatest value.
    pub maximum: Option<Graded<f64>>,
}

/// The rules of an object.
#[derive(Clone, Debug)]
pub struct ObjectRules {
    /// How sure it is that this is an object.
    pub provenance: Provenance,
    /// The properties that it lists, by name: the order of the generated types.
    pub properties: BTreeMap<String, Property>,
    /// How sure it is which of them are mandatory.
    pub required_provenance: Provenance,
    /// What those that are not listed must be; nothing, where there may be none.
    pub additional: Option<Box<Used>>,
    /// How sure it is that there may be none.
    pub closed_provenance: Provenance,
    /// Sets of properties, at least one of which must be there whole.
    pub any_of: Option<Graded<Vec<Vec<String>>>>,
}

/// A listed property of an object.
#[derive(Clone, Debug)]
pub struct Property {
    /// What its value must be.
    pub used: Used,
    /// Whether it must be there.
    pub is_required: bool,
}
