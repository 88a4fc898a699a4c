//! The thread that has the file: it takes what waits, commits once, and answers all.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    books::Books,
    fault,
    inbox::{Append, Ask, Forget, Inbox, Settle, Work},
    letters,
    open::Opened,
    removal, row,
    store::Store,
    taking,
};
use crate::{
    Item, Kind, Lane,
    outbox::{Fault, Leased, OutboxError, Refused, Unsettled},
    room::Sum,
};

/// How long those who report at the same time are waited for, so that they share a commit: a quarter of what a commit takes.
const MIN_GATHER: Duration = Duration::from_micros(100);
const MAX_GATHER: Duration = Duration::from_millis(2);

/// What the thread has.
pub(super) struct Worker {
    store: Store,
    inbox: Arc<Inbox>,
    /// Users whose items are on their way.
    forgets: Vec<Forget>,
    /// Of which kinds somebody found none to take, or too few, and waits for more.
    wanted: Vec<Kind>,
}

impl Worker {
    pub(super) fn new(opened: Opened, inbox: Arc<Inbox>) -> Self {
        let store = Store::new(opened, Arc::clone(&inbox));
        Self { store, inbox, wanted: Vec::new(), forgets: Vec::new() }
    }

    /// Works until it is closed.
    pub(super) fn run(mut self) {
        let _ends = Ends { inbox: Arc::clone(&self.inbox), path: self.store.path.clone() };
        let (mut last, mut gather, mut closing) = (0, MIN_GATHER, None);
        loop {
            let Work { appends, asks } = self.inbox.take(last, gather);
            last = appends.len();
            let (mut settles, mut others, mut leases) = (Vec::new(), Vec::new(), Vec::new());
            for ask in asks {
                match ask {
                    Ask::Settle(settle) => settles.push(settle),
                    Ask::Lease { request, answer } => leases.push((request, answer)),
                    Ask::Close { answer } => closing = Some(answer),
                    Ask::Forget(forget) => self.forgets.push(forget),
                    other => others.push(other),
                }
            }
            let start = Instant::now();
            self.store(settles, appends);
            gather = (start.elapsed() / 4).clamp(MIN_GATHER, MAX_GATHER);
            for ask in others {
                self.answer(ask);
            }
            // Before others are leased, so that a lane that is never idle is no obstacle.
            self.forget();
            for (request, answer) in leases {
                let leased = self.store.read(|store| taking::lease(store, &request));
                if matches!(leased, Ok(Leased::Nothing | Leased::Later(_)))
                    && !self.wanted.contains(&request.kind)
                {
                    self.wanted.push(request.kind);
                }
                if let Err(Ok(unheard)) = answer.send(leased) {
                    taking::give_back(&mut self.store, unheard);
                }
            }
            if closing.is_some() && !self.inbox.has_appends() {
                break;
            }
        }
        self.store.close();
        if let Some(answer) = closing {
            let _ = answer.send(Ok(()));
        }
    }

    /// Settles and takes in one transaction where that works, and otherwise each by itself.
    fn store(&mut self, settles: Vec<Settle>, mut appends: Vec<Append>) {
        let (settles, fenced): (Vec<_>, Vec<_>) =
            settles.into_iter().partition(|settle| self.store.leases.hold(settle.lease.fence));
        for settle in fenced {
            unsettled(settle, fault::new(&self.store.path, Fault::Fenced));
        }
        if !appends.is_empty() && !self.store.broken && !self.store.reserve.is_whole() {
            // The room that is left is for deleting.
            let appends = std::mem::take(&mut appends);
            self.refuse(appends, fault::new(&self.store.path, Fault::DiskFull));
        }
        if settles.is_empty() && appends.is_empty() {
            return;
        }
        let together = self.store.change(|connection, books| {
            settles.iter().try_for_each(|settle| taking::settle(connection, books, settle))?;
            row::append(connection, books, appends.iter().map(|append| &append.record))?;
            if !settles.is_empty() {
                fail_point!("outbox.settling");
            }
            if !appends.is_empty() {
                fail_point!("outbox.storing");
            }
            Ok(())
        });
        match together {
            Ok(()) => {
                if !settles.is_empty() {
                    fail_point!("outbox.settled");
                }
                if !appends.is_empty() {
                    fail_point!("outbox.stored");
                }
                self.appended(appends);
                settles.into_iter().for_each(|settle| self.settled(settle));
            }
            Err(_) => {
                for settle in settles {
                    match self.store.delete(|connection, books| taking::settle(connection, books, &settle)) {
                        Ok(()) => self.settled(settle),
                        Err(error) => unsettled(settle, error),
                    }
                }
                if appends.is_empty() {
                    return;
                }
                let append = |connection: &Connection, books: &mut Books| {
                    row::append(connection, books, appends.iter().map(|append| &append.record))
                };
                let mut appended = self.store.change(append);
                if appended.as_ref().is_err_and(|error| error.fault() == Fault::DiskFull) {
                    // The database may have pages that are free, and the journal be used from its start again.
                    self.store.checkpoint("PASSIVE");
                    appended = self.store.change(append);
                }
                match appended {
                    Ok(()) => self.appended(appends),
                    Err(error) => self.refuse(appends, error),
                }
            }
        }
    }

    fn appended(&mut self, appends: Vec<Append>) {
        if appends.is_empty() {
            return;
        }
        self.inbox.stored(self.store.books.pending(), sum(&appends));
        let (wanted, mut is_wanted) = (std::mem::take(&mut self.wanted), false);
        for Append { record, answer } in appends {
            is_wanted |= wanted.contains(&record.kind);
            let _ = answer.send(Ok(()));
        }
        if is_wanted {
            self.inbox.signals.filled.notify_one();
        } else {
            self.wanted = wanted;
        }
    }

    fn refuse(&self, appends: Vec<Append>, error: OutboxError) {
        self.inbox.stored(self.store.books.pending(), sum(&appends));
        let fault = error.fault();
        let mut error = Some(error);
        for Append { record, answer } in appends {
            let error = error.take().unwrap_or_else(|| fault::new(&self.store.path, fault));
            let _ = answer.send(Err(Refused { item: Box::new(Item::from_record(record)), error }));
        }
    }

    fn settled(&mut self, Settle { lease, answer, .. }: Settle) {
        self.store.leases.end(&lease);
        if lease.items.iter().any(|leased| leased.forget) {
            self.store.scrub();
        }
        self.removed();
        let _ = answer.send(Ok(()));
    }

    /// There is room, or a lane is free.
    fn removed(&self) {
        self.inbox.stored(self.store.books.pending(), Sum::default());
        self.inbox.signals.settled.notify_waiters();
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Bind { owner, rebind, answer } => {
                let _ = answer.send(self.store.read(|store| letters::bind(store, &owner, rebind)));
            }
            Ask::DeadLetters { after, limit, answer } => {
                let _ = answer.send(self.store.read(|store| letters::list(store, after, limit)));
            }
            Ask::PutBack { id, mended, answer } => {
                let put_back = self.store.read(|store| letters::put_back(store, id, mended));
                self.removed();
                self.inbox.signals.filled.notify_one();
                let _ = answer.send(put_back);
            }
            Ask::DropDeadLetters { ids, answer } => {
                let dropped = self.store.read(|store| letters::drop(store, &ids));
                self.store.scrub();
                let _ = answer.send(dropped);
            }
            Ask::Retain { retention, answer } => {
                let removed = self.store.read(|store| removal::retain(store, &retention));
                self.removed();
                let _ = answer.send(removed);
            }
            Ask::Counts { answer, handed_over: _ } => {
                let _ = answer.send(self.store.read(Store::counts));
            }
            Ask::Export { path, answer } => {
                let _ = answer.send(self.store.read(|store| letters::export(store, &path)));
            }
            Ask::Lease { .. } | Ask::Settle(_) | Ask::Forget(_) | Ask::Close { .. } => (),
        }
    }

    /// Forgets the users whose lanes are not on their way.
    fn forget(&mut self) {
        let forgets = std::mem::take(&mut self.forgets);
        for forget in forgets {
            if forget.answer.is_closed() {
                continue;
            }
            if self.store.leases.lanes().contains(Lane::of(&forget.user_id)) && !self.store.broken {
                self.forgets.push(forget);
                continue;
            }
            let forgotten = self.store.read(|store| removal::forget(store, &forget.user_id));
            self.removed();
            let _ = forget.answer.send(forgotten);
        }
    }
}

fn sum(appends: &[Append]) -> Sum {
    appends.iter().fold(Sum::default(), |sum, append| sum.with(append.record.json.len()))
}

fn unsettled(Settle { lease, ends, answer }: Settle, error: OutboxError) {
    let _ = answer.send(Err(Unsettled { lease, ends, error }));
}

/// Tells all who wait that there is no thread any more, even if it panicked.
struct Ends {
    inbox: Arc<Inbox>,
    path: PathBuf,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.inbox.end(|| fault::new(&self.path, Fault::Closed));
        self.inbox.signals.settled.notify_waiters();
    }
}
