//! The log of events: numbers, repetition, filters, pages and bounds.

use super::*;

fn connected(event_id: &str, user_id: &str) -> Arrived {
    accepted("thing_connected", event_id, json!({ "user_id": user_id, "thing_id": format!("t-{user_id}") }))
}

fn rejected_twin(event_id: &str) -> Arrived {
    rejected("thing_connected", event_id, json!({ "thing_id": "t" }), "/payload/x")
}

fn repeated(history: &History) -> Vec<bool> {
    history.memory.events().iter().map(|event| event.repeated).collect()
}

#[test]
fn events_are_numbered_in_the_order_of_their_arrival() {
    let mut history = History::new();
    history.take(vec![connected("a", "u"), rejected_twin("b")]);
    history.take(vec![connected("c", "u")]);
    let told = |event: &Arc<ReceivedEvent>| (event.sequence, event.event_id.clone().unwrap(), event.index);
    let told: Vec<_> = history.memory.events().iter().map(told).collect();
    assert_eq!(told, [(1, "a".to_owned(), 0), (2, "b".to_owned(), 1), (3, "c".to_owned(), 0)]);
    assert_eq!(history.memory.event(2).unwrap().event_id.as_deref(), Some("b"));
    assert!(history.memory.event(0).is_none() && history.memory.event(4).is_none());
}

#[test]
fn an_id_is_repeated_only_if_it_was_accepted_before() {
    let mut history = History::new();
    history.take(vec![rejected_twin("a"), connected("a", "u"), connected("a", "v"), rejected_twin("a")]);
    history.take(vec![connected("b", "u"), connected("a", "w"), connected("A", "u")]);
    assert_eq!(repeated(&history), [false, false, true, false, false, true, false]);
    assert_eq!(history.statistics().events.repeated, 2);
    let filter = EventFilter { repeated: Some(true), ..EventFilter::default() };
    assert_eq!(history.find(filter), [6, 3]);
}

#[test]
fn an_id_is_known_only_as_long_as_an_event_with_it_is_kept() {
    let mut history = History::keeping(3);
    for id in ["a", "b", "c", "a", "d", "e", "f", "a"] {
        history.take(vec![connected(id, "u")]);
    }
    assert_eq!(history.statistics().events.repeated, 1, "nothing is left of the second for the third");

    let mut history = History::keeping(4);
    for id in ["a", "b", "a", "c", "d", "a"] {
        history.take(vec![connected(id, "u")]);
    }
    assert_eq!(history.statistics().events.repeated, 2, "the second is enough for the third");
}

#[test]
fn the_newest_are_kept_and_the_counters_go_on() {
    let mut history = History::keeping(3);
    for number in 0..10 {
        let user_id = format!("u{number}");
        history.take(vec![connected(&format!("e{number}"), &user_id), rejected_twin(&format!("r{number}"))]);
    }
    let kept: Vec<u64> = history.memory.events().iter().map(|event| event.sequence).collect();
    assert_eq!(kept, [18, 19, 20]);
    let statistics = history.statistics();
    let expected = EventCounts { accepted: 10, rejected: 10, repeated: 0, kept: 3 };
    assert_eq!((statistics.events, statistics.newest), (expected, 20));
    assert_eq!(statistics.by_type["thing_connected"], VerdictCounts { accepted: 10, rejected: 10 });
    assert_eq!((statistics.users, statistics.things), (3, 3));
    assert!(history.memory.event(17).is_none() && history.memory.event(18).is_some());
    let of_user = |user: &str| EventFilter { user_id: Some(user.to_owned()), ..EventFilter::default() };
    assert_eq!((history.find(of_user("u9")), history.find(of_user("u1"))), (vec![19], Vec::new()));
}

#[test]
fn what_was_forgotten_stays_in_no_index() {
    let mut history = History::keeping(2);
    history.take(vec![connected("old-id", "old-user")]);
    history.take(vec![accepted("unsubscribe", "old-id", json!({ "email": "old@example.com" }))]);
    for number in 0..2 {
        history.take(vec![connected(&format!("e{number}"), &format!("u{number}"))]);
        history.take(vec![accepted(
            "unsubscribe",
            "x",
            json!({ "email": format!("a{number}@example.com") }),
        )]);
    }
    let dump = format!("{:?} {:?}", history.memory.events, history.memory.projection);
    assert!(!dump.contains("old"), "{dump}");
}

#[test]
fn the_text_of_the_events_is_bounded_too() {
    let mut log = EventLog::new(1000, 100_000);
    let long = "x".repeat(10_000);
    for number in 0..20 {
        let event = accepted("custom_event", &format!("e{number}"), json!({ "subtype": "s", "text": long }));
        log.push(event.event, true);
    }
    assert!((3..6).contains(&log.len()), "{}", log.len());
    assert_eq!(log.newest(), 20);
    for number in 20..1000 {
        log.push(connected(&format!("e{number}"), "u").event, true);
    }
    assert!(log.len() > 100, "short ones have room once the long ones are gone: {}", log.len());
}

#[test]
fn a_reset_forgets_everything_but_how_often_it_was_done() {
    let mut history = History::new();
    for example in examples() {
        history.take(vec![arrived(example, Vec::new())]);
    }
    history.set_consent("u", true);
    history.memory.count_request("collect", "200");
    let revision = history.statistics().revision;
    history.memory.reset();
    history.memory.reset();
    let statistics = history.statistics();
    assert!(statistics.revision > revision, "who watches must notice");
    let rate = statistics.rate.clone();
    assert!(rate.iter().all(|second| second.accepted + second.rejected == 0));
    let empty = Statistics { resets: 2, revision: statistics.revision, rate, ..Statistics::default() };
    assert_eq!(statistics, empty);
    assert!(history.memory.events().is_empty() && history.memory.consents(10).is_empty());

    history.take(vec![connected("user-created-4700", "u")]);
    let event = history.memory.event(1).unwrap();
    assert!(!event.repeated, "ids from before are new again");
}

#[test]
fn the_rate_covers_the_last_sixty_seconds_without_a_gap() {
    let mut history = History::new();
    history.take(vec![connected("a", "u"), rejected_twin("b")]);
    let first = history.now().as_millis() / 1000;
    history.seconds += 29;
    history.take(vec![connected("c", "u")]);
    let told = |history: &History, later: i64| {
        let now = Moment::from_millis(history.now().as_millis() + later * 1000 + 999);
        let rate = history.memory.statistics(now, 0).rate;
        assert_eq!(rate.len(), 60);
        assert_eq!(rate[59].second, now.as_millis() / 1000);
        assert!(rate.windows(2).all(|pair| pair[0].second + 1 == pair[1].second));
        let busy = rate.iter().filter(|second| second.accepted + second.rejected > 0);
        busy.map(|second| (second.second - first, second.accepted, second.rejected)).collect::<Vec<_>>()
    };
    assert_eq!(told(&history, 0), [(0, 1, 1), (30, 1, 0)]);
    assert_eq!(told(&history, 29), [(0, 1, 1), (30, 1, 0)]);
    assert_eq!(told(&history, 30), [(30, 1, 0)]);
    assert_eq!(told(&history, 1000), []);
}

#[test]
fn requests_are_counted_by_operation_and_outcome() {
    let mut history = History::new();
    for (operation, outcome) in
        [("collect", "200"), ("collect", "200"), ("collect", "closed"), ("set_consent", "204")]
    {
        history.memory.count_request(operation, outcome);
    }
    let requests = serde_json::to_value(history.statistics().requests).unwrap();
    assert_eq!(requests, json!({ "collect": { "200": 2, "closed": 1 }, "set_consent": { "204": 1 } }));
}

#[test]
fn every_type_outside_of_the_contract_counts_as_unknown() {
    let mut history = History::new();
    for event_type in ["kettle_boiled", "unknown", "Thing_connected"] {
        history.reject(event_type, json!({}), "/type");
    }
    history.take(vec![arrived(json!(7), rejected("", "", json!({}), "").event.violations)]);
    history.take(vec![connected("a", "u")]);
    let unknown = EventFilter { r#type: Some(UNKNOWN_TYPE.to_owned()), ..EventFilter::default() };
    assert_eq!(history.find(unknown), [4, 3, 2, 1]);
    let by_name = EventFilter { r#type: Some("kettle_boiled".to_owned()), ..EventFilter::default() };
    assert_eq!(history.find(by_name), [1]);
    let by_type = history.statistics().by_type;
    assert_eq!(by_type.keys().collect::<Vec<_>>(), ["thing_connected", "unknown"]);
    assert_eq!(by_type["unknown"], VerdictCounts { accepted: 0, rejected: 4 });
}

#[test]
fn pages_bring_the_events_that_meet_every_condition_each_once_newest_first() {
    let mut history = History::keeping(50);
    for number in 0..70_usize {
        let (user, thing) = (format!("u{}", number % 3), format!("t{}", number % 2));
        let payload = json!({ "user_id": user, "thing_id": thing });
        let (event_type, id) = (["thing_connected", "user_updated"][number % 2], format!("e{}", number % 10));
        history.take(vec![match number % 5 {
            0 => rejected(event_type, &id, payload, "/payload/x"),
            _ => accepted(event_type, &id, payload),
        }]);
    }
    let text = |text: &str| Some(text.to_owned());
    let filters = [
        EventFilter::default(),
        EventFilter { verdict: Some(Verdict::Rejected), ..EventFilter::default() },
        EventFilter { r#type: text("user_updated"), user_id: text("u1"), ..EventFilter::default() },
        EventFilter { thing_id: text("t0"), event_id: text("e4"), ..EventFilter::default() },
        EventFilter { repeated: Some(true), before: Some(60), after: Some(30), ..EventFilter::default() },
        EventFilter { user_id: text("nobody"), ..EventFilter::default() },
    ];
    for filter in filters {
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let mut expected = history.memory.events();
        expected.retain(|event| {
            filter.verdict.is_none_or(|verdict| verdict == event.verdict)
                && filter.repeated.is_none_or(|repeated| repeated == event.repeated)
                && (filter.after.unwrap_or(0) + 1..filter.before.unwrap_or(u64::MAX))
                    .contains(&event.sequence)
                && is(&filter.r#type, &event.r#type)
                && is(&filter.user_id, &event.user_id)
                && is(&filter.thing_id, &event.thing_id)
                && is(&filter.event_id, &event.event_id)
        });
        let expected: Vec<u64> = expected.iter().rev().map(|event| event.sequence).collect();
        let mut found = Vec::new();
        let mut page_of = EventFilter { limit: Limit::try_from(7).unwrap(), ..filter };
        loop {
            let (page, next) = history.memory.find(&page_of);
            found.extend(page.iter().map(|event| event.sequence));
            assert!(page.len() == 7 || next.is_none());
            let Some(next) = next else { break };
            page_of.before = Some(next);
        }
        assert_eq!(found, expected, "{page_of:?}");
    }
}

#[test]
fn without_a_limit_a_page_has_a_hundred_events() {
    let mut history = History::new();
    history.take((0..150).map(|number| connected(&format!("e{number}"), "u")).collect());
    let (page, next) = history.memory.find(&EventFilter::default());
    assert_eq!((page.len(), next), (100, Some(51)));
}
