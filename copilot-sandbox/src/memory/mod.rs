//! What the sandbox remembers: the newest events, and what they tell of users and things. Its size is bounded.

mod log;
mod people;
mod remembered;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{
    Consent, EventCounts, Moment, PreexistingSync, ReceivedEvent, Second, Statistics, Thing, Unsubscribe,
    User, Verdict, VerdictCounts,
};
pub(crate) use log::{EventFilter, GREATEST_LIMIT, UNKNOWN_TYPE};
use people::People;
pub(crate) use people::{Person, reads_payload};
use remembered::Bounds;

/// The text of the kept events, in bytes, about.
const EVENTS_WEIGHT: usize = 512 << 20;
/// What is remembered of users, of things, and of unsubscribes, each, in bytes, about.
const PEOPLE_WEIGHT: usize = 128 << 20;
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

/// The counters that are not told by what is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) resets: u64,
    pub(crate) requests: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) repeated: u64,
    pub(crate) by_type: BTreeMap<String, VerdictCounts>,
    pub(crate) sync: PreexistingSync,
    pub(crate) newest: u64,
}

/// What changed, for what keeps it in a file.
#[derive(Default)]
pub(crate) struct Changes {
    /// By number.
    pub(crate) events: BTreeMap<u64, Arc<ReceivedEvent>>,
    /// Events with a lower number were forgotten.
    pub(crate) oldest: u64,
    /// What is no longer there has no value.
    pub(crate) users: BTreeMap<Arc<str>, Option<Person>>,
    pub(crate) things: BTreeMap<Arc<str>, Option<Thing>>,
    pub(crate) unsubscribes: BTreeMap<Arc<str>, Option<Unsubscribe>>,
    pub(crate) counters: Counters,
    /// Personal data was removed, so no copy of it may stay.
    pub(crate) erased: bool,
    /// Everything before is gone.
    pub(crate) reset: bool,
}

impl Changes {
    /// Adds what changed after it. It never holds more than the memory, however much is added.
    pub(crate) fn add(&mut self, later: Self) {
        if later.reset {
            *self = later;
            return;
        }
        self.events.extend(later.events);
        self.events = self.events.split_off(&later.oldest);
        self.oldest = later.oldest;
        self.users.extend(later.users);
        self.things.extend(later.things);
        self.unsubscribes.extend(later.unsubscribes);
        self.counters = later.counters;
        self.erased |= later.erased;
    }
}

/// What a file gave back.
#[derive(Default)]
pub(crate) struct Restored {
    pub(crate) events: Vec<ReceivedEvent>,
    pub(crate) users: Vec<Person>,
    pub(crate) things: Vec<Thing>,
    pub(crate) unsubscribes: Vec<Unsubscribe>,
    pub(crate) counters: Counters,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeps {
    pub(crate) events: usize,
    pub(crate) users: usize,
    pub(crate) things: usize,
}

impl Keeps {
    /// The newest events, and as many users and as many things.
    pub(crate) fn newest(events: usize) -> Self {
        Self { events, users: events, things: events }
    }
}

/// What the sandbox remembers.
pub(crate) struct Memory {
    events: log::EventLog,
    people: People,
    counters: Counters,
    rate: VecDeque<Second>,
    revision: u64,
    keeps: Keeps,
    tells_changes: bool,
}

impl Memory {
    /// An empty memory. `tells_changes`: whether its changes are asked for.
    pub(crate) fn new(keeps: Keeps, tells_changes: bool) -> Self {
        let bounds = Bounds { count: keeps.users, weight: PEOPLE_WEIGHT };
        Self {
            events: log::EventLog::new(keeps.events, EVENTS_WEIGHT),
            people: People::new(bounds, tells_changes),
            counters: Counters::default(),
            rate: VecDeque::new(),
            revision: 0,
            keeps,
            tells_changes,
        }
    }

    /// Remembers what a file gave back. `is_known`: whether a type is in the contract.
    pub(crate) fn restore(&mut self, restored: Restored, is_known: impl Fn(&str) -> bool) {
        for event in restored.events {
            let known = event.r#type.as_deref().is_some_and(&is_known);
            self.events.restore(Arc::new(event), known);
        }
        // What there is no room for any more must leave the file as well.
        let mut changed = people::Changed::default();
        let mut forgotten = Vec::new();
        let mut users = restored.users;
        users.sort_by_key(|person| person.user.last_seen_at);
        for person in users {
            let id = person.user.user_id.clone();
            self.people.users.update(&id, || person, |_| {}, &mut forgotten);
        }
        changed.users.extend(forgotten.drain(..));
        let mut things = restored.things;
        things.sort_by_key(|thing| thing.last_seen_at);
        for thing in things {
            let id = thing.thing_id.clone();
            self.people.things.update(&id, || thing, |_| {}, &mut forgotten);
        }
        changed.things.extend(forgotten.drain(..));
        let mut unsubscribes = restored.unsubscribes;
        unsubscribes.sort_by_key(|unsubscribe| unsubscribe.at);
        for unsubscribe in unsubscribes {
            let email = unsubscribe.email.clone();
            self.people.unsubscribes.update(&email, || unsubscribe, |_| {}, &mut forgotten);
        }
        changed.unsubscribes.extend(forgotten);
        self.people.changed = self.people.changed.take().map(|_| changed);
        self.people.sync = restored.counters.sync.clone();
        self.events.start_at(restored.counters.newest);
        self.counters = restored.counters;
        self.revision += 1;
    }

    /// Takes the events of one request in. They are numbered in their order.
    pub(crate) fn take(&mut self, at: Moment, arrived: Vec<Arrived>) -> Option<Changes> {
        self.revision += 1;
        let mut changes = Changes::default();
        for Arrived { event, payload, known_type } in arrived {
            let accepted = event.verdict == Verdict::Accepted;
            let event = self.events.push(event, known_type);
            self.count(&event, known_type, at);
            if self.tells_changes {
                changes.events.insert(event.sequence, Arc::clone(&event));
            }
            let Some(event_type) = event.r#type.as_deref().filter(|_| accepted) else { continue };
            let ids = (event.user_id.as_deref(), event.thing_id.as_deref());
            if let Some(mut deleted) = self.people.take(event_type, ids, &payload, at) {
                // The user may have been forgotten since, and its events not.
                deleted.emails.extend(self.events.emails_of(&deleted.user_id, people::ABOUT_A_USER));
                self.people.forget_unsubscribes(&deleted.emails);
                let erased = self.events.erase(&deleted.user_id, &deleted.emails);
                changes.erased = true;
                if self.tells_changes {
                    changes.events.extend(erased.into_iter().map(|event| (event.sequence, event)));
                }
            }
        }
        self.settle(changes)
    }

    /// Takes a change of consent in.
    pub(crate) fn set_consent(&mut self, user_id: &str, value: bool, at: Moment) -> Option<Changes> {
        self.revision += 1;
        self.people.set_consent(user_id, value, at);
        self.settle(Changes::default())
    }

    /// Counts a request that was answered with this status, or whose connection was closed.
    pub(crate) fn count_request(&mut self, operation: &str, outcome: &str) {
        self.revision += 1;
        let by_outcome = match self.counters.requests.get_mut(operation) {
            Some(found) => found,
            None => self.counters.requests.entry(operation.to_owned()).or_default(),
        };
        match by_outcome.get_mut(outcome) {
            Some(count) => *count += 1,
            None => drop(by_outcome.insert(outcome.to_owned(), 1)),
        }
    }

    /// Forgets everything but how often that was done.
    pub(crate) fn reset(&mut self) -> Option<Changes> {
        let (resets, revision) = (self.counters.resets + 1, self.revision + 1);
        *self = Self::new(self.keeps, self.tells_changes);
        self.counters.resets = resets;
        self.revision = revision;
        self.settle(Changes { reset: true, erased: true, ..Changes::default() })
    }

    /// What was counted since something changed.
    pub(crate) fn rest(&mut self) -> Option<Changes> {
        self.settle(Changes::default())
    }

    fn count(&mut self, event: &ReceivedEvent, known_type: bool, at: Moment) {
        let name = event.r#type.as_deref().filter(|_| known_type).unwrap_or(UNKNOWN_TYPE);
        let by_type = match self.counters.by_type.get_mut(name) {
            Some(found) => found,
            None => self.counters.by_type.entry(name.to_owned()).or_default(),
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
                self.counters.accepted += 1;
                self.counters.repeated += u64::from(event.repeated);
                by_type.accepted += 1;
                rate.iter_mut().for_each(|second| second.accepted += 1);
            }
            Verdict::Rejected => {
                self.counters.rejected += 1;
                by_type.rejected += 1;
                rate.iter_mut().for_each(|second| second.rejected += 1);
            }
        }
    }

    /// The events that are no longer kept, to be dropped without a lock on the memory.
    pub(crate) fn forgotten(&mut self) -> Vec<Arc<ReceivedEvent>> {
        self.events.forgotten()
    }

    /// Adds what changed of users and things, where somebody asks for it.
    fn settle(&mut self, mut changes: Changes) -> Option<Changes> {
        let changed = std::mem::take(self.people.changed.as_mut()?);
        let people = &self.people;
        let pick = |id: Arc<str>| (Arc::clone(&id), people.users.get(&id).cloned());
        changes.users = changed.users.into_iter().map(pick).collect();
        let pick = |id: Arc<str>| (Arc::clone(&id), people.things.get(&id).cloned());
        changes.things = changed.things.into_iter().map(pick).collect();
        let pick = |id: Arc<str>| (Arc::clone(&id), people.unsubscribes.get(&id).cloned());
        changes.unsubscribes = changed.unsubscribes.into_iter().map(pick).collect();
        changes.oldest = self.events.oldest();
        self.counters.sync = people.sync.clone();
        self.counters.newest = self.events.newest();
        changes.counters = self.counters.clone();
        Some(changes)
    }

    /// Counters, with the rate of the 60 seconds up to `now`.
    pub(crate) fn statistics(&self, now: Moment, faults: u64) -> Statistics {
        let newest_second = now.as_millis().div_euclid(1000);
        let mut rate: Vec<Second> = (newest_second - RATE_SECONDS + 1..=newest_second)
            .map(|second| Second { second, ..Second::default() })
            .collect();
        for counted in &self.rate {
            let place = usize::try_from(counted.second - (newest_second - RATE_SECONDS + 1)).ok();
            if let Some(second) = place.and_then(|place| rate.get_mut(place)) {
                *second = *counted;
            }
        }
        let Counters { resets, requests, accepted, rejected, repeated, by_type, .. } = self.counters.clone();
        Statistics {
            resets,
            newest: self.events.newest(),
            revision: self.revision,
            requests,
            events: EventCounts { accepted, rejected, repeated, kept: self.events.len() as u64 },
            by_type,
            users: self.people.users.len() as u64,
            things: self.people.things.len() as u64,
            unsubscribes: self.people.unsubscribes.len() as u64,
            sync: self.people.sync.clone(),
            faults,
            rate,
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
        self.people.users.get(user_id).map(|person| self.people.tell(person))
    }

    pub(crate) fn thing(&self, thing_id: &str) -> Option<Thing> {
        self.people.things.get(thing_id).cloned()
    }

    /// The users whose id contains the text, last seen first.
    pub(crate) fn users(&self, search: &str, limit: usize) -> Vec<User> {
        let found = self.people.users.newest_first().filter(|person| person.user.user_id.contains(search));
        found.take(limit).map(|person| self.people.tell(person)).collect()
    }

    /// The things whose id contains the text, last seen first.
    pub(crate) fn things(&self, search: &str, limit: usize) -> Vec<Thing> {
        let found = self.people.things.newest_first().filter(|thing| thing.thing_id.contains(search));
        found.take(limit).cloned().collect()
    }

    /// What the users decided, the newest change first.
    pub(crate) fn consents(&self, limit: usize) -> Vec<Consent> {
        let persons = self.people.users.newest_first();
        let mut consents: Vec<Consent> = persons.filter_map(|person| person.user.consent.clone()).collect();
        consents.sort_by_key(|consent| std::cmp::Reverse(consent.changed_at));
        consents.truncate(limit);
        consents
    }

    /// The newest first.
    pub(crate) fn unsubscribes(&self, limit: usize) -> Vec<Unsubscribe> {
        self.people.unsubscribes.newest_first().take(limit).cloned().collect()
    }
}
