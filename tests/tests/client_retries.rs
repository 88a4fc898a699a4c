//! When the client tries again, how long it waits, and when it stops trying.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use copilot_api::{Client, RetryPolicy, raw::operations::COLLECT};
use copilot_tests::server::{self, Answer, Request, Server, in_time};
use futures_util::future::join_all;

const MILLISECOND: Duration = Duration::from_millis(1);

/// A server that fails that often, and succeeds from then on.
fn failing(times: usize, failure: Answer) -> Server {
    let requests = AtomicUsize::new(0);
    Server::start(move |_: &Request| {
        if requests.fetch_add(1, Ordering::Relaxed) < times { failure.clone() } else { Answer::status(204) }
    })
}

#[tokio::test]
async fn a_failure_that_passes_is_no_failure() {
    for failures in 0..5 {
        let server = failing(failures, Answer::status(503).body("<html>"));
        in_time(server.client().build().unwrap().set_consent("user-7", true)).await.unwrap();
        let requests = server.requests();
        assert_eq!(requests.len(), failures + 1);
        assert!(
            requests
                .iter()
                .all(|request| request.body == requests[0].body && request.headers == requests[0].headers)
        );
    }
    let server = failing(5, Answer::status(503));
    let error = in_time(server.client().build().unwrap().set_consent("user-7", true)).await.unwrap_err();
    assert_eq!((error.attempts(), server.requests().len()), (5, 5));
}

#[tokio::test]
async fn the_policy_decides_how_many_attempts_are_made() {
    let table = [
        (RetryPolicy::never(), 1),
        (RetryPolicy::default().max_attempts(0), 1),
        (RetryPolicy::default().max_attempts(1), 1),
        (RetryPolicy::default().max_attempts(3).delays(MILLISECOND, MILLISECOND), 3),
        (RetryPolicy::default().max_attempts(9).delays(MILLISECOND, MILLISECOND), 9),
    ];
    for (policy, attempts) in table {
        let server = failing(usize::MAX, Answer::status(500));
        let client = server.client().retry(policy.clone()).build().unwrap();
        let error = in_time(client.set_consent("user-7", true)).await.unwrap_err();
        assert_eq!(error.attempts(), attempts, "{policy:?}");
        assert_eq!(server.requests().len(), attempts as usize, "{policy:?}");
    }
}

/// Stands for the HTTP date three seconds after the answer.
const IN_THREE_SECONDS: &str = "in three seconds";

fn retry_after(value: &str) -> String {
    if value != IN_THREE_SECONDS {
        return value.to_owned();
    }
    (Utc::now() + TimeDelta::seconds(3)).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[tokio::test]
async fn retry_after_is_waited_for_in_both_forms_and_up_to_the_cap() {
    let minute = Duration::from_secs(60);
    let cap = Duration::from_millis(300);
    // The value, the cap, and the least wait in milliseconds. A date has no fractions of a second.
    let table: [(&str, Duration, u64); 13] = [
        ("1", minute, 1000),
        (" 1 ", minute, 1000),
        (IN_THREE_SECONDS, minute, 1990),
        ("3600", cap, 300),
        ("18446744073709551615", cap, 300),
        ("Tue, 31 Dec 2999 23:59:59 GMT", cap, 300),
        // The two forms that HTTP has left behind and still reads.
        ("Friday, 31-Dec-38 23:59:59 GMT", cap, 300),
        ("Tue Dec 31 23:59:59 2999", cap, 300),
        ("0", minute, 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", minute, 0),
        ("soon", minute, 0),
        ("-5", minute, 0),
        ("", minute, 0),
    ];
    let waits = table.into_iter().flat_map(|row| [429, 503].map(|status| (row, status))).map(
        |((value, cap, least), status)| async move {
            let answered = AtomicBool::new(false);
            let server = Server::start(move |_: &Request| match answered.swap(true, Ordering::Relaxed) {
                false => Answer::status(status).header("Retry-After", &retry_after(value)),
                true => Answer::status(204),
            });
            let policy = RetryPolicy::default().delays(MILLISECOND, MILLISECOND).max_retry_after(cap);
            let client = server.client().retry(policy).build().unwrap();
            let started = Instant::now();
            client.set_consent("user-7", true).await.unwrap();
            let waited = u64::try_from(started.elapsed().as_millis()).unwrap();
            assert!(waited >= least, "{status}, {value:?}: {waited} ms");
            assert_eq!(server.requests().len(), 2, "{status}, {value:?}");
        },
    );
    in_time(join_all(waits)).await;
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
    let policy = RetryPolicy::default().max_attempts(61).delays(MILLISECOND, MILLISECOND);
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
    let policy = RetryPolicy::default().max_attempts(200).delays(MILLISECOND, MILLISECOND);
    let client = server.client().retry(policy).timeout(Duration::from_millis(20)).build().unwrap();
    assert_eq!(attempts(&client).await, (51, true));
}
