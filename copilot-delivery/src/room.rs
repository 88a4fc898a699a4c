//! How much an outbox holds and may hold, those items included that wait to be stored.

use crate::outbox::Fault;

/// How much may wait to be stored: what a disk or a server can be behind, in memory.
const MAX_WAITING: Sum = Sum { items: 10_000, bytes: 32 * 1024 * 1024 };

/// Items and their bytes of JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) items: u64,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Room {
    limits: Sum,
    /// Handed over and not answered yet.
    pub(crate) waiting: Sum,
    /// In the outbox, as far as is known.
    pub(crate) stored: Sum,
    /// Somebody got an item back for want of room, and may wait for it.
    pub(crate) turned_away: bool,
    pub(crate) closed: bool,
}

impl Room {
    pub(crate) fn new(limits: Sum, stored: Sum) -> Self {
        Self { limits, waiting: Sum::default(), stored, turned_away: false, closed: false }
    }

    pub(crate) fn sum(&self) -> Sum {
        self.stored.and(self.waiting)
    }

    /// Whether there is room for one more item of so many bytes.
    pub(crate) fn has(&self, bytes: usize) -> bool {
        !self.waiting.is_beyond(bytes, MAX_WAITING) && !self.sum().is_beyond(bytes, self.limits)
    }

    /// Why an item of so many bytes is not taken now, if it is not.
    pub(crate) fn refuses(&mut self, bytes: usize) -> Option<Fault> {
        if self.closed {
            return Some(Fault::Closed);
        }
        let full = !self.has(bytes);
        self.turned_away |= full;
        full.then_some(Fault::Full)
    }
}

impl Sum {
    /// With one more item.
    pub(crate) fn with(self, bytes: usize) -> Self {
        Self { items: self.items + 1, bytes: self.bytes + bytes as u64 }
    }

    /// With one item less.
    #[cfg(feature = "sqlite")]
    pub(crate) fn less(self, bytes: usize) -> Self {
        self.without(Self { items: 1, bytes: bytes as u64 })
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { items: self.items + other.items, bytes: self.bytes + other.bytes }
    }

    /// Without these, of which others may have counted some before.
    pub(crate) fn without(self, other: Self) -> Self {
        Self { items: self.items.saturating_sub(other.items), bytes: self.bytes.saturating_sub(other.bytes) }
    }

    /// Whether one more item of so many bytes is too much. It never is where there is nothing else.
    fn is_beyond(self, bytes: usize, limits: Self) -> bool {
        self.items >= limits.items || (self.items > 0 && self.bytes + bytes as u64 > limits.bytes)
    }
}
