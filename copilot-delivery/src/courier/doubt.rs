//! Which lanes hold an item that makes its request be refused whole, and how it is found without losing order.
//!
//! A request that is refused whole says that one of its items is at fault, or that the endpoint refuses everything. The next
//! leases of its lanes are half as large, down to the one item. That item is rejected only where the endpoint has taken
//! something since its lane came under doubt; until then the lane waits, and the others go on.

use crate::{Lane, LaneSet};

/// A lane under doubt.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// How many items the next lease may have.
    limit: usize,
    /// How many requests had been taken when it came under doubt.
    proofs: u64,
    /// Whether its first item was refused alone, and waits for proof.
    waits: bool,
}

/// The doubts of one operation.
#[derive(Debug)]
pub(super) struct Doubts {
    lanes: [Option<Doubt>; Lane::COUNT as usize],
    /// How many requests were taken.
    proofs: u64,
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
        Self { lanes: [None; Lane::COUNT as usize], proofs: 0, probed: LaneSet::NONE }
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

    /// A request of these lanes was taken: it is proof for all others, and these may grow again.
    pub(super) fn taken(&mut self, lanes: LaneSet, full: usize) {
        self.proofs += 1;
        self.probed = LaneSet::NONE;
        for (number, entry) in self.lanes.iter_mut().enumerate() {
            let Some(doubt) = entry else { continue };
            doubt.waits = false;
            if u8::try_from(number).ok().and_then(Lane::new).is_some_and(|lane| lanes.contains(lane)) {
                doubt.limit = doubt.limit.saturating_mul(2);
                if doubt.limit >= full {
                    *entry = None;
                }
            }
        }
    }

    /// A request with several items of these lanes was refused whole.
    pub(super) fn refused(&mut self, lanes: LaneSet, items: usize) {
        let proofs = self.proofs;
        for lane in lanes.iter() {
            if let Some(entry) = self.lanes.get_mut(usize::from(lane.number())) {
                let doubt = entry.get_or_insert(Doubt { limit: usize::MAX, proofs, waits: false });
                doubt.limit = doubt.limit.min((items / 2).max(1));
            }
        }
    }

    /// The first item of a lane was refused alone.
    pub(super) fn refused_alone(&mut self, lane: Lane) -> Alone {
        let proofs = self.proofs;
        let Some(entry) = self.lanes.get_mut(usize::from(lane.number())) else { return Alone::Waits };
        let doubt = entry.get_or_insert(Doubt { limit: 1, proofs, waits: false });
        doubt.limit = 1;
        if proofs > doubt.proofs {
            // What comes next in the lane is another item, and under its own doubt.
            doubt.proofs = proofs;
            doubt.waits = false;
            return Alone::Rejected;
        }
        doubt.waits = true;
        Alone::Waits
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
    use super::{Alone, Doubts};
    use crate::{Lane, LaneSet};

    #[test]
    fn leases_are_halved_down_to_the_item_and_grow_again() {
        let lane = Lane::new(3).unwrap();
        let other = LaneSet::NONE.with(Lane::new(4).unwrap());
        let (mut doubts, lanes) = (Doubts::new(), LaneSet::NONE.with(lane));
        let mut items = 100;
        let mut limits = Vec::new();
        while items > 1 {
            doubts.refused(lanes, items);
            items = doubts.narrow().1;
            limits.push(items);
        }
        assert_eq!(limits, [50, 25, 12, 6, 3, 1]);
        assert_eq!(doubts.narrow().0, lanes);
        // Nothing was taken since: the endpoint may refuse everything.
        assert_eq!(doubts.refused_alone(lane), Alone::Waits);
        assert_eq!(doubts.waiting(), lanes);
        doubts.taken(other, 100);
        assert!(doubts.waiting().is_empty());
        assert_eq!(doubts.refused_alone(lane), Alone::Rejected);
        // The next item of the lane has its own doubt.
        assert_eq!(doubts.refused_alone(lane), Alone::Waits);
        for limit in [2, 4, 8, 16, 32, 64] {
            doubts.taken(lanes, 100);
            assert_eq!(doubts.narrow(), (lanes, limit));
        }
        doubts.taken(lanes, 100);
        assert!(doubts.narrow().0.is_empty());
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
