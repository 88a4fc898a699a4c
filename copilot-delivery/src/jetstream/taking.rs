//! What is taken out, and what becomes of it.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::{self, Instant};

use super::{engine::Engine, fault, letters, removal};
use crate::{
    Lane, Outcome,
    outbox::{End, Fault, Lease, LeaseRequest, Leased, OutboxError, Unsettled},
    remote::Sum,
};

/// How long what this process has put in may take to come back to it.
const COMES_BACK: Duration = Duration::from_secs(1);

/// How often it is looked whether a lane has come.
const LOOK: Duration = Duration::from_millis(100);

/// For how long a lease holds at least that is being settled.
const SETTLING: Duration = Duration::from_secs(30);

/// Takes items out of what was read. What this process has put in is waited for.
pub(super) async fn lease(engine: &Engine, request: LeaseRequest) -> Leased {
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
    let settling = lease.items.iter().zip(&ends).map(|(leased, end)| async move {
        let lane = leased.item.lane();
        let Some(reply) = engine.lanes().reply(lane, leased.id) else {
            return Ok::<_, OutboxError>(Sum::default());
        };
        match end {
            End::Released => return Ok(Sum::default()),
            End::Dead(outcome) if !leased.forget => {
                letters::bury(engine, leased.id, leased.item.copy().into_record(), outcome).await?;
            }
            End::Accepted | End::Dead(_) => {}
        }
        engine.acknowledge(reply).await?;
        if leased.forget {
            removal::unmark(engine, lane, leased.id).await;
        }
        let mut lanes = engine.lanes();
        lanes.remove(lane, leased.id);
        match end {
            End::Dead(outcome) => lanes.count(lane, |tally| tally.end(outcome)),
            End::Accepted | End::Released => lanes.count(lane, |tally| tally.end(&Outcome::Accepted)),
        }
        Ok(Sum::default().with(leased.item.bytes()))
    });
    let (mut removed, mut failed) = (Sum::default(), None);
    for settled in join_all(settling).await {
        match settled {
            Ok(sum) => removed = removed.and(sum),
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        // Another consumer may read the lane by now, by which the next attempt acknowledges; where it is another process's, nobody does.
        let is_ours = engine.lanes().is_leased(lease.fence, lease.lanes);
        let error = match error.is_fenced() && is_ours {
            true => {
                OutboxError::new(Fault::Engine, format!("the outbox {} reads a lane again", engine.place))
            }
            false => error,
        };
        engine.intake.removed(removed);
        return Err(Unsettled { lease, ends, error });
    }
    engine.lanes().free(lease.fence, lease.lanes);
    engine.intake.removed(removed);
    engine.wake();
    Ok(())
}

/// Waits until this process holds the lane and nobody has it leased; keeps couriers out from then on.
pub(super) async fn have(engine: &Engine, lane: Lane) -> KeptOut<'_> {
    engine.lanes().keep_out(lane, true);
    let kept_out = KeptOut { engine, lane };
    loop {
        let changed = engine.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        {
            let lanes = engine.lanes();
            if lanes.revision(lane).is_some() && lanes.is_idle(lane) {
                return kept_out;
            }
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
