//! One request at a time, for a program that keeps a queue of its own: no check, no retry, no search, no deadline.
//!
//! What [`Client::collect`] does beside sending, the caller does here: holds events against the contract, repeats what
//! failed, makes batches smaller that are too large, and finds the event that makes a request be rejected whole. A client's
//! [`timeout`](crate::ClientBuilder::timeout) bounds each attempt, its [`RetryPolicy`](crate::RetryPolicy) and deadlines have
//! no say.
//!
//! ```no_run
//! use copilot_api::{Client, attempt::{EventBatch, Verdict}, types::Event};
//!
//! async fn send(client: &Client, events: &[Event]) -> Result<(), copilot_api::Error> {
//!     let mut batch = EventBatch::new();
//!     events.iter().for_each(|event| batch.push(event));
//!     let answer = client.attempt(&mut batch).await?;
//!     for (position, event) in events.iter().enumerate() {
//!         match answer.verdict(position) {
//!             Verdict::Accepted => {}
//!             Verdict::Rejected(_) => println!("{} was rejected", event.event_id().as_str()),
//!             _ => println!("{} was accepted or rejected", event.event_id().as_str()),
//!         }
//!     }
//!     Ok(())
//! }
//! ```

mod batch;
mod clock;

use std::{collections::HashMap, fmt};

use copilot_gen::{
    Client as RawClient, Error as RawError, ResponseValue, operations,
    raw::Operation,
    types::{CollectRequest, ConsentChange, ErrorResponse, InvalidEvent, UserId},
};
use tracing::Instrument;

use crate::{
    Client, Error,
    collect::{Unattributed, attribute, is_credible},
    error::shown,
    retry,
};

pub use batch::EventBatch;
pub use clock::ClockOffset;

use clock::Sending;

impl Client {
    /// Sends these events in one request. An empty batch makes none, and is complete.
    ///
    /// Whatever the outcome, the batch keeps its events: to be sent again as they are, or [cleared](EventBatch::clear).
    ///
    /// # Errors
    ///
    /// When the request did not succeed: [`Error::may_have_been_taken`] says whether its events may have been taken all the
    /// same. An answer whose body is not of the contract's form, or has more rejections than sense, is
    /// [`unreadable`](Error::is_unreadable).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, whether the events were taken is not known. The batch keeps them.
    pub async fn attempt(&self, batch: &mut EventBatch) -> Result<Answer, Error> {
        if batch.is_empty() {
            return Ok(Answer::complete(None));
        }
        tracing::debug!(events = batch.len(), bytes = batch.bytes(), "sending events");
        let raw = self.raw.with_body(batch.body());
        // The typed body is a stand-in: `with_body` puts the bytes in its place.
        let request = CollectRequest { events: Vec::new() };
        let (answer, clock_offset) = self.once(operations::COLLECT, raw.collect(&request)).await?;
        if answer.invalid_events.is_empty() {
            return Ok(Answer::complete(clock_offset));
        }
        if !is_credible(&answer.invalid_events, batch.len()) {
            return Err(Error::unreadable(operations::COLLECT, 1));
        }
        Ok(Answer::new(&self.raw, &batch.event_ids(), answer.invalid_events, clock_offset))
    }

    /// Reports in one request that a user gave (`true`) or withdrew (`false`) consent. The answer is complete.
    ///
    /// # Errors
    ///
    /// When the request did not succeed. Sending the same change again is harmless.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, whether the change was recorded is not known.
    pub async fn attempt_consent(&self, user_id: &UserId, consent_value: bool) -> Result<Answer, Error> {
        let change = ConsentChange { user_id: user_id.clone(), consent_value };
        let (_, clock_offset) = self.once(operations::SET_CONSENT, self.raw.set_consent(&change)).await?;
        Ok(Answer::complete(clock_offset))
    }

    /// Makes the request, once.
    async fn once<T>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<ResponseValue<T>, RawError<ErrorResponse>>>,
    ) -> Result<(T, Option<ClockOffset>), Error> {
        let attempt = async {
            let sending = Sending::now();
            match request.await {
                Ok(response) => {
                    if let Some(error) = Error::foreign(&response, operation, 1) {
                        return Err(error);
                    }
                    let clock_offset = sending.received(response.headers());
                    tracing::debug!(status = response.status().as_u16(), "answered");
                    Ok((response.into_inner(), clock_offset))
                }
                Err(raw) => {
                    let error = Error::from_raw(&self.raw, operation, raw).after(1, None);
                    tracing::debug!(status = error.status().map(|status| status.as_u16()), "failed");
                    Err(error)
                }
            }
        };
        attempt.instrument(retry::span(operation)).await
    }
}

/// What a successful answer says of each event, and of the time.
pub struct Answer {
    /// The server's words about each event that was rejected.
    rejected: HashMap<usize, Vec<String>>,
    /// The set of each event that was accepted or rejected, by its number in `words`.
    uncertain: HashMap<usize, usize>,
    /// The words of the rejections that mean some of a set.
    words: Vec<Vec<String>>,
    clock_offset: Option<ClockOffset>,
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict<'a> {
    /// It was accepted.
    Accepted,
    /// It was rejected, in these words; none where the server gave no reason. They may repeat personal data.
    Rejected(&'a [String]),
    /// It was accepted or rejected: it is one of several that a rejection in these words may mean. Where several rejections
    /// may mean it, the words are those about the fewest events. They may repeat personal data.
    Unattributed(&'a [String]),
}

impl Answer {
    fn complete(clock_offset: Option<ClockOffset>) -> Self {
        Self { rejected: HashMap::new(), uncertain: HashMap::new(), words: Vec::new(), clock_offset }
    }

    fn new(
        raw: &RawClient,
        event_ids: &[&str],
        rejections: Vec<InvalidEvent>,
        clock_offset: Option<ClockOffset>,
    ) -> Self {
        let attribution = attribute(event_ids, rejections);
        let mut answer = Self::complete(clock_offset);
        let shown = |words: &String| shown(raw, words);
        let rejected = attribution.rejected.iter();
        answer.rejected =
            rejected.map(|(position, words)| (*position, words.iter().map(shown).collect())).collect();
        // The sets of an id come before the one of what names no event.
        for (number, set) in attribution.candidates.into_iter().enumerate() {
            answer.words.push(Vec::new());
            for position in set {
                answer.uncertain.entry(position).or_insert(number);
            }
        }
        for Unattributed { answer: rejection, candidates } in attribution.unattributed {
            if let Some(words) = candidates.and_then(|number| answer.words.get_mut(number)) {
                words.extend(rejection.error.as_ref().map(shown));
            }
        }
        answer
    }

    /// Whether every event was accepted.
    pub fn is_complete(&self) -> bool {
        self.rejected.is_empty() && self.uncertain.is_empty()
    }

    /// What became of the event at that position in the batch: from 0, and below its length.
    pub fn verdict(&self, position: usize) -> Verdict<'_> {
        if let Some(words) = self.rejected.get(&position) {
            return Verdict::Rejected(words);
        }
        match self.uncertain.get(&position) {
            Some(number) => {
                Verdict::Unattributed(self.words.get(*number).map(Vec::as_slice).unwrap_or_default())
            }
            None => Verdict::Accepted,
        }
    }

    /// How far the server's clock is from this machine's. `None` where the answer has no `Date` that can be read, or an
    /// `Age`: then an intermediary kept it for a while.
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.clock_offset
    }
}

/// Without the server's words: they may repeat personal data.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("rejected", &self.rejected.len())
            .field("unattributed", &self.uncertain.len())
            .field("clock_offset", &self.clock_offset)
            .finish_non_exhaustive()
    }
}

/// Without the server's words: they may repeat personal data.
impl fmt::Debug for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("Accepted"),
            Self::Rejected(words) => f.debug_struct("Rejected").field("server_words", &words.len()).finish(),
            Self::Unattributed(words) => {
                f.debug_struct("Unattributed").field("server_words", &words.len()).finish()
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use copilot_gen::types::InvalidEvent;

    use super::{Answer, Verdict};
    use crate::{Client, attempt::EventBatch};

    fn rejection(event_id: Option<&str>, index: Option<i64>, words: &str) -> InvalidEvent {
        InvalidEvent { event_id: event_id.map(str::to_owned), index, error: Some(words.to_owned()) }
    }

    #[test]
    fn each_event_has_the_words_about_the_fewest_events_that_it_is_among() {
        let client = Client::for_tests("http://127.0.0.1:1", "id", "the-secret").unwrap();
        let ids = ["a", "b", "b", "c", "d"];
        let rejections = vec![
            rejection(None, None, "somebody"),
            rejection(Some("b"), None, "one of two"),
            rejection(Some("a"), Some(0), "this, the-secret"),
            rejection(Some("a"), Some(0), "and this"),
            rejection(None, Some(99), "somebody else"),
        ];
        let answer = Answer::new(&client.raw, &ids, rejections, None);
        let words = |words: &[&str]| words.iter().map(|words| (*words).to_owned()).collect::<Vec<_>>();
        let (rejected, two, any) = (
            words(&["this, [redacted]", "and this"]),
            words(&["one of two"]),
            words(&["somebody", "somebody else"]),
        );
        let verdicts: Vec<Verdict<'_>> = (0..ids.len()).map(|position| answer.verdict(position)).collect();
        let expected = [
            Verdict::Rejected(&rejected),
            Verdict::Unattributed(&two),
            Verdict::Unattributed(&two),
            Verdict::Unattributed(&any),
            Verdict::Unattributed(&any),
        ];
        assert!(verdicts == expected && !answer.is_complete(), "{verdicts:?}");
        assert!(!format!("{answer:?} {verdicts:?}").contains("this"));
    }

    #[test]
    fn attempts_can_move_between_threads() {
        fn moves<T: Send>(_: T) {}
        let client = Client::for_tests("http://127.0.0.1:1", "id", "secret").unwrap();
        moves(client.attempt(&mut EventBatch::new()));
        moves(client.attempt_consent(&"user-7".parse().unwrap(), true));
    }
}
