//! Reporting any number of events: check, batch, send, and say what became of each.

mod attribution;
mod batch;
mod delivery;
mod intake;
mod report;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use copilot_gen::types::Event;
use futures_core::Stream;

pub use report::{CollectError, CollectReport, Refusal, Rejection, UnattributedRejection, Undelivered};

pub(crate) use batch::Limits;

use crate::{Client, Error};
use batch::Batch;
use delivery::Delivery;
use intake::Intake;

impl Client {
    /// Reports any number of events, and says what became of each one.
    ///
    /// Each event is first held against the contract; one that breaks a rule is refused here and not sent. The others
    /// go in batches, one after the other. The report carries every refusal, local or by Copilot.cx, with the event's
    /// index in what you passed.
    ///
    /// Delivery is at least once: a batch whose answer is lost is sent again.
    ///
    /// While a batch is on its way the next one is read and filled. To keep what was not read yet when a batch fails for
    /// good, pass `&mut iterator`.
    ///
    /// # Errors
    ///
    /// When a batch fails for good. The error brings the report so far, which also holds the events that were read
    /// and not delivered.
    ///
    /// ```no_run
    /// # async fn report() -> Result<(), Box<dyn std::error::Error>> {
    /// use copilot_api::{Client, NewEvent, types::ThingConnectedPayload};
    ///
    /// let client = Client::from_env()?;
    /// let event = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").build()?.event();
    /// let report = client.collect([event]).await?;
    /// assert_eq!(report.accepted(), 1);
    /// # Ok(()) }
    /// ```
    pub async fn collect(
        &self,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<CollectReport, CollectError> {
        self.collect_stream(Ready(events.into_iter())).await
    }

    /// As [`collect`](Self::collect), from a stream.
    ///
    /// A batch goes when it is full and when the stream ends; events wait while the stream does.
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect).
    pub async fn collect_stream(
        &self,
        events: impl Stream<Item = Event>,
    ) -> Result<CollectReport, CollectError> {
        let mut events = pin!(events);
        let mut run = Run::new(self);
        let mut next = poll_fn(|context| run.intake.poll_fill(events.as_mut(), context)).await;
        while let Some(batch) = next {
            let mut filled = None;
            let outcome = {
                let mut sending = pin!(run.delivery.deliver(batch));
                poll_fn(|context| {
                    let outcome = sending.as_mut().poll(context);
                    if outcome.is_pending()
                        && filled.is_none()
                        && let Poll::Ready(batch) = run.intake.poll_fill(events.as_mut(), context)
                    {
                        filled = Some(batch);
                    }
                    outcome
                })
                .await
            };
            if let Err((error, mut left)) = outcome {
                left.extend(filled.flatten());
                return Err(run.fail(error, left));
            }
            run.intake.limits = run.delivery.limits;
            next = match filled {
                Some(batch) => batch,
                None => poll_fn(|context| run.intake.poll_fill(events.as_mut(), context)).await,
            };
        }
        Ok(run.report())
    }
}

/// An iterator as a stream that is always ready.
struct Ready<I>(I);

/// The iterator is never pinned.
impl<I> Unpin for Ready<I> {}

impl<I: Iterator> Stream for Ready<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// One call of `collect`: what comes in, and what goes out.
pub(crate) struct Run<'a> {
    intake: Intake,
    delivery: Delivery<'a>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        let limits = client.settings.limits;
        Self { intake: Intake::new(limits), delivery: Delivery::new(client, limits) }
    }

    /// Ends the call: what became of every event.
    fn report(self) -> CollectReport {
        let (read, refused) = self.intake.into_parts();
        self.delivery.report.finish(read, refused)
    }

    /// Ends the call early: what was read and not delivered goes into the report.
    fn fail(mut self, error: Error, left: Vec<Batch>) -> CollectError {
        for batch in left.into_iter().chain(self.intake.take()) {
            self.delivery.report.not_delivered(batch.into_events());
        }
        CollectError::new(error, self.report())
    }
}

#[cfg(feature = "blocking")]
impl Run<'_> {
    /// An error that came before anything was read.
    pub(crate) fn fail_before_reading(error: Error) -> CollectError {
        CollectError::new(error, CollectReport::default())
    }

    /// Does the whole call, one batch after the other. `wait` blocks until a delivery is done.
    pub(crate) fn block(
        mut self,
        mut events: impl Iterator<Item = Event>,
        wait: impl Fn(&mut Delivery<'_>, Batch) -> delivery::Outcome,
    ) -> Result<CollectReport, CollectError> {
        loop {
            let event = events.next();
            let ended = event.is_none();
            let batch = match event {
                Some(event) => self.intake.push(event),
                None => self.intake.take(),
            };
            if let Some(batch) = batch {
                if let Err((error, left)) = wait(&mut self.delivery, batch) {
                    return Err(self.fail(error, left));
                }
                self.intake.limits = self.delivery.limits;
            }
            if ended {
                return Ok(self.report());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Client, CollectError, Error};
    use crate::{Credentials, Endpoints};

    #[test]
    fn calls_and_errors_can_move_between_threads() {
        fn moves<T: Send>(_: T) {}
        fn shared<T: Send + Sync + 'static>() {}
        let client =
            Client::new(Credentials::new("a", "b").unwrap(), Endpoints::environment("acme").unwrap())
                .unwrap();
        moves(client.collect(Vec::new()));
        moves(client.set_consent("user-7", true));
        shared::<Client>();
        shared::<Error>();
        shared::<CollectError>();
    }
}
