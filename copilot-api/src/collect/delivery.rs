//! Sends batches: whole, or in the parts that 413 and 400 make of them.

use copilot_gen::{
    operations,
    types::{CollectRequest, CollectResponse},
};

use super::{
    CollectError, CollectReport, RejectionCause,
    batch::{Batch, Limits},
    intake::Unit,
    search::Search,
};
use crate::{
    Client, Error,
    error::Ended,
    retry::{self, Deadline},
};

/// The sending side of one call.
pub(crate) struct Delivery {
    client: Client,
    /// With what a 413 taught about the size of requests.
    pub(super) limits: Limits,
    /// The end of the whole call.
    pub(super) call: Deadline,
    /// Whether a request of this call was answered with 200: the endpoint takes events.
    proved: bool,
}

impl Delivery {
    pub(super) fn new(client: &Client) -> Self {
        let settings = &client.settings;
        Self {
            client: client.clone(),
            limits: settings.limits,
            call: Deadline::after(settings.call_deadline),
            proved: false,
        }
    }

    /// Sends what was taken in, and says what became of each event of it.
    pub(crate) async fn deliver(&mut self, unit: Unit) -> Result<CollectReport, CollectError> {
        let mut report = CollectReport::default();
        report.reject_locally(unit.rejected);
        let outcome = match unit.batch {
            Some(batch) => self.send(batch, &mut report).await,
            None => Ok(()),
        };
        report.sort();
        match outcome {
            Ok(()) => Ok(report),
            Err(error) => Err(CollectError::new(error, report)),
        }
    }

    async fn send(&mut self, batch: Batch, report: &mut CollectReport) -> Result<(), Error> {
        report.count_read(batch.len());
        let deadline = Deadline::after(Some(self.client.settings.deadline)).or_earlier(self.call);
        let before = report.requests();
        let mut search = Search::new(batch, self.proved);
        // Why the batch was rejected whole.
        let mut cause: Option<Error> = None;
        let mut spent = 0;
        while let Some(mut part) = search.next() {
            if let Some(error) = cause.as_ref().filter(|_| !search.is_proved()) {
                match self.pause(error, deadline).await {
                    Ok(cost) => spent = cost,
                    Err(ended) => {
                        return Err(give_up(cause, ended, report, search.into_left().chain([part])));
                    }
                }
            }
            let error = match self.request(&part, deadline, report).await {
                Ok(response) => {
                    report.record(part.into_events(), response.invalid_events);
                    if spent > 0 {
                        self.client.budget.succeed(std::mem::take(&mut spent));
                    }
                    self.proved = true;
                    search.taken();
                    continue;
                }
                Err(error) => error,
            };
            part.may_have_been_taken |= error.may_have_been_taken();
            if !error.is_too_large() && !error.is_bad_request() {
                report.not_delivered(search.into_left().chain([part]));
                return Err(error);
            }
            if error.is_too_large() && part.len() > 1 {
                // By bytes, not by events: one huge event must not make all later batches small.
                self.limits.bytes = self.limits.bytes.min(part.body().len() / 2);
            }
            tracing::debug!(events = part.len(), status = ?error.status(), "rejected whole");
            if let Some(single) = search.rejected(part) {
                report.reject(single, RejectionCause::of_request(&error));
            } else {
                cause.get_or_insert(error);
            }
        }
        if search.is_proved() {
            return Ok(());
        }
        let ended = Ended::NothingTaken(report.requests() - before);
        Err(give_up(cause, ended, report, search.into_left()))
    }

    /// Before a further request to an endpoint that has taken nothing yet: takes its cost from the retry budget, and
    /// waits.
    async fn pause(&self, error: &Error, deadline: Deadline) -> Result<u64, Ended> {
        let delay = self.client.settings.retry.delay(1, None, fastrand::f64());
        if deadline.left(delay).is_none_or(|left| left < delay) {
            return Err(Ended::Deadline);
        }
        let cost = self.client.budget.spend(error).ok_or(Ended::Budget)?;
        tokio::time::sleep(delay).await;
        Ok(cost)
    }

    async fn request(
        &self,
        batch: &Batch,
        deadline: Deadline,
        report: &mut CollectReport,
    ) -> Result<CollectResponse, Error> {
        let body = batch.body();
        tracing::debug!(events = batch.len(), bytes = body.len(), "sending events");
        let client = self.client.raw.with_body(body);
        // The typed body is a stand-in: `with_body` puts the bytes in its place.
        let request = |time| {
            let call = client.with_timeout(time);
            async move { call.collect(&CollectRequest { events: Vec::new() }).await }
        };
        let sent = retry::send(&self.client, operations::COLLECT, deadline, request).await;
        let (attempts, answer) = match sent {
            Ok((response, attempts)) => (attempts, Ok(response)),
            Err(error) => (error.attempts(), Err(error)),
        };
        report.count_requests(attempts);
        answer
    }
}

/// The error of a search that ends with nothing taken: that of the whole batch.
fn give_up(
    cause: Option<Error>,
    ended: Ended,
    report: &mut CollectReport,
    left: impl Iterator<Item = Batch>,
) -> Error {
    report.not_delivered(left);
    let error = cause.unwrap_or_else(|| Error::new(crate::error::Cause::NoTime, operations::COLLECT));
    error.ended_by(ended)
}
