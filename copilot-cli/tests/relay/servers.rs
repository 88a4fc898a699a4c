//! The outbox on a server, beside others that use it.

use copilot_servers::{nats::Nats, postgres::Cluster};
use reqwest::StatusCode;

use super::{
    Folder, body, event,
    program::{Relay, program, text},
    sandbox, until_accepted,
};

async fn relays_and_is_looked_into(outbox: &str, more: &[&str]) {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    let relay = Relay::with(&folder, &sandbox.url(), outbox, more);
    let events: Vec<_> =
        (0..50).map(|number| event(&format!("e-{number}"), &format!("user-{number}"))).collect();
    assert_eq!(relay.collect(body(&events)).await.status(), StatusCode::OK);
    until_accepted(&sandbox, 50).await;
    // Not by the relay, which listens elsewhere.
    let mut command = program(&folder, &["outbox", "show"]);
    let output = command.env("COPILOT_OUTBOX", outbox).env("COPILOT_LISTEN", "127.0.0.1:9").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(" 0 dead letters"), "{}", text(&output.stdout));
    relay.signal("TERM");
    let (ended, said) = relay.wait();
    assert!(ended.success(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_postgresql_whose_tables_it_makes_where_that_is_said() {
    let Some(cluster) = Cluster::start() else { return };
    let url = cluster.url(&cluster.database());
    let folder = Folder::new();
    let mut command =
        program(&folder, &["relay", "--endpoint", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"]);
    let without = command.env("COPILOT_OUTBOX", &url).output().unwrap();
    assert_eq!(without.status.code(), Some(4), "{}", text(&without.stderr));
    relays_and_is_looked_into(&url, &["--migrate"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_jetstream() {
    let Some(server) = Nats::start() else { return };
    relays_and_is_looked_into(&server.url(), &[]).await;
}
