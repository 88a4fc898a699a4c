//! What the client makes of answers that are not what it hoped for, and of no answer at all.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use copilot_api::{Client, ClientBuilder, Error, raw::MAX_BODY_BYTES, types::Event};
use copilot_sandbox::Fault;
use copilot_tests::server::{self, Answer, Server, in_time};
use serde_json::json;

/// How many attempts a failure that may pass is worth.
const ATTEMPTS: u32 = 5;

/// Every predicate that holds for the error.
fn predicates(error: &Error) -> Vec<&'static str> {
    let all = [
        ("configuration", error.is_configuration()),
        ("invalid input", error.is_invalid_input()),
        ("connect", error.is_connect()),
        ("timeout", error.is_timeout()),
        ("transport", error.is_transport()),
        ("unauthorized", error.is_unauthorized()),
        ("bad request", error.is_bad_request()),
        ("too large", error.is_too_large()),
        ("rate limited", error.is_rate_limited()),
        ("server error", error.is_server_error()),
        ("unreadable", error.is_unreadable()),
        ("retryable", error.is_retryable()),
        ("budget exhausted", error.is_retry_budget_exhausted()),
        ("deadline exceeded", error.is_deadline_exceeded()),
        ("rejected", error.is_rejected()),
    ];
    all.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}

fn three_events() -> Vec<Event> {
    ["e-0", "e-1", "e-2"].map(server::event).to_vec()
}

/// Collects three events, which must fail; checks that all three are handed back and every attempt is counted.
async fn collect_fails(name: &str, client: &Client) -> Error {
    let failed = in_time(client.collect(three_events())).await.expect_err(name);
    let (error, report) = failed.into_parts();
    assert_eq!((report.read(), report.accepted()), (3, 0), "{name}");
    assert!(report.rejections().is_empty() && report.unattributed().is_empty(), "{name}: {report:?}");
    let left: Vec<(usize, &str)> =
        report.undelivered().iter().map(|left| (left.index(), left.event().event_id().as_str())).collect();
    assert_eq!(left, [(0, "e-0"), (1, "e-1"), (2, "e-2")], "{name}");
    assert_eq!(report.requests(), u64::from(error.attempts()), "{name}");
    assert_eq!(error.operation(), Some("collect"), "{name}");
    error
}

async fn consent_fails(name: &str, client: &Client) -> Error {
    let error = in_time(client.set_consent("user-7", true)).await.expect_err(name);
    assert_eq!(error.operation(), Some("set_consent"), "{name}");
    error
}

#[tokio::test]
async fn every_error_status_has_its_meaning() {
    let table: &[(u16, &[&str])] = &[
        (400, &["bad request"]),
        (401, &["unauthorized"]),
        (403, &[]),
        (404, &[]),
        (408, &["retryable"]),
        (413, &["too large"]),
        (429, &["rate limited", "retryable"]),
        (500, &["server error", "retryable"]),
        (501, &["server error"]),
        (502, &["server error", "retryable"]),
        (503, &["server error", "retryable"]),
        (504, &["server error", "retryable"]),
    ];
    let http = reqwest::Client::new();
    for (status, expected) in table {
        let attempts = if expected.contains(&"retryable") { ATTEMPTS } else { 1 };
        let body = json!({ "reason": "SOME.CODE", "error_message": "user-7 is unknown" });
        let (name, server) = (status.to_string(), Server::always(Answer::json(*status, &body)));
        let client = server.client().http_client(http.clone()).build().unwrap();
        let mut errors = vec![consent_fails(&name, &client).await];
        // A 400 or 413 makes the client look for an event that causes it.
        if !matches!(status, 400 | 413) {
            errors.push(collect_fails(&name, &client).await);
        }
        assert_eq!(server.requests().len(), errors.len() * attempts as usize, "{name}");
        for error in errors {
            assert_eq!(predicates(&error), *expected, "{name}");
            assert_eq!(error.status().map(|status| status.as_u16()), Some(*status), "{name}");
            assert_eq!((error.attempts(), error.reason()), (attempts, Some("SOME.CODE")), "{name}");
            assert_eq!(error.server_words(), ["user-7 is unknown"], "{name}");
            assert_eq!(error.may_have_been_taken(), *status >= 500, "{name}");
            assert_eq!(error.body_excerpt(), Some(body.to_string().as_str()), "{name}");
            assert!(error.headers().is_some(), "{name}");
        }
    }
}

#[tokio::test]
async fn no_answer_is_a_transport_error_and_worth_another_attempt() {
    let slow = Duration::from_secs(30);
    let hangs_up = server::sandbox();
    hangs_up.add_fault(Fault::hang_up()).unwrap();
    let [closes, no_http, late] =
        [Answer::closed(), Answer::status(7), Answer::status(204).after(slow)].map(Server::always);
    let table: [(&str, ClientBuilder, &[&str]); 5] = [
        ("nobody listens", server::quick(server::nobody()), &["connect", "transport", "retryable"]),
        ("closed unread", server::client_of(&hangs_up), &["transport", "retryable"]),
        ("closed unanswered", closes.client(), &["transport", "retryable"]),
        ("no HTTP", no_http.client(), &["transport", "retryable"]),
        ("late", late.client(), &["timeout", "transport", "retryable"]),
    ];
    for (name, client, expected) in table {
        let client = client.timeout(Duration::from_millis(200)).build().unwrap();
        for error in [collect_fails(name, &client).await, consent_fails(name, &client).await] {
            assert_eq!(predicates(&error), expected, "{name}: {error:?}");
            assert_eq!(error.attempts(), ATTEMPTS, "{name}");
            assert_eq!((error.reason(), error.server_words().len()), (None, 0), "{name}");
            assert_eq!(error.may_have_been_taken(), !error.is_connect(), "{name}");
            assert!(std::error::Error::source(&error).is_some(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_success_whose_body_does_not_arrive_is_not_sent_again_and_keeps_its_status() {
    let endless = Fault::answer(200, " ".repeat(MAX_BODY_BYTES + 1));
    let table = [
        ("closed before the body", vec![Fault::cut_body(0)], "broke off"),
        ("closed in the body", vec![Fault::cut_body(8)], "broke off"),
        ("closed in a chunk", vec![Fault::chunked(6), Fault::cut_body(8)], "broke off"),
        ("JSON that ends in the middle", vec![Fault::cut_json()], "not what the contract says"),
        ("drips", vec![Fault::drip(1)], "did not arrive in time"),
        ("too large", vec![endless], "has more than 4194304 bytes"),
    ];
    for (name, faults, words) in table {
        let sandbox = server::sandbox();
        for fault in faults {
            sandbox.add_fault(fault).unwrap();
        }
        let client = server::client_of(&sandbox).timeout(Duration::from_millis(300)).build().unwrap();
        let failed = in_time(client.collect(three_events())).await.expect_err(name);
        let error = failed.error();
        assert_eq!(predicates(error), ["unreadable"], "{name}: {error:?}");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(200), "{name}");
        assert_eq!(error.attempts(), 1, "{name}");
        assert!(error.to_string().contains(words), "{name}: {error}");
        assert!(error.may_have_been_taken(), "{name}");
        let left = failed.report().undelivered();
        assert!(left.len() == 3 && left.iter().all(|left| left.may_have_been_taken()), "{name}: {left:?}");
        assert_eq!(sandbox.statistics().requests["collect"]["200"], 1, "{name}");
        // Consent reads no body.
        in_time(client.set_consent("user-7", true)).await.expect(name);
    }
}

#[tokio::test]
async fn of_an_answer_that_arrives_whole_each_event_is_told_what_became_of_it() {
    for faults in [
        vec![Fault::chunked(7)],
        vec![Fault::reject_share(0.5)],
        vec![Fault::reject_share(1.0), Fault::chunked(7)],
    ] {
        let (sandbox, name) = (server::sandbox(), format!("{faults:?}"));
        for fault in faults {
            sandbox.add_fault(fault).unwrap();
        }
        let client = server::client_of(&sandbox).max_batch_events(20).build().unwrap();
        let report = in_time(client.collect(server::events(60))).await.unwrap();
        assert!(report.unattributed().is_empty() && report.undelivered().is_empty(), "{name}");
        let rejected: Vec<String> =
            report.rejections().iter().map(|found| found.event().event_id().to_string()).collect();
        let there = sandbox.rejected().iter().filter_map(|event| event.event_id.clone()).collect::<Vec<_>>();
        assert_eq!(rejected, there, "{name}");
        assert_eq!((report.accepted(), report.accepted() + rejected.len()), (sandbox.accepted().len(), 60));
        let expected = if name.contains("RejectEvents") { 1..=60 } else { 0..=0 };
        assert!(expected.contains(&rejected.len()), "{name}: {rejected:?}");
    }
}

#[tokio::test]
async fn what_an_earlier_attempt_may_have_done_is_not_forgotten() {
    let unauthorized = || Answer::json(401, &json!({ "reason": "AUTH.UNAUTHORIZED" }));
    for (first, may_have_been_taken) in
        [(Answer::closed(), true), (Answer::status(502), true), (Answer::status(429), false)]
    {
        let requests = AtomicUsize::new(0);
        let server = Server::start(move |_| {
            if requests.fetch_add(1, Ordering::Relaxed) == 0 { first.clone() } else { unauthorized() }
        });
        let client = server.client().max_batch_events(2).build().unwrap();
        let failed = in_time(client.collect(three_events())).await.unwrap_err();
        assert!(failed.error().is_unauthorized() && failed.error().attempts() == 2, "{failed}");
        assert_eq!(failed.error().may_have_been_taken(), may_have_been_taken);
        let left: Vec<bool> =
            failed.report().undelivered().iter().map(|left| left.may_have_been_taken()).collect();
        // The third was never sent.
        assert_eq!(left, [may_have_been_taken, may_have_been_taken, false]);
    }
}

#[tokio::test]
async fn redirects_are_not_followed_and_one_that_anothers_http_client_followed_is_no_success() {
    let elsewhere = Server::always(Answer::json(200, &json!({})));
    for status in [301, 302, 303, 307, 308] {
        let name = status.to_string();
        let server = Server::always(Answer::status(status).header("Location", &elsewhere.url()));
        let client = server.client().build().unwrap();
        for error in [consent_fails(&name, &client).await, collect_fails(&name, &client).await] {
            assert_eq!(predicates(&error), [""; 0], "{name}");
            assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
            assert_eq!((error.attempts(), error.reason(), error.body_excerpt()), (1, None, None), "{name}");
            assert!(error.to_string().contains("redirects are not followed"), "{error}");
        }
        assert_eq!((server.requests().len(), elsewhere.requests().len()), (2, 0), "{name}");
        let elsewhere = Server::always(Answer::json(200, &json!({})));
        let server = Server::always(Answer::status(status).header("Location", &elsewhere.url()));
        let client = server.client().http_client(reqwest::Client::new()).build().unwrap();
        for error in [consent_fails(&name, &client).await, collect_fails(&name, &client).await] {
            assert!(error.status().unwrap().is_redirection(), "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn input_that_breaks_the_contract_is_not_sent() {
    let server = Server::always(Answer::status(204));
    let client = server.client().build().unwrap();
    for user_id in ["", "user 7", "zoë", "user-7\n"] {
        let error = in_time(client.set_consent(user_id, true)).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid input"], "{user_id:?}");
        assert_eq!(error.violations()[0].pointer(), "/user_id", "{user_id:?}");
        assert_eq!((error.attempts(), error.status()), (0, None), "{user_id:?}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn an_http_client_of_the_callers_own_is_used_with_the_credentials_and_the_time_limit() {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("x-mine", "7".parse().unwrap());
    let http = reqwest::Client::builder().default_headers(headers).build().unwrap();
    let own = |builder: ClientBuilder| builder.http_client(http.clone()).build().unwrap();

    let server = Server::always(Answer::json(200, &json!({})));
    let report = in_time(own(server.client()).collect(three_events())).await.unwrap();
    assert!(report.is_complete());
    let request = server.requests().pop().unwrap();
    assert_eq!(request.header("x-mine"), ["7"]);
    assert_eq!(request.header("authorization"), [server::authorization()]);

    let slow = Server::always(Answer::status(204).after(Duration::from_secs(30)));
    let client = own(slow.client().timeout(Duration::from_millis(50)));
    assert!(consent_fails("slow", &client).await.is_timeout());
}
