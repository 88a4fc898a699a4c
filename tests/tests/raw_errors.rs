//! The raw client against answers as they come from the wire: whole ones, and those of proxies and broken servers.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::time::Duration;

use copilot_gen::{
    Client, Error, ResponseValue, operations,
    raw::{BODY_EXCERPT_BYTES, BodyFault, BrokenAnswer, RequestSettings},
    types::{CollectRequest, CollectResponse, ConsentChange, ErrorResponse, InvalidEvent},
};
use copilot_tests::{
    spec, vectors,
    wire::{self, Seen, Then},
};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};
use tokio::time::timeout;

type Answer<T> = Result<ResponseValue<T>, Error<ErrorResponse>>;

fn request() -> CollectRequest {
    let example = spec::event_types()[0].example;
    serde_json::from_value(json!({ "events": [example] })).unwrap()
}

fn client(url: &str, settings: RequestSettings) -> Client {
    Client::new_with_client(url, reqwest::Client::new(), settings)
}

/// Sends one event to a server that answers with these bytes.
async fn collect_with(
    answer: Vec<u8>,
    then: Then,
    settings: RequestSettings,
) -> (Answer<CollectResponse>, Seen) {
    let (url, server) = wire::answer(answer, then).await;
    let client = client(&url, settings);
    let answer = timeout(wire::PATIENCE, client.collect(&request())).await.expect("no end");
    drop(client);
    (answer, server.await.unwrap())
}

async fn collect(answer: Vec<u8>) -> Answer<CollectResponse> {
    collect_with(answer, Then::Close, RequestSettings::new()).await.0
}

fn error<T: std::fmt::Debug>(answer: Answer<T>) -> ResponseValue<ErrorResponse> {
    match answer {
        Err(Error::ErrorResponse(response)) => response,
        other => panic!("expected an error response, got {other:?}"),
    }
}

/// The settings of a client that sends this value, marked as sensitive, as its `Authorization`.
fn authorized(value: &str) -> RequestSettings {
    let mut value = HeaderValue::from_str(value).unwrap();
    value.set_sensitive(true);
    RequestSettings::new().headers(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

#[tokio::test]
async fn an_error_keeps_its_status_its_headers_and_the_start_of_its_body_whatever_that_is() {
    let html = b"<html><body><h1>502 Bad Gateway</h1></body></html>".to_vec();
    let json = json!({ "reason": "COMMON.UNAVAILABLE", "error_message": "later" }).to_string().into_bytes();
    let bad_utf8 = [b"caf\xe9 \xff".as_slice(), &[0xff; 600]].concat();
    let mut split = vec![b'.'; BODY_EXCERPT_BYTES - 1];
    split.extend("é and more".bytes());
    let bodies =
        [Vec::new(), html, json, bad_utf8, split, b"null".to_vec(), b"[1]".to_vec(), vec![b'x'; 70_000]];
    for body in bodies {
        for (status, number) in
            [("400 Bad Request", 400), ("429 Too Many", 429), ("503 Unavailable", 503), ("599 Odd", 599)]
        {
            let answer = wire::http(status, &["Retry-After: 17", "Content-Type: text/html"], &body);
            let got = error(collect(answer).await);
            assert_eq!(got.status().as_u16(), number);
            assert_eq!(got.headers()[RETRY_AFTER], "17");
            let start = &body[..body.len().min(BODY_EXCERPT_BYTES)];
            assert_eq!(got.body_excerpt, String::from_utf8_lossy(start));
        }
    }
}

#[tokio::test]
async fn the_json_error_gives_its_reason_and_message() {
    let mut cases = vectors::responses();
    cases.retain(|case| case.operation == "collect" && case.read.get("reason").is_some());
    assert!(cases.len() > 10);
    for case in cases {
        let body = case.answer["body"].as_str().unwrap();
        let status = format!("{} Status", case.answer["status"]);
        let got = error(collect(wire::http(&status, &[], body.as_bytes())).await);
        let message = case.read.get("error_message").unwrap_or(&Value::Null);
        assert_eq!(
            (&json!(got.reason), &json!(got.error_message)),
            (&case.read["reason"], message),
            "{}",
            case.name
        );
        assert_eq!(got.body_excerpt, body);
    }
}

#[tokio::test]
async fn the_reason_is_found_in_a_body_longer_than_the_excerpt() {
    let body =
        json!({ "error_message": "m".repeat(3000), "reason": "COMMON.REQUEST_VALIDATION" }).to_string();
    let got = error(collect(wire::http("400 Bad Request", &[], body.as_bytes())).await);
    assert_eq!(got.reason.as_deref(), Some("COMMON.REQUEST_VALIDATION"));
    assert_eq!(got.body_excerpt, body[..BODY_EXCERPT_BYTES]);
}

#[tokio::test]
async fn an_error_whose_body_breaks_off_keeps_its_status_and_what_came() {
    let half = br#"{"reason":"COMMON.UNAVAI"#;
    let answer = wire::with_length("503 Unavailable", &["Retry-After: 3"], half, 4000);
    let got = error(collect(answer).await);
    assert_eq!((got.status().as_u16(), got.headers()[RETRY_AFTER].to_str().unwrap()), (503, "3"));
    assert_eq!(got.body_excerpt.as_bytes(), half);
    assert_eq!(got.reason, None);
}

#[tokio::test]
async fn an_error_whose_body_never_ends_keeps_its_status_when_the_time_is_up() {
    let answer = wire::with_length("502 Bad Gateway", &[], b"<html>", 4000);
    let settings = RequestSettings::new().timeout(Duration::from_millis(300));
    let got = error(collect_with(answer, Then::Stall, settings).await.0);
    assert_eq!((got.status().as_u16(), got.body_excerpt.as_str()), (502, "<html>"));
}

#[tokio::test]
async fn a_huge_error_body_is_not_read_to_its_end() {
    let answer = wire::http("500 Internal Server Error", &[], &vec![b'x'; 64 << 20]);
    let (answer, seen) = collect_with(answer, Then::Close, RequestSettings::new()).await;
    let got = error(answer);
    assert_eq!((got.status().as_u16(), got.body_excerpt.len()), (500, BODY_EXCERPT_BYTES));
    assert!(!seen.answered, "all 64 MiB were taken");
}

#[tokio::test]
async fn a_request_carries_what_copilot_expects_and_no_more() {
    let answer = wire::http("200 OK", &["Content-Type: application/json"], br#"{"invalid_events":[]}"#);
    let (answer, seen) = collect_with(answer, Then::Close, authorized("Basic aWQ6c2VjcmV0")).await;
    assert_eq!(answer.unwrap().into_inner().invalid_events, []);
    assert!(seen.head().starts_with("post /v2/collect http/1.1\r\n"), "{}", seen.head());
    assert_eq!(seen.header("content-type"), ["application/json"]);
    assert_eq!(seen.header("authorization"), ["basic awq6c2vjcmv0"]);
    assert_eq!(seen.header("api-version"), [""; 0]);
    assert_eq!(seen.header("content-length"), [seen.body().len().to_string()]);
    let sent: Value = serde_json::from_slice(seen.body()).unwrap();
    assert_eq!(sent, json!({ "events": [spec::event_types()[0].example] }));
}

#[tokio::test]
async fn a_body_made_before_is_sent_byte_for_byte() {
    let (url, server) = wire::answer(wire::http("200 OK", &[], b"{}"), Then::Close).await;
    let made = br#"{ "events" : [ ] }"#;
    client(&url, RequestSettings::new()).with_body(made.to_vec().into()).collect(&request()).await.unwrap();
    let seen = server.await.unwrap();
    assert_eq!(seen.body(), made);
    assert_eq!(seen.header("content-type"), ["application/json"]);
    assert_eq!(seen.header("content-length"), [made.len().to_string()]);
}

#[tokio::test]
async fn each_operation_can_live_at_a_url_of_its_own() {
    let (url, server) = wire::answer(wire::http("204 No Content", &[], b""), Then::Close).await;
    let settings = RequestSettings::new()
        .url(operations::SET_CONSENT, "http://127.0.0.1:9/replaced".parse().unwrap())
        .url(operations::SET_CONSENT, format!("{url}/elsewhere?tenant=7").parse().unwrap())
        .url(operations::COLLECT, "http://127.0.0.1:9/unused".parse().unwrap());
    let consent = ConsentChange { user_id: "u-1".parse().unwrap(), consent_value: false };
    client("http://127.0.0.1:9", settings).set_consent(&consent).await.unwrap();
    let seen = server.await.unwrap();
    assert!(seen.head().starts_with("post /elsewhere?tenant=7 http/1.1\r\n"), "{}", seen.head());
}

/// A sensitive value that begins somewhere in a text, for every way in which a server may echo it.
#[tokio::test]
async fn a_sensitive_header_that_the_server_echoes_is_redacted() {
    let secret = "QUJBQkFCQUJRUUlSWjprOUgyTmQzVDVq/W3+iX2Fu";
    let header = format!("Basic {secret}");
    let json = json!({ "reason": format!("BAD {secret}"), "error_message": format!("got {header}!"), "a": [header] });
    let texts = [
        json.to_string(),
        // As some servers write JSON.
        json.to_string().replace('/', "\\/"),
        format!("<p>Authorization: {header}</p>"),
        secret.to_owned(),
    ];
    for text in texts {
        let (answer, _) = collect_with(
            wire::http("401 Unauthorized", &[], text.as_bytes()),
            Then::Close,
            authorized(&header),
        )
        .await;
        let got = error(answer);
        let all = format!("{got:?} {:?} {:?} {}", got.reason, got.error_message, got.body_excerpt);
        assert!(!all.contains(&secret[..12]) && !all.contains("QzVDVq"), "{all}");
        assert!(got.body_excerpt.contains("[redacted]"), "{all}");
        if let Some(reason) = &got.reason {
            assert_eq!(reason, "BAD [redacted]");
            assert_eq!(got.error_message.as_deref(), Some("got Basic [redacted]!"));
        }
    }
}

#[tokio::test]
async fn a_sensitive_header_is_redacted_even_where_the_excerpt_cuts_it() {
    let secret = "QUJBQkFCQUJRUUlSWjprOUgyTmQzVDVqNUVXMkZ1MTYw";
    for shown in [1, 8, secret.len() - 1, secret.len()] {
        let text = format!("{}{secret} and more", ".".repeat(BODY_EXCERPT_BYTES - shown));
        let answer = wire::http("400 Bad Request", &[], text.as_bytes());
        let got = error(collect_with(answer, Then::Close, authorized(&format!("Basic {secret}"))).await.0);
        assert!(!got.body_excerpt.contains('Q'), "{shown} bytes of it are shown: {}", got.body_excerpt);
    }
}

#[test]
fn no_header_value_shows_in_debug() {
    let settings = authorized("Basic aWQ6c2VjcmV0");
    let client = client("http://127.0.0.1:9", settings.clone());
    let words = format!("{settings:?} {client:?}");
    assert!(words.contains("authorization"), "{words}");
    assert!(!words.contains("aWQ6c2VjcmV0"), "{words}");
}

#[tokio::test]
async fn a_200_with_nothing_in_it_means_that_every_event_was_taken() {
    let answers: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ];
    for answer in answers {
        let got = collect(answer.to_vec()).await;
        let got = got.unwrap_or_else(|error| panic!("{}: {error:?}", String::from_utf8_lossy(answer)));
        assert_eq!((got.status().as_u16(), got.into_inner().invalid_events), (200, vec![]));
    }
    // Where nothing tells the end of a body, none at all may be one that was cut off.
    for answer in [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), b"HTTP/1.0 200 OK\r\n\r\n"] {
        let got = collect(answer.to_vec()).await;
        assert!(matches!(got, Err(Error::ResponseBodyError(_))), "{got:?}");
    }
}

#[tokio::test]
async fn an_answer_with_members_of_other_kinds_is_still_read() {
    let refusal = |event_id: Option<&str>, index: Option<i64>, error: Option<&str>| InvalidEvent {
        event_id: event_id.map(str::to_owned),
        index,
        error: error.map(str::to_owned),
    };
    let table = [
        (json!({ "invalid_events": null }), vec![]),
        (json!({ "invalid_events": [{}] }), vec![refusal(None, None, None)]),
        (
            json!({ "invalid_events": [{ "event_id": "e-1", "index": "0", "error": { "code": 7 }, "more": 1 }] }),
            vec![refusal(Some("e-1"), None, None)],
        ),
        (
            json!({ "invalid_events": [{ "event_id": null, "index": 3, "error": "no" }], "more": true }),
            vec![refusal(None, Some(3), Some("no"))],
        ),
    ];
    for (answer, expected) in table {
        let got = collect(wire::http("200 OK", &[], answer.to_string().as_bytes())).await;
        let got = got.unwrap_or_else(|error| panic!("{answer}: {error:?}"));
        assert_eq!(got.into_inner().invalid_events, expected, "{answer}");
    }
    // Where refusals may be lost, nothing is read.
    for answer in [json!({ "invalid_events": "e-1" }), json!({ "invalid_events": ["e-1"] }), json!("ok")] {
        let got = collect(wire::http("200 OK", &[], answer.to_string().as_bytes())).await;
        assert!(matches!(got, Err(Error::InvalidResponsePayload(..))), "{answer}: {got:?}");
    }
}

#[tokio::test]
async fn a_200_that_breaks_off_is_no_success() {
    let answer = wire::with_length("200 OK", &[], br#"{"invalid_events":["#, 400);
    let Err(Error::ResponseBodyError(error)) = collect(answer).await else { panic!("it was read") };
    let broken = BrokenAnswer::in_sources_of(&error).unwrap();
    assert_eq!((broken.status().as_u16(), broken.fault()), (200, BodyFault::BrokeOff));
    let got = collect(wire::http("200 OK", &[], b"<html>")).await;
    assert!(matches!(got, Err(Error::InvalidResponsePayload(..))), "{got:?}");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_a_communication_error() {
    let got = collect(Vec::new()).await;
    assert!(matches!(got, Err(Error::CommunicationError(_))), "{got:?}");
}

#[tokio::test]
async fn consent_succeeds_with_200_and_with_204() {
    for answer in [
        wire::http("200 OK", &[], b""),
        wire::http("200 OK", &[], b"OK"),
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        wire::http("202 Accepted", &[], b""),
    ] {
        let (url, server) = wire::answer(answer, Then::Close).await;
        let consent = ConsentChange { user_id: "u-1".parse().unwrap(), consent_value: true };
        let got = client(&url, RequestSettings::new()).set_consent(&consent).await.unwrap();
        assert!(got.status().is_success());
        let seen = server.await.unwrap();
        assert!(
            seen.head().starts_with("post /v2/api/report/user_copilot_analysis_consent_changed http/1.1\r\n")
        );
        assert_eq!(seen.header("content-type"), ["application/json"]);
        assert_eq!(seen.header("api-version"), [""; 0]);
        let sent: Value = serde_json::from_slice(seen.body()).unwrap();
        assert_eq!(sent, json!({ "user_id": "u-1", "consent_value": true }));
    }
}

#[tokio::test]
async fn an_error_of_consent_is_kept_as_one_of_collect_is() {
    let (url, _) = wire::answer(wire::http("401 Unauthorized", &[], b"go away"), Then::Close).await;
    let consent = ConsentChange { user_id: "u-1".parse().unwrap(), consent_value: true };
    let got = error(client(&url, RequestSettings::new()).set_consent(&consent).await);
    assert_eq!((got.status().as_u16(), got.body_excerpt.as_str()), (401, "go away"));
}
