//! Settles a lease in the outbox, and tells those who wait for its items.

use std::time::Duration;

use tokio::{sync::watch, time};

use crate::{
    LaneSet, Outcome,
    outbox::{End, Lease, Outbox, Unsettled},
    shared::{Ended, Shared},
};

/// How long to wait before settling is tried again.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Lanes that are free again.
pub(super) struct Settled {
    pub(super) lanes: LaneSet,
}

/// Settles until the outbox has it: what was delivered and stays would be sent once more. Gives up when the courier is told
/// to stop, and when the lease is another's by now.
pub(super) async fn settle(
    outbox: &dyn Outbox,
    shared: &Shared,
    mut lease: Lease,
    mut ends: Vec<End>,
    mut cancelled: watch::Receiver<bool>,
) -> Settled {
    let (lanes, readers) = (lease.lanes, shared.has_readers());
    let mut ended: Vec<Ended> = lease
        .items
        .iter_mut()
        .zip(&ends)
        .filter_map(|(leased, end)| {
            let outcome = match end {
                End::Released => return None,
                End::Accepted => Outcome::Accepted,
                End::Dead(outcome) => outcome.clone(),
            };
            Some(shared.ended(&mut leased.item, outcome, readers))
        })
        .collect();
    let mut wait = FIRST_WAIT;
    loop {
        match outbox.settle(lease, ends).await {
            Ok(()) => {
                shared.tell(ended);
                return Settled { lanes };
            }
            Err(Unsettled { error, .. }) if error.is_fenced() => {
                tracing::warn!("a lease had run out before it was settled: its items may be sent twice");
                ended.iter_mut().for_each(|ended| ended.outcome = Outcome::SettledElsewhere);
                shared.tell(ended);
                return Settled { lanes };
            }
            Err(Unsettled { lease: given_back, ends: again, error }) => {
                shared.outbox_fails(&error);
                (lease, ends) = (given_back, again);
            }
        }
        tokio::select! {
            () = time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
            _ = cancelled.wait_for(|cancelled| *cancelled) => {
                tracing::error!(items = ended.len(), "delivered items stay in the outbox, and will be sent again");
                return Settled { lanes };
            }
        }
    }
}
