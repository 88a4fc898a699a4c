//! The server: the Server API, the control API, and what a person sees.

mod answer;
mod api;
mod body;
mod connections;
mod control;
mod docs;
mod guard;
mod page;
mod path;
mod request_log;
mod stream;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    middleware,
    response::Response,
    routing::post,
};

pub(crate) use connections::{Limits, listen, serve};

use crate::{model::Operation, state::State};

/// Everything that the sandbox answers.
pub(crate) fn router(state: Arc<State>) -> Router {
    let path = |operation| state.contract.path(operation).to_owned();
    let for_people = control::routes()
        .merge(page::routes())
        .merge(docs::routes())
        .method_not_allowed_fallback(async || answer::method_not_allowed())
        .layer(middleware::from_fn_with_state(Arc::clone(&state), guard::guard));
    Router::new()
        .route(&path(Operation::Collect), post(api::collect))
        .route(&path(Operation::SetConsent), post(api::set_consent))
        .method_not_allowed_fallback(async || answer::method_not_allowed())
        .merge(for_people)
        .fallback(async || answer::no_such_path())
        .layer(middleware::map_response(with_headers))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), request_log::log))
        .with_state(state)
}

/// What arrived is shown as what it is said to be, and is kept by nobody on the way.
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
