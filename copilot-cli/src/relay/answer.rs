//! The answers, in the form of the Server API, and the bodies that are not read.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONNECTION, EXPECT, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
};
use http_body_util::{BodyExt as _, Limited};
use serde_json::json;
use tokio::time;

/// When a client that was answered 503 is to try again, in seconds.
const AGAIN: &str = "5";
/// How long the relay reads what it does not want, how many bytes, and in how many pieces.
const DRAIN_TIME: Duration = Duration::from_secs(1);
const DRAIN_BYTES: usize = 8 << 20;
const DRAIN_PIECES: usize = 4096;

/// An error as the Server API writes it.
pub(super) fn error(status: StatusCode, reason: &str, message: &str) -> Response {
    let body = if message.is_empty() {
        json!({ "reason": reason })
    } else {
        json!({ "reason": reason, "error_message": message })
    };
    (status, Json(body)).into_response()
}

/// Without `WWW-Authenticate`: a browser would ask its user for a password.
pub(super) fn unauthorized() -> Response {
    error(StatusCode::UNAUTHORIZED, "AUTH.UNAUTHORIZED", "")
}

pub(super) fn bad_request(message: &str) -> Response {
    error(StatusCode::BAD_REQUEST, "COMMON.REQUEST_VALIDATION", message)
}

pub(super) fn unsupported_media_type(message: &str) -> Response {
    error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "COMMON.UNSUPPORTED_MEDIA_TYPE", message)
}

pub(super) fn no_such_path() -> Response {
    error(StatusCode::NOT_FOUND, "COMMON.NOT_FOUND", "there is nothing at this path")
}

pub(super) fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "COMMON.METHOD_NOT_ALLOWED", "this path does not take that method")
}

/// The outbox does not take it now.
pub(super) fn unavailable(message: &str) -> Response {
    let mut answer = error(StatusCode::SERVICE_UNAVAILABLE, "COMMON.UNAVAILABLE", message);
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(AGAIN));
    answer
}

/// The answer to a request whose body is not wanted. A socket that is closed with bytes unread resets the connection, and the
/// client loses the answer that it had not read yet. So what it is sending is read first, within limits.
pub(super) async fn refuse(mut answer: Response, headers: &HeaderMap, body: &mut Body) -> Response {
    let mut rest = Limited::new(body, DRAIN_BYTES);
    let drained = async {
        for _ in 0..DRAIN_PIECES {
            match rest.frame().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => break,
                None => return true,
            }
        }
        false
    };
    // A client that waits for 100 sends nothing before it has one.
    let waits = headers.contains_key(EXPECT);
    if waits || !time::timeout(DRAIN_TIME, drained).await.unwrap_or(false) {
        // hyper closes the connection then, and does not say so.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
