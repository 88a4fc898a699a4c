//! Calls that failed, with the events that they give back.

use std::{error::Error as StdError, fmt};

use copilot_gen::{operations, types::Event};

use super::{CollectReport, Rejection, Undelivered};
use crate::{Error, error::Cause};

/// A call of `collect` that ended early, or whose events were not all accepted, with the report on all that were read.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: Vec<copilot_api::types::Event>) {
/// let mut waiting = events.into_iter(); // keeps what was not read
/// if let Err(failed) = client.collect(&mut waiting).await {
///     println!("{failed}"); // collect: 503 Service Unavailable (after 5 attempts); events: 400 accepted, …
///     let (error, report) = failed.into_parts();
///     let later = error.is_retryable().then(|| report.into_parts().undelivered);
/// }
/// # }
/// ```
pub struct CollectError {
    parts: Box<(Error, CollectReport)>,
}

impl CollectError {
    pub(crate) fn new(error: Error, report: CollectReport) -> Self {
        let perhaps = report.undelivered().iter().any(Undelivered::may_have_been_taken)
            || report.rejections().iter().any(Rejection::may_have_been_taken)
            || !report.uncertain().is_empty();
        let error = if perhaps { error.taken_perhaps() } else { error };
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

    /// As the error of a call that had only one event. None where no event is left, which then was accepted.
    pub(super) fn of_one(self) -> Option<CollectOneError> {
        let (error, report) = self.into_parts();
        let mut parts = report.into_parts();
        let (error, event) = if let Some(rejection) = parts.rejections.pop() {
            rejection.into_error()
        } else if let Some(uncertain) = parts.uncertain.pop() {
            let words = parts.unattributed.iter().flat_map(|rejection| rejection.server_words()).cloned();
            let cause = Cause::Rejected(words.collect());
            (Error::new(cause, operations::COLLECT).taken_perhaps(), uncertain.into_event())
        } else {
            (error, parts.undelivered.pop()?.into_event())
        };
        Some(CollectOneError::new(error, event))
    }
}

impl fmt::Display for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report();
        let (accepted, rejected) = (report.accepted(), report.rejections().len());
        write!(f, "{}; events: {accepted} accepted, {rejected} rejected", self.error())?;
        if !report.uncertain().is_empty() {
            write!(f, ", {} accepted or rejected", report.uncertain().len())?;
        }
        write!(f, ", {} not delivered", report.undelivered().len())
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

/// An event that `collect_one` did not see accepted, and why.
///
/// Where the error [`is_invalid_input`](Error::is_invalid_input) or [`is_rejected`](Error::is_rejected), sending the same
/// event again will fail again. Where it [`is_retryable`](Error::is_retryable), it may succeed later. Ask
/// [`may_have_been_taken`](Error::may_have_been_taken) whether that could count it twice.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, event: copilot_api::types::Event) {
/// if let Err(failed) = client.collect_one(event).await {
///     let (error, event) = failed.into_parts();
///     match () {
///         () if error.is_retryable() => println!("later: {}", event.event_id().as_str()),
///         () => println!("never: {error}"),
///     }
/// }
/// # }
/// ```
pub struct CollectOneError {
    parts: Box<(Error, Event)>,
}

impl CollectOneError {
    pub(crate) fn new(error: Error, event: Event) -> Self {
        Self { parts: Box::new((error, event)) }
    }

    /// What went wrong.
    pub fn error(&self) -> &Error {
        &self.parts.0
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.parts.1
    }

    /// Both, to keep.
    pub fn into_parts(self) -> (Error, Event) {
        *self.parts
    }
}

impl fmt::Display for CollectOneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

/// Without the event: it holds personal data.
impl fmt::Debug for CollectOneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectOneError")
            .field("error", self.error())
            .field("event_type", &self.event().event_type())
            .finish_non_exhaustive()
    }
}

impl StdError for CollectOneError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error().source()
    }
}

impl From<CollectOneError> for Error {
    fn from(failed: CollectOneError) -> Self {
        failed.into_parts().0
    }
}

impl From<CollectError> for Error {
    fn from(failed: CollectError) -> Self {
        failed.into_parts().0
    }
}
