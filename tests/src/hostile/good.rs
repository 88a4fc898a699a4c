//! A client as it should be: it reports events one by one, on one connection and on fresh ones, and measures how long
//! each takes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{PATIENCE, Target};

/// The client.
pub struct GoodClient {
    target: Target,
    kept: TcpStream,
    /// How many events it has reported.
    pub reported: u64,
}

impl GoodClient {
    /// The type of its events, which hostile clients do not send.
    pub const EVENT_TYPE: &str = "consumable_usage";

    /// Opens the connection that it keeps.
    pub fn new(target: &Target) -> Self {
        Self { target: target.clone(), kept: connect(target), reported: 0 }
    }

    /// Reports events for so long, every other one on a fresh connection. Returns what each took; panics if one is not
    /// taken.
    pub fn report_for(&mut self, time: Duration) -> Vec<Duration> {
        let end = Instant::now() + time;
        let mut taken = Vec::new();
        while Instant::now() < end {
            for fresh in [false, true] {
                let request = self.next_request(fresh);
                let begin = Instant::now();
                let answer = if fresh {
                    ask(&mut connect(&self.target), &request)
                } else {
                    ask(&mut self.kept, &request)
                };
                taken.push(begin.elapsed());
                let rejected = answer.get("invalid_events").and_then(Value::as_array).map_or(0, Vec::len);
                assert_eq!(rejected, 0, "a good event was rejected: {answer}");
                self.reported += 1;
            }
            thread::sleep(Duration::from_millis(3));
        }
        taken
    }

    /// How many events of its type the sandbox says to have accepted.
    pub fn accepted(&self) -> u64 {
        let Target { address, .. } = self.target;
        let statistics = ask(
            &mut connect(&self.target),
            format!("GET /_sandbox/statistics HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes(),
        );
        statistics["by_type"][Self::EVENT_TYPE]["accepted"].as_u64().expect("no such statistics")
    }

    fn next_request(&self, fresh: bool) -> Vec<u8> {
        let Target { address, authorization } = &self.target;
        let event = json!({
            "type": Self::EVENT_TYPE,
            "event_id": format!("good-{}", self.reported),
            "timestamp": chrono::Utc::now().timestamp_millis(),
            "payload": { "thing_id": "A4:CF:12:00:9B:3E", "consumable_type": "water-filter" },
        });
        let body = json!({ "events": [event] }).to_string();
        let connection = if fresh { "Connection: close\r\n" } else { "" };
        format!(
            "POST /v2/collect HTTP/1.1\r\nHost: {address}\r\nAuthorization: {authorization}\r\n{connection}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// The value beneath which `percent` of the durations lie.
pub fn percentile(mut durations: Vec<Duration>, percent: usize) -> Duration {
    durations.sort_unstable();
    durations[durations.len() * percent / 100]
}

fn connect(target: &Target) -> TcpStream {
    let stream = TcpStream::connect(target.address).expect("a good client cannot connect");
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks, and reads the answer, which must be 200 with JSON.
fn ask(stream: &mut TcpStream, request: &[u8]) -> Value {
    stream.write_all(request).expect("a good client cannot send");
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 16 << 10];
        let length = stream.read(&mut piece).expect("a good client has no answer");
        assert_ne!(length, 0, "a good client's connection was closed: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..length]);
        let text = std::str::from_utf8(&read).expect("an answer is not UTF-8");
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let expected = length_of(&head.to_lowercase());
        if body.len() >= expected {
            assert!(head.starts_with("HTTP/1.1 200 "), "a good client was answered: {text}");
            return serde_json::from_str(body).expect("an answer is not JSON");
        }
    }
}

fn length_of(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    line.expect("an answer has no length").trim().parse().expect("an answer's length is no number")
}
