//! The tables of the file, and how those of older versions become those of today.

use rusqlite::Connection;

/// Which program a database belongs to, in its header: "Copi".
pub(super) const APPLICATION_ID: i32 = 0x436f_7069;

/// What makes each version of the file of the one before. Only ever add to the end, and keep a file that the version before
/// made in `tests/files`.
const STEPS: [&str; 1] = [
    // `pending` has no column of what is on its way: that is known in memory only, and what is settled is deleted. Its order is
    // `seq`, which is never used twice (`tally.last`). The index holds `seq` as well, as each index of a table does.
    "CREATE TABLE pending(
        seq INTEGER PRIMARY KEY,
        key INTEGER NOT NULL,
        lane INTEGER NOT NULL,
        kind TEXT NOT NULL,
        event_type TEXT,
        event_id TEXT,
        timestamp INTEGER,
        user_id TEXT,
        reported_at INTEGER NOT NULL,
        json TEXT NOT NULL,
        contract TEXT NOT NULL,
        forget INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX pending_lane ON pending(lane);
    CREATE TABLE dead(
        id INTEGER PRIMARY KEY,
        key INTEGER NOT NULL,
        lane INTEGER NOT NULL,
        kind TEXT NOT NULL,
        event_type TEXT,
        event_id TEXT,
        timestamp INTEGER,
        user_id TEXT,
        reported_at INTEGER NOT NULL,
        json TEXT NOT NULL,
        contract TEXT NOT NULL,
        outcome TEXT NOT NULL,
        judge TEXT,
        words TEXT,
        since INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE tally(
        taken INTEGER NOT NULL,
        accepted INTEGER NOT NULL,
        rejected INTEGER NOT NULL,
        unattributed INTEGER NOT NULL,
        expired INTEGER NOT NULL,
        undelivered INTEGER NOT NULL,
        forgotten INTEGER NOT NULL,
        last INTEGER NOT NULL,
        last_dead INTEGER NOT NULL
    ) STRICT;
    INSERT INTO tally VALUES(0, 0, 0, 0, 0, 0, 0, 0, 0);
    CREATE TABLE owner(client_id TEXT NOT NULL, endpoint TEXT NOT NULL) STRICT;",
];

/// The version that this crate writes.
pub(super) const VERSION: i32 = STEPS.len() as i32;

/// Brings the file up to this version, in one transaction. A file that was empty belongs to this program from then on.
pub(super) fn migrate(connection: &Connection, from: i32) -> rusqlite::Result<()> {
    let missing = STEPS.iter().skip(usize::try_from(from).unwrap_or(0));
    if missing.len() == 0 {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}
