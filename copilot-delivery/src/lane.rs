//! Lanes: what keeps the order of items that belong together.

use std::fmt;

/// Whose order an item keeps.
///
/// Items of one user are in one lane, and so are those of one thing without a user. A lane's items are delivered in the order
/// in which they were taken, one request after the other; different lanes go beside each other. There are
/// [`COUNT`](Self::COUNT) lanes, so that many users share one: that costs a little time and never order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(u8);

impl Lane {
    /// How many there are: five bits.
    pub const COUNT: u8 = 32;

    /// The lane of a user's id, a thing's id, or an address. The same in every version and on every machine: stored items
    /// keep their lane.
    pub fn of(order_key: &str) -> Self {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let mix = |hash: u64, word: [u8; 8]| {
            let hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
            hash ^ (hash >> 32)
        };
        let (words, rest) = order_key.as_bytes().as_chunks();
        let mut hash = words.iter().fold(order_key.len() as u64, |hash, word| mix(hash, *word));
        if !rest.is_empty() {
            let mut word = [0; 8];
            for (byte, of) in word.iter_mut().zip(rest) {
                *byte = *of;
            }
            hash = mix(hash, word);
        }
        Self((hash.wrapping_mul(FACTOR) >> 59) as u8)
    }

    /// The lane of that number; none, where there is no such lane.
    pub fn new(number: u8) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Its number, from 0.
    pub fn number(self) -> u8 {
        self.0
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }
}

/// Some of the lanes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneSet(u32);

impl LaneSet {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self(u32::MAX);

    /// Whether the lane is among them.
    pub fn contains(self, lane: Lane) -> bool {
        self.0 & (1 << lane.0) != 0
    }

    /// With that lane as well.
    #[must_use]
    pub fn with(self, lane: Lane) -> Self {
        Self(self.0 | (1 << lane.0))
    }

    /// With those of the other set as well.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of the other set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Lane> {
        Lane::all().filter(move |lane| self.contains(*lane))
    }
}

impl FromIterator<Lane> for LaneSet {
    fn from_iter<I: IntoIterator<Item = Lane>>(lanes: I) -> Self {
        lanes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for LaneSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Lane::number)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Lane, LaneSet};

    /// Files outlive versions: an item that was stored before must share its lane with one that is reported now.
    #[test]
    fn the_lane_of_an_id_never_changes() {
        let lanes = ["user-7", "A4:CF:12:00:9B:3E", "", "zoe@example.com"].map(|key| Lane::of(key).number());
        assert_eq!(lanes, [1, 7, 0, 17]);
    }

    #[test]
    fn ids_spread_over_all_lanes() {
        let used: LaneSet = (0..1000).map(|id| Lane::of(&format!("user-{id}"))).collect();
        assert_eq!(used, LaneSet::ALL);
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let Some(lane) = Lane::new(31) else { unreachable!() };
        let set = LaneSet::NONE.with(lane);
        assert!(set.contains(lane) && set.len() == 1 && set.without(set).is_empty());
        assert_eq!(LaneSet::ALL.without(set).len(), 31);
        assert_eq!(Lane::new(32), None);
    }
}
