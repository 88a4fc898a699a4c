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

use crate::{
    faults::Fault,
    server::{
        answer,
        api::is_json,
        body,
        path::{Id, number},
    },
    state::State,
};

/// How many bytes a fault may have.
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
    let read = match body::read(&mut body, BODY_LIMIT).await {
        Ok(read) => read,
        Err(problem) => return answer::unread(problem, BODY_LIMIT),
    };
    let added = match Json::from_bytes(&read) {
        Ok(Json(fault)) => state.add_fault(fault).map_err(|invalid| invalid.to_string()),
        Err(problem) => Err(problem.body_text()),
    };
    match added {
        Ok(fault) => (StatusCode::CREATED, Json(fault)).into_response(),
        Err(message) => answer::error(StatusCode::BAD_REQUEST, "SANDBOX.FAULT", message),
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
