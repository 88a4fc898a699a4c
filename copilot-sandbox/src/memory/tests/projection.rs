//! Users, things, consents, unsubscribes and the sync, as the accepted events tell.

use super::*;
use crate::model::{ConsentSource, PreexistingSync, SyncState};

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn every_event_makes_its_user_and_its_thing_known() {
    for example in examples() {
        let mut history = History::new();
        history.take(vec![arrived(example.clone(), Vec::new())]);
        let statistics = history.statistics();
        let of_payload = |name: &str| example["payload"].get(name).and_then(Value::as_str);
        let (user_id, thing_id) = (of_payload("user_id"), of_payload("thing_id"));
        assert_eq!(statistics.users, u64::from(user_id.is_some()), "{example}");
        assert_eq!(statistics.things, u64::from(thing_id.is_some()), "{example}");
        if let Some(user_id) = user_id {
            let user = history.user(user_id);
            assert_eq!((user.user_id.as_str(), user.events), (user_id, 1), "{example}");
            assert_eq!((user.first_seen_at, user.last_seen_at), (history.now(), history.now()));
        }
        if let Some(thing_id) = thing_id {
            let thing = history.thing(thing_id);
            assert_eq!((thing.thing_id.as_str(), thing.events), (thing_id, 1), "{example}");
            assert_eq!((thing.first_seen_at, thing.last_seen_at), (history.now(), history.now()));
        }
    }
}

#[test]
fn a_rejected_event_makes_nothing_known() {
    for mut example in examples() {
        let mut history = History::new();
        example["payload"]["extra"] = json!(null);
        let violation = rejected("user_created", "x", json!({}), "/payload/extra").event.violations;
        history.take(vec![arrived(example, violation)]);
        let Statistics { users, things, unsubscribes, sync, .. } = history.statistics();
        assert_eq!((users, things, unsubscribes, sync), (0, 0, 0, PreexistingSync::default()));
    }
}

#[test]
fn who_was_seen_again_keeps_the_first_time() {
    let mut history = History::new();
    let first = history.accept("thing_connected", json!({ "user_id": "u", "thing_id": "t" }));
    let last = history.accept("thing_interaction", json!({ "user_id": "u", "thing_id": "t", "button": "x" }));
    let (user, thing) = (history.user("u"), history.thing("t"));
    assert_eq!((user.first_seen_at, user.last_seen_at, user.events), (first, last, 2));
    assert_eq!((thing.first_seen_at, thing.last_seen_at, thing.events), (first, last, 2));
    assert!(user.profile.is_empty() && thing.profile.is_empty(), "what was done is no property");
}

#[test]
fn a_users_profile_has_the_newest_value_of_each_property() {
    let mut history = History::new();
    let custom = json!({ "plan": "gold", "devices": 2 });
    history
        .accept("user_created", json!({ "user_id": "u", "first_name": "Ada", "custom_properties": custom }));
    let custom = json!({ "plan": "silver" });
    history.accept("user_updated", json!({ "user_id": "u", "last_name": "L", "custom_properties": custom }));
    history.accept("preexisting_user_created", json!({ "user_id": "u", "last_name": "Lovelace" }));
    let profile = json!({
        "first_name": "Ada",
        "last_name": "Lovelace",
        "custom_properties": { "plan": "silver", "devices": 2 }
    });
    assert_eq!(Value::Object(history.user("u").profile), profile);
}

#[test]
fn a_things_profile_has_the_newest_value_of_each_property() {
    let mut history = History::new();
    history.accept("preexisting_thing_created", json!({ "thing_id": "t", "model": "K1", "user_id": "u" }));
    history.accept("thing_updated", json!({ "thing_id": "t", "model": "K2", "firmware_version": "1.0" }));
    let profile = json!({ "model": "K2", "firmware_version": "1.0" });
    assert_eq!(Value::Object(history.thing("t").profile), profile);
    assert!(history.thing("t").users.is_empty(), "who created a thing is not associated with it");
}

#[test]
fn firmware_is_what_an_upgrade_completed_not_what_it_started() {
    let mut history = History::new();
    let version = |version: &str| json!({ "thing_id": "t", "firmware_version": version });
    history.accept("thing_created", version("1.0"));
    history.accept("firmware_upgrade_started", version("2.0"));
    assert_eq!(history.thing("t").profile["firmware_version"], "1.0");
    history.accept("firmware_upgrade_completed", version("2.0"));
    assert_eq!(history.thing("t").profile["firmware_version"], "2.0");
}

#[test]
fn a_thing_has_the_newest_status_of_each_key() {
    let mut history = History::new();
    for (key, value, date) in [("water", "low", 1000), ("power", "on", 2000), ("water", "ok", 3000)] {
        let payload =
            json!({ "thing_id": "t", "status_key": key, "status_value": value, "status_date": date });
        history.accept("thing_status_changed", payload);
    }
    let status = json!({
        "power": { "value": "on", "date": "1970-01-01T00:00:02.000Z" },
        "water": { "value": "ok", "date": "1970-01-01T00:00:03.000Z" }
    });
    assert_eq!(serde_json::to_value(history.thing("t").status).unwrap(), status);
}

#[test]
fn an_association_is_known_on_both_sides_until_it_ends() {
    let mut history = History::new();
    let both = |user: &str, thing: &str| json!({ "user_id": user, "thing_id": thing });
    history.accept("user_thing_associated", both("ann", "kettle"));
    history.accept("user_thing_associated", both("ann", "toaster"));
    history.accept("preexisting_user_thing_associated", both("bob", "kettle"));
    history.accept("thing_connected", both("cy", "kettle"));
    assert_eq!(history.user("ann").things, set(&["kettle", "toaster"]));
    assert_eq!(history.thing("kettle").users, set(&["ann", "bob"]));

    history.accept("user_thing_disassociated", both("ann", "kettle"));
    history.accept("user_thing_disassociated", both("cy", "kettle"));
    assert_eq!(history.user("ann").things, set(&["toaster"]));
    assert_eq!(history.thing("kettle").users, set(&["bob"]));
    assert_eq!(history.user("ann").events, 3, "each event counts once");
}

#[test]
fn the_newest_consent_wins_whichever_way_it_came() {
    let mut history = History::new();
    history.accept("user_created", json!({ "user_id": "u" }));
    assert_eq!(history.user("u").consent, None);

    let by_event = |value: bool| json!({ "user_id": "u", "copilot_analysis_consent": value });
    for event_type in ["user_created", "user_updated", "preexisting_user_created"] {
        for value in [true, false] {
            let at = history.set_consent("u", !value);
            let consent = history.user("u").consent.unwrap();
            assert_eq!((consent.value, consent.source), (!value, ConsentSource::SetConsent));
            assert_eq!(consent.changed_at, at);
            let at = history.accept(event_type, by_event(value));
            let consent = history.user("u").consent.unwrap();
            assert_eq!((consent.value, consent.source), (value, ConsentSource::Event));
            assert_eq!(consent.changed_at, at);
        }
    }
    assert!(!history.user("u").profile.contains_key("copilot_analysis_consent"), "it is said once");
    let at = history.now();
    history.accept("user_updated", json!({ "user_id": "u", "first_name": "Ada" }));
    assert_eq!(history.user("u").consent.unwrap().changed_at, at, "silence changes nothing");
}

#[test]
fn a_change_of_consent_makes_its_user_known_and_is_no_event() {
    let mut history = History::new();
    history.set_consent("ann", true);
    history.set_consent("bob", false);
    history.set_consent("ann", false);
    let consents = history.memory.consents(10);
    let told: Vec<_> = consents.iter().map(|consent| (consent.user_id.as_str(), consent.value)).collect();
    assert_eq!(told, [("ann", false), ("bob", false)]);
    assert_eq!(history.memory.consents(1).len(), 1);
    assert_eq!((history.user("ann").events, history.statistics().events.accepted), (0, 0));
}

#[test]
fn an_address_can_be_unsubscribed_before_and_after_its_user_is_known() {
    let mut history = History::new();
    history.accept("user_created", json!({ "user_id": "ann", "email": "ann@example.com" }));
    let first = history.accept("unsubscribe", json!({ "email": "ann@example.com" }));
    history.accept("unsubscribe", json!({ "email": "bob@example.com" }));
    history.accept("user_created", json!({ "user_id": "bob", "email": "bob@example.com" }));
    history.accept("user_created", json!({ "user_id": "cy", "email": "cy@example.com" }));
    let unsubscribed = ["ann", "bob", "cy"].map(|user_id| history.user(user_id).unsubscribed);
    assert_eq!(unsubscribed, [true, true, false]);
    assert!(history.memory.users("", 10).iter().any(|user| user.unsubscribed), "lists say so too");
    history.accept("user_updated", json!({ "user_id": "ann", "email": "new@example.com" }));
    assert!(!history.user("ann").unsubscribed, "the new address was not");

    let again = history.accept("unsubscribe", json!({ "email": "ann@example.com" }));
    assert!(again > first);
    let told = history.memory.unsubscribes(10);
    let told: Vec<_> = told.iter().map(|found| found.email.as_str()).collect();
    assert_eq!(told, ["ann@example.com", "bob@example.com"], "the newest first, each once");
    assert_eq!((history.memory.unsubscribes(1)[0].at, history.statistics().unsubscribes), (again, 2));
}

#[test]
fn the_sync_counts_what_it_brings_and_begins_anew_when_it_is_started_again() {
    let mut history = History::new();
    assert_eq!(history.statistics().sync.state, SyncState::None);
    let started_at = history.accept("preexisting_sync_started", json!({}));
    history.accept("preexisting_user_created", json!({ "user_id": "u" }));
    history.accept("preexisting_thing_created", json!({ "thing_id": "t" }));
    history.accept("user_created", json!({ "user_id": "v" }));
    let both = json!({ "user_id": "u", "thing_id": "t", "original_association_date": 0 });
    history.accept("preexisting_user_thing_associated", both);
    let sync = history.statistics().sync;
    assert_eq!((sync.state, sync.started_at, sync.events), (SyncState::Started, Some(started_at), 3));
    assert_eq!(sync.completed_at, None);

    let completed_at = history.accept("preexisting_sync_completed", json!({}));
    let sync = history.statistics().sync;
    assert_eq!((sync.state, sync.completed_at), (SyncState::Completed, Some(completed_at)));
    assert_eq!((sync.started_at, sync.events), (Some(started_at), 3));

    let started_at = Some(history.accept("preexisting_sync_started", json!({})));
    let again = PreexistingSync { state: SyncState::Started, started_at, ..PreexistingSync::default() };
    assert_eq!(history.statistics().sync, again);
}

#[test]
fn users_and_things_are_found_by_a_part_of_their_id_last_seen_first() {
    let mut history = History::new();
    for id in ["kettle-1", "toaster-1", "kettle-2"] {
        history.accept("thing_connected", json!({ "thing_id": id, "user_id": format!("of-{id}") }));
    }
    history.accept("thing_connected", json!({ "thing_id": "kettle-1" }));
    let things = |search: &str, limit| {
        let found = history.memory.things(search, limit);
        found.into_iter().map(|thing| thing.thing_id).collect::<Vec<_>>()
    };
    assert_eq!(things("", 10), ["kettle-1", "kettle-2", "toaster-1"]);
    assert_eq!(things("ettle", 10), ["kettle-1", "kettle-2"]);
    assert_eq!(things("", 1), ["kettle-1"]);
    assert_eq!(things("Kettle", 10), [""; 0]);
    let users = history.memory.users("kettle", 10);
    let users: Vec<_> = users.iter().map(|user| user.user_id.as_str()).collect();
    assert_eq!(users, ["of-kettle-2", "of-kettle-1"]);
}

fn delete(history: &mut History, user_id: &str) {
    history.accept("user_deleted", json!({ "user_id": user_id }));
}

fn profile() -> Value {
    json!({ "user_id": "u1", "first_name": "Zoe", "email": "zoe@example.com", "copilot_analysis_consent": true })
}

#[test]
fn only_the_id_and_the_time_of_the_deletion_stay_of_a_user() {
    let mut history = History::new();
    history.accept("user_created", profile());
    history.accept("user_thing_associated", json!({ "user_id": "u1", "thing_id": "t1" }));
    history.accept("user_created", json!({ "user_id": "u2", "first_name": "Ada" }));
    history.accept("user_updated", json!({ "user_id": "u1", "email": "new@example.com" }));
    for email in ["zoe@example.com", "new@example.com", "other@example.com"] {
        history.accept("unsubscribe", json!({ "email": email }));
    }
    delete(&mut history, "u1");

    let user = history.user("u1");
    assert_eq!((user.deleted_at, user.events), (Some(history.now()), 4));
    assert!(user.profile.is_empty() && user.things.is_empty() && user.consent.is_none());
    assert!(history.memory.consents(10).is_empty() && history.thing("t1").users.is_empty());
    let left = history.memory.unsubscribes(10);
    assert_eq!(left.iter().map(|left| left.email.as_str()).collect::<Vec<_>>(), ["other@example.com"]);
    assert_eq!(history.user("u2").profile["first_name"], "Ada", "others keep theirs");
    assert!(history.memory.event(1).unwrap().event.get().contains("zoe"), "the event log is what arrived");
}

#[test]
fn a_deleted_user_who_comes_back_is_a_new_one() {
    let mut history = History::new();
    history.accept("user_created", profile());
    delete(&mut history, "u1");
    let at = history.accept("thing_connected", json!({ "user_id": "u1", "thing_id": "t1" }));
    let user = history.user("u1");
    assert_eq!((user.deleted_at, user.first_seen_at, user.events), (None, at, 1));
    assert!(user.profile.is_empty() && user.consent.is_none());
    delete(&mut history, "u1");
    history.set_consent("u1", true);
    let user = history.user("u1");
    assert_eq!((user.deleted_at, user.events, user.consent.unwrap().value), (None, 0, true));
}

#[test]
fn a_rejected_deletion_deletes_nothing_and_one_of_a_stranger_is_remembered() {
    let mut history = History::new();
    history.accept("user_created", profile());
    history.reject("user_deleted", json!({ "user_id": "u1", "why": "x" }), "/payload/why");
    assert_eq!(history.user("u1").profile["first_name"], "Zoe");
    assert_eq!(history.user("u1").deleted_at, None);
    delete(&mut history, "u9");
    assert_eq!((history.user("u9").deleted_at, history.user("u9").events), (Some(history.now()), 1));
}
