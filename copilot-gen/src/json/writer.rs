//! Writes JSON text of values that the generated types hold.

use serde::Serialize;

use crate::{properties::Properties, types::PropertyValue};

/// Adds one object after the other to a text. Members are written with a comma behind, which the end of their object
/// takes back.
#[derive(Debug)]
pub struct Writer<'t> {
    text: &'t mut Vec<u8>,
}

impl<'t> Writer<'t> {
    /// Writes behind what the text holds.
    pub fn new(text: &'t mut Vec<u8>) -> Self {
        Self { text }
    }

    /// JSON as it stands here: what begins an object, or the name of a member with its colon.
    #[inline]
    pub fn verbatim(&mut self, json: &'static str) {
        self.text.extend_from_slice(json.as_bytes());
    }

    /// A member whose text needs no escapes: the pattern of its type allows no character that does. The name ends with
    /// the quotation mark that begins the value.
    #[inline]
    pub fn plain(&mut self, name: &'static str, value: &str) {
        self.verbatim(name);
        self.text.extend_from_slice(value.as_bytes());
        self.verbatim("\",");
    }

    /// A member of any text.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.verbatim(name);
        self.string(value);
        self.verbatim(",");
    }

    /// A member.
    pub fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.verbatim(name);
        self.serialized(value);
        self.verbatim(",");
    }

    /// A member that is an object of properties of the caller's own.
    pub fn properties(&mut self, name: &'static str, properties: &Properties) {
        self.verbatim(name);
        self.verbatim("{");
        self.further(properties);
        self.end();
        self.verbatim(",");
    }

    /// Members of the caller's own names.
    pub fn further(&mut self, properties: &Properties) {
        for (name, value) in properties.iter() {
            self.string(name);
            self.verbatim(":");
            match value {
                PropertyValue::String(text) => self.string(text),
                other => self.serialized(other),
            }
            self.verbatim(",");
        }
    }

    /// A string: most have nothing that needs an escape.
    fn string(&mut self, text: &str) {
        let is_escaped = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        // No early end, so that many bytes are looked at together.
        if text.bytes().fold(false, |found, byte| found | is_escaped(byte)) {
            return self.serialized(text);
        }
        self.verbatim("\"");
        self.text.extend_from_slice(text.as_bytes());
        self.verbatim("\"");
    }

    /// Ends an object.
    pub fn end(&mut self) {
        match self.text.last_mut() {
            Some(last) if *last == b',' => *last = b'}',
            _ => self.text.push(b'}'),
        }
    }

    fn serialized<T: Serialize + ?Sized>(&mut self, value: &T) {
        let before = self.text.len();
        // Writing to memory does not fail, and no generated type refuses to be written. Should one do so all the same, a
        // null keeps the text JSON.
        if serde_json::to_writer(&mut *self.text, value).is_err() {
            self.text.truncate(before);
            self.verbatim("null");
        }
    }
}
