//! Whether the sandbox is fast, and its memory bounded, under load: `cargo bench -p copilot-sandbox --bench soak`.
//!
//! Takes a number of events after `--`. The sandbox is a process of its own; every answer is checked, and its counters at
//! the end. With the full number of events, it exits with 1 when it misses what it prints as the goals.

#![allow(missing_docs, clippy::indexing_slicing, clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, ExitCode, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use fastrand::Rng;
use serde_json::{Map, Value, json};

const EVENTS: usize = 2_000_000;
const BATCH: usize = 250;
const CONNECTIONS: usize = 50;
/// More than the sandbox remembers, so that it has to forget.
const THINGS: u64 = 300_000;
const USERS: u64 = 5_000;
/// One event in so many breaks a rule.
const ONE_REJECTED_IN: usize = 100;

const LEAST_RATE: f64 = 100_000.0;
/// The most memory at the end, as a part of that half-way.
const MOST_GROWTH: f64 = 1.1;

/// How often an event of a type is sent, for one of the types that are not listed.
const OFTEN: [(&str, usize); 5] = [
    ("thing_interaction", 30),
    ("thing_connected", 20),
    ("thing_status_changed", 15),
    ("consumable_usage", 8),
    ("custom_event", 8),
];

fn main() -> ExitCode {
    // cargo test --benches runs this too; there is nothing to measure in an unoptimized build.
    if cfg!(debug_assertions) {
        println!("not measured: run `cargo bench -p copilot-sandbox --bench soak`");
        return ExitCode::SUCCESS;
    }
    // cargo adds an argument of its own.
    let number = std::env::args().skip(1).find(|argument| argument != "--bench");
    let events = number.map_or(EVENTS, |number| number.parse().unwrap());
    let has_goals = events >= EVENTS;

    let sandbox = Sandbox::start();
    let status = sandbox.get("/_sandbox/status");
    let batches = events.div_ceil(BATCH);
    let progress = Progress { batches, begun: AtomicUsize::new(0), judged: AtomicUsize::new(0) };
    let start = Instant::now();
    let (sent, memory) = thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|number| Client::new(&sandbox, &status, number))
            .map(|client| scope.spawn(|| client.run(&sandbox, &progress)))
            .collect();
        let (mut sent, mut memory) = (Sent::default(), BTreeMap::new());
        for client in clients {
            let (by_client, seen) = client.join().unwrap();
            for (event_type, counts) in by_client {
                let total = sent.entry(event_type).or_default();
                *total = [total[0] + counts[0], total[1] + counts[1]];
            }
            memory.extend(seen);
        }
        (sent, memory)
    });
    let seconds = start.elapsed().as_secs_f64();

    check_counters(&sandbox.get("/_sandbox/statistics"), &sent, batches);
    for (percent, kilobytes) in &memory {
        println!("{percent:>4} %  {:>6.1} MiB RSS", *kilobytes as f64 / 1024.0);
    }
    let rate = (batches * BATCH) as f64 / seconds;
    let growth = memory[&100] as f64 / memory[&50] as f64;
    let verdict = |goal: String, met| match (has_goals, met) {
        (false, _) => "no goal".to_owned(),
        (true, true) => format!("{goal}: ok"),
        (true, false) => format!("{goal}: MISSED"),
    };
    let (is_fast, is_bounded) = (rate >= LEAST_RATE, growth <= MOST_GROWTH);
    println!(
        "{} events in {seconds:.1} s: {rate:.0} events/s judged ({})",
        batches * BATCH,
        verdict(format!("at least {LEAST_RATE:.0}"), is_fast)
    );
    println!(
        "memory at the end: {growth:.3} of that half-way ({})",
        verdict(format!("at most {MOST_GROWTH}"), is_bounded)
    );
    if has_goals && !(is_fast && is_bounded) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// How many events of each type were sent to be accepted, and to be rejected.
type Sent = BTreeMap<String, [u64; 2]>;

fn check_counters(statistics: &Value, sent: &Sent, batches: usize) {
    let counted: Sent = statistics["by_type"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, of)| {
            (name.clone(), ["accepted", "rejected"].map(|verdict| of[verdict].as_u64().unwrap()))
        })
        .collect();
    assert_eq!(&counted, sent);
    let total = |verdict: usize| sent.values().map(|counts| counts[verdict]).sum::<u64>();
    let events = &statistics["events"];
    assert_eq!(events["accepted"], total(0));
    assert_eq!(events["rejected"], total(1));
    assert_eq!(events["repeated"], 0);
    assert_eq!(statistics["newest"], total(0) + total(1));
    assert_eq!(statistics["requests"], json!({ "collect": { "200": batches } }));
}

/// How far all clients together are, in batches.
struct Progress {
    batches: usize,
    begun: AtomicUsize,
    judged: AtomicUsize,
}

impl Progress {
    /// The next batch, unless all are under way.
    fn begin(&self) -> Option<usize> {
        let batch = self.begun.fetch_add(1, Ordering::Relaxed);
        (batch < self.batches).then_some(batch)
    }

    /// Counts a batch. When a quarter of all is full: how many percent are done.
    fn end(&self) -> Option<usize> {
        let before = self.judged.fetch_add(1, Ordering::Relaxed);
        let quarters = |judged: usize| judged * 4 / self.batches;
        (quarters(before) < quarters(before + 1)).then(|| 25 * quarters(before + 1))
    }
}

/// A sandbox in a process of its own.
struct Sandbox {
    process: Child,
    address: String,
}

impl Sandbox {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_copilot-sandbox"));
        command.args(["--port", "0"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { process, address }
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        BufReader::new(stream)
    }

    fn get(&self, path: &str) -> Value {
        let mut connection = self.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        answer(&mut connection)
    }

    /// The memory that it has in use now, in KiB.
    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads an answer, which must be 200.
fn answer(connection: &mut BufReader<TcpStream>) -> Value {
    let (mut line, mut length) = (String::new(), 0);
    connection.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "HTTP/1.1 200 OK");
    while line != "\r\n" {
        line.clear();
        connection.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// A number of ten digits in a request that is another one each time it is sent.
#[derive(Clone, Copy)]
enum Number {
    Event,
    User,
    Thing,
}

impl Number {
    /// What stands where the number goes, in a request that is not filled in.
    fn blank(self) -> &'static str {
        match self {
            Self::Event => "EEEEEEEEEE",
            Self::User => "UUUUUUUUUU",
            Self::Thing => "TTTTTTTTTT",
        }
    }
}

/// A connection, and the request that it repeats with other ids.
struct Client {
    request: Vec<u8>,
    /// Where the numbers of each event stand.
    blanks: Vec<Vec<(usize, Number)>>,
    /// The positions of the events that break a rule.
    rejected: Vec<u64>,
    /// What one request holds.
    holds: Sent,
    dice: Rng,
}

impl Client {
    fn new(sandbox: &Sandbox, status: &Value, number: usize) -> Self {
        let mut dice = Rng::with_seed(number as u64);
        let mut mix = mix(status["examples"].as_object().unwrap());
        let (mut events, mut rejected, mut holds) = (Vec::new(), Vec::new(), Sent::new());
        while events.len() < BATCH {
            dice.shuffle(&mut mix);
            events.extend(mix.iter().take(BATCH - events.len()).cloned());
        }
        for (index, event) in events.iter_mut().enumerate() {
            let breaks = dice.usize(..ONE_REJECTED_IN) == 0;
            if breaks {
                break_a_rule(event, &mut dice);
                rejected.push(index as u64);
            }
            let known = event["type"].as_str().filter(|name| status["examples"].get(name).is_some());
            holds.entry(known.unwrap_or("unknown").to_owned()).or_default()[usize::from(breaks)] += 1;
        }

        let credentials = &status["credentials"];
        let text = |name: &str| credentials[name].as_str().unwrap();
        let pair = BASE64_STANDARD.encode(format!("{}:{}", text("client_id"), text("client_secret")));
        let events: Vec<String> = events.iter().map(Value::to_string).collect();
        let body = format!("{{\"events\":[{}]}}", events.join(","));
        let mut request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {pair}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{{\"events\":[",
            status["collect_path"].as_str().unwrap(),
            sandbox.address,
            body.len()
        );
        let mut blanks = Vec::new();
        for (index, event) in events.iter().enumerate() {
            if index > 0 {
                request.push(',');
            }
            let of_event = |number: Number| {
                let start = request.len();
                event.match_indices(number.blank()).map(move |(at, _)| (start + at, number))
            };
            blanks
                .push([Number::Event, Number::User, Number::Thing].into_iter().flat_map(of_event).collect());
            request.push_str(event);
        }
        request.push_str("]}");
        Self { request: request.into_bytes(), blanks, rejected, holds, dice }
    }

    /// Sends batches until all clients together sent all. Returns what this one sent, and the memory in KiB that it
    /// saw in use by the percentage done.
    fn run(mut self, sandbox: &Sandbox, progress: &Progress) -> (Sent, Vec<(usize, u64)>) {
        let mut connection = sandbox.connect();
        let (mut requests, mut memory) = (0, Vec::new());
        while let Some(batch) = progress.begin() {
            self.fill_in(batch);
            connection.get_mut().write_all(&self.request).unwrap();
            let answer = answer(&mut connection);
            let invalid = answer["invalid_events"].as_array().unwrap();
            let indexes: Vec<u64> = invalid.iter().map(|event| event["index"].as_u64().unwrap()).collect();
            assert_eq!(indexes, self.rejected);
            requests += 1;
            memory.extend(progress.end().map(|percent| (percent, sandbox.memory())));
        }
        for counts in self.holds.values_mut() {
            *counts = counts.map(|count| count * requests);
        }
        (self.holds, memory)
    }

    fn fill_in(&mut self, batch: usize) {
        for (index, blanks) in self.blanks.iter().enumerate() {
            let thing = self.dice.u64(..THINGS);
            for (at, number) in blanks {
                let mut rest = match number {
                    Number::Event => (batch * BATCH + index) as u64,
                    // A thing belongs to the same user always.
                    Number::User => thing % USERS,
                    Number::Thing => thing,
                };
                for digit in self.request[*at..at + number.blank().len()].iter_mut().rev() {
                    *digit = b'0' + (rest % 10) as u8;
                    rest /= 10;
                }
            }
        }
    }
}

/// The contract's examples, each as often as in a hundred events of a usual day, as of now, with blanks for the ids.
fn mix(examples: &Map<String, Value>) -> Vec<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let mut mix = Vec::new();
    for (event_type, example) in examples {
        let mut event = example.clone();
        event["timestamp"] = now.into();
        event["event_id"] = format!("soak-{}", Number::Event.blank()).into();
        let ids = [
            ("user_id", format!("7d1f0c8e-55b2-4b8c-9a53-f6{}", Number::User.blank())),
            ("thing_id", format!("A4:CF:12:{}", Number::Thing.blank())),
            ("email", format!("zoe.{}@example.com", Number::User.blank())),
        ];
        for (name, id) in ids {
            if let Some(value) = event["payload"].get_mut(name) {
                *value = id.into();
            }
        }
        let often = OFTEN.iter().find(|(name, _)| name == event_type);
        mix.extend(std::iter::repeat_n(event, often.map_or(1, |(_, often)| *often)));
    }
    mix
}

fn break_a_rule(event: &mut Value, dice: &mut Rng) {
    match dice.u8(..4) {
        0 => event["type"] = "kettle_exploded".into(),
        1 => event["timestamp"] = (event["timestamp"].as_u64().unwrap() / 1000).into(),
        2 => event["payload"]["user_id"] = "not a token".into(),
        _ => drop(event.as_object_mut().unwrap().remove("event_id")),
    }
}
