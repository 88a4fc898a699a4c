//! What a deleted user told leaves the file, byte by byte, and so does everything at a reset.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;

use copilot_tests::sandbox::{Folder, Process, event, long, start_with_little_room};
use serde_json::{Value, json};

fn start(file: &str) -> Process {
    Process::start(&["--data", file])
}

/// The numbers of the people of whom anything stands in any byte of the files.
fn left(folder: &Folder) -> BTreeSet<usize> {
    let bytes = folder.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let after = text.split("quill").skip(1);
    after.filter_map(|rest| rest.split_once('x')?.0.parse().ok()).collect()
}

/// What a person tells, whose texts all hold the person's number.
fn person(number: usize, length: usize) -> Value {
    json!({
        "user_id": format!("u{}{}", number * 37 % 1009, "-".repeat(number % 7 * 20)),
        "first_name": format!("quill{number}x{}", "y".repeat(length)),
        "email": format!("quill{number}x@example.com")
    })
}

fn deletion(person: &Value, event_id: &str) -> Value {
    event("user_deleted", event_id, json!({ "user_id": person["user_id"] }))
}

#[tokio::test]
async fn nothing_of_a_deleted_user_is_left_in_any_byte_of_the_files() {
    let folder = Folder::new();
    let file = folder.file("sandbox.db");
    let sandbox = start(&file);
    let caller = sandbox.caller();
    // Rows come in no order, grow and shrink, so that SQLite moves them within the file. With this seed it leaves copies
    // behind that it does not overwrite.
    let mut random = fastrand::Rng::with_seed(9);
    let mut living: BTreeSet<usize> = (0..300).collect();
    for round in 0..24 {
        let people: Vec<usize> = living.iter().copied().collect();
        let updates = (0..50).map(|number| {
            let length = [100, 400, 800, 1200][random.usize(..4)];
            let person = person(people[random.usize(..people.len())], length);
            event("user_updated", &format!("e{round}-{number}"), person)
        });
        caller.deliver(&updates.collect::<Vec<_>>()).await;
        let deleted = (0..6).map(|number| {
            let deleted = people[random.usize(..people.len())];
            living.remove(&deleted);
            deletion(&person(deleted, 0), &format!("d{round}-{number}"))
        });
        caller.deliver(&deleted.collect::<Vec<_>>()).await;
        if round % 2 == 1 {
            let left = left(&folder);
            assert_eq!(left.difference(&living).count(), 0, "round {round}");
            assert!(left.len() > 10, "others are as they were");
        }
    }
    let before = left(&folder);
    sandbox.kill();
    assert_eq!(left(&folder), before);
    let sandbox = start(&file);
    assert_eq!(left(&folder), before);

    sandbox.caller().reset().await;
    assert!(left(&folder).is_empty(), "a reset leaves nothing of anybody");
    sandbox.stop();
    let sandbox = start(&file);
    assert_eq!(sandbox.caller().get("/_sandbox/statistics").await["resets"], 1);
    assert!(sandbox.caller().events().await.is_empty());
}

#[tokio::test]
async fn all_that_was_sent_about_a_deleted_user_leaves_the_files() {
    let folder = Folder::new();
    let sandbox = start(&folder.file("sandbox.db"));
    let caller = sandbox.caller();
    caller
        .deliver(&[event("user_created", "e1", person(1, 1)), event("user_created", "e2", person(2, 1))])
        .await;
    let mut words = json!({ "thing_id": "t", "user_id": person(1, 1)["user_id"] });
    words["quill1x"] = "quill1x was here".into();
    caller.deliver(&[event("thing_interaction", "e3", words)]).await;
    caller.deliver(&[event("unsubscribe", "e4", json!({ "email": "quill1x@example.com" }))]).await;
    let mut rejected = event("user_created", "e5", person(1, 50));
    rejected["payload"]["quill1x"] = json!(null);
    assert_eq!(caller.collect(&[rejected]).await.unwrap().status(), 200);
    assert_eq!(left(&folder), BTreeSet::from([1, 2]));
    caller.deliver(&[deletion(&person(1, 1), "e6")]).await;
    assert_eq!(left(&folder), BTreeSet::from([2]));
    sandbox.stop();
    assert_eq!(left(&folder), BTreeSet::from([2]));
}

#[tokio::test]
async fn a_deletion_that_could_not_be_written_is_never_forgotten() {
    let folder = Folder::new();
    let file = folder.file("sandbox.db");
    let sandbox = start_with_little_room(&file);
    let caller = sandbox.caller();
    let deleted = |event_id: &str| deletion(&person(1, 1), event_id);
    caller.deliver(&[event("user_created", "e1", person(1, 10))]).await;
    // Too much for the file together, so that the deletion fails with what comes with it.
    let mut events: Vec<Value> = (0..25).map(|number| long(&format!("l{number}"))).collect();
    events.push(deleted("e2"));
    assert_eq!(caller.collect(&events).await.unwrap().status(), 503);
    // Who was told 503 sends it again. Nothing is left of the user once it is answered.
    let again = caller.collect(&[deleted("e2")]).await.unwrap().status();
    assert!(again == 503 || left(&folder).is_empty(), "{again}");
    sandbox.stop();
    let sandbox = start(&file);
    sandbox.caller().deliver(&[deleted("e3")]).await;
    assert!(left(&folder).is_empty());
}
