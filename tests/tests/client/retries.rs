//! When the client tries again, how long it waits, and when it stops trying.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use copilot_api::{Client, RetryPolicy, raw::operations::COLLECT};
use copilot_tests::server::{self, Answer, Request, Server, in_time};
use futures_util::future::join_all;

const MILLISECOND: Duration = Duration::from_millis(1);

/// A server that fails that often, and succeeds from then on.
fn failing(times: usize, failure: Answer) -> Server {
    let requests = AtomicUsize::new(0);
    Server::start(move |_| {
        if requests.fetch_add(1, Ordering::Relaxed) < times { failure.clone() } else { Answer::status(204) }
    })
}

#[tokio::test]
async fn the_policy_decides_how_many_attempts_are_made() {
    let policy = |attempts| RetryPolicy::default().max_attempts(attempts).delays(MILLISECOND, MILLISECOND);
    for (policy, attempts) in [(RetryPolicy::never(), 1), (policy(0), 1), (policy(1), 1), (policy(9), 9)] {
        let server = failing(usize::MAX, Answer::status(500));
        let client = server.client().retry(policy.clone()).build().unwrap();
        let error = in_time(client.set_consent("user-7", true)).await.unwrap_err();
        assert_eq!((error.attempts(), server.requests().len()), (attempts, attempts as usize), "{policy:?}");
    }
}

/// An HTTP date so many seconds after noon of some day; the server's clock says noon, whatever this machine's says.
fn after_noon(seconds: u32) -> String {
    format!("Thu, 24 Nov 2016 12:00:{seconds:02} GMT")
}

#[tokio::test]
async fn retry_after_is_waited_for_in_both_forms() {
    // The value, and the least wait in milliseconds.
    let table: [(&str, u64); 5] =
        [(" 1 ", 1000), (&after_noon(1), 1000), ("0", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 0), ("soon", 0)];
    let waits = table.into_iter().flat_map(|row| [429, 503].map(|status| (row, status))).map(
        |((value, least), status)| {
            let value = value.to_owned();
            async move {
                let busy =
                    Answer::status(status).header("Retry-After", &value).header("Date", &after_noon(0));
                let server = failing(1, busy);
                let policy = RetryPolicy::default().delays(MILLISECOND, MILLISECOND);
                let client = server.client().retry(policy).build().unwrap();
                let started = Instant::now();
                client.set_consent("user-7", true).await.unwrap();
                let waited = u64::try_from(started.elapsed().as_millis()).unwrap();
                assert!((least..least + 5000).contains(&waited), "{status}, {value:?}: {waited} ms");
                assert_eq!(server.requests().len(), 2, "{status}, {value:?}");
            }
        },
    );
    in_time(join_all(waits)).await;
}

#[tokio::test]
async fn a_retry_after_beyond_the_deadline_ends_the_attempts_at_once_and_the_error_says_how_long() {
    for (value, seconds) in [("61", 61), ("18446744073709551616", u64::MAX), (after_noon(59).as_str(), 59)] {
        let busy = Answer::status(503).header("Retry-After", value).header("Date", &after_noon(0));
        let server = Server::always(busy);
        let client = server.client().deadline(Duration::from_secs(20)).build().unwrap();
        let started = Instant::now();
        let error = in_time(client.set_consent("user-7", true)).await.unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(5), "{value}");
        assert!(error.is_deadline_exceeded() && error.is_server_error() && error.is_retryable(), "{error:?}");
        assert_eq!(
            (error.attempts(), error.retry_after()),
            (1, Some(Duration::from_secs(seconds))),
            "{value}"
        );
        assert!(error.to_string().contains(&format!("asks to wait {seconds} s")), "{error}");
    }
}

#[tokio::test]
async fn the_deadline_bounds_attempts_and_waits_of_a_batch_and_the_call_deadline_all_of_them() {
    let limit = Duration::from_millis(300);
    let slow = Duration::from_secs(30);
    // An attempt that hangs, answers that come late and fail, and waits that are longer.
    let policies = || RetryPolicy::default().max_attempts(1000);
    let table = [
        (Answer::status(200).after(slow), policies()),
        (Answer::status(503).after(Duration::from_millis(40)), policies().delays(MILLISECOND, MILLISECOND)),
        (Answer::status(503), policies().delays(slow, slow)),
        (Answer::status(429).header("Retry-After", "9"), policies()),
        // The search for the cause of a 400 waits as well.
        (Answer::status(400), policies().delays(slow, slow)),
    ];
    for (number, (answer, policy)) in table.into_iter().enumerate() {
        let server = Server::always(answer);
        let builder = server.client().timeout(slow).retry(policy.budget(100_000, 0));
        for whole_call in [false, true] {
            let builder = builder.clone();
            let builder = if whole_call { builder.call_deadline(limit) } else { builder.deadline(limit) };
            let client = builder.build().unwrap();
            let started = Instant::now();
            let failed = in_time(client.collect((0..3).map(|at| server::event(&format!("e-{at}"))))).await;
            let failed = failed.unwrap_err();
            let took = started.elapsed();
            assert!(took < limit + Duration::from_millis(400), "{number}: {took:?}");
            assert!(failed.error().is_deadline_exceeded(), "{number}: {failed}");
            assert_eq!(failed.report().undelivered().len(), 3, "{number}");
            if !whole_call {
                let failed = in_time(client.collect_one(server::event("e-1"))).await.unwrap_err();
                assert_eq!(failed.event().event_id().as_str(), "e-1", "{number}");
                let consent = in_time(client.set_consent("user-7", true)).await;
                assert!(started.elapsed() < 4 * limit + Duration::from_millis(800), "{number}");
                assert!(consent.is_ok() || consent.is_err_and(|error| !error.is_invalid_input()));
            }
        }
    }
}

/// How many attempts a collect made that fails, and whether the budget ended it.
async fn attempts(client: &Client) -> (u32, bool) {
    let failed = in_time(client.collect([server::event("e-1")])).await.unwrap_err();
    let error = failed.error();
    assert_eq!(error.to_string().contains("retry budget"), error.is_retry_budget_exhausted(), "{error}");
    assert_eq!(failed.report().requests(), u64::from(error.attempts()));
    (error.attempts(), error.is_retry_budget_exhausted())
}

#[tokio::test]
async fn clones_share_a_retry_budget_that_successes_fill() {
    let server = Server::start(|request: &Request| {
        Answer::status(if request.target == COLLECT.path { 503 } else { 204 })
    });
    let policy = RetryPolicy::default().max_attempts(61).delays(MILLISECOND, MILLISECOND).budget(100, 0);
    let builder = server.client().retry(policy);
    let client = builder.clone().build().unwrap();
    let clone = client.clone();
    // 100 retries: 60 of the one, 40 of the other.
    assert_eq!(attempts(&client).await, (61, false));
    assert_eq!(attempts(&clone).await, (41, true));
    assert_eq!(attempts(&client).await, (1, true));
    // Five successes pay for one retry.
    for _ in 0..10 {
        in_time(clone.set_consent("user-7", true)).await.unwrap();
    }
    assert_eq!(attempts(&client).await, (3, true));
    // Another client has a budget of its own.
    assert_eq!(attempts(&builder.build().unwrap()).await, (61, false));
}

#[tokio::test]
async fn a_retry_after_a_timeout_costs_the_budget_twice_as_much() {
    let server = Server::always(Answer::status(200).after(Duration::from_secs(30)));
    let policy = RetryPolicy::default().max_attempts(200).delays(MILLISECOND, MILLISECOND).budget(100, 0);
    let client = server.client().retry(policy).timeout(Duration::from_millis(20)).build().unwrap();
    assert_eq!(attempts(&client).await, (51, true));
}
