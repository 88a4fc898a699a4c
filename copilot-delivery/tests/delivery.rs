//! The reporter and the courier against the sandbox: what is handed over arrives, in order, and every item has one outcome.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, http::StatusCode};

use copilot_api::{
    Client, NewEvent,
    types::{Event, ThingConnectedPayload, UserCreatedPayload},
};
use copilot_delivery::{Health, MemoryOutbox, Outcome, Pause, Reporter};
use copilot_sandbox::{Fault, Sandbox};
use serde_json::Value;

fn client(sandbox: &Sandbox) -> Client {
    Client::for_tests(&sandbox.url(), sandbox.client_id(), sandbox.client_secret()).unwrap()
}

fn reporter(sandbox: &Sandbox) -> Reporter {
    Reporter::builder(client(sandbox)).linger(Duration::from_millis(10)).start().unwrap()
}

fn event(user: usize, number: usize) -> Event {
    let payload =
        UserCreatedPayload::builder().user_id(format!("user-{user}")).first_name(number.to_string());
    payload.event().unwrap()
}

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn what_is_reported_arrives_in_the_order_of_each_user() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = reporter(&sandbox);
    for number in 0..2000 {
        reporter.report(event(number % 50, number)).await.unwrap();
    }
    reporter.flush(SOON).await.unwrap();
    let snapshot = reporter.snapshot().await.unwrap();
    assert!(snapshot.counts.adds_up());
    assert_eq!((snapshot.counts.tally.accepted, snapshot.counts.pending), (2000, 0));
    assert_eq!(snapshot.health(), Health::Ready);
    for user in 0..50 {
        // The newest is the first there.
        let names: Vec<usize> = sandbox
            .events_of_user(&format!("user-{user}"))
            .iter()
            .rev()
            .map(|received| {
                let event: Value = serde_json::from_str(received.event.get()).unwrap();
                event["payload"]["first_name"].as_str().unwrap().parse().unwrap()
            })
            .collect();
        let sorted: Vec<usize> = (0..40).map(|turn| turn * 50 + user).collect();
        assert_eq!(names, sorted, "user {user}");
    }
    assert_eq!(reporter.shutdown(SOON).await.items.len(), 0);
}

#[tokio::test]
async fn consent_goes_in_order_with_the_users_events() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = reporter(&sandbox);
    let created = reporter.report(event(7, 0)).await.unwrap();
    let granted = reporter.set_consent("user-7", true).await.unwrap();
    let withdrawn = reporter.set_consent("user-7", false).await.unwrap();
    assert_eq!(
        (created.await, granted.await, withdrawn.await),
        (Outcome::Accepted, Outcome::Accepted, Outcome::Accepted)
    );
    assert!(!sandbox.consents().last().unwrap().value);
}

#[tokio::test]
async fn an_outage_is_outlasted_and_one_bad_event_sinks_no_batch() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(Fault::status(503).next(2)).unwrap();
    sandbox.add_fault(Fault::close_after().next(1)).unwrap();
    let reporter = reporter(&sandbox);
    let tickets: Vec<_> = {
        let mut tickets = Vec::new();
        for number in 0..20 {
            tickets.push(reporter.report(event(number, number)).await.unwrap());
        }
        tickets
    };
    for ticket in tickets {
        assert_eq!(ticket.await, Outcome::Accepted);
    }
    let _ = reporter.shutdown(SOON).await;
}

#[tokio::test]
async fn refused_credentials_pause_and_keep_all() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(Fault::status(401).next(2)).unwrap();
    let reporter = reporter(&sandbox);
    let ticket = reporter.report(event(1, 1)).await.unwrap();
    let began = Instant::now();
    while reporter.snapshot().await.unwrap().events_paused != Some(Pause::Status(401)) {
        assert!(began.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(matches!(reporter.health().await, Health::Stuck(_)));
    assert_eq!(ticket.await, Outcome::Accepted);
    assert_eq!(reporter.health().await, Health::Ready);
}

/// A server that answers 400 to every request that holds the word, and else takes everything. Gives its URL, and how many
/// events it took.
async fn refusing(word: &'static str) -> (String, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = taken.clone();
    let collect = move |body: String| async move {
        if body.contains(word) {
            return (
                StatusCode::BAD_REQUEST,
                r#"{"reason":"COMMON.REQUEST_VALIDATION","error_message":"no"}"#.to_owned(),
            );
        }
        counter.fetch_add(body.matches("event_id").count(), Ordering::Relaxed);
        (StatusCode::OK, r#"{"invalid_events":[]}"#.to_owned())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(collect)).await.unwrap() });
    (url, taken)
}

fn named(user: usize, name: &str) -> Event {
    UserCreatedPayload::builder().user_id(format!("user-{user}")).first_name(name).event().unwrap()
}

#[tokio::test]
async fn an_item_that_makes_its_request_be_refused_is_found_and_holds_no_other() {
    for users in [1, 40] {
        let (url, taken) = refusing("poison").await;
        let client = Client::for_tests(&url, "id", "secret").unwrap();
        let reporter = Reporter::builder(client).linger(Duration::from_millis(50)).start().unwrap();
        let mut tickets = Vec::new();
        for number in 0..300 {
            let name = if number == 60 || number == 190 { "poison" } else { "fine" };
            tickets.push(reporter.report(named(number % users, name)).await.unwrap());
        }
        let mut rejected = Vec::new();
        for (number, ticket) in tickets.into_iter().enumerate() {
            match ticket.await {
                Outcome::Accepted => {}
                Outcome::Rejected(_) => rejected.push(number),
                other => panic!("{number}: {other:?}"),
            }
        }
        assert_eq!(rejected, [60, 190], "{users} users");
        assert_eq!(taken.load(Ordering::Relaxed), 298);
        let dead = reporter.dead_letters().list(None, 10).await.unwrap();
        assert_eq!(dead.len(), 2);
        let _ = reporter.shutdown(SOON).await;
    }
}

#[tokio::test]
async fn an_item_that_nobody_can_tell_from_an_endpoint_that_refuses_everything_waits_for_proof() {
    let (url, _) = refusing("poison").await;
    let client = Client::for_tests(&url, "id", "secret").unwrap();
    let reporter = Reporter::builder(client).linger(Duration::ZERO).start().unwrap();
    let poisoned = reporter.report(named(1, "poison")).await.unwrap();
    let began = Instant::now();
    while reporter.snapshot().await.unwrap().events_paused != Some(Pause::RefusesEverything) {
        assert!(began.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Another user's event proves that the endpoint takes events; the poisoned one holds neither it nor its own lane for ever.
    assert_eq!(reporter.report(named(2, "fine")).await.unwrap().await, Outcome::Accepted);
    assert!(matches!(poisoned.await, Outcome::Rejected(_)));
    let _ = reporter.shutdown(SOON).await;
}

#[tokio::test]
async fn a_full_outbox_gives_back_or_waits() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(Fault::delay(Duration::from_millis(300)).next(1)).unwrap();
    let small = MemoryOutbox::with_capacity(2, 1 << 20);
    let reporter = Reporter::builder(client(&sandbox)).outbox(small).linger(Duration::ZERO).start().unwrap();
    reporter.try_report(event(1, 1)).unwrap();
    reporter.try_report(event(2, 2)).unwrap();
    let refused = reporter.try_report(event(3, 3)).unwrap_err();
    assert!(refused.is_full() && refused.into_reported().is_some());
    reporter.report(event(3, 3)).await.unwrap();
    reporter.flush(SOON).await.unwrap();
    assert_eq!(sandbox.accepted().len(), 3);
}

#[tokio::test]
async fn shutdown_gives_back_what_a_silent_server_left() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::for_tests(&url, "id", "secret").unwrap();
    let reporter = Reporter::builder(client).start().unwrap();
    for number in 0..5000 {
        reporter.report(event(number, number)).await.unwrap();
    }
    let (began, within) = (Instant::now(), Duration::from_millis(500));
    let left = reporter.shutdown(within).await;
    assert!(began.elapsed() < within + Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!(left.items.len(), 5000);
    assert!(left.items.iter().any(|item| item.may_have_been_taken));
    assert!(reporter.try_report(event(1, 1)).unwrap_err().is_closed());
}

#[test]
fn it_works_without_a_runtime() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = reporter(&sandbox);
    let payload = ThingConnectedPayload::builder().thing_id("SN-1");
    reporter.report_blocking(payload.event().unwrap()).unwrap();
    reporter.set_consent_blocking("user-7", true).unwrap();
    assert_eq!(reporter.shutdown_blocking(SOON).items.len(), 0);
    assert_eq!((sandbox.accepted().len(), sandbox.consents().len()), (1, 1));
}
