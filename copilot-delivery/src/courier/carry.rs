//! Carries the items of one lease to Copilot.cx, in one request, and says what became of each.

use std::time::Duration;

use copilot_api::{
    Client, Error, EventTimestamp,
    attempt::{Answer, ClockOffset, EventBatch, Verdict},
    parse_event,
    raw::CONTRACT_VERSION,
};
use tokio::sync::watch;
use tracing::Instrument;

use crate::{
    Item, Judge, Kind, Outcome, Reason,
    outbox::{End, Lease},
    snapshot::Pause,
};

/// A lease that was carried.
pub(super) struct Carried {
    pub(super) lease: Lease,
    /// What became of each item; those that went are released unless the answer says more.
    pub(super) ends: Vec<End>,
    /// How many items the request had.
    pub(super) sent: usize,
    /// The bytes of its body.
    pub(super) bytes: usize,
    pub(super) went: Went,
    /// To be used again.
    pub(super) batch: EventBatch,
}

/// What became of the request.
pub(super) enum Went {
    /// It was taken, and its items have their ends.
    Taken(Option<ClockOffset>),
    /// An answer of success that cannot be read: events have their ends, a change of consent is sent again.
    Unreadable,
    /// It was refused whole, for what it holds or for whom it goes to.
    Refused { why: Refusal, words: Vec<String> },
    /// No answer, or one that asks for time.
    Failed { retry_after: Option<Duration>, why: String },
    /// There was nothing to send.
    Nothing,
    /// It was ended from here.
    Cancelled,
}

/// Why a request was refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its contents: 400.
    Contents,
    /// Its size: 413.
    Size,
    /// Something that may be due to its contents, and most likely is not: 403, 404, and the like.
    Endpoint(Pause),
    /// Something that has nothing to do with its contents: 401, or a connection that cannot be trusted.
    Client(Pause),
}

/// Carries a lease. `kind` is that of all its items.
pub(super) async fn carry(
    client: Client,
    mut lease: Lease,
    kind: Kind,
    max_bytes: usize,
    mut batch: EventBatch,
    mut cancelled: watch::Receiver<bool>,
) -> Carried {
    batch.clear();
    let mut ends = Vec::with_capacity(lease.items.len());
    let mut places = Vec::with_capacity(lease.items.len());
    let now = crate::clock::now();
    let mut consent = None;
    for (place, leased) in lease.items.iter().enumerate() {
        let is_full = !places.is_empty() && batch.bytes() >= max_bytes;
        match kind {
            _ if is_full => ends.push(End::Released),
            Kind::Event => match put(&mut batch, &leased.item, now) {
                Ok(()) => {
                    places.push(place);
                    ends.push(End::Released);
                }
                Err(outcome) => ends.push(End::Dead(outcome)),
            },
            Kind::Consent => match leased.item.consent_change() {
                Some(change) if consent.is_none() => {
                    consent = Some(change);
                    places.push(place);
                    ends.push(End::Released);
                }
                Some(_) => ends.push(End::Released),
                None => ends.push(End::Dead(unreadable())),
            },
        }
    }
    let (sent, bytes) = (places.len(), batch.bytes());
    if places.is_empty() {
        return Carried { lease, ends, sent, bytes, went: Went::Nothing, batch };
    }
    let operation = match kind {
        Kind::Event => "collect",
        Kind::Consent => "set_consent",
    };
    let span = tracing::info_span!(
        "send",
        otel.kind = "client",
        messaging.system = "copilot",
        messaging.operation.name = operation,
        messaging.batch.message_count = sent,
        http.request.method = "POST",
        http.response.status_code = tracing::field::Empty,
        error.r#type = tracing::field::Empty,
    );
    let request = async {
        let answer = match &consent {
            Some(change) => client.attempt_consent(&change.user_id, change.consent_value).await,
            None => client.attempt(&mut batch).await,
        };
        if let Err(error) = &answer {
            let span = tracing::Span::current();
            if let Some(status) = error.status() {
                span.record("http.response.status_code", status.as_u16());
            }
            span.record("error.type", error_type(error));
        }
        answer
    };
    let answer = tokio::select! {
        biased;
        answer = request.instrument(span) => Some(answer),
        _ = cancelled.wait_for(|cancelled| *cancelled) => None,
    };
    let may_have_been_taken = match &answer {
        None => true,
        Some(answer) => answer.as_ref().is_err_and(Error::may_have_been_taken),
    };
    if may_have_been_taken {
        for place in &places {
            if let Some(leased) = lease.items.get_mut(*place) {
                leased.item.mark_may_have_been_taken();
            }
        }
    }
    let went = match answer {
        None => Went::Cancelled,
        Some(Ok(answer)) => {
            judge(&answer, &places, &mut ends);
            Went::Taken(answer.clock_offset())
        }
        Some(Err(error)) => {
            let went = classify(&error);
            // A change of consent may be sent twice, and must arrive.
            if matches!(went, Went::Unreadable) && kind == Kind::Event {
                let reason = Reason::new(Judge::Server, [error.to_string()]);
                for place in &places {
                    if let Some(end) = ends.get_mut(*place) {
                        *end = End::Dead(Outcome::Unattributed(reason.clone()));
                    }
                }
            }
            went
        }
    };
    Carried { lease, ends, sent, bytes, went, batch }
}

/// Puts an event into the batch, or says why it is not to be sent.
fn put(batch: &mut EventBatch, item: &Item, now: i64) -> Result<(), Outcome> {
    let oldest = now.saturating_sub(EventTimestamp::WINDOW_PAST_MILLIS);
    if item.timestamp().is_some_and(|timestamp| timestamp < oldest) {
        return Err(Outcome::Expired);
    }
    if let Some(event) = item.as_event() {
        batch.push(event);
        return Ok(());
    }
    let (Some(record), Some(event_id)) = (item.as_record(), item.event_id()) else {
        return Err(unreadable());
    };
    if record.contract != CONTRACT_VERSION {
        // It was taken under another version of the contract: today's decides.
        parse_event(&record.json).map_err(|invalid| {
            let words = invalid.violations().iter().map(ToString::to_string);
            Outcome::Rejected(Reason::new(Judge::Contract, words))
        })?;
    }
    batch.push_json(event_id, &record.json);
    Ok(())
}

fn unreadable() -> Outcome {
    Outcome::Rejected(Reason::new(Judge::Contract, ["the stored item cannot be read".to_owned()]))
}

fn judge(answer: &Answer, places: &[usize], ends: &mut [End]) {
    for (position, place) in places.iter().enumerate() {
        let Some(end) = ends.get_mut(*place) else { continue };
        let reason = |words: &[String]| Reason::new(Judge::Server, words.iter().cloned());
        *end = match answer.verdict(position) {
            Verdict::Accepted => End::Accepted,
            Verdict::Rejected(words) => End::Dead(Outcome::Rejected(reason(words))),
            Verdict::Unattributed(words) => End::Dead(Outcome::Unattributed(reason(words))),
            // A verdict that this version does not know is no acceptance.
            _ => End::Dead(Outcome::Unattributed(reason(&[]))),
        };
    }
}

fn classify(error: &Error) -> Went {
    let why = if error.is_unreadable() {
        return Went::Unreadable;
    } else if error.is_too_large() {
        Refusal::Size
    } else if error.is_bad_request() {
        Refusal::Contents
    } else if error.is_configuration() || error.is_invalid_input() {
        Refusal::Client(Pause::Configuration)
    } else {
        match error.status().map(|status| status.as_u16()) {
            Some(status @ (401 | 407)) => Refusal::Client(Pause::Status(status)),
            Some(status @ (300..=407 | 409..=428 | 430..=499)) => Refusal::Endpoint(Pause::Status(status)),
            _ => return Went::Failed { retry_after: error.retry_after(), why: error_type(error) },
        }
    };
    Went::Refused { why, words: error.server_words().to_vec() }
}

/// What OpenTelemetry's conventions ask for: few values, no personal data.
fn error_type(error: &Error) -> String {
    match error.status() {
        Some(status) => status.as_u16().to_string(),
        None if error.is_timeout() => "timeout".to_owned(),
        None if error.is_connect() => "connect".to_owned(),
        None => "transport".to_owned(),
    }
}
