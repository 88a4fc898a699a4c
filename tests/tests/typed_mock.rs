//! The typed mocks that the generator makes answer the raw client.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use copilot_gen::{
    Client, Error,
    raw::RequestSettings,
    types::{CollectRequest, CollectResponse, ConsentChange, ErrorResponse, InvalidEvent},
};
use copilot_tests::{mock::MockServerExt, spec};
use httpmock::MockServer;
use serde_json::json;

fn client(server: &MockServer) -> Client {
    Client::new_with_client(&server.base_url(), reqwest::Client::new(), RequestSettings::new())
}

fn request() -> CollectRequest {
    let events = spec::event_types().into_iter().map(|event| event.example.clone()).collect::<Vec<_>>();
    serde_json::from_value(json!({ "events": events })).unwrap()
}

fn consent(user_id: &str, consent_value: bool) -> ConsentChange {
    ConsentChange { user_id: user_id.parse().unwrap(), consent_value }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_of_collect_sees_the_events_and_answers_with_rejections() {
    let server = MockServer::start_async().await;
    let refused: InvalidEvent =
        serde_json::from_value(json!({ "event_id": "user-deleted-4702", "index": 2, "error": "no" }))
            .unwrap();
    let answer = CollectResponse { invalid_events: vec![refused] };
    let collect = server.collect(|when, then| {
        when.body(&request());
        then.ok(&answer);
    });
    let got = client(&server).collect(&request()).await.unwrap();
    assert_eq!(got.into_inner(), answer);
    collect.assert();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_of_set_consent_tells_users_apart() {
    let server = MockServer::start_async().await;
    let given = server.set_consent(|when, then| {
        when.body(&consent("u-1", true));
        then.success(204);
    });
    client(&server).set_consent(&consent("u-1", true)).await.unwrap();
    assert!(client(&server).set_consent(&consent("u-2", true)).await.is_err());
    assert!(client(&server).set_consent(&consent("u-1", false)).await.is_err());
    given.assert();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_of_an_error_reaches_the_caller_as_that_error() {
    let server = MockServer::start_async().await;
    let answer: ErrorResponse =
        serde_json::from_value(json!({ "reason": "AUTH.UNAUTHORIZED", "body_excerpt": "" })).unwrap();
    let collect = server.collect(|_, then| _ = then.client_error(401, &answer));
    let error = client(&server).collect(&request()).await.unwrap_err();
    let Error::ErrorResponse(response) = error else { panic!("{error:?}") };
    assert_eq!(response.status(), 401);
    assert_eq!(response.reason.as_deref(), Some("AUTH.UNAUTHORIZED"));
    collect.assert();
}
