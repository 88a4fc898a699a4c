//! Forgetting a user, as far as a stream allows.

use bytes::Bytes;
use copilot_api::{EventPayload as _, types::UserDeletedPayload};

use super::{engine::Engine, fault, marks, message, streams, taking};
use crate::{
    Kind, Lane,
    outbox::{Forgotten, OutboxError, Removed},
    room::Sum,
};

/// Removes what is there of a user, whose lane this process has to itself meanwhile. Each message of the lane is looked at.
pub(super) async fn forget(engine: &Engine, user_id: &str) -> Result<Forgotten, OutboxError> {
    let (lane, mut forgotten) = (Lane::of(user_id), Forgotten::default());
    loop {
        let _kept_out = taking::have(engine, lane).await?;
        let losses = engine.lanes().losses(lane);
        let removed = remove(engine, user_id, lane, &mut forgotten).await;
        let was_ours = {
            let mut lanes = engine.lanes();
            // What was on its way meanwhile does not count.
            lanes.read_again(lane);
            lanes.losses(lane) == losses
        };
        engine.again.notify_waiters();
        removed?;
        // Who had the lane meanwhile may have read it before.
        if was_ours {
            return Ok(forgotten);
        }
    }
}

async fn remove(
    engine: &Engine,
    user_id: &str,
    lane: Lane,
    forgotten: &mut Forgotten,
) -> Result<(), OutboxError> {
    let (subject, mut next, mut theirs) = (engine.subject(lane), 1, Vec::new());
    while let Some(found) = streams::next_message(engine, &engine.pending, &subject, next).await? {
        next = found.sequence + 1;
        let record = message::record(&found.headers, &found.payload, &found.subject);
        theirs.extend(
            record
                .filter(|record| record.user_id.as_deref() == Some(user_id))
                .map(|record| (found.sequence, record)),
        );
    }
    let newest_consent =
        theirs.iter().rev().find(|(_, record)| record.kind == Kind::Consent).map(|(sequence, _)| *sequence);
    forgotten.still_sent = 0;
    for (sequence, record) in theirs {
        let deletes = record.event_type.as_deref() == Some(UserDeletedPayload::EVENT_TYPE);
        if deletes || newest_consent == Some(sequence) {
            let marked = engine.notes.put(marks::note(lane, sequence), Bytes::new()).await;
            marked.map_err(|error| fault::unusable(&engine.place, &error))?;
            engine.lanes().mark(lane, sequence);
            forgotten.still_sent += 1;
            continue;
        }
        streams::remove(engine, &engine.pending, sequence).await?;
        engine.lanes().remove(lane, sequence);
        engine.lanes().count(lane, |tally| tally.forgotten += 1);
        engine.intake.removed(Sum::default().with(record.json.len()));
        forgotten.pending.push(Removed {
            key: record.key,
            event_id: record.event_id,
            event_type: record.event_type.map(Into::into),
            settler: None,
        });
    }
    let (subject, mut next) = (engine.dead_subject(lane), 1);
    while let Some(found) = streams::next_message(engine, &engine.dead, &subject, next).await? {
        next = found.sequence + 1;
        let record = message::record(&found.headers, &found.payload, &found.subject);
        if record.is_some_and(|record| record.user_id.as_deref() == Some(user_id)) {
            forgotten.dead_letters += u64::from(streams::remove(engine, &engine.dead, found.sequence).await?);
        }
    }
    Ok(())
}
