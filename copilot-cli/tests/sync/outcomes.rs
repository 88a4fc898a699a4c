//! How `plan` and `apply` end, by what they find.

use std::{fs, thread, time::Duration};

use copilot_sandbox::{Fault, Sandbox};
use serde_json::json;

use crate::support::{Import, SECRET, accepted, sandbox, start};

/// No request came.
fn assert_untouched(sandbox: &Sandbox) {
    assert!(sandbox.statistics().requests.is_empty());
}

#[test]
fn plan_counts_names_what_will_be_rejected_and_sends_nothing() {
    let (import, sandbox) = (Import::new(500), sandbox());
    let ended = import.run(&sandbox, "plan", &["--json", "--rate", "100"]);
    let result = ended.result();
    assert_eq!((ended.code, &result["events"], &result["seconds"]), (Some(0), &1500.into(), &15.0.into()));

    import.append("users.csv", "u 1,,,,x\n");
    import.append("associations.csv", "user-1,nothing\r\n");
    let ended = import.run(&sandbox, "plan", &["--rejects", "r"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for words in [
        "500 to send            1 rejected",
        "users.csv:502: `id`: ",
        "associations.csv:502: `thing_id`: names no thing of the import",
        "about 2 s at 1,000 events a second",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    let rejects = fs::read_to_string(import.path("r")).unwrap();
    assert!(rejects.lines().count() == 2 && rejects.contains("\"rule\":\"unknown\""));
    assert_untouched(&sandbox);
}

#[test]
fn what_cannot_be_read_ends_it_before_anything_is_sent() {
    for (name, bytes, words) in [
        ("users.csv", &b"id,plan\n\"a,x\n"[..], "users.csv:2: a quote"),
        ("users.csv", b"id,plan\na\n", "users.csv:2: has 1 values"),
        ("users.csv", b"id,plan,shoe\na,x,7\n", "users.csv:1: column `shoe`"),
        ("users.csv", b"id\na\n", "--map plan=: no file"),
        ("users.csv", b"\xef\xbb\xbfid,plan\n", "users.csv: begins with a byte order mark"),
        ("things.ndjson", b"", "things.ndjson: is empty"),
        ("things.ndjson", b"{\"thing_id\":\"t\"}\n{\"thing_id\":\n", "things.ndjson:2: column"),
        ("associations.csv", b"user_id,thing_id\r\na,b\n", "associations.csv:2: this line ends otherwise"),
    ] {
        let (import, sandbox) = (Import::new(10), sandbox());
        fs::write(import.path(name), bytes).unwrap();
        for verb in ["plan", "apply"] {
            let ended = import.run(&sandbox, verb, &[]);
            assert!(ended.code == Some(1) && ended.stderr.contains(words), "{words}: {ended:?}");
        }
        assert_untouched(&sandbox);
    }
    let (import, sandbox) = (Import::new(10), sandbox());
    fs::remove_file(import.path("things.ndjson")).unwrap();
    let ended = import.apply(&sandbox, &[]);
    assert!(ended.code == Some(1) && ended.stderr.contains("things.ndjson: cannot be read"), "{ended:?}");
}

#[test]
fn with_rejected_rows_the_completion_waits_for_a_word() {
    let (import, sandbox) = (Import::new(300), sandbox());
    import.append("users.csv", "u 1,,,,x\n");
    let ended = import.apply(&sandbox, &["--json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let result = ended.result();
    assert_eq!((&result["completed"], &result["rejected"]), (&"not_sent".into(), &1.into()));
    assert!(ended.stderr.contains("held back") && ended.stderr.contains("--complete"), "{ended:?}");
    assert_eq!(accepted(&sandbox, "preexisting_sync_completed"), 0);
    assert_eq!(import.rejects()[0]["line"], 302);
    // As if it had been mended in place.
    std::fs::write(import.path("copilot-sync.state.rejects.ndjson"), "").unwrap();
    let ended = import.apply(&sandbox, &["--complete"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(accepted(&sandbox, "preexisting_sync_completed"), 1);
    import.assert_arrived(&sandbox);
}

#[test]
fn what_copilot_rejects_is_written_with_its_words_and_its_line() {
    let (import, sandbox) = (Import::new(300), sandbox());
    sandbox.add_fault(Fault::reject_types(["preexisting_thing_created"])).unwrap();
    let ended = import.apply(&sandbox, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let rejects = import.rejects();
    assert_eq!(rejects.len(), 300);
    for (line, rejected) in (1..).zip(rejects) {
        assert_eq!((&rejected["file"], &rejected["line"]), (&"things.ndjson".into(), &line.into()));
        assert_eq!(rejected["event"]["payload"]["thing_id"], format!("T:{}", line - 1));
        assert!(!rejected["server"].as_array().unwrap().is_empty());
    }
}

#[test]
fn rows_of_which_copilot_rejects_one_without_saying_which_are_all_written() {
    let (import, sandbox) = (Import::new(300), sandbox());
    sandbox.add_fault(Fault::delay(Duration::from_millis(300)).next(1)).unwrap();
    let child = start(import.command(&sandbox, "apply", &[]));
    while !sandbox.faults().is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    // The start is on its way; this is for the request behind it.
    let answer = r#"{"invalid_events":[{"error":"one of them"}]}"#;
    sandbox.add_fault(Fault::answer(200, answer).next(1)).unwrap();
    let ended = child.end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let rejects = import.rejects();
    assert_eq!(rejects.len(), 100);
    for rejected in rejects {
        assert_eq!(rejected["server"], json!(["one of them"]));
        assert_eq!(rejected["may_have_been_taken"], true);
    }
}

#[test]
fn refused_credentials_end_it_and_the_right_ones_go_on() {
    let (import, sandbox) = (Import::new(200), sandbox());
    let mut command = import.command(&sandbox, "apply", &[]);
    command.env("COPILOT_CLIENT_SECRET", "another");
    let ended = start(command).end();
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(import.state()["started"], "not_sent");
    // And in the middle.
    sandbox.add_fault(Fault::status(401).share(0.3)).unwrap();
    let mut codes = Vec::new();
    while codes.last() != Some(&Some(0)) && codes.len() < 200 {
        codes.push(import.apply(&sandbox, &[]).code);
        assert!([Some(0), Some(3)].contains(codes.last().unwrap()));
    }
    import.assert_arrived(&sandbox);
}

#[test]
fn an_import_goes_on_with_what_it_began_with_and_nothing_else() {
    let (import, sandbox) = (Import::new(200), sandbox());
    import.append("users.csv", "u 1,,,,x\n");
    assert_eq!(import.apply(&sandbox, &[]).code, Some(2));
    let before = sandbox.statistics().requests;
    let other = crate::support::sandbox();
    for (sandbox, more, words) in [
        (&other, &["--complete"][..], "another endpoint"),
        (&sandbox, &["--map", "note="], "another --map"),
        (&sandbox, &["--rejects", "elsewhere"], "another --rejects"),
    ] {
        let ended = import.apply(sandbox, more);
        assert!(ended.code == Some(1) && ended.stderr.contains(words), "{words}: {ended:?}");
    }
    import.append("things.ndjson", "{\"thing_id\":\"late\"}\n");
    let ended = import.apply(&sandbox, &["--complete"]);
    assert!(ended.code == Some(1) && ended.stderr.contains("things.ndjson was changed"), "{ended:?}");
    assert_eq!(sandbox.statistics().requests, before);
    assert_untouched(&other);
}

#[test]
fn two_processes_are_not_at_one_import() {
    let (import, sandbox) = (Import::new(200), sandbox());
    sandbox.add_fault(Fault::delay(Duration::from_millis(300))).unwrap();
    let first = start(import.command(&sandbox, "apply", &[]));
    while sandbox.faults()[0].fired() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let second = import.apply(&sandbox, &[]);
    assert!(second.code == Some(1) && second.stderr.contains("another process"), "{second:?}");
    assert_eq!(first.end().code, Some(0));
    import.assert_arrived(&sandbox);
}

#[test]
fn without_a_server_it_gives_up_and_has_sent_nothing() {
    let (import, sandbox) = (Import::new(10), sandbox());
    let command = import.command(&sandbox, "apply", &[]);
    sandbox.stop();
    let ended = start(command).end();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_eq!(import.state()["started"], "not_sent");
    assert!(!import.state().to_string().contains(SECRET));
}
