//! An import that is killed again and again goes on where it was.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use copilot_sandbox::{Fault, Sandbox, SyncState};
use nix::sys::signal::{Signal, kill};

use crate::support::{Ended, Import, accepted, assert_no_secret, is_long, sandbox, start};

/// Four requests of a hundred events.
const UNDER_WAY: u64 = 400;

/// How many events arrived, repeated ones not among them.
fn arrived(sandbox: &Sandbox) -> u64 {
    let events = sandbox.statistics().events;
    events.accepted - events.repeated
}

/// The answer to what a run asks, by what the sandbox knows.
fn told(sandbox: &Sandbox, ended: &Ended) -> &'static str {
    let mut event_types = ["preexisting_sync_started", "preexisting_sync_completed"].into_iter();
    let event_type = event_types.find(|event_type| ended.stderr.contains(event_type)).unwrap();
    if accepted(sandbox, event_type) > 0 { "--sent" } else { "--send-again" }
}

/// Answers what it asks, and gives how the run ends that asks nothing more.
fn answered(import: &Import, sandbox: &Sandbox, more: &[&str], mut ended: Ended) -> Ended {
    while ended.code == Some(4) {
        ended = import.run(sandbox, "apply", &[more, &[told(sandbox, &ended)]].concat());
    }
    ended
}

#[test]
fn killed_at_random_moments_it_brings_each_row_and_opens_and_closes_once() {
    let (rows, kills, rate) = if is_long() { (200_000, 20, "1000000") } else { (2_000, 6, "8000") };
    let (import, sandbox) = (Import::new(rows), sandbox());
    import.append("users.csv", "u 1,,,,x\nu2,,nobody,,x\nuser-1,,,,x\n");
    import.append("associations.csv", "user-1,T:x\r\n");
    // Requests that bring nothing: what they hold is sent again, and not twice.
    sandbox.add_fault(Fault::status(503).share(0.02)).unwrap();
    sandbox.add_fault(Fault::close_before().share(0.01)).unwrap();
    let total = 3 * rows as u64;
    // By how many events have arrived: with the start, with some row, with the completion.
    let mut moments: Vec<u64> = (2..kills).map(|_| fastrand::u64(0..total)).chain([0, total + 1]).collect();
    moments.sort_unstable();
    let more = ["--rate", rate, "--complete"];
    let (begin, mut killed, mut asked) = (Instant::now(), 0, 0);
    let mut answer: Option<&str> = None;
    for moment in moments {
        loop {
            let arguments = [&more[..], answer.as_slice()].concat();
            let mut child = start(import.command(&sandbox, "apply", &arguments));
            let (repeated, at) = (sandbox.statistics().events.repeated, arrived(&sandbox).max(moment));
            while arrived(&sandbox) <= at && !child.is_over() {
                thread::sleep(Duration::from_micros(300));
            }
            child.kill();
            let ended = child.end();
            assert!(sandbox.statistics().events.repeated - repeated <= UNDER_WAY);
            answer = None;
            match ended.code {
                None => killed += 1,
                // It was faster than the kill.
                Some(2) if moment > total => {}
                Some(4) => {
                    asked += 1;
                    answer = Some(told(&sandbox, &ended));
                    continue;
                }
                _ => panic!("{ended:?}"),
            }
            break;
        }
    }
    let arguments = [&more[..], answer.as_slice()].concat();
    let ended = answered(&import, &sandbox, &more, import.run(&sandbox, "apply", &arguments));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    import.assert_arrived(&sandbox);
    assert_no_secret(&import.path(""));
    let sync = sandbox.sync();
    assert_eq!(sync.state, SyncState::Completed);
    assert_eq!(accepted(&sandbox, "preexisting_sync_started"), 1);
    assert_eq!(accepted(&sandbox, "preexisting_sync_completed"), 1);
    let repeated = sandbox.statistics().events.repeated;
    assert!(repeated <= UNDER_WAY * killed);
    // None is missing there, and none stands there twice.
    let rejects = import.rejects();
    let lines: BTreeSet<(String, u64)> = rejects
        .iter()
        .map(|rejected| (rejected["file"].as_str().unwrap().to_owned(), rejected["line"].as_u64().unwrap()))
        .collect();
    let rows = rows as u64;
    let users = (rows + 2..rows + 5).map(|line| ("users.csv".to_owned(), line));
    let expected: BTreeSet<_> = users.chain([("associations.csv".to_owned(), rows + 2)]).collect();
    assert_eq!((rejects.len(), lines), (4, expected));
    println!(
        "{rows} rows of each kind, {killed} kills, {asked} questions: {repeated} of {total} events came twice, {} s",
        begin.elapsed().as_secs()
    );
}

#[test]
fn interrupted_it_waits_for_what_is_under_way_and_repeats_nothing() {
    let (import, sandbox) = (Import::new(1_000), sandbox());
    sandbox.add_fault(Fault::delay(Duration::from_millis(50))).unwrap();
    for at in [300, 1_500] {
        let child = start(import.command(&sandbox, "apply", &["--rate", "1000000", "--json"]));
        while arrived(&sandbox) < at {
            thread::sleep(Duration::from_millis(1));
        }
        kill(child.pid(), Signal::SIGINT).unwrap();
        let ended = child.end();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        // That it waits is said only where something is still on its way.
        assert!(ended.stderr.contains("the same command goes on"), "{ended:?}");
        let known: u64 = ["users", "things", "associations"]
            .map(|kind| ended.result()[kind]["accepted"].as_u64().unwrap())
            .iter()
            .sum();
        assert_eq!(known + 1, arrived(&sandbox));
    }
    sandbox.clear_faults();
    let ended = import.apply(&sandbox, &["--json"]);
    assert_eq!((ended.code, &ended.result()["repeated_at_most"]), (Some(0), &0.into()));
    import.assert_arrived(&sandbox);
    assert_eq!(sandbox.statistics().events.repeated, 0);
}

#[test]
fn interrupted_twice_it_ends_at_once_and_goes_on_later() {
    let (import, sandbox) = (Import::new(300), sandbox());
    sandbox.add_fault(Fault::delay(Duration::from_secs(5))).unwrap();
    let child = start(import.command(&sandbox, "apply", &[]));
    while sandbox.faults()[0].fired() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let pid = child.pid();
    let begin = Instant::now();
    kill(pid, Signal::SIGINT).unwrap();
    thread::sleep(Duration::from_millis(50));
    kill(pid, Signal::SIGINT).unwrap();
    let ended = child.end();
    assert_eq!(ended.code, Some(130));
    assert!(begin.elapsed() < Duration::from_secs(3));
    sandbox.clear_faults();
    let ended = answered(&import, &sandbox, &[], import.apply(&sandbox, &[]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    import.assert_arrived(&sandbox);
}
