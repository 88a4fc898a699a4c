//! A stream of events, sent batch by batch.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use copilot_gen::{operations, types::Event};
use futures_core::Stream;
use tokio::time;

use super::{
    CollectError, CollectReport,
    delivery::Delivery,
    intake::{Intake, Unit},
};
use crate::{
    Client, Error,
    error::{Cause, Ended},
};

/// A stream of events that is being reported, batch by batch: what [`collect_batches`](Client::collect_batches) gives.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: impl futures_core::Stream<Item = copilot_api::types::Event>) {
/// let mut batches = client.collect_batches(events);
/// while let Some(outcome) = batches.next().await {
///     println!("{outcome:?}");
/// }
/// # }
/// ```
pub struct Batches<S> {
    events: Pin<Box<S>>,
    intake: Intake,
    delivery: Delivery,
    /// Was filled while the batch before it was on its way.
    filled: Option<Unit>,
    over: bool,
}

impl<S: Stream<Item = Event>> Batches<S> {
    pub(super) fn new(client: &Client, events: S) -> Self {
        let delivery = Delivery::new(client);
        Self {
            events: Box::pin(events),
            intake: Intake::new(delivery.limits, client.settings.linger),
            delivery,
            filled: None,
            over: false,
        }
    }

    /// Sends the next batch, and says what became of each event of it; an event that was rejected here is in the report of
    /// the batch that was filled at that time. `None` after the end of the stream, and after the
    /// [`call_deadline`](crate::ClientBuilder::call_deadline).
    ///
    /// # Errors
    ///
    /// When the batch fails for good. The next call goes on with the next batch.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe while a batch is on its way: when the future is dropped the events of that batch are lost, and
    /// whether they were taken is not known. The deadlines end a call without loss.
    pub async fn next(&mut self) -> Option<Result<CollectReport, CollectError>> {
        if self.over {
            return None;
        }
        let unit = match self.filled.take() {
            Some(unit) => unit,
            None => match self.fill().await {
                Some(unit) => unit?,
                None => {
                    self.over = true;
                    let error = Error::new(Cause::NoTime, operations::COLLECT).ended_by(Ended::Deadline);
                    return Some(Err(CollectError::new(error, self.give_up())));
                }
            },
        };
        let Self { events, intake, delivery, filled, .. } = self;
        let outcome = {
            let mut sending = pin!(delivery.deliver(unit));
            poll_fn(|context| {
                let outcome = sending.as_mut().poll(context);
                if outcome.is_pending()
                    && filled.is_none()
                    && let Poll::Ready(unit) = intake.poll_fill(events.as_mut(), context)
                {
                    *filled = unit;
                }
                outcome
            })
            .await
        };
        intake.limits = delivery.limits;
        Some(outcome)
    }

    /// The next unit, or none after the end; nothing at all when the deadline of the call is before that.
    async fn fill(&mut self) -> Option<Option<Unit>> {
        let filling = poll_fn(|context| self.intake.poll_fill(self.events.as_mut(), context));
        match self.delivery.call.left(Duration::MAX) {
            Some(Duration::MAX) => Some(filling.await),
            Some(left) => time::timeout(left, filling).await.ok(),
            None => None,
        }
    }

    /// What was read and not sent.
    pub(super) fn give_up(&mut self) -> CollectReport {
        let mut report = CollectReport::of_unsent(self.filled.take());
        report.add(CollectReport::of_unsent(self.intake.take()));
        report
    }
}

impl<S> fmt::Debug for Batches<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("over", &self.over).finish_non_exhaustive()
    }
}
