//! `cargo xtask crash`: a process that reports at full speed is killed at random moments and at every named fail point, and
//! started again on its file, while the sandbox closes sockets and refuses. In the end nothing is lost.
//!
//! The process is `tests/crash`. It writes down what was taken, before anything else; the sandbox, which outlives it, knows what
//! arrived; what was not accepted is in the dead letter of the outbox.

mod child;
mod ending;
mod faults;
mod record;
mod shared;
mod verdict;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use child::{Child, End, Heard, Program};
use ending::{Ending, Endings};
use fastrand::Rng;
use faults::Faults;
use record::Record;

use crate::{
    failure::Failure,
    sandbox::{self, Sandbox},
    workspace::{Workspace, cargo, shown, succeeds},
};

/// How many items are taken in a life, on average: twice what is asked for.
const ITEMS: u64 = 2000;
/// One of so many lives ends when it has hardly begun, while the outbox is opened.
const EARLY: u64 = 12;
/// One of so many lives may end while the courier rests after a failure; the others end with a request on its way.
const AT_REST: u64 = 8;
/// Longer than it rests after a failure or two.
const LONGEST_REST: Duration = Duration::from_secs(3);
/// How many faults happen in a life.
const FAULTS: usize = 2;
/// More than any run sends. The sandbox keeps half a million events of this size, whatever is asked.
const KEEP: &str = "2000000";
/// How long a life may take, and the one that sends the rest.
const LONGEST_LIFE: Duration = Duration::from_secs(30);
const LONGEST_DRAIN: Duration = Duration::from_secs(240);
/// How long a process that is to abort may work on.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// What a process has on its way at most, as `tests/crash` is set.
const MAX_IN_FLIGHT: u64 = 4;
/// Items taken a kill, on average, or the run proves little.
const ITEMS_A_KILL: u64 = 1000;
/// The outboxes, and how often something is killed in CI.
pub(crate) const OUTBOXES: [(&str, u64); 4] =
    [("sqlite", 20), ("memory", 20), ("postgres", 16), ("jetstream", 16)];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) outbox: String,
    pub(crate) kills: u64,
    pub(crate) seed: u64,
}

impl Options {
    /// What CI runs.
    pub(crate) fn short(outbox: &str) -> Self {
        let kills = OUTBOXES.iter().find(|(name, _)| *name == outbox).map_or(20, |(_, kills)| *kills);
        Self { outbox: outbox.to_owned(), kills, seed: fastrand::u64(..1_000_000) }
    }

    /// What `cargo xtask soak` runs.
    pub(crate) fn long(outbox: &str) -> Self {
        Self { kills: 200, ..Self::short(outbox) }
    }

    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, Failure> {
        let usage = || {
            Failure::Usage(
                "crash [--outbox sqlite|memory|postgres|jetstream] [--kills N] [--seed N]".to_owned(),
            )
        };
        let named = |outbox: &str| OUTBOXES.iter().any(|(name, _)| *name == outbox);
        let outbox = arguments.chunks(2).find_map(|pair| match pair {
            ["--outbox", outbox] => Some(*outbox),
            _ => None,
        });
        let mut options = Self::short(outbox.unwrap_or("sqlite"));
        for pair in arguments.chunks(2) {
            match pair {
                ["--outbox", outbox] if named(outbox) => {}
                ["--kills", kills] => options.kills = kills.parse().map_err(|_| usage())?,
                ["--seed", seed] => options.seed = seed.parse().map_err(|_| usage())?,
                _ => return Err(usage()),
            }
        }
        if options.kills == 0 { Err(usage()) } else { Ok(options) }
    }
}

/// Kills and looks. `false`: something was lost or out of order, or the run proved little.
pub(crate) fn run(root: &Path, options: &Options) -> Result<bool, Failure> {
    let workspace = Workspace::read(root)?;
    let sandbox = sandbox::build(&workspace)?;
    let program = build(&workspace)?;
    if let Some(server) = shared::Server::start(&options.outbox) {
        let Some(server) = server else { return Ok(true) };
        return shared::run(&sandbox, program, &server, options);
    }
    let folder = workspace.target.join("crash").join(&options.outbox);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Failure::writing(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
    println!("seed {}; the outbox is in {}", options.seed, folder.display());
    let sandbox = Sandbox::start(&sandbox, &["--keep", KEEP, "--seed", &options.seed.to_string()])?;
    let mut random = Rng::with_seed(options.seed);
    let mut crash = Crash {
        faults: Faults::new(&sandbox, random.fork()),
        program: Program {
            path: program,
            sandbox: &sandbox,
            outbox: &options.outbox,
            file: folder.join("copilot.outbox"),
        },
        record: Record::default(),
        endings: Endings::new(&options.outbox),
        random,
    };
    let (mut life, began) = (0, Instant::now());
    while crash.record.kills < options.kills {
        life += 1;
        crash.live(life)?;
    }
    println!("{} kills in {:.1} s; the rest is sent", options.kills, began.elapsed().as_secs_f64());
    let fired = crash.faults.end()?;
    crash.drain()?;
    let Crash { record, endings, .. } = crash;
    let demands = verdict::Demands {
        items_a_kill: ITEMS_A_KILL,
        requests_cut: record.kills * MAX_IN_FLIGHT,
        brought_back: 0,
    };
    verdict::judge(&sandbox, options, &record, &fired, &endings, &demands)
}

/// Builds the process, and returns its program.
fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let arguments = ["build", "--locked", "-p", "copilot-crash", "--features", "failpoints"];
    let mut build = cargo(&workspace.root, arguments);
    if !succeeds(&mut build)? {
        return Err(Failure::Exit { command: shown(&build), said: None });
    }
    Ok(workspace.target.join("debug").join(format!("copilot-crash{}", std::env::consts::EXE_SUFFIX)))
}

/// A run.
struct Crash<'a> {
    program: Program<'a>,
    faults: Faults<'a>,
    record: Record,
    endings: Endings,
    random: Rng,
}

impl Crash<'_> {
    /// One process, from its start to its end.
    fn live(&mut self, life: u64) -> Result<(), Failure> {
        let mut child = self.program.start(&life.to_string())?;
        let before = self.record.items();
        self.record.started();
        let target = if self.random.u64(..EARLY) == 0 { 0 } else { self.random.u64(..2 * ITEMS) };
        let mut faults: Vec<u64> = (0..FAULTS).map(|_| self.random.u64(..=target)).collect();
        let until = Instant::now() + LONGEST_LIFE;
        loop {
            let taken = self.record.items() - before;
            for _ in faults.extract_if(.., |moment| *moment <= taken) {
                self.faults.next()?;
            }
            if taken >= target {
                break;
            }
            match child.hear(until) {
                Heard::Line(line) => self.record.hear(&line)?,
                Heard::End => return Err(Failure::Unexpected("the process ended by itself".to_owned())),
                Heard::Nothing => {
                    return Err(Failure::Unexpected("the process takes nothing more".to_owned()));
                }
            }
        }
        if target > 0 && self.random.u64(..AT_REST) > 0 {
            self.hear_until_in_flight(&mut child)?;
        }
        // Not only at moments at which something has just been taken.
        thread::sleep(Duration::from_micros(self.random.u64(..20_000)));
        let ending = self.endings.next(&mut self.random);
        let how = self.end(&mut child, ending)?;
        let (taken, in_flight) = (self.record.items() - before, self.record.in_flight());
        println!("life {life}: {taken} taken, {in_flight} requests in flight, {how}");
        Ok(())
    }

    /// Hears a process until a request is on its way.
    fn hear_until_in_flight(&mut self, child: &mut Child) -> Result<(), Failure> {
        let until = Instant::now() + LONGEST_REST;
        while self.record.in_flight() == 0 {
            match child.hear(until) {
                Heard::Line(line) => self.record.hear(&line)?,
                Heard::End => return Err(Failure::Unexpected("the process ended by itself".to_owned())),
                Heard::Nothing => break,
            }
        }
        Ok(())
    }

    /// Ends a process, and hears what it still has to say. Gives how it ended, in words.
    fn end(&mut self, child: &mut Child, ending: Ending) -> Result<String, Failure> {
        if let Some(point) = ending.point {
            child.say(&format!("abort {point}"));
        }
        if ending.in_shutdown {
            child.say("shutdown");
        }
        let wait = match (ending.point, ending.in_shutdown) {
            (Some(_), _) => LAST_WORDS,
            (None, true) => Duration::from_micros(self.random.u64(..100_000)),
            (None, false) => Duration::ZERO,
        };
        let by_itself = self.hear_all(child, wait)?;
        child.kill();
        self.hear_all(child, LAST_WORDS)?;
        let place = if ending.in_shutdown { "in its shutdown" } else { "at its work" };
        match (child.ended()?, ending.point) {
            (End::Killed, Some(point)) if by_itself => {
                self.record.killed();
                self.endings.passed(point);
                Ok(format!("aborted {place}, at {point}"))
            }
            (End::Killed, _) => {
                self.record.killed();
                Ok(format!("killed {place}"))
            }
            (End::Done, _) if ending.in_shutdown => Ok("shut down in time".to_owned()),
            _ => Err(Failure::Unexpected("the process ended by itself".to_owned())),
        }
    }

    /// Has all that is pending sent.
    fn drain(&mut self) -> Result<(), Failure> {
        let mut child = self.program.start("drain")?;
        match (self.hear_all(&mut child, LONGEST_DRAIN)?, child.ended()?) {
            (true, End::Done) => Ok(()),
            _ => Err(Failure::Unexpected("the rest could not be sent".to_owned())),
        }
    }

    /// Hears a process for so long. Whether it has ended.
    fn hear_all(&mut self, child: &mut Child, wait: Duration) -> Result<bool, Failure> {
        let until = Instant::now() + wait;
        loop {
            match child.hear(until) {
                Heard::Line(line) => self.record.hear(&line)?,
                Heard::End => return Ok(true),
                Heard::Nothing => return Ok(false),
            }
        }
    }
}
