//! The quickstart of `copilot-api`, run as a program without a terminal, as CI runs it.

use std::{collections::BTreeSet, process::Output};

use copilot_api::env::{CLIENT_ID, CLIENT_SECRET, COLLECT_ENDPOINT, CONSENT_ENDPOINT};
use copilot_sandbox::{Fault, Sandbox};
use copilot_tests::{sandbox::quickstart, spec};

/// Runs it against this sandbox.
fn against(sandbox: &Sandbox) -> Output {
    quickstart(&[
        (CLIENT_ID, sandbox.client_id()),
        (CLIENT_SECRET, sandbox.client_secret()),
        (COLLECT_ENDPOINT, &sandbox.collect_url()),
        (CONSENT_ENDPOINT, &sandbox.consent_url()),
    ])
}

fn printed(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn it_reports_to_what_the_variables_name_and_all_but_the_bad_event_are_accepted() {
    let sandbox = Sandbox::start().unwrap();
    let output = against(&sandbox);
    let (words, problems) = printed(&output);
    assert!(output.status.success(), "{words}{problems}");
    let accepted = sandbox.accepted();
    assert!(words.contains(&format!("{} accepted, 1 rejected\n", accepted.len())), "{words}");
    assert!(sandbox.rejected().is_empty(), "the bad one is not sent");
    assert!(sandbox.user("user-7").unwrap().consent.unwrap().value);

    let shown: BTreeSet<&str> = accepted.iter().filter_map(|event| event.r#type.as_deref()).collect();
    let types = spec::event_types();
    let missing = types.iter().map(|known| known.name).filter(|name| !shown.contains(name));
    // A hint: a new type needs no line there.
    println!("types that the quickstart does not show: {:?}", missing.collect::<Vec<_>>());
}

#[test]
fn it_fails_when_an_event_that_should_be_accepted_is_not() {
    for fault in [Fault::reject_types(["thing_connected"]), Fault::reject_events(), Fault::status(400)] {
        let sandbox = Sandbox::start().unwrap();
        sandbox.add_fault(fault).unwrap();
        let output = against(&sandbox);
        let (words, problems) = printed(&output);
        assert_eq!(output.status.code(), Some(1), "{words}{problems}");
        assert!(!problems.is_empty() && !words.contains("consent set"), "{words}{problems}");
        assert!(!problems.contains(sandbox.client_secret()) && !problems.contains("panicked"), "{problems}");
    }
}
