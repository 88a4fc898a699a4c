//! JSON as it was written, for values that come from elsewhere.
//!
//! `serde_json::Value` does not do here: what it holds, and how it hands it on, depends on the features that some crate
//! of the program turned on (`arbitrary_precision`, `raw_value`), it makes a decimal of an integer that is too long,
//! and of a name that stands twice it keeps one.

mod from_serde;
mod into_serde;
mod reading;
mod text;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) use from_serde::NUMBER;
pub use from_serde::from_text;
pub use into_serde::{ObjectOnly, Unreadable};
pub use reading::{Name, once, present};
pub use text::SyntaxError;
pub use writer::Writer;

use crate::contract::Path;

/// After so many bytes of places where names stand twice no more are listed: below a long name they would add up.
const LISTED_BYTES: usize = 65_536;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// An integer that no `i64` holds.
    LongInteger,
    /// A number with a fraction or an exponent. Infinite, where no double holds it.
    Decimal(f64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

/// The members of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    /// By name; of a name that stands more than once, the last.
    members: BTreeMap<String, Json>,
    /// The names that stand more than once.
    repeated: BTreeSet<String>,
}

impl Json {
    /// Reads JSON text.
    ///
    /// # Errors
    ///
    /// When the text is not JSON, or nested deeper than 128 levels.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        text::parse(text)
    }

    /// A number, as it is written.
    pub(crate) fn number(written: &str) -> Self {
        match written.parse() {
            Ok(integer) => Self::Integer(integer),
            Err(_) if written.contains(['.', 'e', 'E']) => {
                written.parse().map_or(Self::Decimal(f64::INFINITY), Self::Decimal)
            }
            Err(_) => Self::LongInteger,
        }
    }

    /// The text of one member, and the object without it. No name may stand twice.
    pub fn without(mut self, name: &str) -> Result<(String, Self), Unreadable> {
        if !self.repeated_names().is_empty() {
            return Err(Unreadable);
        }
        match &mut self {
            Self::Object(object) => match object.members.remove(name) {
                Some(Self::String(text)) => Ok((text, self)),
                _ => Err(Unreadable),
            },
            _ => Err(Unreadable),
        }
    }

    /// The member of that name, if this is an object that has it.
    pub(crate) fn member(&self, name: &str) -> Option<&Json> {
        match self {
            Self::Object(object) => object.members.get(name),
            _ => None,
        }
    }

    /// The places, as JSON pointers, of the members whose name stands more than once in their object: the first of
    /// them, up to 64 KiB.
    pub fn repeated_names(&self) -> Vec<String> {
        let mut found = Found { pointers: Vec::new(), bytes: 0 };
        found.search(self, &Path::ROOT);
        found.pointers
    }
}

struct Found {
    pointers: Vec<String>,
    bytes: usize,
}

impl Found {
    fn search(&mut self, value: &Json, at: &Path<'_>) {
        match value {
            Json::Object(object) => {
                for name in &object.repeated {
                    if self.bytes < LISTED_BYTES {
                        let pointer = at.child(name).pointer();
                        self.bytes += pointer.len();
                        self.pointers.push(pointer);
                    }
                }
                object.members.iter().for_each(|(name, member)| self.search(member, &at.child(name)));
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.search(item, &at.child(&index.to_string()));
                }
            }
            _ => {}
        }
    }
}

impl Object {
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.members.get(name)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The members, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Json)> {
        self.members.iter()
    }

    fn insert(&mut self, name: String, value: Json) {
        if self.members.contains_key(&name) {
            self.repeated.insert(name.clone());
        }
        self.members.insert(name, value);
    }
}

/// By the kinds of values that serde_json names, not by what it serializes itself as.
impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Boolean(*value),
            Value::Number(number) => {
                number.as_i64().map_or_else(|| Self::number(&number.to_string()), Self::Integer)
            }
            Value::String(text) => Self::String(text.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), Self::from(value))).collect();
                Self::Object(Object { members, repeated: BTreeSet::new() })
            }
        }
    }
}
