//! `copilot-cx outbox`: by the relay that runs, and without one.

use std::fs;

use copilot_sandbox::{Fault, Sandbox};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    Folder, body, event,
    program::{Relay, program, run, text},
    sandbox, until, until_accepted,
};

/// A relay with so many dead letters.
async fn with_dead_letters(folder: &Folder, sandbox: &Sandbox, letters: u64) -> Relay {
    let relay = Relay::start(folder, &sandbox.url());
    let fault = sandbox.add_fault(Fault::reject_types(["user_updated"])).unwrap();
    let events: Vec<_> =
        (1..=letters).map(|number| event(&format!("e-{number}"), &format!("user-{number}"))).collect();
    assert_eq!(relay.collect(body(&events)).await.status(), StatusCode::OK);
    until("they are dead letters", async || relay.status().await["outbox"]["dead_letters"] == letters).await;
    assert!(fault.id() > 0);
    sandbox.clear_faults();
    relay
}

/// Runs `outbox` so, to its end: its exit code and what it printed. Off the runtime, which the sandbox does not need.
fn outbox(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(folder, &[&["outbox"], arguments].concat());
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_relay_is_asked() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    let relay = with_dead_letters(&folder, &sandbox, 250).await;
    let of_relay = ["--relay", &relay.url];

    let (code, shown) = outbox(&folder, &[&["show"], &of_relay[..]].concat());
    assert_eq!((code, shown.lines().count()), (Some(0), 252));
    let first = shown.lines().next().unwrap();
    assert!(first.contains("  user_updated e-") && first.contains("  rejected by the server: "), "{shown}");
    assert!(shown.contains("0 pending (0 bytes in 0 lanes), 250 dead letters"));

    let (code, shown) = outbox(&folder, &[&["show", "--json"], &of_relay[..]].concat());
    let lines: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, lines.len()), (Some(0), 251));
    assert_eq!(lines[250]["dead_letters"], json!(250));

    let (code, said) = outbox(&folder, &[&["export", "events.ndjson"], &of_relay[..]].concat());
    assert_eq!((code, said.as_str()), (Some(0), "250 events in events.ndjson\n"));
    let exported = fs::read_to_string(folder.path("events.ndjson")).unwrap();
    assert!(exported.lines().all(|line| copilot_api::parse_event(line).is_ok()));
    assert_eq!(exported.lines().count(), 250);
    // Never over something that is there.
    assert_eq!(outbox(&folder, &[&["export", "events.ndjson"], &of_relay[..]].concat()).0, Some(4));

    let first = lines[0]["id"].to_string();
    let (code, said) = outbox(&folder, &[&["retry", &first], &of_relay[..]].concat());
    assert_eq!((code, said.as_str()), (Some(0), "1 dead letters are pending again\n"));
    until_accepted(&sandbox, 1).await;
    let (code, said) = outbox(&folder, &[&["retry", &first], &of_relay[..]].concat());
    assert!(code == Some(1) && said.contains("there is no dead letter"), "{said}");

    let (code, said) = outbox(&folder, &[&["forget", "user-2"], &of_relay[..]].concat());
    assert!(code == Some(0) && said.starts_with("0 pending items and 1 dead letters were removed"), "{said}");
    let third = lines.iter().skip(1).find(|letter| letter["item"]["event_id"] != "e-2").unwrap();
    let third = third["id"].to_string();
    for (code, told) in [(0, "1 dead letters were removed\n"), (1, "there is no dead letter")] {
        let (ended, said) = outbox(&folder, &[&["drop", &third], &of_relay[..]].concat());
        assert!(ended == Some(code) && said.contains(told), "{said}");
    }
    let (code, said) = outbox(&folder, &[&["retry", "--all"], &of_relay[..]].concat());
    assert_eq!((code, said.as_str()), (Some(0), "247 dead letters are pending again\n"));
    until_accepted(&sandbox, 248).await;

    let mut stranger = program(&folder, &["outbox", "show"]);
    let refused = stranger.args(of_relay).env("COPILOT_CLIENT_SECRET", "guessed").output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_relay_the_file_is_opened_and_with_one_it_says_who_has_it() {
    let folder = Folder::new();
    let sandbox = sandbox(0);
    let relay = with_dead_letters(&folder, &sandbox, 2).await;
    let own = folder.outbox();
    let (code, said) = outbox(&folder, &["show", "--outbox", &own]);
    assert!(code == Some(4) && said.contains(&format!("process {} copilot-cx has it", relay.id())), "{said}");

    // What is set names the outbox, and the relay that listens has it.
    let listens = relay.url.strip_prefix("http://").unwrap().to_owned();
    let with_settings = |arguments: &[&str]| {
        let mut command = program(&folder, &[&["outbox"], arguments].concat());
        let output = command.env("COPILOT_OUTBOX", &own).env("COPILOT_LISTEN", &listens).output().unwrap();
        (output.status.code(), text(&output.stdout))
    };
    assert!(with_settings(&["show"]).1.ends_with("0 forgotten\n"));
    relay.signal("TERM");
    relay.wait();
    let (code, shown) = with_settings(&["show"]);
    assert!(code == Some(0) && shown.contains("0 pending (0 bytes in 0 lanes), 2 dead letters"), "{shown}");
    assert_eq!(
        with_settings(&["retry", "--all"]),
        (Some(0), "2 dead letters are pending again\n".to_owned())
    );
    assert!(with_settings(&["forget", "user-1"]).1.starts_with("1 pending items and 0 dead letters"));
    let (code, said) = outbox(&folder, &["drop", "--all", "--outbox", &own]);
    assert_eq!((code, said.as_str()), (Some(0), "0 dead letters were removed\n"));
    let (code, said) = outbox(&folder, &["show", "--outbox", "sqlite:typo.outbox"]);
    assert!(
        code == Some(1) && said.contains("no outbox typo.outbox") && !folder.path("typo.outbox").exists()
    );
    let (code, said) = outbox(&folder, &["show", "--relay", "http://127.0.0.1:9"]);
    assert!(code == Some(4) && said.contains("does not answer"), "{said}");
}
