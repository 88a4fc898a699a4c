//! What `copilot-cx outbox` asks a running relay. Only for who has the clients' pair: it shows what was sent.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use copilot_delivery::OutboxError;
use serde::Deserialize;
use serde_json::json;

use super::{admission, answer, seen::unreadable, state::Relay};
use crate::outbox::{Letter, PAGE, Tallied};

pub(super) fn routes() -> Router<Arc<Relay>> {
    Router::new()
        .route("/_relay/counts", get(counts))
        .route("/_relay/dead-letters", get(letters))
        .route("/_relay/dead-letters/retry", post(retry))
        .route("/_relay/dead-letters/drop", post(remove))
        .route("/_relay/forget", post(forget))
}

async fn counts(State(relay): State<Arc<Relay>>, headers: HeaderMap) -> Response {
    if !relay.pair.admits(&headers) {
        return answer::unauthorized();
    }
    match relay.reporter.snapshot().await {
        Ok(snapshot) => Json(Tallied::from(snapshot.counts)).into_response(),
        Err(error) => unreadable(&error),
    }
}

#[derive(Deserialize)]
struct Page {
    after: Option<u64>,
}

async fn letters(State(relay): State<Arc<Relay>>, headers: HeaderMap, page: Query<Page>) -> Response {
    if !relay.pair.admits(&headers) {
        return answer::unauthorized();
    }
    match relay.reporter.dead_letters().list(page.after, PAGE).await {
        Ok(letters) => Json(letters.into_iter().map(Letter::from).collect::<Vec<_>>()).into_response(),
        Err(error) => unreadable(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    id: u64,
}

/// Sends a dead letter again. Says whether there was one of that number.
async fn retry(State(relay): State<Arc<Relay>>, headers: HeaderMap, mut body: Body) -> Response {
    match chosen(&relay, &headers, &mut body).await {
        Ok(id) => found(relay.reporter.dead_letters().send_again(id).await),
        Err(answer) => *answer,
    }
}

/// Removes a dead letter. Says whether there was one of that number.
async fn remove(State(relay): State<Arc<Relay>>, headers: HeaderMap, mut body: Body) -> Response {
    match chosen(&relay, &headers, &mut body).await {
        Ok(id) => found(relay.reporter.dead_letters().drop(&[id]).await.map(|dropped| dropped > 0)),
        Err(answer) => *answer,
    }
}

/// The dead letter that a request is about.
async fn chosen(relay: &Relay, headers: &HeaderMap, body: &mut Body) -> Result<u64, Box<Response>> {
    let body = admission::admit(&relay.pair, headers, body).await?;
    let wrong =
        |_| Box::new(answer::bad_request("the body is not an object of `id`, the number of a dead letter"));
    serde_json::from_slice(&body).map(|Chosen { id }| id).map_err(wrong)
}

fn found(found: Result<bool, OutboxError>) -> Response {
    match found {
        Ok(found) => Json(json!({ "found": found })).into_response(),
        Err(error) => unreadable(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forget {
    user_id: String,
}

async fn forget(State(relay): State<Arc<Relay>>, headers: HeaderMap, mut body: Body) -> Response {
    let body = match admission::admit(&relay.pair, &headers, &mut body).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let Ok(Forget { user_id }) = serde_json::from_slice(&body) else {
        return answer::bad_request("the body is not an object of `user_id`");
    };
    match relay.reporter.forget(&user_id).await {
        Ok(forgot) => Json(crate::outbox::Forgot {
            pending: forgot.pending,
            dead_letters: forgot.dead_letters,
            still_sent: forgot.still_sent,
        })
        .into_response(),
        Err(error) => unreadable(&error),
    }
}
