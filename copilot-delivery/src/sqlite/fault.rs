//! What SQLite says, in words that tell what to do.

use std::{error::Error, io, path::Path};

use rusqlite::ErrorCode;

use crate::outbox::{Fault, OutboxError};

/// SQLITE_IOERR_WRITE: a write failed, and the disk did not say that it is full.
const WRITE_FAILED: i32 = 10 | 3 << 8;

/// Which fault an error of SQLite is.
pub(super) fn of(error: &rusqlite::Error) -> Fault {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Fault::InUse,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Corrupt,
            ErrorCode::DiskFull => Fault::DiskFull,
            // A quota that is used up, or a limit of the process.
            ErrorCode::SystemIoFailure if failure.extended_code == WRITE_FAILED => Fault::DiskFull,
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Fault::ReadOnly,
            _ => Fault::Engine,
        },
        // A column that does not hold what was written into it.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => Fault::Corrupt,
        _ => Fault::Engine,
    }
}

/// The error of an outbox in that file.
pub(super) fn error(path: &Path, error: rusqlite::Error) -> OutboxError {
    with_words(path, of(&error), error)
}

/// The error of the file system about that file.
pub(super) fn file(path: &Path, error: io::Error) -> OutboxError {
    let fault = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Fault::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::DiskFull,
        _ => Fault::Engine,
    };
    with_words(path, fault, error)
}

/// Where the kind alone does not tell what to do, with what was said: SQLite and the system name no values.
fn with_words(path: &Path, fault: Fault, error: impl Error + Send + Sync + 'static) -> OutboxError {
    match fault {
        Fault::Engine => {
            OutboxError::new(fault, format!("the outbox {} cannot be used: {error}", path.display()))
                .with_source(error)
        }
        _ => new(path, fault).with_source(error),
    }
}

/// That fault of the outbox in that file.
pub(super) fn new(path: &Path, fault: Fault) -> OutboxError {
    let what = match fault {
        Fault::Full => "holds as much as it may",
        Fault::Closed => "was closed",
        Fault::InUse => "is in use by another process, or by another outbox of this one",
        Fault::DiskFull => "cannot grow: the disk is full, or a quota is used up",
        Fault::ReadOnly => {
            "may not be written: the file, its folder or the file system is read-only for this user"
        }
        Fault::Corrupt => "is broken; the next start sets it aside and begins a new one",
        Fault::Forked => "belongs to the parent of this process: open another one after the fork",
        Fault::Fenced => "has settled that lease before",
        _ => "cannot be used",
    };
    OutboxError::new(fault, format!("the outbox {} {what}", path.display()))
}
