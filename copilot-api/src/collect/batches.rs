//! A stream of events, sent batch by batch.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
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
    retry::Deadline,
};

/// A stream of events that is being reported, batch by batch: what [`collect_batches`](Client::collect_batches) gives.
///
/// An event's index counts over the whole stream. Dropping this loses what was read and the batch on its way: to stop, end the
/// stream (close the channel that it comes from), and call [`next`](Self::next) until it gives `None`.
///
/// ```no_run
/// # async fn report(client: copilot_api::Client, events: impl futures_core::Stream<Item = copilot_api::types::Event>,
/// #     stop: impl Future<Output = ()>, close_the_channel: impl Fn()) {
/// let mut batches = client.collect_batches(events);
/// let mut stop = std::pin::pin!(stop);
/// let mut stopping = false;
/// loop {
///     tokio::select! {
///         outcome = batches.next() => match outcome {
///             Some(outcome) => println!("{outcome:?}"),
///             None => break,
///         },
///         () = &mut stop, if !stopping => {
///             close_the_channel();
///             stopping = true;
///         }
///     }
/// }
/// # }
/// ```
pub struct Batches<S> {
    events: Pin<Box<S>>,
    intake: Intake,
    sender: Sender,
    /// Was filled while the batch before it was on its way.
    filled: Option<Unit>,
    call: Deadline,
    over: bool,
}

type Outcome = Result<CollectReport, CollectError>;

/// The sending side, which a delivery has while it lasts.
enum Sender {
    Free(Box<Delivery>),
    Busy(Pin<Box<dyn Future<Output = (Box<Delivery>, Outcome)> + Send>>),
    /// Only while it changes.
    Changing,
}

/// What the stream had to give.
enum Next {
    Unit(Unit),
    End,
    /// The call's deadline was before that.
    CallDeadline,
    /// What was set aside waits no longer.
    AsideDeadline,
}

impl<S: Stream<Item = Event>> Batches<S> {
    pub(super) fn new(client: &Client, events: S) -> Self {
        let delivery = Delivery::new(client);
        Self {
            events: Box::pin(events),
            intake: Intake::new(delivery.limits, client.settings.linger),
            call: delivery.call,
            sender: Sender::Free(Box::new(delivery)),
            filled: None,
            over: false,
        }
    }

    /// Sends the next batch, and says what became of each event of it; an event that was rejected here is in the report of
    /// the batch that was filled at that time. A batch that was rejected whole, with no part taken, is in the report of a
    /// later one, whose answer tells whether its events or the endpoint are the cause. `None` after the end of the stream,
    /// and after the [`call_deadline`](crate::ClientBuilder::call_deadline).
    ///
    /// # Errors
    ///
    /// When a batch fails for good. The next call goes on with the next batch.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when the future is dropped nothing is lost, and the next call goes on where it was. A batch on its way
    /// rests meanwhile, and its time runs on.
    pub async fn next(&mut self) -> Option<Outcome> {
        loop {
            if self.over {
                return None;
            }
            if let Sender::Free(_) = self.sender {
                match self.fill().await {
                    Next::Unit(unit) => self.send(unit),
                    Next::AsideDeadline => return self.finish().map(Err),
                    Next::End => {
                        self.over = true;
                        return self.finish().map(Err);
                    }
                    Next::CallDeadline => {
                        self.over = true;
                        let error = Error::new(Cause::NoTime, operations::COLLECT).ended_by(Ended::Deadline);
                        return Some(Err(CollectError::new(error, self.give_up())));
                    }
                }
            }
            match self.sent().await {
                // The batch was set aside, and nothing else is known yet.
                Ok(report) if report.is_nothing() => {}
                outcome => return Some(outcome),
            }
        }
    }

    fn send(&mut self, unit: Unit) {
        match std::mem::replace(&mut self.sender, Sender::Changing) {
            Sender::Free(mut delivery) => {
                self.sender = Sender::Busy(Box::pin(async move {
                    let outcome = delivery.deliver(unit).await;
                    (delivery, outcome)
                }));
            }
            busy => self.sender = busy,
        }
    }

    /// Waits for the batch on its way, and fills the next one.
    async fn sent(&mut self) -> Outcome {
        poll_fn(|context| {
            let Sender::Busy(sending) = &mut self.sender else {
                return Poll::Ready(Ok(CollectReport::default()));
            };
            match sending.as_mut().poll(context) {
                Poll::Ready((mut delivery, outcome)) => {
                    self.intake.learn(delivery.limits, delivery.room.take());
                    self.sender = Sender::Free(delivery);
                    Poll::Ready(outcome)
                }
                Poll::Pending => {
                    if self.filled.is_none()
                        && let Poll::Ready(unit) = self.intake.poll_fill(self.events.as_mut(), context)
                    {
                        self.filled = unit;
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }

    async fn fill(&mut self) -> Next {
        if let Some(unit) = self.filled.take() {
            return Next::Unit(unit);
        }
        let aside = match &self.sender {
            Sender::Free(delivery) => delivery.aside_until(),
            _ => None,
        };
        let call = self.call;
        let until = aside.map_or(call, |aside| aside.or_earlier(call));
        let over =
            || if call.left(Duration::MAX).is_none() { Next::CallDeadline } else { Next::AsideDeadline };
        let mut filling = poll_fn(|context| self.intake.poll_fill(self.events.as_mut(), context));
        let unit = match until.left(Duration::MAX) {
            Some(Duration::MAX) => filling.await,
            left => match time::timeout(left.unwrap_or_default(), &mut filling).await {
                Ok(unit) => unit,
                Err(_) => return over(),
            },
        };
        unit.map_or(Next::End, Next::Unit)
    }

    /// What was set aside, when nothing came to prove it.
    fn finish(&mut self) -> Option<CollectError> {
        match &mut self.sender {
            Sender::Free(delivery) => delivery.finish(),
            _ => None,
        }
    }

    /// What was read and not sent, or set aside.
    pub(super) fn give_up(&mut self) -> CollectReport {
        let mut report = self.finish().map(|failed| failed.into_parts().1).unwrap_or_default();
        report.add(CollectReport::of_unsent(self.filled.take()));
        report.add(CollectReport::of_unsent(self.intake.take()));
        report.sort();
        report
    }
}

impl<S> fmt::Debug for Batches<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches").field("over", &self.over).finish_non_exhaustive()
    }
}
