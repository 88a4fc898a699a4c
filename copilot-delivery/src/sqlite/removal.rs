//! What is removed without being sent: by its user, by its age, by its size.

use std::time::Duration;

use copilot_api::{EventPayload as _, types::UserDeletedPayload};
use rusqlite::{Connection, Rows, params};

use super::{books::Books, column, inbox::AT_ONCE, row, store::Store};
use crate::{
    Lane, Outcome,
    outbox::{Forgotten, OutboxError, Removed, Retention},
};

/// How many rows one transaction removes at most.
const ROWS_AT_ONCE: usize = 1000;

/// A pending event that is to be removed.
struct Found {
    seq: u64,
    key: u64,
    lane: Lane,
    bytes: usize,
    event_id: Option<String>,
    event_type: Option<String>,
}

/// Removes what is there of a user, whose lane is not leased. `pending` has no index of users: they share a lane, which has.
pub(super) fn forget(store: &mut Store, user_id: &str) -> Result<Forgotten, OutboxError> {
    let theirs = params![Lane::of(user_id).number(), user_id];
    let forgotten = store.delete(|connection, books| {
        connection.execute(
            "UPDATE pending SET forget = event_type IS ?3 OR seq IS \
             (SELECT max(seq) FROM pending WHERE lane = ?1 AND user_id = ?2 AND kind = 'consent') \
             WHERE lane = ?1 AND user_id = ?2",
            params![Lane::of(user_id).number(), user_id, UserDeletedPayload::EVENT_TYPE],
        )?;
        let still_sent = connection.query_row(
            "SELECT count(*) FROM pending WHERE lane = ?1 AND user_id = ?2 AND forget",
            theirs,
            |row| column::number(row, 0),
        )?;
        let found = Found::all(
            connection
                .prepare(
                    "SELECT seq, key, lane, octet_length(json), event_id, event_type FROM pending \
                     WHERE lane = ?1 AND user_id = ?2 AND NOT forget ORDER BY seq",
                )?
                .query(theirs)?,
        )?;
        found.iter().try_for_each(|found| found.end(connection, books, &Outcome::Forgotten))?;
        let mut dead =
            connection.prepare("DELETE FROM dead WHERE user_id = ?1 RETURNING octet_length(json)")?;
        let dead: Vec<i64> = dead.query_map([user_id], |row| row.get(0))?.collect::<Result<_, _>>()?;
        books.dead = dead.iter().fold(books.dead, |sum, bytes| sum.less(*bytes as usize));
        let pending = found.into_iter().map(Found::removed).collect();
        Ok(Forgotten { pending, dead_letters: dead.len() as u64, still_sent })
    })?;
    store.scrub();
    Ok(forgotten)
}

/// Removes what is too old or too much: dead letters before pending events, oldest first; nothing of what is on its way.
pub(super) fn retain(store: &mut Store, retention: &Retention) -> Result<Vec<Removed>, OutboxError> {
    let mut removed = Vec::new();
    match retain_until(store, retention, &mut removed) {
        // What was removed is told; the rest is tried again.
        Err(error) if removed.is_empty() => Err(error),
        _ => Ok(removed),
    }
}

fn retain_until(
    store: &mut Store,
    retention: &Retention,
    removed: &mut Vec<Removed>,
) -> Result<(), OutboxError> {
    let before =
        |age: Duration| retention.now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    if let Some(age) = retention.max_dead_age {
        drop_dead(store, before(age), u64::MAX)?;
    }
    if let Some(age) = retention.max_age {
        expire(store, before(age), u64::MAX, removed)?;
    }
    if let Some(max) = retention.max_bytes {
        let surplus = |books: &Books| books.pending().and(books.dead).bytes.saturating_sub(max);
        drop_dead(store, i64::MAX, surplus(&store.books))?;
        expire(store, i64::MAX, surplus(&store.books), removed)?;
    }
    Ok(())
}

/// Removes dead letters from before that time, until they are so many bytes.
fn drop_dead(store: &mut Store, before: i64, mut surplus: u64) -> Result<(), OutboxError> {
    loop {
        let freed = store.delete(|connection, books| {
            let mut statement = connection.prepare_cached(
                "SELECT id, octet_length(json) FROM dead WHERE since < ?1 ORDER BY id LIMIT ?2",
            )?;
            let mut rows = statement.query(params![before, ROWS_AT_ONCE as i64])?;
            let mut found = Vec::new();
            let mut bytes = 0;
            while bytes < surplus.min(AT_ONCE as u64)
                && let Some(row) = rows.next()?
            {
                found.push(row.get::<_, i64>(0)?);
                let size = column::number(row, 1)?;
                bytes += size;
                books.dead = books.dead.less(size as usize);
            }
            let mut delete = connection.prepare_cached("DELETE FROM dead WHERE id = ?1")?;
            found.iter().try_for_each(|id| delete.execute([id]).map(drop))?;
            Ok(bytes)
        })?;
        surplus = surplus.saturating_sub(freed);
        if freed == 0 || surplus == 0 {
            return Ok(());
        }
    }
}

/// Removes events from before that time, until they are so many bytes.
fn expire(
    store: &mut Store,
    before: i64,
    mut surplus: u64,
    removed: &mut Vec<Removed>,
) -> Result<(), OutboxError> {
    let leased = store.leases.lanes().iter().fold(0_u32, |bits, lane| bits | 1 << lane.number());
    let mut after = 0;
    loop {
        let found = store.delete(|connection, books| {
            let mut statement = connection.prepare_cached(
                "SELECT seq, key, lane, octet_length(json), event_id, event_type FROM pending WHERE seq > ?1 AND kind = 'event' \
                 AND NOT forget AND reported_at < ?2 AND NOT (?3 >> lane & 1) ORDER BY seq LIMIT ?4",
            )?;
            let mut found =
                Found::all(statement.query(params![after as i64, before, leased, ROWS_AT_ONCE as i64])?)?;
            let mut bytes = 0;
            let enough = found.iter().take_while(|found| {
                let more = bytes < surplus.min(AT_ONCE as u64);
                bytes += found.bytes as u64;
                more
            });
            found.truncate(enough.count());
            found.iter().try_for_each(|found| found.end(connection, books, &Outcome::Expired))?;
            Ok(found)
        })?;
        surplus = surplus.saturating_sub(found.iter().map(|found| found.bytes as u64).sum());
        let Some(last) = found.last() else { return Ok(()) };
        after = last.seq;
        removed.extend(found.into_iter().map(Found::removed));
    }
}

impl Found {
    fn all(mut rows: Rows<'_>) -> rusqlite::Result<Vec<Self>> {
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(Self {
                seq: column::number(row, 0)?,
                key: column::number(row, 1)?,
                lane: column::lane(row, 2)?,
                bytes: column::number(row, 3)? as usize,
                event_id: row.get(4)?,
                event_type: row.get(5)?,
            });
        }
        Ok(found)
    }

    fn end(&self, connection: &Connection, books: &mut Books, outcome: &Outcome) -> rusqlite::Result<()> {
        row::end(connection, books, (self.seq, self.lane, self.bytes), outcome, None)
    }

    fn removed(self) -> Removed {
        let Self { key, event_id, event_type, .. } = self;
        Removed { key, event_id, event_type, settler: None }
    }
}
