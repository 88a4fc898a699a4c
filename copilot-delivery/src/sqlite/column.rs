//! What stands in the columns, read.

use rusqlite::{Row, types::Type};

use crate::{Kind, Lane};

/// SQLite's integers have a sign; what is written as one is read as it was.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|number| number as u64)
}

pub(super) fn lane(row: &Row<'_>, column: usize) -> rusqlite::Result<Lane> {
    Lane::new(row.get(column)?).ok_or_else(|| malformed("a lane that does not exist"))
}

pub(super) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Kind> {
    match row.get_ref(column)?.as_str() {
        Ok("event") => Ok(Kind::Event),
        Ok("consent") => Ok(Kind::Consent),
        _ => Err(malformed("a kind that does not exist")),
    }
}

/// What no version of this crate has written.
pub(super) fn malformed(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, what.into())
}
