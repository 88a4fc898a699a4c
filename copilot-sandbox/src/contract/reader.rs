//! Reads JSON and notes what a `serde_json::Value` cannot hold: names that occur twice, and how numbers beyond 64 bits
//! were written. Does not depend on what serde_json makes of numbers: that changes with its features.

use std::{collections::HashMap, fmt, mem};

use json_event_parser::{JsonEvent, LowLevelJsonParser};
use serde_json::{Map, Value, map::Entry};

use super::document::escape;

/// 2^63, the least `f64` that is too great for an `i64`.
const BEYOND_I64: f64 = 9_223_372_036_854_775_808.0;

/// How deep arrays and objects may stand in each other, in an event and in a body without events.
const DEEPEST: usize = 128;

/// After so many bytes of places no more are noted: below a long name, they would add up to more memory than there is.
const ENOUGH: usize = 65_536;

/// What was read, and what its value does not tell.
#[derive(Default)]
pub(crate) struct Reading {
    /// Of a name that stands twice, this has the last; of a number that it cannot hold, the greatest of that kind.
    pub(super) value: Value,
    /// Where a name occurred again in its object.
    pub(super) repeated: Vec<String>,
    /// The numbers that no `i64` holds because they are too great or too small, by place.
    pub(super) beyond: HashMap<String, Beyond>,
}

/// How a number beyond 64 bits was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// As an integer.
    Integer,
    /// With a fraction or an exponent.
    Decimal,
}

/// An item of a batch, as it stands in the text.
pub(crate) struct Item<'t> {
    pub(crate) text: &'t str,
    pub(crate) reading: Reading,
}

/// Why a text cannot be read, and where. Repeats nothing of it.
#[derive(Debug)]
pub(super) struct Unreadable {
    problem: &'static str,
    line: usize,
    column: usize,
    /// In which item of the batch.
    pub(super) item: Option<usize>,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {} column {}", self.problem, self.line, self.column)
    }
}

/// Reads one JSON value.
pub(super) fn read(text: &str) -> Result<Reading, Unreadable> {
    Reader::new(text, None).read(DEEPEST)
}

/// Reads one JSON value and, apart from it, the items of its member `batch`: in the value, they are nulls.
pub(super) fn read_batch<'t>(text: &'t str, batch: &str) -> Result<(Reading, Vec<Item<'t>>), Unreadable> {
    let mut reader = Reader::new(text, Some(format!("/{}", escape(batch))));
    // Two levels are around the events.
    let around = reader.read(DEEPEST + 2)?;
    Ok((around, reader.items))
}

struct Reader<'t> {
    text: &'t str,
    /// How many bytes of it were read.
    at: usize,
    parser: LowLevelJsonParser,
    /// Where the value stands that is read now, as a JSON pointer.
    place: String,
    /// How many bytes of places were noted.
    noted: usize,
    reading: Reading,
    /// The place of the batch.
    batch: Option<String>,
    items: Vec<Item<'t>>,
    /// Whether an item is being read.
    in_item: bool,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, batch: Option<String>) -> Self {
        let (parser, place, reading) = (LowLevelJsonParser::new(), String::new(), Reading::default());
        Self { text, at: 0, parser, place, noted: 0, reading, batch, items: Vec::new(), in_item: false }
    }

    fn read(&mut self, levels: usize) -> Result<Reading, Unreadable> {
        // The parser would skip it.
        if self.text.starts_with('\u{feff}') {
            return Err(self.unreadable("a byte order mark stands before the value", 0));
        }
        let first = self.next()?;
        let value = self.value(first, levels)?;
        match self.next() {
            Ok(JsonEvent::Eof) => Ok(Reading { value, ..mem::take(&mut self.reading) }),
            _ => Err(self.unreadable("something follows the value", self.token())),
        }
    }

    fn next(&mut self) -> Result<JsonEvent<'t>, Unreadable> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let read = self.parser.parse_next(rest.as_bytes(), true);
        match read.event {
            Some(Ok(event)) => {
                self.at += read.consumed_bytes;
                Ok(event)
            }
            // The parser's words repeat the text.
            Some(Err(_)) | None => Err(self.unreadable("JSON cannot go on as the text does", self.token())),
        }
    }

    fn value(&mut self, first: JsonEvent<'t>, levels: usize) -> Result<Value, Unreadable> {
        let deeper = levels.checked_sub(1);
        let too_deep = |reader: &Self| reader.unreadable("nested deeper than 128 levels", reader.at);
        Ok(match first {
            JsonEvent::Null => Value::Null,
            JsonEvent::Boolean(value) => Value::Bool(value),
            JsonEvent::String(text) => Value::String(text.into_owned()),
            JsonEvent::Number(written) => self.number(&written),
            JsonEvent::StartArray => {
                let levels = deeper.ok_or_else(|| too_deep(self))?;
                let is_batch = !self.in_item && self.batch.as_ref() == Some(&self.place);
                let mut items = Vec::new();
                loop {
                    let start = self.token();
                    items.push(match self.next()? {
                        JsonEvent::EndArray => break,
                        first if is_batch => self.item(first, start, levels)?,
                        first => {
                            let index = items.len().to_string();
                            self.within(&index, |reader| reader.value(first, levels))?
                        }
                    });
                }
                Value::Array(items)
            }
            JsonEvent::StartObject => {
                let levels = deeper.ok_or_else(|| too_deep(self))?;
                let mut members = Map::new();
                while let JsonEvent::ObjectKey(name) = self.next()? {
                    let first = self.next()?;
                    self.within(&name, |reader| {
                        let value = reader.value(first, levels)?;
                        match members.entry(&*name) {
                            Entry::Vacant(free) => _ = free.insert(value),
                            Entry::Occupied(mut taken) => {
                                taken.insert(value);
                                if reader.has_room_for_a_note() {
                                    reader.reading.repeated.push(reader.place.clone());
                                }
                            }
                        }
                        Ok(())
                    })?;
                }
                Value::Object(members)
            }
            _ => return Err(self.unreadable("JSON cannot go on as the text does", self.at)),
        })
    }

    /// Reads what stands one step further down.
    fn within<T>(
        &mut self,
        step: &str,
        read: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        let outer = self.place.len();
        self.place.push('/');
        // Most names need no escape, and this is done for each of them.
        match step.contains(['~', '/']) {
            true => self.place.push_str(&escape(step)),
            false => self.place.push_str(step),
        }
        let read = read(self);
        self.place.truncate(outer);
        read
    }

    /// An item of the batch, which has its own places and notes.
    fn item(&mut self, first: JsonEvent<'t>, start: usize, levels: usize) -> Result<Value, Unreadable> {
        let (around, place) = (mem::take(&mut self.reading), mem::take(&mut self.place));
        let noted = mem::take(&mut self.noted);
        self.in_item = true;
        let value = self.value(first, levels)?;
        self.in_item = false;
        let reading = Reading { value, ..mem::replace(&mut self.reading, around) };
        (self.place, self.noted) = (place, noted);
        self.items.push(Item { text: self.text.get(start..self.at).unwrap_or_default(), reading });
        Ok(Value::Null)
    }

    fn number(&mut self, written: &str) -> Value {
        if let Ok(integer) = written.parse::<i64>() {
            return integer.into();
        }
        let is_integer = !written.contains(['.', 'e', 'E']);
        let decimal: f64 = written.parse().unwrap_or(f64::MAX);
        if (is_integer || decimal.abs() >= BEYOND_I64) && self.has_room_for_a_note() {
            let beyond = if is_integer { Beyond::Integer } else { Beyond::Decimal };
            self.reading.beyond.insert(self.place.clone(), beyond);
        }
        if is_integer { u64::MAX.into() } else { decimal.clamp(f64::MIN, f64::MAX).into() }
    }

    fn has_room_for_a_note(&mut self) -> bool {
        let has_room = self.noted < ENOUGH;
        self.noted += self.place.len();
        has_room
    }

    /// Where the next token begins that is more than a comma or a colon.
    fn token(&self) -> usize {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.text.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ',', ':']).len()
    }

    fn unreadable(&self, problem: &'static str, at: usize) -> Unreadable {
        let before = self.text.get(..at).unwrap_or(self.text);
        let last = before.rsplit('\n').next().unwrap_or_default();
        Unreadable {
            problem,
            line: before.matches('\n').count() + 1,
            column: last.chars().count() + 1,
            item: self.in_item.then_some(self.items.len()),
        }
    }
}
