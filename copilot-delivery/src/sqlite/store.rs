//! The open file with its counts: every change of it, and what its errors say of it.

use std::{path::PathBuf, sync::Arc};

use rusqlite::{Connection, config::DbConfig};

use super::{books::Books, fault, inbox::Inbox, leases::Leases, open::Opened, reserve::Reserve};
use crate::outbox::{Counts, Fault, OutboxError};

/// How many free pages a file keeps: what a while without delivery needs.
const SPARE: i64 = 4096;

/// What the thread has of the file.
pub(super) struct Store {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) books: Books,
    pub(super) leases: Leases,
    pub(super) reserve: Reserve,
    inbox: Arc<Inbox>,
    /// A statement found the file broken: nothing is done with it any more.
    pub(super) broken: bool,
}

impl Store {
    pub(super) fn new(opened: Opened, inbox: Arc<Inbox>) -> Self {
        let Opened { path, connection, books, reserve, set_aside: _ } = opened;
        Self { path, connection, books, leases: Leases::default(), reserve, inbox, broken: false }
    }

    /// Does what is no change by itself, unless the file is broken.
    pub(super) fn read<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, OutboxError>,
    ) -> Result<T, OutboxError> {
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
    pub(super) fn checkpoint(&self, how: &str) {
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

    pub(super) fn counts(&mut self) -> Result<Counts, OutboxError> {
        self.books.counts(&self.connection).map_err(|error| self.fault(error))
    }

    /// Leaves one file that is whole by itself, and releases it.
    pub(super) fn close(self) {
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
