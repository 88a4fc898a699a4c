//! The contract to read and to try, at `/docs`: Swagger UI, served from here, with this sandbox as the server.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Request, State as Shared},
    http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};
use tower::ServiceExt;

use super::{answer, path::Id};
use crate::state::State;

/// Swagger UI sets styles on its elements; scripts are files all the same.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("../../docs/index.html");
const START: &str = include_str!("../../docs/start.js");

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/docs", get(page))
        .route("/docs/start.js", get(async || ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], START)))
        .route("/docs/ui/{file}", get(asset))
        .route("/_sandbox/contract.json", get(contract))
}

async fn page() -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE).into_response()
}

/// A file of Swagger UI. Its own page is not served: it would repeat its address unescaped.
async fn asset(file: Id) -> Response {
    let Ok(Path(file)) = file else { return answer::no_such_path() };
    if !["swagger-ui.css", "swagger-ui-bundle.js"].contains(&file.as_str()) {
        return answer::no_such_path();
    }
    let definition =
        ApiDefinition { uri_prefix: "/ui", api_definition: OpenApiSource::Inline(""), title: None::<&str> };
    let files: Router = swagger_ui_dist::generate_routes(definition);
    match Request::get(format!("/ui/{file}")).body(Body::empty()) {
        Ok(request) => files.oneshot(request).await.into_response(),
        Err(_) => answer::no_such_path(),
    }
}

/// The contract, with this sandbox as its server.
async fn contract(Shared(state): Shared<Arc<State>>) -> Json<Value> {
    let mut contract = state.contract.document().clone();
    if let Some(members) = contract.as_object_mut() {
        let here = json!([{ "url": "/", "description": "This sandbox. It is not Copilot.cx." }]);
        members.insert("servers".to_owned(), here);
    }
    Json(contract)
}
