//! Users and things, as the accepted events tell: the projection of what arrived.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::remembered::{Bounds, Remembered, Weigh};
use crate::model::{
    Consent, ConsentSource, Moment, PreexistingSync, SyncState, Thing, ThingStatus, Unsubscribe, User,
};

/// How many associations, properties and states are remembered of one user or thing.
const GREATEST_SET: usize = 1000;

/// A user, with what the sandbox needs to know beside what it tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Person {
    pub(crate) user: User,
    /// Every e-mail address that the user had, so that all of them can be erased.
    pub(crate) emails: BTreeSet<String>,
}

impl Person {
    fn new(user_id: &str, at: Moment) -> Self {
        let user = User {
            user_id: user_id.to_owned(),
            first_seen_at: at,
            last_seen_at: at,
            events: 0,
            deleted_at: None,
            profile: Map::new(),
            consent: None,
            things: BTreeSet::new(),
            unsubscribed: false,
        };
        Self { user, emails: BTreeSet::new() }
    }

    /// A deleted user who is heard of again is a new one.
    fn seen(&mut self, at: Moment) {
        if self.user.deleted_at.is_some() {
            *self = Self::new(&self.user.user_id, at);
        }
        self.user.last_seen_at = at;
    }
}

fn new_thing(thing_id: &str, at: Moment) -> Thing {
    Thing {
        thing_id: thing_id.to_owned(),
        first_seen_at: at,
        last_seen_at: at,
        events: 0,
        profile: Map::new(),
        status: Default::default(),
        users: BTreeSet::new(),
    }
}

impl Weigh for Person {
    fn weight(&self) -> usize {
        let emails: usize = self.emails.iter().map(|email| 50 + email.len()).sum();
        300 + 2 * self.user.user_id.len()
            + weight_of(&self.user.profile)
            + weight_of_set(&self.user.things)
            + emails
    }
}

impl Weigh for Thing {
    fn weight(&self) -> usize {
        let status: usize =
            self.status.iter().map(|(key, status)| 100 + key.len() + status.value.len()).sum();
        300 + self.thing_id.len() + weight_of(&self.profile) + weight_of_set(&self.users) + status
    }
}

impl Weigh for Unsubscribe {
    fn weight(&self) -> usize {
        100 + self.email.len()
    }
}

fn weight_of(object: &Map<String, Value>) -> usize {
    let member = |(name, value): (&String, &Value)| {
        100 + name.len()
            + match value {
                Value::String(text) => text.len(),
                Value::Object(object) => weight_of(object),
                _ => 0,
            }
    };
    object.iter().map(member).sum()
}

fn weight_of_set(ids: &BTreeSet<String>) -> usize {
    ids.iter().map(|id| 50 + id.len()).sum()
}

/// What changed since it was last asked, for what keeps it in a file.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) users: BTreeSet<Arc<str>>,
    pub(super) things: BTreeSet<Arc<str>>,
    pub(super) unsubscribes: BTreeSet<Arc<str>>,
}

/// The types of events that tell a user's own properties.
pub(super) const ABOUT_A_USER: &[&str] = &["user_created", "user_updated", "preexisting_user_created"];

/// Users, things, unsubscribes and the sync.
#[derive(Debug)]
pub(super) struct People {
    pub(super) users: Remembered<Person>,
    pub(super) things: Remembered<Thing>,
    pub(super) unsubscribes: Remembered<Unsubscribe>,
    pub(super) sync: PreexistingSync,
    /// Only where somebody asks for it.
    pub(super) changed: Option<Changed>,
}

/// Who was deleted by an event: the id and the addresses, whose unsubscribes and events are to be erased.
pub(super) struct Deleted {
    pub(super) user_id: String,
    pub(super) emails: Vec<String>,
}

/// Whether more is read of an event of this type than its ids. The others need not keep their payload until they are
/// taken in: most events are of such types, and a request can hold thousands.
pub(crate) fn reads_payload(event_type: &str) -> bool {
    matches!(
        event_type,
        "user_created"
            | "user_updated"
            | "preexisting_user_created"
            | "thing_created"
            | "thing_updated"
            | "preexisting_thing_created"
            | "firmware_upgrade_completed"
            | "thing_status_changed"
            | "unsubscribe"
    )
}

impl People {
    pub(super) fn new(bounds: Bounds, tell_changes: bool) -> Self {
        Self {
            users: Remembered::new(bounds),
            things: Remembered::new(bounds),
            unsubscribes: Remembered::new(bounds),
            sync: PreexistingSync::default(),
            changed: tell_changes.then(Changed::default),
        }
    }

    /// Takes an accepted event in. The types that are named here are those that mean more than "seen".
    pub(super) fn take(
        &mut self,
        event_type: &str,
        (user_id, thing_id): (Option<&str>, Option<&str>),
        payload: &Value,
        at: Moment,
    ) -> Option<Deleted> {
        if let (Some(user_id), "user_deleted") = (user_id, event_type) {
            return Some(self.delete(user_id, at));
        }
        if event_type.starts_with("preexisting_") && !event_type.starts_with("preexisting_sync_") {
            self.sync.events += 1;
        }
        if let Some(user_id) = user_id {
            self.user(user_id, at, |person| {
                person.user.events += 1;
                if ABOUT_A_USER.contains(&event_type) {
                    update_profile(person, payload, at);
                }
            });
        }
        if let Some(thing_id) = thing_id {
            self.thing(thing_id, at, |thing| {
                thing.events += 1;
                match event_type {
                    "thing_created" | "thing_updated" | "preexisting_thing_created" => {
                        merge(&mut thing.profile, payload, &["thing_id", "user_id"]);
                    }
                    // Only what was completed runs.
                    "firmware_upgrade_completed" => {
                        merge(&mut thing.profile, payload, &["thing_id", "user_id"]);
                    }
                    "thing_status_changed" => update_status(thing, payload),
                    _ => {}
                }
            });
        }
        match (event_type, user_id, thing_id) {
            ("user_thing_associated" | "preexisting_user_thing_associated", Some(user), Some(thing)) => {
                self.associate(user, thing, at);
            }
            ("user_thing_disassociated", Some(user), Some(thing)) => self.disassociate(user, thing),
            ("unsubscribe", ..) => {
                if let Some(email) = payload.get("email").and_then(Value::as_str) {
                    self.unsubscribe(email, at);
                }
            }
            ("preexisting_sync_started", ..) => {
                self.sync = PreexistingSync {
                    state: SyncState::Started,
                    started_at: Some(at),
                    ..PreexistingSync::default()
                };
            }
            ("preexisting_sync_completed", ..) => {
                self.sync.state = SyncState::Completed;
                self.sync.completed_at = Some(at);
            }
            _ => {}
        }
        None
    }

    /// Takes a change of consent in.
    pub(super) fn set_consent(&mut self, user_id: &str, value: bool, at: Moment) {
        let consent =
            Consent { user_id: user_id.to_owned(), value, changed_at: at, source: ConsentSource::SetConsent };
        self.user(user_id, at, |person| person.user.consent = Some(consent));
    }

    fn user(&mut self, user_id: &str, at: Moment, change: impl FnOnce(&mut Person)) {
        let mut forgotten = Vec::new();
        let change = |person: &mut Person| {
            person.seen(at);
            change(person);
        };
        self.users.update(user_id, || Person::new(user_id, at), change, &mut forgotten);
        if let Some(changed) = &mut self.changed {
            changed.users.extend(forgotten);
            changed.users.insert(user_id.into());
        }
    }

    fn thing(&mut self, thing_id: &str, at: Moment, change: impl FnOnce(&mut Thing)) {
        let mut forgotten = Vec::new();
        let change = |thing: &mut Thing| {
            thing.last_seen_at = at;
            change(thing);
        };
        self.things.update(thing_id, || new_thing(thing_id, at), change, &mut forgotten);
        if let Some(changed) = &mut self.changed {
            changed.things.extend(forgotten);
            changed.things.insert(thing_id.into());
        }
    }

    fn associate(&mut self, user_id: &str, thing_id: &str, at: Moment) {
        self.user(user_id, at, |person| insert(&mut person.user.things, thing_id));
        self.thing(thing_id, at, |thing| insert(&mut thing.users, user_id));
    }

    fn disassociate(&mut self, user_id: &str, thing_id: &str) {
        self.users.amend(user_id, |person| _ = person.user.things.remove(thing_id));
        self.things.amend(thing_id, |thing| _ = thing.users.remove(user_id));
        if let Some(changed) = &mut self.changed {
            changed.users.insert(user_id.into());
            changed.things.insert(thing_id.into());
        }
    }

    fn unsubscribe(&mut self, email: &str, at: Moment) {
        let mut forgotten = Vec::new();
        let missing = || Unsubscribe { email: email.to_owned(), at };
        self.unsubscribes.update(email, missing, |unsubscribe| unsubscribe.at = at, &mut forgotten);
        if let Some(changed) = &mut self.changed {
            changed.unsubscribes.extend(forgotten);
            changed.unsubscribes.insert(email.into());
        }
    }

    /// Only the id and the time of the deletion stay.
    fn delete(&mut self, user_id: &str, at: Moment) -> Deleted {
        let (mut things, mut emails) = (BTreeSet::new(), BTreeSet::new());
        self.user(user_id, at, |person| {
            things = std::mem::take(&mut person.user.things);
            emails = std::mem::take(&mut person.emails);
            let events = person.user.events;
            *person = Person::new(user_id, at);
            person.user.events = events + 1;
            person.user.deleted_at = Some(at);
        });
        for thing_id in things {
            self.things.amend(&thing_id, |thing| _ = thing.users.remove(user_id));
            if let Some(changed) = &mut self.changed {
                changed.things.insert(thing_id.into());
            }
        }
        Deleted { user_id: user_id.to_owned(), emails: emails.into_iter().collect() }
    }

    /// Forgets that these addresses were unsubscribed.
    pub(super) fn forget_unsubscribes(&mut self, emails: &[String]) {
        for email in emails {
            self.unsubscribes.remove(email);
            if let Some(changed) = &mut self.changed {
                changed.unsubscribes.insert(email.as_str().into());
            }
        }
    }

    /// The user as it is told.
    pub(super) fn tell(&self, person: &Person) -> User {
        let mut user = person.user.clone();
        let email = user.profile.get("email").and_then(Value::as_str);
        user.unsubscribed = email.is_some_and(|email| self.unsubscribes.get(email).is_some());
        user
    }
}

fn update_profile(person: &mut Person, payload: &Value, at: Moment) {
    const CONSENT: &str = "copilot_analysis_consent";
    merge(&mut person.user.profile, payload, &["user_id", CONSENT]);
    if let Some(value) = payload.get(CONSENT).and_then(Value::as_bool) {
        let user_id = person.user.user_id.clone();
        person.user.consent = Some(Consent { user_id, value, changed_at: at, source: ConsentSource::Event });
    }
    if let Some(email) = payload.get("email").and_then(Value::as_str) {
        insert(&mut person.emails, email);
    }
}

/// The newest value of each property wins, those of objects inside one by one.
fn merge(profile: &mut Map<String, Value>, news: &Value, except: &[&str]) {
    for (name, value) in news.as_object().into_iter().flatten() {
        if except.contains(&name.as_str()) {
            continue;
        }
        match (profile.get_mut(name), value) {
            (Some(Value::Object(inner)), Value::Object(_)) => merge(inner, value, &[]),
            _ => drop(profile.insert(name.clone(), value.clone())),
        }
    }
    while profile.len() > GREATEST_SET {
        let Some(oldest) = profile.keys().next().cloned() else { return };
        profile.shift_remove(&oldest);
    }
}

fn update_status(thing: &mut Thing, payload: &Value) {
    let text = |name: &str| payload.get(name).and_then(Value::as_str);
    let date = payload.get("status_date").and_then(Value::as_i64);
    if let (Some(key), Some(value), Some(date)) = (text("status_key"), text("status_value"), date) {
        let status = ThingStatus { value: value.to_owned(), date: Moment::from_millis(date) };
        thing.status.insert(key.to_owned(), status);
        while thing.status.len() > GREATEST_SET {
            thing.status.pop_first();
        }
    }
}

fn insert(ids: &mut BTreeSet<String>, id: &str) {
    if ids.contains(id) {
        return;
    }
    if ids.len() >= GREATEST_SET {
        ids.pop_first();
    }
    ids.insert(id.to_owned());
}
