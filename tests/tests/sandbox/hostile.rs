//! The sandbox among hostile clients: no good client notices them, and the sandbox lives on in the memory that it had.

use std::{
    collections::BTreeMap,
    net::TcpStream,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use copilot_tests::hostile::{
    self, Attack, Expected, GoodClient, Hold, Outcome, Process, Target, attacks, exchange, hold_idle,
    percentile,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

const QUIET: Duration = Duration::from_secs(2);
const HOSTILE: Duration = Duration::from_secs(7);
/// How often that is measured at most.
const ROUNDS: usize = 5;
/// The rest of a hostile client between two requests, since it shares two processors with the sandbox that it is to
/// hurt.
const PAUSE: Duration = Duration::from_millis(25);
/// The sandbox may never have more memory, in KiB. A debug build has 30 MiB or more when it has just begun.
const MEMORY: u64 = 256 << 10;
/// It takes 500 connections, and a few more for the moment that it needs to close others.
const DESCRIPTORS: usize = 650;
/// How much slower the slowest of a hundred requests of the good client may be among hostile ones.
const SLOWER: f64 = 10.0;
/// Quiet requests may be faster than a machine can tell.
const FLOOR: Duration = Duration::from_millis(1);
/// What the sandbox gives a client for the head of a request.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// The idle connections of one hostile client.
const IDLE: u64 = 10_000;

/// The tests of this file measure, so they run one after another.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
#[ignore = "it is the sandbox that the other tests run"]
fn the_sandbox() {
    hostile::be_the_sandbox();
}

/// What came back, by kind.
#[derive(Default)]
struct Tally {
    seen: Mutex<BTreeMap<(&'static str, String), usize>>,
    /// The first wrong outcome of each request.
    wrong: Mutex<BTreeMap<String, String>>,
}

impl Tally {
    fn count(&self, kind: &'static str, name: &str, outcome: &Outcome, expected: Expected) {
        *self.seen.lock().unwrap().entry((kind, outcome.name())).or_default() += 1;
        if !expected.allows(outcome) {
            self.object(kind, name, format!("{:?} {}", outcome.statuses, outcome.text));
        }
    }

    fn attack(&self, attack: &Attack, target: &Target) {
        let Attack { kind, name, bytes, expected } = attack;
        match exchange(target.address, bytes) {
            Ok(outcome) => self.count(kind, name, &outcome, *expected),
            Err(error) => self.object(kind, name, error.to_string()),
        }
    }

    fn object(&self, kind: &str, name: &str, what: String) {
        self.wrong.lock().unwrap().entry(format!("{kind}, {name}")).or_insert(what);
    }

    fn assert_nothing_wrong(&self) {
        let wrong = self.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn every_hostile_request_is_rejected_and_leaves_no_trace() {
    let _alone = alone();
    let mut sandbox = Process::start("hostile::the_sandbox", None);
    let mut good = GoodClient::new(&sandbox.target);
    good.report_for(Duration::from_millis(50));
    let tally = Tally::default();
    for attack in attacks(&sandbox.target).iter().flatten() {
        tally.attack(attack, &sandbox.target);
    }
    tally.assert_nothing_wrong();
    assert!(sandbox.is_alive());
    assert!(!sandbox.complaints().contains("panicked"), "{}", sandbox.complaints());
    // A reset that was smuggled would show.
    assert_eq!(good.accepted(), good.reported);
}

#[test]
fn a_good_client_does_not_notice_ten_hostile_ones() {
    let _alone = alone();
    let idle = allow_connections(IDLE);
    let mut sandbox = Process::start("hostile::the_sandbox", None);
    let mut good = GoodClient::new(&sandbox.target);
    good.report_for(Duration::from_millis(500));
    let tally = Tally::default();
    // What else the machine does is in the measurement too, so that one round may miss the goal.
    let slower = (0..ROUNDS).map(|_| round(&sandbox, &mut good, &tally, idle)).find(|ratio| *ratio < SLOWER);
    for ((kind, outcome), times) in &*tally.seen.lock().unwrap() {
        println!("{kind:>20}: {outcome:<10} {times:>6} times");
    }
    tally.assert_nothing_wrong();
    assert!(sandbox.is_alive());
    assert!(!sandbox.complaints().contains("panicked"), "{}", sandbox.complaints());
    assert_eq!(good.accepted(), good.reported);
    let most = sandbox.memory("VmHWM");
    assert!(most < MEMORY, "the sandbox had {} MiB of memory", most >> 10);
    assert!(slower.is_some(), "a good client is {SLOWER} times slower among hostile ones");
}

/// Measures the good client, first alone and then among hostile ones; returns how many times slower it is then.
fn round(sandbox: &Process, good: &mut GoodClient, tally: &Tally, idle: usize) -> f64 {
    let target = &sandbox.target;
    let quiet = percentile(good.report_for(QUIET), 99).max(FLOOR);
    let stop = &AtomicBool::new(false);
    let among_hostile = thread::scope(|scope| {
        for kind in attacks(target) {
            scope.spawn(move || {
                for attack in kind.iter().cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
                    tally.attack(attack, target);
                    thread::sleep(PAUSE);
                }
            });
        }
        for (kind, hold, expected) in held(target) {
            scope.spawn(move || {
                hold.until(stop, target, |answered| tally.count(kind, "", &answered.outcome, expected));
            });
        }
        let holding = scope.spawn(move || hold_idle(idle, stop, target));
        let watching = scope.spawn(move || {
            let mut most = 0;
            while !stop.load(Ordering::Relaxed) {
                most = most.max(sandbox.descriptors());
                thread::sleep(Duration::from_millis(100));
            }
            most
        });
        let good = scope.spawn(|| percentile(good.report_for(HOSTILE), 99)).join();
        println!("the sandbox has {} MiB of memory", sandbox.memory("VmRSS") >> 10);
        stop.store(true, Ordering::Relaxed);
        let descriptors = watching.join().unwrap();
        println!(
            "{} connections were idle; the sandbox had {descriptors} descriptors",
            holding.join().unwrap()
        );
        assert!(descriptors < DESCRIPTORS, "the sandbox had {descriptors} descriptors");
        good.unwrap_or_else(|error| std::panic::resume_unwind(error))
    });
    let ratio = among_hostile.as_secs_f64() / quiet.as_secs_f64();
    println!(
        "99 of 100 good requests take up to {quiet:.2?}, among hostile ones {among_hostile:.2?}: {ratio:.1} times"
    );
    ratio
}

/// The kinds that take their time.
fn held(target: &Target) -> [(&'static str, Hold, Expected); 4] {
    let Target { address, authorization } = target;
    let line = format!("POST /v2/collect HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n");
    let body =
        format!("{line}Content-Length: 1000000\r\nAuthorization: {authorization}\r\n\r\n{{\"events\":[");
    let chunks = format!("{line}Transfer-Encoding: chunked\r\nAuthorization: {authorization}\r\n\r\n");
    let rejected = format!("{line}Content-Length: 1000000\r\n\r\n");
    let hold = |first: String, then: &str| Hold {
        first: first.into_bytes(),
        then: then.as_bytes().to_vec(),
        pause: Duration::from_millis(50),
        connections: 20,
    };
    let expected = |statuses| Expected { statuses, rejected: true };
    [
        ("slow head", hold(line, "X"), expected(&[])),
        ("slow body", hold(body, " "), expected(&[408])),
        ("slow chunks", hold(chunks, "1\r\n \r\n"), expected(&[408])),
        ("slow body, rejected", hold(rejected, " "), expected(&[401])),
    ]
}

#[test]
fn after_ten_thousand_idle_connections_a_new_client_is_served_within_the_header_timeout() {
    let _alone = alone();
    let idle = allow_connections(IDLE);
    let mut sandbox = Process::start("hostile::the_sandbox", None);
    let held: Vec<TcpStream> =
        (0..idle).map(|_| TcpStream::connect(sandbox.target.address).expect("no connection")).collect();
    let begin = Instant::now();
    let mut good = GoodClient::new(&sandbox.target);
    good.report_for(Duration::from_millis(1));
    let taken = begin.elapsed();
    println!("{} connections are idle; a new client was served after {taken:.2?}", held.len());
    assert!(taken < HEADER_TIME, "{taken:?}");
    assert!(sandbox.is_alive());
}

#[test]
fn a_lack_of_file_descriptors_keeps_no_good_client_out() {
    let _alone = alone();
    let mut sandbox = Process::start("hostile::the_sandbox", Some(100));
    let mut good = GoodClient::new(&sandbox.target);
    good.report_for(Duration::from_millis(50));
    let mut idle = Vec::new();
    for _ in 0..10 {
        idle.extend((0..30).map(|_| TcpStream::connect(sandbox.target.address).expect("no connection")));
        let slowest = good.report_for(Duration::from_millis(50)).into_iter().max().unwrap();
        // It would be seconds if it had to wait until idle connections are closed for their idleness.
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    }
    assert!(sandbox.is_alive());
    assert_eq!(good.accepted(), good.reported);
}

/// Lets this process open so many connections, or as many as it is allowed.
fn allow_connections(wanted: u64) -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("no limit of files");
    let files = (wanted + 1000).clamp(soft, hard.max(soft));
    setrlimit(Resource::RLIMIT_NOFILE, files, hard).expect("cannot raise the limit of files");
    usize::try_from(wanted.min(files - 500)).expect("a number of files")
}
