//! What PostgreSQL says, in words that tell what to do and hold no values.

use std::error::Error as _;

use tokio_postgres::{Error, error::SqlState};

use crate::outbox::{Fault, OutboxError};

/// What can be done about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The connection is gone, and what it was asked may have been done.
    Reconnect,
    /// Nothing was done, and it may be later.
    Wait,
    /// One of the items is what the database cannot keep.
    Part,
    /// Somebody has to act.
    None,
}

pub(super) fn remedy(error: &Error) -> Remedy {
    let Some(code) = error.code() else {
        return Remedy::Reconnect;
    };
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        // It was the primary, or is not yet: another host may be.
        return Remedy::Reconnect;
    }
    match code.code().get(..2) {
        // Connections; an operator who shuts down or kills a session.
        Some("08" | "57") => Remedy::Reconnect,
        // A session that was idle for too long; conflicts; no memory, no disk, no connections; files.
        Some("25" | "40" | "53" | "55" | "58") => Remedy::Wait,
        Some("22" | "23" | "54") => Remedy::Part,
        _ => Remedy::None,
    }
}

/// The error of an outbox in that place.
pub(super) fn error(place: &str, error: &Error) -> OutboxError {
    let Some(said) = error.as_db_error() else {
        let mut what = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            what.push_str(": ");
            what.push_str(&cause.to_string());
            source = cause.source();
        }
        return OutboxError::new(Fault::Engine, format!("the outbox {place} cannot be used: {what}"));
    };
    let fault = match *said.code() {
        SqlState::DISK_FULL => Fault::DiskFull,
        SqlState::READ_ONLY_SQL_TRANSACTION | SqlState::INSUFFICIENT_PRIVILEGE => Fault::ReadOnly,
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => Fault::Corrupt,
        _ => Fault::Engine,
    };
    // What it says about data repeats them; our functions do not.
    let said = match remedy(error) {
        Remedy::Part if !said.message().starts_with("copilot_") => format!("SQLSTATE {}", said.code().code()),
        _ => format!("{} (SQLSTATE {})", said.message(), said.code().code()),
    };
    OutboxError::new(fault, format!("the outbox {place} cannot be used: {said}"))
}

/// That fault of the outbox in that place.
pub(super) fn new(place: &str, fault: Fault) -> OutboxError {
    let what = match fault {
        Fault::Full => "holds as much as it may",
        Fault::Closed => "was closed",
        Fault::Fenced => "has given that lease to another, or settled it before",
        Fault::Corrupt => "holds what no version of this program has written",
        Fault::Forked => "belongs to the parent of this process: open another one after the fork",
        _ => "cannot be used",
    };
    OutboxError::new(fault, format!("the outbox {place} {what}"))
}

/// The database did not answer in time.
pub(super) fn late(place: &str) -> OutboxError {
    OutboxError::new(Fault::Engine, format!("the outbox {place} does not answer in time"))
}
