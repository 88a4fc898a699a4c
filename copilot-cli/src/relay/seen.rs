//! The relay as it is seen from outside: its health, its metrics, and what the page shows.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use copilot_delivery::{Health, OutboxError, Snapshot};
use serde_json::{Value, json};

use super::{answer, state::Relay};
use crate::outbox::Tallied;

/// For probes: 503 means that nothing is delivered until a person acts. Items are taken meanwhile.
pub(super) async fn health(State(relay): State<Arc<Relay>>) -> Response {
    let health = relay.reporter.health().await;
    let status =
        if matches!(health, Health::Stuck(_)) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(words(&health))).into_response()
}

fn words(health: &Health) -> Value {
    let (status, why) = match health {
        Health::Ready => ("ready", None),
        Health::Degraded(why) => ("degraded", Some(why)),
        Health::Stuck(why) => ("stuck", Some(why)),
        // Of a version that knows more of it.
        _ => ("degraded", None),
    };
    json!({ "status": status, "why": why })
}

/// For the page. Without personal data, so that whoever can reach the relay may read it.
pub(super) async fn status(State(relay): State<Arc<Relay>>) -> Response {
    match of(&relay).await {
        Ok(status) => Json(status).into_response(),
        Err(error) => unreadable(&error),
    }
}

async fn of(relay: &Relay) -> Result<Value, OutboxError> {
    let snapshot = relay.reporter.snapshot().await?;
    let rejections = relay.rejections.read(relay.reporter.dead_letters()).await?;
    let [stored, refused, unavailable] = relay.counted.read();
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "place": relay.place,
        "health": words(&snapshot.health()),
        "outbox": Tallied::from(snapshot.counts),
        "oldest_seconds": snapshot.oldest_age.map(|age| age.as_secs()),
        "in_flight": snapshot.in_flight,
        "events_paused": snapshot.events_paused.map(|pause| pause.to_string()),
        "consent_paused": snapshot.consent_paused.map(|pause| pause.to_string()),
        "slowed": snapshot.slowed,
        "stored": stored,
        "refused": refused,
        "unavailable": unavailable,
        "rejections": rejections,
    }))
}

/// For Prometheus.
pub(super) async fn metrics(State(relay): State<Arc<Relay>>) -> Response {
    match relay.reporter.snapshot().await {
        Ok(snapshot) => {
            let text = exposition(&snapshot, relay.counted.read());
            ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

/// The names are those of copilot-delivery, as far as it has them.
fn exposition(snapshot: &Snapshot, [stored, refused, unavailable]: [u64; 3]) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, series: &[(&str, f64)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in series {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let Snapshot { counts, oldest_age, in_flight, events_paused, consent_paused, .. } = snapshot;
    let tally = &counts.tally;
    let ended = [
        ("{outcome=\"accepted\"}", tally.accepted as f64),
        ("{outcome=\"rejected\"}", tally.rejected as f64),
        ("{outcome=\"unattributed\"}", tally.unattributed as f64),
        ("{outcome=\"expired\"}", tally.expired as f64),
        ("{outcome=\"forgotten\"}", tally.forgotten as f64),
    ];
    metric("copilot_delivery_items_total", "counter", "Items of the outbox that ended.", &ended);
    let gauges = [
        ("copilot_delivery_pending_items", "Items that wait or are on their way.", counts.pending as f64),
        ("copilot_delivery_pending_bytes", "Their bytes.", counts.pending_bytes as f64),
        (
            "copilot_delivery_oldest_pending_seconds",
            "How long the oldest of them has waited.",
            oldest_age.unwrap_or_default().as_secs_f64(),
        ),
        ("copilot_delivery_dead_letters", "Items that were not accepted.", counts.dead_letters as f64),
        ("copilot_delivery_requests_in_flight", "Requests to Copilot.cx on their way.", *in_flight as f64),
    ];
    for (name, help, value) in gauges {
        metric(name, "gauge", help, &[("", value)]);
    }
    let paused = f64::from(u8::from(events_paused.is_some() || consent_paused.is_some()));
    metric(
        "copilot_delivery_paused",
        "gauge",
        "1 while nothing is sent until a person acts.",
        &[("", paused)],
    );
    let answered = [("{verdict=\"stored\"}", stored as f64), ("{verdict=\"invalid\"}", refused as f64)];
    metric(
        "copilot_relay_items_total",
        "counter",
        "Items that clients sent, by what was answered.",
        &answered,
    );
    let unavailable = [("", unavailable as f64)];
    metric(
        "copilot_relay_unavailable_total",
        "counter",
        "Requests that the outbox did not take.",
        &unavailable,
    );
    text
}

/// The outbox cannot be read. The words hold no personal data and no secret.
pub(super) fn unreadable(error: &OutboxError) -> Response {
    answer::unavailable(&crate::exit::with_causes(error))
}
