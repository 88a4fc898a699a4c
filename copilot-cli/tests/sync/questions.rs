//! The start and the completion of an import: sent once, and asked about where nobody knows.

use copilot_sandbox::{Fault, Sandbox};

use crate::support::{Import, accepted, sandbox};

/// An import whose next request is its start, or its completion, which the fault spoils.
fn spoiled(fault: fn() -> Fault, is_completion: bool) -> (Import, Sandbox) {
    let (import, sandbox) = (Import::new(100), sandbox());
    if is_completion {
        assert_eq!(import.apply(&sandbox, &[]).code, Some(0));
        let mut state = import.state();
        state["completed"] = "not_sent".into();
        std::fs::write(import.path("copilot-sync.state"), state.to_string()).unwrap();
        sandbox.reset();
    }
    sandbox.add_fault(fault().next(1)).unwrap();
    (import, sandbox)
}

#[test]
fn a_start_or_completion_without_an_answer_is_asked_about_until_it_is_told() {
    for (is_completion, event_type, marker) in
        [(false, "preexisting_sync_started", "started"), (true, "preexisting_sync_completed", "completed")]
    {
        for (fault, taken, answer) in [
            (Fault::close_after as fn() -> Fault, 1, "--sent"),
            (Fault::close_before, 0, "--send-again"),
            (|| Fault::status(500), 0, "--send-again"),
        ] {
            let (import, sandbox) = spoiled(fault, is_completion);
            let ended = import.apply(&sandbox, &[]);
            assert_eq!(ended.code, Some(4), "{ended:?}");
            assert!(ended.stderr.contains(event_type) && ended.stderr.contains("--sent or --send-again"));
            assert_eq!(
                (accepted(&sandbox, event_type), &import.state()[marker]),
                (taken, &"intended".into())
            );

            // It is not sent, nor anything else, before that is told.
            let before = sandbox.statistics().requests;
            let again = import.apply(&sandbox, &[]);
            assert!(again.code == Some(4) && again.stderr.contains(event_type), "{again:?}");
            assert_eq!(sandbox.statistics().requests, before);

            let ended = import.apply(&sandbox, &[answer]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
            assert_eq!(accepted(&sandbox, event_type), 1);
            // The question is closed.
            let ended = import.apply(&sandbox, &[answer]);
            assert!(ended.code == Some(1) && ended.stderr.contains("not open"), "{ended:?}");
            assert_eq!(accepted(&sandbox, event_type), 1);
        }
    }
}

#[test]
fn a_start_that_surely_did_not_arrive_is_tried_again_unasked() {
    let (import, sandbox) = (Import::new(100), sandbox());
    sandbox.add_fault(Fault::status(429).next(1)).unwrap();
    let ended = import.apply(&sandbox, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(accepted(&sandbox, "preexisting_sync_started"), 1);
    import.assert_arrived(&sandbox);
}

#[test]
fn a_complete_import_sends_nothing_more() {
    let (import, sandbox) = (Import::new(100), sandbox());
    assert_eq!(import.apply(&sandbox, &[]).code, Some(0));
    let before = sandbox.statistics().requests;
    let ended = import.apply(&sandbox, &[]);
    assert!(ended.code == Some(0) && ended.stdout.contains("is complete"), "{ended:?}");
    assert_eq!(sandbox.statistics().requests, before);
}
