//! What an outbox counts.

use crate::Outcome;

/// What became of all items that an outbox has taken. `taken` is the sum of the others and of what is pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Items that were taken. A dead letter that is sent again is taken once more.
    pub taken: u64,
    /// Items that Copilot.cx took.
    pub accepted: u64,
    /// Items that were refused.
    pub rejected: u64,
    /// Items of which an answer does not say whether they were taken.
    pub unattributed: u64,
    /// Events that had grown too old when their turn came, and those that retention removed.
    pub expired: u64,
    /// Items that were given back.
    pub undelivered: u64,
    /// Items that were removed with everything of their user.
    pub forgotten: u64,
}

/// The counts of an outbox, in one consistent reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// What became of all items: of a file, since it was made; of memory, since it was made.
    pub tally: Tally,
    /// Items that wait or are on their way.
    pub pending: u64,
    /// Their bytes.
    pub pending_bytes: u64,
    /// The lanes that have pending items.
    pub lanes: u32,
    /// When the oldest pending item was taken, in milliseconds since 1970.
    pub oldest: Option<i64>,
    /// The place of the oldest pending item in the order of taking.
    pub first: Option<u64>,
    /// The place of the item that was taken last, pending or not; 0 before the first.
    pub last: u64,
    /// Dead letters.
    pub dead_letters: u64,
}

impl Tally {
    /// Counts an item that ended.
    pub fn end(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted => self.accepted += 1,
            Outcome::Rejected(_) => self.rejected += 1,
            Outcome::Unattributed(_) => self.unattributed += 1,
            Outcome::Expired => self.expired += 1,
            Outcome::Forgotten => self.forgotten += 1,
            // What another process settles it counts as well.
            Outcome::Undelivered | Outcome::SettledElsewhere => self.undelivered += 1,
        }
    }

    /// How many items have ended.
    pub fn ended(&self) -> u64 {
        let Self { taken: _, accepted, rejected, unattributed, expired, undelivered, forgotten } = self;
        accepted + rejected + unattributed + expired + undelivered + forgotten
    }
}

impl Counts {
    /// Whether every item that was taken is pending or has ended.
    pub fn adds_up(&self) -> bool {
        self.tally.taken == self.pending + self.tally.ended()
    }
}
