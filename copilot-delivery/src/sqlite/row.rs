//! Items as rows, and rows as items.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::{
    books::Books,
    column::{kind, lane, malformed, number},
};
use crate::{
    Item, Judge, Kind, Lane, Outcome, Reason, Record,
    outbox::{DeadLetter, LeasedItem},
};

/// What is kept of an item, pending or dead, in the order in which [`record`] reads it.
macro_rules! columns {
    () => {
        "key, lane, kind, event_type, event_id, timestamp, user_id, reported_at, json, contract"
    };
}

/// Pending items of a lane from a place on, in its order.
pub(super) const OF_LANE: &str =
    concat!("SELECT ", columns!(), ", seq, forget FROM pending WHERE lane = ?1 AND seq >= ?2 ORDER BY seq");

/// Dead letters after a number, oldest first.
pub(super) const DEAD: &str = concat!(
    "SELECT ",
    columns!(),
    ", id, outcome, judge, words, since FROM dead WHERE id > ?1 ORDER BY id LIMIT ?2"
);

/// One dead letter.
pub(super) const DEAD_LETTER: &str =
    concat!("SELECT ", columns!(), ", id, outcome, judge, words, since FROM dead WHERE id = ?1");

const APPEND: &str = concat!(
    "INSERT INTO pending(",
    columns!(),
    ", seq, forget) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0)"
);

/// Makes a dead letter of a pending item, unless it is to be forgotten.
const BURY: &str = concat!(
    "INSERT INTO dead(",
    columns!(),
    ", id, outcome, judge, words, since) SELECT ",
    columns!(),
    ", ?2, ?3, ?4, ?5, ?6 FROM pending WHERE seq = ?1 AND NOT forget"
);

/// Takes items, each at the end of its lane.
pub(super) fn append<'a>(
    connection: &Connection,
    books: &mut Books,
    records: impl IntoIterator<Item = &'a Record>,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(APPEND)?;
    for record in records {
        let seq = books.take(record.lane, record.kind, record.reported_at, record.json.len());
        insert.execute(params![
            record.key as i64,
            record.lane.number(),
            kind_name(record.kind),
            record.event_type,
            record.event_id,
            record.timestamp,
            record.user_id,
            record.reported_at,
            record.json,
            record.contract,
            seq as i64,
        ])?;
    }
    Ok(())
}

/// Ends a pending item. It goes to the dead letter, if `since` says since when and it is not to be forgotten.
pub(super) fn end(
    connection: &Connection,
    books: &mut Books,
    (seq, lane, bytes): (u64, Lane, usize),
    outcome: &Outcome,
    dead_since: Option<i64>,
) -> rusqlite::Result<()> {
    if let Some(since) = dead_since {
        let (judge, words) = match outcome.reason() {
            Some(reason) => (Some(judge_name(reason.by)), serde_json::to_string(&*reason.words).ok()),
            None => (None, None),
        };
        let bury = params![seq as i64, books.next_dead() as i64, outcome.name(), judge, words, since];
        if connection.prepare_cached(BURY)?.execute(bury)? > 0 {
            books.bury(bytes);
        }
    }
    let deleted = connection.prepare_cached("DELETE FROM pending WHERE seq = ?1")?.execute([seq as i64])?;
    if deleted != 1 {
        // What was leased is there: nobody else has the file.
        return Err(malformed("a pending item is gone"));
    }
    books.end(lane, bytes, outcome);
    Ok(())
}

pub(super) fn leased(row: &Row<'_>) -> rusqlite::Result<LeasedItem> {
    Ok(LeasedItem { id: number(row, 10)?, forget: row.get(11)?, item: Item::from_record(record(row)?) })
}

pub(super) fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let name: String = row.get(11)?;
    let judge: Option<String> = row.get(12)?;
    let words: Option<String> = row.get(13)?;
    let reason = || {
        let by = match judge.as_deref() {
            Some("contract") => Judge::Contract,
            Some("server") => Judge::Server,
            _ => return Err(malformed("a dead letter without a judge")),
        };
        let words: Vec<String> =
            words.as_deref().and_then(|words| serde_json::from_str(words).ok()).unwrap_or_default();
        Ok(Reason { by, words: Arc::from(words) })
    };
    let outcome = match name.as_str() {
        "accepted" => Outcome::Accepted,
        "rejected" => Outcome::Rejected(reason()?),
        "unattributed" => Outcome::Unattributed(reason()?),
        "expired" => Outcome::Expired,
        "undelivered" => Outcome::Undelivered,
        "forgotten" => Outcome::Forgotten,
        "settled elsewhere" => Outcome::SettledElsewhere,
        _ => return Err(malformed("an outcome without a meaning")),
    };
    Ok(DeadLetter {
        id: number(row, 10)?,
        outcome,
        since: row.get(14)?,
        item: Item::from_record(record(row)?),
    })
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        key: number(row, 0)?,
        lane: lane(row, 1)?,
        kind: kind(row, 2)?,
        event_type: row.get::<_, Option<String>>(3)?.map(Into::into),
        event_id: row.get(4)?,
        timestamp: row.get(5)?,
        user_id: row.get(6)?,
        reported_at: row.get(7)?,
        json: row.get(8)?,
        contract: row.get::<_, String>(9)?.into(),
    })
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Event => "event",
        Kind::Consent => "consent",
    }
}

fn judge_name(judge: Judge) -> &'static str {
    match judge {
        Judge::Contract => "contract",
        Judge::Server => "server",
    }
}
