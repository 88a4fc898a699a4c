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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use copilot_gen::types::{CollectRequest, Event, UserCreatedPayload};
    use proptest::prelude::*;

    use super::EventBatch;
    use crate::NewEvent;

    fn event(size: usize) -> Event {
        UserCreatedPayload::builder().user_id("u").first_name("x".repeat(size)).event().unwrap()
    }

    /// What is done to a batch.
    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        PushJson(usize),
        /// It is sent, and the request lets go of the body, or holds it for longer.
        Send(bool),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..400_usize).prop_map(Step::Push),
            3 => (0..400_usize).prop_map(Step::PushJson),
            2 => any::<bool>().prop_map(Step::Send),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn its_body_is_a_request_with_the_events_that_were_added_whatever_came_before(
            steps in proptest::collection::vec(step(), 0..40),
        ) {
            let (mut batch, mut events, mut held) = (EventBatch::new(), Vec::new(), Vec::new());
            for step in steps.into_iter().chain([Step::Send(false)]) {
                match step {
                    Step::Push(size) => {
                        events.push(event(size));
                        batch.push(events.last().unwrap());
                    }
                    Step::PushJson(size) => {
                        let event = event(size);
                        batch.push_json(event.event_id(), &serde_json::to_string(&event).unwrap());
                        events.push(event);
                    }
                    Step::Send(is_held) => {
                        let expected = serde_json::to_vec(&CollectRequest { events: events.clone() }).unwrap();
                        prop_assert_eq!(batch.bytes(), expected.len());
                        let body = batch.body();
                        prop_assert_eq!(&body, &expected);
                        if is_held {
                            held.push((body, expected));
                        }
                    }
                    Step::Clear => {
                        batch.clear();
                        events.clear();
                    }
                }
                prop_assert_eq!((batch.len(), batch.is_empty()), (events.len(), events.is_empty()));
                prop_assert!(batch.event_ids().into_iter().eq(events.iter().map(|event| event.event_id().as_str())));
            }
            for (body, expected) in held {
                prop_assert_eq!(body, expected);
            }
        }
    }

    #[test]
    fn its_memory_is_used_again_once_the_request_let_go_of_it() {
        let mut batch = EventBatch::new();
        batch.push(&event(10_000));
        let memory = batch.body().as_ptr();
        batch.clear();
        assert_eq!(batch.body.as_ptr(), memory);
        batch.push(&event(1));
        let held = batch.body();
        batch.clear();
        assert_ne!(batch.body.as_ptr(), held.as_ptr());
    }

    #[test]
    fn its_debug_output_shows_no_event() {
        let mut batch = EventBatch::new();
        batch.push_json("e-1", r#"{"secret":"zoe"}"#);
        assert_eq!(format!("{batch:?}"), "EventBatch { events: 1, bytes: 29, .. }");
    }
}
