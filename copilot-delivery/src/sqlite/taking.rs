//! What is taken out, and what becomes of it.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::{books::Books, inbox::Settle, row, store::Store};
use crate::{
    Outcome, clock,
    outbox::{End, Lease, LeaseRequest, Leased, LeasedItem, OutboxError},
};

/// Takes items out, whole lanes at a time, those first whose head waits longest.
pub(super) fn lease(store: &mut Store, request: &LeaseRequest) -> Result<Leased, OutboxError> {
    let heads = store.books.heads(&store.connection).map_err(|error| store.fault(error))?;
    let free = request.lanes.without(store.leases.lanes());
    let heads: Vec<_> =
        heads.into_iter().filter(|(head, lane)| free.contains(*lane) && head.kind == request.kind).collect();
    let Some(oldest) = heads.iter().map(|(head, _)| head.reported_at).min() else {
        return Ok(Leased::Nothing);
    };
    let waiting = heads
        .iter()
        .map(|(_, lane)| store.books.of_lane(*lane))
        .fold(Default::default(), crate::room::Sum::and);
    // A clock that was set back must hold nothing for as long.
    let waited = Duration::from_millis(request.now.abs_diff(oldest));
    let enough = waiting.items >= request.max_items as u64 || waiting.bytes >= request.max_bytes as u64;
    if !enough && waited < request.linger {
        return Ok(Leased::Later(request.linger - waited));
    }
    let mut items = Vec::new();
    let mut bytes = 0;
    let mut take = || {
        for (head, lane) in &heads {
            if items.len() >= request.max_items || bytes >= request.max_bytes {
                break;
            }
            let mut statement = store.connection.prepare_cached(row::OF_LANE)?;
            let mut rows = statement.query(params![lane.number(), head.seq as i64])?;
            while let Some(row) = rows.next()? {
                let leased = row::leased(row)?;
                let size = leased.item.bytes();
                let fits = items.len() < request.max_items && bytes + size <= request.max_bytes;
                if leased.item.kind() != request.kind || !(fits || items.is_empty()) {
                    break;
                }
                bytes += size;
                items.push(leased);
            }
        }
        Ok(())
    };
    take().map_err(|error| store.fault(error))?;
    let lanes = Lease::lanes_of(&items);
    let fence = store.leases.begin(lanes);
    Ok(Leased::Batch(Lease { fence, lanes, items, lasts: None }))
}

/// Ends a lease that nobody waits for any more.
pub(super) fn give_back(store: &mut Store, leased: Leased) {
    if let Leased::Batch(lease) = leased {
        store.leases.end(&lease);
    }
}

/// Writes what became of the items of a lease.
pub(super) fn settle(connection: &Connection, books: &mut Books, settle: &Settle) -> rusqlite::Result<()> {
    let since = clock::now();
    for (LeasedItem { id, item, .. }, end) in settle.lease.items.iter().zip(&settle.ends) {
        let place = (*id, item.lane(), item.bytes());
        match end {
            End::Released => (),
            End::Accepted => row::end(connection, books, place, &Outcome::Accepted, None)?,
            End::Dead(outcome) => row::end(connection, books, place, outcome, Some(since))?,
        }
    }
    Ok(())
}
