//! Dead letters, whose file it is, and the copy of it.

use std::{fs, path::Path};

use rusqlite::{OptionalExtension, params};

use super::{fault, reserve, row, store::Store};
use crate::{
    Record,
    outbox::{DeadLetter, Fault, OutboxError, Owner},
};

/// Makes the file that of an owner.
pub(super) fn bind(store: &mut Store, owner: &Owner, rebind: bool) -> Result<(), OutboxError> {
    let bound = store
        .connection
        .query_row("SELECT client_id, endpoint FROM owner", [], |row| {
            Ok(Owner { client_id: row.get(0)?, endpoint: row.get(1)? })
        })
        .optional()
        .map_err(|error| store.fault(error))?;
    match bound {
        Some(bound) if bound == *owner => Ok(()),
        Some(bound) if !rebind => Err(OutboxError::new(
            Fault::BoundElsewhere,
            format!(
                "the outbox {} belongs to client id {} for {}, not to {} for {}: start with `rebind` to hand it over",
                store.path.display(),
                bound.client_id,
                bound.endpoint,
                owner.client_id,
                owner.endpoint
            ),
        )),
        _ => store.change(|connection, _| {
            connection.execute("DELETE FROM owner", [])?;
            connection
                .execute(
                    "INSERT INTO owner(client_id, endpoint) VALUES(?1, ?2)",
                    [&owner.client_id, &owner.endpoint],
                )
                .map(|_| ())
        }),
    }
}

pub(super) fn list(
    store: &mut Store,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<DeadLetter>, OutboxError> {
    let list = || {
        let mut statement = store.connection.prepare_cached(row::DEAD)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let letters = statement.query_map(params![after.unwrap_or(0) as i64, limit], row::dead_letter)?;
        letters.collect::<Result<Vec<_>, _>>()
    };
    list().map_err(|error| store.fault(error))
}

/// Takes a dead letter up again. Whether there was one.
pub(super) fn put_back(store: &mut Store, id: u64, mended: Option<Record>) -> Result<bool, OutboxError> {
    let letter = store.connection.query_row(row::DEAD_LETTER, [id as i64], row::dead_letter).optional();
    let Some(letter) = letter.map_err(|error| store.fault(error))? else { return Ok(false) };
    let bytes = letter.item.bytes();
    let record = mended.unwrap_or_else(|| letter.item.into_record());
    store.has_room(record.json.len())?;
    store.change(|connection, books| {
        connection.execute("DELETE FROM dead WHERE id = ?1", [id as i64])?;
        books.dead = books.dead.less(bytes);
        row::append(connection, books, [&record])
    })?;
    Ok(true)
}

pub(super) fn drop(store: &mut Store, ids: &[u64]) -> Result<u64, OutboxError> {
    store.delete(|connection, books| {
        let mut delete =
            connection.prepare_cached("DELETE FROM dead WHERE id = ?1 RETURNING octet_length(json)")?;
        let mut dropped = 0;
        for id in ids {
            if let Some(bytes) = delete.query_row([*id as i64], |row| row.get::<_, i64>(0)).optional()? {
                books.dead = books.dead.less(bytes as usize);
                dropped += 1;
            }
        }
        Ok(dropped)
    })
}

/// Copies the file as it is now into a new one.
pub(super) fn export(store: &mut Store, path: &Path) -> Result<(), OutboxError> {
    let copy = reserve::create_new(path).map_err(|error| fault::file(path, error))?;
    let name =
        path.to_str().ok_or_else(|| OutboxError::new(Fault::Engine, "the path of a copy must be UTF-8"));
    let copied = name.and_then(|name| {
        store.connection.execute("VACUUM INTO ?1", [name]).map_err(|error| fault::error(path, error))?;
        copy.sync_all().map_err(|error| fault::file(path, error))
    });
    if copied.is_err() {
        let _ = fs::remove_file(path);
    }
    copied
}
