//! The run of an outbox that several processes share: two that report and three that carry, each killed at random moments, and the server with
//! them; and a courier that is stopped for twice its lease and then goes on.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use copilot_servers::{nats::Nats, postgres::Cluster};
use fastrand::Rng;

use super::{
    Options,
    child::{Child, End, Heard, Program},
    ending::Endings,
    faults::Faults,
    record::Record,
    verdict::{self, Demands},
};
use crate::{failure::Failure, sandbox::Sandbox};

const PRODUCERS: usize = 2;
const COURIERS: usize = 3;
/// The requests of a courier on their way at most, as `tests/crash` is set.
const MAX_IN_FLIGHT: u64 = 2;
/// Of two producers no user is the same.
const USERS: u32 = 1000;
const LEASE: Duration = Duration::from_millis(1500);
/// How many items the outbox has room for: so much is to be sent after the last kill.
const ROOM: u64 = 5000;
/// Between two kills.
const WORK: Duration = Duration::from_millis(1400);
/// One of so many kills is the server's.
const OF_SERVER: u64 = 6;
/// One of so many stops a courier instead.
const OF_STOPS: u64 = 6;
/// How long a courier that is to be stopped may have nothing on its way.
const LONGEST_REST: Duration = Duration::from_secs(3);
/// What a server of NATS before 2.10 brings back of what it removed in its last two seconds: more than is ever sent in so long.
const BROUGHT_BACK: u64 = 20_000;
/// Faults a kill.
const FAULTS: usize = 2;
const LONGEST_DRAIN: Duration = Duration::from_secs(240);
/// Items taken a kill, or the run proves little.
const ITEMS_A_KILL: u64 = 300;

/// What the outbox is kept by.
pub(super) enum Server {
    Postgres(Cluster, String),
    Nats(Nats),
}

impl Server {
    /// The server of that outbox; none, where it has none, and nothing in it where it is not installed.
    pub(super) fn start(outbox: &str) -> Option<Option<Self>> {
        match outbox {
            // As a server is that people have: it tidies up by itself.
            "postgres" => Some(Cluster::with("autovacuum = on\nautovacuum_naptime = 1s").map(|cluster| {
                let database = cluster.database();
                Self::Postgres(cluster, database)
            })),
            "jetstream" => Some(Nats::start().map(Self::Nats)),
            _ => None,
        }
    }

    fn url(&self) -> String {
        let base = match self {
            Self::Postgres(cluster, database) => cluster.url(database),
            Self::Nats(nats) => nats.url(),
        };
        format!("{base}?max_items={ROOM}&lease_ms={}&deadline_ms=30000", LEASE.as_millis())
    }

    fn crash(&self) {
        match self {
            Self::Postgres(cluster, _) => cluster.crash(),
            Self::Nats(nats) => nats.kill(),
        }
    }

    fn run(&self) {
        match self {
            Self::Postgres(cluster, _) => cluster.run(),
            Self::Nats(nats) => nats.run(),
        }
    }
}

/// The processes of a run.
struct Processes<'a> {
    program: Program<'a>,
    url: String,
    /// First those that report, then those that carry.
    children: Vec<Child>,
    /// The requests of each on their way.
    flights: Vec<u64>,
    record: Record,
    lives: u32,
}

/// Kills and looks. `false`: something was lost or out of order, or the run proved little.
pub(super) fn run(
    sandbox: &Path,
    program: PathBuf,
    server: &Server,
    options: &Options,
) -> Result<bool, Failure> {
    println!("seed {}; the outbox is {}", options.seed, server.url());
    let sandbox = Sandbox::start(sandbox, &["--keep", super::KEEP, "--seed", &options.seed.to_string()])?;
    let mut random = Rng::with_seed(options.seed);
    let mut faults = Faults::new(&sandbox, random.fork());
    let program = Program { path: program, sandbox: &sandbox, outbox: "shared", file: PathBuf::new() };
    let mut processes = Processes {
        program,
        url: server.url(),
        children: Vec::new(),
        flights: vec![0; PRODUCERS + COURIERS],
        record: Record::default(),
        lives: 0,
    };
    processes.finish(&["prepare"], Duration::from_secs(30))?;
    for place in 0..PRODUCERS + COURIERS {
        let child = processes.start(place)?;
        processes.children.push(child);
    }
    let (mut requests_cut, mut brought_back, mut stops, began) = (0, 0, 0, Instant::now());
    while processes.record.kills < options.kills {
        let work = WORK.mul_f64(0.4 + random.f64());
        processes.work(work / 2)?;
        for _ in 0..FAULTS {
            faults.next()?;
        }
        processes.work(work / 2)?;
        let number = processes.record.kills + 1;
        let said = if number.is_multiple_of(OF_STOPS) {
            stops += 1;
            requests_cut += MAX_IN_FLIGHT;
            processes.stop_a_while(PRODUCERS + random.usize(..COURIERS))?
        } else if number % OF_SERVER == OF_SERVER / 2 {
            requests_cut += MAX_IN_FLIGHT * COURIERS as u64;
            brought_back += if matches!(server, Server::Nats(_)) { BROUGHT_BACK } else { 0 };
            server.crash();
            processes.record.killed();
            processes.work(Duration::from_millis(random.u64(..600)))?;
            server.run();
            "the server was killed".to_owned()
        } else {
            let place = random.usize(..PRODUCERS + COURIERS);
            // Those that report have no request on its way.
            requests_cut += if place < PRODUCERS { 0 } else { MAX_IN_FLIGHT };
            processes.kill(place)?
        };
        println!(
            "{number}: {} taken, {} on their way, {said}",
            processes.record.items(),
            processes.in_flight()
        );
    }
    println!(
        "{} kills in {:.1} s, {stops} of them stops; the rest is sent",
        options.kills,
        began.elapsed().as_secs_f64()
    );
    let fired = faults.end()?;
    processes.end()?;
    requests_cut += MAX_IN_FLIGHT * COURIERS as u64;
    processes.finish(&["drain"], LONGEST_DRAIN)?;
    let demands = Demands { items_a_kill: ITEMS_A_KILL, requests_cut, brought_back };
    let mut record = processes.record;
    if matches!(server, Server::Postgres(..)) && record.rolled_back.is_empty() {
        record.wrong.push("no transaction was rolled back".to_owned());
    }
    if stops > 1 && record.refused == 0 {
        record.wrong.push("no courier that had been stopped was refused".to_owned());
    }
    verdict::judge(&sandbox, options, &record, &fired, &Endings::none(), &demands)
}

impl Processes<'_> {
    /// Starts what is at that place.
    fn start(&mut self, place: usize) -> Result<Child, Failure> {
        self.lives += 1;
        let (life, base) = (self.lives.to_string(), (place as u32 * USERS).to_string());
        let role: &[&str] = if place < PRODUCERS { &["produce", &life, &base] } else { &["carry"] };
        self.start_as(role)
    }

    fn start_as(&self, role: &[&str]) -> Result<Child, Failure> {
        let arguments: Vec<&OsStr> =
            ["shared", &self.url].iter().chain(role).map(|argument| OsStr::new(*argument)).collect();
        self.program.start_with(&arguments)
    }

    /// Hears all of them for so long.
    fn work(&mut self, long: Duration) -> Result<(), Failure> {
        let until = Instant::now() + long;
        loop {
            let mut heard = false;
            for place in 0..self.children.len() {
                heard |= self.hear(place)?;
            }
            if Instant::now() >= until {
                return Ok(());
            }
            if !heard {
                thread::sleep(Duration::from_millis(2));
            }
        }
    }

    /// Hears what one has said until now. Whether it said something.
    fn hear(&mut self, place: usize) -> Result<bool, Failure> {
        let mut heard = false;
        loop {
            let Some(child) = self.children.get(place) else { return Ok(heard) };
            match child.hear(Instant::now()) {
                Heard::Line(line) => {
                    heard = true;
                    let flight = line.strip_prefix("flight ").and_then(|flight| flight.parse().ok());
                    match (flight, self.flights.get_mut(place)) {
                        (Some(flight), Some(of)) => *of = flight,
                        _ => self.record.hear(&line)?,
                    }
                    let in_flight = self.in_flight();
                    self.record.fly(in_flight);
                }
                Heard::Nothing => return Ok(heard),
                Heard::End => {
                    return Err(Failure::Unexpected(format!("the process at place {place} ended by itself")));
                }
            }
        }
    }

    fn in_flight(&self) -> u64 {
        self.flights.iter().sum()
    }

    /// Kills one, hears its last words, and starts it again.
    fn kill(&mut self, place: usize) -> Result<String, Failure> {
        self.record.killed();
        self.kill_for_good(place)?;
        let child = self.start(place)?;
        if let Some(of) = self.children.get_mut(place) {
            *of = child;
        }
        Ok(format!("{} {place} was killed", name(place)))
    }

    fn kill_for_good(&mut self, place: usize) -> Result<(), Failure> {
        let Some(child) = self.children.get_mut(place) else { return Ok(()) };
        child.kill();
        let until = Instant::now() + Duration::from_secs(30);
        while let Heard::Line(line) = child.hear(until) {
            if !line.starts_with("flight ") {
                self.record.hear(&line)?;
            }
        }
        if child.ended()? != End::Killed {
            return Err(Failure::Unexpected(format!("the process at place {place} had ended by itself")));
        }
        if let Some(flight) = self.flights.get_mut(place) {
            *flight = 0;
        }
        Ok(())
    }

    /// Stops a courier with something on its way for twice its lease.
    fn stop_a_while(&mut self, place: usize) -> Result<String, Failure> {
        let until = Instant::now() + LONGEST_REST;
        while self.flights.get(place).is_some_and(|flight| *flight == 0) && Instant::now() < until {
            self.work(Duration::from_millis(2))?;
        }
        self.record.killed();
        let signal = |processes: &Self, signal| match processes.children.get(place) {
            Some(child) => child.signal(signal),
            None => Ok(()),
        };
        signal(self, "-STOP")?;
        self.work(LEASE * 2)?;
        signal(self, "-CONT")?;
        Ok(format!("{} {place} was stopped for {:?}", name(place), LEASE * 2))
    }

    /// Ends all of them.
    fn end(&mut self) -> Result<(), Failure> {
        for place in 0..self.children.len() {
            self.hear(place)?;
            self.kill_for_good(place)?;
        }
        Ok(())
    }

    /// Runs one to its end.
    fn finish(&mut self, role: &[&str], longest: Duration) -> Result<(), Failure> {
        let mut child = self.start_as(role)?;
        let until = Instant::now() + longest;
        loop {
            match child.hear(until) {
                Heard::Line(line) => self.record.hear(&line)?,
                Heard::End if child.ended()? == End::Done => return Ok(()),
                Heard::End | Heard::Nothing => {
                    return Err(Failure::Unexpected(format!("`{}` did not come to its end", role.join(" "))));
                }
            }
        }
    }
}

fn name(place: usize) -> &'static str {
    if place < PRODUCERS { "producer" } else { "courier" }
}
