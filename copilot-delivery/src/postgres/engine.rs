//! What the outbox's thread has: three lines to the database, and what this process knows of it.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use super::line::Line;
use crate::{outbox::HeldUp, remote::Intake};

#[derive(Debug)]
pub(super) struct Engine {
    pub(super) intake: Intake,
    /// The name of this process in `copilot.stored`, and the number of the batch that it stored last.
    pub(super) process: String,
    pub(super) batch: AtomicI64,
    /// What is handed over goes by this one.
    pub(super) store: Line,
    /// Leases, and what ends them.
    pub(super) courier: Line,
    /// What may take long, and holds nobody up.
    pub(super) others: Line,
    /// How long a lease lasts.
    pub(super) lease: Duration,
    /// How long an item waits to be stored at most.
    pub(super) deadline: Duration,
    pub(super) is_strict: bool,
    pub(super) known: Known,
}

/// What is known of the database in this process.
#[derive(Debug, Default)]
pub(super) struct Known {
    held: Mutex<Held>,
    /// Leases whose settling was not answered.
    in_doubt: Mutex<HashSet<u64>>,
}

/// Whom items wait for, and when that was asked.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) writer: Option<Writer>,
    pub(super) asked: Option<Instant>,
}

/// A transaction that items wait for, and since when this process has seen it.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) xid: String,
    pub(super) since: Instant,
    pub(super) held_up: HeldUp,
}

impl Engine {
    pub(super) fn place(&self) -> &str {
        &self.store.address.place
    }

    /// The number of a batch that is yet to be stored.
    pub(super) fn next_batch(&self) -> i64 {
        self.batch.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.known.held)
    }

    /// Whether this lease was settled is not known.
    pub(super) fn doubt(&self, fence: u64) {
        lock(&self.known.in_doubt).insert(fence);
    }

    /// It is known now. Whether it was not.
    pub(super) fn resolve(&self, fence: u64) -> bool {
        lock(&self.known.in_doubt).remove(&fence)
    }
}

/// A thread that panicked held it for plain assignments only: what it left is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
