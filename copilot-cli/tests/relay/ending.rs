//! How the relay begins and ends.

use std::time::Instant;

use reqwest::StatusCode;

use super::{
    Folder, SECRET, SOON, body, event,
    program::{Relay, run, text},
    sandbox,
};

#[tokio::test]
async fn sigterm_delivers_what_there_is_and_ends_with_0_and_sigint_with_130() {
    for (signal, code) in [("TERM", 0), ("INT", 130)] {
        let folder = Folder::new();
        let sandbox = sandbox(0);
        let relay = Relay::start(&folder, &sandbox.url());
        let events: Vec<_> =
            (0..300).map(|place| event(&format!("e-{place}"), &format!("user-{place}"))).collect();
        assert_eq!(relay.collect(body(&events)).await.status(), StatusCode::OK);
        relay.signal(signal);
        let (ended, said) = relay.wait();
        assert_eq!(ended.code(), Some(code), "{said}");
        assert!(said.contains("nothing is pending"), "{said}");
        assert_eq!(sandbox.accepted().len(), 300);
    }
}

#[tokio::test]
async fn what_cannot_be_delivered_in_time_stays_and_it_is_said_how_much() {
    let folder = Folder::new();
    let relay = Relay::with(&folder, "http://127.0.0.1:9", &folder.outbox(), &["--drain", "1"]);
    assert_eq!(
        relay.collect(body(&[event("e-1", "user-1"), event("e-2", "user-1")])).await.status(),
        StatusCode::OK
    );
    let began = Instant::now();
    relay.signal("TERM");
    let (ended, said) = relay.wait();
    assert!(ended.success() && said.contains("2 items stay in the outbox"), "{said}");
    assert!(began.elapsed() < SOON);
}

#[test]
fn what_it_is_not_to_do_it_refuses_with_the_reason() {
    let folder = Folder::new();
    let outbox = folder.outbox();
    let refused: [(&[&str], &str); 9] = [
        (&["--outbox", &outbox, "--listen", "0.0.0.0:0"], "--i-know-others-can-reach-this"),
        (&["--outbox", &outbox, "--listen", "[::]:0"], "--i-know-others-can-reach-this"),
        (&["--outbox", &outbox, "--listen", "kettle"], "no address"),
        (&["--outbox", "memory:"], "in memory"),
        (&["--outbox", "postgres://app:pass@127.0.0.1/shop"], "read a command line"),
        (&["--outbox", &outbox, "--client-secret", "other"], "--client-secret is refused"),
        (&["--outbox", &outbox, "--listen", "127.0.0.1:9"], "the relay's own address"),
        (&["--outbox", &outbox, "--clients-id", "fleet"], "--clients-secret-file"),
        (&[], "no outbox"),
    ];
    for (arguments, reason) in refused {
        // Otherwise one that is let in would not end.
        let mut all = vec!["relay", "--endpoint", "http://127.0.0.1:9"];
        if !arguments.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        all.extend(arguments);
        let output = run(&folder, &all);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(reason) && !said.contains("pass@"), "{arguments:?}: {said}");
        assert!(!said.contains(SECRET));
    }
}

#[tokio::test]
async fn it_listens_for_others_where_that_is_said_in_words() {
    let folder = Folder::new();
    let arguments = ["--i-know-others-can-reach-this", "--listen", "0.0.0.0:0"];
    let relay = Relay::run({
        let mut command = super::program::program(&folder, &["relay", "--endpoint", "http://127.0.0.1:9"]);
        command.args(arguments).args(["--outbox", &folder.outbox()]);
        command
    });
    assert!(relay.url.starts_with("http://0.0.0.0:"), "{}", relay.url);
}

#[tokio::test]
async fn a_second_relay_on_the_same_file_says_who_has_it() {
    let folder = Folder::new();
    let relay = Relay::start(&folder, "http://127.0.0.1:9");
    let output = run(
        &folder,
        &[
            "relay",
            "--endpoint",
            "http://127.0.0.1:9",
            "--listen",
            "127.0.0.1:0",
            "--outbox",
            &folder.outbox(),
        ],
    );
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4));
    assert!(said.contains(&format!("process {} copilot-cx has it", relay.id())), "{said}");
}
