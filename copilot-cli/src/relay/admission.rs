//! What a request must be before it is judged: from who may send, JSON, and not too long.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
    },
    response::Response,
};
use copilot_api::Credentials;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use subtle::ConstantTimeEq as _;
use tokio::time;

use super::answer;

/// The longest body, in bytes.
const BODY_BYTES: usize = 1 << 20;
/// How long it may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
/// A piece of a body costs as much time as many bytes: it may come in one piece for each so many bytes of the limit.
const PIECE: usize = 16;
/// What begins the header of Basic authentication.
const SCHEME: &[u8] = b"Basic ";

/// The pair that clients must know.
#[derive(Debug)]
pub(super) struct Pair(RwLock<HeaderValue>);

impl Pair {
    pub(super) fn new(credentials: &Credentials) -> Self {
        Self(RwLock::new(credentials.authorization()))
    }

    /// Another from now on.
    pub(super) fn set(&self, credentials: &Credentials) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = credentials.authorization();
    }

    /// Whether the request has it. How long that takes does not tell how much of a guess was right.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let pair = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(wanted) = pair.as_bytes().strip_prefix(SCHEME) else { return false };
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else { return false };
        let Some((scheme, token)) = value.as_bytes().split_at_checked(SCHEME.len()) else { return false };
        scheme.eq_ignore_ascii_case(SCHEME) && bool::from(token.trim_ascii().ct_eq(wanted))
    }
}

/// The body of a request that is admitted, or the answer to one that is not.
pub(super) async fn admit(pair: &Pair, headers: &HeaderMap, body: &mut Body) -> Result<Bytes, Box<Response>> {
    let read = match is_json(headers) {
        _ if !pair.admits(headers) => Err(Box::new(answer::unauthorized())),
        Ok(()) => read(body).await,
        Err(rule) => Err(Box::new(answer::unsupported_media_type(rule))),
    };
    match read {
        Ok(read) => Ok(read),
        Err(refusal) => Err(Box::new(answer::refuse(*refusal, headers, body).await)),
    }
}

async fn read(body: &mut Body) -> Result<Bytes, Box<Response>> {
    let too_large = || {
        let message = format!("the body exceeds {BODY_BYTES} bytes");
        Box::new(answer::error(StatusCode::PAYLOAD_TOO_LARGE, "COMMON.CONTENT_TOO_LARGE", &message))
    };
    let too_slow = |_| {
        let message = format!("the body took more than {} seconds", BODY_TIME.as_secs());
        Box::new(answer::error(StatusCode::REQUEST_TIMEOUT, "COMMON.REQUEST_TIMEOUT", &message))
    };
    if usize::try_from(body.size_hint().lower()).map_or(true, |length| length > BODY_BYTES) {
        return Err(too_large());
    }
    let mut limited = Limited::new(body, BODY_BYTES);
    let read = async {
        // The pieces are copied, since each of them can keep a much larger buffer alive.
        let mut all = Vec::new();
        for _ in 0..=BODY_BYTES / PIECE {
            match limited.frame().await {
                Some(Ok(frame)) => frame.into_data().iter().for_each(|piece| all.extend_from_slice(piece)),
                Some(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large()),
                Some(Err(_)) => return Err(Box::new(answer::bad_request("the body broke off"))),
                None => return Ok(Bytes::from(all)),
            }
        }
        Err(too_large())
    };
    time::timeout(BODY_TIME, read).await.map_err(too_slow)?
}

/// The rule that the headers break, if the body is not said to be plain JSON.
fn is_json(headers: &HeaderMap) -> Result<(), &'static str> {
    const RULE: &str = "Content-Type must be application/json";
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else { return Err(RULE) };
    let (kind, parameters) =
        value.to_str().map(|value| value.split_once(';').unwrap_or((value, ""))).map_err(|_| RULE)?;
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        return Err(RULE);
    }
    let charset = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    if charset.is_some_and(|(_, value)| !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return Err("JSON is written in UTF-8, whatever its Content-Type says");
    }
    let encoded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
        return Err("Content-Encoding is not taken");
    }
    Ok(())
}
