//! The faults, over HTTP.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Deserializer;

use crate::{
    faults::Fault,
    server::{
        answer,
        api::is_json,
        body::{self, BodyError},
        path::{Id, number},
    },
    state::State,
};

const BODY_LIMIT: usize = 64 * 1024;

/// The faults that are switched on, the oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct FaultList {
    /// The faults.
    faults: Vec<Fault>,
}

pub(super) async fn list(Shared(state): Shared<Arc<State>>) -> Json<FaultList> {
    Json(FaultList { faults: state.faults().list() })
}

pub(super) async fn add(Shared(state): Shared<Arc<State>>, headers: HeaderMap, mut body: Body) -> Response {
    if let Err(problem) = is_json(&headers) {
        return answer::unsupported_media_type(problem);
    }
    let wrong = |message: String| answer::error(StatusCode::BAD_REQUEST, "SANDBOX.FAULT", message);
    let body = match body::read(&mut body, BODY_LIMIT).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => {
            let message = format!("the body exceeds {BODY_LIMIT} bytes");
            return answer::error(StatusCode::PAYLOAD_TOO_LARGE, "SANDBOX.CONTENT_TOO_LARGE", message);
        }
        Err(BodyError::TooSlow | BodyError::Broken) => return wrong("the body broke off".to_owned()),
    };
    let mut json = Deserializer::from_slice(&body);
    let fault: Fault = match serde_path_to_error::deserialize(&mut json) {
        Ok(fault) => fault,
        Err(error) => {
            let place = error.path().to_string().replace('.', "/");
            return wrong(format!("not a fault, at /{place}: {}", error.inner()));
        }
    };
    if let Err(error) = json.end() {
        return wrong(format!("not a fault: {error}"));
    }
    match state.add_fault(fault) {
        Ok(fault) => (StatusCode::CREATED, Json(fault)).into_response(),
        Err(invalid) => wrong(invalid.to_string()),
    }
}

pub(super) async fn clear(Shared(state): Shared<Arc<State>>) -> StatusCode {
    state.clear_faults();
    StatusCode::NO_CONTENT
}

pub(super) async fn remove(Shared(state): Shared<Arc<State>>, id: Id) -> Response {
    let removed = number(&id).is_some_and(|id| state.faults().remove(id));
    state.tell();
    if removed {
        StatusCode::NO_CONTENT.into_response()
    } else {
        answer::error(StatusCode::NOT_FOUND, "SANDBOX.NOT_FOUND", "there is no fault of that number")
    }
}
