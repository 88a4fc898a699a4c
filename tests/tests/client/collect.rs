//! How events are cut into requests, and what is left when a request fails for good.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use copilot_api::{Client, CollectReport, RejectionCause, RetryPolicy, types::Event};
use copilot_tests::server::{self, Answer, Request, Server, copilot, events, id, in_time};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

fn bad_request() -> Answer {
    Answer::json(400, &json!({ "reason": "COMMON.REQUEST_VALIDATION", "error_message": "no" }))
}

/// The indices of the rejections and of the undelivered events.
fn lost(report: &CollectReport) -> (Vec<usize>, Vec<usize>) {
    let rejected = report.rejections().iter().map(|rejection| rejection.index());
    (rejected.collect(), report.undelivered().iter().map(|left| left.index()).collect())
}

#[tokio::test]
async fn a_batch_is_as_large_as_both_limits_allow_and_the_order_stays() {
    // The limits of a batch, and the batches that ten events of 120 bytes and more come in.
    for (max_events, max_bytes, expected) in [
        (100, usize::MAX, vec![10]),
        (4, usize::MAX, vec![4, 4, 2]),
        (0, usize::MAX, vec![1; 10]),
        (100, 450, vec![3, 3, 3, 1]),
        (100, 0, vec![1; 10]),
    ] {
        for streamed in [false, true] {
            let (server, copilot) = copilot(|_| None);
            let client = server.client().max_batch_events(max_events).max_batch_bytes(max_bytes);
            let client = client.build().unwrap();
            let report = match streamed {
                false => in_time(client.collect(events(10))).await.unwrap(),
                true => in_time(client.collect_stream(stream::iter(events(10)))).await.unwrap(),
            };
            assert!(report.is_complete() && report.requests() == expected.len() as u64, "{report:?}");
            let sizes: Vec<usize> = copilot.taken().iter().map(Vec::len).collect();
            assert_eq!(sizes, expected, "{max_events} events, {max_bytes} bytes");
            assert_eq!(copilot.taken().concat(), (0..10).map(id).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_413_splits_the_batch_until_it_fits_and_is_remembered() {
    type TooMuch = fn(&Request) -> bool;
    let table: [(&str, TooMuch); 2] = [
        ("7 events", |request| request.event_ids().len() > 7),
        ("1000 bytes", |request| request.body.len() > 1000),
    ];
    for (name, too_much) in table {
        let (server, copilot) = copilot(move |request| {
            too_much(request).then(|| Answer::status(413).body("<html>too large</html>"))
        });
        let report = in_time(server.client().build().unwrap().collect(events(1000))).await.expect(name);
        assert!(report.is_complete() && report.accepted() == 1000, "{name}: {report:?}");
        let taken = copilot.taken();
        assert_eq!(taken.concat(), (0..1000).map(id).collect::<Vec<_>>(), "{name}");
        let refused = server.requests().len() - taken.len();
        assert_eq!(report.requests(), server.requests().len() as u64, "{name}");
        assert!((1..=40).contains(&refused), "{name}: {refused} requests were too large");
        assert!(taken.len() <= 400, "{name}: {} requests", taken.len());
    }
}

#[tokio::test]
async fn an_event_that_is_too_large_alone_is_rejected_and_costs_the_others_little() {
    const TOO_LARGE: usize = 37;
    let (server, copilot) = copilot(|request| {
        let error = json!({ "reason": "COMMON.CONTENT_TOO_LARGE", "error_message": "too large" });
        (request.body.len() > 20_000).then(|| Answer::json(413, &error))
    });
    let huge = server::event_of_thing(&id(TOO_LARGE), &"x".repeat(20_000));
    let events = events(1000)
        .map(|event| if event.event_id().as_str() == id(TOO_LARGE) { huge.clone() } else { event });
    let report = in_time(server.client().build().unwrap().collect(events)).await.unwrap();
    assert_eq!((report.read(), report.accepted()), (1000, 999));
    assert_eq!(lost(&report), (vec![TOO_LARGE], vec![]));
    let RejectionCause::Request { status, reason, words, .. } = report.rejections()[0].cause() else {
        panic!("{report:?}");
    };
    assert_eq!((status.as_u16(), reason.as_deref()), (413, Some("COMMON.CONTENT_TOO_LARGE")));
    assert_eq!(words, &["too large"]);
    let expected: Vec<String> = (0..1000).filter(|at| *at != TOO_LARGE).map(id).collect();
    assert_eq!(copilot.taken().concat(), expected);
    // 1000 small events are ten requests; the huge one cuts its own batch to pieces, and no other.
    assert!(report.requests() <= 60, "{} requests", report.requests());
}

#[tokio::test]
async fn events_that_cause_a_400_are_found_and_the_others_are_taken() {
    // Which of a hundred events cause it, and how many requests it may take to find them.
    let table: &[(&[usize], u64)] =
        &[(&[0], 20), (&[49, 50], 40), (&[99], 20), (&[3, 17, 31, 45, 59, 73, 87], 129)];
    for (poisoned, most) in table {
        let bad: Vec<String> = poisoned.iter().map(|at| id(*at)).collect();
        let (server, copilot) = copilot({
            let bad = bad.clone();
            move |request| request.event_ids().iter().any(|found| bad.contains(found)).then(bad_request)
        });
        let report = in_time(server.client().build().unwrap().collect(events(100))).await.unwrap();
        assert_eq!(lost(&report), (poisoned.to_vec(), vec![]));
        assert_eq!(report.accepted(), 100 - poisoned.len());
        for rejection in report.rejections() {
            assert_eq!(rejection.event().event_id().as_str(), id(rejection.index()));
            let RejectionCause::Request { status, reason, .. } = rejection.cause() else {
                panic!("{rejection:?}")
            };
            assert_eq!((status.as_u16(), reason.as_deref()), (400, Some("COMMON.REQUEST_VALIDATION")));
            assert_eq!(rejection.server_words(), ["no"]);
        }
        let expected: Vec<String> = (0..100).map(id).filter(|found| !bad.contains(found)).collect();
        let mut taken = copilot.taken().concat();
        taken.sort_by_key(|id| id[2..].parse::<usize>().unwrap());
        assert_eq!(taken, expected);
        assert!(report.requests() <= *most, "{poisoned:?}: {} requests", report.requests());
    }
}

#[tokio::test]
async fn an_endpoint_that_refuses_everything_is_an_error_and_not_a_hundred_rejections() {
    let page =
        || Answer::status(400).header("Content-Type", "text/html").body("<html>no such service</html>");
    for (status, answer) in [(400, page()), (413, Answer::status(413))] {
        for count in [1, 2, 100, 1000] {
            let server = Server::always(answer.clone());
            let client = server.client().max_batch_events(1000).build().unwrap();
            let failed = in_time(client.collect(events(count))).await.unwrap_err();
            let error = failed.error();
            assert_eq!(error.status().map(|status| status.as_u16()), Some(status), "{error:?}");
            assert_eq!(lost(failed.report()), (vec![], (0..count).collect()));
            assert!(failed.report().undelivered().iter().all(|left| !left.may_have_been_taken()));
            let most = 2 * u64::from(count.ilog2()) + 10;
            assert!(failed.report().requests() <= most, "{count}: {} requests", failed.report().requests());
            assert_eq!(failed.report().requests(), server.requests().len() as u64);
            assert!(error.to_string().contains("no event is known to be the cause"), "{error}");

            let failed = in_time(client.collect_one(server::event("e-0"))).await.unwrap_err();
            assert!(!failed.error().is_rejected() && failed.event().event_id().as_str() == "e-0");
        }
    }
}

#[tokio::test]
async fn the_search_without_proof_waits_and_pays_from_the_retry_budget() {
    // Nothing is taken: a hundred events cost 20 requests after the first, and each may wait up to a tenth of a second.
    let server = Server::always(bad_request());
    let delay = Duration::from_millis(100);
    let policy = |retries| RetryPolicy::default().delays(delay, delay).budget(retries, 0);
    let client = |retries| server.client().retry(policy(retries)).build().unwrap();
    let started = Instant::now();
    let failed = in_time(client(100).collect(events(100))).await.unwrap_err();
    assert!(!failed.error().is_retry_budget_exhausted(), "{failed}");
    assert!(started.elapsed() > Duration::from_millis(300), "{:?}", started.elapsed());
    let failed = in_time(client(7).collect(events(100))).await.unwrap_err();
    assert!(failed.error().is_retry_budget_exhausted() && failed.error().is_bad_request(), "{failed}");
    assert_eq!((failed.report().requests(), failed.report().undelivered().len()), (8, 100));

    // A part that is taken gives its cost back: one event in a hundred that is found costs nothing in the end.
    let (server, _) = copilot(|request| request.event_ids().contains(&id(99)).then(bad_request));
    let client = server.client().retry(policy(1)).build().unwrap();
    for _ in 0..3 {
        let report = in_time(client.collect(events(100))).await.unwrap();
        assert_eq!(lost(&report), (vec![99], vec![]));
    }
}

#[tokio::test]
async fn one_event_is_ok_only_when_it_was_taken() {
    let said = |body: Value| Answer::json(200, &body);
    let wrong = json!({ "event_id": "e-0", "index": 0, "error": "unknown thing of user-7" });
    let elsewhere = json!({ "event_id": "e-9", "index": 5, "error": "no" });
    // The answer; whether it is a rejection; whether the event may have been taken.
    let table = [
        (said(json!({ "invalid_events": [wrong] })), true, false),
        (said(json!({ "invalid_events": [elsewhere] })), true, true),
        (said(json!([])), false, true),
        (Answer::status(204), false, true),
        (Answer::json(401, &json!({})), false, false),
    ];
    for (answer, is_rejected, may_have_been_taken) in table {
        let server = Server::always(answer.clone());
        let client = server.client().build().unwrap();
        let failed = in_time(client.collect_one(server::event("e-0"))).await.unwrap_err();
        assert_eq!(failed.error().is_rejected(), is_rejected, "{answer:?}: {failed}");
        assert_eq!(failed.error().may_have_been_taken(), may_have_been_taken, "{answer:?}");
        assert_eq!(failed.error().server_words().is_empty(), !is_rejected, "{answer:?}");
        assert!(!format!("{failed} {failed:?}").contains("user-7"), "{failed:?}");
        let (_, event) = failed.into_parts();
        assert_eq!(event.event_id().as_str(), "e-0");
    }
    for body in ["{}", "", r#"{"invalid_events": null}"#] {
        let server =
            Server::always(Answer::status(200).header("Content-Type", "application/json").body(body));
        in_time(server.client().build().unwrap().collect_one(server::event("e-0"))).await.expect(body);
    }
}

/// Collects 35 events from a source that outlives the call, from a server that lets the first two requests pass; returns
/// the report and what is left of the source.
async fn fail_at_the_third_batch(client: &Client, streamed: bool) -> (CollectReport, Vec<Event>) {
    let mut iterator = events(35);
    // A source that makes the caller wait.
    let mut stream = Box::pin(stream::iter(events(35)).then(async |event| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        event
    }));
    let (outcome, rest) = if streamed {
        (in_time(client.collect_stream(&mut stream)).await, in_time(stream.collect()).await)
    } else {
        (in_time(client.collect(&mut iterator)).await, iterator.collect())
    };
    let failed = outcome.unwrap_err();
    assert!(failed.error().is_unauthorized(), "{failed:?}");
    let counted = format!("{} accepted", failed.report().accepted());
    assert!(failed.to_string().contains(&counted), "{failed}");
    (failed.into_parts().1, rest)
}

#[tokio::test]
async fn a_batch_that_fails_for_good_leaves_nothing_out() {
    // By count; and by bytes, where three events fit, and one that does not is read as well.
    for (max_events, max_bytes, accepted) in [(10, usize::MAX, 20), (10, 450, 6)] {
        for streamed in [false, true] {
            let requests = AtomicUsize::new(0);
            let (server, copilot) = copilot(move |_| {
                let nth = requests.fetch_add(1, Ordering::Relaxed);
                (nth == 2).then(|| Answer::json(401, &json!({ "reason": "AUTH.UNAUTHORIZED" })))
            });
            let client =
                server.client().max_batch_events(max_events).max_batch_bytes(max_bytes).build().unwrap();
            let (report, rest) = fail_at_the_third_batch(&client, streamed).await;
            assert_eq!(report.accepted(), accepted);
            // What was read ahead comes back as well.
            let left: Vec<usize> = (accepted..report.read()).collect();
            assert!(!left.is_empty());
            assert_eq!(lost(&report), (vec![], left));
            assert_eq!(report.read() + rest.len(), 35);

            let undelivered = report.into_parts().undelivered;
            let again = undelivered.into_iter().map(|left| left.into_event()).chain(rest);
            let report = in_time(client.collect(again)).await.unwrap();
            assert!(report.is_complete());
            assert_eq!(copilot.taken().concat(), (0..35).map(id).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn one_batch_is_read_ahead_while_another_is_on_its_way() {
    const BATCHES: usize = 5;
    let read = Arc::new(AtomicUsize::new(0));
    let (seen, delivered) = (read.clone(), AtomicUsize::new(0));
    let (server, _) = copilot(move |_| {
        let ahead = (delivered.fetch_add(1, Ordering::Relaxed) + 2).min(BATCHES) * 10;
        let started = Instant::now();
        while seen.load(Ordering::Relaxed) < ahead && started.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(1));
        }
        // Were there no end to it, it would go on now.
        thread::sleep(Duration::from_millis(10));
        let found = seen.load(Ordering::Relaxed);
        (found != ahead).then(|| Answer::status(404).body(format!("{found} events were read, not {ahead}")))
    });
    let events = events(10 * BATCHES).inspect(|_| _ = read.fetch_add(1, Ordering::Relaxed));
    let client = server.client().max_batch_events(10).build().unwrap();
    let outcome = in_time(client.collect(events)).await;
    let report = outcome.unwrap_or_else(|failed| panic!("{:?}", failed.error().body_excerpt()));
    assert_eq!(report.requests(), BATCHES as u64);
}

#[tokio::test]
async fn a_batch_goes_when_the_stream_rests() {
    let (server, copilot) = copilot(|_| None);
    let client = server.client().linger(Duration::from_millis(100)).build().unwrap();
    // 99 events, then nothing for ever: more would fill the batch.
    let endless = stream::iter(events(99)).chain(stream::pending());
    let mut batches = client.collect_batches(endless);
    let started = Instant::now();
    let report = in_time(batches.next()).await.unwrap().unwrap();
    assert_eq!((report.read(), report.accepted()), (99, 99));
    assert!(started.elapsed() >= Duration::from_millis(100), "{:?}", started.elapsed());
    assert_eq!(copilot.taken().len(), 1);
    // Then it waits for more, without sending anything.
    assert!(tokio::time::timeout(Duration::from_millis(300), batches.next()).await.is_err());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_event_lingers_no_longer_when_others_trickle_in() {
    let (server, _) = copilot(|_| None);
    let client = server.client().linger(Duration::from_millis(200)).build().unwrap();
    // One every 50 ms: the stream never rests for 200 ms.
    let trickle = Box::pin(stream::iter(events(1000)).then(async |event| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        event
    }));
    let mut batches = client.collect_batches(trickle);
    let started = Instant::now();
    let report = in_time(batches.next()).await.unwrap().unwrap();
    assert!((2..=20).contains(&report.read()), "{}", report.read());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn each_batch_has_a_report_of_its_own_and_a_failure_does_not_end_the_stream() {
    let requests = AtomicUsize::new(0);
    let (server, _) = copilot(move |_| {
        let nth = requests.fetch_add(1, Ordering::Relaxed);
        (nth == 1).then(|| Answer::json(401, &json!({})))
    });
    let client = server.client().max_batch_events(10).build().unwrap();
    let mut batches = client.collect_batches(stream::iter(events(35)));
    let mut found = Vec::new();
    while let Some(outcome) = in_time(batches.next()).await {
        found.push(match outcome {
            Ok(report) => (report.read(), report.accepted(), vec![]),
            Err(failed) => (failed.report().read(), failed.report().accepted(), lost(failed.report()).1),
        });
    }
    assert_eq!(found, [(10, 10, vec![]), (10, 0, (10..20).collect()), (10, 10, vec![]), (5, 5, vec![])]);
    assert!(in_time(batches.next()).await.is_none());
}

#[tokio::test]
async fn the_call_deadline_ends_a_stream_that_rests() {
    let (server, _) = copilot(|_| None);
    let client = server.client().linger(Duration::from_secs(30)).call_deadline(Duration::from_millis(200));
    let endless = stream::iter(events(7)).chain(stream::pending());
    let failed = in_time(client.build().unwrap().collect_stream(endless)).await.unwrap_err();
    assert!(failed.error().is_deadline_exceeded(), "{failed:?}");
    assert_eq!(lost(failed.report()), (vec![], (0..7).collect()));
    assert_eq!((failed.report().read(), server.requests().len()), (7, 0));
}
