//! What was reported by SQL is delivered, in order with what was reported by Rust, and judged whole by the courier.

use std::time::Duration;

use copilot_api::{Client, NewEvent as _, types::ThingConnectedPayload};
use copilot_delivery::{Outcome, PostgresOutbox, Reporter};
use copilot_sandbox::{Fault, Sandbox};

use super::Database;

fn event(id: &str, user: &str) -> String {
    let event = ThingConnectedPayload::builder().thing_id("t").user_id("user-7").event().unwrap();
    let mut event = serde_json::to_value(&event).unwrap();
    (event["event_id"], event["payload"]["user_id"]) = (id.into(), user.into());
    event.to_string()
}

#[tokio::test]
async fn the_courier_delivers_it_and_judges_it_whole() {
    let Some(database) = Database::new().await else { return };
    let sandbox = Sandbox::start().unwrap();
    let client = Client::for_tests(&sandbox.url(), sandbox.client_id(), sandbox.client_secret()).unwrap();
    database.report(&event("good-1", "user-7")).await.unwrap();
    // Its id has a letter that the contract does not allow.
    database.report(&event("bad", "user 7")).await.unwrap();
    database.client.batch_execute("SELECT copilot_set_consent('user-7', true)").await.unwrap();
    database.report(&event("good-2", "user-7")).await.unwrap();

    let outbox = PostgresOutbox::open(&database.url).await.unwrap();
    let reporter = Reporter::builder(client).outbox(outbox).linger(Duration::ZERO).start().unwrap();
    reporter.flush(Duration::from_secs(20)).await.unwrap();
    let arrived: Vec<String> = sandbox.accepted().iter().filter_map(|event| event.event_id.clone()).collect();
    assert_eq!(arrived, ["good-1", "good-2"]);
    let letters = reporter.dead_letters().list(None, 10).await.unwrap();
    let [letter] = &*letters else { panic!("{letters:?}") };
    assert_eq!(letter.item.event_id(), Some("bad"));
    let Outcome::Rejected(reason) = &letter.outcome else { panic!("{}", letter.outcome) };
    assert!(reason.words.join("").contains("/payload/user_id"), "{:?}", reason.words);
    reporter.shutdown(Duration::from_secs(5)).await;
}

/// The courier says that it works on it.
#[tokio::test]
async fn what_takes_longer_than_its_lease_is_sent_once() {
    let Some(database) = Database::new().await else { return };
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(Fault::delay(Duration::from_millis(1500)).next(1)).unwrap();
    let mut reporters = Vec::new();
    for _ in 0..2 {
        let client = Client::for_tests(&sandbox.url(), sandbox.client_id(), sandbox.client_secret()).unwrap();
        let outbox = PostgresOutbox::builder(&database.url).lease(Duration::from_millis(400));
        let outbox = outbox.open().await.unwrap();
        reporters.push(Reporter::builder(client).outbox(outbox).linger(Duration::ZERO).start().unwrap());
    }
    database.report(&event("slow", "user-7")).await.unwrap();
    for reporter in reporters {
        reporter.flush(Duration::from_secs(20)).await.unwrap();
        reporter.shutdown(Duration::from_secs(5)).await;
    }
    assert_eq!(sandbox.accepted().len(), 1);
}
