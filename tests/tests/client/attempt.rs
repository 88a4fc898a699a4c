//! One request at a time, for those who keep a queue of their own: what its answer says, and that nothing is repeated.

use std::time::Duration;

use chrono::Utc;
use copilot_api::{
    Client, Credentials, Endpoints, Error, RetryPolicy,
    attempt::{Answer, EventBatch, Verdict},
    types::UserId,
};
use copilot_sandbox::Fault;
use copilot_tests::server::{self, Answer as Scripted, Server, client_of, id, in_time, sandbox};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::{
    runtime::{Builder, Runtime},
    time,
};

fn batch(events: usize) -> EventBatch {
    let mut batch = EventBatch::new();
    server::events(events).for_each(|event| batch.push(&event));
    batch
}

fn user() -> UserId {
    "user-7".parse().unwrap()
}

/// What became of each event, in a line.
fn verdicts(answer: &Answer, events: usize) -> Vec<String> {
    let said = |position| match answer.verdict(position) {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Rejected(words) => format!("rejected: {}", words.join(", ")),
        Verdict::Unattributed(words) => format!("unattributed: {}", words.join(", ")),
        other => panic!("{other:?}"),
    };
    (0..events).map(said).collect()
}

#[tokio::test]
async fn each_event_was_accepted_or_is_rejected_in_the_servers_words() {
    let sandbox = sandbox();
    let client = client_of(&sandbox).build().unwrap();
    let mut batch = batch(2);
    batch.push_json("e-2", &serde_json::to_string(&server::event("e-2")).unwrap());
    sandbox.add_fault(Fault::reject_event_ids(["e-1"]).next(1)).unwrap();
    let answer = in_time(client.attempt(&mut batch)).await.unwrap();
    let said = verdicts(&answer, 3);
    assert!(!answer.is_complete() && said[0] == "accepted" && said[2] == "accepted", "{said:?}");
    let words = said[1].strip_prefix("rejected: ").unwrap();
    assert!(!words.is_empty() && !format!("{answer:?} {:?}", answer.verdict(1)).contains(words));
    let arrived =
        || sandbox.accepted().iter().map(|event| event.event_id.clone().unwrap()).collect::<Vec<_>>();
    assert_eq!(arrived(), ["e-0", "e-2"]);

    // The batch is as it was.
    let answer = in_time(client.attempt(&mut batch)).await.unwrap();
    assert!(answer.is_complete());
    assert_eq!((verdicts(&answer, 3), arrived().len()), (vec!["accepted".to_owned(); 3], 5));
    batch.clear();
    batch.push(&server::event("e-3"));
    assert!(in_time(client.attempt(&mut batch)).await.unwrap().is_complete());
    assert_eq!(arrived()[5..], ["e-3"]);
}

#[tokio::test]
async fn an_event_that_a_rejection_may_mean_is_unattributed() {
    let sandbox = sandbox();
    let client = client_of(&sandbox).build().unwrap();
    let attempt = async |rejection: Value| {
        let answer = json!({ "invalid_events": [rejection] }).to_string();
        sandbox.add_fault(Fault::answer(200, answer).next(1)).unwrap();
        let answer = in_time(client.attempt(&mut batch(2))).await.unwrap();
        assert!(!answer.is_complete());
        verdicts(&answer, 2)
    };
    assert_eq!(attempt(json!({ "error": "one of them" })).await, ["unattributed: one of them"; 2]);
    let this = json!({ "event_id": "e-0", "error": "this" });
    assert_eq!(attempt(this).await, ["rejected: this", "accepted"]);
}

#[tokio::test]
async fn an_attempt_that_fails_is_one_request_and_says_what_may_have_happened() {
    let too_many = json!({ "invalid_events": vec![json!({ "index": 0, "error": "no" }); 65] }).to_string();
    type Is = fn(&Error) -> bool;
    // A fault, what the error is, and whether the events may have been taken.
    let table: [(Fault, Is, bool); 9] = [
        (Fault::status(400), Error::is_bad_request, false),
        (Fault::status(413), Error::is_too_large, false),
        (Fault::status(401), Error::is_unauthorized, false),
        (Fault::status(429).retry_after("7"), Error::is_rate_limited, false),
        (Fault::html(503), Error::is_server_error, true),
        (Fault::close_before(), Error::is_transport, true),
        (Fault::answer(200, "<html>"), Error::is_unreadable, true),
        (Fault::cut_json(), Error::is_unreadable, true),
        (Fault::answer(200, too_many), Error::is_unreadable, true),
    ];
    let sandbox = sandbox();
    let client = client_of(&sandbox).build().unwrap();
    let mut batch = batch(2);
    for (fault, is, may_have_been_taken) in table {
        // Were it sent again, it would be taken.
        let said = format!("{fault:?}");
        sandbox.add_fault(fault.next(1)).unwrap();
        let error = in_time(client.attempt(&mut batch)).await.unwrap_err();
        assert!(is(&error) && error.attempts() == 1, "{said}: {error:?}");
        assert_eq!(error.may_have_been_taken(), may_have_been_taken, "{said}: {error:?}");
        assert_eq!(error.retry_after(), said.contains("\"7\"").then_some(Duration::from_secs(7)), "{said}");
        sandbox.clear_faults();
    }
    // One more rejection would be no answer.
    let many = json!({ "invalid_events": vec![json!({ "index": 0, "error": "no" }); 64] }).to_string();
    sandbox.add_fault(Fault::answer(200, many).next(1)).unwrap();
    let answer = in_time(client.attempt(&mut batch)).await.unwrap();
    assert!(matches!(answer.verdict(0), Verdict::Rejected(words) if words.len() == 64));
    assert!(in_time(client.attempt(&mut batch)).await.unwrap().is_complete());

    sandbox.add_fault(Fault::delay(Duration::from_secs(30)).next(1)).unwrap();
    let hasty = client.to_builder().timeout(Duration::from_millis(50)).build().unwrap();
    let error = in_time(hasty.attempt(&mut batch)).await.unwrap_err();
    assert!(error.is_timeout() && error.may_have_been_taken() && error.attempts() == 1, "{error:?}");

    let nobody = server::quick(server::nobody()).build().unwrap();
    let error = in_time(nobody.attempt(&mut batch)).await.unwrap_err();
    assert!(error.is_connect() && !error.may_have_been_taken() && error.attempts() == 1, "{error:?}");
}

#[tokio::test]
async fn a_change_of_consent_is_one_request() {
    let sandbox = sandbox();
    let client = client_of(&sandbox).build().unwrap();
    let answer = in_time(client.attempt_consent(&user(), false)).await.unwrap();
    assert!(answer.is_complete() && answer.clock_offset().is_some(), "{answer:?}");
    sandbox.add_fault(Fault::status(503).next(1)).unwrap();
    let error = in_time(client.attempt_consent(&user(), true)).await.unwrap_err();
    assert!(error.is_server_error() && error.attempts() == 1, "{error:?}");
    assert_eq!(error.operation(), Some("set_consent"));
    // There is nothing to read in the answer, and a portal's page is none of Copilot.cx all the same, nor is another success.
    let page = Fault::answer(200, "<html>welcome</html>").header("content-type", "text/html; charset=utf-8");
    for foreign in [page, Fault::answer(202, "")] {
        sandbox.add_fault(foreign.next(2)).unwrap();
        assert!(in_time(client.attempt_consent(&user(), true)).await.unwrap_err().is_unreadable());
        assert!(in_time(client.set_consent("user-7", true)).await.unwrap_err().is_unreadable());
    }
    let changes: Vec<(String, bool)> =
        sandbox.consents().into_iter().map(|consent| (consent.user_id, consent.value)).collect();
    assert_eq!(changes, [("user-7".to_owned(), false)]);
}

#[tokio::test]
async fn neither_deadline_nor_budget_nor_policy_has_a_say() {
    let slow = Scripted::invalid_events(&[]).after(Duration::from_millis(60));
    let server = Server::always(slow);
    let client = server.client().deadline(Duration::from_millis(20)).retry(RetryPolicy::never().budget(0, 0));
    let client = client.build().unwrap();
    assert!(in_time(client.collect(server::events(1))).await.is_err());
    assert!(in_time(client.attempt(&mut batch(1))).await.unwrap().is_complete());
}

#[tokio::test]
async fn an_empty_batch_makes_no_request() {
    let server = Server::always(Scripted::status(500));
    let client = server.client().build().unwrap();
    assert!(in_time(client.attempt(&mut EventBatch::new())).await.unwrap().is_complete());
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_batch_keeps_the_events_of_an_attempt_that_was_dropped() {
    let server = Server::always(Scripted::invalid_events(&[]).after(Duration::from_millis(100)));
    let client = server.client().build().unwrap();
    let mut batch = batch(3);
    assert!(time::timeout(Duration::from_millis(20), client.attempt(&mut batch)).await.is_err());
    assert_eq!(batch.len(), 3);
    batch.push(&server::event(&id(3)));
    assert!(in_time(client.attempt(&mut batch)).await.unwrap().is_complete());
    let requests = server.requests();
    let last = requests.last().unwrap();
    assert_eq!(last.event_ids(), (0..4).map(id).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_servers_clock_is_read_from_a_success_that_nobody_kept() {
    const HOUR: i64 = 3_600_000;
    let date = |ahead: i64| {
        let time = Utc::now() + chrono::Duration::milliseconds(ahead);
        time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let answers = |headers: &[(&str, &str)]| {
        let with = |answer| {
            headers.iter().fold(answer, |answer: Scripted, (name, value)| answer.header(name, value))
        };
        let (taken, changed) = (with(Scripted::invalid_events(&[])), with(Scripted::status(204)));
        Server::start(move |request| {
            if request.body.starts_with(b"{\"events\"") { &taken } else { &changed }.clone()
        })
    };
    let offsets = async |headers: &[(&str, &str)]| {
        let server = answers(headers);
        let client = server.client().build().unwrap();
        let collected = in_time(client.attempt(&mut batch(1))).await.unwrap().clock_offset();
        [collected, in_time(client.attempt_consent(&user(), true)).await.unwrap().clock_offset()]
    };
    for ahead in [0, HOUR, -HOUR] {
        for offset in offsets(&[("Date", &date(ahead))]).await {
            let offset = offset.unwrap();
            let uncertainty = i64::try_from(offset.uncertainty_millis).unwrap();
            // The date was taken a little before the requests were made.
            assert!((500..2_000).contains(&uncertainty), "{offset:?}");
            assert!((offset.millis - ahead).abs() <= uncertainty + 2_000, "{offset:?}");
        }
    }
    assert_eq!(offsets(&[("Date", &date(0)), ("Age", "3")]).await, [None; 2]);
    assert_eq!(offsets(&[("Date", "today")]).await, [None; 2]);
    assert_eq!(offsets(&[]).await, [None; 2]);

    let sandbox = sandbox();
    let client = client_of(&sandbox).build().unwrap();
    let offset = in_time(client.attempt(&mut batch(1))).await.unwrap().clock_offset().unwrap();
    // Each of the two clocks was read in whole milliseconds.
    assert!(offset.millis.unsigned_abs() <= offset.uncertainty_millis + 2, "{offset:?}");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn what_a_builder_of_a_client_makes_opens_connections_on_its_own_runtime() {
    let sandbox = sandbox();
    let client = client_of(&sandbox).timeout(Duration::from_secs(1)).build().unwrap();
    // One that rests, with an open connection that nobody else can serve.
    let (resting, running) = (runtime(), runtime());
    resting.block_on(client.attempt(&mut batch(1))).unwrap();
    assert!(running.block_on(client.attempt(&mut batch(1))).unwrap_err().is_timeout());
    let other = client.to_builder().build().unwrap();
    resting.block_on(client.attempt(&mut batch(1))).unwrap();
    assert!(running.block_on(other.attempt(&mut batch(1))).unwrap().is_complete());
}

#[tokio::test]
async fn a_builder_of_a_client_makes_one_like_it_or_with_other_credentials() {
    let sandbox = sandbox();
    let client = client_of(&sandbox).max_batch_events(2).build().unwrap();
    let (endpoints, client_id) = (Endpoints::base(&sandbox.url()).unwrap(), server::client_id());
    let collect = async |client: &Client| {
        in_time(client.collect(server::events(6))).await.map(|report| report.requests())
    };
    let other = client.to_builder().build().unwrap();
    for client in [&client, &other] {
        assert_eq!((client.endpoints(), client.client_id()), (&endpoints, client_id));
        assert_eq!(collect(client).await.unwrap(), 3);
    }
    let wrong = Credentials::new("somebody", "wrong-secret").unwrap();
    let somebody = client.to_builder().credentials(wrong).build().unwrap();
    assert_eq!(somebody.client_id(), "somebody");
    assert!(collect(&somebody).await.unwrap_err().error().is_unauthorized());
    let own = somebody.to_builder().credentials(server::credentials()).build().unwrap();
    assert_eq!(collect(&own).await.unwrap(), 3);
    for client in [&client, &somebody, &own] {
        let shown = format!("{client:?} {:?}", client.to_builder());
        let secrets = ["wrong-secret", server::client_secret(), server::authorization()];
        assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}

#[tokio::test]
async fn a_builder_of_a_client_shares_the_http_client_that_was_given_and_keeps_what_was_permitted() {
    let (server, _) = server::copilot(|_| None);
    let mine = HeaderMap::from_iter([(HeaderName::from_static("x-mine"), HeaderValue::from_static("1"))]);
    let http = reqwest::Client::builder().default_headers(mine).build().unwrap();
    let client = server.client().http_client(http).build().unwrap();
    in_time(client.to_builder().build().unwrap().attempt(&mut batch(1))).await.unwrap();
    assert_eq!(server.requests()[0].header("x-mine"), ["1"]);

    let plain = server::quick(Endpoints::base("http://192.0.2.1").unwrap());
    assert!(plain.clone().build().is_err());
    plain.allow_plain_http(true).build().unwrap().to_builder().build().unwrap();
}
