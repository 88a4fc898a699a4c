//! What is answered by the state of the outbox.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode},
    response::Response,
};
use copilot_api::{Client, Credentials};
use copilot_delivery::{MemoryOutbox, Reporter};
use copilot_sandbox::Sandbox;
use serde_json::json;
use tower::ServiceExt as _;

use super::{admission::Pair, routes, state::Relay};

/// A relay whose outbox has room for so many items, and that sends there.
fn relay(items: u64, url: &str, client_id: &str, secret: &str) -> Arc<Relay> {
    let client = Client::for_tests(url, client_id, secret).unwrap();
    let outbox = MemoryOutbox::with_capacity(items, u64::MAX);
    let reporter = Reporter::builder(client).outbox(outbox).linger(Duration::from_millis(5)).start().unwrap();
    let pair = Pair::new(&Credentials::new("id", "secret").unwrap());
    Arc::new(Relay::new(reporter, String::new(), pair, true))
}

/// Sends so many events, and has the answer.
async fn send(relay: &Arc<Relay>, events: usize) -> Response {
    let now = copilot_api::EventTimestamp::now().as_millis();
    let event = |place| {
        json!({ "type": "thing_connected", "event_id": format!("e-{place}"), "timestamp": now,
                "payload": { "thing_id": format!("t-{place}") } })
    };
    let body = json!({ "events": (0..events).map(event).collect::<Vec<_>>() }).to_string();
    let pair = Credentials::new("id", "secret").unwrap().authorization();
    let request = Request::post("/v2/collect").header("authorization", pair);
    let request = request.header("content-type", "application/json").body(Body::from(body)).unwrap();
    routes::router(Arc::clone(relay)).oneshot(request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_full_outbox_is_503_after_a_while_and_nothing_more_is_taken() {
    let relay = relay(2, "http://127.0.0.1:9", "id", "secret");
    assert_eq!(send(&relay, 2).await.status(), StatusCode::OK);
    let answer = send(&relay, 2).await;
    assert_eq!(
        (answer.status(), answer.headers()["retry-after"].as_bytes()),
        (StatusCode::SERVICE_UNAVAILABLE, &b"5"[..])
    );
    assert_eq!(relay.reporter.snapshot().await.unwrap().counts.tally.taken, 2);
}

#[tokio::test]
async fn a_request_waits_for_room_and_then_all_of_it_is_taken() {
    let sandbox = Sandbox::start().unwrap();
    let relay = relay(2, &sandbox.url(), sandbox.client_id(), sandbox.client_secret());
    assert_eq!(send(&relay, 9).await.status(), StatusCode::OK);
    relay.reporter.flush(Duration::from_secs(10)).await.unwrap();
    assert_eq!(sandbox.accepted().len(), 9);
}

#[tokio::test]
async fn what_comes_after_the_end_of_delivery_is_503() {
    let relay = relay(2, "http://127.0.0.1:9", "id", "secret");
    relay.reporter.shutdown(Duration::ZERO).await;
    assert_eq!(send(&relay, 1).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}
