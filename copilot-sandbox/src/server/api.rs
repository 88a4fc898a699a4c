//! The Server API: `collect` and `set_consent`, as Copilot.cx answers them.

use std::sync::Arc;

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State as Shared,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use fastrand::Rng;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use tokio::{task, time};

use super::{
    answer, body,
    connections::Close,
    request_log::{Note, outcome},
};
use crate::{
    contract::{Item, Judged, Rejection},
    faults::{FaultKind, Reject, RequestFaults},
    memory::{Arrived, reads_payload},
    model::{Moment, Operation, ReceivedEvent, Verdict, Violation},
    state::State,
};

/// After so many events others get their turn.
const TURN: usize = 100;
/// How many broken rules of one event are remembered.
const KEPT_VIOLATIONS: usize = 100;
/// How many broken rules of one event an answer tells.
const TOLD_VIOLATIONS: usize = 10;

pub(super) async fn collect(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Body) -> Response {
    let answer = match admit(&state, Operation::Collect, &headers, body).await {
        Ok((body, faults)) => take_events(&state, &body, &faults).await,
        Err(answer) => *answer,
    };
    counted(&state, Operation::Collect, answer)
}

pub(super) async fn set_consent(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = match admit(&state, Operation::SetConsent, &headers, body).await {
        Ok((body, faults)) => take_consent(&state, &body, &faults),
        Err(answer) => *answer,
    };
    counted(&state, Operation::SetConsent, answer)
}

fn counted(state: &State, operation: Operation, answer: Response) -> Response {
    state.change(|memory| memory.count_request(operation.id(), &outcome(&answer)));
    answer
}

/// Who may send, what is JSON, what is not too long, and what goes wrong on purpose.
async fn admit(
    state: &State,
    operation: Operation,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<(Bytes, RequestFaults), Box<Response>> {
    let refusal = if state.credentials.admit(headers) {
        is_json(headers).err().map(answer::unsupported_media_type)
    } else {
        Some(answer::unauthorized())
    };
    if let Some(answer) = refusal {
        return Err(Box::new(body::refuse(answer, headers, &mut body).await));
    }
    if state.faults().hangs_up(operation) {
        return Err(Box::new(closed("fault, the body was not read")));
    }
    let read = match body::read(&mut body, state.config.body_limit).await {
        Ok(read) => read,
        Err(problem) => {
            let answer = answer::unread(problem, state.config.body_limit);
            return Err(Box::new(body::refuse(answer, headers, &mut body).await));
        }
    };
    let faults = state.faults().draw(operation);
    if let Some(delay) = faults.delay {
        time::sleep(delay).await;
    }
    let answer = match &faults.answer {
        Some(FaultKind::Status { status, retry_after }) => answer::faulty(*status, retry_after.as_deref()),
        Some(FaultKind::Html { status }) => answer::proxy_page(*status),
        Some(FaultKind::Answer { status, headers, body }) => answer::scripted(*status, headers, body),
        Some(FaultKind::CloseBefore {}) => return Err(Box::new(closed("fault, nothing taken"))),
        _ => return Ok((read, faults)),
    };
    Err(Box::new(noted(body::deliver(answer, &faults), "fault")))
}

/// An answer of which the request log says more than its status.
fn noted(mut answer: Response, note: impl Into<String>) -> Response {
    answer.extensions_mut().insert(Note(note.into()));
    answer
}

/// No answer: the connection is closed instead.
fn closed(note: &str) -> Response {
    let mut answer = noted(Response::default(), note);
    answer.extensions_mut().insert(Close);
    answer
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

async fn take_events(state: &State, body: &[u8], faults: &RequestFaults) -> Response {
    let at = Moment::now();
    let mut arrived = match judge(state, body, at).await {
        Ok(arrived) => arrived,
        Err(rejection) => return answer::bad_request(rejection.message),
    };
    let request = state.number_request();
    // Only now: a request that is rejected as a whole has no number.
    arrived.iter_mut().for_each(|arrived| arrived.event.request = request);
    for (reject, seed) in &faults.reject {
        reject_by_fault(&mut arrived, reject, &mut Rng::with_seed(*seed));
    }
    let count = arrived.len();
    let invalid: Vec<Value> = arrived.iter().filter_map(|arrived| invalid_event(&arrived.event)).collect();
    let note = format!("{count} events, {} rejected", invalid.len());
    state.change(|memory| memory.take(at, arrived));
    let body = json!({ "invalid_events": invalid });
    end(faults, &body, noted(Json(&body).into_response(), note))
}

async fn judge(state: &State, body: &[u8], at: Moment) -> Result<Vec<Arrived>, Rejection> {
    let events = state.contract.collect(body)?;
    let clock = state.config.clock.unwrap_or(at);
    let mut judged = Vec::with_capacity(events.len());
    for (index, event) in events.into_iter().enumerate() {
        if index % TURN == TURN - 1 {
            task::yield_now().await;
        }
        let Item { text, reading } = event;
        judged.push(arrived(at, index, text, state.contract.event(reading, clock.as_millis())));
    }
    Ok(judged)
}

fn arrived(at: Moment, index: usize, text: &str, judged: Judged) -> Arrived {
    let Judged { mut value, mut violations, known_type } = judged;
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
        r#type: take_text(&mut value, "type"),
        event_id: take_text(&mut value, "event_id"),
        user_id: take_text(&mut payload, "user_id"),
        thing_id: take_text(&mut payload, "thing_id"),
        violations,
        event: RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    };
    let is_read = event.r#type.as_deref().is_some_and(reads_payload);
    Arrived { event, payload: if is_read { payload } else { Value::Null }, known_type }
}

fn reject_by_fault(arrived: &mut [Arrived], reject: &Reject, random: &mut Rng) {
    for (index, Arrived { event, .. }) in arrived.iter_mut().enumerate() {
        if reject.meets(index, event, random) {
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

fn take_consent(state: &State, body: &[u8], faults: &RequestFaults) -> Response {
    let consent = match state.contract.consent(body) {
        Ok(consent) => consent,
        Err(rejection) => return answer::bad_request(rejection.message),
    };
    state.change(|memory| memory.set_consent(&consent.user_id, consent.consent_value, Moment::now()));
    // There is no JSON to cut here; what a client can be sent instead is half of something that is none.
    end(faults, &json!({ "invalid_events": [] }), StatusCode::NO_CONTENT.into_response())
}

/// How a request ends whose body was taken.
fn end(faults: &RequestFaults, json: &Value, answer: Response) -> Response {
    let answer = match faults.answer {
        Some(FaultKind::CloseAfter {}) => return closed("fault, everything taken"),
        Some(FaultKind::CutJson {}) => noted(answer::cut(json), "fault"),
        _ => answer,
    };
    body::deliver(answer, faults)
}
