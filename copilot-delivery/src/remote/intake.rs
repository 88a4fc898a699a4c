//! What waits to be stored on a server, and how much room there is, as far as this process knows.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, oneshot},
    time,
};

use crate::{
    Record,
    outbox::{Fault, HandedOver, OutboxError, Refused, Signals},
    room::{Room, Sum},
};

/// How often it is looked whether what others put in and took out is to be counted, and how often it is, at most; and not for more than
/// that part of the time.
const LOOK: Duration = Duration::from_millis(250);
const COUNT: Duration = Duration::from_secs(5);
const SHARE: u32 = 50;

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
    pub(crate) signals: Signals,
}

#[derive(Debug)]
struct State {
    appends: VecDeque<Append>,
    /// Stored is what was counted last on the server, with what this process has stored and settled since.
    room: Room,
}

impl Intake {
    pub(crate) fn new(limits: Sum) -> Self {
        let state = State { appends: VecDeque::new(), room: Room::new(limits, Sum::default()) };
        Self { state: Mutex::new(state), came: Notify::new(), signals: Signals::default() }
    }

    /// Why an item of so many bytes is not taken now, if it is not.
    pub(crate) fn refuses(&self, bytes: usize) -> Option<Fault> {
        self.state().room.refuses(bytes)
    }

    /// Takes an item that is to be stored.
    pub(crate) fn append(&self, record: Record) -> Result<HandedOver, (Box<Record>, Fault)> {
        let mut state = self.state();
        if let Some(fault) = state.room.refuses(record.json.len()) {
            return Err((Box::new(record), fault));
        }
        let (answer, stored) = oneshot::channel();
        state.room.waiting = state.room.waiting.with(record.json.len());
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
                if !taken.is_empty() || state.room.closed {
                    if !state.appends.is_empty() || state.room.closed {
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
        state.room.waiting = state.room.waiting.without(answered);
        state.room.stored = state.room.stored.and(stored);
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
        self.state().room.turned_away = true;
    }

    /// Items were settled or removed.
    pub(crate) fn removed(&self, removed: Sum) {
        let mut state = self.state();
        state.room.stored = state.room.stored.without(removed);
        drop(state);
        // Lanes are free as well.
        self.signals.settled.notify_waiters();
    }

    /// So much is on the server, whoever put it there.
    pub(crate) fn counted(&self, stored: Sum) {
        self.state().room.stored = stored;
        self.has_room();
    }

    /// How many items are pending as far as this process knows, those that wait to be stored with them.
    pub(crate) fn pending(&self) -> u64 {
        let state = self.state();
        state.room.sum().items
    }

    /// Takes nothing any more.
    pub(crate) fn close(&self) {
        self.state().room.closed = true;
        self.came.notify_one();
    }

    /// Lets what is on the server be counted while something is put in, and sooner while somebody waits for room. It does not end.
    pub(crate) async fn keep_count<F: Future<Output = Result<(), OutboxError>>>(
        &self,
        recount: impl Fn() -> F,
    ) {
        let mut counted = (self.pending(), Instant::now(), Duration::ZERO);
        loop {
            time::sleep(LOOK).await;
            let (pending, at, took) = counted;
            let is_wanted = self.state().room.turned_away;
            let every = (took * SHARE).max(if is_wanted { LOOK } else { COUNT });
            if at.elapsed() < every || (!is_wanted && self.pending() == pending) {
                continue;
            }
            let start = Instant::now();
            // A server that cannot be reached is found out by who needs it.
            let _ = recount().await;
            counted = (self.pending(), Instant::now(), start.elapsed());
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().room.closed
    }

    /// Tells those who were turned away that there may be room.
    fn has_room(&self) {
        if std::mem::take(&mut self.state().room.turned_away) {
            self.signals.settled.notify_waiters();
        }
    }

    /// A thread that panicked held the lock for plain arithmetic only: what it left is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
