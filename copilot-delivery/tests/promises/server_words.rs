//! What answers say of items and of clocks, and what is refused here before it is sent.

use std::time::Duration;

use copilot_api::{
    EventTimestamp, NewEvent,
    types::{Event, PreexistingSyncCompletedPayload, PreexistingSyncStartedPayload, UserCreatedPayload},
};
use copilot_delivery::{Health, Judge, Outcome, Reporter};
use copilot_sandbox::{Fault, Sandbox};

use crate::support::{SOON, client, client_of, event, in_time, quick, reporter, server, until_seen};

#[tokio::test]
async fn events_that_open_and_close_the_sync_are_refused_and_given_back() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = reporter(&sandbox);
    let events: [Event; 2] = [
        PreexistingSyncStartedPayload::builder().event().unwrap(),
        PreexistingSyncCompletedPayload::builder().event().unwrap(),
    ];
    for event in events {
        let refused = reporter.report(event.clone()).await.unwrap_err();
        assert!(refused.is_sync_event() && !refused.is_invalid() && refused.into_reported().is_some());
        assert!(reporter.try_report(event).unwrap_err().is_sync_event());
    }
    assert_eq!(reporter.snapshot().await.unwrap().counts.tally.taken, 0);
}

#[tokio::test]
async fn an_event_that_had_grown_too_old_when_its_turn_came_is_expired_and_consent_never_is() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = Reporter::builder(client(&sandbox)).linger(Duration::from_millis(400)).start().unwrap();
    let nearly = EventTimestamp::now().as_millis() - EventTimestamp::WINDOW_PAST_MILLIS + 200;
    let old = UserCreatedPayload::builder()
        .user_id("user-1")
        .event_at(EventTimestamp::from_millis(nearly).unwrap());
    let old = reporter.report(old.unwrap()).await.unwrap();
    let new = reporter.report(event(1, 1)).await.unwrap();
    assert_eq!((in_time(old).await, in_time(new).await), (Outcome::Expired, Outcome::Accepted));
    let dead = reporter.dead_letters().list(None, 10).await.unwrap();
    assert!(dead.len() == 1 && dead[0].outcome == Outcome::Expired);
    // Sent again, it is as old.
    assert!(reporter.dead_letters().send_again(dead[0].id).await.unwrap());
    reporter.flush(SOON).await.unwrap();
    let counts = reporter.snapshot().await.unwrap().counts;
    assert_eq!((counts.tally.expired, counts.tally.taken, counts.dead_letters), (2, 3, 1));
    assert_eq!(sandbox.events().len(), 1);
}

/// Memory and what the outbox says of its age: a change of consent that was taken long ago is sent.
#[tokio::test]
async fn a_change_of_consent_never_expires() {
    use copilot_delivery::{Item, Kind, Lane, MemoryOutbox, Outbox, Record};

    let sandbox = Sandbox::start().unwrap();
    let outbox = MemoryOutbox::new();
    let record = Record {
        key: 1,
        lane: Lane::of("user-1"),
        reported_at: 0,
        kind: Kind::Consent,
        event_type: None,
        event_id: None,
        timestamp: None,
        user_id: Some("user-1".to_owned()),
        json: r#"{"user_id":"user-1","consent_value":false}"#.to_owned(),
        contract: "0.1.0".into(),
    };
    outbox.hand_over(Item::from_record(record)).unwrap();
    let reporter = quick(client(&sandbox)).outbox(outbox).start().unwrap();
    reporter.flush(SOON).await.unwrap();
    assert!(sandbox.consents().len() == 1 && reporter.snapshot().await.unwrap().counts.tally.accepted == 1);
}

#[tokio::test]
async fn a_refused_event_is_dead_with_the_servers_words_and_can_be_mended_sent_again_and_dropped() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(Fault::reject_events().next(1)).unwrap();
    let reporter = reporter(&sandbox);
    let Outcome::Rejected(reason) = in_time(reporter.report(event(1, 1)).await.unwrap()).await else {
        panic!("not rejected")
    };
    assert!(reason.by == Judge::Server && !reason.words.is_empty());
    let dead = reporter.dead_letters().list(None, 10).await.unwrap();
    assert_eq!(dead[0].outcome, Outcome::Rejected(reason));
    assert!(reporter.dead_letters().send_mended(dead[0].id, event(1, 2)).await.unwrap());
    assert!(!reporter.dead_letters().send_again(dead[0].id).await.unwrap());
    assert_eq!(reporter.dead_letters().drop(&[dead[0].id]).await.unwrap(), 0);
    reporter.flush(SOON).await.unwrap();
    let counts = reporter.snapshot().await.unwrap().counts;
    assert!(counts.adds_up());
    assert_eq!((counts.tally.taken, counts.tally.accepted, counts.dead_letters), (2, 1, 0));
}

#[tokio::test]
async fn a_clock_that_is_not_the_servers_is_told_before_events_are_refused_for_it() {
    let dates = [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "ahead of the server's"),
        ("Sun, 06 Nov 2044 08:49:37 GMT", "behind the server's"),
    ];
    for (date, words) in dates {
        let url = server::slow(move |_| server::Slow {
            wait: Duration::ZERO,
            status: 200,
            body: r#"{"invalid_events":[]}"#,
            header: Some(("date", date)),
        });
        let reporter = quick(client_of(&url.await)).start().unwrap();
        assert_eq!(reporter.health().await, Health::Ready);
        assert_eq!(in_time(reporter.report(event(1, 1)).await.unwrap()).await, Outcome::Accepted);
        until_seen(&reporter, "an offset", |snapshot| snapshot.clock_offset.is_some()).await;
        let Health::Degraded(said) = reporter.health().await else { panic!("{date} is no trouble") };
        assert!(said.contains(words), "{said}");
    }
    // And one that is: the sandbox runs on this machine.
    let sandbox = Sandbox::start().unwrap();
    let reporter = reporter(&sandbox);
    let _ = in_time(reporter.report(event(1, 1)).await.unwrap()).await;
    assert_eq!(reporter.health().await, Health::Ready);
}
