//! A dead letter, and the counts of an outbox, as the relay tells them and as they are printed.

use copilot_delivery::{DeadLetter, Judge, outbox::Counts};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An item that was not accepted.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Letter {
    /// Its number in the outbox.
    pub(crate) id: u64,
    /// When it was put there, in milliseconds since 1970.
    pub(crate) since: i64,
    /// What became of it: rejected, unattributed, or expired.
    pub(crate) outcome: String,
    /// Who refused it: `contract` or `server`.
    pub(crate) by: Option<String>,
    /// Why, in their words, which may repeat what was sent.
    pub(crate) words: Vec<String>,
    /// None of a change of consent.
    #[serde(rename = "type")]
    pub(crate) event_type: Option<String>,
    /// The item itself.
    #[serde(rename = "item")]
    pub(crate) json: Box<RawValue>,
}

impl Letter {
    /// The id of the event.
    pub(super) fn event_id(&self) -> Option<String> {
        let item: serde_json::Value = serde_json::from_str(self.json.get()).ok()?;
        item.get("event_id")?.as_str().map(str::to_owned)
    }
}

impl From<DeadLetter> for Letter {
    fn from(letter: DeadLetter) -> Self {
        let DeadLetter { id, since, outcome, item } = letter;
        let reason = outcome.reason();
        let record = item.into_record();
        Self {
            id,
            since,
            outcome: outcome.name().to_owned(),
            by: reason
                .map(|reason| if reason.by == Judge::Server { "server" } else { "contract" }.to_owned()),
            words: reason.map(|reason| reason.words.to_vec()).unwrap_or_default(),
            event_type: record.event_type.map(Into::into),
            // Engines keep JSON alone; of a file that somebody else wrote into, anything.
            json: RawValue::from_string(record.json).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    }
}

/// The counts of an outbox.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Tallied {
    pub(crate) pending: u64,
    pub(crate) pending_bytes: u64,
    /// The lanes that have pending items.
    pub(crate) lanes: u32,
    /// When the oldest pending item was taken, in milliseconds since 1970.
    pub(crate) oldest: Option<i64>,
    pub(crate) dead_letters: u64,
    pub(crate) taken: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) unattributed: u64,
    pub(crate) expired: u64,
    pub(crate) forgotten: u64,
}

impl From<Counts> for Tallied {
    fn from(counts: Counts) -> Self {
        let Counts { pending, pending_bytes, lanes, oldest, dead_letters, tally, .. } = counts;
        Self {
            pending,
            pending_bytes,
            lanes,
            oldest,
            dead_letters,
            taken: tally.taken,
            accepted: tally.accepted,
            rejected: tally.rejected,
            unattributed: tally.unattributed,
            expired: tally.expired,
            forgotten: tally.forgotten,
        }
    }
}
