//! Reads JSON text.

use std::fmt;

use json_event_parser::{JsonEvent, LowLevelJsonParser};

use super::{Json, Object};

/// How deep arrays and objects may stand in each other.
const DEEPEST: usize = 128;

/// Why a text is no JSON, and where. Repeats nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    problem: Problem,
    line: usize,
    column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    ByteOrderMark,
    ControlCharacter,
    EndsEarly,
    Escape,
    Follows,
    HalfPair,
    TooDeep,
    Unexpected,
}

impl SyntaxError {
    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1, in characters.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Problem::ByteOrderMark => "a byte order mark stands before the value",
            Problem::ControlCharacter => "a control character stands in a string as it is",
            Problem::EndsEarly => "the text ends before the value does",
            Problem::Escape => "an escape that JSON does not have",
            Problem::Follows => "something follows the value",
            Problem::HalfPair => "half of a surrogate pair, which is no character",
            Problem::TooDeep => "arrays and objects are nested deeper than 128 levels",
            Problem::Unexpected => "JSON cannot go on like this",
        };
        write!(f, "not JSON: {problem}, at line {}, column {}", self.line, self.column)
    }
}

impl std::error::Error for SyntaxError {}

pub(super) fn parse(text: &str) -> Result<Json, SyntaxError> {
    let mut reader = Reader { text, at: 0, parser: LowLevelJsonParser::new() };
    // The parser would skip it.
    if text.starts_with('\u{feff}') {
        return Err(reader.error(Problem::ByteOrderMark, 0));
    }
    let first = reader.next()?;
    let value = reader.value(first, DEEPEST)?;
    match reader.next() {
        Ok(JsonEvent::Eof) => Ok(value),
        _ => Err(reader.error(Problem::Follows, reader.token())),
    }
}

struct Reader<'t> {
    text: &'t str,
    /// How many bytes of it were read.
    at: usize,
    parser: LowLevelJsonParser,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<JsonEvent<'t>, SyntaxError> {
        let read = self.parser.parse_next(self.rest(self.at).as_bytes(), true);
        match read.event {
            Some(Ok(event)) => {
                self.at += read.consumed_bytes;
                Ok(event)
            }
            // The parser's words repeat the text.
            Some(Err(error)) => Err(self.fault(error.location().start.offset)),
            None => Err(self.error(Problem::EndsEarly, self.text.len())),
        }
    }

    /// The value that begins with this, in which so many levels may stand.
    fn value(&mut self, first: JsonEvent<'t>, levels: usize) -> Result<Json, SyntaxError> {
        let deeper = levels.checked_sub(1).ok_or_else(|| self.error(Problem::TooDeep, self.at));
        Ok(match first {
            JsonEvent::Null => Json::Null,
            JsonEvent::Boolean(value) => Json::Boolean(value),
            JsonEvent::Number(written) => Json::number(&written),
            JsonEvent::String(text) => Json::String(text.into_owned()),
            JsonEvent::StartArray => {
                let (levels, mut items) = (deeper?, Vec::new());
                loop {
                    match self.next()? {
                        JsonEvent::EndArray => return Ok(Json::Array(items)),
                        first => items.push(self.value(first, levels)?),
                    }
                }
            }
            JsonEvent::StartObject => {
                let (levels, mut object) = (deeper?, Object::default());
                while let JsonEvent::ObjectKey(name) = self.next()? {
                    let first = self.next()?;
                    object.insert(name.into_owned(), self.value(first, levels)?);
                }
                Json::Object(object)
            }
            JsonEvent::EndArray | JsonEvent::EndObject | JsonEvent::ObjectKey(_) | JsonEvent::Eof => {
                return Err(self.error(Problem::Unexpected, self.at));
            }
        })
    }

    /// What is wrong with the token that was not read, if the parser stumbled there.
    fn fault(&self, stumbled: u64) -> SyntaxError {
        let token = self.token();
        let (problem, at) = match self.rest(token).strip_prefix('"').map(string_fault) {
            Some(Some((problem, rest))) => (problem, self.text.len() - rest),
            Some(None) => (Problem::Unexpected, token),
            None if self.rest(token).is_empty() => (Problem::EndsEarly, token),
            None => (Problem::Unexpected, usize::try_from(stumbled).unwrap_or(token)),
        };
        self.error(problem, at)
    }

    /// Where the next token begins that is more than a comma or a colon.
    fn token(&self) -> usize {
        let skipped = [' ', '\t', '\r', '\n', ',', ':'];
        self.text.len() - self.rest(self.at).trim_start_matches(skipped).len()
    }

    fn rest(&self, at: usize) -> &'t str {
        self.text.get(at..).unwrap_or_default()
    }

    fn error(&self, problem: Problem, at: usize) -> SyntaxError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        SyntaxError { problem, line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

/// What is wrong with a string, of which the opening quotation mark was taken, and how many bytes are left there. The
/// parser itself, at half of a surrogate pair, says that the text ends.
fn string_fault(mut rest: &str) -> Option<(Problem, usize)> {
    loop {
        let Some(at) = rest.find(|c| matches!(c, '"' | '\\' | '\0'..='\x1f')) else {
            return Some((Problem::EndsEarly, 0));
        };
        rest = rest.get(at..)?;
        let Some(escape) = rest.strip_prefix('\\') else {
            return (!rest.starts_with('"')).then_some((Problem::ControlCharacter, rest.len()));
        };
        let (problem, length) = match escape.chars().next() {
            None => (Some(Problem::EndsEarly), 0),
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => (None, 2),
            Some('u') => match (code_unit(rest), code_unit(rest.get(6..).unwrap_or_default())) {
                (None, _) => (Some(Problem::Escape), 0),
                (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (None, 12),
                (Some(0xD800..=0xDFFF), _) => (Some(Problem::HalfPair), 0),
                _ => (None, 6),
            },
            Some(_) => (Some(Problem::Escape), 0),
        };
        if let Some(problem) = problem {
            return Some((problem, rest.len()));
        }
        rest = rest.get(length..)?;
    }
}

/// The number in an escape like `\u00e9` with which a text begins.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u16::from_str_radix(digits, 16).ok())?
}
