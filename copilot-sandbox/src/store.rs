//! Keeps what the sandbox remembers in a file, by SQLite, so that it outlives the process.

use std::{
    fs::OpenOptions,
    io,
    path::Path,
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, Transaction, params};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use crate::memory::{Changes, Restored};

/// Raised when the tables change their form. A file of another form is refused, not converted: it is a sandbox.
const FORM: i32 = 1;
/// Marks the file as one of ours ("CpSb").
const APPLICATION: i32 = 0x4370_5362;
/// How many requests share one transaction at most.
const GROUP: usize = 256;

/// Why a file cannot be used, or could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("what is in it cannot be read")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not a file of this version of the sandbox")]
    Foreign,
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

fn write_all(mut connection: Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        group.extend(waiting.try_iter().take(GROUP - 1));
        let erased = group.iter().any(|job| job.changes.erased);
        let written = write(&mut connection, &group).and_then(|()| {
            // The log of what was written still has what was erased.
            if erased {
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            }
            Ok(())
        });
        match written {
            Ok(()) => group.into_iter().for_each(|job| _ = job.done.send(())),
            Err(error) => eprintln!("copilot-sandbox: the file could not be written: {error}"),
        }
    }
}

fn write(connection: &mut Connection, group: &[Job]) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    for Job { changes, .. } in group {
        if changes.reset {
            for table in ["events", "users", "things", "unsubscribes"] {
                transaction.execute(&format!("DELETE FROM {table}"), [])?;
            }
        }
        let mut put = transaction.prepare_cached("INSERT OR REPLACE INTO events VALUES (?1, ?2)")?;
        for event in &changes.events {
            put.execute(params![
                i64::try_from(event.sequence).unwrap_or(i64::MAX),
                serde_json::to_string(&**event)?
            ])?;
        }
        let oldest = i64::try_from(changes.oldest).unwrap_or(i64::MAX);
        transaction.prepare_cached("DELETE FROM events WHERE sequence < ?1")?.execute([oldest])?;
        settle(&transaction, "users", &changes.users)?;
        settle(&transaction, "things", &changes.things)?;
        settle(&transaction, "unsubscribes", &changes.unsubscribes)?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO counters VALUES (1, ?1)")?
            .execute([serde_json::to_string(&changes.counters)?])?;
    }
    transaction.commit()?;
    Ok(())
}

fn settle<T: Serialize>(
    transaction: &Transaction<'_>,
    table: &str,
    changed: &[(std::sync::Arc<str>, Option<T>)],
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
