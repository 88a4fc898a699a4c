//! Events from files: each read, and held against the contract.

use std::{collections::VecDeque, ops::Range, path::PathBuf};

use copilot_api::{EventTimestamp, Violation, new_event_id, types::Event};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{exit::Failure, input::Input};

/// Files of events, one after the other.
pub(crate) struct Source {
    files: VecDeque<PathBuf>,
    current: Option<Input>,
    /// Pieces are payloads of this type.
    payloads_of: Option<String>,
    /// A piece that was completed.
    whole: String,
}

/// A piece of a file that is to be an event.
pub(crate) struct Read<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u64,
    /// How many characters stand before it on that line.
    pub(crate) column: usize,
    /// As it stands there; none, where it is no text.
    pub(crate) text: Option<&'a str>,
    pub(crate) event: Result<Event, Refused>,
    /// The text of the event alone: what can be mended and sent again.
    pub(crate) alone: Option<&'a str>,
    /// Where in the text the event begins, and what of pointers is outside of it.
    origin: (usize, &'static str),
}

/// Why a piece is no event.
pub(crate) enum Refused {
    /// It is none before anybody reads it.
    Unreadable(&'static str),
    Contract(Vec<Violation>),
}

impl Read<'_> {
    /// Where in the text the value stands that a violation is about.
    pub(crate) fn place(&self, violation: &Violation) -> Range<usize> {
        let text = self.text.unwrap_or_default();
        let (begin, prefix) = self.origin;
        let event = text.get(begin..).unwrap_or_default();
        let pointer = violation.pointer().strip_prefix(prefix).unwrap_or_default();
        let found = crate::place::of_error(event).filter(|_| pointer.is_empty());
        let found = found.unwrap_or_else(|| crate::place::locate(event, pointer));
        begin + found.start..begin + found.end
    }
}

/// A line of a file of rejects: an event, beside which stands why it was rejected.
#[derive(Deserialize)]
struct Rejected<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(rename = "type")]
    is_event: Option<IgnoredAny>,
}

impl Source {
    /// These files; none: standard input.
    pub(crate) fn new(files: Vec<PathBuf>, payloads_of: Option<String>) -> Self {
        let mut files = VecDeque::from(files);
        if files.is_empty() {
            files.push_back(PathBuf::from("-"));
        }
        Self { files, current: None, payloads_of, whole: String::new() }
    }

    /// Whether more may be read without waiting for who writes it.
    pub(crate) fn has_more(&self) -> bool {
        self.current.as_ref().is_some_and(Input::has_more)
    }

    /// The next piece; none at the end of the last file.
    pub(crate) fn next(&mut self) -> Result<Option<Read<'_>>, Failure> {
        // A file at its end is left before the next is asked, so that what is given borrows from one.
        loop {
            if self.current.is_none() {
                let Some(file) = self.files.pop_front() else { return Ok(None) };
                self.current = Some(Input::open(&file)?);
            }
            if let Some(input) = &mut self.current
                && !input.advance()?
            {
                self.current = None;
                continue;
            }
            break;
        }
        let Self { current, payloads_of, whole, .. } = self;
        let Some(piece) = current.as_ref().and_then(Input::piece) else { return Ok(None) };
        let (file, line, column) = (piece.file(), piece.line, piece.column);
        let text = match piece.text() {
            Ok(text) => text,
            Err(problem) => {
                let event = Err(Refused::Unreadable(problem));
                return Ok(Some(Read {
                    file,
                    line,
                    column,
                    text: None,
                    event,
                    alone: None,
                    origin: (0, ""),
                }));
            }
        };
        let (read, alone, origin) = match payloads_of {
            Some(event_type) => {
                let (id, now) = (new_event_id(), EventTimestamp::now().as_millis());
                whole.clear();
                whole.push_str(&format!(
                    r#"{{"type":"{event_type}","event_id":"{}","timestamp":{now},"payload":"#,
                    id.as_str()
                ));
                whole.push_str(text);
                whole.push('}');
                (copilot_api::parse_event(whole), &**whole, (0, "/payload"))
            }
            None => {
                let read = copilot_api::parse_event(text);
                match read.is_err().then(|| within(text)).flatten() {
                    None => (read, text, (0, "")),
                    Some(event) => {
                        let begin = event.as_ptr() as usize - text.as_ptr() as usize;
                        // What was no JSON stands there as text, which may be by now.
                        let event = match serde_json::from_str(event) {
                            Ok(text) => {
                                *whole = text;
                                &**whole
                            }
                            Err(_) => event,
                        };
                        (copilot_api::parse_event(event), event, (begin, ""))
                    }
                }
            }
        };
        let event = read.map_err(|invalid| Refused::Contract(invalid.into_violations()));
        Ok(Some(Read { file, line, column, text: Some(text), event, alone: Some(alone), origin }))
    }
}

/// The event of a line of a file of rejects.
fn within(text: &str) -> Option<&str> {
    let rejected: Rejected<'_> = serde_json::from_str(text).ok()?;
    rejected.is_event.is_none().then(|| rejected.event.get())
}
