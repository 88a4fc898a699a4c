//! The one error of the client.

mod retry_after;
mod words;

use std::{error::Error as StdError, fmt, time::Duration};

pub(crate) use retry_after::date;

use copilot_gen::{
    Client as RawClient, Error as RawError, InvalidInput, ResponseValue,
    contract::Violation,
    raw::{BodyFault, BrokenAnswer, Operation},
    types::ErrorResponse,
};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};

use crate::{
    CredentialsError, EndpointError, TimestampError, lasting::LastingFailure, paused_clock::PausedClock,
};

/// Why a request did not succeed.
///
/// Ask it with the predicates; the source is kept. Neither `Display` nor `Debug` shows what a server said in words: that
/// may repeat personal data. [`server_words`](Self::server_words) and [`body_excerpt`](Self::body_excerpt) do.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client) {
/// if let Err(error) = client.set_consent("user-7", true).await {
///     match () {
///         () if error.is_invalid_input() => println!("not sent: {}", error.violations()[0]),
///         () if error.is_unauthorized() => println!("the credentials are wrong"),
///         () if error.is_retryable() => println!("later, in {:?}", error.retry_after()),
///         () => println!("{error}"),
///     }
/// }
/// # }
/// ```
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    cause: Cause,
    operation: Option<&'static str>,
    attempts: u32,
    ended: Option<Ended>,
    may_have_been_taken: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What went wrong.
pub(crate) enum Cause {
    /// The client could not be made, or cannot work as it is configured.
    Configuration,
    /// What was to be sent breaks the contract.
    Contract(Vec<Violation>),
    /// No answer.
    Transport { connect: bool, timeout: bool },
    /// An answer with an error status, or one that the contract does not know.
    Answer(Answer),
    /// A success status with a body that is not what the contract says, or that did not arrive whole.
    Unreadable { status: StatusCode, excerpt: Option<String>, fault: Option<BodyFault> },
    /// Copilot.cx rejected events, in these words.
    Rejected(Vec<String>),
    /// The deadline was over before there was anything to say.
    NoTime,
}

/// An answer as far as it is kept.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    reason: Option<String>,
    words: Vec<String>,
    excerpt: Option<String>,
    retry_after: Option<Duration>,
}

/// What ended attempts that could have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The client's retry budget was used up.
    Budget,
    /// The deadline left no time.
    Deadline,
    /// Every part of a batch that was tried was rejected whole, in that many requests.
    NothingTaken(u64),
}

impl Error {
    pub(crate) fn new(cause: Cause, operation: Operation) -> Self {
        Self::with_source(cause, Some(operation), None)
    }

    fn with_source(
        cause: Cause,
        operation: Option<Operation>,
        source: Option<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let may_have_been_taken = match &cause {
            Cause::Transport { connect, .. } => !connect,
            // What is beyond 599 is to be treated as a server error (RFC 9110).
            Cause::Answer(answer) => answer.status.is_success() || answer.status.as_u16() >= 500,
            Cause::Unreadable { .. } => true,
            Cause::Configuration | Cause::Contract(_) | Cause::Rejected(_) | Cause::NoTime => false,
        };
        let operation = operation.map(|operation| operation.id);
        Self {
            inner: Box::new(Inner {
                cause,
                operation,
                attempts: 0,
                ended: None,
                may_have_been_taken,
                source,
            }),
        }
    }

    pub(crate) fn configuration(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::with_source(Cause::Configuration, None, Some(Box::new(source)))
    }

    /// A success whose body is not what Copilot.cx says.
    pub(crate) fn unreadable(operation: Operation, attempts: u32) -> Self {
        let cause = Cause::Unreadable { status: StatusCode::OK, excerpt: None, fault: None };
        Self::new(cause, operation).after(attempts, None)
    }

    /// What is wrong with a success that the generated client cannot tell from Copilot.cx's, since there is nothing to read: a
    /// web page comes from a proxy or a portal, and a status that the contract does not list says nothing.
    pub(crate) fn foreign<T>(
        response: &ResponseValue<T>,
        operation: Operation,
        attempts: u32,
    ) -> Option<Self> {
        let content_type =
            response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_page = content_type.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("text/html"));
        let status = response.status();
        let is_listed = [StatusCode::OK, StatusCode::NO_CONTENT].contains(&status);
        let cause = Cause::Unreadable { status, excerpt: None, fault: None };
        (is_page || !is_listed).then(|| Self::new(cause, operation).after(attempts, None))
    }

    /// Takes an error of the raw client. A URL is cut out of it, since a query may hold a secret.
    pub(crate) fn from_raw(client: &RawClient, operation: Operation, raw: RawError<ErrorResponse>) -> Self {
        let with = |cause, source| Self::with_source(cause, Some(operation), source);
        match raw {
            RawError::CommunicationError(error) | RawError::InvalidUpgrade(error) => {
                match LastingFailure::try_from(error.without_url()) {
                    Ok(lasting) => with(Cause::Configuration, Some(Box::new(lasting))),
                    Err(error) => {
                        let cause =
                            Cause::Transport { connect: error.is_connect(), timeout: error.is_timeout() };
                        let source: Box<dyn StdError + Send + Sync> = match PausedClock::try_from(error) {
                            Ok(paused) => Box::new(paused),
                            Err(error) => Box::new(error),
                        };
                        with(cause, Some(source))
                    }
                }
            }
            RawError::ResponseBodyError(error) => {
                let (status, fault) = match BrokenAnswer::in_sources_of(&error) {
                    Some(broken) => (broken.status(), broken.fault()),
                    None => (StatusCode::OK, BodyFault::BrokeOff),
                };
                let cause = Cause::Unreadable { status, excerpt: None, fault: Some(fault) };
                with(cause, Some(Box::new(error.without_url())))
            }
            RawError::InvalidResponsePayload(body, error) => {
                let excerpt = Some(client.excerpt(&body));
                let unread = Unread { line: error.line(), column: error.column() };
                // Only a 200 has a body to read.
                let cause = Cause::Unreadable { status: StatusCode::OK, excerpt, fault: None };
                with(cause, Some(Box::new(unread)))
            }
            RawError::ErrorResponse(response) => {
                let (status, headers) = (response.status(), response.headers().clone());
                with(Cause::Answer(Answer::new(client, status, headers, Some(response.into_inner()))), None)
            }
            RawError::UnexpectedResponse(response) => with(
                Cause::Answer(Answer::new(client, response.status(), response.headers().clone(), None)),
                None,
            ),
            RawError::InvalidRequest(problem) | RawError::Custom(problem) => {
                with(Cause::Configuration, Some(problem.into()))
            }
        }
    }

    /// The error of the last of that many attempts; `earlier` is that of the one before.
    pub(crate) fn after(mut self, attempts: u32, earlier: Option<&Self>) -> Self {
        self.inner.attempts = attempts;
        self.inner.may_have_been_taken |= earlier.is_some_and(|earlier| earlier.inner.may_have_been_taken);
        self
    }

    /// Whether it was taken is not known.
    pub(crate) fn taken_perhaps(mut self) -> Self {
        self.inner.may_have_been_taken = true;
        self
    }

    pub(crate) fn ended_by(mut self, ended: Ended) -> Self {
        self.inner.ended = Some(ended);
        self
    }

    /// The client's configuration is at fault, or how it is used: credentials, an endpoint, TLS, a certificate that is not
    /// trusted, a proxy, a fork. Nothing was sent, and another attempt would fail alike.
    pub fn is_configuration(&self) -> bool {
        matches!(self.inner.cause, Cause::Configuration)
    }

    /// What was to be sent breaks the contract, and nothing was sent. [`violations`](Self::violations) says where.
    pub fn is_invalid_input(&self) -> bool {
        matches!(self.inner.cause, Cause::Contract(_))
    }

    /// Copilot.cx rejected events. [`server_words`](Self::server_words) says why, as far as it did.
    pub fn is_rejected(&self) -> bool {
        matches!(self.inner.cause, Cause::Rejected(_))
    }

    /// No connection could be made: nothing was sent. The last [`source`](StdError::source) says what the system said.
    pub fn is_connect(&self) -> bool {
        matches!(self.inner.cause, Cause::Transport { connect: true, .. })
    }

    /// The time limit of an attempt ran out before an answer began to arrive. Whether the request was carried out is not
    /// known, unless it [`is_connect`](Self::is_connect).
    pub fn is_timeout(&self) -> bool {
        matches!(self.inner.cause, Cause::Transport { timeout: true, .. })
    }

    /// No answer came: connection rejected, closed, or too slow.
    pub fn is_transport(&self) -> bool {
        matches!(self.inner.cause, Cause::Transport { .. })
    }

    /// 401: the credentials are missing or wrong.
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(StatusCode::UNAUTHORIZED)
    }

    /// 400: the whole request was rejected.
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

    /// The status was a success, but the body is not what the contract says or did not arrive whole, or the status is not
    /// one that the contract lists for the operation. Whether the request was carried out is not known. It is not sent
    /// again by itself: that could count events twice.
    pub fn is_unreadable(&self) -> bool {
        match &self.inner.cause {
            Cause::Unreadable { .. } => true,
            Cause::Answer(answer) => answer.status.is_success(),
            _ => false,
        }
    }

    /// Whether the same request may succeed later: no answer came, or the status is 408, 429, 500, 502, 503 or 504.
    pub fn is_retryable(&self) -> bool {
        match &self.inner.cause {
            Cause::Transport { .. } | Cause::NoTime => true,
            Cause::Answer(answer) => matches!(answer.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504),
            Cause::Configuration | Cause::Contract(_) | Cause::Unreadable { .. } | Cause::Rejected(_) => {
                false
            }
        }
    }

    /// Whether what the failed request held may have been taken all the same, by the last attempt or by one before it.
    /// `false` is sure: no attempt got through, or each was rejected whole.
    pub fn may_have_been_taken(&self) -> bool {
        self.inner.may_have_been_taken
    }

    /// Whether attempts ended early because the client's retry budget was used up.
    pub fn is_retry_budget_exhausted(&self) -> bool {
        self.inner.ended == Some(Ended::Budget)
    }

    /// Whether attempts ended early because the deadline left no time for another one.
    pub fn is_deadline_exceeded(&self) -> bool {
        self.inner.ended == Some(Ended::Deadline)
    }

    /// The status of the answer, where one came.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.inner.cause {
            Cause::Answer(answer) => Some(answer.status),
            Cause::Unreadable { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The headers of the answer, where its status was an error.
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.answer().map(|answer| &answer.headers)
    }

    /// The API's code for programs, such as `AUTH.UNAUTHORIZED`, where the body was its JSON error.
    pub fn reason(&self) -> Option<&str> {
        self.answer()?.reason.as_deref()
    }

    /// What the server said in words: the message of its JSON error, or why it rejected events. May repeat personal data.
    pub fn server_words(&self) -> &[String] {
        match &self.inner.cause {
            Cause::Answer(answer) => &answer.words,
            Cause::Rejected(words) => words,
            _ => &[],
        }
    }

    /// The start of the answer's body as text, whatever it was: of its first 512 bytes, with those that are not UTF-8
    /// replaced. `None` where no body was read, as with a redirect. May repeat personal data.
    pub fn body_excerpt(&self) -> Option<&str> {
        match &self.inner.cause {
            Cause::Answer(answer) => answer.excerpt.as_deref(),
            Cause::Unreadable { excerpt, .. } => excerpt.as_deref(),
            _ => None,
        }
    }

    /// How long the server asked to wait (`Retry-After`), counted from its answer. A date is read against the `Date` of the
    /// same answer, or this machine's clock where that is missing.
    pub fn retry_after(&self) -> Option<Duration> {
        self.answer()?.retry_after
    }

    /// Every rule of the contract that the input breaks, where it [`is_invalid_input`](Self::is_invalid_input).
    pub fn violations(&self) -> &[Violation] {
        match &self.inner.cause {
            Cause::Contract(violations) => violations,
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

    fn answer(&self) -> Option<&Answer> {
        match &self.inner.cause {
            Cause::Answer(answer) => Some(answer),
            _ => None,
        }
    }
}

impl Answer {
    fn new(client: &RawClient, status: StatusCode, headers: HeaderMap, body: Option<ErrorResponse>) -> Self {
        let retry_after = retry_after::of(&headers);
        let (reason, message, excerpt) = match body {
            Some(body) => (body.reason, body.error_message, Some(body.body_excerpt)),
            None => (None, None, None),
        };
        let words =
            message.filter(|words| !words.is_empty()).iter().map(|words| shown(client, words)).collect();
        let reason = reason.map(|reason| shown(client, &reason));
        Self { status, headers, reason, words, excerpt, retry_after }
    }
}

/// Words of a server as they are kept: without an echo of the credentials, and no more than a person reads.
pub(crate) fn shown(client: &RawClient, words: &str) -> String {
    const LONGEST: usize = 4096;
    let words = client.redact(words);
    let fits = words.char_indices().map(|(at, letter)| at + letter.len_utf8());
    let end = if words.len() <= LONGEST {
        words.len()
    } else {
        fits.take_while(|end| *end <= LONGEST).last().unwrap_or(0)
    };
    words.get(..end).unwrap_or_default().to_owned()
}

impl From<CredentialsError> for Error {
    fn from(error: CredentialsError) -> Self {
        Self::configuration(error)
    }
}

/// A time that this API does not have is invalid input, of no place yet.
impl From<TimestampError> for Error {
    fn from(error: TimestampError) -> Self {
        Self::with_source(Cause::Contract(vec![]), None, Some(Box::new(error)))
    }
}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        Self::configuration(error)
    }
}

/// Of no operation yet: nothing was to be sent.
impl From<InvalidInput> for Error {
    fn from(invalid: InvalidInput) -> Self {
        Self::with_source(Cause::Contract(invalid.into_violations()), None, None)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.inner.source.as_deref()?;
        // Of these two, `Display` has said what the source says.
        if self.is_configuration() || self.is_invalid_input() { source.source() } else { Some(source) }
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
