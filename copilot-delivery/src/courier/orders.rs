//! What a courier is told to do: to hurry, to stop, to use other credentials.

use copilot_api::Client;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use crate::{Item, Outcome, Reported, outbox::Outbox, shared::Shared};

/// An order to a courier.
pub(crate) enum Order {
    /// To deliver what was taken so far, and say so.
    Flush { deadline: Instant, done: oneshot::Sender<Result<(), Unflushed>> },
    /// To deliver what it can, and end, by then: [`Shared::end_by`].
    Shutdown { done: oneshot::Sender<Left> },
    /// To send by another client from now on.
    UseClient(Box<Client>),
}

/// A flush that its deadline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unflushed {
    /// How many items are pending, those that were taken in the meantime included.
    pub pending: u64,
}

impl std::fmt::Display for Unflushed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} items were still pending at the deadline of the flush; they are kept", self.pending)
    }
}

impl std::error::Error for Unflushed {}

/// What was not delivered when delivery ended.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Left {
    /// What the outbox does not keep, given back in the order of taking.
    pub items: Vec<Undelivered>,
    /// How many items stay in the outbox, for the next start or for other processes.
    pub stay: u64,
}

/// An item that was given back.
#[derive(Debug)]
#[non_exhaustive]
pub struct Undelivered {
    /// What was reported.
    pub reported: Reported,
    /// Whether a request that failed may have delivered it all the same.
    pub may_have_been_taken: bool,
}

/// The orders that are not carried out yet.
pub(super) struct Orders {
    inbox: mpsc::UnboundedReceiver<Order>,
    flushes: Vec<Flush>,
    /// All who asked for the end.
    shutdowns: Vec<oneshot::Sender<Left>>,
    /// Nothing begins any more.
    over: bool,
}

struct Flush {
    /// The place of the last item that it is about, once that is known.
    until: Option<u64>,
    deadline: Instant,
    done: oneshot::Sender<Result<(), Unflushed>>,
}

impl Orders {
    pub(super) fn new(inbox: mpsc::UnboundedReceiver<Order>) -> Self {
        Self { inbox, flushes: Vec::new(), shutdowns: Vec::new(), over: false }
    }

    /// The next order; none when nobody is left who could give one.
    pub(super) async fn receive(&mut self) -> Option<Order> {
        self.inbox.recv().await
    }

    /// Gives the client that is to be used from now on, where that is the order.
    pub(super) fn take(&mut self, order: Option<Order>) -> Option<Client> {
        match order {
            Some(Order::Flush { deadline, done }) => self.flushes.push(Flush { until: None, deadline, done }),
            Some(Order::Shutdown { done }) => self.shutdowns.push(done),
            Some(Order::UseClient(client)) => return Some(*client),
            None => self.over = true,
        }
        None
    }

    /// Those that are not carried out yet: no more are taken.
    pub(super) fn take_all(&mut self) -> Self {
        while let Ok(order) = self.inbox.try_recv() {
            self.take(Some(order));
        }
        std::mem::replace(self, Self::new(mpsc::unbounded_channel().1))
    }

    /// Whether somebody waits for what is pending.
    pub(super) fn hurry(&self) -> bool {
        !self.flushes.is_empty() || !self.shutdowns.is_empty()
    }

    /// Whether nobody is left who could give an order: nothing is to begin any more.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.flushes.iter().map(|flush| flush.deadline).min()
    }

    /// Answers those whose order is carried out. Whether the courier is to end.
    pub(super) async fn tell_finished(&mut self, outbox: &dyn Outbox, in_flight: usize) -> bool {
        if !self.hurry() {
            return false;
        }
        // An outbox that cannot be read now may be readable later; deadlines end the waiting.
        let places = outbox.places().await.ok();
        self.tell_flushed(places, outbox);
        // What others put into a shared outbox is not to be waited for.
        let is_empty = outbox.abilities().shared || matches!(places, Some((None, _)));
        !self.shutdowns.is_empty() && is_empty && in_flight == 0
    }

    fn tell_flushed(&mut self, places: Option<(Option<u64>, u64)>, outbox: &dyn Outbox) {
        let now = Instant::now();
        let mut waiting = Vec::new();
        for mut flush in self.flushes.drain(..) {
            if let Some((first, last)) = places {
                let until = *flush.until.get_or_insert(last);
                if first.is_none_or(|first| first > until) {
                    let _ = flush.done.send(Ok(()));
                    continue;
                }
            }
            if flush.deadline <= now {
                let _ = flush.done.send(Err(Unflushed { pending: outbox.pending_now() }));
            } else if !flush.done.is_closed() {
                waiting.push(flush);
            }
        }
        self.flushes = waiting;
    }

    /// Answers the order that ended the courier; without one, says in the log what becomes of the rest.
    pub(super) fn tell_left(self, shared: &Shared, items: Vec<Item>, stay: u64) {
        let readers = shared.has_readers();
        let items: Vec<Undelivered> = items
            .into_iter()
            .map(|mut item| {
                shared.tell(vec![shared.ended(&mut item, Outcome::Undelivered, readers)]);
                let may_have_been_taken = item.may_have_been_taken();
                Undelivered { reported: item.into_reported(), may_have_been_taken }
            })
            .collect();
        shared.tell_the_rest();
        let stay = stay.saturating_sub(items.len() as u64);
        for flush in self.flushes {
            let _ = flush.done.send(Err(Unflushed { pending: stay + items.len() as u64 }));
        }
        if self.shutdowns.is_empty() {
            return;
        }
        let mut left = Left { items, stay };
        for done in self.shutdowns {
            left = done.send(left).map_or_else(|left| left, |()| Left { items: Vec::new(), stay });
        }
        if !left.items.is_empty() {
            tracing::error!(
                items = left.items.len(),
                "nobody took back what was in memory: these items are lost"
            );
        }
    }
}
