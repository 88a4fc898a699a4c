//! Tickets and the stream of outcomes: whoever waits is told, or told that nobody will.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use copilot_delivery::{Health, Next, Outcome, Reporter};
use copilot_sandbox::{Fault, Sandbox};

use crate::support::{
    SOON, client, client_of, event, faulty::FaultyOutbox, in_time, quick, reporter, server,
};

#[tokio::test]
async fn a_ticket_ends_when_its_reporter_is_dropped() {
    let (url, _listener) = server::silent().await;
    for durable in [false, true] {
        let outbox = if durable { FaultyOutbox::durable() } else { FaultyOutbox::default() };
        let reporter = quick(client_of(&url)).outbox(outbox).start().unwrap();
        let waiting = reporter.report(event(1, 1)).await.unwrap();
        let sent = reporter.report(event(2, 2)).await.unwrap();
        server::a_moment().await;
        drop(reporter);
        let expected = if durable { Outcome::SettledElsewhere } else { Outcome::Undelivered };
        assert_eq!((in_time(waiting).await, in_time(sent).await), (expected.clone(), expected));
    }
}

#[tokio::test]
async fn a_ticket_ends_and_everything_errs_when_the_courier_panics() {
    let sandbox = Sandbox::start().unwrap();
    for durable in [false, true] {
        let outbox = if durable { FaultyOutbox::durable() } else { FaultyOutbox::default() };
        let fails = outbox.fails.clone();
        let reporter = Reporter::builder(client(&sandbox)).outbox(outbox).start().unwrap();
        let mut outcomes = reporter.outcomes();
        let ticket = reporter.report(event(1, 1)).await.unwrap();
        fails.lease_panics.store(true, Relaxed);
        let flushed = in_time(reporter.flush(SOON)).await;
        assert!(flushed.is_err());
        let expected = if durable { Outcome::SettledElsewhere } else { Outcome::Undelivered };
        assert_eq!(in_time(ticket).await, expected);
        assert!(matches!(in_time(outcomes.next()).await, Next::End));
        assert!(in_time(reporter.report(event(1, 2))).await.unwrap_err().is_closed());
        assert!(in_time(reporter.flush(SOON)).await.is_err());
        assert!(in_time(reporter.shutdown(SOON)).await.items.is_empty());
        assert!(matches!(reporter.health().await, Health::Stuck(_)));
    }
}

#[tokio::test]
async fn a_ticket_whose_item_could_not_be_stored_says_so_to_who_waits_for_either() {
    let sandbox = Sandbox::start().unwrap();
    let outbox = FaultyOutbox::durable();
    outbox.fails.storing.store(true, Relaxed);
    let reporter = quick(client(&sandbox)).outbox(outbox).start().unwrap();
    // Whoever waited for the outcome first gets the item all the same.
    let mut ticket = reporter.try_report(event(1, 1)).unwrap();
    assert_eq!(in_time(&mut ticket).await, Outcome::Undelivered);
    let refused = in_time(ticket.stored()).await.unwrap_err();
    assert!(refused.outbox_error().is_some() && refused.into_reported().is_some());
    assert!(in_time(reporter.report(event(1, 3))).await.unwrap_err().into_reported().is_some());
}

#[tokio::test]
async fn the_stream_is_bounded_tells_what_it_missed_and_ends_with_delivery() {
    const ITEMS: u64 = 3000;
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(Fault::reject_types(["user_created"]).next(1)).unwrap();
    let reporter = reporter(&sandbox);
    let (mut slow, mut quick) = (reporter.outcomes(), reporter.outcomes());
    let reader = tokio::spawn(async move {
        let (mut told, mut rejected, mut missed) = (0, 0, 0);
        loop {
            match quick.next().await {
                Next::Settled(settlement) => {
                    assert!(
                        settlement.event_id.is_some()
                            && settlement.event_type.as_deref() == Some("user_created")
                    );
                    told += 1;
                    rejected += u64::from(matches!(settlement.outcome, Outcome::Rejected(_)));
                }
                Next::Missed(some) => missed += some,
                _ => return (told, rejected, missed),
            }
        }
    });
    for number in 0..ITEMS {
        reporter.report(event(number as usize % 40, number as usize)).await.unwrap();
    }
    reporter.flush(SOON).await.unwrap();
    let _ = reporter.shutdown(SOON).await;
    // The reporter is still there: it is delivery that has ended.
    let (told, rejected, missed) = in_time(reader).await.unwrap();
    assert!(rejected > 0 && told + missed == ITEMS);
    let Next::Missed(missed) = slow.next().await else { panic!("nothing was missed") };
    let mut told = 0;
    while let Next::Settled(_) = in_time(slow.next()).await {
        told += 1;
    }
    assert_eq!((told, told + missed), (1024, ITEMS));
    assert!(matches!(in_time(reporter.outcomes().next()).await, Next::End));
}

#[tokio::test]
async fn an_outbox_that_fails_is_said_and_tried_again() {
    let sandbox = Sandbox::start().unwrap();
    let outbox = FaultyOutbox::default();
    let fails = outbox.fails.clone();
    let reporter = quick(client(&sandbox)).outbox(outbox).start().unwrap();
    for switch in [&fails.lease, &fails.settle] {
        switch.store(true, Relaxed);
        let ticket = reporter.report(event(1, 1)).await.unwrap();
        crate::support::until("it is stuck", async || matches!(reporter.health().await, Health::Stuck(_)))
            .await;
        switch.store(false, Relaxed);
        assert_eq!(in_time(ticket).await, Outcome::Accepted);
        crate::support::until("it is ready", async || reporter.health().await == Health::Ready).await;
    }
}

/// Once more than its deadline, or for ever: a flush that its outbox does not answer.
#[tokio::test]
async fn a_flush_and_a_shutdown_end_at_their_deadlines_when_the_outbox_cannot_be_read() {
    let (url, _listener) = server::silent().await;
    let outbox = FaultyOutbox::durable();
    let fails = outbox.fails.clone();
    let reporter = quick(client_of(&url)).outbox(outbox).start().unwrap();
    reporter.report(event(1, 1)).await.unwrap();
    fails.counts.store(true, Relaxed);
    let (began, within) = (Instant::now(), Duration::from_millis(400));
    assert_eq!(in_time(reporter.flush(within)).await.unwrap_err().pending, 1);
    assert!(began.elapsed() < within * 2, "{:?}", began.elapsed());
    let began = Instant::now();
    assert_eq!(in_time(reporter.shutdown(within)).await.stay, 1);
    assert!(began.elapsed() < within * 2, "{:?}", began.elapsed());
    // Who asks after the end is told the same.
    assert_eq!(in_time(reporter.shutdown(within)).await.stay, 1);
}

#[tokio::test]
async fn a_shutdown_ends_at_its_deadline_although_the_outbox_takes_longer_to_close() {
    let (url, _listener) = server::silent().await;
    let outbox = FaultyOutbox::durable();
    outbox.fails.close.store(true, Relaxed);
    let reporter = quick(client_of(&url)).outbox(outbox).start().unwrap();
    let ticket = reporter.report(event(1, 1)).await.unwrap();
    let (began, within) = (Instant::now(), Duration::from_millis(400));
    assert_eq!(in_time(reporter.shutdown(within)).await.stay, 1);
    assert!(began.elapsed() < within * 2, "{:?}", began.elapsed());
    assert_eq!(in_time(ticket).await, Outcome::SettledElsewhere);
}

#[tokio::test]
async fn of_two_shutdowns_both_end_and_one_gets_the_items() {
    let (url, _listener) = server::silent().await;
    let reporter = quick(client_of(&url)).start().unwrap();
    for number in 0..50 {
        reporter.report(event(number, number)).await.unwrap();
    }
    let within = Duration::from_millis(100);
    let shutdown = async |within| {
        let left = reporter.shutdown(within).await;
        assert!(!reporter.snapshot().await.unwrap().running, "it returned before the end");
        left
    };
    let (one, two) = tokio::join!(shutdown(SOON), shutdown(within));
    let mut items = [one.items.len(), two.items.len()];
    items.sort_unstable();
    assert_eq!(items, [0, 50]);
    assert_eq!((one.stay, two.stay), (0, 0));
}
