//! Users and things, as the accepted events tell: the projection of what arrived.

use std::collections::BTreeSet;

use hashlink::LruCache;
use serde_json::{Map, Value};

use crate::model::{
    Consent, ConsentSource, Moment, PreexistingSync, SyncState, Thing, ThingStatus, Unsubscribe, User,
};

/// How many associations, properties and states are remembered of one user or thing.
const GREATEST_SET: usize = 1000;

/// What an accepted event does beside showing that its user and its thing are there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Effect {
    /// The payload has properties of the user.
    UserProfile,
    /// Of the user, only the id and the time of the deletion stay.
    UserDeleted,
    /// The payload has properties of the thing.
    ThingProfile,
    /// The payload has the new value of one of the thing's states.
    ThingStatus,
    /// User and thing belong together from now on.
    Associated,
    /// They no longer do.
    Disassociated,
    /// The e-mail address wants no more mail.
    Unsubscribed,
    /// It is counted as part of the one-time sync.
    Synced,
    /// The one-time sync begins, anew if there was one.
    SyncStarted,
    /// The one-time sync is at its end.
    SyncCompleted,
}

/// What the events of each type do. A type that is not listed does nothing besides.
pub(super) const EFFECTS: &[(&str, &[Effect])] = &[
    ("user_created", &[Effect::UserProfile]),
    ("user_updated", &[Effect::UserProfile]),
    ("user_deleted", &[Effect::UserDeleted]),
    ("thing_created", &[Effect::ThingProfile]),
    ("thing_updated", &[Effect::ThingProfile]),
    // The firmware that was installed runs; one whose upgrade only started does not.
    ("firmware_upgrade_completed", &[Effect::ThingProfile]),
    ("thing_status_changed", &[Effect::ThingStatus]),
    ("user_thing_associated", &[Effect::Associated]),
    ("user_thing_disassociated", &[Effect::Disassociated]),
    ("unsubscribe", &[Effect::Unsubscribed]),
    ("preexisting_sync_started", &[Effect::SyncStarted]),
    ("preexisting_user_created", &[Effect::Synced, Effect::UserProfile]),
    ("preexisting_thing_created", &[Effect::Synced, Effect::ThingProfile]),
    ("preexisting_user_thing_associated", &[Effect::Synced, Effect::Associated]),
    ("preexisting_sync_completed", &[Effect::SyncCompleted]),
];

fn effects(event_type: &str) -> &'static [Effect] {
    EFFECTS.iter().find(|(name, _)| *name == event_type).map_or(&[], |(_, effects)| effects)
}

/// Whether more is read of an event of this type than its ids. The others need not keep their payload until they are
/// taken in: most events are of such types, and a request can hold thousands.
pub(crate) fn reads_payload(event_type: &str) -> bool {
    !effects(event_type).is_empty()
}

/// Users, things and unsubscribes, of each those that were touched last, and the sync.
#[derive(Debug)]
pub(super) struct Projection {
    pub(super) users: LruCache<String, User>,
    pub(super) things: LruCache<String, Thing>,
    pub(super) unsubscribes: LruCache<String, Unsubscribe>,
    pub(super) sync: PreexistingSync,
}

impl Projection {
    pub(super) fn new(keep: usize) -> Self {
        Self {
            users: LruCache::new(keep),
            things: LruCache::new(keep),
            unsubscribes: LruCache::new(keep),
            sync: PreexistingSync::default(),
        }
    }

    /// Takes an accepted event in.
    pub(super) fn take(
        &mut self,
        event_type: &str,
        (user_id, thing_id): (Option<&str>, Option<&str>),
        payload: &Value,
        at: Moment,
    ) {
        if let Some(user_id) = user_id {
            self.user(user_id, at, |user| user.events += 1);
        }
        if let Some(thing_id) = thing_id {
            self.thing(thing_id, at, |thing| thing.events += 1);
        }
        for effect in effects(event_type) {
            match (effect, user_id, thing_id) {
                (Effect::UserProfile, Some(user_id), _) => {
                    self.user(user_id, at, |user| update_user(user, payload, at));
                }
                (Effect::UserDeleted, Some(user_id), _) => self.delete(user_id, at),
                (Effect::ThingProfile, _, Some(thing_id)) => {
                    self.thing(thing_id, at, |thing| {
                        merge(&mut thing.profile, payload, &["thing_id", "user_id"])
                    });
                }
                (Effect::ThingStatus, _, Some(thing_id)) => {
                    self.thing(thing_id, at, |thing| update_status(thing, payload));
                }
                (Effect::Associated, Some(user_id), Some(thing_id)) => {
                    self.user(user_id, at, |user| insert(&mut user.things, thing_id));
                    self.thing(thing_id, at, |thing| insert(&mut thing.users, user_id));
                }
                (Effect::Disassociated, Some(user_id), Some(thing_id)) => {
                    self.user(user_id, at, |user| _ = user.things.remove(thing_id));
                    self.thing(thing_id, at, |thing| _ = thing.users.remove(user_id));
                }
                (Effect::Unsubscribed, ..) => self.unsubscribe(payload, at),
                (Effect::Synced, ..) => self.sync.events += 1,
                (Effect::SyncStarted, ..) => {
                    let (state, started_at) = (SyncState::Started, Some(at));
                    self.sync = PreexistingSync { state, started_at, ..PreexistingSync::default() };
                }
                (Effect::SyncCompleted, ..) => {
                    self.sync.state = SyncState::Completed;
                    self.sync.completed_at = Some(at);
                }
                // The contract demands these ids, so there is no such event.
                (
                    Effect::UserProfile
                    | Effect::UserDeleted
                    | Effect::ThingProfile
                    | Effect::ThingStatus
                    | Effect::Associated
                    | Effect::Disassociated,
                    ..,
                ) => {}
            }
        }
    }

    /// Takes a change of consent in.
    pub(super) fn set_consent(&mut self, user_id: &str, value: bool, at: Moment) {
        self.user(user_id, at, |user| decide(user, value, at, ConsentSource::SetConsent));
    }

    /// A deleted user who is heard of again is a new one.
    fn user(&mut self, user_id: &str, at: Moment, change: impl FnOnce(&mut User)) {
        let new = || new_user(user_id, at);
        touch(&mut self.users, user_id, new, |user| {
            if user.deleted_at.is_some() {
                *user = new();
            }
            user.last_seen_at = at;
            change(user);
        });
    }

    fn thing(&mut self, thing_id: &str, at: Moment, change: impl FnOnce(&mut Thing)) {
        let new = || new_thing(thing_id, at);
        touch(&mut self.things, thing_id, new, |thing| {
            thing.last_seen_at = at;
            change(thing);
        });
    }

    fn delete(&mut self, user_id: &str, at: Moment) {
        let (mut things, mut emails) = (BTreeSet::new(), BTreeSet::new());
        self.user(user_id, at, |user| {
            things = std::mem::take(&mut user.things);
            emails = std::mem::take(&mut user.emails);
            *user = User { events: user.events, deleted_at: Some(at), ..new_user(user_id, at) };
        });
        for thing_id in things {
            if let Some(thing) = self.things.peek_mut(&thing_id) {
                thing.users.remove(user_id);
            }
        }
        for email in emails {
            self.unsubscribes.remove(&email);
        }
    }

    fn unsubscribe(&mut self, payload: &Value, at: Moment) {
        if let Some(email) = payload.get("email").and_then(Value::as_str) {
            self.unsubscribes.insert(email.to_owned(), Unsubscribe { email: email.to_owned(), at });
        }
    }

    /// The user as it is told.
    pub(super) fn tell(&self, user: &User) -> User {
        let email = user.profile.get("email").and_then(Value::as_str);
        let unsubscribed = email.is_some_and(|email| self.unsubscribes.contains_key(email));
        User { unsubscribed, ..user.clone() }
    }
}

/// Changes the value of that id, made anew where it is missing.
fn touch<V>(
    values: &mut LruCache<String, V>,
    id: &str,
    new: impl FnOnce() -> V,
    change: impl FnOnce(&mut V),
) {
    if let Some(value) = values.get_mut(id) {
        return change(value);
    }
    let mut value = new();
    change(&mut value);
    values.insert(id.to_owned(), value);
}

fn new_user(user_id: &str, at: Moment) -> User {
    User {
        user_id: user_id.to_owned(),
        first_seen_at: at,
        last_seen_at: at,
        events: 0,
        deleted_at: None,
        profile: Map::new(),
        consent: None,
        things: BTreeSet::new(),
        unsubscribed: false,
        emails: BTreeSet::new(),
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

fn update_user(user: &mut User, payload: &Value, at: Moment) {
    const CONSENT: &str = "copilot_analysis_consent";
    merge(&mut user.profile, payload, &["user_id", CONSENT]);
    if let Some(value) = payload.get(CONSENT).and_then(Value::as_bool) {
        decide(user, value, at, ConsentSource::Event);
    }
    if let Some(email) = payload.get("email").and_then(Value::as_str) {
        insert(&mut user.emails, email);
    }
}

fn decide(user: &mut User, value: bool, at: Moment, source: ConsentSource) {
    user.consent = Some(Consent { user_id: user.user_id.clone(), value, changed_at: at, source });
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
