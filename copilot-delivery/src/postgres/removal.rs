//! What is removed without being sent: by its user, by its age, by its size.

use std::time::Duration;

use copilot_api::{EventPayload as _, types::UserDeletedPayload};
use tokio::time;
use tokio_postgres::types::Type;

use super::{
    engine::Engine,
    row::{Parameter, Reader},
    taking::millis,
};
use crate::{
    Lane,
    outbox::{Forgotten, OutboxError, Removed, Retention},
    room::Sum,
};

/// How long couriers are kept out of a lane that is waited for, and how often it is looked at.
const KEEP: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);

/// How many rows one transaction removes at most.
const AT_ONCE: i32 = 1000;

/// Removes what is there of a user, once nothing of their lane is on its way.
pub(super) async fn forget(engine: &Engine, user_id: String) -> Result<Forgotten, OutboxError> {
    let reader = Reader { place: engine.place() };
    // No user of the database has such an id.
    if user_id.contains('\0') {
        return Ok(Forgotten::default());
    }
    let (user_id, lane, keep) = (&*user_id, i16::from(Lane::of(&user_id).number()), millis(KEEP));
    loop {
        let rows = engine
            .others
            .ask(|client| async move {
                let parameters: [Parameter<'_>; 4] = [
                    (&lane, Type::INT2),
                    (&user_id, Type::TEXT),
                    (&UserDeletedPayload::EVENT_TYPE, Type::TEXT),
                    (&keep, Type::INT8),
                ];
                client
                    .query_typed(
                        "SELECT again, keys, event_ids, event_types, bytes, dead_letters, still_sent \
                         FROM copilot.forget($1, $2, $3, $4)",
                        &parameters,
                    )
                    .await
            })
            .await?;
        let row = rows.first().ok_or_else(|| reader.malformed())?;
        if reader.get::<bool>(row, 0)? {
            time::sleep(LOOK).await;
            continue;
        }
        let pending = reader.removed(row, 1)?;
        engine.intake.removed(Sum { items: pending.len() as u64, bytes: reader.number(row, 4)? });
        let (dead_letters, still_sent) = (reader.number(row, 5)?, reader.number(row, 6)?);
        return Ok(Forgotten { pending, dead_letters, still_sent });
    }
}

/// Removes what is too old or too much: dead letters before pending events, oldest first; nothing of what is on its way.
pub(super) async fn retain(engine: &Engine, retention: Retention) -> Result<Vec<Removed>, OutboxError> {
    let before = |age: Option<Duration>| age.map(|age| retention.now.saturating_sub(millis(age)));
    let (dead_before, before) = (before(retention.max_dead_age), before(retention.max_age));
    let max_bytes = retention.max_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let mut removed = Vec::new();
    if (dead_before, before, max_bytes) == (None, None, None) {
        return Ok(removed);
    }
    loop {
        match retain_some(engine, dead_before, before, max_bytes).await {
            Ok((some, again)) => {
                removed.extend(some);
                if !again {
                    return Ok(removed);
                }
            }
            // What was removed is told; the rest is tried again.
            Err(_) if !removed.is_empty() => return Ok(removed),
            Err(error) => return Err(error),
        }
    }
}

async fn retain_some(
    engine: &Engine,
    dead_before: Option<i64>,
    before: Option<i64>,
    max_bytes: Option<i64>,
) -> Result<(Vec<Removed>, bool), OutboxError> {
    let rows = engine
        .others
        .ask(|client| async move {
            let parameters: [Parameter<'_>; 4] = [
                (&dead_before, Type::INT8),
                (&before, Type::INT8),
                (&max_bytes, Type::INT8),
                (&AT_ONCE, Type::INT4),
            ];
            client
                .query_typed(
                    "SELECT again, keys, event_ids, event_types, coalesce(bytes, 0) FROM copilot.retain($1, $2, $3, $4)",
                    &parameters,
                )
                .await
        })
        .await?;
    let reader = Reader { place: engine.place() };
    let row = rows.first().ok_or_else(|| reader.malformed())?;
    let removed = reader.removed(row, 1)?;
    if !removed.is_empty() {
        engine.intake.removed(Sum { items: removed.len() as u64, bytes: reader.number(row, 4)? });
    }
    Ok((removed, reader.get(row, 0)?))
}
