//! The events that a report gives back, and why.

use std::{fmt, sync::Arc};

use copilot_gen::{
    Client as RawClient,
    contract::{Listed, Violation},
    operations,
    types::{Event, InvalidEvent},
};
use reqwest::StatusCode;

use crate::{
    Error,
    error::{Cause, shown},
};

/// An event that was rejected.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: Vec<copilot_api::types::Event>) -> Result<(), copilot_api::Error> {
/// let report = client.collect(events).await?;
/// for rejection in report.into_parts().rejections {
///     println!("event {}: {}", rejection.index(), rejection.cause());
///     let event = rejection.into_event(); // to mend
/// }
/// # Ok(()) }
/// ```
pub struct Rejection {
    pub(super) index: usize,
    pub(super) event: Event,
    pub(super) cause: RejectionCause,
    pub(super) may_have_been_taken: bool,
}

/// Who rejected an event, and why. `Display` names rules, never words of the server.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: Vec<copilot_api::types::Event>) -> Result<(), copilot_api::Error> {
/// let report = client.collect(events).await?;
/// for rejection in report.rejections() {
///     match rejection.cause() {
///         copilot_api::RejectionCause::Contract(violations) => println!("not sent: {}", violations[0]),
///         cause => println!("{cause}: {} words of the server", cause.server_words().len()),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum RejectionCause {
    /// It breaks rules of the contract and was not sent.
    Contract(Vec<Violation>),
    /// Copilot.cx rejected it, in these words; none when it gave no reason. They may repeat personal data.
    Server(Vec<String>),
    /// A request with nothing but this event was rejected whole, while others of the same call were taken.
    Request {
        /// 400, or 413 when the event is too large.
        status: StatusCode,
        /// The API's code, where it gave one.
        reason: Option<String>,
        /// The server's words, where it gave any. They may repeat personal data.
        words: Vec<String>,
    },
}

/// An event that was read and not delivered: its request failed for good, or was never sent.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: Vec<copilot_api::types::Event>) {
/// let mut waiting = events.into_iter(); // keeps what was not read
/// if let Err(failed) = client.collect(&mut waiting).await {
///     let undelivered = failed.into_parts().1.into_parts().undelivered;
///     let (perhaps, surely_not): (Vec<_>, Vec<_>) =
///         undelivered.into_iter().partition(|event| event.may_have_been_taken());
/// }
/// # }
/// ```
pub struct Undelivered {
    pub(super) index: usize,
    pub(super) event: Event,
    pub(super) may_have_been_taken: bool,
}

/// An event of which the answer leaves open whether it was accepted.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: Vec<copilot_api::types::Event>) -> Result<(), copilot_api::Error> {
/// let report = client.collect(events).await?;
/// for uncertain in report.uncertain() {
///     println!("event {} was accepted or rejected", uncertain.index());
/// }
/// # Ok(()) }
/// ```
pub struct Uncertain {
    pub(super) index: usize,
    pub(super) event: Event,
}

/// A rejection by Copilot.cx that cannot be tied to one event.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: Vec<copilot_api::types::Event>) -> Result<(), copilot_api::Error> {
/// let report = client.collect(events).await?;
/// for rejection in report.unattributed() {
///     println!("one of the events {:?} was rejected", rejection.candidates());
/// }
/// # Ok(()) }
/// ```
pub struct UnattributedRejection {
    event_id: Option<String>,
    index: Option<i64>,
    words: Vec<String>,
    candidates: Arc<[usize]>,
}

macro_rules! given_back {
    ($($part:ident),+) => {
        $(impl $part {
            /// The event's index in what was passed to `collect`.
            pub fn index(&self) -> usize {
                self.index
            }

            /// The event.
            pub fn event(&self) -> &Event {
                &self.event
            }

            /// The event, to keep.
            pub fn into_event(self) -> Event {
                self.event
            }
        })+
    };
}

given_back!(Rejection, Undelivered, Uncertain);

impl Rejection {
    /// Who rejected it, and why.
    pub fn cause(&self) -> &RejectionCause {
        &self.cause
    }

    /// Whether Copilot.cx may have taken it all the same, by an attempt before the one whose answer rejected it: a server
    /// that recognises an event id rejects what it has.
    pub fn may_have_been_taken(&self) -> bool {
        self.may_have_been_taken
    }

    /// What the server said about it. Empty where it said nothing, and for an event that was not sent. May repeat
    /// personal data.
    pub fn server_words(&self) -> &[String] {
        self.cause.server_words()
    }

    /// As the error of a call that had no other event.
    pub(super) fn into_error(self) -> (Error, Event) {
        let cause = match self.cause {
            RejectionCause::Contract(violations) => Cause::Contract(violations),
            RejectionCause::Server(words) | RejectionCause::Request { words, .. } => Cause::Rejected(words),
        };
        let error = Error::new(cause, operations::COLLECT);
        (if self.may_have_been_taken { error.taken_perhaps() } else { error }, self.event)
    }
}

impl Undelivered {
    /// Whether Copilot.cx may have taken it all the same: its request got through, and the answer was lost, unreadable or a
    /// server error. Sending it again may count it twice.
    pub fn may_have_been_taken(&self) -> bool {
        self.may_have_been_taken
    }
}

impl UnattributedRejection {
    pub(super) fn new(raw: &RawClient, answer: InvalidEvent, candidates: Arc<[usize]>) -> Self {
        let words = answer.error.iter().map(|words| shown(raw, words)).collect();
        let event_id = answer.event_id.map(|event_id| shown(raw, &event_id));
        Self { event_id, index: answer.index, words, candidates }
    }

    /// The event id that the server named, if any.
    pub fn event_id(&self) -> Option<&str> {
        self.event_id.as_deref()
    }

    /// The index that the server named, if any: a position in its request, not in what you passed.
    pub fn index(&self) -> Option<i64> {
        self.index
    }

    /// What the server said. May repeat personal data.
    pub fn server_words(&self) -> &[String] {
        &self.words
    }

    /// The indices, in what was passed, of the events that may be meant: they are among the uncertain ones. Empty when the
    /// server listed a rejection more often than it had events for.
    pub fn candidates(&self) -> &[usize] {
        &self.candidates
    }
}

impl RejectionCause {
    pub(super) fn of_request(error: &Error) -> Self {
        Self::Request {
            status: error.status().unwrap_or_default(),
            reason: error.reason().map(str::to_owned),
            words: error.server_words().to_vec(),
        }
    }

    /// What the server said. Empty where it said nothing, and where nothing was sent. May repeat personal data.
    pub fn server_words(&self) -> &[String] {
        match self {
            Self::Contract(_) => &[],
            Self::Server(words) | Self::Request { words, .. } => words,
        }
    }
}

/// Why, in one line, without the server's words.
impl fmt::Display for RejectionCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(violations) => write!(f, "{}", Listed(violations)),
            Self::Server(words) if words.is_empty() => f.write_str("rejected by Copilot.cx without a reason"),
            Self::Server(_) => f.write_str("rejected by Copilot.cx"),
            Self::Request { status, .. } => write!(f, "rejected by Copilot.cx with {status}"),
        }
    }
}

/// Without the server's words: they may repeat personal data.
impl fmt::Debug for RejectionCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(violations) => f.debug_tuple("Contract").field(violations).finish(),
            Self::Server(words) => f.debug_struct("Server").field("server_words", &words.len()).finish(),
            Self::Request { status, .. } => {
                f.debug_struct("Request").field("status", status).finish_non_exhaustive()
            }
        }
    }
}

/// Without the event and the server's words: they hold personal data.
impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("index", &self.index)
            .field("event_type", &self.event.event_type())
            .field("cause", &self.cause)
            .field("may_have_been_taken", &self.may_have_been_taken)
            .finish_non_exhaustive()
    }
}

/// Without the event: it holds personal data.
impl fmt::Debug for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered")
            .field("index", &self.index)
            .field("event_type", &self.event.event_type())
            .field("may_have_been_taken", &self.may_have_been_taken)
            .finish_non_exhaustive()
    }
}

/// Without the event: it holds personal data.
impl fmt::Debug for Uncertain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uncertain")
            .field("index", &self.index)
            .field("event_type", &self.event.event_type())
            .finish_non_exhaustive()
    }
}

/// Without the server's words: they may repeat personal data.
impl fmt::Debug for UnattributedRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnattributedRejection")
            .field("index", &self.index)
            .field("candidates", &self.candidates)
            .finish_non_exhaustive()
    }
}
