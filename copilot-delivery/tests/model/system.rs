//! The system, and what the model knows of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use copilot_sandbox::{Fault, Operation, Sandbox};
use serde_json::Value;

use crate::{Step, Trouble, support::SOON};

/// A program with an outbox.
pub(crate) trait Engine: Sized {
    /// Whether what it has taken outlives it.
    const DURABLE: bool;

    fn start(url: &str) -> Self;

    fn ask(&mut self, command: &str) -> Value;

    /// Starts anew, after a shutdown that left so many items. Gives the counts before anything was sent.
    fn restart(self, stay: u64) -> (Self, Value);

    fn crash(self) -> (Self, Value);

    /// Gives these commands at once, and crashes when so many were answered. Gives all answers that came.
    fn crash_while(self, commands: Vec<String>, answers: usize) -> (Self, Vec<Value>, Value);
}

pub(crate) struct System<E> {
    sandbox: Sandbox,
    engine: Option<E>,
    /// Events that were taken, by their id, with their user.
    events: BTreeMap<String, usize>,
    next: usize,
    /// Items that this outbox has taken.
    taken: u64,
    /// Events that were given back, went with the memory, or were dropped from the dead letters.
    gone: BTreeSet<String>,
    /// Events that were sent again, at another place in the order.
    again: BTreeSet<String>,
    forgotten: BTreeSet<usize>,
    /// The consent that was reported last, and that no forgetting or crash concerns.
    consents: HashMap<usize, bool>,
    crashed: bool,
    /// Dead letters that are no more.
    removed_letters: u64,
}

impl<E: Engine> System<E> {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::builder().credentials("id", "secret").start().unwrap();
        let engine = Some(E::start(&sandbox.url()));
        Self {
            sandbox,
            engine,
            events: BTreeMap::new(),
            next: 0,
            taken: 0,
            gone: BTreeSet::new(),
            again: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            consents: HashMap::new(),
            crashed: false,
            removed_letters: 0,
        }
    }

    fn ask(&mut self, command: &str) -> Value {
        self.engine.as_mut().unwrap().ask(command)
    }

    fn new_id(&mut self) -> String {
        self.next += 1;
        format!("event-{:05}", self.next)
    }

    fn took(&mut self, id: String, user: usize) {
        self.events.insert(id, user);
        self.taken += 1;
    }

    pub(crate) fn apply(&mut self, step: &Step) {
        match *step {
            Step::Report { user, events } => {
                for _ in 0..events {
                    let id = self.new_id();
                    self.ask(&format!("report {id} {user}"));
                    self.took(id, user);
                }
            }
            Step::TryReport { user } => {
                let id = self.new_id();
                self.ask(&format!("try {id} {user}"));
                self.took(id, user);
            }
            Step::Consent { user, value } => {
                self.ask(&format!("consent {user} {value}"));
                self.taken += 1;
                self.consents.insert(user, value);
            }
            Step::Fault(trouble) => self.trouble(trouble),
            Step::Flush(within) => {
                self.ask(&format!("flush {within}"));
            }
            Step::Forget { user } => {
                self.ask(&format!("forget {user}"));
                self.forgotten.insert(user);
                self.consents.remove(&user);
            }
            Step::SendAgain => {
                if let Some(id) = self.ask("again").as_array().unwrap().first() {
                    self.taken += 1;
                    self.removed_letters += 1;
                    self.again.extend(id.as_str().map(str::to_owned));
                }
            }
            Step::DropDeadLetter => {
                if let Some(id) = self.ask("drop").as_array().unwrap().first() {
                    self.removed_letters += 1;
                    self.gone.extend(id.as_str().map(str::to_owned));
                }
            }
            Step::Restart(within) => self.restart(within),
            Step::Crash => {
                let (engine, report) = self.engine.take().unwrap().crash();
                self.after_crash(engine, &report, 0);
            }
            Step::CrashWhileReporting { user, events } => self.crash_while_reporting(user, events),
        }
        self.check();
    }

    fn trouble(&mut self, trouble: Trouble) {
        let fault = match trouble {
            Trouble::Unavailable => Fault::status(503).next(1),
            Trouble::ClosesAfter => Fault::close_after().next(1),
            Trouble::ClosesBefore => Fault::close_before().next(1),
            Trouble::Unauthorized => Fault::status(401).next(1),
            Trouble::RejectsSome => Fault::reject_share(0.3).next(2),
            Trouble::RefusesWhole => Fault::status(400).on(Operation::Collect).next(1),
            Trouble::Unreadable => Fault::cut_json().on(Operation::Collect).next(1),
            Trouble::Slow => Fault::delay(Duration::from_millis(30)).next(2),
            Trouble::None => return self.sandbox.clear_faults(),
        };
        self.sandbox.add_fault(fault).unwrap();
    }

    fn restart(&mut self, within: u64) {
        let left = self.ask(&format!("shutdown {within}"));
        let given_back: Vec<_> = left["items"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let stay = left["stay"].as_u64().unwrap();
        if E::DURABLE {
            assert!(given_back.is_empty());
        } else {
            assert_eq!(stay, 0);
            self.check_told(&left["told"], &given_back);
            self.forget_memory(given_back.iter().map(|id| (*id).to_owned()).collect());
        }
        let (engine, counts) = self.engine.take().unwrap().restart(stay);
        if E::DURABLE {
            assert_eq!(counts["taken"], self.taken);
        }
        self.engine = Some(engine);
    }

    /// Memory begins anew: what it held is gone with it, but for what it gave back.
    fn forget_memory(&mut self, gone: Vec<String>) {
        self.gone.extend(gone);
        self.consents.clear();
        self.taken = 0;
        self.removed_letters = 0;
    }

    fn crash_while_reporting(&mut self, user: usize, events: usize) {
        let ids: Vec<_> = (0..events).map(|_| self.new_id()).collect();
        let commands = ids.iter().map(|id| format!("report {id} {user}")).collect();
        let (engine, answers, report) = self.engine.take().unwrap().crash_while(commands, events / 2);
        // Of the others nobody knows: they were not said to be taken.
        let unknown = ids.len() - answers.len();
        for id in answers {
            self.took(id.as_str().unwrap().to_owned(), user);
        }
        self.after_crash(engine, &report, unknown as u64);
    }

    fn after_crash(&mut self, engine: E, report: &Value, unknown: u64) {
        self.crashed = true;
        self.engine = Some(engine);
        if E::DURABLE {
            let taken = report["taken"].as_u64().unwrap();
            assert!(
                (self.taken..=self.taken + unknown).contains(&taken),
                "{taken} of {} and {unknown}",
                self.taken
            );
            self.taken = taken;
        } else {
            let told = report["told"].as_array().unwrap();
            let lost =
                told.iter().filter(|told| told[1] == "undelivered").filter_map(|told| told[0].as_str());
            let lost: Vec<_> = lost.map(str::to_owned).collect();
            // Where memory has gone, its dead letters have as well; what was sent again has no ticket.
            self.gone.extend(self.again.iter().cloned());
            self.check_told(&report["told"], &lost.iter().map(String::as_str).collect::<Vec<_>>());
            self.forget_memory(lost);
        }
    }

    /// What the tickets said of an outbox that has ended.
    fn check_told(&mut self, told: &Value, undelivered: &[&str]) {
        let accepted = self.accepted();
        for told in told.as_array().unwrap() {
            let (id, outcome) = (told[0].as_str().unwrap(), told[1].as_str().unwrap());
            if id.is_empty() {
                continue;
            }
            let is_right = match outcome {
                "accepted" => accepted.contains(id),
                "undelivered" => undelivered.contains(&id),
                "forgotten" => self.forgotten.contains(&self.events[id]),
                // Its dead letter went with the memory.
                "rejected" | "unattributed" => {
                    self.gone.insert(id.to_owned());
                    true
                }
                _ => false,
            };
            assert!(is_right, "{id}: {outcome}");
        }
    }

    fn check(&mut self) {
        let counts = self.ask("counts");
        assert_eq!(counts["taken"], self.taken, "{counts}");
    }

    fn accepted(&self) -> BTreeSet<String> {
        self.sandbox.accepted().iter().map(|received| received.event_id.clone().unwrap()).collect()
    }

    /// When each event arrived first, whatever became of it.
    fn arrivals(&self) -> BTreeMap<String, u64> {
        let mut arrivals = BTreeMap::new();
        for received in self.sandbox.events() {
            let first = arrivals.entry(received.event_id.clone().unwrap()).or_insert(received.sequence);
            *first = received.sequence.min(*first);
        }
        arrivals
    }

    /// The server is well again: everything that was taken is delivered, or is where the model knows it to be.
    pub(crate) fn end(mut self) {
        self.sandbox.clear_faults();
        let began = Instant::now();
        loop {
            self.ask("hurry");
            if self.ask("flush 300") == true {
                break;
            }
            assert!(began.elapsed() < SOON, "it is never flushed: {}", self.ask("counts"));
        }
        let counts = self.ask("counts");
        assert_eq!((&counts["taken"], counts["pending"].as_u64()), (&self.taken.into(), Some(0)));
        let dead = self.ask("dead");
        let dead: BTreeSet<_> = dead.as_array().unwrap().iter().filter_map(|dead| dead[0].as_str()).collect();
        if self.forgotten.is_empty() {
            assert_eq!(
                counts["dead"].as_u64().unwrap(),
                counts["dead_letters"].as_u64().unwrap() + self.removed_letters
            );
            assert_eq!(counts["forgotten"], 0);
        }
        let (accepted, arrivals) = (self.accepted(), self.arrivals());
        let mut last = HashMap::new();
        for (id, user) in &self.events {
            let is_elsewhere =
                dead.contains(id.as_str()) || self.gone.contains(id) || self.forgotten.contains(user);
            assert!(is_elsewhere || accepted.contains(id), "{id} of user {user} is lost");
            // Of each user in the order of reporting.
            if let Some(arrived) = arrivals.get(id) {
                let before = last.insert(*user, *arrived);
                assert!(before.is_none_or(|before| before < *arrived), "{id} of user {user} came too early");
            }
        }
        for (user, value) in &self.consents {
            let consent =
                self.sandbox.user(&format!("user-{user}")).and_then(|user| user.consent).expect("no consent");
            assert_eq!(consent.value, *value, "user {user}");
        }
        self.ask("shutdown 1000");
    }
}
