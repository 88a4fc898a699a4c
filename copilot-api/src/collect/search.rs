//! Which part of a batch is sent next, once the batch was rejected whole.
//!
//! A 400 or 413 for a whole batch says that something is wrong with it, or that the endpoint rejects everything: a wrong
//! URL, a proxy, an outage. Only an answer of 200 that comes after it tells these apart. Until there is one, the search is
//! bounded: down one path of halves to a single event, up the halves that were left aside, then a few single events.
//! After one, what is rejected is halved down to the events that cause it.

use super::batch::Batch;

/// How many single events are tried at last, before the search without proof ends.
const PROBES: u32 = 8;

/// The parts of a batch that are still to be sent.
pub(super) struct Search {
    /// The next one is the last of these.
    waiting: Vec<Batch>,
    /// What was rejected whole while nothing had been taken.
    rejected: Vec<Batch>,
    /// Whether the endpoint has taken a part.
    proved: bool,
    /// Whether parts are no longer halved: a single event was rejected, and the search goes up again.
    at_the_bottom: bool,
    probes: u32,
}

impl Search {
    /// Begins with the whole batch.
    pub(super) fn new(batch: Batch) -> Self {
        Self {
            waiting: vec![batch],
            rejected: Vec::new(),
            proved: false,
            at_the_bottom: false,
            probes: PROBES,
        }
    }

    /// Tries the batch whole, and no part of it while nothing was taken.
    pub(super) fn whole(batch: Batch) -> Self {
        Self { at_the_bottom: true, probes: 0, ..Self::new(batch) }
    }

    /// Looks into parts that were rejected whole, now that the endpoint has taken something else.
    pub(super) fn again(parts: Vec<Batch>) -> Self {
        let mut search =
            Self { waiting: Vec::new(), rejected: parts, proved: false, at_the_bottom: true, probes: 0 };
        search.taken();
        search
    }

    /// The part to send next. None when there is nothing more to try: all is done, or nothing was taken.
    pub(super) fn next(&mut self) -> Option<Batch> {
        self.waiting.pop().or_else(|| self.probe())
    }

    /// A single event from the middle of the largest part that was rejected.
    fn probe(&mut self) -> Option<Batch> {
        self.probes = self.probes.checked_sub(1)?;
        let several = self.rejected.iter().enumerate().filter(|(_, part)| part.len() > 1);
        let (largest, _) = several.max_by_key(|(_, part)| part.len())?;
        let part = self.rejected.swap_remove(largest);
        let middle = part.len() / 2;
        let (before, rest) = part.split_at(middle);
        let (single, after) = rest.split_at(1);
        self.rejected.extend([before, after].into_iter().filter(|part| part.len() > 0));
        Some(single)
    }

    /// Whether some part was taken.
    pub(super) fn is_proved(&self) -> bool {
        self.proved
    }

    /// A part was taken: what was rejected before is worth a closer look.
    pub(super) fn taken(&mut self) {
        self.proved = true;
        let again = std::mem::take(&mut self.rejected);
        let parts = again.into_iter().flat_map(|part| match part.len() {
            1 => vec![part],
            _ => part.halves().into(),
        });
        self.waiting.splice(0..0, parts);
    }

    /// A part was rejected whole. Gives back a single event that is the cause, for sure.
    pub(super) fn rejected(&mut self, part: Batch) -> Option<Batch> {
        match (self.proved, part.len()) {
            (true, 1) => return Some(part),
            (false, 1) => {
                self.at_the_bottom = true;
                self.rejected.push(part);
            }
            (false, _) if self.at_the_bottom => self.rejected.push(part),
            _ => self.waiting.extend(part.halves()),
        }
        None
    }

    /// What was not taken, when the search ends without having to go on.
    pub(super) fn into_left(self) -> impl Iterator<Item = Batch> {
        self.waiting.into_iter().chain(self.rejected)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use copilot_gen::types::ThingConnectedPayload;
    use proptest::prelude::*;

    use super::{Batch, Search};
    use crate::{
        NewEvent,
        collect::batch::{Batcher, Limits},
    };

    fn batch(events: usize) -> Batch {
        let mut batcher = Batcher::default();
        let limits = Limits { events: usize::MAX, bytes: usize::MAX };
        for index in 0..events {
            let event = ThingConnectedPayload::builder().thing_id("SN-1").build().unwrap().event();
            assert!(batcher.push(index, event, limits).is_none());
        }
        batcher.take().unwrap()
    }

    fn indices(part: Batch) -> BTreeSet<usize> {
        part.into_events().into_iter().map(|(index, _)| index).collect()
    }

    /// What became of each event, and how many requests it took.
    #[derive(Default)]
    struct Outcome {
        taken: BTreeSet<usize>,
        rejected: BTreeSet<usize>,
        left: BTreeSet<usize>,
        requests: u32,
    }

    fn search(events: usize, bad: &BTreeSet<usize>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut search = Search::new(batch(events));
        while let Some(part) = search.next() {
            outcome.requests += 1;
            let (copy, again) = part.split_at(0);
            assert_eq!(copy.len(), 0);
            let range: BTreeSet<usize> = again.indices().collect();
            if range.is_disjoint(bad) {
                outcome.taken.extend(range);
                search.taken();
            } else if let Some(single) = search.rejected(again) {
                outcome.rejected.extend(indices(single));
            }
        }
        outcome.left.extend(search.into_left().flat_map(indices));
        outcome
    }

    #[test]
    fn where_everything_is_refused_the_search_ends_within_its_bound() {
        for events in 1..=300 {
            let all: BTreeSet<usize> = (0..events).collect();
            let outcome = search(events, &all);
            assert!(outcome.requests <= 2 * events.ilog2() + 10, "{events}: {}", outcome.requests);
            assert!(outcome.taken.is_empty() && outcome.rejected.is_empty());
            assert_eq!(outcome.left, all);
        }
    }

    #[test]
    fn where_most_events_are_good_something_is_taken() {
        for events in 2..=11 {
            for bits in 0_u32..1 << events {
                let bad: BTreeSet<usize> = (0..events).filter(|index| bits >> index & 1 == 1).collect();
                if bad.len() * 2 < events {
                    assert!(!search(events, &bad).taken.is_empty(), "{bad:?} of {events}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn once_something_was_taken_every_event_is_taken_or_rejected_rightly(
            events in 2..200_usize,
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let bad: BTreeSet<usize> = picks.iter().map(|pick| pick.index(events)).collect();
            let outcome = search(events, &bad);
            if outcome.taken.is_empty() {
                prop_assert!(outcome.rejected.is_empty());
                prop_assert_eq!(outcome.left.len(), events);
                // With most events good, some part would have been.
                prop_assert!(bad.len() * 2 >= events, "{} of {events}", bad.len());
            } else {
                prop_assert!(outcome.left.is_empty());
                prop_assert_eq!(&outcome.rejected, &bad);
                prop_assert_eq!(outcome.taken.len() + bad.len(), events);
            }
        }
    }
}
