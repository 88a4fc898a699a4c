//! What is taken out, and what becomes of it.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::{self, Instant};

use super::{engine::Engine, fault, holding, letters, marks, streams};
use crate::{
    Lane, LaneSet, Outcome,
    outbox::{End, Fault, Lease, LeaseRequest, Leased, LeasedItem, OutboxError, Unsettled},
    room::Sum,
};

/// How long what this process has put in may take to come back to it.
const COMES_BACK: Duration = Duration::from_secs(1);

/// How often it is looked whether a lane has come.
const LOOK: Duration = Duration::from_millis(100);

/// For how long a lease holds at least that is being settled.
const SETTLING: Duration = Duration::from_secs(30);

/// Takes items out of what was read. What this process has put in is waited for.
pub(super) async fn lease(engine: &Engine, request: LeaseRequest) -> Leased {
    engine.join().await;
    let until = Instant::now() + COMES_BACK;
    loop {
        let changed = engine.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        {
            let mut lanes = engine.lanes();
            if lanes.is_read(request.lanes) || Instant::now() >= until {
                return lanes.lease(&request, engine.settings.lease);
            }
        }
        let _ = time::timeout_at(until, changed).await;
    }
}

pub(super) fn extend(engine: &Engine, lease: &Lease) -> Result<(), OutboxError> {
    let until = std::time::Instant::now() + engine.settings.lease;
    if engine.lanes().extend(lease.fence, lease.lanes, until) {
        return Ok(());
    }
    Err(fault::new(&engine.place, Fault::Fenced))
}

/// Removes what has ended, and makes dead letters. Of a lease that could only be settled in part, what is left is settled by another call.
pub(super) async fn settle(engine: &Arc<Engine>, lease: Lease, ends: Vec<End>) -> Result<(), Unsettled> {
    let until = std::time::Instant::now() + engine.settings.lease.max(SETTLING);
    if !engine.lanes().extend(lease.fence, lease.lanes, until) {
        let error = fault::new(&engine.place, Fault::Fenced);
        return Err(Unsettled { lease, ends, error });
    }
    let settling = lease.lanes.iter().map(|lane| {
        let items: Vec<_> =
            lease.items.iter().zip(&ends).filter(|(leased, _)| leased.item.lane() == lane).collect();
        settle_lane(engine, lane, lease.fence, items)
    });
    let (mut removed, mut failed) = (Sum::default(), None);
    for settled in join_all(settling).await {
        match settled {
            Ok(sum) => removed = removed.and(sum),
            Err(error) => failed = Some(error),
        }
    }
    engine.intake.removed(removed);
    if let Some(error) = failed {
        return Err(Unsettled { lease, ends, error });
    }
    engine.lanes().free(lease.fence, lease.lanes);
    // Whoever reads the lane, and whoever waits for it.
    engine.wake();
    engine.intake.signals.settled.notify_waiters();
    Ok(())
}

/// Settles the items of a lane, which are its first. A repetition does what is left.
async fn settle_lane(
    engine: &Arc<Engine>,
    lane: Lane,
    fence: u64,
    items: Vec<(&LeasedItem, &End)>,
) -> Result<Sum, OutboxError> {
    holding::still_held(engine, lane).await?;
    for (leased, end) in &items {
        if let End::Dead(outcome) = end
            && !leased.forget
        {
            letters::bury(engine, leased.id, leased.item.copy().into_record(), outcome).await?;
        }
    }
    let ended: Vec<_> = items.iter().filter(|(_, end)| **end != End::Released).collect();
    // Each by its number: a purge would take along what stands between them and was not read. They are asked for at once and reach the server
    // in their order.
    let removals = ended.iter().map(|(leased, _)| streams::remove(engine, &engine.pending, leased.id));
    join_all(removals).await.into_iter().collect::<Result<Vec<bool>, _>>()?;
    let mut removed = Sum::default();
    for (leased, end) in &ended {
        if leased.forget {
            marks::unmark(engine, lane, leased.id).await;
        }
        let mut lanes = engine.lanes();
        if !lanes.is_leased(fence, LaneSet::NONE.with(lane)) || !lanes.remove(lane, leased.id) {
            continue;
        }
        match end {
            End::Dead(outcome) => lanes.count(lane, |tally| tally.end(outcome)),
            End::Accepted | End::Released => lanes.count(lane, |tally| tally.end(&Outcome::Accepted)),
        }
        removed = removed.with(leased.item.bytes());
    }
    Ok(removed)
}

/// Waits until this process holds the lane and nobody has it leased; keeps couriers out from then on.
pub(super) async fn have(engine: &Engine, lane: Lane) -> Result<KeptOut<'_>, OutboxError> {
    engine.lanes().keep_out(lane, true);
    let kept_out = KeptOut { engine, lane };
    loop {
        let changed = engine.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        {
            let lanes = engine.lanes();
            if lanes.revision(lane).is_some() && lanes.is_idle(lane) {
                return Ok(kept_out);
            }
        }
        if engine.intake.is_closed() {
            return Err(fault::new(&engine.place, Fault::Closed));
        }
        engine.wish(lane);
        let _ = time::timeout(LOOK, changed).await;
    }
}

/// A lane that couriers of this process keep out of until this is dropped.
pub(super) struct KeptOut<'a> {
    engine: &'a Engine,
    lane: Lane,
}

impl Drop for KeptOut<'_> {
    fn drop(&mut self) {
        self.engine.lanes().keep_out(self.lane, false);
        self.engine.wake();
        self.engine.intake.signals.settled.notify_waiters();
    }
}
