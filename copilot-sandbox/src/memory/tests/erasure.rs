//! When a user is deleted, nothing of the person is left: not in what is told, not in an index, not in the file.

use proptest::prelude::*;

use super::*;

/// Stands in every text that is Zoë's own.
const ZOE: &str = "zoequill";

fn profile() -> Value {
    json!({
        "user_id": "u1",
        "first_name": "Zoequill",
        "last_name": "O'Zoequill",
        "email": "zoequill@example.com",
        "utc_offset": "+0100",
        "copilot_analysis_consent": true,
        "custom_properties": { "nickname": "zoequill", "zoequill.pet": "cat" }
    })
}

/// Where the marker is left, with a little of what stands around it.
fn left(history: &History, marker: &str) -> Vec<String> {
    let dump: Vec<char> = history.dump().to_lowercase().chars().collect();
    let marker: Vec<char> = marker.chars().collect();
    let places = (0..dump.len()).filter(|at| dump[*at..].starts_with(&marker));
    places.map(|at| dump[at.saturating_sub(100)..(at + 50).min(dump.len())].iter().collect()).collect()
}

fn delete(history: &mut History, user_id: &str) {
    history.accept("user_deleted", json!({ "user_id": user_id }));
}

/// The one event that is kept of those before the deletion.
fn only_event_before_the_deletion(history: &History) -> Arc<ReceivedEvent> {
    let events = history.memory.events();
    assert_eq!((events.len(), events[1].r#type.as_deref()), (2, Some("user_deleted")));
    Arc::clone(&events[0])
}

#[test]
fn only_the_id_and_the_time_of_the_deletion_stay_of_a_user() {
    let mut history = History::new();
    history.accept("user_created", profile());
    history.accept("user_thing_associated", json!({ "user_id": "u1", "thing_id": "t1" }));
    history.accept("user_created", json!({ "user_id": "u2", "first_name": "Ada" }));
    history.set_consent("u1", false);
    history.accept("unsubscribe", json!({ "email": "zoequill@example.com" }));
    assert!(!left(&history, ZOE).is_empty());
    delete(&mut history, "u1");

    assert_eq!(left(&history, ZOE), [""; 0]);
    let user = history.user("u1");
    assert_eq!(user.deleted_at, Some(history.now()));
    assert!(
        user.profile.is_empty() && user.things.is_empty() && user.consent.is_none() && !user.unsubscribed
    );
    assert!(history.memory.consents(10).is_empty() && history.memory.unsubscribes(10).is_empty());
    assert!(history.thing("t1").users.is_empty());
    assert_eq!(history.user("u2").profile["first_name"], "Ada", "others keep theirs");
}

#[test]
fn an_erased_event_tells_only_what_it_is_when_it_was_and_the_ids() {
    let mut history = History::new();
    let interaction =
        json!({ "user_id": "u1", "thing_id": "t1", "note": "zoequill was here", "zoequill": 1 });
    history.take(vec![accepted("thing_interaction", "e1", interaction)]);
    delete(&mut history, "u1");
    let event = only_event_before_the_deletion(&history);
    let expected = sent("thing_interaction", "e1", json!({ "user_id": "u1", "thing_id": "t1" }));
    let found: Value = serde_json::from_str(event.event.get()).unwrap();
    assert_eq!(found, expected);
    assert!(event.erased && event.verdict == Verdict::Accepted);
    assert_eq!((event.sequence, event.event_id.as_deref()), (1, Some("e1")));
    let filter = EventFilter { user_id: Some("u1".to_owned()), ..EventFilter::default() };
    assert_eq!(history.find(filter), [2, 1], "it is found by its user still");
}

#[test]
fn rejected_events_about_a_deleted_user_are_erased_as_well() {
    let mut history = History::new();
    history.reject("user_created", profile(), "/payload/custom_properties/zoequill.pet");
    delete(&mut history, "u1");
    assert_eq!(left(&history, ZOE), [""; 0]);
    let event = only_event_before_the_deletion(&history);
    assert!(event.erased && event.verdict == Verdict::Rejected);
    let violation = &event.violations[0];
    assert_eq!((violation.pointer.as_str(), violation.rule.as_str()), ("/payload", "additionalProperties"));
}

#[test]
fn a_name_that_the_sender_put_beside_the_payload_is_erased() {
    let mut history = History::new();
    let mut event = sent("thing_connected", "e1", json!({ "user_id": "u1", "thing_id": "t1" }));
    event["zoequill@example.com"] = json!("zoequill");
    let Arrived { event: rejected, .. } = rejected("x", "x", json!({}), "/zoequill@example.com");
    history.take(vec![arrived(event, rejected.violations)]);
    delete(&mut history, "u1");
    assert_eq!(left(&history, ZOE), [""; 0]);
}

#[test]
fn what_stands_in_the_place_of_a_type_or_a_time_is_erased() {
    let mut history = History::new();
    let mut event = sent("Zoequill signed up", "e1", json!({ "user_id": "u1" }));
    event["timestamp"] = json!("when zoequill came");
    let Arrived { event: rejected, .. } = rejected("x", "x", json!({}), "/type");
    history.take(vec![arrived(event, rejected.violations)]);
    delete(&mut history, "u1");
    assert_eq!(left(&history, ZOE), [""; 0]);
    let filter = EventFilter { r#type: Some(UNKNOWN_TYPE.to_owned()), ..EventFilter::default() };
    assert_eq!(history.find(filter), [1], "its type is still one that the contract does not have");
}

#[test]
fn what_a_fault_said_about_an_event_is_erased() {
    let mut history = History::new();
    let mut event = accepted("user_created", "e1", profile());
    event.event.verdict = Verdict::Rejected;
    event.event.violations.push(Violation {
        pointer: String::new(),
        rule: "fault".to_owned(),
        provenance: None,
        message: "zoequill must not sign up".to_owned(),
    });
    history.take(vec![event]);
    delete(&mut history, "u1");
    assert_eq!(left(&history, ZOE), [""; 0]);
}

#[test]
fn unsubscribes_of_every_address_that_the_user_ever_had_are_erased() {
    let mut history = History::new();
    let address = |number: u32| json!(format!("zoequill{number}@example.com"));
    for number in 0..5 {
        history.accept("unsubscribe", json!({ "email": address(number) }));
        let event_type = ["user_created", "user_updated", "preexisting_user_created"][number as usize % 3];
        history.accept(event_type, json!({ "user_id": "u1", "email": address(number) }));
        history.accept("unsubscribe", json!({ "email": address(number) }));
        history.reject("unsubscribe", json!({ "email": address(number), "why": 1 }), "/payload/why");
        history.reject(
            "unsubscribe",
            json!({ "email": address(number), "thing_id": "t1" }),
            "/payload/thing_id",
        );
    }
    history.accept("unsubscribe", json!({ "email": "other@example.com" }));
    delete(&mut history, "u1");
    assert_eq!(left(&history, ZOE), [""; 0]);
    assert_eq!(history.memory.unsubscribes(10).len(), 1);
    let erased = history.memory.events().iter().filter(|event| event.erased).count();
    assert_eq!(erased, 5 * 5 + 1);
}

#[test]
fn an_address_that_only_a_rejected_event_called_the_users_stays_unsubscribed() {
    let mut history = History::new();
    history.reject(
        "user_created",
        json!({ "user_id": "u1", "email": "bob@example.com", "x": 1 }),
        "/payload/x",
    );
    history.accept("custom_event", json!({ "subtype": "s", "user_id": "u1", "email": "bob@example.com" }));
    history.accept("unsubscribe", json!({ "email": "bob@example.com" }));
    delete(&mut history, "u1");
    assert_eq!(history.memory.unsubscribes(10).len(), 1);
    let erased: Vec<bool> = history.memory.events().iter().map(|event| event.erased).collect();
    assert_eq!(erased, [true, true, false, true]);
}

#[test]
fn the_address_of_a_user_who_was_forgotten_since_is_erased() {
    let mut history = History::with(Keeps { events: 100, users: 2, things: 2 });
    history.accept("user_created", profile());
    history.accept("unsubscribe", json!({ "email": "zoequill@example.com" }));
    history.set_consent("u2", true);
    history.set_consent("u3", true);
    assert!(history.memory.user("u1").is_none());
    delete(&mut history, "u1");
    assert_eq!(left(&history, ZOE), [""; 0]);
}

#[test]
fn what_came_earlier_in_the_same_request_is_erased_and_what_came_later_is_not() {
    let mut history = History::new();
    let back = json!({ "user_id": "u1", "first_name": "Back" });
    history.take(vec![
        accepted("user_created", "e1", profile()),
        accepted("user_deleted", "e2", json!({ "user_id": "u1" })),
        accepted("user_created", "e3", back),
    ]);
    assert_eq!(left(&history, ZOE), [""; 0]);
    let erased: Vec<bool> = history.memory.events().iter().map(|event| event.erased).collect();
    assert_eq!(erased, [true, true, false]);
    assert_eq!(history.user("u1").profile["first_name"], "Back");
}

#[test]
fn a_deleted_user_who_comes_back_is_a_new_one() {
    let mut history = History::new();
    for again in 0..2 {
        history.accept("user_created", profile());
        history.accept("user_thing_associated", json!({ "user_id": "u1", "thing_id": "t1" }));
        assert_eq!(history.user("u1").events, 2, "time {again}");
        delete(&mut history, "u1");
        assert_eq!(left(&history, ZOE), [""; 0], "time {again}");
        let at = history.accept("thing_connected", json!({ "user_id": "u1", "thing_id": "t1" }));
        let user = history.user("u1");
        assert_eq!((user.deleted_at, user.first_seen_at, user.events), (None, at, 1));
        assert!(user.profile.is_empty() && user.things.is_empty() && user.consent.is_none());
        delete(&mut history, "u1");
    }
    history.set_consent("u1", true);
    let user = history.user("u1");
    assert_eq!((user.deleted_at, user.events, user.consent.unwrap().value), (None, 0, true));
}

#[test]
fn a_rejected_deletion_erases_nothing() {
    let mut history = History::new();
    history.accept("user_created", profile());
    history.reject("user_deleted", json!({ "user_id": "u1", "why": "x" }), "/payload/why");
    assert_eq!(history.user("u1").profile["first_name"], "Zoequill");
    assert_eq!(history.user("u1").deleted_at, None);
    assert!(history.memory.events().iter().all(|event| !event.erased));
}

#[test]
fn the_deletion_of_a_user_who_was_never_heard_of_is_remembered() {
    let mut history = History::new();
    delete(&mut history, "u9");
    let user = history.user("u9");
    assert_eq!((user.deleted_at, user.events), (Some(history.now()), 1));
}

#[test]
fn counters_and_repetition_stay_as_they_were_after_an_erasure() {
    let mut history = History::new();
    history.take(vec![accepted("user_created", "x", profile()), accepted("user_updated", "x", profile())]);
    delete(&mut history, "u1");
    let events = history.statistics().events;
    assert_eq!((events.accepted, events.repeated, events.kept), (3, 1, 3));
    history.take(vec![accepted("user_created", "x", json!({ "user_id": "u2" }))]);
    assert!(history.memory.event(4).unwrap().repeated);
}

/// Something that tells about one of three users, who have two addresses each.
fn step() -> impl Strategy<Value = (usize, usize, u8, bool)> {
    (0..3_usize, 0..2_usize, 0..8_u8, any::<bool>())
}

fn marker(user: usize) -> String {
    format!("person{user}quill")
}

fn play(history: &mut History, (user, address, what, good): (usize, usize, u8, bool)) {
    let name = marker(user);
    let email = format!("{name}.{address}@example.com");
    let user_id = format!("u{user}");
    let thing_id = format!("t{address}");
    let of_user = json!({ "user_id": user_id, "email": email, "first_name": name });
    let both = json!({ "user_id": user_id, "thing_id": thing_id });
    let (event_type, payload) = match what {
        0 => ("user_created", of_user),
        1 => ("user_updated", of_user),
        2 => ("user_thing_associated", both),
        3 => ("user_thing_disassociated", both),
        4 => (
            "custom_event",
            json!({ "subtype": "s", "user_id": user_id, "thing_id": thing_id, "word": name }),
        ),
        5 => ("unsubscribe", json!({ "email": email })),
        6 => ("user_deleted", json!({ "user_id": user_id })),
        _ => {
            history.set_consent(&user_id, good);
            return;
        }
    };
    // An address is a user's only once a good event said so.
    if good || event_type == "unsubscribe" {
        history.accept(event_type, payload);
    } else {
        history.reject(event_type, payload, &format!("/payload/{name}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_history_a_deletion_leaves_nothing_of_its_user_and_all_of_the_others(
        steps in prop::collection::vec(step(), 0..40),
        keeps in 3..50_usize,
    ) {
        let mut history = History::keeping(keeps);
        for step in steps {
            play(&mut history, step);
        }
        // Every address that was unsubscribed is known to be the user's.
        for address in 0..2 {
            play(&mut history, (0, address, 1, true));
        }
        let others = |history: &History| [1, 2].map(|user| history.memory.user(&format!("u{user}")));
        let before = others(&history);
        delete(&mut history, "u0");
        prop_assert_eq!(left(&history, &marker(0)), [""; 0]);
        prop_assert_eq!(others(&history), before);
    }
}
