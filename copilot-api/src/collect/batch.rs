//! Cuts a run of events into batches by count and bytes. Each event is serialized once, whatever happens to its batch.

use bytes::Bytes;
use copilot_gen::types::{CollectRequest, Event};

/// How much a request holds at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
}

impl Default for Limits {
    /// Neither limit is published (`assumed`).
    fn default() -> Self {
        Self { events: 100, bytes: 450_000 }
    }
}

/// Events that go in one request.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    events: Vec<(usize, Event)>,
    /// The events as JSON, one after the other.
    json: Vec<u8>,
    /// Where each one ends in `json`.
    ends: Vec<usize>,
}

/// What stands around and between the events in a body.
const SEPARATOR: u8 = b',';

/// The body without events, cut where they belong. Taken from the contract's type, so that no name is written here.
fn envelope() -> (Vec<u8>, Vec<u8>) {
    let empty = serde_json::to_vec(&CollectRequest { events: Vec::new() }).unwrap_or_default();
    let middle = empty.iter().position(|byte| *byte == b']').unwrap_or(empty.len());
    let (head, tail) = empty.split_at(middle);
    (head.to_vec(), tail.to_vec())
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The request's body.
    pub(crate) fn body(&self) -> Bytes {
        let (head, tail) = envelope();
        let mut body = Vec::with_capacity(self.size(&head, &tail));
        body.extend_from_slice(&head);
        let mut start = 0;
        for (at, end) in self.ends.iter().enumerate() {
            if at > 0 {
                body.push(SEPARATOR);
            }
            body.extend_from_slice(self.json.get(start..*end).unwrap_or_default());
            start = *end;
        }
        body.extend_from_slice(&tail);
        body.into()
    }

    /// The length of the body in bytes.
    fn size(&self, head: &[u8], tail: &[u8]) -> usize {
        head.len() + self.json.len() + self.ends.len().saturating_sub(1) + tail.len()
    }

    /// The two halves, the second one first: a stack then gives them back in order.
    pub(crate) fn halves(mut self) -> [Self; 2] {
        let middle = self.events.len() / 2;
        let cut = middle.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        let second = Self {
            events: self.events.split_off(middle),
            json: self.json.split_off(cut),
            ends: self.ends.split_off(middle).into_iter().map(|end| end - cut).collect(),
        };
        [second, self]
    }

    /// The events, with their indices in what the caller passed.
    pub(crate) fn into_events(self) -> Vec<(usize, Event)> {
        self.events
    }
}

/// Fills batches.
#[derive(Debug)]
pub(crate) struct Batcher {
    open: Batch,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Default for Batcher {
    fn default() -> Self {
        let (head, tail) = envelope();
        Self { open: Batch::default(), head, tail }
    }
}

impl Batcher {
    /// Adds an event. Gives back the batch that had to be closed for it, or that it filled.
    pub(crate) fn push(&mut self, index: usize, event: Event, limits: Limits) -> Option<Batch> {
        let start = self.open.json.len();
        // Writing to memory cannot fail, and a value that JSON cannot hold was refused before. Should it fail all the
        // same, the event must not spoil the others: the server refuses the null.
        if serde_json::to_writer(&mut self.open.json, &event).is_err() {
            self.open.json.truncate(start);
            self.open.json.extend_from_slice(b"null");
        }
        let end = self.open.json.len();
        self.open.events.push((index, event));
        self.open.ends.push(end);
        if self.open.size(&self.head, &self.tail) > limits.bytes && self.open.len() > 1 {
            return Some(self.close_before_last(start));
        }
        if self.open.len() >= limits.events { self.take() } else { None }
    }

    /// The open batch, if it has events.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        if self.open.events.is_empty() { None } else { Some(std::mem::take(&mut self.open)) }
    }

    /// The open batch without its last event, which begins at `start` and opens the next one.
    fn close_before_last(&mut self, start: usize) -> Batch {
        let mut full = std::mem::take(&mut self.open);
        self.open.events = full.events.split_off(full.events.len().saturating_sub(1));
        self.open.json = full.json.split_off(start);
        full.ends.pop();
        self.open.ends.push(self.open.json.len());
        full
    }
}
