//! What became of the events of one call.

use std::{error::Error as StdError, fmt};

use copilot_gen::{
    contract::Violation,
    types::{Event, InvalidEvent},
};
use reqwest::StatusCode;

use super::{attribution::attribute, intake::Refused};
use crate::{Error, event::Listed};

/// What became of the events of one call of `collect`.
///
/// Every event that was read is in exactly one of four places: accepted, among the [`rejections`](Self::rejections),
/// among the [`undelivered`](Self::undelivered), or meant by one of the [`unattributed`](Self::unattributed)
/// refusals, which say that an event was refused but not which.
#[derive(Debug, Default)]
pub struct CollectReport {
    read: usize,
    accepted: usize,
    requests: u64,
    rejections: Vec<Rejection>,
    unattributed: Vec<UnattributedRejection>,
    undelivered: Vec<Undelivered>,
}

/// An event that was refused.
pub struct Rejection {
    index: usize,
    event: Event,
    refusal: Refusal,
}

/// Who refused an event, and why.
#[derive(Clone)]
#[non_exhaustive]
pub enum Refusal {
    /// It breaks rules of the contract and was not sent.
    Contract(Vec<Violation>),
    /// Copilot.cx refused it, in these words; none when it gave no reason. They may repeat personal data.
    Server(Vec<String>),
    /// A request with nothing but this event was refused whole.
    Request {
        /// 400, or 413 when the event is too large.
        status: StatusCode,
        /// The API's code, where it gave one.
        reason: Option<String>,
        /// The server's words, where it gave any. They may repeat personal data.
        message: Option<String>,
    },
}

/// A refusal by Copilot.cx that cannot be tied to one event.
pub struct UnattributedRejection {
    event_id: Option<String>,
    index: Option<i64>,
    error: Option<String>,
    candidates: Vec<usize>,
}

/// An event that was read and not delivered, because its request failed for good or was never sent.
pub struct Undelivered {
    index: usize,
    event: Event,
}

impl CollectReport {
    /// How many events were read from what was passed.
    pub fn read(&self) -> usize {
        self.read
    }

    /// How many events Copilot.cx took.
    pub fn accepted(&self) -> usize {
        self.accepted
    }

    /// How many requests were sent, repeated ones included.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The events that were refused, by index.
    pub fn rejections(&self) -> &[Rejection] {
        &self.rejections
    }

    /// Refusals that may mean any of several events, because the server's answer names none of them for sure. The
    /// events that they may mean are neither rejections nor known to be accepted.
    pub fn unattributed(&self) -> &[UnattributedRejection] {
        &self.unattributed
    }

    /// The events that were read and not delivered, by index. Empty unless `collect` failed. The batch whose request
    /// failed may have been taken all the same when its answer was lost.
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.undelivered
    }

    /// Whether every event was accepted.
    pub fn is_complete(&self) -> bool {
        self.accepted == self.read
    }

    /// The rejections and the undelivered events, to keep.
    pub fn into_parts(self) -> (Vec<Rejection>, Vec<UnattributedRejection>, Vec<Undelivered>) {
        (self.rejections, self.unattributed, self.undelivered)
    }

    pub(super) fn count_requests(&mut self, attempts: u32) {
        self.requests += u64::from(attempts);
    }

    pub(super) fn reject(&mut self, index: usize, event: Event, refusal: Refusal) {
        self.rejections.push(Rejection { index, event, refusal });
    }

    pub(super) fn not_delivered(&mut self, events: Vec<(usize, Event)>) {
        self.undelivered.extend(events.into_iter().map(|(index, event)| Undelivered { index, event }));
    }

    /// Records the answer to a batch.
    pub(super) fn record(&mut self, events: Vec<(usize, Event)>, answers: Vec<InvalidEvent>) {
        if answers.is_empty() {
            self.accepted += events.len();
            return;
        }
        let event_ids: Vec<&str> = events.iter().map(|(_, event)| event.event_id().as_str()).collect();
        let mut attribution = attribute(&event_ids, answers);
        let meant = attribution.unattributed.iter().filter(|refusal| !refusal.candidates.is_empty()).count();
        let open = events.len() - attribution.refused.len();
        self.accepted += open.saturating_sub(meant);
        for refusal in attribution.unattributed {
            let candidates =
                refusal.candidates.iter().filter_map(|at| events.get(*at)).map(|(index, _)| *index);
            self.unattributed.push(UnattributedRejection {
                candidates: candidates.collect(),
                event_id: refusal.answer.event_id,
                index: refusal.answer.index,
                error: refusal.answer.error,
            });
        }
        for (position, (index, event)) in events.into_iter().enumerate() {
            if let Some(words) = attribution.refused.remove(&position) {
                self.reject(index, event, Refusal::Server(words));
            }
        }
    }

    /// Closes the report, with what was read and what was refused before it was sent.
    pub(super) fn finish(mut self, read: usize, refused: Vec<Refused>) -> Self {
        self.read = read;
        for (index, event, violations) in refused {
            self.reject(index, event, Refusal::Contract(violations));
        }
        self.rejections.sort_by_key(|rejection| rejection.index);
        self.undelivered.sort_by_key(|event| event.index);
        self
    }
}

impl Rejection {
    /// The event's index in what was passed to `collect`.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// Who refused it, and why.
    pub fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// The event, to mend it and send it again.
    pub fn into_event(self) -> Event {
        self.event
    }
}

impl Undelivered {
    /// The event's index in what was passed to `collect`.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The event, to send it again.
    pub fn into_event(self) -> Event {
        self.event
    }
}

impl UnattributedRejection {
    /// The event id that the server named, if any.
    pub fn event_id(&self) -> Option<&str> {
        self.event_id.as_deref()
    }

    /// The index that the server named, if any: a position in its request, not in what you passed.
    pub fn index(&self) -> Option<i64> {
        self.index
    }

    /// The server's words. May repeat personal data.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The indices, in what was passed, of the events that may be meant. Empty when the server listed a refusal more
    /// often than it had events for.
    pub fn candidates(&self) -> &[usize] {
        &self.candidates
    }
}

impl Refusal {
    pub(super) fn request(error: &Error) -> Self {
        Self::Request {
            status: error.status().unwrap_or_default(),
            reason: error.reason().map(str::to_owned),
            message: error.error_message().map(str::to_owned),
        }
    }
}

/// Without the event and the server's words: they hold personal data.
impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("index", &self.index)
            .field("event_type", &self.event.event_type())
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}

/// Without the event: it holds personal data.
impl fmt::Debug for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered")
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

/// Without the server's words: they may repeat personal data.
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(violations) => f.debug_tuple("Contract").field(violations).finish(),
            Self::Server(words) => f.debug_struct("Server").field("reasons", &words.len()).finish(),
            Self::Request { status, .. } => {
                f.debug_struct("Request").field("status", status).finish_non_exhaustive()
            }
        }
    }
}

/// Why, in one line. The words of a server may repeat personal data.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(violations) => write!(f, "{}", Listed(violations)),
            Self::Server(words) if words.is_empty() => f.write_str("refused by Copilot.cx without a reason"),
            Self::Server(words) => f.write_str(&words.join("; ")),
            Self::Request { status, reason, message } => {
                write!(f, "{status}")?;
                for part in [reason, message].into_iter().flatten() {
                    write!(f, ": {part}")?;
                }
                Ok(())
            }
        }
    }
}

/// A call of `collect` that ended early, with the report up to there.
pub struct CollectError {
    parts: Box<(Error, CollectReport)>,
}

impl CollectError {
    pub(super) fn new(error: Error, report: CollectReport) -> Self {
        Self { parts: Box::new((error, report)) }
    }

    /// What went wrong.
    pub fn error(&self) -> &Error {
        &self.parts.0
    }

    /// What became of the events until then.
    pub fn report(&self) -> &CollectReport {
        &self.parts.1
    }

    /// Both, to keep.
    pub fn into_parts(self) -> (Error, CollectReport) {
        *self.parts
    }
}

impl fmt::Display for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report();
        let (accepted, rejected, left) = (report.accepted, report.rejections.len(), report.undelivered.len());
        write!(f, "{}; events: {accepted} accepted, {rejected} rejected, {left} not delivered", self.error())
    }
}

/// Without the events: they hold personal data.
impl fmt::Debug for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectError")
            .field("error", self.error())
            .field("summary", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl StdError for CollectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // `Display` has said what the error says.
        self.error().source()
    }
}
