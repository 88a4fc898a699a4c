//! What a client did, counted.

use std::collections::BTreeMap;

/// What a client did, counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// All cases.
    pub(super) cases: usize,
    /// Those in which it did as the vectors say.
    pub(super) alike: usize,
    /// Those that its language cannot read as they are.
    pub(super) skipped: usize,
    /// Those in which it is known to differ.
    pub(super) known: usize,
    /// Bad bodies by the rule that they break, if it is one: how many the client refused by itself, and of how many.
    pub(super) by_rule: BTreeMap<String, (usize, usize)>,
    /// Types of event that were sent, and read back as what they are.
    pub(super) round_trip: usize,
    /// Who refuses a misspelt field.
    pub(super) wrong_field: String,
}

impl Tally {
    /// How many of all cases came out right, in words.
    pub(super) fn words(&self) -> String {
        let mut words = format!("{} of {}", self.alike, self.cases);
        for (count, what) in [(self.skipped, "skipped"), (self.known, "known to differ")] {
            if count > 0 {
                words.push_str(&format!(", {count} {what}"));
            }
        }
        words
    }
}
