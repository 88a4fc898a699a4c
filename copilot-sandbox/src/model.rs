//! What the sandbox remembers, in the form in which the control API and the library give it out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

/// A point in time, written as the API writes them: ISO 8601, UTC, three digits of milliseconds, `Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Moment(#[schemars(with = "String", extend("format" = "date-time"))] DateTime<Utc>);

impl Moment {
    pub(crate) fn now() -> Self {
        Self::from_millis(Utc::now().timestamp_millis())
    }

    pub(crate) fn from_millis(millis: i64) -> Self {
        Self(DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0.timestamp_millis()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An operation of the Server API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Report events.
    Collect,
    /// Report a user's consent.
    SetConsent,
}

impl Operation {
    /// Its `operationId` in the contract.
    pub fn id(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::SetConsent => "set_consent",
        }
    }
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It keeps to the contract.
    Accepted,
    /// It breaks a rule of the contract, or a fault said to reject it.
    Rejected,
}

/// A rule of the contract that a value breaks, and where. It never repeats the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Violation {
    /// The place in the event as a JSON pointer; for a property that is missing, where it would stand.
    pub pointer: String,
    /// The keyword of the contract: `required`, `pattern`, `x-time-window`, …; `fault` when a fault rejected the event.
    pub rule: String,
    /// How sure the rule is: `seed`, `documented`, `observed` or `assumed`. A fault has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// The rule in words.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "(the whole value)" } else { &self.pointer };
        write!(f, "{place}: {} ({}", self.message, self.rule)?;
        if let Some(provenance) = &self.provenance {
            write!(f, ", {provenance}")?;
        }
        f.write_str(")")
    }
}

/// An event that arrived.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ReceivedEvent {
    /// Its number: events are counted from 1, in the order of arrival.
    pub sequence: u64,
    /// When it arrived.
    pub received_at: Moment,
    /// The number of the request that brought it, from 1.
    pub request: u64,
    /// Its position in that request, from 0.
    pub index: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// Whether an event with this `event_id` had arrived before and was accepted, as far back as is remembered.
    pub repeated: bool,
    /// Its `type`, if it is a string.
    pub r#type: Option<String>,
    /// Its `event_id`, if it is a string.
    pub event_id: Option<String>,
    /// The `user_id` in its payload, if it is a string.
    pub user_id: Option<String>,
    /// The `thing_id` in its payload, if it is a string.
    pub thing_id: Option<String>,
    /// The rules that it breaks, 100 at most; none if it was accepted.
    pub violations: Vec<Violation>,
    /// The event as it was sent.
    #[schemars(with = "Value")]
    pub event: Box<RawValue>,
}

/// Whether a user lets personal data be processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Consent {
    /// Whose consent it is.
    pub user_id: String,
    /// What the user decided.
    pub value: bool,
    /// When that arrived.
    pub changed_at: Moment,
    /// How it arrived.
    pub source: ConsentSource,
}

/// How a change of consent arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentSource {
    /// By the operation `set_consent`.
    SetConsent,
    /// As `copilot_analysis_consent` in an event.
    Event,
}

/// A user, as the accepted events and changes of consent tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct User {
    /// The user's id.
    pub user_id: String,
    /// When it was first seen.
    pub first_seen_at: Moment,
    /// When it was last seen.
    pub last_seen_at: Moment,
    /// How many accepted events were about this user.
    pub events: u64,
    /// When the user was deleted, if so. The rest is empty then, unless the user came back.
    pub deleted_at: Option<Moment>,
    /// The properties of the user, the newest value of each.
    pub profile: Map<String, Value>,
    /// What the user decided about personal data, if anything.
    pub consent: Option<Consent>,
    /// The things that are associated with the user.
    pub things: BTreeSet<String>,
    /// Whether the user's e-mail address was unsubscribed.
    pub unsubscribed: bool,
    /// Every e-mail address that the user had, so that all of them are forgotten with the user.
    #[serde(skip)]
    pub(crate) emails: BTreeSet<String>,
}

/// A thing, as the accepted events tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Thing {
    /// The thing's id.
    pub thing_id: String,
    /// When it was first seen.
    pub first_seen_at: Moment,
    /// When it was last seen.
    pub last_seen_at: Moment,
    /// How many accepted events were about this thing.
    pub events: u64,
    /// The properties of the thing, the newest value of each.
    pub profile: Map<String, Value>,
    /// What was last reported of each of its states, by `status_key`.
    pub status: BTreeMap<String, ThingStatus>,
    /// The users that are associated with the thing.
    pub users: BTreeSet<String>,
}

/// One of a thing's states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ThingStatus {
    /// Its value.
    pub value: String,
    /// Since when, as the event says.
    pub date: Moment,
}

/// An e-mail address that wants no more mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Unsubscribe {
    /// The address.
    pub email: String,
    /// When that arrived.
    pub at: Moment,
}

/// How far the one-time sync of what existed before Copilot.cx was set up is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncState {
    /// It was not started.
    #[default]
    None,
    /// It was started and not completed.
    Started,
    /// It was completed.
    Completed,
}

/// The one-time sync of what existed before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct PreexistingSync {
    /// How far it is.
    pub state: SyncState,
    /// When it was started last.
    pub started_at: Option<Moment>,
    /// When it was completed last.
    pub completed_at: Option<Moment>,
    /// How many `preexisting_…` events arrived since it was started.
    pub events: u64,
}

/// Counters since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Statistics {
    /// How many resets there were; what was seen before a reset is gone.
    pub resets: u64,
    /// The number of the newest event.
    pub newest: u64,
    /// Grows with everything that changes what the sandbox remembers.
    pub revision: u64,
    /// Requests of the Server API by operation and status: `{"collect": {"200": 7}}`. A request whose connection a
    /// fault closed counts under `closed`.
    pub requests: BTreeMap<String, BTreeMap<String, u64>>,
    /// Events that arrived.
    pub events: EventCounts,
    /// By `type` of the contract, the events that arrived; `unknown` for all others.
    pub by_type: BTreeMap<String, VerdictCounts>,
    /// Users that are remembered.
    pub users: u64,
    /// Things that are remembered.
    pub things: u64,
    /// E-mail addresses that are unsubscribed.
    pub unsubscribes: u64,
    /// The one-time sync.
    pub sync: PreexistingSync,
    /// Faults that are switched on.
    pub faults: u64,
    /// The last 60 seconds, the oldest first; seconds without events are there.
    pub rate: Vec<Second>,
}

/// How many events arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct EventCounts {
    /// Events that were accepted.
    pub accepted: u64,
    /// Events that were rejected.
    pub rejected: u64,
    /// Accepted events whose `event_id` had been accepted before.
    pub repeated: u64,
    /// Events that are still remembered.
    pub kept: u64,
}

/// How many events were accepted and rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct VerdictCounts {
    /// Accepted.
    pub accepted: u64,
    /// Rejected.
    pub rejected: u64,
}

/// What arrived in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Second {
    /// The second, since 1970-01-01T00:00:00Z.
    pub second: i64,
    /// Events that were accepted in it.
    pub accepted: u64,
    /// Events that were rejected in it.
    pub rejected: u64,
}
