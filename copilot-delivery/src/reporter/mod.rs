//! The reporter: what programs hand items over by.

mod builder;
mod dead_letters;
mod error;
mod ticket;

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use copilot_api::{
    Client, Credentials, InvalidInput,
    types::{ConsentChange, Event, UserId},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

pub use builder::ReporterBuilder;
pub use dead_letters::DeadLetters;
pub use error::ReportError;
pub use ticket::{Next, Outcomes, Ticket};

use crate::{
    Health, Item, Lane, Left, OutboxError, Outcome, Reported, Snapshot, Unflushed, clock,
    courier::Order,
    observe,
    outbox::{Fault, HandedOver, Refused},
    shared::Shared,
};

/// An item that was handed over, or not, and the ticket that is its own if it was.
type Attempt = (Ticket, Result<HandedOver, Refused>);

/// Less than a fork takes, from the call to the first instruction of the child.
const FORK_NANOS: u64 = 20_000;

/// Hands items over to be delivered. Cheap to clone, and works on every runtime and on none.
///
/// ```no_run
/// # async fn run(event: copilot_api::types::Event) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use copilot_delivery::Reporter;
///
/// let reporter = Reporter::builder(copilot_api::Client::from_env()?).start()?;
/// reporter.report(event).await?;
/// let left = reporter.shutdown(Duration::from_secs(8)).await;
/// println!("{} were not delivered", left.items.len());
/// # Ok(()) }
/// ```
///
/// # When it is dropped
///
/// The last clone that goes without [`shutdown`](Self::shutdown) ends delivery at once, without waiting: what a durable outbox
/// holds stays there, what was in memory is lost. The log says how many items that are, and where they stay.
///
/// # After a fork
///
/// Every call errs in the child ([`ReportError::is_forked`]): what would deliver runs in the parent. Start a reporter in the
/// child, on an outbox of its own.
#[derive(Clone)]
pub struct Reporter {
    handle: Arc<Handle>,
}

pub(crate) struct Handle {
    shared: Arc<Shared>,
    orders: mpsc::UnboundedSender<Order>,
    process: u32,
    next_key: AtomicU64,
    /// When the process's id was last looked at, in nanoseconds since 1970.
    looked: AtomicU64,
    /// Whether items stay as they are, with who waits for them.
    keeps_items: bool,
    client_id: String,
    client: Mutex<Client>,
}

impl Reporter {
    /// Configures delivery by a client: its endpoints, credentials, TLS and timeouts. Its retries, deadlines and batch sizes
    /// are for [`collect`](Client::collect): delivery has its own.
    pub fn builder(client: Client) -> ReporterBuilder {
        ReporterBuilder::new(client)
    }

    /// Hands an event over. When it returns, the outbox has it: a durable one on the disk. Waits while the outbox is full.
    ///
    /// # Errors
    ///
    /// When the event breaks the contract, or cannot be kept; the error gives it back.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped while it waits for room has not handed the event over, and the event is gone with it. One that
    /// is dropped while a durable outbox stores the event has: it will be delivered. [`try_report`](Self::try_report) does not
    /// wait.
    pub async fn report(&self, event: Event) -> Result<Ticket, ReportError> {
        let (ticket, handed_over) = self.hand_over_event(event)?;
        self.wait_until_taken(ticket, handed_over).await
    }

    /// As [`report`](Self::report), without waiting: gives the event back when the outbox is full. A durable outbox stores it
    /// a moment later; [`Ticket::stored`] says when.
    ///
    /// # Errors
    ///
    /// As [`report`](Self::report), and when the outbox is full ([`ReportError::is_full`]).
    pub fn try_report(&self, event: Event) -> Result<Ticket, ReportError> {
        let (ticket, handed_over) = self.hand_over_event(event)?;
        match handed_over {
            Ok(HandedOver::Kept) => Ok(ticket),
            Ok(HandedOver::Storing(storing)) => Ok(ticket.storing(storing)),
            Err(refused) => Err(ReportError::refused(refused)),
        }
    }

    /// As [`report`](Self::report), for threads without a runtime: blocks until the outbox has it.
    ///
    /// # Errors
    ///
    /// As [`report`](Self::report).
    pub fn report_blocking(&self, event: Event) -> Result<Ticket, ReportError> {
        pollster::block_on(self.report(event))
    }

    /// Hands a change of consent over, in order with that user's events. Otherwise as [`report`](Self::report).
    ///
    /// # Errors
    ///
    /// When the user id breaks the contract, and when the change cannot be kept.
    ///
    /// # Cancel safety
    ///
    /// As [`report`](Self::report).
    pub async fn set_consent(
        &self,
        user_id: impl Into<String>,
        consent_value: bool,
    ) -> Result<Ticket, ReportError> {
        let user_id =
            UserId::try_from(user_id.into()).map_err(|invalid| ReportError::invalid(invalid, None))?;
        let (now, change) = (clock::nanos(), ConsentChange { user_id, consent_value });
        let item = Item::consent(self.next_key(), clock::millis(now), change);
        let (ticket, handed_over) = self.hand_over(item, now);
        self.wait_until_taken(ticket, handed_over).await
    }

    /// As [`set_consent`](Self::set_consent), for threads without a runtime.
    ///
    /// # Errors
    ///
    /// As [`set_consent`](Self::set_consent).
    pub fn set_consent_blocking(
        &self,
        user_id: impl Into<String>,
        consent_value: bool,
    ) -> Result<Ticket, ReportError> {
        pollster::block_on(self.set_consent(user_id, consent_value))
    }

    /// Delivers what was taken so far, without waiting for more to go with it. What is taken in the meantime is not waited for.
    ///
    /// # Errors
    ///
    /// When some of it is still pending after that time, and it is kept, and delivery goes on; and when delivery has ended. In a
    /// forked child, with none pending: what is pending is the parent's.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost.
    pub async fn flush(&self, within: Duration) -> Result<(), Unflushed> {
        if self.handle.is_forked() {
            return Err(Unflushed { pending: 0 });
        }
        let (done, flushed) = oneshot::channel();
        let _ = self.handle.orders.send(Order::Flush { deadline: moment_in(within), done });
        match flushed.await {
            Ok(flushed) => flushed,
            Err(_) => Err(Unflushed { pending: self.handle.shared.outbox.pending_now() }),
        }
    }

    /// Ends delivery for all clones: delivers what it can within that time, without taking more, then ends requests that are
    /// still on their way. Gives back what the outbox does not keep, and says how many items stay there. Of several calls at
    /// once the earliest deadline counts, and one gets the items.
    ///
    /// Where the deadline comes first, a durable outbox may still be closing: its file is released a moment later.
    ///
    /// # Cancel safety
    ///
    /// Delivery ends all the same, and what would be given back is lost.
    pub async fn shutdown(&self, within: Duration) -> Left {
        if self.handle.is_forked() {
            return Left::default();
        }
        let (done, left) = oneshot::channel();
        let shared = &self.handle.shared;
        let moment = moment_in(within);
        shared.close();
        // Before the courier may end, so that it knows whom to give items back to.
        let _ = self.handle.orders.send(Order::Shutdown { done });
        shared.end_by(moment);
        // The courier had ended before.
        left.await.unwrap_or_else(|_| Left { items: Vec::new(), stay: shared.outbox.pending_now() })
    }

    /// As [`shutdown`](Self::shutdown), for threads without a runtime.
    pub fn shutdown_blocking(&self, within: Duration) -> Left {
        pollster::block_on(self.shutdown(within))
    }

    /// What becomes of all items from now on, until delivery ends. A reader that is slow misses some, and is told how many.
    pub fn outcomes(&self) -> Outcomes {
        Outcomes::new(self.handle.shared.outcomes())
    }

    /// What was not accepted, to be looked at, mended, sent again or dropped.
    pub fn dead_letters(&self) -> DeadLetters<'_> {
        DeadLetters::new(self)
    }

    /// Removes what is pending and dead of a user, and says how much that was.
    ///
    /// An event that deletes the user and the newest change of consent are still sent, and are removed then, whatever becomes
    /// of them. It waits for those on their way. What does not name the user by `user_id` is out of its reach: `unsubscribe`
    /// names an address only.
    ///
    /// # Errors
    ///
    /// When the outbox cannot do it; nothing or all of it was done.
    ///
    /// # Cancel safety
    ///
    /// Call it again until it has returned.
    pub async fn forget(&self, user_id: &str) -> Result<Forgot, OutboxError> {
        let shared = self.handle.here()?;
        let forgotten = shared.outbox.forget(user_id).await?;
        let forgot = Forgot {
            pending: forgotten.pending.len() as u64,
            dead_letters: forgotten.dead_letters,
            still_sent: forgotten.still_sent,
        };
        shared.removed(forgotten.pending, &Outcome::Forgotten);
        Ok(forgot)
    }

    /// Sends with other credentials from now on, of the same client id; what is paused is tried at once.
    ///
    /// # Errors
    ///
    /// When they are of another client id, whose outbox this is not.
    pub fn set_credentials(&self, credentials: Credentials) -> Result<(), OutboxError> {
        self.handle.here()?;
        if credentials.client_id() != self.handle.client_id {
            let message =
                "the outbox belongs to another client id: start a reporter with `rebind` to hand it over";
            return Err(OutboxError::new(Fault::BoundElsewhere, message));
        }
        let mut client = self.handle.client.lock().unwrap_or_else(PoisonError::into_inner);
        *client = client.to_builder().credentials(credentials).build().map_err(|error| {
            OutboxError::new(Fault::Engine, "no client can be made with these credentials").with_source(error)
        })?;
        let _ = self.handle.orders.send(Order::UseClient(Box::new(client.clone())));
        Ok(())
    }

    /// What delivery looks like. Sets the gauges of the feature `metrics` as well.
    ///
    /// # Errors
    ///
    /// When the outbox cannot be read, and in a forked child.
    pub async fn snapshot(&self) -> Result<Snapshot, OutboxError> {
        let shared = self.handle.here()?;
        let snapshot = shared.snapshot(shared.outbox.counts().await?);
        observe::seen(&snapshot);
        Ok(snapshot)
    }

    /// Whether items are delivered, for a probe of an orchestrator.
    pub async fn health(&self) -> Health {
        match self.snapshot().await {
            Ok(snapshot) => snapshot.health(),
            Err(error) => Health::Stuck(error.to_string()),
        }
    }

    fn next_key(&self) -> u64 {
        self.handle.next_key.fetch_add(1, Ordering::Relaxed)
    }

    /// Hands an event over, where it keeps to the contract. Nothing here waits, so that the event, which is large, does not
    /// become a part of futures.
    fn hand_over_event(&self, event: Event) -> Result<Attempt, ReportError> {
        let nanos = clock::nanos();
        let now = clock::millis(nanos);
        if let Err(invalid) = InvalidInput::if_any(event.violations(now)) {
            return Err(ReportError::invalid(invalid, Some(Reported::Event(event))));
        }
        let Some(lane) = event.order_key().map(Lane::of) else {
            return Err(ReportError::apart(Reported::Event(event)));
        };
        Ok(self.hand_over(Item::event(self.next_key(), now, lane, event), nanos))
    }

    /// Waits until the outbox has what was handed over, and hands it over again whenever there may be room.
    async fn wait_until_taken(
        &self,
        mut ticket: Ticket,
        mut handed_over: Result<HandedOver, Refused>,
    ) -> Result<Ticket, ReportError> {
        let mut room = None;
        loop {
            let refused = match handed_over {
                Ok(HandedOver::Kept) => return Ok(ticket),
                Ok(HandedOver::Storing(storing)) => match storing.await {
                    Ok(Ok(())) => return Ok(ticket),
                    Ok(Err(refused)) => refused,
                    Err(_) => return Err(ReportError::gone()),
                },
                Err(refused) => refused,
            };
            if !refused.error.is_full() {
                return Err(ReportError::refused(refused));
            }
            match room.take() {
                Some(room) => room.await,
                // Registered before the outbox is tried once more, so that no wake-up falls between.
                None => {
                    let mut next = Box::pin(self.handle.shared.outbox.signals().settled.notified());
                    next.as_mut().enable();
                    room = Some(next);
                }
            }
            // Of one key with the next one: it must not end that one's waiting.
            drop(ticket);
            (ticket, handed_over) = self.hand_over(*refused.item, clock::nanos());
        }
    }

    /// Hands an item over, and makes its ticket.
    fn hand_over(&self, mut item: Item, now: u64) -> Attempt {
        let handle = &self.handle;
        let (settler, outcome) = oneshot::channel();
        let key = item.key();
        if handle.is_forked_at(now) {
            let error = forked();
            return (Ticket::new(key, outcome, None), Err(Refused { item: Box::new(item), error }));
        }
        if handle.shared.is_closed() {
            let error = OutboxError::new(Fault::Closed, "delivery has ended");
            return (Ticket::new(key, outcome, None), Err(Refused { item: Box::new(item), error }));
        }
        if handle.keeps_items {
            item.set_settler(settler);
            return (Ticket::new(key, outcome, None), handle.shared.outbox.hand_over_here(item));
        }
        handle.shared.wait_for(key, settler);
        let ticket = Ticket::new(key, outcome, Some(handle.shared.clone()));
        let handed_over = handle.shared.outbox.hand_over_here(item);
        fail_point!("reporter.handed_over");
        (ticket, handed_over)
    }
}

/// After so long, or a year.
fn moment_in(within: Duration) -> Instant {
    Instant::from_std(std::time::Instant::now()) + within.min(Duration::from_secs(365 * 86_400))
}

impl Handle {
    /// Whether this process is a fork of the one that delivers. The child has no courier, and locks that other threads held at
    /// that moment stay locked in it.
    fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// As [`is_forked`](Self::is_forked), without the system call where the last one was a moment ago: a fork takes longer.
    fn is_forked_at(&self, now: u64) -> bool {
        if now.wrapping_sub(self.looked.load(Ordering::Relaxed)) < FORK_NANOS {
            return false;
        }
        let is_forked = self.is_forked();
        if !is_forked {
            self.looked.store(now, Ordering::Relaxed);
        }
        is_forked
    }

    /// What delivers, where that is this process.
    fn here(&self) -> Result<&Arc<Shared>, OutboxError> {
        if self.is_forked() {
            return Err(forked());
        }
        Ok(&self.shared)
    }
}

fn forked() -> OutboxError {
    OutboxError::new(Fault::Forked, "the process was forked, and what delivers is in the parent")
}

/// What [`forget`](Reporter::forget) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forgot {
    /// The pending items that were removed.
    pub pending: u64,
    /// The dead letters that were removed.
    pub dead_letters: u64,
    /// The pending items that are still sent, and removed then.
    pub still_sent: u64,
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("outbox", &self.handle.shared.outbox).finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.is_forked() || self.shared.is_stopped() {
            return;
        }
        match (self.shared.outbox.pending_now(), self.shared.outbox.place()) {
            (0, _) => {}
            (items, Some(place)) => {
                tracing::warn!(items, place, "delivery ended without a shutdown: items stay in the outbox");
            }
            (items, None) => {
                tracing::error!(
                    items,
                    "delivery ended without a shutdown: items that were in memory are lost"
                );
            }
        }
    }
}
