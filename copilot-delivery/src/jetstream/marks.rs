//! What is still sent of a user who was forgotten, and is removed then: keys that stay.

use std::collections::HashSet;

use futures_util::TryStreamExt as _;

use super::{engine::Engine, fault};
use crate::{Lane, outbox::OutboxError};

/// The messages of a lane that are removed once they were sent.
pub(super) async fn marks(engine: &Engine, lane: Lane) -> Result<HashSet<u64>, OutboxError> {
    let failed = |error: &dyn std::error::Error| fault::unusable(&engine.place, error);
    let prefix = format!("forget.{:02}.", lane.number());
    let keys = engine.notes.keys().await.map_err(|error| failed(&error))?;
    let keys: Vec<String> = keys.try_collect().await.map_err(|error| failed(&error))?;
    Ok(keys.iter().filter_map(|key| key.strip_prefix(&prefix)?.parse().ok()).collect())
}

/// A message is gone that was to be forgotten. A mark that stays marks nothing: no number comes twice.
pub(super) async fn unmark(engine: &Engine, lane: Lane, sequence: u64) {
    let _ = engine.notes.purge(note(lane, sequence)).await;
}

pub(super) fn note(lane: Lane, sequence: u64) -> String {
    format!("forget.{:02}.{sequence}", lane.number())
}
