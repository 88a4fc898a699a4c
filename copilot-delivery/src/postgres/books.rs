//! What is seen of the outbox: its counts, whom it waits for, its dead letters, whose it is.

use std::time::{Duration, Instant};

use tokio_postgres::types::Type;

use super::{
    engine::{Engine, Held, Writer},
    fault,
    row::{self, Parameter, Reader},
};
use crate::{
    Record,
    outbox::{Counts, DeadLetter, Fault, HeldUp, OutboxError, Owner, Tally},
    room::Sum,
};

/// The counts, in one consistent reading.
pub(super) async fn counts(engine: &Engine) -> Result<Counts, OutboxError> {
    let rows = engine
        .others
        .ask(|client| async move {
            client
                .query_typed(
                    "SELECT pending, pending_bytes, lanes, oldest, first, last, accepted, rejected, unattributed, expired, \
                     forgotten, dead_letters FROM copilot.counts",
                    &[],
                )
                .await
        })
        .await?;
    let reader = Reader { place: engine.place() };
    let row = rows.first().ok_or_else(|| reader.malformed())?;
    let number = |column| reader.number(row, column);
    let pending = Sum { items: number(0)?, bytes: number(1)? };
    engine.intake.counted(pending);
    let mut tally = Tally {
        taken: 0,
        accepted: number(6)?,
        rejected: number(7)?,
        unattributed: number(8)?,
        expired: number(9)?,
        undelivered: 0,
        forgotten: number(10)?,
    };
    tally.taken = pending.items + tally.ended();
    Ok(Counts {
        tally,
        pending: pending.items,
        pending_bytes: pending.bytes,
        lanes: u32::try_from(number(2)?).unwrap_or(u32::MAX),
        oldest: reader.get(row, 3)?,
        first: reader.get::<Option<i64>>(row, 4)?.map(|first| first as u64),
        last: number(5)?,
        dead_letters: number(11)?,
    })
}

/// Forgets what was stored last by processes that have stored nothing for a day.
pub(super) async fn forget_processes(engine: &Engine) -> Result<(), OutboxError> {
    let old = "DELETE FROM copilot.stored WHERE at < now() - interval '1 day'";
    engine.others.ask(|client| async move { client.execute_typed(old, &[]).await }).await.map(drop)
}

/// Counts how much is pending, so that a full table takes nothing more whoever filled it.
pub(super) async fn recount(engine: &Engine) -> Result<(), OutboxError> {
    let rows = engine
        .others
        .ask(|client| async move {
            let count = "SELECT count(*), coalesce(sum(octet_length(json)), 0)::bigint FROM copilot.pending";
            client.query_typed(count, &[]).await
        })
        .await?;
    let reader = Reader { place: engine.place() };
    let row = rows.first().ok_or_else(|| reader.malformed())?;
    engine.intake.counted(Sum { items: reader.number(row, 0)?, bytes: reader.number(row, 1)? });
    Ok(())
}

/// The first and the last place.
pub(super) async fn places(engine: &Engine) -> Result<(Option<u64>, u64), OutboxError> {
    let rows = engine
        .courier
        .ask(|client| async move { client.query_typed("SELECT first, last FROM copilot.places", &[]).await })
        .await?;
    let reader = Reader { place: engine.place() };
    let row = rows.first().ok_or_else(|| reader.malformed())?;
    Ok((reader.get::<Option<i64>>(row, 0)?.map(|first| first as u64), reader.number(row, 1)?))
}

/// How often it is asked whom items wait for, while they do.
const ASK_WHO: Duration = Duration::from_secs(1);

/// A lease found something that cannot be read yet, or did not.
pub(super) async fn saw_held(engine: &Engine, is_held: bool) {
    let before = {
        let mut held = engine.held();
        if !is_held {
            *held = Held::default();
            return;
        }
        if held.asked.is_some_and(|asked| asked.elapsed() < ASK_WHO) {
            return;
        }
        held.asked = Some(Instant::now());
        held.writer.clone()
    };
    // Who cannot be told is not worth an error.
    let writer = oldest_writer(engine, before).await.ok().flatten();
    engine.held().writer = writer;
}

/// The oldest transaction that writes. Where its age does not show, that is for how long `before` has seen it.
async fn oldest_writer(engine: &Engine, before: Option<Writer>) -> Result<Option<Writer>, OutboxError> {
    let rows = engine
        .courier
        .ask(|client| async move {
            client
                .query_typed("SELECT xid::text, pid, coalesce(database, ''), age FROM copilot.held_up", &[])
                .await
        })
        .await?;
    let reader = Reader { place: engine.place() };
    let Some(row) = rows.first() else { return Ok(None) };
    let xid: String = reader.get(row, 0)?;
    let since = before.filter(|before| before.xid == xid).map_or_else(Instant::now, |before| before.since);
    let age = reader.get::<Option<i64>>(row, 3)?.map(|age| Duration::from_millis(age.unsigned_abs()));
    let held_up = HeldUp {
        pid: reader.get(row, 1)?,
        database: reader.get(row, 2)?,
        age: age.unwrap_or_else(|| since.elapsed()),
    };
    Ok(Some(Writer { xid, since, held_up }))
}

/// Makes the outbox that of an owner.
pub(super) async fn bind(engine: &Engine, owner: Owner, rebind: bool) -> Result<(), OutboxError> {
    let Owner { client_id, endpoint } = &owner;
    let rows = engine
        .others
        .ask(|client| async move {
            let parameters: [Parameter<'_>; 3] =
                [(client_id, Type::TEXT), (endpoint, Type::TEXT), (&rebind, Type::BOOL)];
            client.query_typed("SELECT client_id, endpoint FROM copilot.bind($1, $2, $3)", &parameters).await
        })
        .await?;
    let reader = Reader { place: engine.place() };
    let row = rows.first().ok_or_else(|| reader.malformed())?;
    let bound = Owner { client_id: reader.get(row, 0)?, endpoint: reader.get(row, 1)? };
    if bound == owner {
        return Ok(());
    }
    Err(OutboxError::new(
        Fault::BoundElsewhere,
        format!(
            "the outbox {} belongs to client id {} for {}, not to {client_id} for {endpoint}: start with `rebind` to hand it over",
            engine.place(),
            bound.client_id,
            bound.endpoint,
        ),
    ))
}

pub(super) async fn dead_letters(
    engine: &Engine,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<DeadLetter>, OutboxError> {
    let rows = engine
        .others
        .ask(|client| async move { row::dead(&client, after.unwrap_or(0), limit).await })
        .await?;
    let reader = Reader { place: engine.place() };
    rows.iter().map(|row| reader.dead_letter(row)).collect()
}

/// Takes a dead letter up again. Whether there was one.
pub(super) async fn put_back(engine: &Engine, id: u64, mended: Option<Record>) -> Result<bool, OutboxError> {
    let bytes = engine
        .others
        .ask(|client| async move {
            let size = "SELECT octet_length(json) FROM copilot.dead WHERE id = $1";
            client.query_typed(size, &[(&(id as i64), Type::INT8)]).await
        })
        .await?;
    let reader = Reader { place: engine.place() };
    let Some(row) = bytes.first() else { return Ok(false) };
    let bytes = match &mended {
        Some(record) => record.json.len(),
        None => usize::try_from(reader.get::<i32>(row, 0)?).unwrap_or(usize::MAX),
    };
    if let Some(why) = engine.intake.refuses(bytes) {
        return Err(fault::new(engine.place(), why));
    }
    let mended = mended.as_ref();
    let put = engine.others.ask(|client| async move { row::put_back(&client, id, mended).await }).await?;
    if put {
        engine.intake.answered(Sum::default().with(bytes), Sum::default());
    }
    Ok(put)
}

pub(super) async fn drop_dead_letters(engine: &Engine, ids: Vec<u64>) -> Result<u64, OutboxError> {
    let ids: Vec<_> = ids.into_iter().map(|id| id as i64).collect();
    engine
        .others
        .ask(|client| async move {
            let delete = "DELETE FROM copilot.dead WHERE id = ANY($1)";
            client.execute_typed(delete, &[(&ids, Type::INT8_ARRAY)]).await
        })
        .await
}
