//! The one error of the client.

use std::{
    error::Error as StdError,
    fmt,
    time::{Duration, SystemTime},
};

use copilot_gen::{Error as RawError, contract::Violation, raw::Operation, types::ErrorResponse};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

use crate::{
    CredentialsError, EndpointError, event::Listed, lasting::LastingFailure, paused_clock::PausedClock,
};

/// Why a request did not succeed.
///
/// Ask it with the predicates; the source is kept. Neither `Display` nor `Debug` shows what a server said in words:
/// that may repeat personal data. [`error_message`](Self::error_message) and [`body_excerpt`](Self::body_excerpt) do.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: Kind,
    operation: Option<&'static str>,
    attempts: u32,
    budget_exhausted: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

enum Kind {
    /// The client could not be made.
    Configuration,
    /// What was to be sent breaks the contract.
    Contract(Vec<Violation>),
    /// No answer, or not all of it.
    Transport { connect: bool, timeout: bool },
    /// An answer with an error status, or one that the contract does not know.
    Status { status: StatusCode, headers: HeaderMap, body: Option<ErrorResponse> },
    /// A success status with a body that is not what the contract says.
    Unreadable { excerpt: String },
}

/// What [`Error`] says of a 401.
const UNAUTHORIZED_HINT: &str = "the credentials are missing or wrong";

impl Error {
    fn new(kind: Kind, source: Option<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            inner: Box::new(Inner { kind, operation: None, attempts: 0, budget_exhausted: false, source }),
        }
    }

    pub(crate) fn configuration(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(Kind::Configuration, Some(Box::new(source)))
    }

    pub(crate) fn contract(operation: Operation, violations: Vec<Violation>) -> Self {
        let mut error = Self::new(Kind::Contract(violations), None);
        error.inner.operation = Some(operation.id);
        error
    }

    /// Takes an error of the raw client. A URL is cut out of it, since a query may hold a secret.
    pub(crate) fn from_raw(operation: Operation, raw: RawError<ErrorResponse>) -> Self {
        let transport = |error: reqwest::Error| {
            let error = match LastingFailure::try_from(error.without_url()) {
                Ok(lasting) => return Self::configuration(lasting),
                Err(error) => error,
            };
            let kind = Kind::Transport { connect: error.is_connect(), timeout: error.is_timeout() };
            match PausedClock::try_from(error) {
                Ok(paused) => Self::new(kind, Some(Box::new(paused))),
                Err(error) => Self::new(kind, Some(Box::new(error))),
            }
        };
        let mut error = match raw {
            RawError::CommunicationError(error)
            | RawError::ResponseBodyError(error)
            | RawError::InvalidUpgrade(error) => transport(error),
            RawError::ErrorResponse(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                Self::new(Kind::Status { status, headers, body: Some(response.into_inner()) }, None)
            }
            RawError::UnexpectedResponse(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                Self::new(Kind::Status { status, headers, body: None }, None)
            }
            RawError::InvalidResponsePayload(body, error) => {
                let start = body.get(..copilot_gen::raw::BODY_EXCERPT_BYTES).unwrap_or(&body);
                let excerpt = String::from_utf8_lossy(start).into_owned();
                Self::new(
                    Kind::Unreadable { excerpt },
                    Some(Box::new(Unread { line: error.line(), column: error.column() })),
                )
            }
            RawError::InvalidRequest(problem) | RawError::Custom(problem) => {
                Self::new(Kind::Configuration, Some(problem.into()))
            }
        };
        error.inner.operation = Some(operation.id);
        error
    }

    pub(crate) fn after(mut self, attempts: u32) -> Self {
        self.inner.attempts = attempts;
        self
    }

    pub(crate) fn budget_exhausted(mut self) -> Self {
        self.inner.budget_exhausted = true;
        self
    }

    /// The client's configuration is at fault, or how it is used: credentials, an endpoint, TLS, a certificate that is
    /// not trusted, a proxy, a fork. Nothing was sent, and another attempt would fail alike.
    pub fn is_configuration(&self) -> bool {
        matches!(self.inner.kind, Kind::Configuration)
    }

    /// What was to be sent breaks the contract, and nothing was sent.
    pub fn is_invalid_input(&self) -> bool {
        matches!(self.inner.kind, Kind::Contract(_))
    }

    /// No connection could be made: nothing was sent.
    pub fn is_connect(&self) -> bool {
        matches!(self.inner.kind, Kind::Transport { connect: true, .. })
    }

    /// A time limit ran out. Whether the request was taken is not known, unless it [`is_connect`](Self::is_connect).
    pub fn is_timeout(&self) -> bool {
        matches!(self.inner.kind, Kind::Transport { timeout: true, .. })
    }

    /// No whole answer came: connection refused, closed, or too slow.
    pub fn is_transport(&self) -> bool {
        matches!(self.inner.kind, Kind::Transport { .. })
    }

    /// 401: the credentials are missing or wrong.
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// 400: the whole request was refused.
    pub fn is_bad_request(&self) -> bool {
        self.status() == Some(StatusCode::BAD_REQUEST)
    }

    /// 413: the request holds too much.
    pub fn is_too_large(&self) -> bool {
        self.status() == Some(StatusCode::PAYLOAD_TOO_LARGE)
    }

    /// 429: too many requests.
    pub fn is_rate_limited(&self) -> bool {
        self.status() == Some(StatusCode::TOO_MANY_REQUESTS)
    }

    /// 500 to 599.
    pub fn is_server_error(&self) -> bool {
        self.status().is_some_and(|status| status.is_server_error())
    }

    /// The status was a success, but the body is not what the contract says, or the status is not one that the contract
    /// lists for the operation. Whether the request was taken is not known.
    pub fn is_unreadable(&self) -> bool {
        match &self.inner.kind {
            Kind::Unreadable { .. } => true,
            Kind::Status { status, .. } => status.is_success(),
            _ => false,
        }
    }

    /// Whether the same request may succeed later: no whole answer came, or the status is 408, 429, 500, 502, 503 or
    /// 504.
    pub fn is_retryable(&self) -> bool {
        match &self.inner.kind {
            Kind::Transport { .. } => true,
            Kind::Status { status, .. } => matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504),
            Kind::Configuration | Kind::Contract(_) | Kind::Unreadable { .. } => false,
        }
    }

    /// Whether attempts ended early because the client's retry budget was used up.
    pub fn is_retry_budget_exhausted(&self) -> bool {
        self.inner.budget_exhausted
    }

    /// The status of the answer, where one came.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.inner.kind {
            Kind::Status { status, .. } => Some(*status),
            Kind::Unreadable { .. } => Some(StatusCode::OK),
            Kind::Configuration | Kind::Contract(_) | Kind::Transport { .. } => None,
        }
    }

    /// The headers of the answer, where its status was an error.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match &self.inner.kind {
            Kind::Status { headers, .. } => Some(headers),
            _ => None,
        }
    }

    /// The API's code for programs, such as `AUTH.UNAUTHORIZED`, where the body was its JSON error.
    pub fn reason(&self) -> Option<&str> {
        self.body()?.reason.as_deref()
    }

    /// The server's words. May repeat personal data.
    pub fn error_message(&self) -> Option<&str> {
        self.body()?.error_message.as_deref().filter(|words| !words.is_empty())
    }

    /// The start of the answer's body as text, whatever it was: of its first 512 bytes, with those that are not UTF-8
    /// replaced. `None` where no body was read, as with a redirect. May repeat personal data.
    pub fn body_excerpt(&self) -> Option<&str> {
        match &self.inner.kind {
            Kind::Status { body, .. } => body.as_ref().map(|body| body.body_excerpt.as_str()),
            Kind::Unreadable { excerpt } => Some(excerpt),
            _ => None,
        }
    }

    /// How long the server asks to wait (`Retry-After`, in seconds or as an HTTP date), from `now`.
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        let value = self.headers()?.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    }

    /// Every rule of the contract that the input breaks, where it [`is_invalid_input`](Self::is_invalid_input).
    pub fn violations(&self) -> &[Violation] {
        match &self.inner.kind {
            Kind::Contract(violations) => violations,
            _ => &[],
        }
    }

    /// The operation that was requested: `collect` or `set_consent`.
    pub fn operation(&self) -> Option<&'static str> {
        self.inner.operation
    }

    /// How often the request was sent.
    pub fn attempts(&self) -> u32 {
        self.inner.attempts
    }

    /// What the system said in the end: the last of the sources.
    fn root_cause(&self) -> Option<&(dyn StdError + 'static)> {
        let mut cause = self.source()?;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Some(cause)
    }

    fn body(&self) -> Option<&ErrorResponse> {
        match &self.inner.kind {
            Kind::Status { body, .. } => body.as_ref(),
            _ => None,
        }
    }
}

impl From<CredentialsError> for Error {
    fn from(error: CredentialsError) -> Self {
        Self::configuration(error)
    }
}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        Self::configuration(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.inner.operation {
            write!(f, "{operation}: ")?;
        }
        match &self.inner.kind {
            Kind::Configuration => match &self.inner.source {
                Some(source) => write!(f, "{source}")?,
                None => f.write_str("the client is not configured")?,
            },
            Kind::Contract(violations) => write!(f, "{}", Listed(violations))?,
            Kind::Transport { connect: true, .. } => {
                f.write_str("no connection")?;
                if let Some(cause) = self.root_cause() {
                    write!(f, ": {cause}")?;
                }
            }
            Kind::Transport { timeout: true, .. } => f.write_str("no answer in time")?,
            Kind::Transport { .. } => f.write_str("the connection broke off")?,
            Kind::Status { status, .. } => {
                write!(f, "{status}")?;
                // A code is short and has no spaces; anything else could be a sentence about somebody.
                if let Some(reason) = self.reason().filter(|reason| is_code(reason)) {
                    write!(f, " {reason}")?;
                }
                if *status == StatusCode::UNAUTHORIZED {
                    write!(f, ": {UNAUTHORIZED_HINT}")?;
                } else if status.is_redirection() {
                    f.write_str(": redirects are not followed; configure the URL that it leads to")?;
                }
            }
            Kind::Unreadable { .. } => f.write_str("the answer is not what the contract says")?,
        }
        if let Some(paused) =
            self.inner.source.as_deref().and_then(|source| source.downcast_ref::<PausedClock>())
        {
            write!(f, "; {paused}")?;
        }
        if self.inner.attempts > 1 {
            write!(f, " (after {} attempts)", self.inner.attempts)?;
        }
        if self.inner.budget_exhausted {
            f.write_str("; no further attempt: the client's retry budget is used up")?;
        }
        Ok(())
    }
}

fn is_code(reason: &str) -> bool {
    let letters =
        |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || matches!(letter, '.' | '_');
    reason.len() <= 64 && !reason.is_empty() && reason.chars().all(letters)
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("summary", &self.to_string())
            .field("status", &self.status())
            .field("body_excerpt_bytes", &self.body_excerpt().map(str::len))
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.inner.source.as_deref()?;
        // `Display` has said what a configuration's source says.
        if self.is_configuration() { source.source() } else { Some(source) }
    }
}

/// Where a body stopped being what it should be. serde's own words may repeat values.
#[derive(Debug)]
struct Unread {
    line: usize,
    column: usize,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body cannot be read at line {}, column {}", self.line, self.column)
    }
}

impl StdError for Unread {}
