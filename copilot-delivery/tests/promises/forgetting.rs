//! Forgetting a user while that user's lane is busy.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use copilot_delivery::{Outcome, Reporter};
use copilot_sandbox::Sandbox;

use crate::support::{SOON, client, client_of, event, in_time, named, quick, server};

/// A lane that is never idle is no obstacle, and only what was on its way is sent.
#[tokio::test]
async fn forgetting_waits_for_what_is_on_its_way_and_for_nothing_else() {
    const ITEMS: u64 = 10_000;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let url = server::start(move |_| {
        counter.fetch_add(1, Relaxed);
        std::thread::sleep(Duration::from_millis(5));
        server::TAKEN
    })
    .await;
    let reporter = Reporter::builder(client_of(&url)).linger(Duration::ZERO).start().unwrap();
    for number in 0..ITEMS {
        reporter.report(event(1, number as usize)).await.unwrap();
    }
    let before = asked.load(Relaxed);
    let forgot = in_time(reporter.forget("user-1")).await.unwrap();
    let meanwhile = asked.load(Relaxed) - before;
    assert!(meanwhile <= 2 && forgot.pending > 0, "{meanwhile} requests, {forgot:?}");
    let counts = reporter.snapshot().await.unwrap().counts;
    assert_eq!((counts.pending, counts.tally.forgotten, counts.adds_up()), (0, forgot.pending, true));
    // The lane is free again.
    assert_eq!(in_time(reporter.report(event(1, 0)).await.unwrap()).await, Outcome::Accepted);
}

/// And one who is forgotten while nothing goes on its way, and gives up waiting, holds nothing.
#[tokio::test]
async fn forgetting_that_is_given_up_holds_no_lane() {
    let (answer, mut answers) = tokio::sync::watch::channel(false);
    let url = server::start(move |_| if *answers.borrow_and_update() { server::TAKEN } else { None }).await;
    let client = client_of(&url).to_builder().timeout(Duration::from_millis(300)).build().unwrap();
    let reporter = quick(client).start().unwrap();
    let ticket = reporter.report(event(1, 1)).await.unwrap();
    crate::support::until_seen(&reporter, "a request", |snapshot| snapshot.in_flight == 1).await;
    let forgotten = tokio::time::timeout(Duration::from_millis(20), reporter.forget("user-1")).await;
    assert!(forgotten.is_err(), "it waits for what is on its way");
    answer.send(true).unwrap();
    assert_eq!(in_time(ticket).await, Outcome::Accepted);
}

/// Whatever is reported in the meantime: the newest consent change at the moment of forgetting is the one that is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_consent_that_is_reported_meanwhile_is_not_taken_for_an_older_one() {
    let sandbox = Sandbox::start().unwrap();
    for round in 0..10 {
        let reporter = Reporter::builder(client(&sandbox)).linger(Duration::from_secs(60)).start().unwrap();
        for _ in 0..200 {
            reporter.report(named(round, "x")).await.unwrap();
        }
        let user = format!("user-{round}");
        let (last, forgetter) = (reporter.clone(), user.clone());
        let changes = tokio::spawn(async move {
            for number in 0..50 {
                last.set_consent(forgetter.clone(), number % 2 == 0).await.unwrap();
            }
            [last.set_consent(forgetter, true).await.unwrap()]
        });
        reporter.forget(&user).await.unwrap();
        let [last] = changes.await.unwrap();
        reporter.flush(SOON).await.unwrap();
        assert_eq!(in_time(last).await, Outcome::Accepted, "round {round}");
        let consents = sandbox.consents();
        assert!(consents.iter().rev().find(|consent| consent.user_id == user).unwrap().value);
    }
}
