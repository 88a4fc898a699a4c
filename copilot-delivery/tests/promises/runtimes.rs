//! Every flavour of tokio's runtime, and none: the courier has its own.

use std::{thread, time::Duration};

use copilot_delivery::{Outcome, Reporter};
use copilot_sandbox::Sandbox;
use tokio::runtime::{Builder, Runtime};

use crate::support::{SOON, client, event, quick, reporter};

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn it_works_on_every_flavour_and_without_a_runtime() {
    let sandbox = Sandbox::start().unwrap();
    let multi_thread = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // One that has neither time nor I/O: nothing of delivery runs on it.
    let bare = Builder::new_current_thread().build().unwrap();
    let mut items = 0;
    for runtime in [current_thread(), multi_thread, bare] {
        runtime.block_on(async {
            let reporter = reporter(&sandbox);
            let ticket = reporter.report(event(1, items)).await.unwrap();
            let consent = reporter.set_consent("user-1", true).await.unwrap();
            assert_eq!((ticket.await, consent.await), (Outcome::Accepted, Outcome::Accepted));
            reporter.report(event(1, items + 1)).await.unwrap();
            reporter.flush(SOON).await.unwrap();
            assert!(reporter.shutdown(SOON).await.items.is_empty());
        });
        items += 2;
    }
    let reporter = reporter(&sandbox);
    reporter.report_blocking(event(1, items)).unwrap();
    reporter.set_consent_blocking("user-2", true).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let reporter = reporter.clone();
            thread::spawn(move || reporter.report_blocking(event(number, number)).unwrap())
        })
        .collect();
    threads.into_iter().for_each(|thread| drop(thread.join().unwrap()));
    assert!(reporter.shutdown_blocking(SOON).items.is_empty());
    assert_eq!((sandbox.accepted().len(), sandbox.consents().len()), (items + 5, 2));
}

#[test]
fn the_callers_runtime_may_end_while_items_are_pending() {
    let sandbox = Sandbox::start().unwrap();
    let runtime = current_thread();
    // The client was used on that runtime, and has connections there.
    let client = client(&sandbox);
    let (reporter, tickets) = runtime.block_on(async {
        client.set_consent("user-1", true).await.unwrap();
        let reporter: Reporter = quick(client.clone()).linger(Duration::from_millis(100)).start().unwrap();
        let mut tickets = Vec::new();
        for number in 0..50 {
            tickets.push(reporter.report(event(number, number)).await.unwrap());
        }
        (reporter, tickets)
    });
    drop(runtime);
    assert!(sandbox.accepted().is_empty());
    let another = current_thread();
    another.block_on(async {
        for ticket in tickets {
            assert_eq!(ticket.await, Outcome::Accepted);
        }
    });
    drop(another);
    reporter.report_blocking(event(1, 50)).unwrap();
    assert!(reporter.shutdown_blocking(SOON).items.is_empty());
    assert_eq!(sandbox.accepted().len(), 51);
}

/// A future that is dropped while it waits for room took nothing; whoever else waits gets the room.
#[tokio::test]
async fn a_report_that_is_given_up_while_it_waits_for_room_took_nothing() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(copilot_sandbox::Fault::delay(Duration::from_millis(200)).next(1)).unwrap();
    let outbox = copilot_delivery::MemoryOutbox::with_capacity(1, 1 << 20);
    let reporter = quick(client(&sandbox)).outbox(outbox).start().unwrap();
    reporter.report(event(1, 1)).await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_millis(20), reporter.report(event(1, 2))).await;
    assert!(given_up.is_err());
    let waits: Vec<_> = (0..5)
        .map(|number| {
            let reporter = reporter.clone();
            tokio::spawn(async move { reporter.report(event(2, number)).await.map(drop) })
        })
        .collect();
    for wait in waits {
        crate::support::in_time(wait).await.unwrap().unwrap();
    }
    reporter.flush(SOON).await.unwrap();
    assert_eq!((sandbox.events_of_user("user-1").len(), sandbox.events_of_user("user-2").len()), (1, 5));
}
