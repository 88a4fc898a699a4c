//! How each process ends: by SIGKILL, or at a named fail point, in the middle of its work or of its shutdown.

use std::collections::BTreeMap;

use fastrand::Rng;

/// The fail points of delivery, and whether they are passed in a shutdown only.
const COURIER: [(&str, bool); 4] = [
    ("reporter.handed_over", false),
    ("courier.leased", false),
    ("courier.sent", false),
    ("courier.ending", true),
];
/// Those of the outbox in a file.
const SQLITE: [(&str, bool); 5] = [
    ("outbox.storing", false),
    ("outbox.stored", false),
    ("outbox.settling", false),
    ("outbox.settled", false),
    ("outbox.closing", true),
];
/// How many processes end by SIGKILL, while one ends at each point.
const KILLED: usize = 10;

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// It aborts there.
    pub(super) point: Option<&'static str>,
    /// After it was told to shut down.
    pub(super) in_shutdown: bool,
}

/// All endings, one round after the other, each in another order.
pub(super) struct Endings {
    all: Vec<Ending>,
    round: Vec<Ending>,
    /// How many processes aborted at each point.
    pub(super) passed: BTreeMap<&'static str, u64>,
}

impl Endings {
    pub(super) fn new(outbox: &str) -> Self {
        let of_outbox: &[_] = if outbox == "sqlite" { &SQLITE } else { &[] };
        let points: Vec<_> = COURIER.iter().chain(of_outbox).copied().collect();
        let mut all: Vec<_> =
            points.iter().map(|&(point, in_shutdown)| Ending { point: Some(point), in_shutdown }).collect();
        all.extend([Ending { point: None, in_shutdown: false }; KILLED]);
        all.push(Ending { point: None, in_shutdown: true });
        let passed = points.iter().map(|(point, _)| (*point, 0)).collect();
        Self { all, round: Vec::new(), passed }
    }

    /// None: what is killed is killed by signals alone.
    pub(super) fn none() -> Self {
        Self { all: Vec::new(), round: Vec::new(), passed: BTreeMap::new() }
    }

    pub(super) fn next(&mut self, random: &mut Rng) -> Ending {
        if self.round.is_empty() {
            self.round.clone_from(&self.all);
            random.shuffle(&mut self.round);
        }
        self.round.pop().unwrap_or(Ending { point: None, in_shutdown: false })
    }

    /// How many processes end in each round.
    pub(super) fn each_round(&self) -> u64 {
        self.all.len() as u64
    }

    /// A process aborted where it was to.
    pub(super) fn passed(&mut self, point: &'static str) {
        *self.passed.entry(point).or_default() += 1;
    }
}
