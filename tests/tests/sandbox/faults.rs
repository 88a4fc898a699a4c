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

/// What `collect` answers where nothing is rejected.
const ANSWER: &str = r#"{"invalid_events":[]}"#;

/// Reports an event on a connection of its own whose bytes are seen as they come: what came until the sandbox closed
/// it, or a chunked body ended, and in how many pieces.
async fn report(sandbox: &Sandbox, has_body: bool) -> (String, usize) {
    let address = sandbox.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = json!({ "events": [connected("e1")] }).to_string();
    let head = format!(
        "POST {COLLECT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        authorization(),
        body.len()
    );
    let request = if has_body { head + &body } else { head };
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut bytes, mut pieces) = (Vec::new(), 0);
    while !bytes.ends_with(b"\r\n0\r\n\r\n") {
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await.expect("it stays open");
        match read.expect("it was reset") {
            0 => break,
            _ => pieces += 1,
        }
    }
    (String::from_utf8(bytes).unwrap(), pieces)
}

#[tokio::test]
async fn a_fault_that_answers_takes_nothing_and_its_answer_comes_as_it_was_given() {
    let (sandbox, caller) = sandbox();
    const JSON: &str = "application/json";
    const TEXT: &str = "text/plain";
    let date = "Wed, 21 Oct 2026 07:28:00 GMT";
    let own = |status, body: &str| Fault::answer(status, body).header("content-type", TEXT);
    for (fault, status, kind, retry_after, body) in [
        (Fault::status(400), 400, JSON, "", r#""reason":"#),
        (Fault::status(429).retry_after("7"), 429, JSON, "7", r#""error_message":"#),
        (Fault::status(599).retry_after(date), 599, JSON, date, r#""reason":"#),
        (Fault::html(502), 502, "text/html; charset=utf-8", "", "<!DOCTYPE html>"),
        (own(418, "<p>Größe</p>\n").header("Retry-After", "7"), 418, TEXT, "7", "<p>Größe</p>\n"),
        (own(204, ""), 204, TEXT, "", ""),
    ] {
        sandbox.add_fault(fault.next(2)).unwrap();
        for answer in [caller.collect(&[connected("e1")]).await, caller.set_consent("ann", true).await] {
            let answer = answer.unwrap();
            let header = |name: &str| {
                answer.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned()
            };
            assert_eq!(answer.status(), status);
            assert_eq!(
                (header("content-type").as_str(), header("retry-after").as_str()),
                (kind, retry_after)
            );
            assert!(answer.text().await.unwrap().contains(body));
        }
        assert!(sandbox.events().is_empty() && sandbox.users().is_empty() && sandbox.faults().is_empty());
    }
    caller.deliver(&[connected("e1")]).await;
}

#[tokio::test]
async fn a_fault_that_closes_the_connection_answers_not_a_byte_and_takes_all_or_nothing() {
    for (fault, takes, waits_for_body) in [
        (Fault::hang_up(), false, false),
        (Fault::close_before(), false, true),
        (Fault::close_after(), true, true),
    ] {
        let (sandbox, caller) = sandbox();
        sandbox.add_fault(fault.next(2)).unwrap();
        // A body that is not waited for never comes.
        assert_eq!(report(&sandbox, waits_for_body).await.0, "");
        assert!(caller.set_consent("ann", true).await.is_err());
        assert_eq!((sandbox.events().len(), sandbox.consents().len()), (takes.into(), takes.into()));
        for operation in ["collect", "set_consent"] {
            assert_eq!(sandbox.statistics().requests[operation]["closed"], 1);
        }
        caller.deliver(&[connected("e1")]).await;
    }
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
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::drip(50).next(2)).unwrap();
    let begin = Instant::now();
    let (answer, pieces) = report(&sandbox, true).await;
    // 21 bytes.
    assert!(begin.elapsed() >= Duration::from_millis(400), "{:?}", begin.elapsed());
    assert!(pieces >= 3, "{pieces} pieces");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body.split("\r\n").skip(1).step_by(2).collect::<String>(), ANSWER);
    assert_eq!(taken(&sandbox), ["e1"]);

    // An answer without a body has nothing to be sent slowly.
    assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 204);
    assert!(sandbox.faults().is_empty());
}

#[tokio::test]
async fn chunked_and_cut_body_send_the_answer_in_chunks_or_a_part_of_it() {
    let (sandbox, caller) = sandbox();
    let (chunked, whole) = ("transfer-encoding: chunked", "content-length: 21");
    for (fault, header, body) in [
        (Fault::chunked(8), chunked, "8\r\n{\"invali\r\n8\r\nd_events\r\n5\r\n\":[]}\r\n0\r\n\r\n"),
        (Fault::chunked(1000), chunked, "15\r\n{\"invalid_events\":[]}\r\n0\r\n\r\n"),
        (Fault::cut_body(8), whole, "{\"invali"),
        (Fault::cut_body(20), whole, "{\"invalid_events\":[]"),
    ] {
        sandbox.reset();
        sandbox.add_fault(fault.next(1)).unwrap();
        let (answer, _) = report(&sandbox, true).await;
        let (head, found) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(header), "{head}");
        assert_eq!(found, body);
        assert_eq!(taken(&sandbox), ["e1"]);
    }
    // A body that ends before is whole.
    sandbox.add_fault(Fault::cut_body(21).next(1)).unwrap();
    caller.deliver(&[connected("e1")]).await;
}

#[tokio::test]
async fn cut_json_takes_everything_and_breaks_only_the_json() {
    let (sandbox, caller) = sandbox();
    sandbox.add_fault(Fault::cut_json().next(2)).unwrap();
    let answer = caller.collect(&[connected("e1"), json!({ "type": "kettle_boiled" })]).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    // reqwest fails where a body is shorter than its length.
    let body = answer.text().await.unwrap();
    assert!(body.starts_with(r#"{"invalid_events":"#), "{body}");
    assert!(serde_json::from_str::<Value>(&body).unwrap_err().is_eof(), "{body}");
    assert_eq!((taken(&sandbox), sandbox.rejected().len()), (vec!["e1".to_owned()], 1));
    // Where there is no JSON to cut, half of something comes that is none: it has an effect there too.
    let answer = caller.set_consent("ann", true).await.unwrap();
    assert!(answer.status().is_success() && !answer.bytes().await.unwrap().is_empty());
    assert!(sandbox.user("ann").is_some() && sandbox.faults().is_empty());
}

/// The indexes that `collect` rejects.
async fn rejected(caller: &Caller, events: &[Value]) -> Vec<u64> {
    let answer: Value =
        caller.collect(events).await.unwrap().error_for_status().unwrap().json().await.unwrap();
    let invalid = answer["invalid_events"].as_array().unwrap().iter();
    invalid
        .map(|one| {
            let index = one["index"].as_u64().unwrap();
            assert_eq!(one["event_id"], events[index as usize]["event_id"]);
            assert!(one["error"].as_str().unwrap().contains("fault"), "{one}");
            index
        })
        .collect()
}

#[tokio::test]
async fn reject_events_rejects_those_that_meet_every_condition() {
    let (sandbox, caller) = sandbox();
    let other = |id: &str| event("thing_interaction", id, json!({ "thing_id": "t" }));
    let events = [connected("a"), other("b"), connected("c"), other("d")];
    let reject = |mut conditions: Value| {
        conditions["kind"] = "reject_events".into();
        serde_json::from_value::<Fault>(json!({ "fault": conditions })).unwrap()
    };
    for (fault, expected) in [
        (Fault::reject_events(), vec![0, 1, 2, 3]),
        (Fault::reject_types(["thing_connected"]), vec![0, 2]),
        (Fault::reject_event_ids(["d", "a", "z"]), vec![0, 3]),
        (reject(json!({ "indexes": [1, 2, 99] })), vec![1, 2]),
        (reject(json!({ "types": ["thing_connected"], "event_ids": ["b"] })), vec![]),
        (reject(json!({ "share": 1.0, "indexes": [3], "error": "the fault of my own" })), vec![3]),
    ] {
        let words = format!("{fault:?}");
        sandbox.add_fault(fault.next(1)).unwrap();
        assert_eq!(rejected(&caller, &events).await, expected, "{words}");
        assert!(sandbox.faults().is_empty(), "{words}");
    }
    let kept = sandbox.rejected();
    assert!(kept.iter().all(|event| event.violations[0].rule == "fault"));
    assert_eq!(kept.last().unwrap().violations[0].message, "the fault of my own");
    sandbox.add_fault(Fault::reject_events()).unwrap();
    assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 204, "it is about events");
    assert_eq!(sandbox.faults()[0].fired(), 0);
}

/// What a sandbox with that seed does to a hundred events in one request, and to forty requests.
async fn drawn(seed: u64, with_others: bool) -> (Vec<u64>, Vec<bool>) {
    let sandbox = Sandbox::builder().seed(seed).start().unwrap();
    let caller = Caller::of(&sandbox);
    let events: Vec<Value> = (0..100).map(|number| connected(&format!("e{number}"))).collect();
    sandbox.add_fault(Fault::reject_share(0.3)).unwrap();
    let share = rejected(&caller, &events).await;
    assert_ne!(share, rejected(&caller, &events).await, "each request draws anew");
    sandbox.clear_faults();

    sandbox.add_fault(Fault::status(503).on(Operation::Collect).share(0.4)).unwrap();
    if with_others {
        sandbox.add_fault(Fault::reject_share(0.5).share(0.5)).unwrap();
        assert_eq!(caller.set_consent("ann", true).await.unwrap().status(), 204);
    }
    let mut fails = Vec::new();
    for event in &events[..40] {
        fails.push(caller.collect(std::slice::from_ref(event)).await.unwrap().status() == 503);
    }
    let failed = fails.iter().filter(|fails| **fails).count();
    assert_eq!(sandbox.faults()[0].fired() as usize, failed);
    assert!((6..30).contains(&failed) && (15..45).contains(&share.len()), "{failed}, {}", share.len());
    (share, fails)
}

#[tokio::test]
async fn the_same_seed_draws_the_same_events_and_requests_whatever_other_faults_there_are() {
    let first = drawn(7, false).await;
    assert_eq!(drawn(7, true).await, first);
    let other = drawn(8, false).await;
    assert!(other.0 != first.0 && other.1 != first.1);
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
    for (secret, kind, length, expected) in [
        ("wrong", "application/json", 2, 401),
        (client_secret(), "text/plain", 2, 415),
        (client_secret(), "application/json", (1 << 20) + 1, 413),
        (client_secret(), "application/json", 2, 503),
    ] {
        let request = caller.request(Method::POST, COLLECT).basic_auth(client_id(), Some(secret));
        let answer = request.header("content-type", kind).body(vec![b' '; length]).send().await.unwrap();
        assert_eq!(answer.status(), expected);
        assert_eq!(sandbox.faults().is_empty(), expected == 503);
    }
}
