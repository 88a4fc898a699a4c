//! The client for programs without an async runtime, and what it does inside one.

use std::{thread, time::Duration};

use copilot_api::{ClientBuilder, blocking};
use copilot_sandbox::{ConsentSource, Fault, Sandbox};
use copilot_tests::server::{self, Answer, Server, events};
use serde_json::json;

/// A client that sends at most ten events in a request.
fn over(builder: ClientBuilder) -> blocking::Client {
    let client = builder.timeout(Duration::from_secs(20)).max_batch_events(10).build().unwrap();
    blocking::Client::over(client).unwrap()
}

fn client(sandbox: &Sandbox) -> blocking::Client {
    over(server::client_of(sandbox))
}

#[test]
fn it_collects_and_sets_consent() {
    let sandbox = server::sandbox();
    sandbox.add_fault(Fault::reject_event_ids(["e-25"])).unwrap();
    let client = client(&sandbox);
    let report = client.collect(events(26)).unwrap();
    assert_eq!((report.read(), report.accepted(), report.requests()), (26, 25, 3));
    assert_eq!(report.rejections()[0].index(), 25);
    assert_eq!((sandbox.accepted().len(), sandbox.rejected().len()), (25, 1));

    client.set_consent("user-7", false).unwrap();
    let consent = sandbox.user("user-7").and_then(|user| user.consent).unwrap();
    assert_eq!((consent.value, consent.source), (false, ConsentSource::SetConsent));
    assert!(client.collect([]).unwrap().is_complete());

    client.collect_one(server::event("e-30")).unwrap();
    let failed = client.collect_one(server::event("e-25")).unwrap_err();
    assert!(failed.error().is_rejected());
    assert_eq!(failed.into_parts().1.event_id().as_str(), "e-25");
}

#[test]
fn it_fails_as_the_other_client_does() {
    let server = Server::always(Answer::json(401, &json!({ "reason": "AUTH.UNAUTHORIZED" })));
    let client = over(server.client());
    assert!(client.set_consent("user-7", true).unwrap_err().is_unauthorized());
    assert!(client.set_consent("user 7", true).unwrap_err().is_invalid_input());
    let mut source = events(25);
    let failed = client.collect(&mut source).unwrap_err();
    assert!(failed.error().is_unauthorized());
    let (_, report) = failed.into_parts();
    assert!(report.undelivered().len() >= 10);
    assert_eq!((report.undelivered().len(), report.read() + source.count()), (report.read(), 25));

    let nobody = blocking::Client::over(server::quick(server::nobody()).build().unwrap()).unwrap();
    let error = nobody.set_consent("user-7", true).unwrap_err();
    assert!(error.is_connect() && error.attempts() == 5, "{error:?}");
}

#[test]
fn the_iterator_may_block_and_call_the_client_itself() {
    let sandbox = server::sandbox();
    let client = client(&sandbox);
    let calling = events(25).inspect(|event| {
        thread::sleep(Duration::from_millis(1));
        client.set_consent(event.event_id().to_string(), true).unwrap();
    });
    let report = client.collect(calling).unwrap();
    assert!(report.is_complete() && report.accepted() == 25, "{report:?}");
    let statistics = sandbox.statistics();
    assert_eq!(statistics.events.accepted, 25);
    assert_eq!(statistics.requests["set_consent"]["204"], 25);
}

/// Makes, uses and drops clients on a thread of an async runtime.
fn inside_a_runtime(outside: blocking::Client, sandbox: &Sandbox) {
    let inside = client(sandbox);
    for client in [&outside, &inside] {
        let error = client.set_consent("user-7", true).unwrap_err();
        assert!(error.is_configuration(), "{error:?}");
        assert!(error.to_string().contains("copilot_api::Client"), "{error}");
        let mut source = events(25);
        let failed = client.collect(&mut source).unwrap_err();
        assert!(failed.error().is_configuration(), "{failed:?}");
        assert_eq!((failed.report().read(), source.count()), (0, 25), "nothing was read");
        let failed = client.collect_one(server::event("e-1")).unwrap_err();
        assert!(failed.error().is_configuration() && failed.event().event_id().as_str() == "e-1");
    }
    assert!(sandbox.statistics().requests.is_empty());

    // What was made here works elsewhere, and may come back to be dropped.
    let there = inside.clone();
    let accepted = thread::spawn(move || there.collect(events(25)).unwrap().accepted()).join().unwrap();
    assert_eq!(accepted, 25);
    drop((outside, inside));
}

#[test]
fn inside_an_async_runtime_it_returns_an_error_and_may_be_dropped() {
    for mut builder in
        [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
    {
        let sandbox = server::sandbox();
        let outside = client(&sandbox);
        let runtime = builder.enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::spawn(async move { inside_a_runtime(outside, &sandbox) }).await.unwrap();
        });
    }
}
