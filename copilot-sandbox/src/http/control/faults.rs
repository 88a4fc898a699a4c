//! The faults, over HTTP.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Deserializer;

use crate::{
    faults::Fault,
    http::{
        answer,
        api::is_json,
        body::{self, BodyError},
    },
    shared::Shared,
};

const BODY_LIMIT: usize = 64 * 1024;

/// The faults that are switched on, the oldest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct FaultList {
    /// The faults.
    faults: Vec<Fault>,
}

pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Json<FaultList> {
    Json(FaultList { faults: shared.faults().list() })
}

pub(super) async fn add(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    if let Err(problem) = is_json(&headers) {
        return answer::unsupported_media_type(problem);
    }
    let wrong = |message: String| answer::error(StatusCode::BAD_REQUEST, "SANDBOX.FAULT", message);
    let body = match body::read(body, BODY_LIMIT, body::TIME).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return super::too_large(BODY_LIMIT),
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
    match shared.add_fault(fault) {
        Ok(fault) => (StatusCode::CREATED, Json(fault)).into_response(),
        Err(invalid) => wrong(invalid.to_string()),
    }
}

pub(super) async fn clear(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.faults().clear();
    shared.tell();
    StatusCode::NO_CONTENT
}

pub(super) async fn remove(State(shared): State<Arc<Shared>>, id: super::Id) -> Response {
    let removed = super::number(&id).is_some_and(|id| shared.faults().remove(id));
    shared.tell();
    if removed {
        StatusCode::NO_CONTENT.into_response()
    } else {
        answer::error(StatusCode::NOT_FOUND, "SANDBOX.NOT_FOUND", "there is no fault of that number")
    }
}
