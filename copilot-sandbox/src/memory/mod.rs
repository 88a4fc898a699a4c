//! What the sandbox remembers: the newest events, and what they tell of users and things. Its size is bounded.

mod events;
mod projection;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::Value;

use crate::model::{
    Consent, EventCounts, Moment, ReceivedEvent, Second, Statistics, Thing, Unsubscribe, User, Verdict,
    VerdictCounts,
};
use events::EventLog;
pub(crate) use events::{EventFilter, Limit, UNKNOWN_TYPE};
use projection::Projection;
pub(crate) use projection::reads_payload;

/// The text of the kept events, in bytes, about.
const EVENTS_WEIGHT: usize = 512 << 20;
/// How many seconds the rate covers.
const RATE_SECONDS: i64 = 60;

/// An event that was judged, on its way into the memory.
pub(crate) struct Arrived {
    /// Its `sequence` and `repeated` are not known yet.
    pub(crate) event: ReceivedEvent,
    /// Its payload without the ids, or null where [`reads_payload`] says that nobody reads it.
    pub(crate) payload: Value,
    /// Whether its type is in the contract.
    pub(crate) known_type: bool,
}

/// What the sandbox remembers.
pub(crate) struct Memory {
    events: EventLog,
    projection: Projection,
    resets: u64,
    requests: BTreeMap<String, BTreeMap<String, u64>>,
    counts: EventCounts,
    by_type: BTreeMap<String, VerdictCounts>,
    rate: VecDeque<Second>,
    revision: u64,
    keep: usize,
}

impl Memory {
    /// An empty memory of so many events, users and things.
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            events: EventLog::new(keep, EVENTS_WEIGHT),
            projection: Projection::new(keep),
            resets: 0,
            requests: BTreeMap::new(),
            counts: EventCounts::default(),
            by_type: BTreeMap::new(),
            rate: VecDeque::new(),
            revision: 0,
            keep,
        }
    }

    /// Takes the events of one request in. They are numbered in their order.
    pub(crate) fn take(&mut self, at: Moment, arrived: Vec<Arrived>) {
        self.revision += 1;
        for Arrived { event, payload, known_type } in arrived {
            let event = self.events.push(event, known_type);
            self.count(&event, known_type, at);
            if let (Verdict::Accepted, Some(event_type)) = (event.verdict, &event.r#type) {
                let ids = (event.user_id.as_deref(), event.thing_id.as_deref());
                self.projection.take(event_type, ids, &payload, at);
            }
        }
    }

    /// Takes a change of consent in.
    pub(crate) fn set_consent(&mut self, user_id: &str, value: bool, at: Moment) {
        self.revision += 1;
        self.projection.set_consent(user_id, value, at);
    }

    /// Counts a request that was answered with this status, or whose connection was closed.
    pub(crate) fn count_request(&mut self, operation: &str, outcome: &str) {
        self.revision += 1;
        let by_outcome = self.requests.entry(operation.to_owned()).or_default();
        *by_outcome.entry(outcome.to_owned()).or_default() += 1;
    }

    /// Forgets everything but how often that was done.
    pub(crate) fn reset(&mut self) {
        let (resets, revision) = (self.resets + 1, self.revision + 1);
        *self = Self { resets, revision, ..Self::new(self.keep) };
    }

    fn count(&mut self, event: &ReceivedEvent, known_type: bool, at: Moment) {
        let name = event.r#type.as_deref().filter(|_| known_type).unwrap_or(UNKNOWN_TYPE);
        let by_type = match self.by_type.get_mut(name) {
            Some(known) => known,
            None => self.by_type.entry(name.to_owned()).or_default(),
        };
        let second = at.as_millis().div_euclid(1000);
        if self.rate.back().is_none_or(|newest| newest.second < second) {
            self.rate.push_back(Second { second, ..Second::default() });
        }
        while self.rate.len() > RATE_SECONDS as usize {
            self.rate.pop_front();
        }
        let mut rate = self.rate.back_mut();
        match event.verdict {
            Verdict::Accepted => {
                self.counts.accepted += 1;
                self.counts.repeated += u64::from(event.repeated);
                by_type.accepted += 1;
                rate.iter_mut().for_each(|second| second.accepted += 1);
            }
            Verdict::Rejected => {
                self.counts.rejected += 1;
                by_type.rejected += 1;
                rate.iter_mut().for_each(|second| second.rejected += 1);
            }
        }
    }

    /// Counters, with the rate of the 60 seconds up to `now`.
    pub(crate) fn statistics(&self, now: Moment, faults: u64) -> Statistics {
        let newest = now.as_millis().div_euclid(1000);
        let counted = |second| self.rate.iter().find(|counted| counted.second == second).copied();
        let seconds = newest - RATE_SECONDS + 1..=newest;
        let rate = seconds.map(|second| counted(second).unwrap_or(Second { second, ..Second::default() }));
        Statistics {
            resets: self.resets,
            newest: self.events.newest(),
            revision: self.revision,
            requests: self.requests.clone(),
            events: EventCounts { kept: self.events.len() as u64, ..self.counts.clone() },
            by_type: self.by_type.clone(),
            users: self.projection.users.len() as u64,
            things: self.projection.things.len() as u64,
            unsubscribes: self.projection.unsubscribes.len() as u64,
            sync: self.projection.sync.clone(),
            faults,
            rate: rate.collect(),
        }
    }

    pub(crate) fn find(&self, filter: &EventFilter) -> (Vec<Arc<ReceivedEvent>>, Option<u64>) {
        self.events.find(filter)
    }

    pub(crate) fn event(&self, sequence: u64) -> Option<Arc<ReceivedEvent>> {
        self.events.get(sequence)
    }

    /// All events that are kept, in the order of arrival.
    pub(crate) fn events(&self) -> Vec<Arc<ReceivedEvent>> {
        self.events.all().cloned().collect()
    }

    pub(crate) fn user(&self, user_id: &str) -> Option<User> {
        self.projection.users.peek(user_id).map(|user| self.projection.tell(user))
    }

    pub(crate) fn thing(&self, thing_id: &str) -> Option<Thing> {
        self.projection.things.peek(thing_id).cloned()
    }

    /// The users whose id contains the text, last seen first.
    pub(crate) fn users(&self, search: &str, limit: usize) -> Vec<User> {
        let found = self.projection.users.iter().rev().filter(|(id, _)| id.contains(search));
        found.take(limit).map(|(_, user)| self.projection.tell(user)).collect()
    }

    /// The things whose id contains the text, last seen first.
    pub(crate) fn things(&self, search: &str, limit: usize) -> Vec<Thing> {
        let found = self.projection.things.iter().rev().filter(|(id, _)| id.contains(search));
        found.take(limit).map(|(_, thing)| thing.clone()).collect()
    }

    /// What the users decided, the newest change first.
    pub(crate) fn consents(&self, limit: usize) -> Vec<Consent> {
        let users = self.projection.users.iter().rev();
        let mut consents: Vec<Consent> = users.filter_map(|(_, user)| user.consent.clone()).collect();
        consents.sort_by_key(|consent| std::cmp::Reverse(consent.changed_at));
        consents.truncate(limit);
        consents
    }

    /// The newest first.
    pub(crate) fn unsubscribes(&self, limit: usize) -> Vec<Unsubscribe> {
        self.projection.unsubscribes.iter().rev().take(limit).map(|(_, one)| one.clone()).collect()
    }
}
