//! The relay as it is seen: health, metrics, the page, and who may see it.

use reqwest::{Method, StatusCode, header::HOST};
use serde_json::json;

use copilot_sandbox::Fault;

use super::{Folder, body, event, program::Relay, sandbox, until, until_accepted};

#[tokio::test]
async fn it_shows_what_waits_and_what_was_refused_without_personal_data() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    let relay = Relay::start(&folder, &sandbox.url());
    let words = json!({ "invalid_events": [{ "event_id": "e-1", "index": 0, "error": "zoe@example.com is unknown" }] });
    sandbox
        .add_fault(Fault::answer(200, words.to_string()).header("content-type", "application/json").next(1))
        .unwrap();
    assert_eq!(relay.collect(body(&[event("e-1", "user-7")])).await.status(), StatusCode::OK);
    until("it is in the dead letter", async || relay.status().await["outbox"]["dead_letters"] == 1).await;
    relay.collect(body(&[event("e-2", "user-7")])).await;
    until_accepted(&sandbox, 1).await;
    until("both are settled", async || relay.status().await["outbox"]["accepted"] == 1).await;

    let status = relay.status().await;
    let rejection = &status["rejections"][0];
    assert_eq!((&rejection["type"], &rejection["by"]), (&json!("user_updated"), &json!("server")));
    assert_eq!(rejection["words"], json!(["… is unknown"]));
    assert!(!status.to_string().contains("zoe") && !status.to_string().contains("user-7"));

    let metrics = relay.get("/metrics").await.text().await.unwrap();
    for line in [
        "copilot_delivery_items_total{outcome=\"accepted\"} 1",
        "copilot_delivery_items_total{outcome=\"rejected\"} 1",
        "copilot_delivery_dead_letters 1",
        "copilot_delivery_pending_items 0",
        "copilot_relay_items_total{verdict=\"stored\"} 2",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
    let health = relay.get("/healthz").await;
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(health.json::<serde_json::Value>().await.unwrap(), json!({ "status": "ready", "why": null }));
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let folder = Folder::new();
    let relay = Relay::start(&folder, "http://127.0.0.1:9");
    for (path, kind) in
        [("/", "text/html"), ("/_relay/page.css", "text/css"), ("/_relay/page.js", "text/javascript")]
    {
        let file = relay.get(path).await;
        assert!(file.headers()["content-type"].to_str().unwrap().starts_with(kind));
        assert!(
            file.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none';")
        );
        let text = file.text().await.unwrap();
        assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
    }
}

#[tokio::test]
async fn other_sites_and_who_does_not_know_the_pair_are_kept_out() {
    let folder = Folder::new();
    let relay = Relay::start(&folder, "http://127.0.0.1:9");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in ["/", "/_relay/status", "/metrics", "/healthz", "/_relay/counts"] {
        let answer = relay.request(Method::GET, path).header(HOST, "evil.test").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
        let answer =
            relay.request(Method::GET, path).header("origin", "http://evil.test").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let control = [
        (Method::GET, "/_relay/counts"),
        (Method::GET, "/_relay/dead-letters"),
        (Method::POST, "/_relay/dead-letters/retry"),
        (Method::POST, "/_relay/forget"),
    ];
    for (method, path) in control {
        let answer = http.request(method, format!("{}{path}", relay.url)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}
