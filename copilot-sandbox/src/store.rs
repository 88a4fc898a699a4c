//! Keeps what the sandbox remembers in a file, by SQLite, so that it outlives the process.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, Write},
    iter,
    path::Path,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, Transaction, params};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use crate::memory::{Changes, Restored};

/// Raised when the tables change their form. A file of another form is refused, not converted: it is a sandbox.
const FORM: i32 = 2;
/// Marks the file as one of ours ("CpSb").
const APPLICATION: i32 = 0x4370_5362;
/// How many requests share one transaction at most.
const GROUP: usize = 256;

/// Why a file cannot be used, or could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    #[error("what is in it cannot be read")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not a file of this version of the sandbox")]
    Foreign,
    #[error("another sandbox is using it")]
    InUse,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => Self::InUse,
            Some(ErrorCode::NotADatabase) => Self::Foreign,
            _ => Self::Sqlite(error),
        }
    }
}

struct Job {
    changes: Changes,
    done: oneshot::Sender<()>,
}

/// The writer of the file. What was given to it is written before it is dropped.
pub(crate) struct Store {
    jobs: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens the file, or makes it, and reads what is in it.
    pub(crate) fn open(path: &Path) -> Result<(Self, Restored), StoreError> {
        make_private(path)?;
        let connection = Connection::open(path)?;
        // Whoever has it will not let it go.
        connection.busy_timeout(Duration::ZERO)?;
        // One process at a time: two would not know of each other's events.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        prepare(&connection)?;
        let restored = read(&connection)?;
        let (jobs, waiting) = mpsc::channel();
        let writer = thread::Builder::new()
            .name("sandbox-store".to_owned())
            .spawn(move || write_all(connection, &waiting))?;
        Ok((Self { jobs: Some(jobs), writer: Some(writer) }, restored))
    }

    /// Gives changes to the writer, in the order in which they were made. The answer comes when they are in the file;
    /// it is dropped when they could not be written.
    pub(crate) fn submit(&self, changes: Changes) -> oneshot::Receiver<()> {
        let (done, answer) = oneshot::channel();
        if let Some(jobs) = &self.jobs {
            // Without a writer, the answer is dropped with the job.
            let _ = jobs.send(Job { changes, done });
        }
        answer
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// What arrives can be personal data: nobody else on this machine need read it.
fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    let form: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 && (form != FORM || application != APPLICATION) {
        return Err(StoreError::Foreign);
    }
    // What is deleted is overwritten, since it can be the data of somebody who asked for that.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.execute_batch(
        "BEGIN IMMEDIATE;
         CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, json TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS things (id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS unsubscribes (id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS counters (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL);
         COMMIT;",
    )?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", FORM)?;
    Ok(())
}

fn read(connection: &Connection) -> Result<Restored, StoreError> {
    let counters: Vec<_> = rows(connection, "SELECT json FROM counters")?;
    Ok(Restored {
        events: rows(connection, "SELECT json FROM events ORDER BY sequence")?,
        users: rows(connection, "SELECT json FROM users")?,
        things: rows(connection, "SELECT json FROM things")?,
        unsubscribes: rows(connection, "SELECT json FROM unsubscribes")?,
        counters: counters.into_iter().next().unwrap_or_default(),
    })
}

fn rows<T: DeserializeOwned>(connection: &Connection, query: &str) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        read.push(serde_json::from_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?);
    }
    Ok(read)
}

/// Writes what it is given, in that order. What could not be written is written with what comes next, so that the file
/// ends up with all that the memory has, and without all that it no longer has.
fn write_all(mut connection: Connection, waiting: &Receiver<Job>) {
    let mut unwritten = Changes::default();
    let mut is_behind = false;
    while let Ok(first) = waiting.recv() {
        let mut answers = Vec::new();
        for Job { changes, done } in iter::once(first).chain(waiting.try_iter().take(GROUP - 1)) {
            unwritten.add(changes);
            answers.push(done);
        }
        is_behind = !write_down(&mut connection, &mut unwritten);
        if !is_behind {
            answers.into_iter().for_each(|done| _ = done.send(()));
        }
    }
    if is_behind {
        write_down(&mut connection, &mut unwritten);
    }
}

/// Whether it was written. If so, nothing is left of it.
fn write_down(connection: &mut Connection, unwritten: &mut Changes) -> bool {
    let written =
        write(connection, unwritten).and_then(|()| if unwritten.erased { scrub(connection) } else { Ok(()) });
    match written {
        Ok(()) => *unwritten = Changes::default(),
        // A log that nobody reads any more is no reason to stop.
        Err(ref error) => {
            _ = writeln!(io::stderr().lock(), "copilot-sandbox: the file could not be written: {error}");
        }
    }
    written.is_ok()
}

/// Removes what is left of what was erased. SQLite overwrites what is deleted, but not the copies of it that stay behind
/// where it was moved within a page or to another; only a file that is written anew is without them.
fn scrub(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

fn write(connection: &mut Connection, changes: &Changes) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    if changes.reset {
        for table in ["events", "users", "things", "unsubscribes"] {
            transaction.execute(&format!("DELETE FROM {table}"), [])?;
        }
    }
    {
        let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO events VALUES (?1, ?2)")?;
        for (sequence, event) in &changes.events {
            put.execute(params![number(*sequence), serde_json::to_string(&**event)?])?;
        }
        let mut forget = transaction.prepare_cached("DELETE FROM events WHERE sequence < ?1")?;
        forget.execute([number(changes.oldest)])?;
        settle(&transaction, "users", &changes.users)?;
        settle(&transaction, "things", &changes.things)?;
        settle(&transaction, "unsubscribes", &changes.unsubscribes)?;
        let mut count = transaction.prepare_cached("INSERT OR REPLACE INTO counters VALUES (1, ?1)")?;
        count.execute([serde_json::to_string(&changes.counters)?])?;
    }
    transaction.commit()?;
    Ok(())
}

fn number(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

fn settle<T: Serialize>(
    transaction: &Transaction<'_>,
    table: &str,
    changed: &BTreeMap<Arc<str>, Option<T>>,
) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(&format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2)"))?;
    let mut remove = transaction.prepare_cached(&format!("DELETE FROM {table} WHERE id = ?1"))?;
    for (id, value) in changed {
        match value {
            Some(value) => put.execute(params![&**id, serde_json::to_string(value)?])?,
            None => remove.execute([&**id])?,
        };
    }
    Ok(())
}
