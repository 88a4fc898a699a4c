//! Counters and gauges, by the `metrics` facade where its feature is on.

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
    let age = held_up.as_ref().map(|held_up| held_up.age).unwrap_or_default();
    metrics::gauge!("copilot_delivery_held_up_seconds").set(age.as_secs_f64());
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn seen(_: &Snapshot) {}
