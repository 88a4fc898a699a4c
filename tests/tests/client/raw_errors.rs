//! The raw client against answers as they come from the wire: whole ones, and those of proxies and broken servers.

use std::time::Duration;

use copilot_gen::{
    Client, Error, ResponseValue,
    raw::{BODY_EXCERPT_BYTES, BodyFault, BrokenAnswer, RequestSettings},
    types::{CollectRequest, CollectResponse, ErrorResponse},
};
use copilot_tests::{
    server::{Answer, Server, in_time},
    spec,
};
use reqwest::header::{HeaderValue, RETRY_AFTER};
use serde_json::json;

type Outcome = Result<ResponseValue<CollectResponse>, Error<ErrorResponse>>;

fn request() -> CollectRequest {
    let example = spec::event_types()[0].example;
    serde_json::from_value(json!({ "events": [example] })).unwrap()
}

fn client(server: &Server, settings: RequestSettings) -> Client {
    Client::new_with_client(&server.url(), reqwest::Client::new(), settings)
}

/// Sends one event to a server that answers like this.
async fn collect_with(answer: Answer, settings: RequestSettings) -> Outcome {
    let server = Server::always(answer);
    in_time(client(&server, settings).collect(&request())).await
}

async fn collect(answer: Answer) -> Outcome {
    collect_with(answer, RequestSettings::new()).await
}

fn error(outcome: Outcome) -> ResponseValue<ErrorResponse> {
    match outcome {
        Err(Error::ErrorResponse(response)) => response,
        other => panic!("expected an error response, got {other:?}"),
    }
}

#[tokio::test]
async fn an_error_keeps_its_status_its_headers_and_the_start_of_its_body_whatever_that_is() {
    let code = Some("COMMON.UNAVAILABLE");
    let long = json!({ "error_message": "m".repeat(3000), "reason": code }).to_string();
    let with = |body: &[u8]| Answer::status(599).header("Retry-After", "17").body(body);
    let split = [".".repeat(BODY_EXCERPT_BYTES - 1).as_bytes(), "é and more".as_bytes()].concat();
    // The answer, how much of its body comes, and the reason that it gives.
    let table = [
        (with(b""), &b""[..], None),
        (with(&[0xff; 600]), &[0xff; 600], None),
        (with(&split), &split, None),
        (with(long.as_bytes()), long.as_bytes(), code),
        (with(long.as_bytes()).cut_at(20), &long.as_bytes()[..20], None),
        (with(b"x").repeated(64 << 20), &[b'x'; 600], None),
    ];
    for (answer, came, reason) in table {
        let settings = RequestSettings::new().timeout(Duration::from_millis(300));
        let got = error(collect_with(answer, settings).await);
        assert_eq!(
            (got.status().as_u16(), &got.headers()[RETRY_AFTER]),
            (599, &HeaderValue::from_static("17"))
        );
        let start = &came[..came.len().min(BODY_EXCERPT_BYTES)];
        assert_eq!(
            (got.body_excerpt.as_str(), got.reason.as_deref()),
            (&*String::from_utf8_lossy(start), reason)
        );
    }
}

#[tokio::test]
async fn a_success_without_a_body_is_one_only_where_nothing_can_be_missing() {
    for answer in [Answer::status(200), Answer::status(200).body("{}")] {
        let got = collect(answer.clone()).await.unwrap_or_else(|error| panic!("{answer:?}: {error:?}"));
        assert_eq!((got.status().as_u16(), got.into_inner().invalid_events), (200, vec![]));
    }
    // Where nothing tells the end of a body, none at all may be one that was cut off.
    for head in ["HTTP/1.1 200 OK\r\nConnection: close\r\n", "HTTP/1.0 200 OK\r\n"] {
        let got = collect(Answer::head(head)).await;
        assert!(matches!(got, Err(Error::ResponseBodyError(_))), "{got:?}");
    }
    let answer = Answer::status(200).body(r#"{"invalid_events":[]}"#).cut_at(19);
    let Err(Error::ResponseBodyError(error)) = collect(answer).await else { panic!("it was read") };
    let broken = BrokenAnswer::in_sources_of(&error).unwrap();
    assert_eq!((broken.status().as_u16(), broken.fault()), (200, BodyFault::BrokeOff));
    let got = collect(Answer::status(200).body("<html>")).await;
    assert!(matches!(got, Err(Error::InvalidResponsePayload(..))), "{got:?}");
}
