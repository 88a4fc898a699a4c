//! What the generated client sends with each request, and how it reads answers that are errors.
//!
//! progenitor runs these as the client's hooks: `RequestSettings` is the client's inner value.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use reqwest::{
    Body, Request, Response, StatusCode, Url, Version,
    header::{CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING},
};
use serde_json::{Value, json};

pub use crate::body::{BodyFault, BrokenAnswer, MAX_BODY_BYTES};
use crate::{
    Client,
    body::{self, ReadBody},
    redact::Secrets,
};

/// How many bytes of an error's body are kept, whatever it is.
pub const BODY_EXCERPT_BYTES: usize = 512;

/// progenitor adds it to every request, and Copilot.cx does not know it.
const API_VERSION_HEADER: HeaderName = HeaderName::from_static("api-version");

/// An operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its `operationId`.
    pub id: &'static str,
    /// Its HTTP method.
    pub method: &'static str,
    /// Its path on the contract's server.
    pub path: &'static str,
}

/// What is sent with every request of a client, beside what the operation says.
#[derive(Clone, Default)]
pub struct RequestSettings {
    headers: HeaderMap,
    urls: Vec<(&'static str, Url)>,
    timeout: Option<Duration>,
    body: Option<Bytes>,
}

impl RequestSettings {
    /// Sends nothing but what the operation says.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends these headers with every request, in place of headers of the same names. Values marked as sensitive are
    /// also redacted in errors, in case a server echoes them.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Sends the requests of that operation to this URL, path included, instead of the base URL with the contract's
    /// path.
    #[must_use]
    pub fn url(mut self, operation: Operation, url: Url) -> Self {
        self.urls.retain(|(id, _)| *id != operation.id);
        self.urls.push((operation.id, url));
        self
    }

    /// Bounds each request, its answer included.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Writes the settings into a request that is about to be sent.
    #[doc(hidden)]
    pub fn prepare(&self, request: &mut Request, operation_id: &str) {
        request.headers_mut().remove(API_VERSION_HEADER);
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        if let Some((_, url)) = self.urls.iter().find(|(id, _)| *id == operation_id) {
            *request.url_mut() = url.clone();
        }
        if let Some(timeout) = self.timeout {
            *request.timeout_mut() = Some(timeout);
        }
        if let Some(body) = &self.body {
            *request.body_mut() = Some(body.clone().into());
        }
    }
}

impl RequestSettings {
    fn secrets(&self) -> Secrets {
        Secrets::of(&self.headers)
    }
}

impl fmt::Debug for RequestSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSettings")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("urls", &self.urls.iter().map(|(id, url)| (id, without_query(url))).collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("body", &self.body.as_ref().map(Bytes::len))
            .finish()
    }
}

impl Client {
    /// The same client, whose requests carry these bytes as their body instead of the typed one, so that a body need
    /// not be serialized again for every attempt.
    #[must_use]
    pub fn with_body(&self, body: Bytes) -> Self {
        let mut client = self.clone();
        client.inner.body = Some(body);
        client
    }

    /// Redacts the credentials of this client in a text that a server wrote. What an operation returns is as it came.
    #[doc(hidden)]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.inner.secrets().redact(text)
    }

    /// The start of a body as text, with the credentials redacted.
    #[doc(hidden)]
    pub fn excerpt(&self, body: &[u8]) -> String {
        excerpt(body, &self.inner.secrets())
    }

    /// The same client, whose requests are bounded by this time, the answer included.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let mut client = self.clone();
        client.inner.timeout = Some(timeout);
        client
    }
}

/// A URL as it may be printed: its query may hold a secret.
#[doc(hidden)]
pub fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    if url.query().is_some() {
        url.set_query(Some("[redacted]"));
    }
    url.into()
}

/// Sends a request. The body of an error, whatever it is, becomes the JSON of
/// [`ErrorResponse`](crate::types::ErrorResponse), so that the error keeps its status, its headers and the body's
/// first [`BODY_EXCERPT_BYTES`]. Where a success has a body to read, an empty one reads as `{}`, and one that fails keeps
/// the status ([`BrokenAnswer`](crate::raw::BrokenAnswer)). No body is read beyond [`MAX_BODY_BYTES`].
#[doc(hidden)]
pub async fn execute(
    client: &reqwest::Client,
    request: Request,
    settings: &RequestSettings,
    reads_body: bool,
) -> reqwest::Result<Response> {
    let url = request.url().clone();
    let mut response = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    if status.is_success() {
        if *response.url() != url {
            // An HTTP client that follows redirects has been elsewhere, perhaps by GET: that says nothing of the request.
            return Ok(with_status(&response, StatusCode::FOUND));
        }
        return Ok(if reads_body { read_success(response).await } else { response });
    }
    let secrets = settings.secrets();
    hide_echoes(response.headers_mut(), &secrets);
    if !status.is_client_error() && !status.is_server_error() {
        return Ok(response);
    }
    // A body that breaks off is kept as far as it came.
    let ReadBody { bytes, .. } = body::read(&mut response).await;
    Ok(with_body(&response, error_body(&bytes, &secrets)))
}

/// Reads the body of a success. None at all says that there is nothing to say, if the answer says that there is none.
async fn read_success(mut response: Response) -> Response {
    let status = response.status();
    let is_framed = response.version() >= Version::HTTP_2
        || [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| response.headers().contains_key(name));
    let ReadBody { bytes, fault } = body::read(&mut response).await;
    match fault {
        Some(fault) => with_body(&response, body::broken(status, fault)),
        None if is_api_error(&bytes) => with_body(&response, body::broken(status, BodyFault::AnError)),
        None if !bytes.is_empty() => with_body(&response, bytes),
        None if is_framed => with_body(&response, "{}"),
        None => with_body(&response, body::broken(status, BodyFault::BrokeOff)),
    }
}

/// Whether a body is the contract's error, and no answer of an operation.
fn is_api_error(body: &[u8]) -> bool {
    const REASON: &[u8] = b"\"reason\"";
    body.windows(REASON.len()).any(|window| window == REASON)
        && serde_json::from_slice::<Value>(body)
            .is_ok_and(|body| body.get("reason").is_some() && body.get("invalid_events").is_none())
}

/// The JSON of the contract's error, whatever the body is. Its strings are redacted as they are read, and the excerpt as it
/// is written.
fn error_body(body: &[u8], secrets: &Secrets) -> String {
    let parsed = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let mut error = json!({ "body_excerpt": excerpt(body, secrets) });
    for name in ["reason", "error_message"] {
        if let (Some(text), Some(members)) = (parsed.get(name).and_then(Value::as_str), error.as_object_mut())
        {
            members.insert(name.to_owned(), secrets.redact(text).into());
        }
    }
    error.to_string()
}

/// The start of a body as text. What must not be seen is redacted before the cut, which could halve it.
fn excerpt(body: &[u8], secrets: &Secrets) -> String {
    match secrets.redact(&String::from_utf8_lossy(body)) {
        Cow::Borrowed(_) => {
            String::from_utf8_lossy(body.get(..BODY_EXCERPT_BYTES).unwrap_or(body)).into_owned()
        }
        Cow::Owned(redacted) => {
            let fits = redacted.char_indices().map(|(at, letter)| at + letter.len_utf8());
            let end = fits.take_while(|end| *end <= BODY_EXCERPT_BYTES).last().unwrap_or(0);
            redacted.get(..end).unwrap_or_default().to_owned()
        }
    }
}

/// A secret that is echoed in a header must not show where headers are printed.
fn hide_echoes(headers: &mut HeaderMap, secrets: &Secrets) {
    for value in headers.values_mut() {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if matches!(secrets.redact(&text), Cow::Owned(_)) {
            value.set_sensitive(true);
        }
    }
}

/// The same answer with another status, and no body.
fn with_status(response: &Response, status: StatusCode) -> Response {
    let mut replaced = http::Response::new(Body::from(""));
    *replaced.status_mut() = status;
    *replaced.headers_mut() = response.headers().clone();
    replaced.into()
}

fn with_body(response: &Response, body: impl Into<Body>) -> Response {
    let mut replaced = http::Response::new(body.into());
    *replaced.status_mut() = response.status();
    *replaced.version_mut() = response.version();
    *replaced.headers_mut() = response.headers().clone();
    replaced.into()
}
