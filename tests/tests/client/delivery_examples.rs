//! The examples of `copilot-delivery`, run as programs: what people copy from them loses nothing.

use std::{
    collections::BTreeSet,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use copilot_api::env::{CLIENT_ID, CLIENT_SECRET, COLLECT_ENDPOINT, CONSENT_ENDPOINT};
use copilot_sandbox::{Fault, Operation, Sandbox};
use copilot_tests::sandbox::{PATIENCE, Process, delivery_example};
use reqwest::{Method, StatusCode};

/// An outbox that is not there yet.
fn outbox(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder.join("copilot.outbox")
}

/// The example, to report to this sandbox by way of that file.
fn command(example: &Path, sandbox: &Sandbox, outbox: &Path) -> Command {
    let mut command = Command::new(example);
    command.env(CLIENT_ID, sandbox.client_id()).env(CLIENT_SECRET, sandbox.client_secret());
    command.env(COLLECT_ENDPOINT, sandbox.collect_url()).env(CONSENT_ENDPOINT, sandbox.consent_url());
    command.env("OUTBOX", format!("sqlite:{}", outbox.display())).env("OUTBOX_FILE", outbox);
    command.env("LISTEN", "127.0.0.1:0");
    command
}

/// Asks the service; its status and its words.
async fn ask(service: &Process, method: Method, path: &str) -> (StatusCode, String) {
    let answer =
        reqwest::Client::new().request(method, format!("{}{path}", service.url)).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// Asks for the health of the service until it is this.
async fn is_healthy(service: &Process, status: StatusCode, words: &str) {
    let start = Instant::now();
    loop {
        let (found, said) = ask(service, Method::GET, "/healthz").await;
        if found == status && said.contains(words) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{found} {said}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The things that the sandbox knows to be connected.
fn things(sandbox: &Sandbox) -> BTreeSet<String> {
    sandbox.accepted().iter().filter_map(|event| event.thing_id.clone()).collect()
}

async fn report(service: &Process, names: &BTreeSet<String>) {
    for name in names {
        let (status, said) = ask(service, Method::POST, &format!("/things/{name}/connected")).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{said}");
    }
}

fn names(prefix: &str, count: usize) -> BTreeSet<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

#[tokio::test]
async fn the_service_delivers_says_how_it_is_and_loses_nothing_when_it_is_stopped_while_the_server_is_slow() {
    let (sandbox, outbox) = (Sandbox::start().unwrap(), outbox("service"));
    let example = delivery_example("service");
    let mut service = Process::spawn(command(&example, &sandbox, &outbox));

    // What it says.
    is_healthy(&service, StatusCode::OK, "ready").await;
    assert_eq!(ask(&service, Method::PUT, "/users/user-7/consent/true").await.0, StatusCode::ACCEPTED);
    assert_eq!(ask(&service, Method::POST, "/things/%00/connected").await.0, StatusCode::BAD_REQUEST);
    sandbox.add_fault(Fault::status(401).on(Operation::Collect)).unwrap();
    let mut all = names("early", 20);
    report(&service, &all).await;
    is_healthy(&service, StatusCode::SERVICE_UNAVAILABLE, "stuck: 401").await;
    assert_eq!(ask(&service, Method::GET, "/livez").await.0, StatusCode::OK);
    let metrics = ask(&service, Method::GET, "/metrics").await.1;
    assert!(metrics.contains("copilot_delivery_paused 1\n"), "{metrics}");
    assert!(metrics.contains("copilot_delivery_pending_items 20\n"), "{metrics}");
    sandbox.clear_faults();
    is_healthy(&service, StatusCode::OK, "ready").await;
    service.wait_for("what was kept", |_| (things(&sandbox) == all).then_some(()));
    assert!(sandbox.user("user-7").unwrap().consent.unwrap().value);

    // How it ends.
    sandbox.add_fault(Fault::delay(PATIENCE).on(Operation::Collect)).unwrap();
    let late = names("late", 150);
    report(&service, &late).await;
    service.signal("TERM");
    assert!(service.ended().success(), "{}", service.log());
    assert!(service.output().ends_with("150 items stay in the outbox, 0 are lost\n"), "{}", service.output());
    all.extend(late);

    // How it goes on.
    sandbox.clear_faults();
    let mut service = Process::spawn(command(&example, &sandbox, &outbox));
    service.wait_for("everything", |_| (things(&sandbox) == all).then_some(()));
    is_healthy(&service, StatusCode::OK, "ready").await;
    service.signal("TERM");
    assert!(service.ended().success());
    assert!(service.output().ends_with("0 items stay in the outbox, 0 are lost\n"), "{}", service.output());
}

#[test]
fn the_program_without_async_delivers_every_line_and_needs_no_credentials_to_be_tried() {
    let (sandbox, outbox) = (Sandbox::start().unwrap(), outbox("blocking"));
    let example = delivery_example("blocking");
    let mut tried = Command::new(&example);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COPILOT_")) {
        tried.env_remove(name);
    }
    for mut command in [command(&example, &sandbox, &outbox), tried] {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines: String = names("line", 200).iter().map(|name| format!("{name}\n")).collect();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, "0 items stay in the outbox, 0 are lost\n");
    }
    assert_eq!(things(&sandbox), names("line", 200));
}
