//! The Server API: `collect` and `set_consent`, as Copilot.cx answers them.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use fastrand::Rng;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use tokio::{task, time};

use super::{
    answer,
    body::{self, BodyError},
    connections::Connection,
    drip::drip,
    log::Note,
};
use crate::{
    faults::{FaultKind, Operation, Reject, Trouble},
    judge::{Item, Judged, Rejection},
    memory::{Arrived, reads_payload},
    model::{Moment, ReceivedEvent, Verdict, Violation},
    shared::Shared,
};

/// How long a client may take to send its body.
const BODY_TIME: Duration = body::TIME;
/// After so many events others get their turn.
const TURN: usize = 100;
/// How many broken rules of one event are remembered.
const KEPT_VIOLATIONS: usize = 100;
/// How many broken rules of one event an answer tells.
const TOLD_VIOLATIONS: usize = 10;

/// What is answered, and what the log says of it beside the status.
struct Outcome {
    response: Response,
    note: String,
    /// The connection is closed instead.
    close: bool,
}

impl From<Response> for Outcome {
    fn from(response: Response) -> Self {
        Self { response, note: String::new(), close: false }
    }
}

pub(super) async fn collect(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let outcome = match admit(&shared, Operation::Collect, &headers, body).await {
        Ok((body, trouble)) => take_events(&shared, &body, trouble).await,
        Err(outcome) => outcome,
    };
    finish(&shared, Operation::Collect, &connection, outcome).await
}

pub(super) async fn set_consent(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let outcome = match admit(&shared, Operation::SetConsent, &headers, body).await {
        Ok((body, trouble)) => take_consent(&shared, &body, trouble).await,
        Err(outcome) => outcome,
    };
    finish(&shared, Operation::SetConsent, &connection, outcome).await
}

/// Who may send, what is JSON, what is not too long, and what goes wrong on purpose.
async fn admit(
    shared: &Shared,
    operation: Operation,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, Trouble), Outcome> {
    if !shared.credentials.admit(headers) {
        return Err(answer::unauthorized().into());
    }
    is_json(headers).map_err(answer::unsupported_media_type)?;
    let body = body::read(body, shared.body_limit, BODY_TIME).await.map_err(|problem| match problem {
        BodyError::TooLarge => answer::error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "COMMON.CONTENT_TOO_LARGE",
            format!("the body exceeds {} bytes", shared.body_limit),
        ),
        BodyError::TooSlow => answer::error(
            StatusCode::REQUEST_TIMEOUT,
            "COMMON.REQUEST_TIMEOUT",
            format!("the body took more than {} seconds", BODY_TIME.as_secs()),
        ),
        BodyError::Broken => answer::bad_request("the body broke off"),
    })?;
    let trouble = shared.faults().draw(operation);
    if let Some(delay) = trouble.delay {
        time::sleep(delay).await;
    }
    let response = match &trouble.answer {
        Some(FaultKind::Status { status, retry_after }) => answer::faulty(*status, retry_after.as_deref()),
        Some(FaultKind::Html { status }) => answer::proxy_page(*status),
        Some(FaultKind::Answer { status, headers, body }) => answer::scripted(*status, headers, body),
        Some(FaultKind::CloseBefore {}) => {
            let response = StatusCode::NO_CONTENT.into_response();
            return Err(Outcome { close: true, ..noted(response, "fault, nothing taken") });
        }
        _ => return Ok((body, trouble)),
    };
    Err(noted(dripping(response, trouble.drip), "fault"))
}

/// The answer, whose body comes at this speed if there is one.
fn dripping(response: Response, bytes_per_second: Option<u32>) -> Response {
    match bytes_per_second {
        Some(speed) => response.map(|whole| drip(whole, speed)),
        None => response,
    }
}

fn noted(response: Response, note: &str) -> Outcome {
    Outcome { response, note: note.to_owned(), close: false }
}

/// The rule that the headers break, if the body is not said to be plain JSON.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), &'static str> {
    const RULE: &str = "Content-Type must be application/json";
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return Err(RULE) };
    let value = value.to_str().map_err(|_| RULE)?;
    let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(RULE);
    }
    let charset = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    if charset.is_some_and(|(_, value)| !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return Err("JSON is written in UTF-8, whatever its Content-Type says");
    }
    let encoded = |value: &header::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(encoded) {
        return Err("Content-Encoding is not taken");
    }
    Ok(())
}

async fn take_events(shared: &Shared, body: &[u8], trouble: Trouble) -> Outcome {
    let at = Moment::now();
    let mut arrived = match judge(shared, body, at).await {
        Ok(arrived) => arrived,
        Err(rejection) => return answer::bad_request(rejection.message).into(),
    };
    let request = shared.number_request();
    // Only now: a request that is rejected as a whole has no number.
    arrived.iter_mut().for_each(|arrived| arrived.event.request = request);
    for (reject, luck) in &trouble.reject {
        reject_by_fault(&mut arrived, reject, &mut Rng::with_seed(*luck));
    }
    let count = arrived.len();
    let invalid: Vec<Value> = arrived.iter().filter_map(|arrived| invalid_event(&arrived.event)).collect();
    let note = format!("{count} events, {} rejected", invalid.len());
    if shared.change(|memory| memory.take(at, arrived)).stored().await.is_err() {
        return answer::not_stored().into();
    }
    let body = json!({ "invalid_events": invalid });
    end(trouble, note, || Json(&body).into_response(), || answer::cut(&body))
}

async fn judge(shared: &Shared, body: &[u8], at: Moment) -> Result<Vec<Arrived>, Rejection> {
    let events = shared.judge.collect(body)?;
    let clock = shared.clock.unwrap_or(at);
    let mut judged = Vec::with_capacity(events.len());
    for (index, event) in events.into_iter().enumerate() {
        if index % TURN == TURN - 1 {
            task::yield_now().await;
        }
        let Item { text, reading } = event;
        judged.push(arrived(at, index, text, shared.judge.event(reading, clock.as_millis())));
    }
    Ok(judged)
}

fn arrived(at: Moment, index: usize, text: &str, judged: Judged) -> Arrived {
    let Judged { mut value, mut violations, event_type } = judged;
    violations.truncate(KEPT_VIOLATIONS);
    let take = |value: &mut Value, name: &str| value.get_mut(name).map(Value::take).unwrap_or_default();
    let take_text = |value: &mut Value, name: &str| match take(value, name) {
        Value::String(text) => Some(text),
        _ => None,
    };
    let mut payload = take(&mut value, "payload");
    let event = ReceivedEvent {
        sequence: 0,
        received_at: at,
        request: 0,
        index,
        verdict: if violations.is_empty() { Verdict::Accepted } else { Verdict::Rejected },
        repeated: false,
        erased: false,
        r#type: take_text(&mut value, "type"),
        event_id: take_text(&mut value, "event_id"),
        user_id: take_text(&mut payload, "user_id"),
        thing_id: take_text(&mut payload, "thing_id"),
        violations,
        event: RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    };
    let is_read = event.r#type.as_deref().is_some_and(reads_payload);
    Arrived { event, payload: if is_read { payload } else { Value::Null }, known_type: event_type.is_some() }
}

fn reject_by_fault(arrived: &mut [Arrived], reject: &Reject, dice: &mut Rng) {
    for (index, Arrived { event, .. }) in arrived.iter_mut().enumerate() {
        if reject.meets(index, event, dice) {
            let message = reject.error.as_deref().unwrap_or("a fault of the sandbox rejects it").to_owned();
            event.verdict = Verdict::Rejected;
            event.violations.push(Violation {
                pointer: String::new(),
                rule: "fault".to_owned(),
                provenance: None,
                message,
            });
        }
    }
}

/// A rejected event, as the answer tells it. One without an id of its own is told by its place alone.
#[derive(Serialize)]
struct InvalidEvent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    index: usize,
    error: String,
}

/// What the answer says of an event, if it was rejected.
fn invalid_event(event: &ReceivedEvent) -> Option<Value> {
    if event.verdict == Verdict::Accepted {
        return None;
    }
    let mut words: Vec<String> =
        event.violations.iter().take(TOLD_VIOLATIONS).map(ToString::to_string).collect();
    let left_out = event.violations.len().saturating_sub(TOLD_VIOLATIONS);
    if left_out > 0 {
        words.push(format!("and {left_out} more"));
    }
    let invalid =
        InvalidEvent { event_id: event.event_id.as_deref(), index: event.index, error: words.join("; ") };
    serde_json::to_value(invalid).ok()
}

async fn take_consent(shared: &Shared, body: &[u8], trouble: Trouble) -> Outcome {
    let consent = match shared.judge.consent(body) {
        Ok(consent) => consent,
        Err(rejection) => return answer::bad_request(rejection.message).into(),
    };
    let at = Moment::now();
    let change = shared.change(|memory| memory.set_consent(&consent.user_id, consent.consent_value, at));
    if change.stored().await.is_err() {
        return answer::not_stored().into();
    }
    // There is no JSON to cut here; what a client can be sent instead is half of something that is none.
    let nothing = || StatusCode::NO_CONTENT.into_response();
    end(trouble, String::new(), nothing, || answer::cut(&json!({ "invalid_events": [] })))
}

/// How a request ends whose body was taken.
fn end(
    trouble: Trouble,
    note: String,
    whole: impl FnOnce() -> Response,
    cut: impl FnOnce() -> Response,
) -> Outcome {
    let outcome = match trouble.answer {
        Some(FaultKind::CloseAfter {}) => Outcome {
            close: true,
            note: "fault, everything taken".to_owned(),
            response: StatusCode::NO_CONTENT.into_response(),
        },
        Some(FaultKind::CutJson {}) => noted(cut(), "fault"),
        _ => Outcome { note, ..whole().into() },
    };
    Outcome { response: dripping(outcome.response, trouble.drip), ..outcome }
}

/// Counts the request, and answers it or closes its connection.
async fn finish(
    shared: &Shared,
    operation: Operation,
    connection: &Connection,
    outcome: Outcome,
) -> Response {
    let Outcome { mut response, note, close } = outcome;
    let status = if close { "closed".to_owned() } else { response.status().as_u16().to_string() };
    shared.memory().count_request(operation.id(), &status);
    shared.tell();
    if close {
        super::log::closed(shared, operation, &note);
        match connection.close().await {}
    }
    if !note.is_empty() {
        response.extensions_mut().insert(Note(note));
    }
    response
}
