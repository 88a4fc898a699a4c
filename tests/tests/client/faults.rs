//! A thousand faults against one long `collect`: every event ends up accepted or rejected, exactly once.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use copilot_api::{
    CollectReport, EventTimestamp, NewEvent, ReportParts,
    types::{Event, ThingConnectedPayload},
};
use copilot_tests::server::{Answer, Copilot, Request, Script, Server};
use serde_json::json;

const EVENTS: usize = 100_000;
const FAULTS: u32 = 1_000;
/// Few enough that there are more than a thousand requests.
const BATCH: usize = 60;
const SEED: u64 = 2_026;
/// Longer than an honest answer takes on a busy machine, most often; where it is not, that is one more fault.
const TIMEOUT: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    ClosedUnread,
    ClosedUntaken,
    ClosedTaken,
    ClosedInTheAnswer,
    TooManyRequests,
    Unavailable,
    Gateway,
    SlowUntaken,
    SlowTaken,
    TooLarge,
    BadRequest,
    Unauthorized,
}

/// How often each fault comes among a thousand requests that begin to arrive.
const RATES: &[(Fault, u32)] = &[
    (Fault::ClosedUnread, 60),
    (Fault::ClosedUntaken, 60),
    (Fault::ClosedTaken, 60),
    (Fault::ClosedInTheAnswer, 60),
    (Fault::TooManyRequests, 60),
    (Fault::Unavailable, 60),
    (Fault::Gateway, 30),
    (Fault::SlowUntaken, 4),
    (Fault::SlowTaken, 4),
    (Fault::TooLarge, 40),
    (Fault::BadRequest, 4),
    (Fault::Unauthorized, 4),
];

/// Copilot.cx behind a bad network.
#[derive(Clone)]
struct Flaky {
    copilot: Arc<Copilot>,
    state: Arc<Mutex<State>>,
}

struct State {
    random: fastrand::Rng,
    next: Option<Fault>,
    injected: BTreeMap<Fault, u32>,
}

impl Flaky {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Takes the events but those that it knows to be bad, whatever becomes of the answer.
    fn take(&self, request: &Request) -> Answer {
        self.copilot.take(request, |position, event_id| {
            is_refused(event_id).then(|| json!({ "event_id": event_id, "index": position, "error": "unfit" }))
        })
    }
}

impl Script for Flaky {
    fn hangs_up(&self) -> bool {
        let mut state = self.state();
        let mut left = state.random.u32(0..1000);
        state.next = RATES.iter().find_map(|(fault, rate)| {
            let hit = left < *rate;
            left = left.saturating_sub(*rate);
            hit.then_some(*fault)
        });
        let hangs_up = state.next.take_if(|fault| *fault == Fault::ClosedUnread);
        if let Some(fault) = hangs_up {
            *state.injected.entry(fault).or_default() += 1;
        }
        hangs_up.is_some()
    }

    fn answer(&self, request: &Request) -> Answer {
        let Some(mut fault) = self.state().next.take() else { return self.take(request) };
        // Small batches are never too large, or nothing would get through.
        if matches!(fault, Fault::TooLarge | Fault::BadRequest) && request.event_ids().len() < 30 {
            fault = Fault::Unavailable;
        }
        *self.state().injected.entry(fault).or_default() += 1;
        match fault {
            Fault::ClosedUnread => unreachable!("an unread request has no answer"),
            Fault::ClosedUntaken => Answer::closed(),
            Fault::ClosedTaken => {
                self.take(request);
                Answer::closed()
            }
            Fault::ClosedInTheAnswer => self.take(request).cut_at(10),
            Fault::TooManyRequests => Answer::status(429).header("Retry-After", "0"),
            Fault::Unavailable => {
                Answer::status(503).header("Content-Type", "text/html").body("<html>busy</html>")
            }
            Fault::Gateway => Answer::status(502),
            Fault::SlowUntaken => Answer::status(503).after(SLOW),
            Fault::SlowTaken => self.take(request).after(SLOW),
            Fault::TooLarge => Answer::status(413).body("<html>too large</html>"),
            Fault::BadRequest => Answer::json(400, &json!({ "reason": "COMMON.REQUEST_VALIDATION" })),
            Fault::Unauthorized => Answer::json(401, &json!({ "reason": "AUTH.UNAUTHORIZED" })),
        }
    }
}

/// Whether Copilot.cx refuses the event.
fn is_refused(event_id: &str) -> bool {
    event_id.ends_with("99-r")
}

/// Whether the event breaks the contract and is refused before it is sent.
fn is_broken(number: usize) -> bool {
    number.is_multiple_of(1009)
}

fn event(number: usize) -> Event {
    let payload = ThingConnectedPayload::builder().thing_id("SN-1").build().unwrap();
    let now = EventTimestamp::now();
    let timestamp =
        if is_broken(number) { EventTimestamp::from_millis(now.as_millis() / 1000).unwrap() } else { now };
    let suffix = if number.is_multiple_of(7) { "-r" } else { "" };
    payload.event_with(format!("e-{number}{suffix}").as_str().try_into().unwrap(), timestamp)
}

/// What the client said of each event, call by call.
#[derive(Default)]
struct Ledger {
    fates: HashMap<String, &'static str>,
}

impl Ledger {
    /// Books a report on events whose ids are given in the order in which they were read; gives back those that were
    /// not delivered.
    fn book(&mut self, read: &[String], report: CollectReport) -> Vec<Event> {
        assert_eq!(report.read(), read.len());
        assert!(report.unattributed().is_empty(), "{report:?}");
        let accepted = report.accepted();
        let ReportParts { rejections, undelivered, .. } = report.into_parts();
        let mut open: Vec<Option<&String>> = read.iter().map(Some).collect();
        for rejection in &rejections {
            let id = open[rejection.index()].take().expect("an index is named twice");
            assert_eq!(id, rejection.event().event_id().as_str());
            self.set(id, "rejected");
        }
        for left in &undelivered {
            let id = open[left.index()].take().expect("an index is named twice");
            assert_eq!(id, left.event().event_id().as_str());
        }
        let rest: Vec<&String> = open.into_iter().flatten().collect();
        assert_eq!(rest.len(), accepted, "the number of accepted events");
        rest.into_iter().for_each(|id| self.set(id, "accepted"));
        undelivered.into_iter().map(|left| left.into_event()).collect()
    }

    fn set(&mut self, id: &str, fate: &'static str) {
        let before = self.fates.insert(id.to_owned(), fate);
        assert_eq!(before, None, "{id} is {fate} as well");
    }
}

#[tokio::test]
async fn a_thousand_faults_lose_no_event_and_count_none_twice() {
    let started = Instant::now();
    let state = State { random: fastrand::Rng::with_seed(SEED), next: None, injected: BTreeMap::new() };
    let flaky = Flaky { copilot: Arc::default(), state: Arc::new(Mutex::new(state)) };
    let server = Server::start(flaky.clone());
    let http = reqwest::Client::new();
    let client = || {
        server.client().http_client(http.clone()).timeout(TIMEOUT).max_batch_events(BATCH).build().unwrap()
    };

    let mut ledger = Ledger::default();
    let mut source = (0..EVENTS).map(event);
    let mut again: Vec<Event> = Vec::new();
    let mut current = client();
    loop {
        let mut read = Vec::new();
        let events =
            again.drain(..).chain(&mut source).inspect(|event| read.push(event.event_id().to_string()));
        match current.collect(events).await {
            Ok(report) => {
                assert!(ledger.book(&read, report).is_empty(), "success leaves nothing undelivered");
                break;
            }
            Err(failed) => {
                let (error, report) = failed.into_parts();
                again = ledger.book(&read, report);
                if error.is_retry_budget_exhausted() {
                    current = client();
                }
            }
        }
        assert!(started.elapsed() < Duration::from_secs(120), "no end in sight");
    }

    let injected = flaky.state().injected.clone();
    let faults: u32 = injected.values().sum();
    println!("{faults} faults in {:?}: {injected:?}", started.elapsed());
    let accepted = ledger.fates.iter().filter(|(_, fate)| **fate == "accepted").map(|(id, _)| id);
    let accepted: Vec<&String> = accepted.collect();

    assert!(faults >= FAULTS, "{faults} faults");
    assert!(RATES.iter().all(|(fault, _)| injected.contains_key(fault)), "{injected:?}");
    assert_eq!(ledger.fates.len(), EVENTS, "events without a fate");
    for number in 0..EVENTS {
        let id = event(number).event_id().to_string();
        let expected = if is_broken(number) || is_refused(&id) { "rejected" } else { "accepted" };
        assert_eq!(ledger.fates.get(&id), Some(&expected), "{id}");
    }
    let taken: HashSet<String> = flaky.copilot.taken().into_iter().flatten().collect();
    let lost: Vec<&String> = accepted.iter().copied().filter(|id| !taken.contains(*id)).collect();
    assert!(lost.is_empty(), "{} events count as accepted and were not taken: {lost:?}", lost.len());
    assert_eq!(taken.len(), accepted.len(), "events were taken that do not count as accepted");
}
