//! What became of the events of one call.

use std::{collections::HashSet, sync::Arc};

use copilot_gen::{Client as RawClient, operations, types::InvalidEvent};

use super::{
    CollectError, Rejection, RejectionCause, UnattributedRejection, Uncertain, Undelivered,
    attribution::{Unattributed, attribute},
    batch::{Batch, Room},
    intake::{Rejected, Unit},
};
use crate::{
    Error,
    error::{Cause, shown},
};

/// What became of the events of one call of `collect`.
///
/// Every event that was read is in exactly one of four places: accepted, among the [`rejections`](Self::rejections), among
/// the [`undelivered`](Self::undelivered), or among the [`uncertain`](Self::uncertain), of which a rejection means some
/// without saying which. All but the accepted ones are given back. A call that fails stops reading: what was not read is
/// in no report.
///
/// A report is no verdict: an `Ok` of `collect` says that every event got an answer. [`into_result`](Self::into_result)
/// makes an error of one that did not accept them all.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: Vec<copilot_api::types::Event>) -> Result<(), copilot_api::Error> {
/// let report = client.collect(events).await?;
/// println!("{} of {} accepted, in {} requests", report.accepted(), report.read(), report.requests());
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
#[must_use = "events may have been rejected: read the report, or make an error of it with `into_result`"]
pub struct CollectReport {
    accepted: usize,
    requests: u64,
    parts: ReportParts,
}

/// What a report gives back, by what became of it.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: Vec<copilot_api::types::Event>) -> Result<(), copilot_api::Error> {
/// let report = client.collect(events).await?;
/// let copilot_api::ReportParts { rejections, uncertain, undelivered, .. } = report.into_parts();
/// # Ok(()) }
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ReportParts {
    /// The events that were rejected, by index.
    pub rejections: Vec<Rejection>,
    /// The events that may have been rejected or accepted, by index.
    pub uncertain: Vec<Uncertain>,
    /// The rejections that mean some of the uncertain events.
    pub unattributed: Vec<UnattributedRejection>,
    /// The events that were not delivered, by index.
    pub undelivered: Vec<Undelivered>,
}

impl CollectReport {
    /// How many events were read from what was passed.
    pub fn read(&self) -> usize {
        let ReportParts { rejections, uncertain, undelivered, .. } = &self.parts;
        self.accepted + rejections.len() + uncertain.len() + undelivered.len()
    }

    /// How many events Copilot.cx took, for sure.
    pub fn accepted(&self) -> usize {
        self.accepted
    }

    /// How many requests were sent, repeated ones included.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// The events that were rejected, by index.
    pub fn rejections(&self) -> &[Rejection] {
        &self.parts.rejections
    }

    /// Rejections that may mean any of several events, because the server's answer names none of them for sure.
    pub fn unattributed(&self) -> &[UnattributedRejection] {
        &self.parts.unattributed
    }

    /// The events that an [`unattributed`](Self::unattributed) rejection may mean, by index: each was rejected or accepted.
    pub fn uncertain(&self) -> &[Uncertain] {
        &self.parts.uncertain
    }

    /// The events that were read and not delivered, by index. Empty unless `collect` failed.
    pub fn undelivered(&self) -> &[Undelivered] {
        &self.parts.undelivered
    }

    /// Whether every event was accepted.
    pub fn is_complete(&self) -> bool {
        self.accepted == self.read()
    }

    /// `Ok` if every event was accepted.
    ///
    /// # Errors
    ///
    /// When some were not. The error [`is_rejected`](Error::is_rejected), and brings the report with the events that were
    /// not accepted.
    ///
    /// ```no_run
    /// # use copilot_api::{Client, CollectReport, types::Event};
    /// # async fn report(client: Client, events: Vec<Event>) -> Result<(), Box<dyn std::error::Error>> {
    /// client.collect(events).await.and_then(CollectReport::into_result)?;
    /// # Ok(()) }
    /// ```
    pub fn into_result(self) -> Result<(), CollectError> {
        if self.is_complete() {
            return Ok(());
        }
        let known = self.parts.rejections.iter().flat_map(Rejection::server_words);
        let unattributed = self.parts.unattributed.iter().flat_map(UnattributedRejection::server_words);
        let words = known.chain(unattributed).cloned().collect();
        Err(CollectError::new(Error::new(Cause::Rejected(words), operations::COLLECT), self))
    }

    /// What was not accepted, to keep.
    pub fn into_parts(self) -> ReportParts {
        self.parts
    }

    /// The report on what was taken in and never sent.
    pub(super) fn of_unsent(unit: Option<Unit>) -> Self {
        let mut report = Self::default();
        let Unit { batch, rejected } = unit.unwrap_or_default();
        report.reject_locally(rejected);
        report.not_delivered(batch.into_iter());
        report
    }

    /// Whether it says nothing of any event.
    pub(super) fn is_nothing(&self) -> bool {
        self.read() == 0 && self.parts.unattributed.is_empty()
    }

    pub(super) fn count_requests(&mut self, requests: u64) {
        self.requests += requests;
    }

    /// The requests so far, which another report will count.
    pub(super) fn take_requests(&mut self) -> u64 {
        std::mem::take(&mut self.requests)
    }

    /// Records what was rejected before it was sent.
    pub(super) fn reject_locally(&mut self, rejected: Vec<Rejected>) {
        self.parts.rejections.extend(rejected.into_iter().map(|(index, event, violations)| Rejection {
            index,
            event,
            cause: RejectionCause::Contract(violations),
            may_have_been_taken: false,
        }));
    }

    pub(super) fn reject(&mut self, part: Batch, cause: RejectionCause) {
        let may_have_been_taken = part.may_have_been_taken;
        let events = part.into_events().into_iter();
        self.parts.rejections.extend(events.map(|(index, event)| Rejection {
            index,
            event,
            cause: cause.clone(),
            may_have_been_taken,
        }));
    }

    pub(super) fn not_delivered(&mut self, parts: impl Iterator<Item = Batch>) {
        for part in parts {
            let may_have_been_taken = part.may_have_been_taken;
            let events = part.into_events().into_iter();
            self.parts.undelivered.extend(events.map(|(index, event)| Undelivered {
                index,
                event,
                may_have_been_taken,
            }));
        }
    }

    /// Records the answer to a batch. Gives back its memory, where no event has to be given back.
    pub(super) fn record(
        &mut self,
        raw: &RawClient,
        part: Batch,
        answers: Vec<InvalidEvent>,
    ) -> Option<Room> {
        if answers.is_empty() {
            self.accepted += part.len();
            return Some(part.into_room());
        }
        let may_have_been_taken = part.may_have_been_taken;
        let events = part.into_events();
        let event_ids: Vec<&str> = events.iter().map(|(_, event)| event.event_id().as_str()).collect();
        let mut attribution = attribute(&event_ids, answers);
        let uncertain: HashSet<usize> = attribution.candidates.iter().flatten().copied().collect();
        let index = |position: &usize| events.get(*position).map(|(index, _)| *index);
        let sets: Vec<Arc<[usize]>> =
            attribution.candidates.iter().map(|set| set.iter().filter_map(index).collect()).collect();
        for Unattributed { answer, candidates } in attribution.unattributed {
            let candidates = candidates.and_then(|number| sets.get(number)).cloned().unwrap_or_default();
            self.parts.unattributed.push(UnattributedRejection::new(raw, answer, candidates));
        }
        for (position, (index, event)) in events.into_iter().enumerate() {
            if let Some(words) = attribution.rejected.remove(&position) {
                let words = words.iter().map(|words| shown(raw, words)).collect();
                let cause = RejectionCause::Server(words);
                self.parts.rejections.push(Rejection { index, event, cause, may_have_been_taken });
            } else if uncertain.contains(&position) {
                self.parts.uncertain.push(Uncertain { index, event });
            } else {
                self.accepted += 1;
            }
        }
        None
    }

    /// Adds what became of further events of the same call.
    pub(super) fn add(&mut self, other: Self) {
        let ReportParts { rejections, uncertain, unattributed, undelivered } = other.parts;
        self.accepted += other.accepted;
        self.requests += other.requests;
        self.parts.rejections.extend(rejections);
        self.parts.uncertain.extend(uncertain);
        self.parts.unattributed.extend(unattributed);
        self.parts.undelivered.extend(undelivered);
    }

    /// Brings what is given back into the order of what was passed.
    pub(super) fn sort(&mut self) {
        self.parts.rejections.sort_by_key(|event| event.index);
        self.parts.uncertain.sort_by_key(|event| event.index);
        self.parts.undelivered.sort_by_key(|event| event.index);
    }
}
