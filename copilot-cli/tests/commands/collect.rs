//! `collect`, `event` and `consent`: what arrives, and what is told of the rest.

use std::{
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

use copilot_sandbox::{Fault, Operation};
use serde_json::json;

use super::{Folder, SECRET, brewed, lines, program_for, run, sandbox};

#[test]
fn files_arrive_whatever_their_form() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let by_line = folder.file(
        "by-line.ndjson",
        format!("\u{feff}{}\r\n", lines((0..120).map(brewed)).replace('\n', "\r\n\r\n")),
    );
    let array = folder.file(
        "array.json",
        serde_json::to_string_pretty(&(120..150).map(brewed).collect::<Vec<_>>()).unwrap(),
    );
    let said = run(&mut program_for(&sandbox, &folder.0), &["collect", &by_line, &array]);
    said.expect(0, "150 read, 150 accepted, 0 rejected");
    assert_eq!((sandbox.accepted().len(), said.err.len()), (150, 0));
    let payloads = folder.file("payloads.ndjson", "{\"thing_id\": \"kettle\", \"user_id\": \"user-7\"}\n");
    run(&mut program_for(&sandbox, &folder.0), &["collect", "--type", "thing_connected", &payloads])
        .expect(0, "1 accepted");
    assert_eq!(sandbox.accepted().len(), 151);
    let mut piped = program_for(&sandbox, &folder.0)
        .arg("collect")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    piped.stdin.take().unwrap().write_all(lines([brewed(200)]).as_bytes()).unwrap();
    assert!(piped.wait().unwrap().success());
    assert_eq!(sandbox.accepted().len(), 152);
}

#[test]
fn what_is_rejected_comes_back_in_a_file_that_can_be_mended_and_sent() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let mut wrong = brewed(1);
    wrong["payload"]["subtype"] = json!("in two words");
    let refused = brewed(2);
    sandbox.add_fault(Fault::reject_events().on(Operation::Collect).next(1)).unwrap();
    let file = folder.file("events.ndjson", format!("{}{{\"type\": \n", lines([wrong, refused])));
    let said = run(
        &mut program_for(&sandbox, &folder.0),
        &["--json", "collect", &file, "--rejects", "rejects.ndjson"],
    );
    assert_eq!((said.exit, &said.summary()["rejected"]), (2, &json!(3)), "{}", said.err);
    let rejects = std::fs::read_to_string(folder.0.join("rejects.ndjson")).unwrap();
    assert!(
        rejects.contains("\"line\":1,") && rejects.contains("\"line\":2,") && rejects.contains("\"line\":3,"),
        "{rejects}"
    );
    let mended = folder.file("mended.ndjson", rejects.replace("in two words", "in-two-words"));
    let said = run(&mut program_for(&sandbox, &folder.0), &["collect", &mended]);
    said.expect(2, "3 read, 2 accepted, 1 rejected");
    // A file of rejects is never written over.
    run(&mut program_for(&sandbox, &folder.0), &["collect", &file, "--rejects", "rejects.ndjson"])
        .expect(1, "there already");
}

#[test]
fn too_many_rejections_end_it_and_it_says_how_to_go_on() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let wrong = |_| json!({ "type": "user_delighted" });
    let file = folder.file(
        "events.ndjson",
        lines((0..40).map(brewed).chain((0..40).map(wrong)).chain((40..80).map(brewed))),
    );
    let said = run(&mut program_for(&sandbox, &folder.0), &["collect", &file, "--max-rejects", "9"]);
    said.expect(2, "--skip 50");
    let said = run(&mut program_for(&sandbox, &folder.0), &["collect", &file, "--skip", "50"]);
    said.expect(2, "70 read, 40 accepted, 30 rejected");
    assert_eq!(sandbox.accepted().len(), 80);
}

#[test]
fn a_server_that_is_away_ends_it_with_nothing_lost_or_is_waited_for_by_an_outbox() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let file = folder.file("events.ndjson", lines((0..350).map(brewed)));
    // Refused in the middle of the file.
    let refuse = || {
        std::thread::sleep(Duration::from_millis(500));
        sandbox.add_fault(Fault::status(401).on(Operation::Collect)).unwrap();
    };
    let said = std::thread::scope(|scope| {
        scope.spawn(refuse);
        run(&mut program_for(&sandbox, &folder.0), &["--json", "collect", &file, "--rate", "300"])
    });
    let (done, skip) = (sandbox.accepted().len(), said.summary()["skip"].as_u64().unwrap().to_string());
    said.expect(3, &format!("--skip {done}"));
    assert!(done > 0 && done.to_string() == skip, "{done} {skip}");
    sandbox.clear_faults();
    run(&mut program_for(&sandbox, &folder.0), &["collect", &file, "--skip", &skip])
        .expect(0, &format!("{0} read, {0} accepted", 350 - done));
    assert_eq!(sandbox.accepted().len(), 350);

    sandbox.add_fault(Fault::status(503).on(Operation::Collect).next(3)).unwrap();
    let file = folder.file("more.ndjson", lines((350..700).map(brewed)));
    run(&mut program_for(&sandbox, &folder.0), &["collect", &file, "--outbox", "sqlite:o.outbox"])
        .expect(0, "350 accepted");
    assert_eq!(sandbox.accepted().len(), 700);
}

#[test]
fn the_rate_is_kept() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let file = folder.file("events.ndjson", lines((0..100).map(brewed)));
    let begun = Instant::now();
    run(&mut program_for(&sandbox, &folder.0), &["collect", &file, "--rate", "100"])
        .expect(0, "100 accepted");
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn an_interrupt_drains_and_says_how_to_go_on() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let file = folder.file("events.ndjson", lines((0..2000).map(brewed)));
    let mut command = program_for(&sandbox, &folder.0);
    command.args(["--json", "collect", &file, "--rate", "500"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(130));
    let (read, accepted) = (summary["read"].as_u64().unwrap(), summary["accepted"].as_u64().unwrap());
    assert!(read == accepted && (50..2000).contains(&read) && summary["skip"] == read, "{summary}");
    assert_eq!(sandbox.accepted().len() as u64, accepted);
}

#[test]
fn one_event_and_consent_are_sent() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let call = |arguments: &[&str]| run(&mut program_for(&sandbox, &folder.0), arguments);
    call(&["event", "custom_event", "--subtype", "brewed", "--user-id", "user-7", "cups=2"])
        .expect(0, "accepted");
    call(&["event", "custom_event", "--subtype", "brewed", "--user-id", "user 7"]).expect(2, "--user-id");
    call(&["event", "custom_event", "--subtype", "brewed"]).expect(2, "nothing was sent");
    call(&["event", "custom_event", "--subtype", "brewed", "--user-id", "u", "--dry-run"])
        .expect(0, "\"subtype\":\"brewed\"");
    assert_eq!(sandbox.accepted().len(), 1);
    call(&["consent", "user-7", "--grant"]).expect(0, "given");
    call(&["consent", "user 7", "--grant"]).expect(2, "");
    call(&["consent", "user-7"]).expect(1, "--grant");
    let file =
        folder.file("consent.ndjson", "{\"user_id\":\"user-7\",\"consent_value\":false}\n{\"user_id\":7}\n");
    call(&["consent", "--from", &file]).expect(2, "1 accepted, 1 rejected");
    assert!(!sandbox.user("user-7").unwrap().consent.unwrap().value);
    let mut wrong = program_for(&sandbox, &folder.0);
    wrong.env("COPILOT_CLIENT_SECRET", format!("{SECRET}-not"));
    run(&mut wrong, &["consent", "user-7", "--grant"]).expect(3, "401");
}

#[test]
fn an_interrupt_is_heard_while_nothing_comes() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let mut command = program_for(&sandbox, &folder.0);
    let mut child = command.arg("collect").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines([brewed(1)]).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(sandbox.accepted().len(), 1);
}

#[test]
fn nothing_is_sent_where_a_file_is_missing_and_rejects_are_private_and_go_on() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let file = folder.file("events.ndjson", format!("{}7\n{}", lines([brewed(1)]), lines([brewed(2)])));
    let call = |arguments: &[&str]| run(&mut program_for(&sandbox, &folder.0), arguments);
    let said = call(&["--json", "collect", &file, "missing"]);
    said.expect(1, "missing cannot be read");
    assert!(said.summary()["error"].is_string() && sandbox.events().is_empty());
    call(&["collect", &file, "--rejects", "rejects"]).expect(2, "2 accepted, 1 rejected");
    let rejects = folder.0.join("rejects");
    let mode = std::os::unix::fs::MetadataExt::mode(&rejects.metadata().unwrap());
    assert_eq!((mode & 0o777, std::fs::read_to_string(&rejects).unwrap().lines().count()), (0o600, 1));
    call(&["collect", &file, "--rejects", "rejects", "--skip", "1"])
        .expect(2, "2 read, 1 accepted, 1 rejected");
    assert_eq!(std::fs::read_to_string(&rejects).unwrap().lines().count(), 2);
    call(&["collect", &file, "--skip", "4"]).expect(1, "passes over all 3 events");
    // A file that nothing was written to is in nobody's way.
    let good = folder.file("good.ndjson", lines([brewed(3)]));
    call(&["collect", &good, "--rejects", "none"]).expect(0, "1 accepted");
    assert!(!folder.0.join("none").exists());
}

#[test]
fn an_outbox_takes_no_event_of_the_one_time_sync_no_password_and_no_memory() {
    let (folder, sandbox) = (Folder::new(), sandbox());
    let started = json!({
        "type": "preexisting_sync_started", "event_id": "s", "timestamp": super::now(), "payload": {}
    });
    let file = folder.file("events.ndjson", lines([brewed(1), started, brewed(2)]));
    let call = |url: &str| run(&mut program_for(&sandbox, &folder.0), &["collect", &file, "--outbox", url]);
    call("sqlite:o.outbox").expect(2, "2 accepted, 1 rejected");
    call("memory:").expect(1, "outlives");
    call("postgres://app:word@127.0.0.1:9/shop").expect(1, "a password in --outbox is refused");
}
