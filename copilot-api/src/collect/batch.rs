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
#[derive(Debug)]
pub(crate) struct Batch {
    events: Vec<(usize, Event)>,
    /// The request's body.
    body: Bytes,
    /// Where each event ends in the body.
    ends: Vec<usize>,
    /// Whether a request that failed may have delivered them all the same.
    pub(crate) may_have_been_taken: bool,
}

/// What stands between the events in a body.
pub(crate) const SEPARATOR: u8 = b',';

/// What stands before and after the events in a body. Taken from the contract's type, so that no name is written here.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) head: Vec<u8>,
    pub(crate) tail: Vec<u8>,
}

impl Envelope {
    pub(crate) fn new() -> Self {
        let mut head = serde_json::to_vec(&CollectRequest { events: Vec::new() }).unwrap_or_default();
        let middle = head.iter().position(|byte| *byte == b']').unwrap_or(head.len());
        let tail = head.split_off(middle);
        Self { head, tail }
    }
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The request's body. Cheap: the bytes are shared.
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// The first `at` events, and the others. Either may be empty.
    pub(crate) fn split_at(mut self, at: usize) -> (Self, Self) {
        let later = self.events.split_off(at.min(self.events.len()));
        let mut start = Envelope::new().head.len();
        let mut ends = self.ends.into_iter();
        let mut part = |events: Vec<(usize, Event)>| {
            let mut open = OpenBatch::default();
            for (event, end) in events.into_iter().zip(&mut ends) {
                open.begin_event();
                open.held.body.extend_from_slice(self.body.get(start..end).unwrap_or_default());
                open.end_event(event);
                start = end + 1;
            }
            Self { may_have_been_taken: self.may_have_been_taken, ..open.close() }
        };
        (part(self.events), part(later))
    }

    /// The two halves, the second one first: a stack then gives them back in order.
    pub(crate) fn halves(self) -> [Self; 2] {
        let middle = self.events.len() / 2;
        let (first, second) = self.split_at(middle);
        [second, first]
    }

    /// The indices of the events in what the caller passed.
    #[cfg(test)]
    pub(crate) fn indices(&self) -> impl Iterator<Item = usize> {
        self.events.iter().map(|(index, _)| *index)
    }

    /// Drops the events, and keeps their room for a later batch: large pieces of memory that come and go make an
    /// allocator tidy up all small ones.
    pub(crate) fn into_room(mut self) -> Room {
        self.events.clear();
        self.ends.clear();
        // Nothing, while the request still holds it.
        let mut body = self.body.try_into_mut().map(Vec::from).unwrap_or_default();
        body.clear();
        Room { events: self.events, body, ends: self.ends }
    }

    /// The events, with their indices in what the caller passed.
    pub(crate) fn into_events(self) -> Vec<(usize, Event)> {
        self.events
    }
}

/// The memory of a batch.
#[derive(Debug, Default)]
pub(crate) struct Room {
    events: Vec<(usize, Event)>,
    body: Vec<u8>,
    ends: Vec<usize>,
}

impl Room {
    /// As much of it.
    fn alike(&self) -> Self {
        Self {
            events: Vec::with_capacity(self.events.len()),
            body: Vec::with_capacity(self.body.len()),
            ends: Vec::with_capacity(self.ends.len()),
        }
    }
}

/// A batch that still takes events.
#[derive(Debug)]
struct OpenBatch {
    envelope: Envelope,
    /// What it holds so far; the body without its tail.
    held: Room,
    /// For the next batch.
    spare: Option<Room>,
}

impl Default for OpenBatch {
    fn default() -> Self {
        let envelope = Envelope::new();
        let held = Room { body: envelope.head.clone(), ..Room::default() };
        Self { envelope, held, spare: None }
    }
}

impl OpenBatch {
    /// Makes place for an event; gives the length of the body before it.
    fn begin_event(&mut self) -> usize {
        let before = self.held.body.len();
        if !self.held.events.is_empty() {
            self.held.body.push(SEPARATOR);
        }
        before
    }

    fn end_event(&mut self, event: (usize, Event)) {
        self.held.events.push(event);
        self.held.ends.push(self.held.body.len());
    }

    /// The length of the body in bytes, if it were closed now.
    fn size(&self) -> usize {
        self.held.body.len() + self.envelope.tail.len()
    }

    /// Ends the batch; what is left takes the next one.
    fn close(&mut self) -> Batch {
        let mut next = self.spare.take().unwrap_or_else(|| self.held.alike());
        next.body.extend_from_slice(&self.envelope.head);
        let Room { events, mut body, ends } = std::mem::replace(&mut self.held, next);
        body.extend_from_slice(&self.envelope.tail);
        Batch { events, body: body.into(), ends, may_have_been_taken: false }
    }
}

/// Fills batches.
#[derive(Debug, Default)]
pub(crate) struct Batcher {
    open: OpenBatch,
}

impl Batcher {
    /// Adds an event. Gives back the batch that had to be closed for it, or that it filled.
    pub(crate) fn push(&mut self, index: usize, event: Event, limits: Limits) -> Option<Batch> {
        let before = self.open.begin_event();
        let start = self.open.held.body.len();
        event.write(&mut self.open.held.body);
        let mut full = None;
        if self.open.size() > limits.bytes && !self.open.held.events.is_empty() {
            let last = self.open.held.body.split_off(start);
            self.open.held.body.truncate(before);
            full = Some(self.open.close());
            self.open.held.body.extend_from_slice(&last);
        }
        self.open.end_event((index, event));
        if full.is_none() && self.open.held.events.len() >= limits.events { self.take() } else { full }
    }

    /// Takes the memory of a batch that was sent, for the next one.
    pub(crate) fn reuse(&mut self, room: Option<Room>) {
        self.open.spare = room.or(self.open.spare.take());
    }

    /// Whether no event waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.held.events.is_empty()
    }

    /// The open batch, if it has events.
    pub(crate) fn take(&mut self) -> Option<Batch> {
        if self.open.held.events.is_empty() { None } else { Some(self.open.close()) }
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use copilot_gen::types::{Event, UserCreatedPayload};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Batch, Batcher, Limits};
    use crate::NewEvent;

    fn event(size: usize) -> Event {
        UserCreatedPayload::builder().user_id("u").first_name("x".repeat(size)).build().unwrap().event()
    }

    /// What a body holds, as a server reads it.
    fn read(batch: &Batch) -> Vec<Event> {
        let body: Value = serde_json::from_slice(&batch.body()).unwrap();
        body["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| serde_json::from_value(event.clone()).unwrap())
            .collect()
    }

    fn cut(events: &[Event], limits: Limits) -> Vec<Batch> {
        let mut batcher = Batcher::default();
        let mut batches: Vec<Batch> = events
            .iter()
            .cloned()
            .enumerate()
            .filter_map(|(index, event)| batcher.push(index, event, limits))
            .collect();
        batches.extend(batcher.take());
        batches
    }

    proptest! {
        #[test]
        fn cutting_and_halving_lose_double_and_reorder_nothing(
            sizes in proptest::collection::vec(0..400_usize, 0..60),
            events_limit in 1..20_usize,
            bytes_limit in 100..2_000_usize,
        ) {
            let events: Vec<Event> = sizes.into_iter().map(event).collect();
            let mut seen = Vec::new();
            let mut waiting = cut(&events, Limits { events: events_limit, bytes: bytes_limit });
            for batch in &waiting {
                prop_assert!(batch.len() <= events_limit);
                prop_assert!(batch.len() == 1 || batch.body().len() <= bytes_limit);
            }
            waiting.reverse();
            // Halve down to single events, as 413 and 400 do.
            while let Some(batch) = waiting.pop() {
                let sent = read(&batch);
                prop_assert_eq!(sent.len(), batch.len());
                if batch.len() > 1 {
                    waiting.extend(batch.halves());
                } else {
                    let (index, event) = batch.into_events().pop().unwrap();
                    prop_assert_eq!(&sent, std::slice::from_ref(&event));
                    seen.push((index, event));
                }
            }
            prop_assert_eq!(seen, events.into_iter().enumerate().collect::<Vec<_>>());
        }

        #[test]
        fn memory_that_is_used_again_brings_nothing_along(
            events in proptest::collection::vec((0..400_usize, any::<bool>()), 0..60),
            events_limit in 1..20_usize,
            bytes_limit in 100..2_000_usize,
        ) {
            let (mut batcher, mut seen, mut held) = (Batcher::default(), Vec::new(), Vec::new());
            let limits = Limits { events: events_limit, bytes: bytes_limit };
            for (index, (size, is_held)) in events.iter().enumerate() {
                let Some(batch) = batcher.push(index, event(*size), limits) else { continue };
                let sent = read(&batch);
                prop_assert!(sent.iter().eq(batch.events.iter().map(|(_, event)| event)));
                seen.extend(batch.indices());
                let mut done = batch;
                if *is_held {
                    // As by a request that is not quite over.
                    held.push((done.body(), sent));
                } else {
                    let [second, first] = done.halves();
                    prop_assert_eq!([read(&first), read(&second)].concat(), sent);
                    done = second;
                }
                batcher.reuse(Some(done.into_room()));
            }
            seen.extend(batcher.take().iter().flat_map(Batch::indices));
            prop_assert!(seen.into_iter().eq(0..events.len()));
            for (body, sent) in held {
                let body: Value = serde_json::from_slice(&body).unwrap();
                prop_assert_eq!(&body["events"], &serde_json::to_value(sent).unwrap());
            }
        }

        #[test]
        fn a_batch_is_as_full_as_its_limits_allow(sizes in proptest::collection::vec(0..400_usize, 2..40), bytes_limit in 300..2_000_usize) {
            let events: Vec<Event> = sizes.into_iter().map(event).collect();
            let batches = cut(&events, Limits { events: usize::MAX, bytes: bytes_limit });
            for pair in batches.windows(2) {
                let [one, next] = pair else { continue };
                let first = serde_json::to_vec(&next.events.first().unwrap().1).unwrap();
                prop_assert!(one.body().len() + 1 + first.len() > bytes_limit);
            }
        }
    }
}
