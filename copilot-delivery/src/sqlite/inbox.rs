//! What waits for the thread that has the file: items to be stored, and questions.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    Item, Record,
    outbox::{
        Counts, DeadLetter, End, Fault, Forgotten, Lease, LeaseRequest, Leased, OutboxError, Owner, Refused,
        Removed, Retention, Signals, Unsettled,
    },
    room::{Room, Sum},
};

/// About how many bytes of JSON go into one transaction.
pub(super) const AT_ONCE: usize = 512 * 1024;

/// Where an answer goes.
pub(super) type Answer<T> = oneshot::Sender<Result<T, OutboxError>>;

/// Where it is told that an item was stored, or was not and comes back.
pub(super) type Stored = oneshot::Receiver<Result<(), Refused>>;

/// An item to be stored.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) record: Record,
    pub(super) answer: oneshot::Sender<Result<(), Refused>>,
}

/// The end of a lease.
#[derive(Debug)]
pub(super) struct Settle {
    pub(super) lease: Lease,
    pub(super) ends: Vec<End>,
    pub(super) answer: oneshot::Sender<Result<(), Unsettled>>,
}

/// A user to be forgotten.
#[derive(Debug)]
pub(super) struct Forget {
    pub(super) user_id: String,
    pub(super) answer: Answer<Forgotten>,
}

/// What the thread is asked. Counts are about all that was handed over by then: the inbox fills in how many that is.
#[derive(Debug)]
pub(super) enum Ask {
    Bind { owner: Owner, rebind: bool, answer: Answer<()> },
    Lease { request: LeaseRequest, answer: Answer<Leased> },
    Settle(Settle),
    DeadLetters { after: Option<u64>, limit: usize, answer: Answer<Vec<DeadLetter>> },
    PutBack { id: u64, mended: Option<Record>, answer: Answer<bool> },
    DropDeadLetters { ids: Vec<u64>, answer: Answer<u64> },
    Forget(Forget),
    Retain { retention: Retention, answer: Answer<Vec<Removed>> },
    Counts { handed_over: u64, answer: Answer<Counts> },
    Export { path: PathBuf, answer: Answer<()> },
    Close { answer: Answer<()> },
}

/// What was taken out of the inbox at once.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) appends: Vec<Append>,
    pub(super) asks: Vec<Ask>,
}

/// Shared by those who report and the thread.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    came: Condvar,
    pub(super) signals: Signals,
    /// Transactions that were committed, as tests count them.
    pub(super) commits: AtomicU64,
}

#[derive(Debug)]
struct State {
    appends: VecDeque<Append>,
    asks: Vec<Ask>,
    /// Items that were ever handed over, and those of them that were taken out.
    handed_over: u64,
    taken_out: u64,
    room: Room,
    /// How many items the thread waits for. None while it works.
    awaited: Option<usize>,
}

impl Inbox {
    pub(super) fn new(limits: Sum, stored: Sum) -> Self {
        let state = State {
            appends: VecDeque::new(),
            asks: Vec::new(),
            handed_over: 0,
            taken_out: 0,
            room: Room::new(limits, stored),
            awaited: None,
        };
        Self {
            state: Mutex::new(state),
            came: Condvar::new(),
            signals: Signals::default(),
            commits: AtomicU64::new(0),
        }
    }

    /// Why an item of so many bytes is not taken now, if it is not.
    pub(super) fn refuses(&self, bytes: usize) -> Option<Fault> {
        self.state().room.refuses(bytes)
    }

    /// How many items are pending, those that wait to be stored with them.
    pub(super) fn pending(&self) -> u64 {
        self.state().room.sum().items
    }

    /// Takes an item that is to be stored.
    pub(super) fn append(&self, record: Record) -> Result<Stored, (Box<Record>, Fault)> {
        let mut state = self.state();
        if let Some(fault) = state.room.refuses(record.json.len()) {
            return Err((Box::new(record), fault));
        }
        let (answer, stored) = oneshot::channel();
        state.room.waiting = state.room.waiting.with(record.json.len());
        state.handed_over += 1;
        state.appends.push_back(Append { record, answer });
        // Waking it for each one costs more than storing that.
        let is_enough = state.awaited.is_some_and(|awaited| state.appends.len() >= awaited);
        drop(state);
        if is_enough {
            self.came.notify_one();
        }
        Ok(stored)
    }

    /// Asks the thread. Gives the question back, if there will be no answer.
    pub(super) fn ask(&self, mut ask: Ask) -> Result<(), Box<Ask>> {
        let mut state = self.state();
        if state.room.closed {
            return Err(Box::new(ask));
        }
        state.room.closed = matches!(ask, Ask::Close { .. });
        if let Ask::Counts { handed_over, .. } = &mut ask {
            *handed_over = state.handed_over;
        }
        state.asks.push(ask);
        drop(state);
        self.came.notify_one();
        Ok(())
    }

    /// Waits until there is something to do, and takes it: as many items as go into one transaction, and all questions that can
    /// be answered after it. Where several reported at once the time before, it waits a moment for as many.
    pub(super) fn take(&self, last: usize, gather: Duration) -> Work {
        let mut state = self.state();
        state.awaited = Some(1);
        while state.appends.is_empty() && state.asks.is_empty() {
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let until = Instant::now() + gather;
        state.awaited = Some(last);
        while state.asks.is_empty() && state.appends.len() < last {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.came.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.awaited = None;
        let mut work = Work::default();
        let mut bytes = 0;
        while bytes < AT_ONCE {
            let Some(append) = state.appends.pop_front() else { break };
            bytes += append.record.json.len();
            work.appends.push(append);
        }
        state.taken_out += work.appends.len() as u64;
        // What was handed over before is to be among what is counted.
        let taken_out = state.taken_out;
        let is_early = |ask: &Ask| matches!(ask, Ask::Counts { handed_over, .. } if *handed_over > taken_out);
        (state.asks, work.asks) = std::mem::take(&mut state.asks).into_iter().partition(is_early);
        work
    }

    /// Whether items still wait to be stored.
    pub(super) fn has_appends(&self) -> bool {
        !self.state().appends.is_empty()
    }

    /// So much is in the file now, and so much less waits.
    pub(super) fn stored(&self, stored: Sum, no_longer_waiting: Sum) {
        let mut state = self.state();
        state.room.stored = stored;
        state.room.waiting = state.room.waiting.without(no_longer_waiting);
        let turned_away = std::mem::take(&mut state.room.turned_away);
        drop(state);
        if turned_away {
            self.signals.settled.notify_waiters();
        }
    }

    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether there is room in the file for an item that was a dead letter.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.state().room.has(bytes)
    }

    /// Ends all that waits: there is no thread any more that would answer.
    pub(super) fn end(&self, why: impl Fn() -> OutboxError) {
        let mut state = self.state();
        state.room.closed = true;
        let (appends, asks) = (std::mem::take(&mut state.appends), std::mem::take(&mut state.asks));
        drop(state);
        for Append { record, answer } in appends {
            let _ = answer.send(Err(Refused { item: Box::new(Item::from_record(record)), error: why() }));
        }
        drop(asks);
    }

    /// A thread that panicked held the lock for plain arithmetic only: what it left is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
