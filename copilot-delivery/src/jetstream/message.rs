//! Items as messages: the JSON is the payload, and a header has the rest.

use async_nats::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::{Kind, Lane, Record};

/// What a message is besides its payload.
const ITEM: &str = "Copilot-Item";
/// What became of a dead letter.
const END: &str = "Copilot-End";
/// By which the server knows a message that is published again.
const MESSAGE_ID: &str = "Nats-Msg-Id";

#[derive(Deserialize, Serialize)]
struct Meta {
    key: u64,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    reported_at: i64,
    contract: String,
}

/// What became of an item that was not accepted.
#[derive(Deserialize, Serialize)]
pub(super) struct Ended {
    pub(super) outcome: String,
    pub(super) judge: Option<String>,
    pub(super) words: Vec<String>,
    pub(super) since: i64,
}

/// The headers of an item. `attempt` tells apart what is sent again: the server remembers the ids of two minutes.
pub(super) fn headers(record: &Record, attempt: Option<u64>) -> HeaderMap {
    let meta = Meta {
        key: record.key,
        kind: kind_name(record.kind).to_owned(),
        event_type: record.event_type.as_deref().map(str::to_owned),
        event_id: record.event_id.clone(),
        timestamp: record.timestamp,
        user_id: record.user_id.clone(),
        reported_at: record.reported_at,
        contract: record.contract.to_string(),
    };
    let mut headers = HeaderMap::new();
    headers.insert(ITEM, serde_json::to_string(&meta).unwrap_or_default());
    let id = match &record.event_id {
        Some(event_id) => format!("event:{event_id}"),
        // A change of consent has no id: of one process, its number and its time are one.
        None => format!("consent:{:x}-{:x}", record.key, record.reported_at),
    };
    let id = match attempt {
        Some(attempt) => format!("{attempt}:{id}"),
        None => id,
    };
    headers.insert(MESSAGE_ID, id.escape_default().to_string());
    headers
}

/// The same with what became of it; of the message of that number.
pub(super) fn dead_headers(record: &Record, ended: &Ended, sequence: u64) -> HeaderMap {
    let mut headers = headers(record, Some(sequence));
    headers.insert(END, serde_json::to_string(ended).unwrap_or_default());
    headers
}

/// The item of a message; none, where it is none of ours.
pub(super) fn record(headers: &HeaderMap, payload: &[u8], subject: &str) -> Option<Record> {
    let meta: Meta = serde_json::from_str(headers.get(ITEM)?.as_str()).ok()?;
    Some(Record {
        key: meta.key,
        lane: lane_of(subject)?,
        reported_at: meta.reported_at,
        kind: match meta.kind.as_str() {
            "event" => Kind::Event,
            "consent" => Kind::Consent,
            _ => return None,
        },
        event_type: meta.event_type.map(Into::into),
        event_id: meta.event_id,
        timestamp: meta.timestamp,
        user_id: meta.user_id,
        json: std::str::from_utf8(payload).ok()?.to_owned(),
        contract: meta.contract.into(),
    })
}

pub(super) fn ended(headers: &HeaderMap) -> Option<Ended> {
    serde_json::from_str(headers.get(END)?.as_str()).ok()
}

/// The subject of a lane below that prefix.
pub(super) fn subject(prefix: &str, lane: Lane) -> String {
    format!("{prefix}.{:02}", lane.number())
}

/// The lane of a subject.
pub(super) fn lane_of(subject: &str) -> Option<Lane> {
    Lane::new(subject.rsplit('.').next()?.parse().ok()?)
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "event",
        Kind::Consent => "consent",
    }
}
