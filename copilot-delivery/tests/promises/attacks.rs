//! What an attack on the crate found: extreme values, answers that come late, and ends that race.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use copilot_api::Credentials;
use copilot_delivery::{Health, Lane, MemoryOutbox, Outcome, Reporter};
use copilot_sandbox::Sandbox;

use crate::support::{client, client_of, event, in_time, quick, server, until_seen};

/// A server that may take its time for an answer, and asks to wait.
async fn slow_server(
    answer: impl Fn(&str) -> (Duration, u16, Option<&'static str>) + Send + 'static,
) -> String {
    server::slow(move |asked| {
        let (wait, status, retry_after) = answer(&asked.body);
        let body = if status == 200 { r#"{"invalid_events":[]}"# } else { "{}" };
        let header = retry_after.map(|value| ("retry-after", value));
        server::Slow { wait, status, body, header }
    })
    .await
}

fn credentials() -> Credentials {
    Credentials::new("id", "secret").unwrap()
}

/// Users of different lanes.
fn users(count: usize) -> Vec<usize> {
    let mut lanes = Vec::new();
    (0..)
        .filter(|user| {
            let lane = Lane::of(&format!("user-{user}"));
            let is_new = !lanes.contains(&lane);
            lanes.push(lane);
            is_new
        })
        .take(count)
        .collect()
}

#[tokio::test]
async fn a_server_that_asks_to_wait_for_ever_does_not_end_the_courier() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let url = slow_server(move |_| match counter.fetch_add(1, Relaxed) {
        0 => (Duration::ZERO, 503, Some("18446744073709551616")),
        _ => (Duration::ZERO, 200, None),
    })
    .await;
    let reporter = quick(client_of(&url)).start().unwrap();
    let ticket = reporter.report(event(1, 1)).await.unwrap();
    until_seen(&reporter, "slowed", |snapshot| snapshot.slowed.is_some() || !snapshot.running).await;
    assert!(matches!(reporter.health().await, Health::Degraded(_)));
    reporter.set_credentials(credentials()).unwrap();
    assert_eq!(in_time(ticket).await, Outcome::Accepted);
}

#[tokio::test]
async fn extreme_settings_neither_panic_nor_hang() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = Reporter::builder(client(&sandbox))
        .linger(Duration::MAX)
        .max_in_flight(usize::MAX)
        .outbox(MemoryOutbox::with_capacity(0, 0))
        .start()
        .unwrap();
    let ticket = in_time(reporter.report(event(1, 1))).await.unwrap();
    server::a_moment().await;
    in_time(reporter.flush(Duration::MAX)).await.unwrap();
    assert_eq!(in_time(ticket).await, Outcome::Accepted);
    assert!(in_time(reporter.shutdown(Duration::MAX)).await.items.is_empty());
}

/// The courier must not come to its end before it knows who asked for it.
#[tokio::test]
async fn a_shutdown_without_any_time_gives_everything_back() {
    let (url, _listener) = server::silent().await;
    for round in 0..40 {
        let reporter = Reporter::builder(client_of(&url)).start().unwrap();
        for number in 0..10 {
            reporter.report(event(number, number)).await.unwrap();
        }
        let left = reporter.shutdown(Duration::ZERO).await;
        assert_eq!(left.items.len(), 10, "round {round}");
    }
}

#[tokio::test]
async fn an_outbox_has_one_reporter_at_a_time() {
    let sandbox = Sandbox::start().unwrap();
    let outbox = Arc::new(MemoryOutbox::new());
    let first = quick(client(&sandbox)).shared_outbox(outbox.clone()).start().unwrap();
    let second = quick(client_of("http://127.0.0.1:9")).shared_outbox(outbox.clone()).start();
    assert_eq!(second.unwrap_err().fault(), copilot_delivery::outbox::Fault::InUse);
    let ticket = first.report(event(1, 1)).await.unwrap();
    assert_eq!(in_time(ticket).await, Outcome::Accepted);
}

/// A request that had begun before says nothing about what the server asked for since.
#[tokio::test]
async fn an_answer_that_comes_late_does_not_end_a_wait() {
    let others = Arc::new(AtomicUsize::new(0));
    let counter = others.clone();
    let [limited, late, third] = users(3)[..] else { unreachable!() };
    let url = slow_server(move |body| {
        if body.contains(&format!("user-{limited}\"")) {
            (Duration::from_millis(100), 429, Some("3"))
        } else if body.contains(&format!("user-{late}\"")) {
            (Duration::from_millis(300), 200, None)
        } else {
            counter.fetch_add(1, Relaxed);
            (Duration::ZERO, 200, None)
        }
    })
    .await;
    let reporter = Reporter::builder(client_of(&url)).linger(Duration::ZERO).start().unwrap();
    reporter.report(event(late, 1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    reporter.report(event(limited, 1)).await.unwrap();
    until_seen(&reporter, "the late one", |snapshot| snapshot.counts.tally.accepted == 1).await;
    reporter.report(event(third, 1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(others.load(Relaxed), 0, "it was asked to wait for 3 s");
    assert!(reporter.snapshot().await.unwrap().slowed.is_some());
}

/// What was taken before an endpoint began to refuse everything is no proof against what it refuses now.
#[tokio::test]
async fn what_was_on_its_way_before_is_no_proof_against_an_item() {
    let opens = Arc::new(AtomicBool::new(false));
    let open = opens.clone();
    let [refused, late] = users(2)[..] else { unreachable!() };
    let url = slow_server(move |body| {
        if body.contains(&format!("user-{late}\"")) {
            (Duration::from_millis(400), 200, None)
        } else if open.load(Relaxed) {
            (Duration::ZERO, 200, None)
        } else {
            (Duration::ZERO, 403, None)
        }
    })
    .await;
    let reporter = Reporter::builder(client_of(&url)).linger(Duration::ZERO).start().unwrap();
    reporter.report(event(late, 1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    let ticket = reporter.report(event(refused, 1)).await.unwrap();
    until_seen(&reporter, "the late one", |snapshot| snapshot.counts.tally.accepted == 1).await;
    for _ in 0..5 {
        reporter.set_credentials(credentials()).unwrap();
        server::a_moment().await;
    }
    assert_eq!(reporter.snapshot().await.unwrap().counts.tally.rejected, 0);
    opens.store(true, Relaxed);
    reporter.set_credentials(credentials()).unwrap();
    assert_eq!(in_time(ticket).await, Outcome::Accepted);
}

/// What the old credentials still get for an answer does not hold the new ones.
#[tokio::test]
async fn credentials_that_are_replaced_during_a_probe_are_tried_at_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (counter, right) = (asked.clone(), Arc::new(AtomicBool::new(false)));
    let is_right = right.clone();
    let url = slow_server(move |_| {
        let number = counter.fetch_add(1, Relaxed);
        match is_right.load(Relaxed) {
            true => (Duration::ZERO, 200, None),
            false => (Duration::from_millis(if number < 8 { 0 } else { 400 }), 401, None),
        }
    })
    .await;
    let reporter = Reporter::builder(client_of(&url)).linger(Duration::ZERO).start().unwrap();
    let ticket = reporter.report(event(1, 1)).await.unwrap();
    while asked.load(Relaxed) < 9 {
        reporter.set_credentials(credentials()).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A probe is on its way, and the next one would come after 15 s at least.
    right.store(true, Relaxed);
    reporter.set_credentials(credentials()).unwrap();
    let began = Instant::now();
    assert_eq!(in_time(ticket).await, Outcome::Accepted);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_probe_takes_items_of_as_many_lanes_as_it_may() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = times.clone();
    let url = slow_server(move |_| {
        seen.lock().unwrap().push(Instant::now());
        (Duration::from_millis(50), 401, None)
    })
    .await;
    let reporter = quick(client_of(&url)).start().unwrap();
    for user in users(8) {
        reporter.report(event(user, 1)).await.unwrap();
    }
    until_seen(&reporter, "paused", |snapshot| snapshot.events_paused.is_some()).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    times.lock().unwrap().clear();
    reporter.set_credentials(credentials()).unwrap();
    tokio::time::sleep(Duration::from_millis(45)).await;
    assert_eq!(times.lock().unwrap().len(), 4);
}

/// Flush is about what was handed over, stored by then or not.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn what_waits_to_be_stored_is_counted() {
    use copilot_delivery::{
        Item, Kind, Outbox, Record, SqliteOutbox,
        outbox::{Counts, HandedOver},
    };

    let folder = crate::support::Folder::new();
    let outbox = SqliteOutbox::open(folder.file()).unwrap();
    let record = Record {
        key: 0,
        lane: Lane::of("user-1"),
        reported_at: 0,
        kind: Kind::Event,
        event_type: None,
        event_id: None,
        timestamp: None,
        user_id: None,
        json: "x".repeat(700_000),
        contract: "0".into(),
    };
    let items: Vec<Item> = (0..20).map(|_| Item::from_record(record.clone())).collect();
    let stored: Vec<HandedOver> = items.into_iter().map(|item| outbox.hand_over(item).unwrap()).collect();
    let Counts { last, pending, .. } = outbox.counts().await.unwrap();
    assert_eq!((last, pending), (20, 20));
    drop(stored);
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn retention_begins_with_the_program() {
    use copilot_delivery::{Retention, SqliteOutbox};

    let (url, _listener) = server::silent().await;
    let folder = crate::support::Folder::new();
    let reporter = quick(client_of(&url)).outbox(SqliteOutbox::open(folder.file()).unwrap()).start().unwrap();
    reporter.report(event(1, 1)).await.unwrap();
    let _ = reporter.shutdown(Duration::ZERO).await;
    drop(reporter);
    let mut outbox = SqliteOutbox::open(folder.file());
    while outbox.is_err() {
        // The courier lets go of the file a moment later.
        server::a_moment().await;
        outbox = SqliteOutbox::open(folder.file());
    }
    let retention = Retention { max_age: Some(Duration::ZERO), ..Retention::default() };
    let reporter = quick(client_of(&url)).outbox(outbox.unwrap()).retention(retention).start().unwrap();
    until_seen(&reporter, "expired", |snapshot| snapshot.counts.tally.expired == 1).await;
}

/// The stream tells of what was removed without being sent as well.
#[tokio::test]
async fn the_stream_of_outcomes_has_what_was_forgotten() {
    let (url, _listener) = server::silent().await;
    let reporter = Reporter::builder(client_of(&url)).linger(Duration::from_secs(20)).start().unwrap();
    let mut outcomes = reporter.outcomes();
    reporter.report(event(1, 1)).await.unwrap();
    assert_eq!(in_time(reporter.forget("user-1")).await.unwrap().pending, 1);
    let copilot_delivery::Next::Settled(settlement) = in_time(outcomes.next()).await else { panic!() };
    assert_eq!(settlement.outcome, Outcome::Forgotten);
    assert!(settlement.event_id.is_some() && settlement.event_type.is_some());
}

/// As behind a balancer, one of whose servers is set up wrong.
#[tokio::test]
async fn an_endpoint_that_is_there_every_other_time_costs_hardly_any_item() {
    let asked = AtomicUsize::new(0);
    let asked = Arc::new(asked);
    let url = slow_server(move |_| {
        let is_there = asked.fetch_add(1, Relaxed).is_multiple_of(2);
        (Duration::ZERO, if is_there { 200 } else { 404 }, None)
    })
    .await;
    let reporter = quick(client_of(&url)).start().unwrap();
    for number in 0..1000 {
        reporter.report(event(number % 100, number)).await.unwrap();
    }
    let _ = reporter.flush(Duration::from_millis(1500)).await;
    let tally = reporter.snapshot().await.unwrap().counts.tally;
    assert!(tally.accepted > 20 && tally.rejected * 20 <= tally.accepted, "{tally:?}");
}
