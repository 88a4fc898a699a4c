//! A server on loopback that answers as Copilot.cx does, for a first look without credentials.

use std::io;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
    routing::post,
};
use copilot_api::{Credentials, Endpoints, EventTimestamp, raw::operations, types::Event};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Starts the server in this process; it ends with it.
pub(crate) async fn start(credentials: Credentials) -> io::Result<Endpoints> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let routes = Router::new()
        .route(operations::COLLECT.path, post(collect))
        .route(operations::SET_CONSENT.path, post(set_consent))
        .with_state(credentials);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Endpoints::base(&base).map_err(io::Error::other)
}

async fn collect(
    State(credentials): State<Credentials>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    if !authorized(&credentials, &headers) {
        return unauthorized();
    }
    let now = EventTimestamp::now().as_millis();
    let events = request.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
    let invalid: Vec<Value> = events
        .iter()
        .enumerate()
        .filter_map(|(index, event)| {
            let broken = Event::violations_in(event, now).into_iter().next()?;
            Some(json!({ "event_id": event.get("event_id"), "index": index, "error": broken.to_string() }))
        })
        .collect();
    Json(json!({ "invalid_events": invalid })).into_response()
}

async fn set_consent(State(credentials): State<Credentials>, headers: HeaderMap) -> Response {
    if authorized(&credentials, &headers) { StatusCode::NO_CONTENT.into_response() } else { unauthorized() }
}

fn authorized(credentials: &Credentials, headers: &HeaderMap) -> bool {
    headers.get(AUTHORIZATION) == Some(&credentials.authorization())
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "reason": "AUTH.UNAUTHORIZED" }))).into_response()
}
