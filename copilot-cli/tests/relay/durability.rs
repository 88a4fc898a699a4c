//! What was answered 200 arrives.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use reqwest::StatusCode;
use serde_json::json;

use super::{Folder, body, event, now, port_of, program::Relay, sandbox, until};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_200_arrives_though_the_relay_is_killed_and_copilot_is_away() {
    let folder = Folder::new();
    let away = sandbox(0);
    let (url, port) = (away.url(), port_of(&away.url()));
    away.stop();

    let answered = Arc::new(Mutex::new(BTreeSet::new()));
    for run in 0..2 {
        let relay = Relay::start(&folder, &url);
        let callers: Vec<_> = (0..8)
            .map(|caller| {
                let (url, answered) = (relay.url.clone(), Arc::clone(&answered));
                tokio::spawn(async move {
                    let http = reqwest::Client::builder().no_proxy().build().unwrap();
                    for turn in 0.. {
                        let id = |place| format!("{run}-{caller}-{turn}-{place}");
                        let events: Vec<_> =
                            (0..3).map(|place| event(&id(place), &format!("user-{caller}"))).collect();
                        let request =
                            http.post(format!("{url}/v2/collect")).basic_auth(super::ID, Some(super::SECRET));
                        let request = request.header("content-type", "application/json").body(body(&events));
                        match request.send().await {
                            Ok(answer) => assert_eq!(answer.status(), StatusCode::OK),
                            // It was killed.
                            Err(_) => break,
                        }
                        answered.lock().unwrap().extend((0..3).map(id));
                    }
                })
            })
            .collect();
        until("requests are answered", async || answered.lock().unwrap().len() > 150 * (run + 1)).await;
        relay.kill();
        for caller in callers {
            caller.await.unwrap();
        }
    }

    let sandbox = sandbox(port);
    let relay = Relay::start(&folder, &url);
    let consent = json!({ "user_id": "user-1", "consent_value": true }).to_string();
    let answer = relay.post("/v2/api/report/user_copilot_analysis_consent_changed", consent).await;
    assert_eq!((answer.status(), answer.text().await.unwrap()), (StatusCode::NO_CONTENT, String::new()));
    let answered = answered.lock().unwrap().clone();
    until("all of them arrive", async || {
        let arrived: BTreeSet<_> =
            sandbox.accepted().iter().filter_map(|event| event.event_id.clone()).collect();
        answered.is_subset(&arrived)
    })
    .await;
    until("the consent arrives", async || sandbox.consents().len() == 1).await;
}

#[tokio::test]
async fn an_outbox_that_cannot_be_written_is_503_and_nothing_is_taken() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    // A limit of the process that leaves no room for the reserve: as on a full disk, nothing is taken.
    let mut limited = std::process::Command::new("sh");
    limited.args([
        "-c",
        "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_copilot-cx"),
    ]);
    let outbox = folder.outbox();
    let arguments = ["relay", "--endpoint", &sandbox.url(), "--listen", "127.0.0.1:0", "--outbox", &outbox];
    let relay = Relay::run(super::program::with_pair(limited, &folder, &arguments));
    let answer = relay.collect(body(&[event("e-1", "user-1"), event("e-2", "user-2")])).await;
    assert_eq!(
        (answer.status(), answer.headers()["retry-after"].to_str().unwrap()),
        (StatusCode::SERVICE_UNAVAILABLE, "5")
    );
    let said: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(said["reason"], "COMMON.UNAVAILABLE");
    assert!(said["error_message"].as_str().unwrap().contains("disk is full"), "{said}");
    let consent = json!({ "user_id": "user-1", "consent_value": true }).to_string();
    let answer = relay.post("/v2/api/report/user_copilot_analysis_consent_changed", consent).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let status = relay.status().await;
    assert_eq!((&status["outbox"]["taken"], &status["unavailable"]), (&json!(0), &json!(2)));
    relay.signal("TERM");
    let (ended, said) = relay.wait();
    assert!(ended.success() && said.contains("503"), "{said}");
    assert!(sandbox.events().is_empty());
}

#[tokio::test]
async fn events_that_are_a_little_ahead_are_taken() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    let relay = Relay::start(&folder, &sandbox.url());
    let mut ahead = event("e-1", "user-1");
    ahead["timestamp"] = json!(now() + 100);
    let answer: serde_json::Value = relay.collect(body(&[ahead])).await.json().await.unwrap();
    assert_eq!(answer, json!({ "invalid_events": [] }));
    super::until_accepted(&sandbox, 1).await;
}
