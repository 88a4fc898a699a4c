//! Refused events: which ones they are, and that none is lost or blamed wrongly.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use copilot_api::{
    CollectReport, EventTimestamp, NewEvent, RejectionCause, ReportParts,
    types::{CustomEventPayload, Event, ThingConnectedPayload},
};
use copilot_tests::server::{self, Answer, Request, Server, copilot, in_time};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Builder;

fn rejected(report: &CollectReport) -> Vec<usize> {
    report.rejections().iter().map(|rejection| rejection.index()).collect()
}

#[tokio::test]
async fn events_that_break_the_contract_are_rejected_here_and_the_others_are_sent() {
    let (server, copilot) = copilot(|_| None);
    let at = |millis: i64| {
        let payload = ThingConnectedPayload::builder().thing_id("SN-1").build().unwrap();
        payload.event_at(EventTimestamp::from_millis(millis).unwrap())
    };
    let now = EventTimestamp::now().as_millis();
    let minute = 60_000;
    // Its builder would refuse it already.
    let mut custom = CustomEventPayload::builder().subtype("s").user_id("u").build().unwrap();
    custom.user_id = None;
    // An event, and the place of what is wrong with it.
    let table: Vec<(Event, Option<&str>)> = vec![
        (at(now / 1000), Some("/timestamp")),
        (server::event("good-1"), None),
        (at(now - 31 * 24 * 60 * minute), Some("/timestamp")),
        (at(now + 6 * minute), Some("/timestamp")),
        (at(now + 4 * minute), None),
        (at(now - 29 * 24 * 60 * minute), None),
        (custom.event(), Some("/payload")),
        (server::event("good-2"), None),
        (at(0), Some("/timestamp")),
    ];
    let events = table.iter().map(|(event, _)| event.clone());
    let report = in_time(server.client().max_batch_events(2).build().unwrap().collect(events)).await.unwrap();

    let bad: Vec<(usize, &Event, &str)> =
        table.iter().enumerate().filter_map(|(at, (event, place))| Some((at, event, (*place)?))).collect();
    assert_eq!(report.rejections().len(), bad.len());
    for (rejection, (index, event, place)) in report.rejections().iter().zip(bad) {
        assert_eq!((rejection.index(), rejection.event()), (index, event));
        let RejectionCause::Contract(violations) = rejection.cause() else { panic!("{rejection:?}") };
        assert!(violations.iter().any(|violation| violation.pointer() == place), "{index}: {violations:?}");
    }
    let good: Vec<&str> = table
        .iter()
        .filter(|(_, place)| place.is_none())
        .map(|(event, _)| event.event_id().as_str())
        .collect();
    assert_eq!(copilot.taken().concat(), good);
    assert_eq!((report.read(), report.accepted(), report.requests()), (table.len(), good.len(), 2));
}

#[tokio::test]
async fn the_servers_words_come_with_the_refusal() {
    let server = Server::always(Answer::invalid_events(&[
        json!({ "event_id": "e-1", "index": 0, "error": "one" }),
        json!({ "event_id": "e-1", "error": "two" }),
        json!({ "event_id": "e-2", "index": 1 }),
        json!({ "event_id": "e-7", "index": 9, "error": "three" }),
    ]));
    let events = ["e-1", "e-2", "e-3", "e-4"].map(server::event);
    let report = in_time(server.client().build().unwrap().collect(events)).await.unwrap();
    let words: Vec<&[String]> =
        report.rejections().iter().map(|rejection| rejection.server_words()).collect();
    assert_eq!(words, [vec!["one".to_owned(), "two".to_owned()], vec![]]);
    let lines: Vec<String> =
        report.rejections().iter().map(|rejection| rejection.cause().to_string()).collect();
    assert_eq!(lines, ["rejected by Copilot.cx", "rejected by Copilot.cx without a reason"]);
    let [unattributed] = report.unattributed() else { panic!("{report:?}") };
    let said = (
        unattributed.event_id(),
        unattributed.index(),
        unattributed.server_words(),
        unattributed.candidates(),
    );
    assert_eq!(said, (Some("e-7"), Some(9), &["three".to_owned()][..], &[2, 3][..]));
    let uncertain: Vec<&str> =
        report.uncertain().iter().map(|uncertain| uncertain.event().event_id().as_str()).collect();
    assert_eq!((uncertain, report.accepted()), (vec!["e-3", "e-4"], 0));

    let failed = report.into_result().unwrap_err();
    assert!(failed.error().is_rejected(), "{failed:?}");
    assert_eq!(failed.error().server_words(), ["one", "two", "three"]);
    let said = "collect: not every event was accepted; \
                events: 0 accepted, 2 rejected, 2 accepted or rejected, 0 not delivered";
    assert_eq!(failed.to_string(), said);
}

/// What an honest server does with each event, by the number in its thing id.
#[derive(Clone, Debug, Default)]
struct Honest {
    /// Whether the event is refused, and what the refusal leaves out: nothing, the index or the event id.
    refusals: Vec<Option<u8>>,
    /// More events in a request are too many.
    most: usize,
}

impl Honest {
    fn answer(&self, request: &Request) -> Answer {
        let json = request.json();
        let events = json["events"].as_array().unwrap();
        if events.len() > self.most {
            return Answer::status(413);
        }
        let refusal = |(position, event): (usize, &Value)| {
            let number: usize = event["payload"]["thing_id"].as_str().unwrap().parse().unwrap();
            Some(match self.refusals[number]? {
                0 => json!({ "event_id": event["event_id"], "index": position, "error": number.to_string() }),
                1 => json!({ "event_id": event["event_id"], "error": number.to_string() }),
                _ => json!({ "index": position, "error": number.to_string() }),
            })
        };
        Answer::invalid_events(&events.iter().enumerate().filter_map(refusal).collect::<Vec<_>>())
    }
}

#[test]
fn of_an_honest_server_no_refusal_is_lost_and_none_is_blamed_on_the_wrong_event() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let http = reqwest::Client::new();
    let honest = Arc::new(Mutex::new(Honest::default()));
    let answering = honest.clone();
    let server = Server::start(move |request| answering.lock().unwrap().answer(request));
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() });
    // Of each event: an id out of a few, and its fate.
    let event = (0..12_u8, prop::option::of(0..3_u8));
    let strategy = (vec(event, 1..40), 1..16_usize, 1..16_usize);
    let outcome = runner.run(&strategy, |(fates, batch, most)| {
        *honest.lock().unwrap() = Honest { refusals: fates.iter().map(|(_, fate)| *fate).collect(), most };
        let client = server.client().http_client(http.clone()).max_batch_events(batch).build().unwrap();
        let events: Vec<Event> = fates
            .iter()
            .enumerate()
            .map(|(number, (id, _))| server::event_of_thing(&format!("e-{id}"), &number.to_string()))
            .collect();
        let report = runtime.block_on(in_time(client.collect(events.clone()))).unwrap();

        let refused: BTreeSet<usize> = fates
            .iter()
            .enumerate()
            .filter(|(_, (_, fate))| fate.is_some())
            .map(|(number, _)| number)
            .collect();
        for rejection in report.rejections() {
            prop_assert!(refused.contains(&rejection.index()), "{} was taken", rejection.index());
            prop_assert_eq!(rejection.event(), &events[rejection.index()]);
        }
        let blamed: BTreeSet<usize> = rejected(&report).into_iter().collect();
        prop_assert_eq!(blamed.len(), report.rejections().len());
        let mut open = BTreeSet::new();
        for refusal in report.unattributed() {
            // Candidates are alike: the refused event is one of them, and none of them is a rejection as well.
            let candidates: BTreeSet<usize> = refusal.candidates().iter().copied().collect();
            let meant: usize = refusal.server_words()[0].parse().unwrap();
            prop_assert!(candidates.contains(&meant), "{meant} is not among {:?}", refusal.candidates());
            prop_assert!(candidates.is_disjoint(&blamed));
            prop_assert!(
                candidates.iter().all(|at| Some(events[*at].event_id().as_str()) == refusal.event_id())
            );
            open.extend(candidates);
        }
        prop_assert!(refused.iter().all(|number| blamed.contains(number) || open.contains(number)));
        prop_assert_eq!(report.rejections().len() + report.unattributed().len(), refused.len());
        prop_assert_eq!(report.read(), events.len());
        // Every event is in exactly one place, and those that were not accepted come back.
        let uncertain: BTreeSet<usize> = report.uncertain().iter().map(|event| event.index()).collect();
        prop_assert_eq!(&uncertain, &open);
        let accepted = report.accepted();
        let ReportParts { rejections, uncertain, undelivered, .. } = report.into_parts();
        prop_assert!(undelivered.is_empty());
        let back = rejections.into_iter().map(|event| (event.index(), event.into_event()));
        let back = back.chain(uncertain.into_iter().map(|event| (event.index(), event.into_event())));
        let back: BTreeMap<usize, Event> = back.collect();
        prop_assert_eq!(back.len(), blamed.len() + open.len());
        prop_assert!(back.iter().all(|(index, event)| *event == events[*index]));
        prop_assert_eq!(accepted + back.len(), events.len());
        Ok(())
    });
    outcome.unwrap();
}
