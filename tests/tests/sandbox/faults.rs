//! Each fault of the sandbox, as a client meets it over HTTP.

use std::time::{Duration, Instant};

use copilot_sandbox::{Fault, Operation, Sandbox};
use copilot_tests::{
    sandbox::{COLLECT, Caller, PATIENCE, connected, event},
    server::{authorization, client_id, client_secret},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{sandbox, taken};

fn sandbox_with_seed(seed: u64) -> Sandbox {
    Sandbox::builder().credentials(client_id(), client_secret()).seed(seed).start().unwrap()
}

/// A connection on which bytes are seen as they come.
struct Line(TcpStream);

impl Line {
    async fn to(sandbox: &Sandbox) -> Self {
        let address = sandbox.url().trim_start_matches("http://").to_owned();
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn send(&mut self, path: &str, body: &Value) {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            authorization(),
            body.len()
        );
        self.0.write_all((head + &body).as_bytes()).await.unwrap();
    }

    /// All that comes until the server closes the connection.
    async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut bytes))
            .await
            .expect("it stays open")
            .expect("it was reset");
        bytes
    }
}

#[tokio::test]
async fn status_answers_with_the_apis_error_and_takes_nothing() {
    let (sandbox, caller) = sandbox();
    for (status, retry_after) in
        [(400, None), (429, Some("7")), (503, Some("Wed, 21 Oct 2026 07:28:00 GMT")), (599, None)]
    {
        let mut fault = Fault::status(status).next(1);
        if let Some(value) = retry_after {
            fault = fault.retry_after(value);
        }
        sandbox.add_fault(fault).unwrap();
        let answer = caller.collect(&[connected("e1")]).await.unwrap();
        assert_eq!(answer.status(), status);
        let found = answer.headers().get("retry-after").map(|value| value.to_str().unwrap());
        assert_eq!(found, retry_after);
        let body: Value = answer.json().await.unwrap();
        assert!(body["reason"].is_string() && body["error_message"].is_string(), "{body}");
        sandbox.add_fault(Fault::status(status).next(1)).unwrap();
        assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), status);
    }
    assert!(sandbox.events().is_empty() && sandbox.users().is_empty());
    caller.deliver(&[connected("e1")]).await;
}

#[tokio::test]
async fn html_answers_with_the_page_of_a_proxy_and_takes_nothing() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::html(502)).unwrap();
    let answer = caller.collect(&[connected("e1")]).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 502);
    assert!(sandbox.events().is_empty() && sandbox.users().is_empty());
}

#[tokio::test]
async fn delay_keeps_a_request_waiting_and_goes_on_as_usual() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::delay(Duration::from_millis(300)).next(1)).unwrap();
    sandbox.add_fault(Fault::delay(Duration::from_millis(200)).next(1)).unwrap();
    let (begin, late) = (Instant::now(), [connected("late")]);
    let next = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        caller.deliver(&[connected("next")]).await;
        assert!(begin.elapsed() < Duration::from_millis(450), "others wait too: {:?}", begin.elapsed());
    };
    tokio::join!(caller.deliver(&late), next);
    assert!(begin.elapsed() >= Duration::from_millis(500), "{:?}", begin.elapsed());
    assert_eq!(taken(&sandbox), ["next", "late"]);
}

#[tokio::test]
async fn drip_sends_the_answer_in_pieces_at_its_speed() {
    let (sandbox, _) = sandbox();
    sandbox.add_fault(Fault::drip(50).next(2)).unwrap();
    let mut line = Line::to(&sandbox).await;
    let begin = Instant::now();
    line.send(COLLECT, &json!({ "events": [connected("e1")] })).await;
    let (mut bytes, mut pieces) = (Vec::new(), 0);
    while !bytes.ends_with(b"\r\n0\r\n\r\n") {
        assert_ne!(line.0.read_buf(&mut bytes).await.unwrap(), 0, "it was closed early");
        pieces += 1;
    }
    // 21 bytes.
    assert!(begin.elapsed() >= Duration::from_millis(400), "{:?}", begin.elapsed());
    assert!(pieces >= 3, "{pieces} pieces");
    let text = String::from_utf8(bytes).unwrap();
    let body: String = text.split("\r\n\r\n").nth(1).unwrap().split("\r\n").skip(1).step_by(2).collect();
    assert_eq!(body, r#"{"invalid_events":[]}"#);
    assert_eq!(taken(&sandbox), ["e1"]);

    // An answer without a body has nothing to be sent slowly.
    let caller = Caller::of(&sandbox);
    assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 204);
    assert!(sandbox.faults().is_empty());

    // One that another fault gives has.
    sandbox.add_fault(Fault::drip(50)).unwrap();
    for fault in [Fault::answer(200, "twenty bytes of body"), Fault::html(502), Fault::status(503)] {
        sandbox.add_fault(fault.next(1)).unwrap();
        let begin = Instant::now();
        assert!(caller.set_consent("ann", true).await.unwrap().bytes().await.unwrap().len() >= 20);
        assert!(begin.elapsed() >= Duration::from_millis(400), "{:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn chunked_sends_the_answer_in_chunks_of_that_length() {
    let (sandbox, _) = sandbox();
    let mut line = Line::to(&sandbox).await;
    for (fault, body) in [
        (Fault::chunked(8), "8\r\n{\"invali\r\n8\r\nd_events\r\n5\r\n\":[]}\r\n0\r\n\r\n"),
        (Fault::chunked(1000), "15\r\n{\"invalid_events\":[]}\r\n0\r\n\r\n"),
    ] {
        sandbox.add_fault(fault.next(1)).unwrap();
        line.send(COLLECT, &json!({ "events": [connected("e1")] })).await;
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"0\r\n\r\n") {
            assert_ne!(line.0.read_buf(&mut bytes).await.unwrap(), 0, "it was closed early");
        }
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.split_once("\r\n\r\n").unwrap().1, body);
    }
    assert_eq!(taken(&sandbox), ["e1", "e1"]);
}

#[tokio::test]
async fn cut_body_closes_the_connection_after_that_many_bytes() {
    let (sandbox, caller) = sandbox();
    let whole = r#"{"invalid_events":[]}"#;
    for length in [0, 8, whole.len() - 1] {
        sandbox.add_fault(Fault::cut_body(length as u32).next(1)).unwrap();
        let mut line = Line::to(&sandbox).await;
        line.send(COLLECT, &json!({ "events": [connected("e1")] })).await;
        let answer = String::from_utf8(line.rest().await).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", whole.len())), "{head}");
        assert_eq!(body, &whole[..length]);
    }
    assert_eq!(taken(&sandbox).len(), 3);
    // A body that ends before is whole, and a given answer can be cut too.
    sandbox.add_fault(Fault::cut_body(whole.len() as u32).next(1)).unwrap();
    caller.deliver(&[connected("e1")]).await;
    sandbox.add_fault(Fault::cut_body(4)).unwrap();
    sandbox.add_fault(Fault::answer(200, "a body")).unwrap();
    assert!(caller.collect(&[connected("e1")]).await.unwrap().bytes().await.is_err());
}

#[tokio::test]
async fn hang_up_reads_no_body_and_takes_nothing() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::hang_up().next(2)).unwrap();
    let mut line = Line::to(&sandbox).await;
    let head = format!(
        "POST {COLLECT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
        authorization()
    );
    // The body never comes, and is not waited for.
    line.0.write_all(head.as_bytes()).await.unwrap();
    assert!(line.rest().await.is_empty());
    assert!(caller.set_consent("ann", true).await.is_err());
    assert!(sandbox.events().is_empty() && sandbox.users().is_empty());
    assert_eq!(sandbox.statistics().requests["collect"]["closed"], 1);
    caller.deliver(&[connected("e1")]).await;
}

#[tokio::test]
async fn close_before_takes_nothing_and_answers_not_a_byte() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::close_before().next(2)).unwrap();
    let mut line = Line::to(&sandbox).await;
    line.send(COLLECT, &json!({ "events": [connected("e1")] })).await;
    assert!(line.rest().await.is_empty());
    assert!(caller.set_consent("ann", true).await.is_err());
    assert!(sandbox.events().is_empty() && sandbox.users().is_empty());
    assert_eq!(sandbox.statistics().requests["collect"]["closed"], 1);
    assert_eq!(sandbox.statistics().requests["set_consent"]["closed"], 1);
}

#[tokio::test]
async fn close_after_takes_everything_and_answers_not_a_byte() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::close_after().next(2)).unwrap();
    let mut line = Line::to(&sandbox).await;
    line.send(COLLECT, &json!({ "events": [connected("e1"), { "type": "kettle_boiled" }] })).await;
    assert!(line.rest().await.is_empty());
    assert!(caller.set_consent("ann", true).await.is_err());
    assert_eq!((taken(&sandbox), sandbox.rejected().len()), (vec!["e1".to_owned()], 1));
    assert!(sandbox.consents()[0].value);
    assert_eq!(sandbox.statistics().requests["collect"]["closed"], 1);
}

#[tokio::test]
async fn cut_json_takes_everything_and_breaks_only_the_json() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::cut_json().next(2)).unwrap();
    let answer = caller.collect(&[connected("e1"), json!({ "type": "kettle_boiled" })]).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    // reqwest fails where a body is shorter than its length.
    let body = answer.text().await.unwrap();
    assert!(body.starts_with(r#"{"invalid_events":"#), "{body}");
    let error = serde_json::from_str::<Value>(&body).unwrap_err();
    assert!(error.is_eof(), "{error}");
    assert_eq!((taken(&sandbox), sandbox.rejected().len()), (vec!["e1".to_owned()], 1));
    // Where there is no JSON to cut, half of something comes that is none: it has an effect there too.
    let answer = caller.set_consent("ann", true).await.unwrap();
    assert!(answer.status().is_success() && !answer.bytes().await.unwrap().is_empty());
    assert!(sandbox.user("ann").is_some());
    assert!(sandbox.faults().is_empty());
}

#[tokio::test]
async fn a_given_answer_comes_as_it_was_given_and_nothing_is_taken() {
    let (sandbox, caller) = sandbox();
    let body = "<p>Größe</p>\n";
    let fault = Fault::answer(418, body).header("content-type", "text/plain").header("Retry-After", "7");
    sandbox.add_fault(fault.next(2)).unwrap();
    for answer in [caller.collect(&[connected("e1")]).await, caller.set_consent("ann", true).await] {
        let answer = answer.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type"), header("retry-after")), ("text/plain".into(), "7".into()));
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (418, body));
    }
    assert!(sandbox.events().is_empty() && sandbox.users().is_empty() && sandbox.faults().is_empty());
    assert!(caller.collect(&[connected("e1")]).await.unwrap().status().is_success());
    assert_eq!(taken(&sandbox), ["e1"]);

    // Its headers come with a status that has no body, too.
    for status in [204, 205, 304] {
        let fault = Fault::answer(status, "").header("content-type", "text/plain").header("x-kettle", "on");
        sandbox.add_fault(fault.next(1)).unwrap();
        let answer = caller.collect(&[connected("e1")]).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(
            (&answer.headers()["content-type"], &answer.headers()["x-kettle"]),
            (&"text/plain".parse().unwrap(), &"on".parse().unwrap())
        );
    }
}

/// The indexes that `collect` rejects.
async fn rejected(caller: &Caller, events: &[Value]) -> Vec<u64> {
    let answer: Value =
        caller.collect(events).await.unwrap().error_for_status().unwrap().json().await.unwrap();
    let invalid = answer["invalid_events"].as_array().unwrap();
    for one in invalid {
        let index = usize::try_from(one["index"].as_u64().unwrap()).unwrap();
        assert_eq!(one["event_id"], events[index]["event_id"]);
        assert!(one["error"].as_str().unwrap().contains("fault"), "{one}");
    }
    invalid.iter().map(|one| one["index"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn reject_events_rejects_those_that_meet_every_condition() {
    let (sandbox, caller) = sandbox();
    let other = |id: &str| event("thing_interaction", id, json!({ "thing_id": "t" }));
    let events = [connected("a"), other("b"), connected("c"), other("d")];
    let reject = |mut conditions: Value| {
        conditions["kind"] = "reject_events".into();
        serde_json::from_value::<Fault>(json!({ "next": 1, "fault": conditions })).unwrap()
    };
    let cases = [
        (Fault::reject_events().next(1), vec![0, 1, 2, 3]),
        (Fault::reject_types(["thing_connected"]).next(1), vec![0, 2]),
        (Fault::reject_event_ids(["d", "a", "z"]).next(1), vec![0, 3]),
        (reject(json!({ "indexes": [1, 2, 99] })), vec![1, 2]),
        (reject(json!({ "types": ["thing_connected"], "indexes": [1, 2] })), vec![2]),
        (reject(json!({ "types": ["thing_connected"], "event_ids": ["b"] })), vec![]),
        (reject(json!({ "share": 1.0, "indexes": [3] })), vec![3]),
    ];
    for (fault, expected) in cases {
        let words = format!("{fault:?}");
        sandbox.add_fault(fault).unwrap();
        assert_eq!(rejected(&caller, &events).await, expected, "{words}");
        assert!(sandbox.faults().is_empty(), "{words}");
    }
    let kept = sandbox.rejected();
    assert!(kept.iter().all(|event| event.violations[0].rule == "fault"));
    assert!(sandbox.accepted().iter().all(|event| event.violations.is_empty()));

    sandbox.add_fault(reject(json!({ "error": "the fault of my own" }))).unwrap();
    let answer = caller.collect(&events[..1]).await.unwrap().text().await.unwrap();
    assert!(answer.contains("the fault of my own"), "{answer}");
    sandbox.add_fault(Fault::reject_events()).unwrap();
    assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 204, "it is about events");
    assert_eq!(sandbox.faults()[0].fired(), 0);
}

#[tokio::test]
async fn a_rejected_share_is_drawn_by_the_seed() {
    let events: Vec<Value> = (0..200).map(|number| connected(&format!("e{number}"))).collect();
    let mut drawn = Vec::new();
    for seed in [1, 1, 2] {
        let sandbox = sandbox_with_seed(seed);
        sandbox.add_fault(Fault::reject_share(0.3)).unwrap();
        drawn.push(rejected(&Caller::of(&sandbox), &events).await);
        let again = rejected(&Caller::of(&sandbox), &events).await;
        assert_ne!(drawn.last(), Some(&again), "each request has its own luck");
    }
    assert!((30..90).contains(&drawn[0].len()), "{}", drawn[0].len());
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0], drawn[2]);
}

/// Which of forty requests fail.
async fn failures(caller: &Caller) -> String {
    let mut failures = String::new();
    for number in 0..40 {
        let status = caller.collect(&[connected(&format!("e{number}"))]).await.unwrap().status();
        failures.push(if status == 503 { 'x' } else { '.' });
    }
    failures
}

#[tokio::test]
async fn the_same_seed_lets_the_same_requests_fail() {
    let mut drawn = Vec::new();
    for seed in [7, 7, 8] {
        let sandbox = sandbox_with_seed(seed);
        let caller = Caller::of(&sandbox);
        sandbox.add_fault(Fault::status(503).on(Operation::Collect).share(0.4)).unwrap();
        let alone = failures(&caller).await;
        assert_eq!(sandbox.faults()[0].fired() as usize, alone.matches('x').count());

        // Neither another fault nor another operation changes its luck.
        sandbox.clear_faults();
        sandbox.add_fault(Fault::status(503).on(Operation::Collect).share(0.4)).unwrap();
        sandbox.add_fault(Fault::reject_share(0.5).share(0.5)).unwrap();
        assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 204);
        assert_eq!(failures(&caller).await, alone, "seed {seed}");
        drawn.push(alone);
    }
    assert!((6..30).contains(&drawn[0].matches('x').count()), "{}", drawn[0]);
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0], drawn[2]);
}

#[tokio::test]
async fn a_fault_ends_after_its_requests_and_meets_only_its_operation() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::status(503).on(Operation::SetConsent).next(2)).unwrap();
    caller.deliver(&[connected("e1")]).await;
    for expected in [503, 503, 204, 204] {
        assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), expected);
    }
    assert!(sandbox.faults().is_empty());

    // Of two that are about the answer, the second waits for its turn.
    sandbox.add_fault(Fault::status(503).next(1)).unwrap();
    sandbox.add_fault(Fault::status(429).next(1)).unwrap();
    for expected in [503, 429, 200] {
        assert_eq!(caller.collect(&[connected("e2")]).await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn a_request_that_is_not_admitted_uses_no_fault_up() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::status(503).next(1)).unwrap();
    let stranger = Caller::new(&sandbox.url(), client_id(), "wrong");
    assert_eq!(stranger.collect(&[connected("e1")]).await.unwrap().status(), 401);
    let admitted = || caller.request(Method::POST, COLLECT).basic_auth(client_id(), Some(client_secret()));
    assert_eq!(admitted().body("{}").send().await.unwrap().status(), 415);
    let large = vec![b' '; (1 << 20) + 1];
    let large = admitted().header("content-type", "application/json").body(large).send().await.unwrap();
    assert_eq!(large.status(), 413);
    assert_eq!(sandbox.faults()[0].fired(), 0);
    assert_eq!(caller.collect(&[connected("e1")]).await.unwrap().status(), 503);
    caller.deliver(&[connected("e1")]).await;
}
