//! The credentials: read again when Copilot.cx refuses them, and when the relay is told to.

use reqwest::StatusCode;
use serde_json::json;

use super::{
    Folder, ID, SECRET, body, event,
    program::{Relay, program},
    sandbox, until, until_accepted,
};

fn of_file(folder: &Folder, endpoint: &str, more: &[&str]) -> Relay {
    let file = folder.path("secret").display().to_string();
    let outbox = folder.outbox();
    let arguments = [
        "relay",
        "--endpoint",
        endpoint,
        "--listen",
        "127.0.0.1:0",
        "--outbox",
        &outbox,
        "--client-secret-file",
        &file,
    ];
    let mut command = program(folder, &[&arguments, more].concat());
    command.env_remove("COPILOT_CLIENT_SECRET");
    Relay::run(command)
}

#[tokio::test]
async fn a_secret_that_was_changed_is_found_after_401_and_nothing_is_lost() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    folder.secret("secret", "the-old-one");
    let relay = of_file(&folder, &sandbox.url(), &[]);
    // Clients send what it sends with.
    let send = async |secret: &str, id: &str| {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.post(format!("{}/v2/collect", relay.url)).basic_auth(ID, Some(secret));
        let sent = body(&[event(id, "user-1")]);
        request.header("content-type", "application/json").body(sent).send().await.unwrap().status()
    };
    assert_eq!(send("the-old-one", "e-1").await, StatusCode::OK);
    until("it is paused", async || relay.status().await["events_paused"] != json!(null)).await;
    assert_eq!(relay.get("/healthz").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    folder.secret("secret", SECRET);
    until_accepted(&sandbox, 1).await;
    assert_eq!(send("the-old-one", "e-2").await, StatusCode::UNAUTHORIZED);
    assert_eq!(send(SECRET, "e-2").await, StatusCode::OK);
    until("it is ready", async || relay.get("/healthz").await.status() == StatusCode::OK).await;
}

#[tokio::test]
async fn clients_may_have_a_pair_of_their_own_which_is_read_again_on_sighup() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    folder.secret("secret", SECRET);
    let file = folder.secret("clients", "first").display().to_string();
    let relay = of_file(&folder, &sandbox.url(), &["--clients-id", "fleet", "--clients-secret-file", &file]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |id: &str, secret: &str| {
        let request = http.post(format!("{}/v2/collect", relay.url)).basic_auth(id, Some(secret));
        let sent = body(&[event("e-1", "user-1")]);
        request.header("content-type", "application/json").body(sent).send().await.unwrap().status()
    };
    assert_eq!(send("fleet", "first").await, StatusCode::OK);
    assert_eq!(send(ID, SECRET).await, StatusCode::UNAUTHORIZED);
    folder.secret("clients", "second");
    assert_eq!(send("fleet", "second").await, StatusCode::UNAUTHORIZED);
    relay.signal("HUP");
    until("the new one is asked for", async || send("fleet", "second").await == StatusCode::OK).await;
    // What cannot be read changes nothing.
    std::fs::remove_file(folder.path("clients")).unwrap();
    relay.signal("HUP");
    until_accepted(&sandbox, 1).await;
    assert_eq!(send("fleet", "second").await, StatusCode::OK);
}
