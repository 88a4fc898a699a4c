//! Sends batches: whole, or in the parts that 413 and 400 make of them.

use std::time::Duration;

use copilot_gen::{
    operations,
    types::{CollectRequest, CollectResponse},
};

use super::{
    CollectError, CollectReport, RejectionCause,
    attribution::is_credible,
    batch::{Batch, Limits, Room},
    intake::Unit,
    search::Search,
};
use crate::{
    Client, Error,
    error::{Cause, Ended},
    retry::{self, Deadline, Sent},
};

/// How many batches in a row are rejected whole, with no part taken, before the endpoint is given up.
const MOST_ASIDE: u32 = 3;

/// How many batches go well before they may grow again after a 413.
const BATCHES_TO_GROW: u32 = 64;

/// The sending side of one call.
pub(crate) struct Delivery {
    client: Client,
    /// With what a 413 taught about the size of requests.
    pub(super) limits: Limits,
    /// How many batches in a row have met no 413.
    went_well: u32,
    /// The end of the whole call.
    pub(super) call: Deadline,
    /// What was rejected whole, and waits for proof that the endpoint takes anything.
    aside: Option<Aside>,
    /// The memory of the last batch.
    pub(super) room: Option<Room>,
}

/// Batches that were rejected whole, with no part taken.
struct Aside {
    parts: Vec<Batch>,
    batches: u32,
    requests: u64,
    /// Why the first of them was rejected.
    cause: Error,
    /// How long they may wait for others.
    until: Deadline,
}

/// How a search without proof came to its end.
struct Unproved {
    parts: Vec<Batch>,
    cause: Error,
    /// What keeps the call from going on.
    ended: Option<Ended>,
}

impl Delivery {
    pub(super) fn new(client: &Client) -> Self {
        let settings = &client.settings;
        Self {
            client: client.clone(),
            limits: settings.limits,
            went_well: 0,
            call: Deadline::after(settings.call_deadline),
            aside: None,
            room: None,
        }
    }

    /// Sends what was taken in, and says what became of each event of it; but for a batch that is set aside, of which the
    /// report on a later one says it, or [`finish`](Self::finish).
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

    /// Ends the call: what was set aside found no proof.
    pub(crate) fn finish(&mut self) -> Option<CollectError> {
        let aside = self.aside.take()?;
        let mut report = CollectReport::default();
        let error = aside.give_up(None, &mut report);
        report.sort();
        Some(CollectError::new(error, report))
    }

    /// How long what was set aside may wait for others.
    pub(super) fn aside_until(&self) -> Option<Deadline> {
        self.aside.as_ref().map(|aside| aside.until)
    }

    async fn send(&mut self, batch: Batch, report: &mut CollectReport) -> Result<(), Error> {
        let deadline = Deadline::after(Some(self.client.settings.deadline)).or_earlier(self.call);
        let search = if self.aside.is_none() { Search::new(batch) } else { Search::whole(batch) };
        let outcome = self.search(search, deadline, report).await;
        match (outcome, self.aside.take()) {
            (Ok(None), None) => Ok(()),
            // The endpoint takes events: what was set aside is worth a closer look.
            (Ok(None), Some(aside)) => {
                report.count_requests(aside.requests);
                self.search(Search::again(aside.parts), deadline, report).await.map(|_| ())
            }
            (Ok(Some(unproved)), aside) => {
                let until = Deadline::after(Some(self.client.settings.deadline));
                let aside = Aside::with(aside, unproved.parts, unproved.cause, report.take_requests(), until);
                if unproved.ended.is_none() && aside.batches < MOST_ASIDE {
                    self.aside = Some(aside);
                    return Ok(());
                }
                Err(aside.give_up(unproved.ended, report))
            }
            (Err(error), aside) => {
                if let Some(aside) = aside {
                    report.count_requests(aside.requests);
                    report.not_delivered(aside.parts.into_iter());
                }
                Err(error)
            }
        }
    }

    /// Searches to the end. Gives what was rejected whole where nothing was taken.
    async fn search(
        &mut self,
        mut search: Search,
        deadline: Deadline,
        report: &mut CollectReport,
    ) -> Result<Option<Unproved>, Error> {
        let mut cause: Option<Error> = None;
        let mut spent = 0;
        let mut sizes = Sizes::default();
        while let Some(mut part) = search.next() {
            let known = cause.as_ref().or(self.aside.as_ref().map(|aside| &aside.cause));
            let searching = known.filter(|_| !search.is_proved());
            if let Some(error) = searching {
                match self.pause(error, deadline).await {
                    Ok(cost) => spent += cost,
                    Err(ended) => {
                        let cause = cause.unwrap_or_else(|| Error::new(Cause::NoTime, operations::COLLECT));
                        let parts = search.into_left().chain([part]).collect();
                        return Ok(Some(Unproved { parts, cause, ended: Some(ended) }));
                    }
                }
            }
            let size = part.body().len();
            // A search without proof is no place for retries: it would send more than it says.
            let attempts = if searching.is_some() { 1 } else { u32::MAX };
            let error = match self.request(&mut part, deadline, attempts, report).await {
                Ok(response) => {
                    self.room = report.record(&self.client.raw, part, response.invalid_events);
                    if spent > 0 {
                        self.client.budget.succeed(std::mem::take(&mut spent));
                    }
                    sizes.taken = sizes.taken.max(size);
                    search.taken();
                    continue;
                }
                Err(error) => error,
            };
            if !error.is_too_large() && !error.is_bad_request() {
                report.not_delivered(search.into_left().chain([part]));
                return Err(error);
            }
            if error.is_too_large() && part.len() > 1 {
                sizes.too_large = Some(sizes.too_large.map_or(size, |least| least.min(size)));
            }
            tracing::debug!(events = part.len(), status = ?error.status(), "rejected whole");
            if let Some(single) = search.rejected(part) {
                report.reject(single, RejectionCause::of_request(&error));
            } else {
                cause.get_or_insert(error);
            }
        }
        match cause {
            Some(cause) if !search.is_proved() => {
                let parts = search.into_left().collect();
                Ok(Some(Unproved { parts, cause, ended: None }))
            }
            _ => {
                self.learn(&sizes);
                Ok(None)
            }
        }
    }

    /// Before a further request to an endpoint that has taken nothing since: takes its cost from the retry budget, and
    /// waits.
    async fn pause(&self, error: &Error, deadline: Deadline) -> Result<u64, Ended> {
        let delay = self.client.settings.retry.delay(1, error.retry_after(), fastrand::f64());
        if deadline.left(Duration::MAX).is_none_or(|left| left <= delay) {
            return Err(Ended::Deadline);
        }
        let cost = self.client.budget.spend(error).ok_or(Ended::Budget)?;
        tokio::time::sleep(delay).await;
        Ok(cost)
    }

    /// Learns from what was too large, by bytes, not by events: one huge event must not make all later batches small. A
    /// server that takes more again is found out in time.
    fn learn(&mut self, sizes: &Sizes) {
        match sizes.too_large {
            Some(too_large) => {
                self.limits.bytes = self.limits.bytes.min(sizes.taken.max(too_large / 2));
                self.went_well = 0;
            }
            None => {
                self.went_well += 1;
                let most = self.client.settings.limits.bytes;
                if self.went_well.is_multiple_of(BATCHES_TO_GROW) && self.limits.bytes < most {
                    self.limits.bytes = self.limits.bytes.saturating_mul(2).min(most);
                }
            }
        }
    }

    async fn request(
        &self,
        batch: &mut Batch,
        deadline: Deadline,
        attempts: u32,
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
        let sent = retry::send(&self.client, operations::COLLECT, deadline, attempts, request).await;
        let (attempts, may_have_been_taken) = match &sent {
            Ok(sent) => (sent.attempts, sent.may_have_been_taken),
            Err(error) => (error.attempts(), error.may_have_been_taken()),
        };
        report.count_requests(attempts.into());
        batch.may_have_been_taken |= may_have_been_taken;
        let Sent { answer, .. } = sent?;
        if !is_credible(&answer.invalid_events, batch.len()) {
            batch.may_have_been_taken = true;
            return Err(Error::unreadable(operations::COLLECT, attempts));
        }
        Ok(answer)
    }
}

/// The bodies of a search, by what became of them.
#[derive(Default)]
struct Sizes {
    /// The largest that was taken.
    taken: usize,
    /// The smallest that was too large, of several events.
    too_large: Option<usize>,
}

impl Aside {
    /// Adds a batch.
    fn with(aside: Option<Self>, parts: Vec<Batch>, cause: Error, requests: u64, until: Deadline) -> Self {
        let Some(mut aside) = aside else {
            return Self { parts, batches: 1, requests, cause, until };
        };
        aside.parts.extend(parts);
        aside.batches += 1;
        aside.requests += requests;
        aside
    }

    /// The error of a call that found nothing that the endpoint takes.
    fn give_up(self, ended: Option<Ended>, report: &mut CollectReport) -> Error {
        report.count_requests(self.requests);
        report.not_delivered(self.parts.into_iter());
        self.cause.ended_by(ended.unwrap_or(Ended::NothingTaken(self.requests)))
    }
}
