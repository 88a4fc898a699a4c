//! Everything that the relay answers.

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    middleware,
    response::Response,
    routing::{get, post},
};
use copilot_api::raw::operations::{COLLECT, SET_CONSENT};

use super::{answer, control, guard, operations, page, seen, state::Relay};

pub(super) fn router(relay: Arc<Relay>) -> Router {
    let for_people = Router::new()
        .route("/healthz", get(seen::health))
        .route("/metrics", get(seen::metrics))
        .route("/_relay/status", get(seen::status))
        .merge(page::routes())
        .merge(control::routes())
        .method_not_allowed_fallback(async || answer::method_not_allowed())
        .layer(middleware::from_fn_with_state(Arc::clone(&relay), guard::guard));
    Router::new()
        .route(COLLECT.path, post(operations::collect))
        .route(SET_CONSENT.path, post(operations::set_consent))
        .method_not_allowed_fallback(async || answer::method_not_allowed())
        .merge(for_people)
        .fallback(async || answer::no_such_path())
        .layer(middleware::map_response(with_headers))
        .with_state(relay)
}

/// What is answered is taken for what it is said to be, and is kept by nobody on the way.
async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
