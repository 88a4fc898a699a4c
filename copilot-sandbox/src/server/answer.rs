//! The answers that every part of the server gives.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::body::{BodyError, TIME};

/// An error as the Server API writes it.
pub(super) fn error(status: StatusCode, reason: &str, message: impl Into<String>) -> Response {
    let message: String = message.into();
    let body = if message.is_empty() {
        json!({ "reason": reason })
    } else {
        json!({ "reason": reason, "error_message": message })
    };
    (status, Json(body)).into_response()
}

pub(super) fn unauthorized() -> Response {
    // No `WWW-Authenticate`: the API is not for browsers, and one would ask its user for a password.
    error(StatusCode::UNAUTHORIZED, "AUTH.UNAUTHORIZED", "")
}

pub(super) fn bad_request(message: impl Into<String>) -> Response {
    error(StatusCode::BAD_REQUEST, "COMMON.REQUEST_VALIDATION", message)
}

pub(super) fn no_such_path() -> Response {
    error(StatusCode::NOT_FOUND, "COMMON.NOT_FOUND", "there is nothing at this path")
}

pub(super) fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "COMMON.METHOD_NOT_ALLOWED", "this path does not take that method")
}

pub(super) fn unsupported_media_type(message: &str) -> Response {
    error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "COMMON.UNSUPPORTED_MEDIA_TYPE", message)
}

/// The answer to a request whose body could not be read.
pub(super) fn unread(problem: BodyError, limit: usize) -> Response {
    match problem {
        BodyError::TooLarge => error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "COMMON.CONTENT_TOO_LARGE",
            format!("the body exceeds {limit} bytes"),
        ),
        BodyError::TooSlow => error(
            StatusCode::REQUEST_TIMEOUT,
            "COMMON.REQUEST_TIMEOUT",
            format!("the body took more than {} seconds", TIME.as_secs()),
        ),
        BodyError::Broken => bad_request("the body broke off"),
    }
}

/// The answer of a fault.
pub(super) fn faulty(status: u16, retry_after: Option<&str>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reason = match status {
        StatusCode::TOO_MANY_REQUESTS => "COMMON.TOO_MANY_REQUESTS",
        StatusCode::SERVICE_UNAVAILABLE => "COMMON.UNAVAILABLE",
        _ => "SANDBOX.FAULT",
    };
    let mut response = error(status, reason, "a fault of the sandbox answers so");
    if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

/// The very answer that a fault gives.
pub(super) fn scripted(status: u16, headers: &BTreeMap<String, String>, body: &str) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The page of a proxy that knows nothing of the API.
pub(super) fn proxy_page(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>{status}</title></head>\n<body><h1>{status}</h1><hr>proxy</body></html>\n"
    );
    (status, axum::response::Html(page)).into_response()
}

/// The first half of the JSON of an answer.
pub(super) fn cut(body: &Value) -> Response {
    let text = body.to_string();
    let half = text.get(..text.len() / 2).unwrap_or("{\"inv").to_owned();
    ([("content-type", "application/json")], half).into_response()
}
