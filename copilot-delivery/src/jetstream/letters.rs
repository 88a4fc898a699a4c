//! Dead letters: a stream of their own, of which each message is removed when it is dropped or sent again.

use std::sync::Arc;

use async_nats::jetstream::message::StreamMessage;
use tokio::time::Instant;

use super::{
    engine::Engine,
    fault,
    message::{self, Ended},
    storing, streams,
};
use crate::{
    Item, Judge, Outcome, Reason, Record, clock,
    outbox::{DeadLetter, Fault, OutboxError},
    room::Sum,
};

/// Makes a dead letter of the pending message of that number. Twice is once.
pub(super) async fn bury(
    engine: &Engine,
    sequence: u64,
    record: Record,
    outcome: &Outcome,
) -> Result<(), OutboxError> {
    let reason = outcome.reason();
    let ended = Ended {
        outcome: outcome.name().to_owned(),
        judge: reason.map(|reason| judge_name(reason.by).to_owned()),
        words: reason.map(|reason| reason.words.to_vec()).unwrap_or_default(),
        since: clock::now(),
    };
    let headers = message::dead_headers(&record, &ended, sequence);
    let subject = engine.dead_subject(record.lane);
    let sending = engine.context.publish_with_headers(subject, headers, record.json.into());
    let published = async { sending.await?.await };
    match published.await {
        Ok(_) => Ok(()),
        Err(error) => Err(fault::unusable(&engine.place, &error)),
    }
}

pub(super) async fn list(
    engine: &Engine,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<DeadLetter>, OutboxError> {
    let (mut letters, mut next) = (Vec::new(), after.map_or(1, |after| after.saturating_add(1)));
    let subject = format!("{}-dead.*", engine.settings.stream);
    while letters.len() < limit {
        let Some(message) = streams::next_message(engine, &engine.dead, &subject, next).await? else { break };
        next = message.sequence + 1;
        if let Some(letter) = letter(engine, &message) {
            letters.push(letter);
        }
    }
    Ok(letters)
}

/// Publishes a dead letter again, or what stands in its place, and then removes it.
pub(super) async fn put_back(engine: &Engine, id: u64, mended: Option<Record>) -> Result<bool, OutboxError> {
    let Some(message) = streams::message_of(engine, &engine.dead, id).await? else { return Ok(false) };
    let Some(kept) = message::record(&message.headers, &message.payload, &message.subject) else {
        return Ok(false);
    };
    let record = mended.unwrap_or(kept);
    let bytes = record.json.len();
    if let Some(why) = engine.intake.refuses(bytes) {
        return Err(fault::new(&engine.place, why));
    }
    let deadline = Instant::now() + engine.settings.deadline;
    let published = storing::publish(engine, &record, Some(id), deadline).await;
    published.map_err(|unpublished| unpublished.error)?;
    engine.intake.answered(Sum::default().with(bytes), Sum::default());
    streams::remove(engine, &engine.dead, id).await?;
    Ok(true)
}

pub(super) async fn drop(engine: &Arc<Engine>, ids: Vec<u64>) -> Result<u64, OutboxError> {
    let mut dropped = 0;
    for id in ids {
        dropped += u64::from(streams::remove(engine, &engine.dead, id).await?);
    }
    Ok(dropped)
}

fn letter(engine: &Engine, message: &StreamMessage) -> Option<DeadLetter> {
    let record = message::record(&message.headers, &message.payload, &message.subject);
    let (Some(record), Some(ended)) = (record, message::ended(&message.headers)) else {
        tracing::error!(outbox = engine.place, "{}", fault::new(&engine.place, Fault::Corrupt));
        return None;
    };
    let reason = || {
        let by = if ended.judge.as_deref() == Some("contract") { Judge::Contract } else { Judge::Server };
        Reason::new(by, ended.words.iter().cloned())
    };
    let outcome = match ended.outcome.as_str() {
        "rejected" => Outcome::Rejected(reason()),
        "expired" => Outcome::Expired,
        _ => Outcome::Unattributed(reason()),
    };
    Some(DeadLetter { id: message.sequence, outcome, since: ended.since, item: Item::from_record(record) })
}

fn judge_name(judge: Judge) -> &'static str {
    match judge {
        Judge::Contract => "contract",
        Judge::Server => "server",
    }
}
