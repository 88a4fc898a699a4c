//! What a program does to delivery: it forgets to end it, has two environments, replaces credentials.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use copilot_api::Credentials;
use copilot_delivery::{Health, Outcome, Pause, Reporter};
use copilot_sandbox::Sandbox;

use crate::support::{
    Log, SOON, child, client_of, event, faulty::FaultyOutbox, in_time, quick, reporter, server, until_seen,
};

#[test]
fn dropping_the_last_reporter_does_not_wait_and_tells_how_many_stay_where() {
    if !child::is_alone(dropping_the_last_reporter_does_not_wait_and_tells_how_many_stay_where) {
        return;
    }
    let log = Log::capture();
    let (listener, linger) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), Duration::from_secs(60));
    let url = format!("http://{}", listener.local_addr().unwrap());
    let words = [
        (FaultyOutbox::default(), "ERROR", "items that were in memory are lost items=3"),
        (FaultyOutbox::durable(), "WARN", "items stay in the outbox items=3 place=\"a test\""),
    ];
    for (outbox, level, words) in words {
        let reporter = Reporter::builder(client_of(&url)).linger(linger).outbox(outbox).start().unwrap();
        for number in 0..3 {
            reporter.report_blocking(event(number, number)).unwrap();
        }
        let second = reporter.clone();
        drop(reporter);
        assert!(!log.text().contains(words), "a clone is left");
        let began = Instant::now();
        drop(second);
        assert!(began.elapsed() < Duration::from_millis(50), "{:?}", began.elapsed());
        let text = log.text();
        assert!(text.lines().any(|line| line.contains(level) && line.contains(words)), "{text}");
        assert!(!text.contains("user-"), "it names nobody: {text}");
    }
    // After a shutdown there is nothing to tell.
    let before = log.text();
    let reporter = Reporter::builder(client_of(&url)).linger(linger).start().unwrap();
    reporter.report_blocking(event(1, 1)).unwrap();
    assert_eq!(reporter.shutdown_blocking(Duration::from_millis(20)).items.len(), 1);
    drop(reporter);
    assert_eq!(log.text(), before);
}

/// Nobody waits for it any more: then the log says what is lost.
#[test]
fn a_shutdown_that_is_given_up_says_what_was_lost() {
    if !child::is_alone(a_shutdown_that_is_given_up_says_what_was_lost) {
        return;
    }
    let log = Log::capture();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (url, _listener) = server::silent().await;
        let reporter = quick(client_of(&url)).start().unwrap();
        let ticket = reporter.report(event(1, 1)).await.unwrap();
        let shutdown = reporter.shutdown(Duration::from_millis(100));
        assert!(tokio::time::timeout(Duration::from_millis(20), shutdown).await.is_err());
        assert_eq!(in_time(ticket).await, Outcome::Undelivered);
        drop(reporter);
    });
    let began = Instant::now();
    while !log.text().contains("these items are lost") {
        assert!(began.elapsed() < SOON, "{}", log.text());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[tokio::test]
async fn two_reporters_for_two_environments_keep_apart() {
    let (one, two) = (Sandbox::start().unwrap(), Sandbox::start().unwrap());
    let reporters = [reporter(&one), reporter(&two)];
    for number in 0..100 {
        reporters[number % 2].report(event(number % 2, number)).await.unwrap();
    }
    reporters[0].flush(SOON).await.unwrap();
    assert_eq!(one.events_of_user("user-0").len(), 50);
    let _ = reporters[0].shutdown(SOON).await;
    reporters[1].flush(SOON).await.unwrap();
    assert_eq!(
        (one.accepted().len(), two.events_of_user("user-1").len(), two.accepted().len()),
        (50, 50, 50)
    );
}

#[tokio::test]
async fn credentials_are_replaced_while_it_runs_and_what_is_paused_is_tried_at_once() {
    let right = Arc::new(Mutex::new(String::new()));
    let expected = right.clone();
    let url = server::start(move |asked| {
        let mut expected = expected.lock().unwrap();
        if expected.is_empty() {
            expected.clone_from(&asked.credentials);
        }
        if *expected == asked.credentials { server::TAKEN } else { Some((401, "{}")) }
    })
    .await;
    let reporter = quick(client_of(&url)).start().unwrap();
    assert_eq!(in_time(reporter.report(event(1, 0)).await.unwrap()).await, Outcome::Accepted);
    // The server's are renewed; ours are not yet.
    "another".clone_into(&mut right.lock().unwrap());
    let mut tickets = Vec::new();
    for number in 1..20 {
        tickets.push(reporter.report(event(number, number)).await.unwrap());
    }
    until_seen(&reporter, "paused", |snapshot| snapshot.events_paused == Some(Pause::Status(401))).await;
    assert_eq!(reporter.snapshot().await.unwrap().counts.pending, 19);
    assert!(matches!(reporter.health().await, Health::Stuck(_)));
    let foreign = reporter.set_credentials(Credentials::new("another id", "secret").unwrap()).unwrap_err();
    assert!(foreign.is_bound_elsewhere(), "{foreign}");
    right.lock().unwrap().clear();
    reporter.set_credentials(Credentials::new("id", "renewed").unwrap()).unwrap();
    let began = Instant::now();
    for ticket in tickets {
        assert_eq!(in_time(ticket).await, Outcome::Accepted);
    }
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
    assert!(!right.lock().unwrap().is_empty());
    assert_eq!(reporter.health().await, Health::Ready);
}
