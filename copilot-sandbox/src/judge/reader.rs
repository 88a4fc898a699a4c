//! Reads JSON and notes what a `serde_json::Value` cannot hold: names that occur twice, and how numbers beyond 64 bits
//! were written.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, map::Entry, value::RawValue};

use super::path::Path;

/// 2^63, the least `f64` that is too great for an `i64`.
const BEYOND_I64: f64 = 9_223_372_036_854_775_808.0;

/// After so many bytes of places where names stand twice, no more are noted: below a long name, they would add up to
/// more memory than there is.
const ENOUGH: usize = 65_536;

/// What was read, and what its value does not tell.
pub(super) struct Reading {
    pub(super) value: Value,
    /// Where a name occurred again in its object: the first such places.
    pub(super) repeated: Vec<String>,
    /// The numbers that no `i64` holds because they are too great or too small.
    pub(super) huge: Vec<Huge>,
}

/// A number beyond 64 bits.
pub(super) struct Huge {
    /// Which number of the text it is, from 0.
    pub(super) number: usize,
    /// Whether it was written as an integer: `1e30` was not.
    pub(super) is_integer: bool,
}

/// Reads one JSON value.
pub(super) fn read(json: &str) -> Result<Reading, serde_json::Error> {
    let mut notes = Notes::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let reader = Reader { notes: &mut notes, at: &Path::ROOT, batch: Batch::Elsewhere };
    let value = reader.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(notes.reading(value, json))
}

/// Reads one JSON value whose member `batch`, if that is an array, is left unread: in the value, its items are nulls.
pub(super) fn read_around<'de>(
    json: &'de str,
    batch: &str,
) -> Result<(Reading, Vec<&'de RawValue>), serde_json::Error> {
    let mut notes = Notes::default();
    let mut items = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let batch = Batch::Member(batch, &mut items);
    let reader = Reader { notes: &mut notes, at: &Path::ROOT, batch };
    let value = reader.deserialize(&mut deserializer)?;
    deserializer.end()?;
    // Numbers in the items were not counted, so those around them cannot be looked up in the text.
    notes.huge.clear();
    Ok((notes.reading(value, json), items))
}

#[derive(Default)]
struct Notes {
    repeated: Vec<String>,
    /// The bytes of those places.
    repeated_bytes: usize,
    /// Which numbers of the text are beyond 64 bits.
    huge: Vec<usize>,
    numbers: usize,
}

impl Notes {
    fn repeat(&mut self, at: &Path<'_>) {
        if self.repeated_bytes < ENOUGH {
            let pointer = at.pointer();
            self.repeated_bytes += pointer.len();
            self.repeated.push(pointer);
        }
    }

    fn reading(self, value: Value, json: &str) -> Reading {
        let mut found = Vec::new();
        let mut huge = self.huge.into_iter().peekable();
        if huge.peek().is_some() {
            for (number, literal) in number_literals(json).enumerate() {
                if huge.next_if_eq(&number).is_some() {
                    let is_integer = literal.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
                    found.push(Huge { number, is_integer });
                }
            }
        }
        Reading { value, repeated: self.repeated, huge: found }
    }
}

/// The numbers in a text that is known to be JSON, as they are written, in their order.
fn number_literals(json: &str) -> impl Iterator<Item = &str> {
    let mut rest = json;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            let (_, found) = rest.split_at_checked(start)?;
            if let Some(inside) = found.strip_prefix('"') {
                rest = after_string(inside);
                continue;
            }
            let end = found
                .find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E')))
                .unwrap_or(found.len());
            let (literal, after) = found.split_at_checked(end)?;
            rest = after;
            return Some(literal);
        }
    })
}

/// What follows a string, of which the opening quotation mark was taken.
fn after_string(mut rest: &str) -> &str {
    while let Some(at) = rest.find(['"', '\\']) {
        let is_end = rest.get(at..).is_some_and(|found| found.starts_with('"'));
        // What is escaped may be a quotation mark. It is ASCII: the text is JSON.
        rest = rest.get(at + if is_end { 1 } else { 2 }..).unwrap_or_default();
        if is_end {
            return rest;
        }
    }
    ""
}

/// Where the items are that stay unread.
enum Batch<'a, 'de> {
    /// Not below this value.
    Elsewhere,
    /// In the member of that name.
    Member(&'a str, &'a mut Vec<&'de RawValue>),
    /// In this value.
    Here(&'a mut Vec<&'de RawValue>),
}

/// Reads one value.
struct Reader<'a, 'de> {
    notes: &'a mut Notes,
    at: &'a Path<'a>,
    batch: Batch<'a, 'de>,
}

impl Reader<'_, '_> {
    /// Counts a number.
    fn count(&mut self, is_huge: bool) {
        if is_huge {
            self.notes.huge.push(self.notes.numbers);
        }
        self.notes.numbers += 1;
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_, 'de> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_, 'de> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<Value, E> {
        self.count(false);
        Ok(value.into())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<Value, E> {
        self.count(i64::try_from(value).is_err());
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(mut self, value: f64) -> Result<Value, E> {
        self.count(value.abs() >= BEYOND_I64);
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        if let Batch::Here(unread) = self.batch {
            while let Some(item) = items.next_element()? {
                unread.push(item);
            }
            return Ok(Value::Array(vec![Value::Null; unread.len()]));
        }
        let mut read = Vec::new();
        loop {
            let at = self.at.index(read.len());
            let reader = Reader { notes: &mut *self.notes, at: &at, batch: Batch::Elsewhere };
            match items.next_element_seed(reader)? {
                Some(item) => read.push(item),
                None => return Ok(Value::Array(read)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let at = self.at.name(&name);
            let batch = match &mut self.batch {
                Batch::Member(batch, unread) if **batch == name => Batch::Here(unread),
                _ => Batch::Elsewhere,
            };
            let value = members.next_value_seed(Reader { notes: &mut *self.notes, at: &at, batch })?;
            match read.entry(name) {
                Entry::Vacant(free) => _ = free.insert(value),
                Entry::Occupied(mut taken) => {
                    self.notes.repeat(&self.at.name(taken.key()));
                    taken.insert(value);
                }
            }
        }
        Ok(Value::Object(read))
    }
}
