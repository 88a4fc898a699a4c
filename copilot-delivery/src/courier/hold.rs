//! Keeps a lease while its request is on its way.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::{self, MissedTickBehavior};

use crate::outbox::{Lease, Outbox};

/// A lease that is to hold for as long as something takes.
pub(super) struct Hold {
    outbox: Arc<dyn Outbox>,
    /// Without its items.
    lease: Lease,
}

impl Hold {
    pub(super) fn of(lease: &Lease, outbox: Arc<dyn Outbox>) -> Self {
        let Lease { fence, lanes, items: _, lasts } = *lease;
        Self { outbox, lease: Lease { fence, lanes, items: Vec::new(), lasts } }
    }

    /// Does the work, and extends the lease three times in the time that it holds. What cannot be extended any more is found out
    /// when it is settled.
    pub(super) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        let Some(lasts) = self.lease.lasts else { return work.await };
        let mut work = std::pin::pin!(work);
        let mut ticks = time::interval((lasts / 3).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        let mut extending = std::pin::pin!(async {
            loop {
                ticks.tick().await;
                if self.outbox.extend(&self.lease).await.is_err_and(|error| error.is_fenced()) {
                    return std::future::pending::<()>().await;
                }
            }
        });
        tokio::select! {
            done = &mut work => done,
            () = &mut extending => work.await,
        }
    }
}
