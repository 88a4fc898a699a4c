//! Events as the body of one request.

use std::{fmt, mem};

use bytes::Bytes;
use copilot_gen::types::Event;

use crate::collect::{Envelope, SEPARATOR};

/// Events as the body of one request.
///
/// It takes as many as it is given, and does not hold them against the contract:
/// [`check_event`](crate::check_event) does.
///
/// ```
/// use copilot_api::{NewEvent, attempt::EventBatch, types::ThingConnectedPayload};
///
/// let mut batch = EventBatch::new();
/// batch.push(&ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").event()?);
/// assert_eq!((batch.len(), batch.bytes() < 450_000), (1, true));
/// # Ok::<(), copilot_api::InvalidInput>(())
/// ```
pub struct EventBatch {
    envelope: Envelope,
    /// The body without its tail; nothing while it is sent.
    body: Vec<u8>,
    /// The whole body, once it was sent.
    sent: Option<Bytes>,
    /// The ids, one after the other.
    ids: String,
    /// Where each id ends.
    ends: Vec<usize>,
}

impl Default for EventBatch {
    fn default() -> Self {
        let envelope = Envelope::new();
        Self { body: envelope.head.clone(), envelope, sent: None, ids: String::new(), ends: Vec::new() }
    }
}

impl EventBatch {
    /// Holds no event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event.
    pub fn push(&mut self, event: &Event) {
        event.write(self.begin(event.event_id()));
    }

    /// Adds an event that is JSON text already, as it is written. That it is one event, which has that id and keeps to the
    /// contract, is for the caller to know, as of one that [`parse_event`](crate::parse_event) took.
    pub fn push_json(&mut self, event_id: &str, json: &str) {
        self.begin(event_id).extend_from_slice(json.as_bytes());
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The size of the request's body in bytes, were it sent now.
    pub fn bytes(&self) -> usize {
        match &self.sent {
            Some(sent) => sent.len(),
            None => self.body.len() + self.envelope.tail.len(),
        }
    }

    /// Takes all events out, and keeps the memory for the next.
    pub fn clear(&mut self) {
        if let Some(sent) = self.sent.take() {
            // Nothing, while the request still holds it.
            self.body = sent.try_into_mut().map(Vec::from).unwrap_or_default();
        }
        self.body.clear();
        self.body.extend_from_slice(&self.envelope.head);
        self.ids.clear();
        self.ends.clear();
    }

    /// The body, to which an event of that id is to be added.
    fn begin(&mut self, event_id: &str) -> &mut Vec<u8> {
        if let Some(sent) = self.sent.take() {
            self.body = sent.try_into_mut().map_or_else(|shared| shared.to_vec(), Vec::from);
            self.body.truncate(self.body.len().saturating_sub(self.envelope.tail.len()));
        }
        if !self.is_empty() {
            self.body.push(SEPARATOR);
        }
        self.ids.push_str(event_id);
        self.ends.push(self.ids.len());
        &mut self.body
    }

    /// The request's body. It stays here as well, so that a request that is dropped takes nothing along.
    pub(super) fn body(&mut self) -> Bytes {
        let Self { body, sent, envelope, .. } = self;
        let whole = || {
            body.extend_from_slice(&envelope.tail);
            mem::take(body).into()
        };
        sent.get_or_insert_with(whole).clone()
    }

    /// The ids of the events, in order.
    pub(super) fn event_ids(&self) -> Vec<&str> {
        let mut start = 0;
        let id = |end: &usize| self.ids.get(mem::replace(&mut start, *end)..*end).unwrap_or_default();
        self.ends.iter().map(id).collect()
    }
}

/// Without the events: they hold personal data.
impl fmt::Debug for EventBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBatch")
            .field("events", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
