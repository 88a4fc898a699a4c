//! The outbox in a stream of NATS JetStream: many processes put in, and share what is taken out.
//!
//! `address` is where the servers are, `builder` opens, `engine` what the outbox's thread has, `message` how items are written; `storing` publishes,
//! `holding` shares the lanes and reads them, `lanes` is what was read, `taking`, `letters` and `removal` what becomes of it.

mod address;
mod builder;
mod engine;
mod fault;
mod holding;
mod lanes;
mod letters;
mod marks;
mod message;
mod removal;
mod storing;
mod streams;
mod taking;
mod tallies;

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use async_nats::jetstream::stream::Info;
use async_trait::async_trait;
use bytes::Bytes;
use tokio::{sync::Notify, task::JoinHandle};

use crate::{
    Item,
    outbox::{
        Abilities, Counts, DeadLetter, End, Fault, Forgotten, HandedOver, Lease, LeaseRequest, Leased,
        Outbox, OutboxError, Owner, Refused, Removed, Retention, Signals, Tally, Unsettled,
    },
    remote::Remote,
    room::Sum,
};
pub use builder::JetStreamOutboxBuilder;
use engine::Engine;

/// The key of the owner.
const OWNER: &str = "owner";

/// Keeps items in a stream of NATS JetStream, of server 2.9 or newer, for any number of processes that report and that deliver.
///
/// [`open`](Self::open) makes what is missing: the stream (by default `COPILOT`, with a subject for each lane; what was settled is removed from it), a stream of dead
/// letters, and two buckets of keys. One thread of this process speaks to the servers. An item is taken when the server has acknowledged
/// it; of a lane one is on its way at a time, so that none overtakes another whatever fails.
///
/// - **Couriers** of all processes that have the outbox open share the lanes evenly. One that dies loses its lanes to the others when its lease
///   has run out; what it had read comes to them from the first message on, and what it delivered meanwhile may be sent twice.
/// - **A full stream** takes nothing more (`max_items`, `max_bytes`): `report` waits, `try_report` gives back. Each process keeps these bounds, and counts
///   every few seconds what others put in; a bound of the stream itself, which an operator sets, holds as well.
/// - **A server that cannot be reached** is waited for until the deadline; then the item comes back with an error, which says when it may be
///   stored all the same. What is published again is known by its id for two minutes: that of its event.
/// - **A killed server** lost nothing that it had acknowledged in our crash runs (2.9.10); it may bring back what was removed last, which is sent once more. One before 2.10.12
///   loses the oldest messages of a stream that an operator has bounded, and opening warns of that.
/// - **A power cut** can lose what was acknowledged in the last minutes, unless the server is 2.10.23 or newer and has `sync_interval: always`, or
///   the stream has three replicas. Opening says so in the log.
/// - **[`forget`](Outbox::forget)** looks at each message of the user's lane, and removes those that are the user's, whose bytes stay in the server's files until it compacts them. It does not reach
///   mirrors and backups of the stream, nor what a server that is away still has; they are yours to remove.
/// - **Counts**: what is pending and dead is the stream's. What became of the rest is written down every few seconds by who holds a lane: of a
///   process that was killed, the last of it is missing.
/// - **Dead letters** are kept for 30 days, by the stream itself; `Retention` has no effect.
/// - **After a fork** the child cannot use it.
///
/// ```no_run
/// # async fn run() -> Result<(), copilot_delivery::OutboxError> {
/// let outbox = copilot_delivery::JetStreamOutbox::open("nats://nats.example:4222?creds=/etc/copilot.creds&replicas=3").await?;
/// # drop(outbox);
/// # Ok(())
/// # }
/// ```
pub struct JetStreamOutbox {
    engine: Arc<Engine>,
    /// None once it is being dropped.
    remote: Option<Remote>,
    working: Mutex<Option<(Arc<Notify>, JoinHandle<()>)>>,
}

impl JetStreamOutbox {
    /// Opens the outbox on these servers, as [`JetStreamOutboxBuilder::open`] does.
    ///
    /// The URL is `nats://HOST:PORT`, of several servers `nats://HOST:PORT,HOST:PORT`, or `tls://…`, with `USER:PASSWORD@` or `TOKEN@` where the servers ask
    /// for them. Its query may say what the builder says, and `creds=FILE`, credentials as `nsc` makes them, and `sslrootcert=FILE`, the
    /// certificates in PEM to trust instead of the system's. Anything else is refused. Of TLS providers, the program's counts; with the feature
    /// `native-tls` alone there is none, and `tls://` errs.
    ///
    /// # Errors
    ///
    /// Those of [`JetStreamOutboxBuilder::open`].
    pub async fn open(url: &str) -> Result<Self, OutboxError> {
        Self::builder(url).open().await
    }

    /// An outbox on these servers that is not as usual.
    pub fn builder(url: &str) -> JetStreamOutboxBuilder {
        JetStreamOutboxBuilder::new(url)
    }

    async fn run<T: Send + 'static, F>(&self, work: impl FnOnce(Arc<Engine>) -> F) -> Result<T, OutboxError>
    where
        F: Future<Output = Result<T, OutboxError>> + Send + 'static,
    {
        match &self.remote {
            Some(remote) => remote.run(work(self.engine.clone())).await,
            None => Err(fault::new(&self.engine.place, Fault::Closed)),
        }
    }

    fn check_process(&self) -> Result<(), OutboxError> {
        self.remote.as_ref().map_or(Ok(()), Remote::check_process)
    }

    /// Takes nothing any more. What ends when all that was handed over is stored, and the lanes are free.
    fn end(&self) -> Option<JoinHandle<()>> {
        self.engine.intake.close();
        let (stop, working) = self.working.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        stop.notify_one();
        Some(working)
    }
}

#[async_trait]
impl Outbox for JetStreamOutbox {
    fn abilities(&self) -> Abilities {
        Abilities { shared: true, retains: false, counts_all: false, ..Abilities::of_one_process(true) }
    }

    fn signals(&self) -> &Signals {
        &self.engine.intake.signals
    }

    fn hand_over(&self, item: Item) -> Result<HandedOver, Refused> {
        if let Err(error) = self.check_process() {
            return Err(Refused { item: Box::new(item), error });
        }
        let refused =
            |item, why| Refused { item: Box::new(item), error: fault::new(&self.engine.place, why) };
        if let Some(why) = self.engine.intake.refuses(0) {
            return Err(refused(item, why));
        }
        let appended = self.engine.intake.append(item.into_record());
        appended.map_err(|(record, why)| refused(Item::from_record(*record), why))
    }

    async fn bind(&self, owner: &Owner, rebind: bool) -> Result<(), OutboxError> {
        let owner = owner.clone();
        self.run(|engine| async move { bind(&engine, &owner, rebind).await }).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Leased, OutboxError> {
        let request = *request;
        if self.engine.intake.is_closed() {
            return Err(fault::new(&self.engine.place, Fault::Closed));
        }
        self.run(|engine| async move { Ok(taking::lease(&engine, request).await) }).await
    }

    async fn extend(&self, lease: &Lease) -> Result<(), OutboxError> {
        taking::extend(&self.engine, lease)
    }

    async fn settle(&self, lease: Lease, ends: Vec<End>) -> Result<(), Unsettled> {
        let of_nothing =
            Lease { fence: lease.fence, lanes: lease.lanes, items: Vec::new(), lasts: lease.lasts };
        let settled = self.run(|engine| async move { Ok(taking::settle(&engine, lease, ends).await) }).await;
        // The thread has ended with what it was given: the stream has it still.
        match settled {
            Ok(settled) => settled,
            Err(error) => Err(Unsettled { lease: of_nothing, ends: Vec::new(), error }),
        }
    }

    async fn dead_letters(&self, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        self.run(|engine| async move { letters::list(&engine, after, limit).await }).await
    }

    async fn put_back(&self, id: u64, mended: Option<Item>) -> Result<bool, OutboxError> {
        let mended = mended.map(Item::into_record);
        self.run(|engine| async move { letters::put_back(&engine, id, mended).await }).await
    }

    async fn drop_dead_letters(&self, ids: &[u64]) -> Result<u64, OutboxError> {
        let ids = ids.to_vec();
        self.run(|engine| async move { letters::drop(&engine, ids).await }).await
    }

    /// Waits until this process has the lane of the user and it is idle: where another one holds it, that takes up to half a lease.
    async fn forget(&self, user_id: &str) -> Result<Forgotten, OutboxError> {
        let user_id = user_id.to_owned();
        self.run(|engine| async move { removal::forget(&engine, &user_id).await }).await
    }

    /// Dead letters go by themselves.
    async fn retain(&self, _: &Retention) -> Result<Vec<Removed>, OutboxError> {
        Ok(Vec::new())
    }

    async fn counts(&self) -> Result<Counts, OutboxError> {
        self.run(|engine| async move { counts(&engine).await }).await
    }

    async fn places(&self) -> Result<(Option<u64>, u64), OutboxError> {
        self.run(|engine| async move {
            let info = info(&engine).await?;
            let first = streams::first(&engine, &info).await?;
            Ok((first.map(|first| first.sequence), info.state.last_sequence))
        })
        .await
    }

    fn pending_now(&self) -> u64 {
        if self.check_process().is_ok() { self.engine.intake.pending() } else { 0 }
    }

    /// Stores what was handed over, or gives it back to who waits for it, and frees the lanes. Everything stays in the stream.
    async fn close(&self) -> Vec<Item> {
        if self.check_process().is_ok()
            && let Some(working) = self.end()
        {
            let _ = working.await;
        }
        Vec::new()
    }

    fn place(&self) -> Option<String> {
        Some(self.engine.place.clone())
    }
}

async fn info(engine: &Engine) -> Result<Info, OutboxError> {
    engine.pending.get_info().await.map_err(|error| fault::unusable(&engine.place, &error))
}

/// Counts how much is pending, so that a full stream takes nothing more whoever filled it.
async fn recount(engine: &Engine) -> Result<(), OutboxError> {
    let state = info(engine).await?.state;
    engine.intake.counted(Sum { items: state.messages, bytes: state.bytes });
    Ok(())
}

async fn counts(engine: &Engine) -> Result<Counts, OutboxError> {
    let info = info(engine).await?;
    let dead = engine.dead.get_info().await.map_err(|error| fault::unusable(&engine.place, &error))?;
    let first = streams::first(engine, &info).await?;
    // A server that was killed may count what it no longer has.
    let (pending, pending_bytes, lanes) = match first {
        Some(_) => (info.state.messages, info.state.bytes, info.state.subjects_count),
        None => (0, 0, 0),
    };
    let place = first.as_ref().map(|first| first.sequence);
    let oldest = first.and_then(|first| message::record(&first.headers, &first.payload, &first.subject));
    let tally = tallies::all(engine).await?;
    Ok(Counts {
        tally: Tally { taken: pending + tally.ended(), ..tally },
        pending,
        pending_bytes,
        lanes: u32::try_from(lanes).unwrap_or(u32::MAX),
        oldest: oldest.map(|oldest| oldest.reported_at),
        first: place,
        last: info.state.last_sequence,
        dead_letters: dead.state.messages,
    })
}

async fn bind(engine: &Engine, owner: &Owner, rebind: bool) -> Result<(), OutboxError> {
    let failed = |error: &dyn std::error::Error| fault::unusable(&engine.place, error);
    let ours = serde_json::json!([owner.client_id, owner.endpoint]).to_string();
    let ours = Bytes::from(ours);
    if !rebind {
        match engine.notes.create(OWNER, ours.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == async_nats::jetstream::kv::CreateErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(&error)),
        }
        let known = engine.notes.get(OWNER).await.map_err(|error| failed(&error))?;
        if known.is_some_and(|known| known == ours) {
            return Ok(());
        }
        let words = format!(
            "the outbox {} belongs to another client id or endpoint: start a reporter with `rebind` to hand it over",
            engine.place
        );
        return Err(OutboxError::new(Fault::BoundElsewhere, words));
    }
    engine.notes.put(OWNER, ours).await.map(drop).map_err(|error| failed(&error))
}

/// Stores what was handed over and frees the lanes, without waiting for it.
impl Drop for JetStreamOutbox {
    fn drop(&mut self) {
        let working = if self.check_process().is_ok() { self.end() } else { None };
        let Some(remote) = self.remote.take() else { return };
        if let Some(working) = working {
            remote.end_after(async move {
                let _ = working.await;
            });
        }
    }
}

impl fmt::Debug for JetStreamOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStreamOutbox").field("place", &self.engine.place).finish_non_exhaustive()
    }
}
