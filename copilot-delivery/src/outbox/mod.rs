//! The outbox: what keeps items between the reporter and Copilot.cx.

mod error;
mod ledger;

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::{Notify, oneshot};

pub use error::{Fault, OutboxError, Refused};
pub use ledger::{Counts, Tally};

use crate::{Item, Kind, LaneSet, Outcome};

/// Keeps items, in the order of their lanes, until they are settled.
///
/// Whoever writes an engine holds it against the conformance suite of this crate (`tests/conformance`), which demands what
/// [`abilities`](Self::abilities) declares. Methods may be called from any thread and any runtime: an engine that needs
/// a thread or a runtime brings its own.
///
/// The futures of all methods are cancel safe in this sense: one that is dropped either did its work or did nothing, but for
/// [`settle`](Self::settle), whose lease is lost with it, so that its items are leased again.
#[async_trait]
pub trait Outbox: fmt::Debug + Send + Sync + 'static {
    /// What the engine can do.
    fn abilities(&self) -> Abilities;

    /// What the engine tells those who wait.
    fn signals(&self) -> &Signals;

    /// Takes an item, or gives it back, without waiting. From then on it is the engine's.
    fn hand_over(&self, item: Item) -> Result<HandedOver, Refused>;

    /// As [`hand_over`](Self::hand_over), by a reporter, which has seen that this process is not a fork.
    #[doc(hidden)]
    fn hand_over_here(&self, item: Item) -> Result<HandedOver, Refused> {
        self.hand_over(item)
    }

    /// Makes the outbox that of a client id and an endpoint, if it is new.
    ///
    /// # Errors
    ///
    /// [`OutboxError::is_bound_elsewhere`] when it is that of another, unless `rebind`; then it is theirs from now on.
    async fn bind(&self, owner: &Owner, rebind: bool) -> Result<(), OutboxError>;

    /// Takes items out, for a while: no other lease gets their lanes until it is settled or has run out.
    async fn lease(&self, request: &LeaseRequest) -> Result<Leased, OutboxError>;

    /// Says that the work on a lease goes on. Only of engines whose leases run out; its items are not looked at.
    ///
    /// # Errors
    ///
    /// [`OutboxError::is_fenced`], when the lease has run out.
    async fn extend(&self, lease: &Lease) -> Result<(), OutboxError> {
        let _ = lease;
        Ok(())
    }

    /// Ends a lease: says of each of its items, in their order, what became of it.
    ///
    /// # Errors
    ///
    /// Gives all back; where [`OutboxError::is_fenced`], the lease had run out, and the items are another's. Otherwise
    /// settling is to be tried again: nothing of it was done.
    async fn settle(&self, lease: Lease, ends: Vec<End>) -> Result<(), Unsettled>;

    /// What was not accepted, oldest first, after that one, at most so many.
    async fn dead_letters(&self, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, OutboxError>;

    /// Takes a dead letter up again, at the end of its lane: as it was, or mended. Whether there was one of that number.
    async fn put_back(&self, id: u64, mended: Option<Item>) -> Result<bool, OutboxError>;

    /// Removes dead letters for good. How many there were.
    async fn drop_dead_letters(&self, ids: &[u64]) -> Result<u64, OutboxError>;

    /// Removes what is pending and dead of a user: all but an event that deletes the user and the newest change of consent,
    /// which are still sent and then removed, whatever becomes of them. Waits for those on their way.
    ///
    /// What does not name the user by `user_id` is out of its reach.
    async fn forget(&self, user_id: &str) -> Result<Forgotten, OutboxError>;

    /// Removes what is older or more than that, oldest first and dead letters before pending events; never a pending
    /// change of consent. Gives what was pending.
    async fn retain(&self, retention: &Retention) -> Result<Vec<Removed>, OutboxError>;

    /// The counts, in one consistent reading.
    async fn counts(&self) -> Result<Counts, OutboxError>;

    /// The place of the oldest pending item and that of the item that was taken last, as in [`Counts`]: all that a flush asks for,
    /// again and again, and with some engines much cheaper.
    async fn places(&self) -> Result<(Option<u64>, u64), OutboxError> {
        let counts = self.counts().await?;
        Ok((counts.first, counts.last))
    }

    /// Whom the engine waits for before it lets items be read, as it found last. Only of engines that read behind somebody.
    fn held_up(&self) -> Option<HeldUp> {
        None
    }

    /// How many items are pending, as far as this process knows without asking: for a last word when a program ends.
    fn pending_now(&self) -> u64;

    /// Takes nothing any more, ends what the engine runs, and gives back what it does not keep.
    async fn close(&self) -> Vec<Item>;

    /// Where items stay when the program ends, for people: a path, or a host and a name, without secrets. None, where they
    /// stay nowhere.
    fn place(&self) -> Option<String>;
}

/// What an engine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Abilities {
    /// Items outlive the process.
    pub durable: bool,
    /// Other processes put items in and take them out as well.
    pub shared: bool,
    /// A user's items can be found and removed.
    pub forgets: bool,
    /// Dead letters are kept, and can be sent again.
    pub dead_letters: bool,
    /// Items can be removed by age and size.
    pub retains: bool,
    /// Every taken item is in its counts, so that the sum of [`Tally`] holds.
    pub counts_all: bool,
}

impl Abilities {
    /// All that an engine in this process can do; durable or not.
    pub fn of_one_process(durable: bool) -> Self {
        Self { durable, shared: false, forgets: true, dead_letters: true, retains: true, counts_all: true }
    }
}

/// What an engine tells those who wait, in this process.
#[derive(Debug, Default)]
pub struct Signals {
    /// Something was put in.
    pub filled: Notify,
    /// Something was settled, so that there may be room, and lanes may be free.
    pub settled: Notify,
    /// A courier of this process takes items out.
    served: AtomicBool,
}

impl Signals {
    /// Whether nobody takes items out so far; then somebody does from now on.
    pub(crate) fn begin(&self) -> bool {
        !self.served.swap(true, Ordering::AcqRel)
    }

    /// Nobody does any more.
    pub(crate) fn end(&self) {
        self.served.store(false, Ordering::Release);
    }
}

/// Whom an engine waits for before it lets items be read: somebody who may still put something before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldUp {
    /// The process of the database server, where it is a session: what ends it is `pg_terminate_backend` of this.
    pub pid: Option<i32>,
    /// The database that it writes to, which may be another one.
    pub database: String,
    /// For how long.
    pub age: Duration,
}

/// An item that was handed over.
#[derive(Debug)]
pub enum HandedOver {
    /// The engine keeps it.
    Kept,
    /// The engine will say when it is stored. An item that could not be stored comes back.
    Storing(oneshot::Receiver<Result<(), Refused>>),
}

/// Whose items an outbox keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The client id of the credentials.
    pub client_id: String,
    /// The URL that events go to, without its query.
    pub endpoint: String,
}

/// What is wanted of a lease.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRequest {
    /// Only items of that kind: of each lane, those at its head.
    pub kind: Kind,
    /// Of these lanes only.
    pub lanes: LaneSet,
    /// At most so many items. At least one, where there is one.
    pub max_items: usize,
    /// Items of at most so many bytes together; the first one may be larger.
    pub max_bytes: usize,
    /// Unless so many items or bytes are there, only when the oldest has waited so long.
    pub linger: Duration,
    /// The clock, in milliseconds since 1970.
    pub now: i64,
}

/// What a lease request got.
#[derive(Debug)]
pub enum Leased {
    /// Items.
    Batch(Lease),
    /// Nothing yet: there are items, which have waited long enough after that time.
    Later(Duration),
    /// Nothing: there are none, or their lanes are leased.
    Nothing,
}

/// Items that were taken out.
#[derive(Debug)]
pub struct Lease {
    /// Greater than that of every earlier lease of these lanes. An engine refuses to settle what another holds by now.
    pub fence: u64,
    /// The lanes that are leased.
    pub lanes: LaneSet,
    /// The items; those of a lane in its order.
    pub items: Vec<LeasedItem>,
    /// How long it holds, unless it is extended; for ever, where none.
    pub lasts: Option<Duration>,
}

/// An item that was taken out.
#[derive(Debug)]
pub struct LeasedItem {
    /// The engine's number of it.
    pub id: u64,
    /// Whether it is to be removed once it was sent, whatever became of it.
    pub forget: bool,
    /// The item.
    pub item: Item,
}

/// What becomes of a leased item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Copilot.cx took it: it is removed.
    Accepted,
    /// It goes to the dead letter with this outcome: rejected, unattributed or expired.
    Dead(Outcome),
    /// It goes back to where it stood.
    Released,
}

/// A lease that could not be settled.
#[derive(Debug)]
pub struct Unsettled {
    /// The lease.
    pub lease: Lease,
    /// What was to become of its items.
    pub ends: Vec<End>,
    /// Why.
    pub error: OutboxError,
}

/// An item that was not accepted, and is kept to be looked at.
#[derive(Debug)]
pub struct DeadLetter {
    /// Its number in the dead letter.
    pub id: u64,
    /// What became of it, with the reason.
    pub outcome: Outcome,
    /// When it was put there, in milliseconds since 1970.
    pub since: i64,
    /// The item.
    pub item: Item,
}

/// What forgetting a user did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Forgotten {
    /// The pending items that were removed.
    pub pending: Vec<Removed>,
    /// How many dead letters were removed.
    pub dead_letters: u64,
    /// How many pending items are still sent, and then removed.
    pub still_sent: u64,
}

/// A pending item that was removed without being sent.
#[derive(Debug)]
pub struct Removed {
    /// The reporter's number of it.
    pub key: u64,
    /// The id of the event; none of a change of consent.
    pub event_id: Option<String>,
    /// The type of the event; none of a change of consent.
    pub event_type: Option<String>,
    /// Who is to be told, where the item itself knows.
    pub settler: Option<oneshot::Sender<Outcome>>,
}

/// How long and how much is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The age at which pending events are removed, by when they were taken. None: only the contract's window ends them.
    pub max_age: Option<Duration>,
    /// The bytes of JSON above which the oldest go, dead letters first.
    pub max_bytes: Option<u64>,
    /// The age at which dead letters are removed.
    pub max_dead_age: Option<Duration>,
    /// The clock, in milliseconds since 1970.
    pub now: i64,
}

impl Lease {
    /// Gives every item back to where it stood.
    pub fn released(&self) -> Vec<End> {
        vec![End::Released; self.items.len()]
    }

    /// The lanes of these items.
    pub fn lanes_of(items: &[LeasedItem]) -> LaneSet {
        items.iter().map(|leased| leased.item.lane()).collect()
    }
}
