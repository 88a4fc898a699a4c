//! Opening the file: what may be wrong with it, and what is done about that.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    Durability,
    books::Books,
    fault, place,
    reserve::{self, Reserve},
    schema,
};
use crate::{
    clock,
    outbox::{Fault, OutboxError},
};

/// The pages of 4 KiB that the journal holds before they are written into the database.
const JOURNAL: i32 = 256;

/// Before this version, SQLite can lose what was committed (<https://www.sqlite.org/wal.html#walresetbug>).
const OLDEST_SQLITE: i32 = 3_051_003;

/// One thread has the connection.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// A file that was opened.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) books: Books,
    pub(super) reserve: Reserve,
    /// Where a broken file was moved.
    pub(super) set_aside: Option<PathBuf>,
}

/// Opens the outbox in that file, or begins one. A broken one is moved out of the way.
pub(super) fn open(path: &Path, durability: Durability) -> Result<Opened, OutboxError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(OutboxError::new(
            Fault::Unsafe,
            format!("SQLite {} can lose what was committed: 3.51.3 or newer is needed", rusqlite::version()),
        ));
    }
    let path = resolve(path).map_err(|error| fault::file(path, error))?;
    place::check(path.parent().unwrap_or(Path::new(".")))?;
    if path.exists() && !path.is_file() {
        return Err(foreign(&path));
    }
    let marker = Reserve::path_of(&path);
    look(&path, marker.exists())?;
    // Two processes that start at once: one of them opens, and sets aside if need be, at a time.
    let lock = reserve::create(&marker).map_err(|error| fault::file(&path, error))?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => fault::new(&path, Fault::InUse),
        fs::TryLockError::Error(error) => fault::file(&path, error),
    })?;
    let (set_aside, (connection, books)) = match try_open(&path, durability) {
        Ok(opened) => (None, opened),
        Err(error) if error.fault() == Fault::Corrupt => {
            let aside = set_aside(&path).map_err(|error| fault::file(&path, error))?;
            tracing::error!(
                outbox = %path.display(),
                set_aside = %aside.display(),
                error = ?error,
                "the outbox was broken and was set aside; a new one was begun, and what was pending is in the old one"
            );
            (Some(aside), try_open(&path, durability)?)
        }
        Err(error) => return Err(error),
    };
    let mut reserve = Reserve::new(&path);
    if !reserve.is_whole() {
        tracing::warn!(outbox = %path.display(), "the disk has no room: the outbox takes nothing, and can be emptied");
    }
    Ok(Opened { path, connection, books, reserve, set_aside })
}

/// The file that is meant, as a whole path without links: what lies beside it must be found again.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let path = std::path::absolute(path)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    };
    Ok(folder.canonicalize()?.join(name))
}

fn try_open(path: &Path, durability: Durability) -> Result<(Connection, Books), OutboxError> {
    match reserve::create_new(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault::file(path, error)),
        _ => (),
    }
    private(path)?;
    let connection = connect(path)?;
    let books = prepare(&connection, path, durability)?;
    Ok((connection, books))
}

/// A connection that has not looked at the file yet, and will never write into it by itself.
fn connect(path: &Path) -> Result<Connection, OutboxError> {
    let open = || {
        let connection = Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(Duration::ZERO)?;
        // What the journal holds of a broken file stays in the journal.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        Ok(connection)
    };
    open().map_err(|error| fault::error(path, error))
}

/// Refuses what is another program's or a newer version's, without touching it: takes no lock and leaves the journal alone.
/// Not by opening it as any file: closing that would release the locks which another outbox of this process has (POSIX).
#[cfg(unix)]
fn look(path: &Path, is_marked: bool) -> Result<(), OutboxError> {
    if !path.metadata().is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    let flags = FLAGS | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    match Connection::open_with_flags(uri, flags).and_then(|connection| header(&connection)) {
        Ok(header) => check(header, path),
        // The journal may be a part of an outbox, and never is of what has none.
        Err(error) if !is_marked && fault::of(&error) == Fault::Corrupt => {
            Err(foreign(path).with_source(error))
        }
        // Opened in earnest it says the same again.
        Err(_) => Ok(()),
    }
}

/// Elsewhere the file is looked at when it is opened.
#[cfg(not(unix))]
fn look(_: &Path, _: bool) -> Result<(), OutboxError> {
    Ok(())
}

/// What tells whose file it is.
struct Header {
    application_id: i32,
    version: i32,
    is_empty: bool,
}

fn header(connection: &Connection) -> rusqlite::Result<Header> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    let is_empty = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(Header { application_id: pragma("application_id")?, version: pragma("user_version")?, is_empty })
}

fn check(header: Header, path: &Path) -> Result<(), OutboxError> {
    let Header { application_id, version, is_empty } = header;
    if application_id != schema::APPLICATION_ID && (application_id, version, is_empty) != (0, 0, true) {
        return Err(foreign(path));
    }
    if version > schema::VERSION {
        return Err(OutboxError::new(
            Fault::Newer,
            format!(
                "the outbox {} is of version {version}, and this program reads version {} and older",
                path.display(),
                schema::VERSION
            ),
        ));
    }
    Ok(())
}

fn foreign(path: &Path) -> OutboxError {
    OutboxError::new(
        Fault::Foreign,
        format!("{} is not an outbox: it is another program's file", path.display()),
    )
}

/// Takes the file, and makes it what this version writes.
fn prepare(connection: &Connection, path: &Path, durability: Durability) -> Result<Books, OutboxError> {
    let header = header(connection).map_err(|error| fault::error(path, error))?;
    let version = header.version;
    check(header, path)?;
    let is_read_only = connection.is_readonly("main").map_err(|error| fault::error(path, error))?;
    if is_read_only {
        return Err(fault::new(path, Fault::ReadOnly));
    }
    let prepare = || {
        if version == 0 {
            // Only an empty file can be told to.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            // Before there is a journal, so that the header always says whose file it is.
            schema::migrate(connection, version)?;
        }
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", durability.pragma())?;
        connection.pragma_update(None, "wal_autocheckpoint", JOURNAL)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.set_prepared_statement_cache_capacity(32);
        schema::migrate(connection, version.max(1))?;
        // The whole file is read now, while it can still be set aside.
        let state: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        Ok((mode, state, Books::read(connection)?))
    };
    let (mode, state, books) = prepare().map_err(|error| fault::error(path, error))?;
    if mode != "wal" {
        return Err(OutboxError::new(
            Fault::Unsafe,
            format!("the outbox {} cannot have a write-ahead journal where it is: {mode}", path.display()),
        ));
    }
    if state != "ok" {
        return Err(fault::new(path, Fault::Corrupt).with_source(state));
    }
    Ok(books)
}

/// Takes the file from everybody else.
#[cfg(unix)]
fn private(path: &Path) -> Result<(), OutboxError> {
    use std::os::unix::fs::PermissionsExt;

    // A copy that somebody put in place may have brought a journal of any mode.
    let mut journal = OsString::from(path);
    journal.push("-wal");
    let close = |file: &Path| match file.metadata() {
        Ok(found) if found.permissions().mode() & 0o077 == 0 => Ok(()),
        Ok(_) => fs::set_permissions(file, PermissionsExt::from_mode(0o600)),
        Err(error) if error.kind() == io::ErrorKind::NotFound && file != path => Ok(()),
        Err(error) => Err(error),
    };
    close(path).and_then(|()| close(Path::new(&journal))).map_err(|error| fault::file(path, error))
}

#[cfg(not(unix))]
fn private(_: &Path) -> Result<(), OutboxError> {
    Ok(())
}

/// Moves a broken file away, with its journal: whoever wants to can still look what is in there.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let beside = |suffix: &str| {
        let mut name = OsString::from(path);
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = format!(".corrupt-{}", clock::now());
    // The database last: without it, what is left of a journal would be taken for that of the new one.
    for journal in ["-wal", "-journal"] {
        match fs::rename(beside(journal), beside(&format!("{aside}{journal}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => (),
        }
    }
    fs::rename(path, beside(&aside))?;
    Ok(beside(&aside))
}
