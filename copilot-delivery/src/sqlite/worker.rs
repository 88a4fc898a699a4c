//! The thread that has the file: it takes what waits, commits once, and answers all.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Connection, config::DbConfig};

use super::{
    books::{Books, Sum},
    fault,
    inbox::{Append, Ask, Forget, Inbox, Settle, Work},
    letters, removal,
    reserve::Reserve,
    row, taking,
};
use crate::{
    Item, Kind, Lane,
    outbox::{Counts, Fault, Leased, OutboxError, Refused, Unsettled},
};

/// The pages of 4 KiB that the journal holds before they are written into the database.
pub(super) const JOURNAL: i32 = 256;

/// About how many bytes of JSON go into one transaction.
pub(super) const AT_ONCE: usize = 512 * 1024;

/// How many free pages a file keeps: what a while without delivery needs.
const SPARE: i64 = 4096;

/// How long those who report at the same time are waited for, so that they share a commit: a quarter of what a commit takes.
const MIN_GATHER: Duration = Duration::from_micros(100);
const MAX_GATHER: Duration = Duration::from_millis(2);

/// What the thread has.
pub(super) struct Worker {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) books: Books,
    pub(super) leases: taking::Leases,
    reserve: Reserve,
    inbox: Arc<Inbox>,
    /// Users whose items are on their way.
    forgets: Vec<Forget>,
    /// Of which kinds somebody found none to take, or too few, and waits for more.
    wanted: Vec<Kind>,
    /// A statement found the file broken: nothing is done with it any more.
    broken: bool,
}

impl Worker {
    pub(super) fn new(opened: super::open::Opened, inbox: Arc<Inbox>) -> Self {
        let super::open::Opened { path, connection, books, reserve, set_aside: _ } = opened;
        Self {
            path,
            connection,
            books,
            leases: taking::Leases::default(),
            reserve,
            inbox,
            wanted: Vec::new(),
            forgets: Vec::new(),
            broken: false,
        }
    }

    /// Works until it is closed.
    pub(super) fn run(mut self) {
        let _ends = Ends { inbox: Arc::clone(&self.inbox), path: self.path.clone() };
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
                let leased = self.read(|worker| taking::lease(worker, &request));
                if matches!(leased, Ok(Leased::Nothing | Leased::Later(_)))
                    && !self.wanted.contains(&request.kind)
                {
                    self.wanted.push(request.kind);
                }
                if let Err(Ok(unheard)) = answer.send(leased) {
                    taking::give_back(&mut self, unheard);
                }
            }
            if closing.is_some() && !self.inbox.has_appends() {
                break;
            }
        }
        self.close();
        if let Some(answer) = closing {
            let _ = answer.send(Ok(()));
        }
    }

    /// Settles and takes in one transaction where that works, and otherwise each by itself.
    fn store(&mut self, settles: Vec<Settle>, mut appends: Vec<Append>) {
        let (settles, fenced): (Vec<_>, Vec<_>) =
            settles.into_iter().partition(|settle| self.leases.hold(settle.lease.fence));
        for settle in fenced {
            unsettled(settle, fault::new(&self.path, Fault::Fenced));
        }
        if !appends.is_empty() && !self.broken && !self.reserve.is_whole() {
            // The room that is left is for deleting.
            let appends = std::mem::take(&mut appends);
            self.refuse(appends, fault::new(&self.path, Fault::DiskFull));
        }
        if settles.is_empty() && appends.is_empty() {
            return;
        }
        let together = self.change(|connection, books| {
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
                    match self.delete(|connection, books| taking::settle(connection, books, &settle)) {
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
                let mut appended = self.change(append);
                if appended.as_ref().is_err_and(|error| error.fault() == Fault::DiskFull) {
                    // The database may have pages that are free, and the journal be used from its start again.
                    self.checkpoint("PASSIVE");
                    appended = self.change(append);
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
        self.inbox.stored(self.books.pending(), sum(&appends));
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
        self.inbox.stored(self.books.pending(), sum(&appends));
        let fault = error.fault();
        let mut error = Some(error);
        for Append { record, answer } in appends {
            let error = error.take().unwrap_or_else(|| fault::new(&self.path, fault));
            let _ = answer.send(Err(Refused { item: Box::new(Item::from_record(record)), error }));
        }
    }

    fn settled(&mut self, Settle { lease, answer, .. }: Settle) {
        self.leases.end(&lease);
        if lease.items.iter().any(|leased| leased.forget) {
            self.scrub();
        }
        self.removed();
        let _ = answer.send(Ok(()));
    }

    /// There is room, or a lane is free.
    fn removed(&self) {
        self.inbox.stored(self.books.pending(), Sum::default());
        self.inbox.signals.settled.notify_waiters();
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Bind { owner, rebind, answer } => {
                let _ = answer.send(self.read(|worker| letters::bind(worker, &owner, rebind)));
            }
            Ask::DeadLetters { after, limit, answer } => {
                let _ = answer.send(self.read(|worker| letters::list(worker, after, limit)));
            }
            Ask::PutBack { id, mended, answer } => {
                let put_back = self.read(|worker| letters::put_back(worker, id, mended));
                self.removed();
                self.inbox.signals.filled.notify_one();
                let _ = answer.send(put_back);
            }
            Ask::DropDeadLetters { ids, answer } => {
                let dropped = self.read(|worker| letters::drop(worker, &ids));
                self.scrub();
                let _ = answer.send(dropped);
            }
            Ask::Retain { retention, answer } => {
                let removed = self.read(|worker| removal::retain(worker, &retention));
                self.removed();
                let _ = answer.send(removed);
            }
            Ask::Counts { answer, handed_over: _ } => {
                let _ = answer.send(self.read(Self::counts));
            }
            Ask::Export { path, answer } => {
                let _ = answer.send(self.read(|worker| letters::export(worker, &path)));
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
            if self.leases.lanes().contains(Lane::of(&forget.user_id)) && !self.broken {
                self.forgets.push(forget);
                continue;
            }
            let forgotten = self.read(|worker| removal::forget(worker, &forget.user_id));
            self.removed();
            let _ = forget.answer.send(forgotten);
        }
    }

    fn counts(&mut self) -> Result<Counts, OutboxError> {
        self.books.counts(&self.connection).map_err(|error| self.fault(error))
    }

    /// Does what is no change by itself, unless the file is broken.
    fn read<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, OutboxError>) -> Result<T, OutboxError> {
        if self.broken { Err(fault::new(&self.path, Fault::Corrupt)) } else { work(self) }
    }

    /// Changes the file and its counts in one transaction.
    pub(super) fn change<T>(
        &mut self,
        mut work: impl FnMut(&Connection, &mut Books) -> rusqlite::Result<T>,
    ) -> Result<T, OutboxError> {
        if self.broken {
            return Err(fault::new(&self.path, Fault::Corrupt));
        }
        let mut books = self.books.clone();
        let spare = if self.reserve.is_given_up() { 0 } else { SPARE };
        let mut change = || {
            let transaction = self.connection.unchecked_transaction()?;
            let done = work(&transaction, &mut books)?;
            books.write(&transaction)?;
            shrink(&transaction, spare)?;
            transaction.commit()?;
            Ok(done)
        };
        let done = change().map_err(|error| self.fault(error))?;
        self.books = books;
        self.inbox.committed();
        Ok(done)
    }

    /// The same for a change that leaves less in the file than before: on a full disk it gets the reserve.
    pub(super) fn delete<T>(
        &mut self,
        mut work: impl FnMut(&Connection, &mut Books) -> rusqlite::Result<T>,
    ) -> Result<T, OutboxError> {
        loop {
            match self.change(&mut work) {
                Err(error) if error.fault() == Fault::DiskFull && self.reserve.give_up() => {
                    self.checkpoint("PASSIVE")
                }
                done => return done,
            }
        }
    }

    /// Leaves nothing of what was removed in the journal, unless the disk is full: then its room is needed.
    pub(super) fn scrub(&mut self) {
        if self.reserve.is_whole() {
            self.checkpoint("TRUNCATE");
        }
    }

    /// Writes what the journal holds into the database, as far as there is room. The journal starts anew then.
    fn checkpoint(&self, how: &str) {
        let _ = self.connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()));
    }

    /// Notes what an error says about the file.
    pub(super) fn fault(&mut self, error: rusqlite::Error) -> OutboxError {
        let error = fault::error(&self.path, error);
        if error.fault() == Fault::Corrupt && !self.broken {
            self.broken = true;
            tracing::error!(outbox = %self.path.display(), ?error, "the outbox is broken: it takes nothing any more");
        }
        error
    }

    /// Whether the file has room for one more item.
    pub(super) fn has_room(&mut self, bytes: usize) -> Result<(), OutboxError> {
        if !self.reserve.is_whole() {
            return Err(fault::new(&self.path, Fault::DiskFull));
        }
        if self.inbox.has_room(bytes) { Ok(()) } else { Err(fault::new(&self.path, Fault::Full)) }
    }

    /// Leaves one file that is whole by itself, and releases it.
    fn close(self) {
        let Self { path, connection, broken, .. } = self;
        fail_point!("outbox.closing");
        if broken {
            return;
        }
        let finish = || {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)
        };
        if let Err(error) = finish() {
            tracing::warn!(outbox = %path.display(), %error, "the journal of the outbox stays beside it");
        }
    }
}

/// Gives some of the pages that are free back to the file system, if there are more than the others and so many.
fn shrink(connection: &Connection, spare: i64) -> rusqlite::Result<()> {
    let count = |pragma| connection.prepare_cached(pragma)?.query_row([], |row| row.get::<_, i64>(0));
    let free = count("PRAGMA freelist_count")?;
    if free <= spare || free * 2 < count("PRAGMA page_count")? {
        return Ok(());
    }
    // It gives a row for each page.
    let mut statement = connection.prepare_cached("PRAGMA incremental_vacuum(64)")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

fn sum(appends: &[Append]) -> Sum {
    appends.iter().fold(Sum::default(), |mut sum, append| {
        sum.add(append.record.json.len());
        sum
    })
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
