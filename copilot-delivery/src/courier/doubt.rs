//! Which lanes hold an item that makes its request be refused whole, and how it is found without losing order.
//!
//! A request that is refused whole says that one of its items is at fault, or that the endpoint refuses everything. The next
//! leases of its lanes are half as large, down to the one item. That item is rejected only where the endpoint has taken
//! something, in a request that had begun after the one in which the item was first refused; until then its lane waits, and the others go on.

use std::collections::HashMap;

use super::carry::Refusal;
use crate::{Lane, LaneSet, outbox::Lease};

/// How often an item must be refused alone, with proof each time, where the answer is one that an endpoint gives which is down
/// or behind a gateway that is (403, 404, 405 and the like): these come and go.
const TIMES: u32 = 4;

/// An item that was in a request that was refused.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    why: Refusal,
    /// What is to be proof against it had begun after this request.
    request: u64,
    /// How often it was refused alone, with proof.
    times: u32,
}

/// A lane under doubt.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// How many items the next lease may have.
    limit: usize,
    /// Whether its first item was refused alone, and waits for proof.
    waits: bool,
    /// The request for which an item of it was rejected last: one proof speaks against one item.
    rejected: u64,
}

/// The doubts of one operation.
#[derive(Debug)]
pub(super) struct Doubts {
    lanes: [Option<Doubt>; Lane::COUNT as usize],
    /// How many requests have begun.
    begun: u64,
    /// The number of the last of them that was taken.
    proof: u64,
    /// The items that were in a request that was refused.
    suspects: HashMap<u64, Suspect>,
    /// The lanes that were probed last, so that the next probe takes others.
    probed: LaneSet,
}

/// What is to become of an item that was refused alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alone {
    /// It is at fault: the endpoint takes others.
    Rejected,
    /// Nobody knows yet.
    Waits,
}

impl Doubts {
    pub(super) fn new() -> Self {
        Self {
            lanes: [None; Lane::COUNT as usize],
            begun: 0,
            proof: 0,
            suspects: HashMap::new(),
            probed: LaneSet::NONE,
        }
    }

    /// A request begins. Gives its number.
    pub(super) fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// How many requests have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// The lanes whose leases are smaller, and how large they may be.
    pub(super) fn narrow(&self) -> (LaneSet, usize) {
        let doubts = || self.doubts().filter(|(_, doubt)| !doubt.waits);
        let limit = doubts().map(|(_, doubt)| doubt.limit).min().unwrap_or(1);
        (doubts().map(|(lane, _)| lane).collect(), limit)
    }

    /// The lanes whose first item waits for proof.
    pub(super) fn waiting(&self) -> LaneSet {
        self.doubts().filter(|(_, doubt)| doubt.waits).map(|(lane, _)| lane).collect()
    }

    /// The request of that number was taken: it is proof for all lanes but its own, and these may grow again.
    pub(super) fn taken(&mut self, request: u64, lease: &Lease, full: usize) {
        self.proof = self.proof.max(request);
        if !self.suspects.is_empty() {
            for leased in &lease.items {
                self.suspects.remove(&leased.id);
            }
        }
        self.probed = LaneSet::NONE;
        for (number, entry) in self.lanes.iter_mut().enumerate() {
            let Some(doubt) = entry else { continue };
            doubt.waits = false;
            if u8::try_from(number).ok().and_then(Lane::new).is_some_and(|lane| lease.lanes.contains(lane)) {
                doubt.limit = doubt.limit.saturating_mul(2);
                if doubt.limit >= full {
                    *entry = None;
                }
            }
        }
        // Suspects that were removed otherwise, as by age.
        if self.lanes.iter().all(Option::is_none) {
            self.suspects.clear();
        }
    }

    /// A request with several items was refused whole.
    pub(super) fn refused(&mut self, request: u64, lease: &Lease, items: usize, why: Refusal) {
        for lane in lease.lanes.iter() {
            if let Some(entry) = self.lanes.get_mut(usize::from(lane.number())) {
                let doubt = entry.get_or_insert(Doubt { limit: usize::MAX, waits: false, rejected: 0 });
                doubt.limit = doubt.limit.min((items / 2).max(1));
            }
        }
        for leased in &lease.items {
            self.suspect(request, leased.id, why);
        }
    }

    fn suspect(&mut self, request: u64, item: u64, why: Refusal) -> &mut Suspect {
        let fresh = Suspect { why, request, times: 0 };
        let suspect = self.suspects.entry(item).or_insert(fresh);
        if suspect.why != why {
            // What was refused for its contents, and now with everything for the credentials, is not to blame for that.
            *suspect = fresh;
        }
        suspect
    }

    /// The first item of a lane was refused alone.
    pub(super) fn refused_alone(&mut self, request: u64, lane: Lane, item: u64, why: Refusal) -> Alone {
        let proof = self.proof;
        let mut suspect = *self.suspect(request, item, why);
        let Some(entry) = self.lanes.get_mut(usize::from(lane.number())) else { return Alone::Waits };
        let doubt = entry.get_or_insert(Doubt { limit: 1, waits: false, rejected: 0 });
        doubt.limit = 1;
        doubt.waits = proof <= suspect.request.max(doubt.rejected);
        if doubt.waits {
            return Alone::Waits;
        }
        suspect.times += 1;
        if matches!(why, Refusal::Endpoint(_)) && suspect.times < TIMES {
            doubt.waits = true;
            suspect.request = request;
            self.suspects.insert(item, suspect);
            return Alone::Waits;
        }
        doubt.rejected = request;
        self.suspects.remove(&item);
        Alone::Rejected
    }

    /// Lanes for the next probe: those that the last ones did not have; all, once each had its turn.
    pub(super) fn to_probe(&self) -> LaneSet {
        LaneSet::ALL.without(self.probed)
    }

    /// A probe took items of that lane.
    pub(super) fn probed(&mut self, lanes: LaneSet) {
        self.probed = self.probed.and(lanes);
    }

    /// Every lane that has something had its turn.
    pub(super) fn begin_again(&mut self) {
        self.probed = LaneSet::NONE;
    }

    fn doubts(&self) -> impl Iterator<Item = (Lane, Doubt)> {
        Lane::all().zip(self.lanes).filter_map(|(lane, doubt)| Some((lane, doubt?)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{super::carry::Refusal, Alone, Doubts};
    use crate::{
        Item, Lane, LaneSet, Pause,
        outbox::{Lease, LeasedItem},
    };

    const BAD: Refusal = Refusal::Contents;

    /// A lease of the items of these numbers, all of one lane.
    fn lease(lane: u8, ids: impl IntoIterator<Item = u64>) -> Lease {
        let item =
            || Item::consent(0, 0, serde_json::from_str(r#"{"user_id":"u","consent_value":true}"#).unwrap());
        let items = ids.into_iter().map(|id| LeasedItem { id, forget: false, item: item() }).collect();
        Lease { fence: 0, lanes: LaneSet::NONE.with(Lane::new(lane).unwrap()), items, lasts: None }
    }

    /// A request begins now, and is taken.
    fn taken(doubts: &mut Doubts, lease: &Lease) {
        let request = doubts.begin();
        doubts.taken(request, lease, 100);
    }

    /// A request begins now, and its one item is refused.
    fn alone(doubts: &mut Doubts, lane: Lane, item: u64, why: Refusal) -> Alone {
        let request = doubts.begin();
        doubts.refused_alone(request, lane, item, why)
    }

    #[test]
    fn what_had_begun_before_an_item_was_sent_is_no_proof_against_it() {
        let (mut doubts, lane) = (Doubts::new(), Lane::new(3).unwrap());
        let late = doubts.begin();
        assert_eq!(alone(&mut doubts, lane, 1, BAD), Alone::Waits);
        doubts.taken(late, &lease(4, [2]), 100);
        assert_eq!(alone(&mut doubts, lane, 1, BAD), Alone::Waits);
        taken(&mut doubts, &lease(4, [3]));
        assert_eq!(alone(&mut doubts, lane, 1, BAD), Alone::Rejected);
    }

    #[test]
    fn leases_are_halved_down_to_the_item_and_grow_again() {
        let lane = Lane::new(3).unwrap();
        let (mut doubts, lanes) = (Doubts::new(), LaneSet::NONE.with(lane));
        let mut items = 100;
        let mut limits = Vec::new();
        while items > 1 {
            let request = doubts.begin();
            doubts.refused(request, &lease(3, 0..items as u64), items, BAD);
            items = doubts.narrow().1;
            limits.push(items);
        }
        assert_eq!(limits, [50, 25, 12, 6, 3, 1]);
        assert_eq!(doubts.narrow().0, lanes);
        // Nothing was taken since: the endpoint may refuse everything.
        assert_eq!(alone(&mut doubts, lane, 0, BAD), Alone::Waits);
        assert_eq!(doubts.waiting(), lanes);
        taken(&mut doubts, &lease(4, [200]));
        assert!(doubts.waiting().is_empty());
        assert_eq!(alone(&mut doubts, lane, 0, BAD), Alone::Rejected);
        // The next item was refused with it, and that proof was for the one: the endpoint may have begun to refuse everything.
        assert_eq!(alone(&mut doubts, lane, 1, BAD), Alone::Waits);
        for limit in [2, 4, 8, 16, 32, 64] {
            taken(&mut doubts, &lease(3, [1]));
            assert_eq!(doubts.narrow(), (lanes, limit));
        }
        taken(&mut doubts, &lease(3, [1]));
        assert!(doubts.narrow().0.is_empty());
    }

    #[test]
    fn an_endpoint_that_begins_to_refuse_everything_is_not_held_against_lanes_of_an_older_doubt() {
        let (mut doubts, lane) = (Doubts::new(), Lane::new(3).unwrap());
        doubts.refused(0, &lease(3, [1, 2]), 2, BAD);
        taken(&mut doubts, &lease(3, [1]));
        // It was refused before, and something was taken since: but not for that.
        let credentials = Refusal::Endpoint(Pause::Status(403));
        assert_eq!(alone(&mut doubts, lane, 2, credentials), Alone::Waits);
        taken(&mut doubts, &lease(3, [2]));
        assert_eq!(alone(&mut doubts, lane, 3, BAD), Alone::Waits);
        assert!(doubts.suspects.len() == 1, "what was taken is not remembered");
    }

    #[test]
    fn what_comes_and_goes_with_an_endpoint_needs_proof_several_times() {
        let (mut doubts, lane) = (Doubts::new(), Lane::new(3).unwrap());
        let missing = Refusal::Endpoint(Pause::Status(404));
        for _ in 0..super::TIMES {
            assert_eq!(alone(&mut doubts, lane, 1, missing), Alone::Waits);
            taken(&mut doubts, &lease(4, [2]));
        }
        assert_eq!(alone(&mut doubts, lane, 1, missing), Alone::Rejected);
    }

    #[test]
    fn probes_go_round() {
        let mut doubts = Doubts::new();
        let first = LaneSet::NONE.with(Lane::new(0).unwrap());
        doubts.probed(first);
        assert_eq!(doubts.to_probe(), LaneSet::ALL.without(first));
        doubts.begin_again();
        assert_eq!(doubts.to_probe(), LaneSet::ALL);
    }
}
