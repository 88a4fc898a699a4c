//! Reporting any number of events: check, batch, send, and say what became of each.

mod attribution;
mod batch;
mod report;

use std::pin::{Pin, pin};

use copilot_gen::{
    operations,
    types::{CollectRequest, CollectResponse, Event},
};
use futures_core::Stream;

pub use report::{CollectError, CollectReport, Refusal, Rejection, UnattributedRejection, Undelivered};

pub(crate) use batch::Limits;

use crate::{Client, Error, EventTimestamp, retry};
use batch::{Batch, Batcher};

/// How many times the batches made of one refused batch are cut in two in search of the events that cause a 400. Enough
/// to find seven of them in a hundred events.
const MAX_BISECTIONS: u32 = 64;

impl Client {
    /// Reports any number of events, and says what became of each one.
    ///
    /// Each event is first held against the contract; one that breaks a rule is refused here and not sent. The others
    /// go in batches, one after the other. The report carries every refusal, local or by Copilot.cx, with the event's
    /// index in what you passed.
    ///
    /// Delivery is at least once: a batch whose answer is lost is sent again.
    ///
    /// To keep what was not read yet when a batch fails for good, pass `&mut iterator`.
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
        let mut run = Run::new(self);
        for event in events {
            if let Some(batch) = run.push(event) {
                run.deliver(batch).await?;
            }
        }
        run.finish().await
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
        while let Some(event) = next(&mut events).await {
            if let Some(batch) = run.push(event) {
                run.deliver(batch).await?;
            }
        }
        run.finish().await
    }
}

async fn next<S: Stream>(stream: &mut Pin<&mut S>) -> Option<S::Item> {
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// An error that came before anything was read.
#[cfg(feature = "blocking")]
pub(crate) fn fail_before_reading(error: Error) -> CollectError {
    CollectError::new(error, CollectReport::default())
}

/// One call of `collect`.
pub(crate) struct Run<'a> {
    client: &'a Client,
    batcher: Batcher,
    report: CollectReport,
    /// What a 413 taught about the size of requests, for the rest of the call.
    limits: Limits,
}

impl<'a> Run<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self {
            client,
            batcher: Batcher::default(),
            report: CollectReport::default(),
            limits: client.settings.limits,
        }
    }

    /// Takes one event; gives back a batch that is to be delivered before the next one.
    pub(crate) fn push(&mut self, event: Event) -> Option<Batch> {
        let index = self.report.count_read();
        let violations = event.violations(EventTimestamp::now().as_millis());
        if !violations.is_empty() {
            self.report.reject(index, event, Refusal::Contract(violations));
            return None;
        }
        self.batcher.push(index, event, self.limits)
    }

    /// Sends what is left and ends the call.
    pub(crate) async fn finish(mut self) -> Result<CollectReport, CollectError> {
        if let Some(batch) = self.batcher.take() {
            self.deliver(batch).await?;
        }
        self.report.sort();
        Ok(self.report)
    }

    /// Delivers a batch: whole, or in the parts that 413 and 400 make of it.
    pub(crate) async fn deliver(&mut self, batch: Batch) -> Result<(), CollectError> {
        let mut waiting = vec![batch];
        let mut bisections = MAX_BISECTIONS;
        while let Some(batch) = waiting.pop() {
            let error = match self.request(&batch).await {
                Ok(response) => {
                    self.report.record(batch.into_events(), response.invalid_events);
                    continue;
                }
                Err(error) => error,
            };
            let refusal = error.is_too_large() || error.is_bad_request();
            if refusal && batch.len() == 1 {
                for (index, event) in batch.into_events() {
                    self.report.reject(index, event, Refusal::request(&error));
                }
            } else if error.is_too_large() {
                self.limits.events = batch.len().div_ceil(2);
                tracing::debug!(events = batch.len(), "the batch is too large: sending it in two");
                waiting.extend(batch.halves());
            } else if error.is_bad_request() && bisections > 0 {
                bisections -= 1;
                tracing::debug!(
                    events = batch.len(),
                    "the batch is refused whole: looking for the event that causes it"
                );
                waiting.extend(batch.halves());
            } else {
                waiting.push(batch);
                return Err(self.fail(error, waiting));
            }
        }
        Ok(())
    }

    async fn request(&mut self, batch: &Batch) -> Result<CollectResponse, Error> {
        let body = batch.body();
        tracing::debug!(events = batch.len(), bytes = body.len(), "sending events");
        let client = self.client.raw.with_body(body);
        // The typed body is a stand-in: `with_body` puts the bytes in its place.
        let request = || {
            let call = client.collect().body(CollectRequest { events: Vec::new() });
            async move { call.send().await }
        };
        let settings = &self.client.settings;
        let sent = retry::send(&settings.retry, &self.client.budget, operations::COLLECT, request).await;
        let (attempts, answer) = match sent {
            Ok((response, attempts)) => (attempts, Ok(response)),
            Err(error) => (error.attempts(), Err(error)),
        };
        self.report.count_requests(attempts);
        answer
    }

    /// Ends the call early: what was read and not delivered goes into the report.
    fn fail(&mut self, error: Error, waiting: Vec<Batch>) -> CollectError {
        let mut report = std::mem::take(&mut self.report);
        for batch in waiting.into_iter().chain(self.batcher.take()) {
            report.not_delivered(batch.into_events());
        }
        report.sort();
        CollectError::new(error, report)
    }
}
