//! Servers and programs that could mislead the client about what became of an event.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use copilot_api::{Client, CollectReport, Credentials, blocking};
use copilot_tests::server::{self, Answer, Copilot, Server, copilot, events, id, in_time};
use futures_util::{StreamExt, stream};
use serde_json::json;

fn bad_request() -> Answer {
    Answer::status(400).header("Content-Type", "text/html").body("<html>no such service</html>")
}

fn rejected(report: &CollectReport) -> Vec<usize> {
    report.rejections().iter().map(|rejection| rejection.index()).collect()
}

/// A Copilot.cx that rejects requests whole when the count of requests and the ids say so.
fn rejecting(whole: impl Fn(usize, &[String]) -> bool + Send + Sync + 'static) -> (Server, Arc<Copilot>) {
    let requests = AtomicUsize::new(0);
    copilot(move |request| {
        whole(requests.fetch_add(1, Ordering::Relaxed), &request.event_ids()).then(bad_request)
    })
}

#[tokio::test]
async fn an_endpoint_that_rejects_everything_from_some_batch_on_is_an_error() {
    let (server, _) = rejecting(|nth, _| nth > 0);
    let mut source = events(500);
    let failed = in_time(server.client().build().unwrap().collect(&mut source)).await.unwrap_err();
    assert!(failed.error().is_bad_request(), "{failed}");
    let report = failed.report();
    assert_eq!((report.accepted(), rejected(report)), (100, vec![]));
    assert_eq!(report.accepted() + report.undelivered().len(), report.read());
    assert_eq!(report.read() + source.count(), 500);
    // The first, and a search whose bound is that of all events.
    assert!(report.requests() <= 1 + 2 * u64::from(500_u32.ilog2()) + 10, "{}", report.requests());
}

#[tokio::test]
async fn a_bad_event_in_the_first_batch_sinks_no_other() {
    for bad in [vec![0], vec![0, 1], vec![0, 1, 5, 6, 9]] {
        let ids: Vec<String> = bad.iter().map(|at| id(*at)).collect();
        let (server, copilot) = rejecting(move |_, found| found.iter().any(|found| ids.contains(found)));
        let client = server.client().max_batch_events(1).build().unwrap();
        let outcome = in_time(client.collect(events(10))).await;
        // Of the last event nothing later can tell whether it is to blame.
        let (report, last) = match outcome {
            Ok(report) => (report, vec![]),
            Err(failed) => (failed.into_parts().1, vec![9]),
        };
        let left: Vec<usize> = report.undelivered().iter().map(|event| event.index()).collect();
        assert_eq!(left, last, "{bad:?}");
        assert_eq!([rejected(&report), left].concat(), bad);
        assert_eq!(report.accepted(), 10 - bad.len());
        assert_eq!(copilot.taken().concat().len(), 10 - bad.len());
    }
}

#[tokio::test]
async fn a_batch_that_was_set_aside_waits_for_proof_no_longer_than_its_deadline() {
    let (server, _) = rejecting(|_, found| found.contains(&id(0)));
    let client = server.client().deadline(Duration::from_millis(300)).linger(Duration::from_millis(10));
    let client = client.build().unwrap();
    let mut batches = client.collect_batches(stream::iter(events(1)).chain(stream::pending()));
    let started = Instant::now();
    let failed = in_time(batches.next()).await.unwrap().unwrap_err();
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    assert!(failed.error().is_bad_request(), "{failed}");
    assert_eq!((failed.report().undelivered().len(), failed.report().requests()), (1, 1));
}

#[tokio::test]
async fn of_a_rejection_it_is_said_that_an_earlier_attempt_may_have_been_taken() {
    // The first answer is lost; the second knows the ids.
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    let server = Server::start(move |request| {
        if counted.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Answer::closed();
        }
        let duplicate = |at| json!({ "index": at, "error": "duplicate event_id" });
        Answer::invalid_events(&(0..request.event_ids().len()).map(duplicate).collect::<Vec<_>>())
    });
    let client = server.client().build().unwrap();
    let report = in_time(client.collect(events(3))).await.unwrap();
    assert_eq!(rejected(&report), [0, 1, 2]);
    assert!(report.rejections().iter().all(|rejection| rejection.may_have_been_taken()), "{report:?}");
    assert!(report.into_result().unwrap_err().error().may_have_been_taken());
    let failed = in_time(client.collect_one(server::event("e-0"))).await.unwrap_err();
    assert!(failed.error().is_rejected() && failed.error().may_have_been_taken(), "{failed:?}");

    requests.store(1, Ordering::Relaxed);
    let report = in_time(client.collect(events(3))).await.unwrap();
    assert!(!report.rejections().iter().any(|rejection| rejection.may_have_been_taken()), "{report:?}");
}

#[tokio::test]
async fn a_200_that_is_an_error_or_a_flood_is_unreadable() {
    let flood: Vec<_> = (0..3300).map(|_| json!({})).collect();
    let table = [
        Answer::json(200, &json!({ "reason": "AUTH.UNAUTHORIZED", "error_message": "" })),
        Answer::invalid_events(&flood),
    ];
    for answer in table {
        let server = Server::always(answer);
        let failed = in_time(server.client().build().unwrap().collect(events(100))).await.unwrap_err();
        assert!(failed.error().is_unreadable() && failed.error().may_have_been_taken(), "{failed}");
        assert_eq!((failed.report().undelivered().len(), server.requests().len()), (100, 1));
    }
}

#[tokio::test]
async fn a_secret_that_is_part_of_an_event_id_or_a_member_hides_no_rejection() {
    for (secret, id) in
        [("acme-production-x7", "production-7"), ("invalid_events", "e-7"), ("event_id", "e-7")]
    {
        let invalid = json!({ "event_id": id, "error": format!("no, {secret}") });
        let server = Server::always(Answer::invalid_events(&[invalid]));
        let credentials = Credentials::new("id", secret).unwrap();
        let client = Client::builder(credentials, server.endpoints()).build().unwrap();
        let batch = ["a", id, "b"].map(server::event);
        let report = in_time(client.collect(batch)).await.unwrap();
        assert_eq!((report.accepted(), rejected(&report)), (2, vec![1]), "{secret}");
        assert_eq!(report.rejections()[0].server_words(), ["no, [redacted]"], "{secret}");
    }
}

#[tokio::test]
async fn a_call_that_delivered_everything_does_not_fail_by_its_deadline() {
    let server = Server::always(Answer::json(200, &json!({})));
    let client = server.client().call_deadline(Duration::from_millis(100)).build().unwrap();
    let mut batches = client.collect_batches(stream::iter(events(3)));
    assert_eq!(in_time(batches.next()).await.unwrap().unwrap().accepted(), 3);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(batches.next().await.is_none());
}

#[tokio::test]
async fn a_future_of_next_that_is_dropped_loses_nothing() {
    let copilot = Arc::new(Copilot::default());
    let taking = copilot.clone();
    let server = Server::start(move |request| taking.take(request).after(Duration::from_millis(20)));
    let client = server.client().max_batch_events(2).build().unwrap();
    let mut batches = client.collect_batches(stream::iter(events(20)));
    let (mut accepted, mut dropped) = (0, 0);
    loop {
        match tokio::time::timeout(Duration::from_millis(7), batches.next()).await {
            Ok(Some(report)) => accepted += report.unwrap().accepted(),
            Ok(None) => break,
            Err(_) => dropped += 1,
        }
        assert!(dropped < 1000, "no end in sight");
    }
    assert!(dropped >= 10, "{dropped}");
    assert_eq!(accepted, 20);
    let taken = copilot.taken().concat();
    assert_eq!(taken.len(), taken.iter().collect::<BTreeSet<_>>().len(), "an event was sent twice");
    assert_eq!(taken.len(), 20);
}

#[test]
fn the_call_deadline_ends_a_blocking_call_that_reads_slowly_or_without_end() {
    let server = Server::always(Answer::json(200, &json!({})));
    let client = server.client().call_deadline(Duration::from_millis(200)).build().unwrap();
    let client = blocking::Client::over(client).unwrap();
    let mut slow = (0..).map(|at| {
        thread::sleep(Duration::from_millis(20));
        server::event(&id(at))
    });
    let started = Instant::now();
    let failed = client.collect(&mut slow).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(failed.error().is_deadline_exceeded(), "{failed}");
    let report = failed.report();
    assert!(report.read() > 0 && report.accepted() + report.undelivered().len() == report.read(), "{failed}");
}
