//! What the relay is while it runs.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use copilot_delivery::Reporter;
use tokio::sync::Semaphore;

use super::{admission::Pair, rejections::Rejections};

/// How many bytes of bodies are read into events at a time.
const MEMORY: usize = 16 << 20;
/// How often it is said that requests are answered 503, at most.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What handlers share.
pub(super) struct Relay {
    pub(super) reporter: Reporter,
    /// Where items are kept, for people.
    pub(super) place: String,
    pub(super) pair: Pair,
    /// Whether only this machine can reach it.
    pub(super) is_local: bool,
    pub(super) memory: Semaphore,
    pub(super) counted: Counted,
    pub(super) rejections: Rejections,
}

impl Relay {
    pub(super) fn new(reporter: Reporter, place: String, pair: Pair, is_local: bool) -> Self {
        let (memory, counted, rejections) =
            (Semaphore::new(MEMORY), Counted::default(), Rejections::default());
        Self { reporter, place, pair, is_local, memory, counted, rejections }
    }
}

/// What was answered since the start.
#[derive(Debug, Default)]
pub(super) struct Counted {
    stored: AtomicU64,
    refused: AtomicU64,
    unavailable: AtomicU64,
    said: Mutex<Option<Instant>>,
}

impl Counted {
    pub(super) fn stored(&self, items: usize) {
        self.stored.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, events: usize) {
        self.refused.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Counts a request that the outbox did not take. Whether that is to be said.
    pub(super) fn unavailable(&self) -> bool {
        self.unavailable.fetch_add(1, Ordering::Relaxed);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = said.is_none_or(|said| said.elapsed() > SAID_EVERY);
        if is_due {
            *said = Some(Instant::now());
        }
        is_due
    }

    /// Items that were stored, events that break the contract, and requests that the outbox did not take.
    pub(super) fn read(&self) -> [u64; 3] {
        [&self.stored, &self.refused, &self.unavailable].map(|count| count.load(Ordering::Relaxed))
    }
}
