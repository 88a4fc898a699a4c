//! Sends batches: whole, or in the parts that 413 and 400 make of them.

use copilot_gen::{
    operations,
    types::{CollectRequest, CollectResponse},
};

use super::{
    CollectReport, Refusal,
    batch::{Batch, Limits},
};
use crate::{Client, Error, retry};

/// How many times the batches made of one refused batch are cut in two in search of the events that cause a 400. Enough
/// to find seven of them in a hundred events.
const MAX_BISECTIONS: u32 = 64;

/// Nothing, or what went wrong and the batches that were not delivered.
pub(crate) type Outcome = Result<(), (Error, Vec<Batch>)>;

pub(crate) struct Delivery<'a> {
    client: &'a Client,
    pub(super) report: CollectReport,
    /// With what a 413 taught about the size of requests.
    pub(super) limits: Limits,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(client: &'a Client, limits: Limits) -> Self {
        Self { client, report: CollectReport::default(), limits }
    }

    pub(crate) async fn deliver(&mut self, batch: Batch) -> Outcome {
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
            let refused_whole = error.is_too_large() || error.is_bad_request();
            if refused_whole && batch.len() == 1 {
                for (index, event) in batch.into_events() {
                    self.report.reject(index, event, Refusal::request(&error));
                }
            } else if error.is_too_large() {
                // By bytes, not by events: one huge event must not make all later batches small.
                self.limits.bytes = self.limits.bytes.min(batch.body().len() / 2);
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
                return Err((error, waiting));
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
}
