//! What the generated client sends with each request, and how it reads answers that are errors.
//!
//! progenitor runs these as the client's hooks: `RequestSettings` is the client's inner value.

use std::{borrow::Cow, fmt, time::Duration};

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

/// How much of a secret gives it away.
const TELLING: usize = 8;

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
    /// also blotted out in every answer that is read, in case a server echoes them.
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

    /// Blots out what must not be seen: each part of a secret that is long enough to give it away, so that it is also
    /// found where a server escaped a sign of it or cut it short.
    fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.secrets() {
            if text.contains(secret) {
                text = Cow::Owned(text.replace(secret, REDACTED));
            }
            for run in secret.split(|letter: char| !letter.is_ascii_alphanumeric()) {
                let Some(telling) = run.get(..TELLING) else { continue };
                let mut from = 0;
                while let Some(start) = text.get(from..).and_then(|rest| rest.find(telling)) {
                    let start = from + start;
                    let there = text.get(start..).unwrap_or_default();
                    let shown =
                        there.bytes().zip(run.bytes()).take_while(|(one, other)| one == other).count();
                    text.to_mut().replace_range(start..start + shown, REDACTED);
                    from = start + REDACTED.len();
                }
            }
        }
        text
    }

    /// The start of a body as text. What must not be seen is blotted out before the cut, which could halve it.
    fn excerpt(&self, body: &[u8]) -> String {
        let whole = String::from_utf8_lossy(body);
        match self.redact(&whole) {
            Cow::Borrowed(_) => {
                String::from_utf8_lossy(body.get(..BODY_EXCERPT_BYTES).unwrap_or(body)).into_owned()
            }
            Cow::Owned(blotted) => {
                let longest = BODY_EXCERPT_BYTES.min(blotted.len());
                let end = (0..=longest).rev().find(|end| blotted.is_char_boundary(*end)).unwrap_or(0);
                blotted.get(..end).unwrap_or_default().to_owned()
            }
        }
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
/// first [`BODY_EXCERPT_BYTES`]. Where a success has a body to read, an empty one reads as `{}`.
#[doc(hidden)]
pub async fn execute(
    client: &reqwest::Client,
    request: Request,
    settings: &RequestSettings,
    reads_body: bool,
) -> reqwest::Result<Response> {
    let response = client.execute(request).await?;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        return Ok(replace_error_body(response, settings).await);
    }
    if !reads_body {
        return Ok(response);
    }
    let head = with_body(&response, Vec::new());
    let body = response.bytes().await?;
    let body = match settings.redact(&String::from_utf8_lossy(&body)) {
        _ if body.is_empty() => b"{}".to_vec(),
        Cow::Owned(blotted) => blotted.into_bytes(),
        Cow::Borrowed(_) => body.into(),
    };
    Ok(with_body(&head, body))
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
    let member =
        |name: &str| parsed.get(name).and_then(Value::as_str).map(|text| settings.redact(text).into_owned());
    let mut error = json!({ "body_excerpt": excerpt });
    for name in ["reason", "error_message"] {
        if let (Some(text), Some(members)) = (member(name), error.as_object_mut()) {
            members.insert(name.to_owned(), text.into());
        }
    }
    for value in response.headers_mut().values_mut() {
        // An echoed secret must not show where headers are printed.
        if std::str::from_utf8(value.as_bytes())
            .is_ok_and(|text| matches!(settings.redact(text), Cow::Owned(_)))
        {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

    use super::RequestSettings;

    #[test]
    fn a_secret_is_blotted_out_whole_escaped_and_cut_short() {
        let cases = [
            ("Basic YWJj", "is YWJj here", "is [redacted] here"),
            (
                "Basic c2VjcmV0LXZhbHVl/w==",
                "c2VjcmV0LXZhbHVl\\/w== and c2VjcmV0LX",
                "[redacted]\\/w== and [redacted]",
            ),
            // Its own mark is no reason to go on for ever.
            ("Basic redacted12", "redacted12 redacted1 redact", "[[redacted]] [redacted] redact"),
        ];
        for (header, text, blotted) in cases {
            let mut value = HeaderValue::from_static(header);
            value.set_sensitive(true);
            let settings = RequestSettings::new().headers(HeaderMap::from_iter([(AUTHORIZATION, value)]));
            assert_eq!(settings.redact(text), blotted);
            let mut open = HeaderValue::from_static(header);
            open.set_sensitive(false);
            let settings = RequestSettings::new().headers(HeaderMap::from_iter([(AUTHORIZATION, open)]));
            assert_eq!(settings.redact(text), text);
        }
    }
}
