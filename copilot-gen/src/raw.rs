//! What the generated client sends with each request, and how it reads answers that are errors.
//!
//! progenitor runs these as the client's hooks: `RequestSettings` is the client's inner value.

use std::{fmt, time::Duration};

use bytes::Bytes;
use reqwest::{
    Request, Response, Url,
    header::{HeaderMap, HeaderName},
};
use serde_json::{Value, json};

use crate::Client;

/// How many bytes of an error's body are kept, whatever it is.
pub const BODY_EXCERPT_BYTES: usize = 512;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// How many bytes of an error's body are read in search of the JSON error. The rest is left on the connection.
const ERROR_BODY_BYTES: usize = 64 * 1024;

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
    /// also blotted out in the bodies of errors, in case a server echoes them.
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

    /// Blots out what must not be seen.
    fn redact(&self, text: &str) -> String {
        self.secrets().fold(text.to_owned(), |text, secret| {
            let whole = text.replace(secret, REDACTED);
            // A server may escape the signs in a secret: then its runs of letters and digits remain to be found.
            let runs =
                secret.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|run| run.len() >= 8);
            runs.fold(whole, |text, run| text.replace(run, REDACTED))
        })
    }

    /// The start of a body as text. What must not be seen is blotted out before the cut, which could halve it.
    fn excerpt(&self, body: &[u8]) -> String {
        let whole = String::from_utf8_lossy(body);
        let blotted = self.redact(&whole);
        if blotted == whole {
            return String::from_utf8_lossy(body.get(..BODY_EXCERPT_BYTES).unwrap_or(body)).into_owned();
        }
        let end =
            (0..=BODY_EXCERPT_BYTES.min(blotted.len())).rev().find(|end| blotted.is_char_boundary(*end));
        blotted.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        self.headers.values().filter(|value| value.is_sensitive()).filter_map(|value| {
            let text = std::str::from_utf8(value.as_bytes()).ok()?;
            text.rsplit(' ').next().filter(|secret| !secret.is_empty())
        })
    }
}

impl fmt::Debug for RequestSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSettings")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("urls", &self.urls.iter().map(|(id, url)| (id, url.as_str())).collect::<Vec<_>>())
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
}

/// Sends a request. The body of an error, whatever it is, becomes the JSON of
/// [`ErrorResponse`](crate::types::ErrorResponse), so that the error keeps its status, its headers and the body's
/// first [`BODY_EXCERPT_BYTES`]. An empty 200 reads as `{}`.
#[doc(hidden)]
pub async fn execute(
    client: &reqwest::Client,
    request: Request,
    settings: &RequestSettings,
) -> reqwest::Result<Response> {
    let response = client.execute(request).await?;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        return Ok(replace_error_body(response, settings).await);
    }
    if status == reqwest::StatusCode::OK && response.content_length().is_none_or(|length| length == 0) {
        // Chunks, or the end of the connection, tell the length only when all is read.
        let head = with_body(&response, Vec::new());
        let body = response.bytes().await?;
        return Ok(with_body(&head, if body.is_empty() { b"{}".to_vec() } else { body.to_vec() }));
    }
    Ok(response)
}

async fn replace_error_body(mut response: Response, settings: &RequestSettings) -> Response {
    let mut body = Vec::new();
    // A body that breaks off is kept as far as it came.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(chunk.get(..ERROR_BODY_BYTES.saturating_sub(body.len())).unwrap_or(&chunk));
        if body.len() >= ERROR_BODY_BYTES {
            break;
        }
    }
    let excerpt = settings.excerpt(&body);
    let parsed = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let member = |name: &str| parsed.get(name).and_then(Value::as_str).map(|text| settings.redact(text));
    let mut error = json!({ "body_excerpt": excerpt });
    for name in ["reason", "error_message"] {
        if let (Some(text), Some(members)) = (member(name), error.as_object_mut()) {
            members.insert(name.to_owned(), text.into());
        }
    }
    for value in response.headers_mut().values_mut() {
        // An echoed secret must not show where headers are printed.
        if std::str::from_utf8(value.as_bytes()).is_ok_and(|text| settings.redact(text) != text) {
            value.set_sensitive(true);
        }
    }
    with_body(&response, error.to_string().into_bytes())
}

fn with_body(response: &Response, body: Vec<u8>) -> Response {
    let mut replaced = http::Response::new(body);
    *replaced.status_mut() = response.status();
    *replaced.version_mut() = response.version();
    *replaced.headers_mut() = response.headers().clone();
    replaced.into()
}
