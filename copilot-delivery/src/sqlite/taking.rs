//! Leases: what is taken out, and what becomes of it.

use std::{collections::HashSet, time::Duration};

use rusqlite::{Connection, params};

use super::{books::Books, inbox::Settle, row, worker::Worker};
use crate::{
    LaneSet, Outcome, clock,
    outbox::{End, Lease, LeaseRequest, Leased, LeasedItem, OutboxError},
};

/// The leases that are not settled. They are known in memory only: after a crash, what was on its way waits again.
#[derive(Debug, Default)]
pub(super) struct Leases {
    lanes: LaneSet,
    fences: HashSet<u64>,
    last_fence: u64,
}

impl Leases {
    /// The lanes of them all.
    pub(super) fn lanes(&self) -> LaneSet {
        self.lanes
    }

    /// Whether the lease of that fence is among them.
    pub(super) fn hold(&self, fence: u64) -> bool {
        self.fences.contains(&fence)
    }

    /// A fence for a lease of these lanes.
    fn begin(&mut self, lanes: LaneSet) -> u64 {
        self.lanes = self.lanes.and(lanes);
        self.last_fence += 1;
        self.fences.insert(self.last_fence);
        self.last_fence
    }

    pub(super) fn end(&mut self, lease: &Lease) {
        if self.fences.remove(&lease.fence) {
            self.lanes = self.lanes.without(lease.lanes);
        }
    }
}

/// Takes items out, whole lanes at a time, those first whose head waits longest.
pub(super) fn lease(worker: &mut Worker, request: &LeaseRequest) -> Result<Leased, OutboxError> {
    let heads = worker.books.heads(&worker.connection).map_err(|error| worker.fault(error))?;
    let free = request.lanes.without(worker.leases.lanes());
    let heads: Vec<_> =
        heads.into_iter().filter(|(head, lane)| free.contains(*lane) && head.kind == request.kind).collect();
    let Some(oldest) = heads.iter().map(|(head, _)| head.reported_at).min() else {
        return Ok(Leased::Nothing);
    };
    let waiting = heads
        .iter()
        .map(|(_, lane)| worker.books.of_lane(*lane))
        .fold(Default::default(), super::books::Sum::and);
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
            let mut statement = worker.connection.prepare_cached(row::OF_LANE)?;
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
    take().map_err(|error| worker.fault(error))?;
    let lanes = Lease::lanes_of(&items);
    let fence = worker.leases.begin(lanes);
    Ok(Leased::Batch(Lease { fence, lanes, items, lasts: None }))
}

/// Ends a lease that nobody waits for any more.
pub(super) fn give_back(worker: &mut Worker, leased: Leased) {
    if let Leased::Batch(lease) = leased {
        worker.leases.end(&lease);
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
