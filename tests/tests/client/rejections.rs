//! Refused events: which ones they are, and that none is lost or blamed wrongly.

use copilot_api::{
    EventTimestamp, NewEvent, RejectionCause,
    types::{CustomEventPayload, Event, ThingConnectedPayload},
};
use copilot_tests::server::{self, Answer, Server, copilot, in_time};
use serde_json::json;

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
        (custom.event(), Some("/payload")),
        (server::event("good-2"), None),
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
