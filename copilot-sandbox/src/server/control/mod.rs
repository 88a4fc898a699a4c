//! The control API under `/_sandbox/`: what arrived, what goes wrong on purpose, and a fresh start.

mod description;
mod faults;
mod queries;

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    http::StatusCode,
    routing::{delete, get, post},
};

use super::stream;
use crate::state::State;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/_sandbox/status", get(queries::status))
        .route("/_sandbox/statistics", get(queries::statistics))
        .route("/_sandbox/events", get(queries::events))
        .route("/_sandbox/events/{sequence}", get(queries::event))
        .route("/_sandbox/users", get(queries::users))
        .route("/_sandbox/users/{user_id}", get(queries::user))
        .route("/_sandbox/things", get(queries::things))
        .route("/_sandbox/things/{thing_id}", get(queries::thing))
        .route("/_sandbox/consents", get(queries::consents))
        .route("/_sandbox/unsubscribes", get(queries::unsubscribes))
        .route("/_sandbox/reset", post(reset))
        .route("/_sandbox/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/_sandbox/faults/{id}", delete(faults::remove))
        .route("/_sandbox/stream", get(stream::stream))
        .route("/_sandbox/openapi.json", get(description::description))
}

async fn reset(Shared(state): Shared<Arc<State>>) -> StatusCode {
    state.reset();
    StatusCode::NO_CONTENT
}
