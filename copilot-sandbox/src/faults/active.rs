//! The faults that are switched on, and what goes wrong with one request.

use std::time::Duration;

use fastrand::Rng;

use super::fault::{Fault, FaultKind, InvalidFault, Reject};
use crate::model::{Operation, ReceivedEvent};

/// More faults than that are a mistake.
const GREATEST_COUNT: usize = 1000;

/// The faults that are switched on.
pub(crate) struct Faults {
    active: Vec<Active>,
    newest: u64,
    seed: u64,
}

struct Active {
    fault: Fault,
    /// Each has random numbers of its own, so that one does not disturb the other.
    random: Rng,
}

/// What goes wrong with one request.
#[derive(Debug, Default)]
pub(crate) struct RequestFaults {
    pub(crate) delay: Option<Duration>,
    /// How many bytes of the answer's body come in a second.
    pub(crate) drip: Option<u32>,
    /// How many bytes of it come in one chunk.
    pub(crate) chunk: Option<usize>,
    /// After how many bytes of it the connection is closed.
    pub(crate) cut_at: Option<usize>,
    pub(crate) reject: Vec<(Reject, u64)>,
    /// What becomes of the answer: the first of the faults that are about it.
    pub(crate) answer: Option<FaultKind>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { active: Vec::new(), newest: 0, seed }
    }

    /// Switches a fault on. `is_type` knows the contract's types of event.
    pub(crate) fn add(
        &mut self,
        fault: Fault,
        is_type: impl Fn(&str) -> bool,
    ) -> Result<Fault, InvalidFault> {
        fault.check(is_type)?;
        if self.active.len() >= GREATEST_COUNT {
            return Err(InvalidFault { place: "", rule: "there are 1000 faults already" });
        }
        self.newest += 1;
        let fault = Fault { id: self.newest, fired: 0, ..fault };
        let random = Rng::with_seed(self.seed.wrapping_add(self.newest));
        self.active.push(Active { fault: fault.clone(), random });
        Ok(fault)
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.active.iter().map(|active| active.fault.clone()).collect()
    }

    pub(crate) fn count(&self) -> u64 {
        self.active.len() as u64
    }

    /// Switches one off. `false`: there is none of that number.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.fault.id != id);
        self.active.len() < before
    }

    /// Switches all off, and begins their random numbers anew.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.seed);
    }

    /// Whether the connection of the next request of this operation is closed before its body is read.
    pub(crate) fn hangs_up(&mut self, operation: Operation) -> bool {
        self.draw_of(operation, true).answer.is_some()
    }

    /// What goes wrong with the next request of this operation whose body was read.
    pub(crate) fn draw(&mut self, operation: Operation) -> RequestFaults {
        self.draw_of(operation, false)
    }

    fn draw_of(&mut self, operation: Operation, before_body: bool) -> RequestFaults {
        let mut faults = RequestFaults::default();
        for Active { fault, random } in &mut self.active {
            if matches!(fault.fault, FaultKind::HangUp {}) != before_body {
                continue;
            }
            if fault.operation.is_some_and(|only| only != operation) || random.f64() >= fault.share {
                continue;
            }
            match &fault.fault {
                FaultKind::Delay { milliseconds } => {
                    let delay = Duration::from_millis(*milliseconds);
                    faults.delay = Some(faults.delay.unwrap_or_default().saturating_add(delay));
                }
                FaultKind::Drip { bytes_per_second } => faults.drip = Some(*bytes_per_second),
                FaultKind::Chunked { bytes } => faults.chunk = Some(*bytes as usize),
                FaultKind::CutBody { bytes } => faults.cut_at = Some(*bytes as usize),
                FaultKind::RejectEvents(_) if operation != Operation::Collect => continue,
                FaultKind::RejectEvents(reject) => faults.reject.push((reject.clone(), random.u64(..))),
                // One answer has one end: the others wait for their turn.
                _ if faults.answer.is_some() => continue,
                about_the_answer => faults.answer = Some(about_the_answer.clone()),
            }
            fault.fired += 1;
            if let Some(next) = &mut fault.next {
                *next -= 1;
            }
        }
        self.active.retain(|active| active.fault.next != Some(0));
        faults
    }
}

impl Reject {
    /// Whether the event is to be rejected.
    pub(crate) fn meets(&self, index: usize, event: &ReceivedEvent, random: &mut Rng) -> bool {
        let named = |list: &Option<Vec<String>>, name: &Option<String>| {
            list.as_ref().is_none_or(|list| name.as_ref().is_some_and(|name| list.contains(name)))
        };
        // A number is drawn for each event, so that one condition does not shift what is drawn for another.
        let drawn = self.share.is_none_or(|share| random.f64() < share);
        drawn
            && named(&self.types, &event.r#type)
            && named(&self.event_ids, &event.event_id)
            && self.indexes.as_ref().is_none_or(|indexes| indexes.contains(&index))
    }
}
