//! `--data FILE`: what was answered is in the file, what was erased is not, and no other file is touched.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use copilot_tests::{
    sandbox::{
        COLLECT, Caller, Folder, Process, connected, event, long, program, run, start_with_little_room,
    },
    server::{client_id, client_secret},
};
use serde_json::{Value, json};
use tokio::time::sleep;

fn start(file: &str) -> Process {
    Process::start(&["--data", file])
}

/// What can be asked for, but for what begins anew with the process.
async fn told(caller: &Caller) -> Value {
    let mut statistics = caller.get("/_sandbox/statistics").await;
    for volatile in ["revision", "rate"] {
        statistics[volatile].take();
    }
    let mut told = json!({ "statistics": statistics, "events": caller.events().await });
    for path in ["users", "things", "consents", "unsubscribes"] {
        told[path] = caller.get(&format!("/_sandbox/{path}")).await;
    }
    told
}

/// One thing of everything that is remembered.
async fn tell_of_everything(caller: &Caller) {
    let both = json!({ "user_id": "ann", "thing_id": "kettle" });
    let status =
        json!({ "thing_id": "kettle", "status_key": "water", "status_value": "low", "status_date": 5 });
    let stories = [
        ("preexisting_sync_started", json!({})),
        ("preexisting_user_created", json!({ "user_id": "old", "email": "old@example.com" })),
        ("preexisting_sync_completed", json!({})),
        ("user_created", json!({ "user_id": "ann", "first_name": "Ann", "copilot_analysis_consent": true })),
        ("user_thing_associated", both),
        ("thing_status_changed", status),
        ("unsubscribe", json!({ "email": "old@example.com" })),
        ("user_deleted", json!({ "user_id": "bob" })),
    ];
    for (number, (event_type, payload)) in stories.into_iter().enumerate() {
        // The order of arrival is remembered to the millisecond.
        sleep(Duration::from_millis(2)).await;
        caller.deliver(&[event(event_type, &format!("e{}", number % 7), payload)]).await;
    }
    let unknown = event("kettle_boiled", "e9", json!({}));
    assert_eq!(caller.collect(&[unknown]).await.unwrap().status(), 200);
    assert_eq!(caller.set_consent("cy", false).await.unwrap().status(), 204);
    let unauthorized = caller.request(reqwest::Method::POST, COLLECT).send().await.unwrap();
    assert_eq!(unauthorized.status(), 401);
}

#[tokio::test]
async fn everything_is_there_after_a_clean_stop() {
    let folder = Folder::new();
    let sandbox = start(&folder.file("sandbox.db"));
    tell_of_everything(&sandbox.caller()).await;
    let before = told(&sandbox.caller()).await;
    assert_eq!(before["statistics"]["requests"]["collect"], json!({ "200": 9, "401": 1 }));
    assert_eq!(before["statistics"]["sync"]["state"], "completed");
    sandbox.stop();

    let sandbox = start(&folder.file("sandbox.db"));
    assert_eq!(told(&sandbox.caller()).await, before);
    assert_eq!(sandbox.caller().get("/_sandbox/status").await["data_file"], true);

    // What follows goes on from there.
    sandbox.caller().deliver(&[connected("e0")]).await;
    let newest = sandbox.caller().events().await.pop().unwrap();
    let last = before["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(newest["sequence"].as_u64(), last["sequence"].as_u64().map(|number| number + 1));
    assert!(newest["request"].as_u64() > last["request"].as_u64(), "{newest}");
    assert_eq!(newest["repeated"], true, "ids from before are known");
}

/// Sends requests of three events, one of them rejected, until the server is gone. Returns the ids that were answered.
async fn send_until_it_is_gone(caller: Caller, name: String, answered: Arc<Mutex<Vec<String>>>) {
    for number in 0.. {
        let ids = ["a", "b", "c"].map(|letter| format!("{name}-{number}-{letter}"));
        let mut events = ids.clone().map(|id| connected(&id));
        events[1]["type"] = "kettle_boiled".into();
        let Ok(answer) = caller.collect(&events).await else { return };
        assert_eq!(answer.status(), 200);
        answered.lock().unwrap().extend(ids);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_that_was_answered_is_there_once_after_a_kill() {
    let folder = Folder::new();
    let file = folder.file("sandbox.db");
    let answered = Arc::<Mutex<Vec<String>>>::default();
    for round in 0..3 {
        let sandbox = start(&file);
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let name = format!("r{round}-s{sender}");
                tokio::spawn(send_until_it_is_gone(sandbox.caller(), name, Arc::clone(&answered)))
            })
            .collect();
        let before = answered.lock().unwrap().len();
        let start = Instant::now();
        while answered.lock().unwrap().len() < before + 150 {
            assert!(start.elapsed() < Duration::from_secs(10), "no answers");
            sleep(Duration::from_millis(5)).await;
        }
        sandbox.kill();
        for sender in senders {
            sender.await.unwrap();
        }
    }

    let sandbox = start(&file);
    let events = sandbox.caller().events().await;
    let mut found = HashMap::<&str, u32>::new();
    for event in &events {
        *found.entry(event["event_id"].as_str().unwrap()).or_default() += 1;
    }
    for id in answered.lock().unwrap().iter() {
        assert_eq!(found.get(id.as_str()), Some(&1), "{id}");
    }
    assert!(found.values().all(|count| *count == 1), "something is there twice");
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>(), "numbering goes on without a gap");

    let statistics = sandbox.caller().get("/_sandbox/statistics").await;
    let count = |verdict: &str| events.iter().filter(|event| event["verdict"] == verdict).count();
    let expected = json!({
        "accepted": count("accepted"), "rejected": count("rejected"), "repeated": 0, "kept": events.len()
    });
    assert_eq!(statistics["events"], expected, "counters are of what is there");
    let thing = sandbox.caller().get("/_sandbox/things/kettle").await;
    assert_eq!(thing["events"], count("accepted"), "and so are things");
}

/// The words of a program that does not start with this file.
fn refusal(file: &str) -> String {
    let output = run(&["--data", file]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "it said that it listens");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn one_file_is_for_one_sandbox_at_a_time() {
    let folder = Folder::new();
    let file = folder.file("sandbox.db");
    let first = start(&file);
    first.caller().deliver(&[connected("e1")]).await;
    let begin = Instant::now();
    let words = refusal(&file);
    assert!(words.contains(&file) && words.contains("another"), "{words}");
    assert!(begin.elapsed() < Duration::from_secs(2), "it waited for nothing");
    first.caller().deliver(&[connected("e2")]).await;
    first.stop();
    assert_eq!(start(&file).caller().events().await.len(), 2);
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let ours = folder.file("ours.db");
    let sandbox = start(&ours);
    tell_of_everything(&sandbox.caller()).await;
    sandbox.stop();
    let whole = fs::read(&ours).unwrap();
    let other = folder.file("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('tea')").unwrap();
    connection.close().unwrap();
    let mut newer = whole.clone();
    // `user_version`, where the form of the tables is written.
    newer[63] += 1;

    let files: Vec<(&str, Vec<u8>)> = vec![
        ("a text", b"shopping list: tea, milk, sugar\n".repeat(40)),
        ("a short text", b"tea".to_vec()),
        ("another database", fs::read(&other).unwrap()),
        ("half of ours", whole[..whole.len() / 2].to_vec()),
        ("the first page of ours", whole[..4096].to_vec()),
        ("a newer one of ours", newer),
        ("zeros", vec![0; 8192]),
    ];
    for (what, bytes) in files {
        let file = folder.file("file");
        fs::write(&file, &bytes).unwrap();
        let words = refusal(&file);
        assert!(words.starts_with(&format!("copilot-sandbox: {file} cannot be used: ")), "{what}: {words}");
        assert!(fs::read(&file).unwrap() == bytes, "{what} was changed");
        for suffix in ["-wal", "-shm", "-journal"] {
            assert!(!fs::exists(format!("{file}{suffix}")).unwrap(), "{what}: {suffix} was left");
        }
    }
    let words = refusal(&folder.file("no-such-folder/file"));
    assert!(words.contains("no-such-folder") && words.contains("No such file"), "{words}");
    refusal(&folder.file(""));
}

#[tokio::test]
async fn only_their_owner_may_read_the_files() {
    let folder = Folder::new();
    let file = folder.file("sandbox.db");
    // Whatever the user's habits are.
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$0\" \"$@\""]).arg(program()).args(["--data", &file]);
    command.args(["--client-id", client_id(), "--client-secret", client_secret()]);
    let sandbox = Process::spawn(command);
    sandbox.caller().deliver(&[connected("e1")]).await;
    for suffix in ["", "-wal"] {
        let mode = fs::metadata(format!("{file}{suffix}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_answered_with_503_and_told_in_the_log() {
    let folder = Folder::new();
    let file = folder.file("sandbox.db");
    let mut sandbox = start_with_little_room(&file);
    let caller = sandbox.caller();
    let mut taken = 0;
    let rejected = loop {
        let answer = caller.collect(&[long(&format!("e{taken}"))]).await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        taken += 1;
        assert!(taken < 100, "the disk is never full");
    };
    assert_eq!(rejected.status(), 503);
    let words: Value = rejected.json().await.unwrap();
    assert_eq!(words["reason"], "SANDBOX.NOT_STORED");
    assert!(taken > 1);
    assert_eq!(caller.collect(&[long("more")]).await.unwrap().status(), 503);
    let log = sandbox.wait_for("a line", |sandbox| {
        let log = sandbox.log();
        log.contains("could not be written").then_some(log)
    });
    assert!(!log.contains("xxxx") && log.contains(" 503"), "{log}");
    assert_eq!(caller.get("/_sandbox/statistics").await["events"]["kept"], taken + 2, "it goes on");
    sandbox.stop();

    let sandbox = start(&file);
    let events = sandbox.caller().events().await;
    let ids: Vec<&str> = events.iter().map(|event| event["event_id"].as_str().unwrap()).collect();
    let answered: Vec<String> = (0..taken).map(|number| format!("e{number}")).collect();
    assert_eq!(ids[..taken], answered, "what was answered with 200 is there");
}

#[tokio::test]
async fn what_could_not_be_written_is_written_once_there_is_room() {
    let folder = Folder::new();
    let file = folder.file("sandbox.db");
    let sandbox = start_with_little_room(&file);
    let caller = sandbox.caller();
    caller.deliver(&[connected("e1")]).await;
    let events: Vec<Value> = (0..25).map(|number| long(&format!("l{number}"))).collect();
    assert_eq!(caller.collect(&events).await.unwrap().status(), 503);
    // A reset makes room.
    caller.reset().await;
    caller.deliver(&[connected("e2")]).await;
    sandbox.stop();
    let sandbox = start(&file);
    assert_eq!(sandbox.caller().events().await.len(), 1);
}
