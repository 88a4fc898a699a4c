//! Counters and gauges, by the `metrics` facade where its feature is on.

#[cfg(feature = "metrics")]
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "metrics")]
use crate::outbox::HeldUp;
use crate::{Outcome, Snapshot};

/// Counts an item that ended.
#[cfg(feature = "metrics")]
pub(crate) fn ended(outcome: &Outcome) {
    metrics::counter!("copilot_delivery_items_total", "outcome" => outcome.name()).increment(1);
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn ended(_: &Outcome) {}

/// Sets the gauges of what a snapshot shows.
#[cfg(feature = "metrics")]
pub(crate) fn seen(snapshot: &Snapshot) {
    let Snapshot { counts, oldest_age, in_flight, events_paused, consent_paused, held_up, .. } = snapshot;
    let paused = events_paused.is_some() || consent_paused.is_some();
    metrics::gauge!("copilot_delivery_pending_items").set(counts.pending as f64);
    metrics::gauge!("copilot_delivery_pending_bytes").set(counts.pending_bytes as f64);
    metrics::gauge!("copilot_delivery_dead_letters").set(counts.dead_letters as f64);
    metrics::gauge!("copilot_delivery_oldest_pending_seconds")
        .set(oldest_age.unwrap_or_default().as_secs_f64());
    metrics::gauge!("copilot_delivery_requests_in_flight").set(*in_flight as f64);
    metrics::gauge!("copilot_delivery_paused").set(if paused { 1.0 } else { 0.0 });
    held(held_up.as_ref());
}

/// The gauge of whom the outbox waits for has that one's labels, and is 0 once it does not wait any more.
#[cfg(feature = "metrics")]
fn held(held_up: Option<&HeldUp>) {
    static LAST: Mutex<Option<HeldUp>> = Mutex::new(None);
    let set = |held_up: &HeldUp, seconds| {
        let pid = held_up.pid.map_or_else(|| "prepared".to_owned(), |pid| pid.to_string());
        let labels = [("pid", pid), ("database", held_up.database.clone())];
        metrics::gauge!("copilot_delivery_held_up_seconds", &labels).set(seconds);
    };
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let is_other =
        |last: &&HeldUp| held_up.is_none_or(|now| (now.pid, &now.database) != (last.pid, &last.database));
    if let Some(last) = last.as_ref().filter(is_other) {
        set(last, 0.0);
    }
    if let Some(held_up) = held_up {
        set(held_up, held_up.age.as_secs_f64());
    }
    *last = held_up.cloned();
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn seen(_: &Snapshot) {}
