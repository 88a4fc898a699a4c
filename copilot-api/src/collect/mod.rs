//! Reporting any number of events: check, batch, send, and say what became of each.

mod attribution;
mod batch;
mod batches;
mod delivery;
mod failed;
mod intake;
mod parts;
mod report;
mod search;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use copilot_gen::types::Event;
use futures_core::Stream;

pub use batches::Batches;
pub use failed::{CollectError, CollectOneError};
pub use parts::{Rejection, RejectionCause, UnattributedRejection, Uncertain, Undelivered};
pub use report::{CollectReport, ReportParts};

pub(crate) use attribution::{Unattributed, attribute, is_credible};
pub(crate) use batch::{Envelope, Limits, SEPARATOR};

use crate::Client;
use delivery::Delivery;
use intake::Intake;

impl Client {
    /// Reports one event. `Ok` says that Copilot.cx accepted it.
    ///
    /// The event is first held against the contract; one that breaks a rule is not sent. A request that fails is repeated
    /// as the [`RetryPolicy`](crate::RetryPolicy) says, within the [`deadline`](crate::ClientBuilder::deadline). Delivery
    /// is at least once: a request whose answer is lost is sent again.
    ///
    /// # Errors
    ///
    /// When the event was not accepted, for sure or as far as is known. The error gives it back.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped the event is lost, and whether it was sent is not known. Keep a clone
    /// of the event, or let the deadline end the call instead of a timeout around it.
    ///
    /// ```no_run
    /// # async fn report() -> Result<(), Box<dyn std::error::Error>> {
    /// use copilot_api::{Client, NewEvent, types::ThingConnectedPayload};
    ///
    /// let client = Client::from_env()?;
    /// let event = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").build()?.event();
    /// if let Err(failed) = client.collect_one(event).await {
    ///     let (error, event) = failed.into_parts();
    ///     println!("{}: {error}", event.event_id().as_str());
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn collect_one(&self, event: Event) -> Result<(), CollectOneError> {
        let mut delivery = Delivery::new(self);
        let mut intake = Intake::new(delivery.limits, self.settings.linger);
        let unit = intake.push(event).or_else(|| intake.take()).unwrap_or_default();
        let outcome = match (delivery.deliver(unit).await, delivery.finish()) {
            (Ok(_), Some(failed)) => Err(failed),
            (outcome, _) => outcome.and_then(CollectReport::into_result),
        };
        match outcome.err().and_then(CollectError::of_one) {
            Some(failed) => Err(failed),
            None => Ok(()),
        }
    }

    /// Reports any number of events, and says what became of each one.
    ///
    /// Each event is first held against the contract; one that breaks a rule is rejected here and not sent. The others go
    /// in batches, one after the other. The report carries every rejection, local or by Copilot.cx, with the event's index
    /// in what you passed. `Ok` says that every event got an answer, not that it was accepted:
    /// [`into_result`](CollectReport::into_result) makes an error of a report that has rejections.
    ///
    /// An answer of 200 counts only if its body is an object of the contract's form, or empty: an answer that is anything
    /// else comes from something that is not Copilot.cx, and is [`unreadable`](crate::Error::is_unreadable). What a
    /// rejection says by more than its index or event id is read leniently.
    ///
    /// A batch that is rejected whole (400, or 413) is sent in parts, until the events that cause it are found; these are
    /// rejections. That takes an answer of 200 to a later request, as proof that the endpoint takes events: for another
    /// part of the batch, or else for one of the two batches after it. Without proof the call fails, after at most
    /// 2·log2(n) + 10 requests for n events (beside the retries of the first of them), with all of them undelivered. The
    /// requests of a search without proof come from the retry budget, with pauses.
    ///
    /// Delivery is at least once: a batch whose answer is lost is sent again. Each batch, with its attempts, waits and
    /// search, is bounded by the [`deadline`](crate::ClientBuilder::deadline).
    ///
    /// A call that fails stops reading: a `Vec` that is passed by value loses what was not read yet. Pass
    /// `&mut events.into_iter()` to keep it. While a batch is on its way the next one is read and filled.
    ///
    /// # Errors
    ///
    /// When a batch fails for good. The error brings the report so far, which also holds the events that were read
    /// and not delivered.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: when the future is dropped, the report and the events that were read are lost, and whether the
    /// batch on its way was taken is not known. Let [`call_deadline`](crate::ClientBuilder::call_deadline) end the call
    /// instead of a timeout around it: the report then says what was left.
    ///
    /// ```no_run
    /// # async fn report() -> Result<(), Box<dyn std::error::Error>> {
    /// use copilot_api::{Client, NewEvent, types::ThingConnectedPayload};
    ///
    /// let client = Client::from_env()?;
    /// let kettle = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").build()?.event();
    /// let toaster = ThingConnectedPayload::builder().thing_id("SN-2207").build()?.event();
    /// let report = client.collect([kettle, toaster]).await?;
    /// for rejection in report.rejections() {
    ///     println!("event {}: {}", rejection.index(), rejection.cause());
    /// }
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
    /// A batch goes when it is full, when the stream ends, and when the stream rests: an event then waits at most a second
    /// for others ([`linger`](crate::ClientBuilder::linger)). What is rejected stays in memory until the stream ends;
    /// [`collect_batches`](Self::collect_batches) reports batch by batch.
    ///
    /// ```no_run
    /// # async fn report(client: copilot_api::Client, events: impl futures_core::Stream<Item = copilot_api::types::Event>)
    /// # -> Result<(), copilot_api::Error> {
    /// let report = client.collect_stream(events).await?;
    /// println!("{} of {} accepted", report.accepted(), report.read());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect).
    ///
    /// # Cancel safety
    ///
    /// As [`collect`](Self::collect).
    pub async fn collect_stream(
        &self,
        events: impl Stream<Item = Event>,
    ) -> Result<CollectReport, CollectError> {
        let mut batches = self.collect_batches(events);
        let mut report = CollectReport::default();
        while let Some(outcome) = batches.next().await {
            match outcome {
                Ok(batch) => report.add(batch),
                Err(failed) => {
                    let (error, batch) = failed.into_parts();
                    report.add(batch);
                    report.add(batches.give_up());
                    report.sort();
                    return Err(CollectError::new(error, report));
                }
            }
        }
        report.sort();
        Ok(report)
    }

    /// As [`collect_stream`](Self::collect_stream), with a report for each batch while the stream lasts, so that memory
    /// does not grow with it. Nothing is read or sent before the first [`next`](Batches::next).
    ///
    /// ```no_run
    /// # async fn report(events: impl futures_core::Stream<Item = copilot_api::types::Event>) -> Result<(), copilot_api::Error> {
    /// let client = copilot_api::Client::from_env()?;
    /// let mut batches = client.collect_batches(events);
    /// while let Some(outcome) = batches.next().await {
    ///     match outcome {
    ///         Ok(report) => println!("{} of {} accepted", report.accepted(), report.read()),
    ///         // The stream goes on: what this batch held is in the error's report.
    ///         Err(failed) => println!("{failed}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn collect_batches<S: Stream<Item = Event>>(&self, events: S) -> Batches<S> {
        Batches::new(self, events)
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

/// `collect` for callers that block between the batches.
#[cfg(feature = "blocking")]
pub(crate) mod blocking {
    use std::time::Duration;

    use copilot_gen::{operations, types::Event};

    use super::{
        CollectError, CollectReport,
        delivery::Delivery,
        intake::{Intake, Unit},
    };
    use crate::{
        Client, Error,
        error::{Cause, Ended},
    };

    /// An error that came before anything was read.
    pub(crate) fn fail_before_reading(error: Error) -> CollectError {
        CollectError::new(error, CollectReport::default())
    }

    /// Does the whole call, one batch after the other. `wait` blocks until a delivery is done.
    pub(crate) fn collect(
        client: &Client,
        mut events: impl Iterator<Item = Event>,
        wait: impl Fn(&mut Delivery, Unit) -> Result<CollectReport, CollectError>,
    ) -> Result<CollectReport, CollectError> {
        let mut delivery = Delivery::new(client);
        let mut intake = Intake::new(delivery.limits, client.settings.linger);
        let mut report = CollectReport::default();
        let mut ended = false;
        let failed = loop {
            if delivery.call.left(Duration::MAX).is_none() && !ended {
                let error = Error::new(Cause::NoTime, operations::COLLECT).ended_by(Ended::Deadline);
                break Some(CollectError::new(error, CollectReport::default()));
            }
            let unit = match events.next() {
                Some(event) => intake.push(event),
                None => {
                    ended = true;
                    intake.take()
                }
            };
            match unit.map(|unit| wait(&mut delivery, unit)) {
                Some(Ok(batch)) => report.add(batch),
                Some(Err(failed)) => break Some(failed),
                None => {}
            }
            intake.learn(delivery.limits, delivery.room.take());
            if ended {
                break delivery.finish();
            }
        };
        let Some(failed) = failed else {
            report.sort();
            return Ok(report);
        };
        let (error, batch) = failed.into_parts();
        report.add(batch);
        if let Some(aside) = delivery.finish() {
            report.add(aside.into_parts().1);
        }
        report.add(CollectReport::of_unsent(intake.take()));
        report.sort();
        Err(CollectError::new(error, report))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Client, CollectError, CollectOneError};
    use crate::{Credentials, Endpoints, Error, NewEvent, types::ThingConnectedPayload};

    #[test]
    fn calls_and_errors_can_move_between_threads() {
        fn moves<T: Send>(_: T) {}
        fn shared<T: Send + Sync + 'static>() {}
        let client =
            Client::new(Credentials::new("a", "b").unwrap(), Endpoints::environment("acme").unwrap())
                .unwrap();
        moves(client.collect(Vec::new()));
        let event = ThingConnectedPayload::builder().thing_id("SN-1").build().unwrap().event();
        moves(client.collect_one(event));
        moves(client.set_consent("user-7", true));
        shared::<Client>();
        shared::<Error>();
        shared::<CollectError>();
        shared::<CollectOneError>();
    }
}
