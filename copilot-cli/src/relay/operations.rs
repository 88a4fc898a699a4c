//! The two operations of the Server API: an item is answered for when the outbox has it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use copilot_api::types::{ConsentChange, Event};
use copilot_delivery::{ReportError, Reported, Ticket};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{
    admission, answer,
    envelope::{self, InvalidEvent},
    state::Relay,
};
use crate::{exit::with_causes, out};

/// How long a request waits for the outbox: for room in it, and for the disk or the server. Below the time limits of clients.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the events that open and close the one-time sync are refused.
const SYNC: &str = "opens or closes the one-time sync, which stands before and after all other events: `copilot-cx sync` sends it";

/// Events of a request were not taken. Those that stood before them may have been.
struct Unavailable(String);

pub(super) async fn collect(State(relay): State<Arc<Relay>>, headers: HeaderMap, mut body: Body) -> Response {
    let body = match admission::admit(&relay.pair, &headers, &mut body).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    // What is read of bodies takes a multiple of their bytes.
    let deadline = Instant::now() + PATIENCE;
    let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let Ok(Ok(_held)) = timeout_at(deadline, relay.memory.acquire_many(bytes)).await else {
        return unavailable(&relay, "too much waits for the outbox");
    };
    let mut batch = match envelope::read(&body) {
        Ok(batch) => batch,
        Err(message) => return answer::bad_request(&message),
    };
    let count = batch.events.len() + batch.invalid.len();
    match hand_over(&relay, batch.events, deadline).await {
        Ok(refused) => batch.invalid.extend(refused),
        Err(Unavailable(message)) => return unavailable(&relay, &message),
    }
    batch.invalid.sort_by_key(|event| event.index);
    relay.counted.stored(count - batch.invalid.len());
    relay.counted.refused(batch.invalid.len());
    Json(json!({ "invalid_events": batch.invalid })).into_response()
}

pub(super) async fn set_consent(
    State(relay): State<Arc<Relay>>,
    headers: HeaderMap,
    mut body: Body,
) -> Response {
    let body = match admission::admit(&relay.pair, &headers, &mut body).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    // Its error would repeat what was sent.
    let Ok(change) = serde_json::from_slice::<ConsentChange>(&body) else {
        return answer::bad_request(
            "the body is not an object of `user_id`, letters, digits and `:-._+@`, and `consent_value`, true or false",
        );
    };
    let taken = relay.reporter.set_consent(String::from(change.user_id), change.consent_value);
    match timeout_at(Instant::now() + PATIENCE, taken).await {
        Ok(Ok(_)) => {
            relay.counted.stored(1);
            StatusCode::NO_CONTENT.into_response()
        }
        Ok(Err(error)) => unavailable(&relay, &why(&error)),
        Err(_) => unavailable(&relay, LATE),
    }
}

/// Said where the outbox did not answer in time.
const LATE: &str = "the outbox is full, or does not answer";

/// Hands all events over in their order, and waits until they are stored.
async fn hand_over(
    relay: &Relay,
    events: Vec<(usize, Event)>,
    deadline: Instant,
) -> Result<Vec<InvalidEvent>, Unavailable> {
    let mut invalid = Vec::new();
    let mut tickets = Vec::with_capacity(events.len());
    for (index, event) in events {
        let event_id = event.event_id().to_string();
        match take(relay, event, deadline).await {
            Ok(ticket) => tickets.push(ticket),
            Err(Some(error)) if error.is_sync_event() => {
                invalid.push(InvalidEvent { event_id: Some(event_id), index, error: SYNC.to_owned() });
            }
            // Its time has run out since it was read.
            Err(Some(error)) if error.is_invalid() => {
                let error = envelope::told(error.violations());
                invalid.push(InvalidEvent { event_id: Some(event_id), index, error });
            }
            Err(Some(error)) => return Err(Unavailable(why(&error))),
            Err(None) => return Err(Unavailable(LATE.to_owned())),
        }
    }
    for mut ticket in tickets {
        match timeout_at(deadline, ticket.stored()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Unavailable(why(&error))),
            Err(_) => return Err(Unavailable(LATE.to_owned())),
        }
    }
    Ok(invalid)
}

/// Hands an event over, and waits for room where there is none. Without an error, the time for that has run out.
async fn take(relay: &Relay, event: Event, deadline: Instant) -> Result<Ticket, Option<ReportError>> {
    let error = match relay.reporter.try_report(event) {
        Ok(ticket) => return Ok(ticket),
        Err(error) => error,
    };
    if !error.is_full() {
        return Err(Some(error));
    }
    match error.into_reported() {
        Some(Reported::Event(event)) => {
            timeout_at(deadline, relay.reporter.report(event)).await.map_err(|_| None)?.map_err(Some)
        }
        _ => Err(None),
    }
}

/// What the outbox says. It holds no personal data.
fn why(error: &ReportError) -> String {
    error.outbox_error().map_or_else(|| error.to_string(), |error| with_causes(error))
}

fn unavailable(relay: &Relay, message: &str) -> Response {
    if relay.counted.unavailable() {
        out::note(&format!("copilot-cx: requests are answered 503: {message}"));
    }
    answer::unavailable(message)
}
