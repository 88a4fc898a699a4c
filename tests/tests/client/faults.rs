//! A thousand faults against one long `collect`: every event ends up accepted or rejected, exactly once.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use copilot_api::{
    CollectReport, EventTimestamp, NewEvent, ReportParts,
    types::{Event, ThingConnectedPayload},
};
use copilot_sandbox::{Fault, Sandbox};
use copilot_tests::server::{client_id, client_of, client_secret, id};

const EVENTS: usize = 15_000;
const FAULTS: u64 = 1_000;
/// Few enough that there are more than a thousand requests.
const BATCH: usize = 20;
/// Fewer events than that: each call is told at first that its batches are too large.
const BODY_LIMIT: usize = 2_000;
/// Longer than an honest answer takes on a busy machine, most often; where it is not, that is one more fault.
const TIMEOUT: Duration = Duration::from_millis(100);

/// What comes again and again, and how often among a thousand requests.
fn faults() -> [(Fault, u32); 10] {
    [
        (Fault::hang_up(), 60),
        (Fault::close_before(), 60),
        (Fault::close_after(), 60),
        (Fault::cut_body(10), 60),
        (Fault::status(429).retry_after("0"), 60),
        (Fault::html(503), 60),
        (Fault::status(502), 30),
        (Fault::delay(Duration::from_secs(30)), 4),
        (Fault::drip(1), 4),
        (Fault::status(401), 4),
    ]
}

/// Whether Copilot.cx refuses the event.
fn is_refused(number: usize) -> bool {
    number.is_multiple_of(701)
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
    payload.event_with(id(number).as_str().try_into().unwrap(), timestamp)
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
    let sandbox = Sandbox::builder().credentials(client_id(), client_secret());
    let sandbox = sandbox.seed(2_026).keep(4 * EVENTS).body_limit(BODY_LIMIT).start().unwrap();
    for (fault, rate) in faults() {
        sandbox.add_fault(fault.share(f64::from(rate) / 1000.0)).unwrap();
    }
    sandbox
        .add_fault(Fault::reject_event_ids((0..EVENTS).filter(|number| is_refused(*number)).map(id)))
        .unwrap();
    let http = reqwest::Client::new();
    let client = || {
        let client = client_of(&sandbox).http_client(http.clone());
        client.timeout(TIMEOUT).max_batch_events(BATCH).build().unwrap()
    };

    let mut ledger = Ledger::default();
    let mut source = (0..EVENTS).map(event);
    let mut again: Vec<Event> = Vec::new();
    let mut current = client();
    loop {
        // Once in each call, so that no single event is refused like this.
        sandbox.add_fault(Fault::status(400).next(1)).unwrap();
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

    let fired: Vec<u64> = sandbox.faults().iter().take(faults().len()).map(Fault::fired).collect();
    println!("{fired:?} in {:?}", started.elapsed());
    assert!(fired.iter().sum::<u64>() >= FAULTS && fired.iter().all(|count| *count > 0), "{fired:?}");
    assert_eq!(ledger.fates.len(), EVENTS, "events without a fate");
    for number in 0..EVENTS {
        let expected = if is_broken(number) || is_refused(number) { "rejected" } else { "accepted" };
        assert_eq!(ledger.fates.get(&id(number)), Some(&expected), "{number}");
    }
    let taken: HashSet<String> =
        sandbox.accepted().iter().filter_map(|event| event.event_id.clone()).collect();
    let accepted = (0..EVENTS).filter(|number| !is_broken(*number) && !is_refused(*number)).map(id);
    assert!(taken == accepted.collect::<HashSet<_>>(), "what was taken is not what counts as accepted");
}
