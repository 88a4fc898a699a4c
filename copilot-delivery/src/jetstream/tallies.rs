//! What became of the items of each lane, in keys that stay: written now and then by who holds the lane, so that a process that is killed takes
//! the last seconds of it along.

use bytes::Bytes;
use futures_util::future::join_all;

use super::{engine::Engine, fault, message};
use crate::{
    Lane,
    outbox::{OutboxError, Tally},
};

pub(super) async fn read(engine: &Engine, lane: Lane) -> Result<Tally, OutboxError> {
    let found = engine.notes.get(key(lane)).await.map_err(|error| fault::unusable(&engine.place, &error))?;
    let numbers: Option<[u64; 5]> = found.and_then(|found| serde_json::from_slice(&found).ok());
    let [accepted, rejected, unattributed, expired, forgotten] = numbers.unwrap_or_default();
    Ok(Tally { accepted, rejected, unattributed, expired, forgotten, ..Tally::default() })
}

pub(super) async fn write(engine: &Engine, lane: Lane, tally: Tally) -> Result<(), OutboxError> {
    let Tally { accepted, rejected, unattributed, expired, forgotten, .. } = tally;
    let numbers = serde_json::json!([accepted, rejected, unattributed, expired, forgotten]).to_string();
    let written = engine.notes.put(key(lane), Bytes::from(numbers)).await;
    written.map(drop).map_err(|error| fault::unusable(&engine.place, &error))
}

/// Of all lanes, those of other processes as they wrote them last.
pub(super) async fn all(engine: &Engine) -> Result<Tally, OutboxError> {
    let held = engine.lanes().held();
    let of_lanes = join_all(Lane::all().map(|lane| async move {
        if held.contains(lane) { Ok(engine.lanes().tally(lane)) } else { read(engine, lane).await }
    }));
    let mut sum = Tally::default();
    for tally in of_lanes.await {
        let Tally { taken: _, accepted, rejected, unattributed, expired, undelivered: _, forgotten } = tally?;
        sum.accepted += accepted;
        sum.rejected += rejected;
        sum.unattributed += unattributed;
        sum.expired += expired;
        sum.forgotten += forgotten;
    }
    Ok(sum)
}

fn key(lane: Lane) -> String {
    message::subject("tally", lane)
}
