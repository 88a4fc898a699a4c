//! What waits to be stored on a server, and how much room there is, as far as this process knows.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::{Notify, oneshot};

use crate::{
    Record,
    outbox::{Fault, HandedOver, Refused, Signals},
};

/// How much may wait to be stored: what the server can be behind, in memory.
const MAX_WAITING: Sum = Sum { items: 10_000, bytes: 32 * 1024 * 1024 };

/// Items and their bytes of JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) items: u64,
    pub(crate) bytes: u64,
}

/// An item to be stored.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) record: Record,
    pub(crate) since: Instant,
    pub(crate) answer: oneshot::Sender<Result<(), Refused>>,
}

/// Shared by those who report and by what stores.
#[derive(Debug)]
pub(crate) struct Intake {
    state: Mutex<State>,
    came: Notify,
    limits: Sum,
    pub(crate) signals: Signals,
}

#[derive(Debug, Default)]
struct State {
    appends: VecDeque<Append>,
    /// Handed over and not answered yet.
    waiting: Sum,
    /// On the server: what was counted last, with what this process has stored and settled since.
    stored: Sum,
    /// Somebody got an item back for want of room, and may wait for it.
    turned_away: bool,
    closed: bool,
}

impl Intake {
    pub(crate) fn new(limits: Sum) -> Self {
        Self { state: Mutex::default(), came: Notify::new(), limits, signals: Signals::default() }
    }

    /// Why an item of so many bytes is not taken now, if it is not.
    pub(crate) fn refuses(&self, bytes: usize) -> Option<Fault> {
        self.state().refuses(bytes, self.limits)
    }

    /// Takes an item that is to be stored.
    pub(crate) fn append(&self, record: Record) -> Result<HandedOver, (Box<Record>, Fault)> {
        let mut state = self.state();
        if let Some(fault) = state.refuses(record.json.len(), self.limits) {
            return Err((Box::new(record), fault));
        }
        let (answer, stored) = oneshot::channel();
        state.waiting = state.waiting.with(record.json.len());
        state.appends.push_back(Append { record, since: Instant::now(), answer });
        drop(state);
        self.came.notify_one();
        Ok(HandedOver::Storing(stored))
    }

    /// Waits until something is to be stored, and takes it out: at most so many items, and about so many bytes. Nothing, when the
    /// intake is closed and empty. Cancel safe.
    pub(crate) async fn take(&self, items: usize, bytes: usize) -> Vec<Append> {
        loop {
            let came = self.came.notified();
            {
                let mut state = self.state();
                let (mut taken, mut size) = (Vec::new(), 0);
                while taken.len() < items && size < bytes {
                    let Some(append) = state.appends.pop_front() else { break };
                    size += append.record.json.len();
                    taken.push(append);
                }
                if !taken.is_empty() || state.closed {
                    if !state.appends.is_empty() || state.closed {
                        self.came.notify_one();
                    }
                    return taken;
                }
            }
            came.await;
        }
    }

    /// Items were answered: `stored` of them are on the server, and none of them waits any more.
    pub(crate) fn answered(&self, stored: Sum, answered: Sum) {
        let mut state = self.state();
        state.waiting = state.waiting.without(answered);
        state.stored = state.stored.and(stored);
        drop(state);
        if stored.items > 0 {
            self.signals.filled.notify_one();
        }
        if stored != answered {
            self.has_room();
        }
    }

    /// The server turned an item away for want of room, and whoever handed it over may wait for it.
    #[cfg(feature = "jetstream")]
    pub(crate) fn turned_away(&self) {
        self.state().turned_away = true;
    }

    /// Items were settled or removed.
    pub(crate) fn removed(&self, removed: Sum) {
        let mut state = self.state();
        state.stored = state.stored.without(removed);
        drop(state);
        // Lanes are free as well.
        self.signals.settled.notify_waiters();
    }

    /// So much is on the server, whoever put it there.
    pub(crate) fn counted(&self, stored: Sum) {
        self.state().stored = stored;
        self.has_room();
    }

    /// How many items are pending as far as this process knows, those that wait to be stored with them.
    pub(crate) fn pending(&self) -> u64 {
        let state = self.state();
        state.stored.and(state.waiting).items
    }

    /// Takes nothing any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.came.notify_one();
    }

    /// Whether somebody got an item back for want of room, and may wait for what others remove.
    #[cfg(feature = "postgres")]
    pub(crate) fn is_wanted(&self) -> bool {
        self.state().turned_away
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Tells those who were turned away that there may be room.
    fn has_room(&self) {
        if std::mem::take(&mut self.state().turned_away) {
            self.signals.settled.notify_waiters();
        }
    }

    /// A thread that panicked held the lock for plain arithmetic only: what it left is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuses(&mut self, bytes: usize, limits: Sum) -> Option<Fault> {
        if self.closed {
            return Some(Fault::Closed);
        }
        let full = self.waiting.is_beyond(bytes, MAX_WAITING)
            || self.stored.and(self.waiting).is_beyond(bytes, limits);
        self.turned_away |= full;
        full.then_some(Fault::Full)
    }
}

impl Sum {
    /// With one more item.
    pub(crate) fn with(self, bytes: usize) -> Self {
        Self { items: self.items + 1, bytes: self.bytes + bytes as u64 }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { items: self.items + other.items, bytes: self.bytes + other.bytes }
    }

    /// What others have removed may have been counted before.
    pub(crate) fn without(self, other: Self) -> Self {
        Self { items: self.items.saturating_sub(other.items), bytes: self.bytes.saturating_sub(other.bytes) }
    }

    /// Whether one more item of so many bytes is too much. It never is where there is nothing else.
    pub(crate) fn is_beyond(self, bytes: usize, limits: Self) -> bool {
        self.items >= limits.items || (self.items > 0 && self.bytes + bytes as u64 > limits.bytes)
    }
}
