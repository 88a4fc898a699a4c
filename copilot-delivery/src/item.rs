//! What is handed over: events and changes of consent.

use std::{borrow::Cow, fmt};

use copilot_api::{
    raw::CONTRACT_VERSION,
    types::{ConsentChange, Event, UserId},
};
use tokio::sync::oneshot;

use crate::{Lane, Outcome};

/// What an item reports, and so by which operation it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An event: many go in one request.
    Event,
    /// A change of consent: one a request.
    Consent,
}

/// An event or a change of consent that was taken.
pub struct Item {
    key: u64,
    lane: Lane,
    reported_at: i64,
    bytes: usize,
    content: Content,
    settler: Option<oneshot::Sender<Outcome>>,
    may_have_been_taken: bool,
}

/// What an item reports.
#[derive(Clone, Debug)]
enum Content {
    Event(Event),
    Consent(ConsentChange),
    Record(Box<Record>),
}

/// An item in the form in which engines keep it.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The reporter's number of it: whoever waits for its outcome waits by this.
    pub key: u64,
    /// Whose order it keeps.
    pub lane: Lane,
    /// When it was taken, in milliseconds since 1970.
    pub reported_at: i64,
    /// What it reports.
    pub kind: Kind,
    /// The type of the event; none of a change of consent.
    pub event_type: Option<Cow<'static, str>>,
    /// The id of the event; none of a change of consent.
    pub event_id: Option<String>,
    /// When the event happened, in milliseconds since 1970; none of a change of consent.
    pub timestamp: Option<i64>,
    /// The user that it is about.
    pub user_id: Option<String>,
    /// Its JSON, as the contract has it: an `Event` or a `ConsentChange`.
    pub json: String,
    /// The version of the contract that it was held against.
    pub contract: Cow<'static, str>,
}

/// What was reported, given back.
#[derive(Clone)]
#[non_exhaustive]
pub enum Reported {
    /// An event.
    Event(Event),
    /// A change of consent.
    Consent {
        /// The user.
        user_id: UserId,
        /// Whether consent was given.
        consent_value: bool,
    },
    /// An item that was stored by another version and that today's contract does not read: its JSON.
    Unreadable(String),
}

impl Item {
    /// An event that keeps to the contract, and to whose order it belongs.
    pub(crate) fn event(key: u64, reported_at: i64, lane: Lane, event: Event) -> Self {
        let bytes = event.weight();
        let content = Content::Event(event);
        Self { key, lane, reported_at, bytes, content, settler: None, may_have_been_taken: false }
    }

    pub(crate) fn consent(key: u64, reported_at: i64, change: ConsentChange) -> Self {
        let lane = Lane::of(&change.user_id);
        let bytes = size_of::<Self>() + change.user_id.len();
        Self {
            key,
            lane,
            reported_at,
            bytes,
            content: Content::Consent(change),
            settler: None,
            may_have_been_taken: false,
        }
    }

    /// An item that an engine kept.
    pub fn from_record(record: Record) -> Self {
        Self {
            key: record.key,
            lane: record.lane,
            reported_at: record.reported_at,
            bytes: record.json.len(),
            content: Content::Record(Box::new(record)),
            settler: None,
            may_have_been_taken: false,
        }
    }

    /// The item in the form in which engines keep it. Whoever waits for its outcome is forgotten here, and known to the
    /// reporter by the key.
    pub fn into_record(self) -> Record {
        let json = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut text = Vec::with_capacity(512);
            write(&mut text);
            String::from_utf8(text).unwrap_or_default()
        };
        let (kind, json, event_type, event_id, timestamp, user_id) = match self.content {
            Content::Record(record) => return *record,
            Content::Event(event) => (
                Kind::Event,
                json(&|text| event.write(text)),
                Some(event.event_type().into()),
                Some(event.event_id().to_string()),
                Some(event.timestamp().0),
                event.user_id().map(|id| id.as_str().to_owned()),
            ),
            Content::Consent(change) => (
                Kind::Consent,
                serde_json::to_string(&change).unwrap_or_default(),
                None,
                None,
                None,
                Some(change.user_id.to_string()),
            ),
        };
        Record {
            key: self.key,
            lane: self.lane,
            reported_at: self.reported_at,
            kind,
            event_type,
            event_id,
            timestamp,
            user_id,
            json,
            contract: CONTRACT_VERSION.into(),
        }
    }

    /// What was reported. A stored item is read from its JSON.
    pub fn into_reported(self) -> Reported {
        match self.content {
            Content::Event(event) => Reported::Event(event),
            Content::Consent(change) => {
                Reported::Consent { user_id: change.user_id, consent_value: change.consent_value }
            }
            Content::Record(record) => match record.kind {
                Kind::Event => match serde_json::from_str(&record.json) {
                    Ok(event) => Reported::Event(event),
                    Err(_) => Reported::Unreadable(record.json),
                },
                Kind::Consent => match serde_json::from_str::<ConsentChange>(&record.json) {
                    Ok(change) => {
                        Reported::Consent { user_id: change.user_id, consent_value: change.consent_value }
                    }
                    Err(_) => Reported::Unreadable(record.json),
                },
            },
        }
    }

    /// The reporter's number of it.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Whose order it keeps.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// When it was taken, in milliseconds since 1970.
    pub fn reported_at(&self) -> i64 {
        self.reported_at
    }

    /// About how many bytes it takes: of memory while it is an event, of JSON once it was stored.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it reports.
    pub fn kind(&self) -> Kind {
        match &self.content {
            Content::Event(_) => Kind::Event,
            Content::Consent(_) => Kind::Consent,
            Content::Record(record) => record.kind,
        }
    }

    /// The type of the event; none of a change of consent.
    pub fn event_type(&self) -> Option<&str> {
        match &self.content {
            Content::Event(event) => Some(event.event_type()),
            Content::Consent(_) => None,
            Content::Record(record) => record.event_type.as_deref(),
        }
    }

    /// The id of the event; none of a change of consent.
    pub fn event_id(&self) -> Option<&str> {
        match &self.content {
            Content::Event(event) => Some(event.event_id()),
            Content::Consent(_) => None,
            Content::Record(record) => record.event_id.as_deref(),
        }
    }

    /// When the event happened, in milliseconds since 1970; none of a change of consent.
    pub fn timestamp(&self) -> Option<i64> {
        match &self.content {
            Content::Event(event) => Some(event.timestamp().0),
            Content::Consent(_) => None,
            Content::Record(record) => record.timestamp,
        }
    }

    /// The user that it is about, where it names one.
    pub fn user_id(&self) -> Option<&str> {
        match &self.content {
            Content::Event(event) => event.user_id().map(|id| id.as_str()),
            Content::Consent(change) => Some(&change.user_id),
            Content::Record(record) => record.user_id.as_deref(),
        }
    }

    /// Whether a request that failed may have delivered it all the same, as far as this process knows.
    pub fn may_have_been_taken(&self) -> bool {
        self.may_have_been_taken
    }

    pub(crate) fn mark_may_have_been_taken(&mut self) {
        self.may_have_been_taken = true;
    }

    /// The event, where the item was not stored.
    pub(crate) fn as_event(&self) -> Option<&Event> {
        if let Content::Event(event) = &self.content { Some(event) } else { None }
    }

    /// What was stored of the item, where it was.
    pub(crate) fn as_record(&self) -> Option<&Record> {
        if let Content::Record(record) = &self.content { Some(record) } else { None }
    }

    /// The change of consent, where it is one that can be read.
    pub(crate) fn consent_change(&self) -> Option<ConsentChange> {
        match &self.content {
            Content::Consent(change) => Some(change.clone()),
            Content::Record(record) if record.kind == Kind::Consent => {
                serde_json::from_str(&record.json).ok()
            }
            _ => None,
        }
    }

    /// The same item, without anybody who waits for it.
    pub fn copy(&self) -> Self {
        let Self { key, lane, reported_at, bytes, ref content, settler: _, may_have_been_taken } = *self;
        Self { key, lane, reported_at, bytes, content: content.clone(), settler: None, may_have_been_taken }
    }

    /// Tells that one its outcome.
    pub(crate) fn set_settler(&mut self, settler: oneshot::Sender<Outcome>) {
        self.settler = Some(settler);
    }

    /// Who is to be told its outcome, where the item itself knows.
    pub fn take_settler(&mut self) -> Option<oneshot::Sender<Outcome>> {
        self.settler.take()
    }
}

/// Without what was reported: that is personal data.
impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("kind", &self.kind())
            .field("event_type", &self.event_type())
            .field("lane", &self.lane.number())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Without what was reported: that is personal data.
impl fmt::Debug for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => f.debug_tuple("Event").field(&event.event_type()).finish(),
            Self::Consent { .. } => f.write_str("Consent"),
            Self::Unreadable(_) => f.write_str("Unreadable"),
        }
    }
}

/// Without what was reported: that is personal data.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("kind", &self.kind)
            .field("event_type", &self.event_type)
            .field("lane", &self.lane.number())
            .field("contract", &self.contract)
            .finish_non_exhaustive()
    }
}
