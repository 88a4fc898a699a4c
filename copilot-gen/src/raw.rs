//! What the generated client sends with each request, and how it reads answers that are errors.
//!
//! progenitor runs these as the client's hooks: `RequestSettings` is the client's inner value.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use reqwest::{
    Body, Request, Response, Url,
    header::{HeaderMap, HeaderName},
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
    /// also redacted in every answer that is read, in case a server echoes them.
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
    let mut response = client.execute(request).await?;
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_read = is_error || (reads_body && status.is_success());
    if !is_read {
        return Ok(response);
    }
    let ReadBody { bytes, fault } = body::read(&mut response).await;
    let secrets = Secrets::of(&settings.headers);
    let text = String::from_utf8_lossy(&bytes);
    let redacted = secrets.redact(&text);
    if is_error {
        hide_echoes(response.headers_mut(), &secrets);
        // A body that breaks off is kept as far as it came.
        return Ok(with_body(&response, error_body(&bytes, redacted)));
    }
    Ok(match (fault, redacted) {
        (Some(fault), _) => with_body(&response, body::broken(status, fault)),
        _ if bytes.is_empty() => with_body(&response, "{}"),
        (None, Cow::Owned(redacted)) => with_body(&response, redacted),
        (None, Cow::Borrowed(_)) => with_body(&response, bytes),
    })
}

/// The JSON of the contract's error, whatever the body is. What must not be seen is redacted before the excerpt is cut,
/// which could halve it.
fn error_body(body: &[u8], redacted: Cow<'_, str>) -> String {
    let parsed = serde_json::from_str::<Value>(&redacted).unwrap_or_default();
    let excerpt = match redacted {
        Cow::Borrowed(_) => {
            String::from_utf8_lossy(body.get(..BODY_EXCERPT_BYTES).unwrap_or(body)).into_owned()
        }
        Cow::Owned(redacted) => {
            let fits = redacted.char_indices().map(|(at, letter)| at + letter.len_utf8());
            let end = fits.take_while(|end| *end <= BODY_EXCERPT_BYTES).last().unwrap_or(0);
            redacted.get(..end).unwrap_or_default().to_owned()
        }
    };
    let mut error = json!({ "body_excerpt": excerpt });
    for name in ["reason", "error_message"] {
        if let (Some(text), Some(members)) = (parsed.get(name).and_then(Value::as_str), error.as_object_mut())
        {
            members.insert(name.to_owned(), text.into());
        }
    }
    error.to_string()
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

fn with_body(response: &Response, body: impl Into<Body>) -> Response {
    let mut replaced = http::Response::new(body.into());
    *replaced.status_mut() = response.status();
    *replaced.version_mut() = response.version();
    *replaced.headers_mut() = response.headers().clone();
    replaced.into()
}
