//! The outbox in a PostgreSQL database: many processes put in and take out, and an event can commit with the row that it is about.
//!
//! `builder` is how it is opened, `address` where the database is, `tls` what secures the way there, `line` a connection that comes back, `migrate` the tables;
//! `engine` is what the outbox's thread has, `storing`, `taking`, `removal` and `books` what it does, by the functions of `sql/`, and `row`
//! how items are written.

mod address;
mod books;
mod builder;
mod engine;
mod fault;
mod line;
mod migrate;
mod removal;
mod row;
mod storing;
mod taking;
mod tls;

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicI64},
    time::Duration,
};

use async_trait::async_trait;
use copilot_api::{InvalidInput, new_event_id, types::Event};
use tokio::task::JoinHandle;
use tokio_postgres::{GenericClient, types::Type};

use self::{
    address::{Address, Wishes},
    engine::{Engine, Known},
    line::Line,
};
pub use address::Order;
pub use builder::PostgresOutboxBuilder;

use crate::{
    Item, ReportError, Reported, clock,
    outbox::{
        Abilities, Counts, DeadLetter, End, Fault, Forgotten, HandedOver, HeldUp, Lease, LeaseRequest,
        Leased, Outbox, OutboxError, Owner, Refused, Removed, Retention, Signals, Unsettled,
    },
    remote::{Intake, Remote},
    room::Sum,
};

/// How much longer than an item what reads the whole table may take.
const OTHERS_PATIENCE: u32 = 6;

/// The longest deadline, and the longest lease: what clocks can count with, and more than anybody waits for.
const LONGEST: Duration = Duration::from_secs(3600);

/// Keeps items in a PostgreSQL database, of version 14 or newer, for any number of processes that report and that deliver.
///
/// [`migrate`](Self::migrate) makes its tables, in a schema `copilot` of their own. One thread of this process speaks to the database, by at
/// most three connections, each made when it is needed and made again when it was lost; a pool in between may be one of transactions
/// (PgBouncer's `transaction` mode, in any version). What many report at once is stored by one transaction.
///
/// - **Commit with your own row**: [`report_in`](Self::report_in) puts an event in by a transaction of yours; other languages call
///   `copilot_report(json)`.
/// - **Couriers** of several processes share the lanes. One that stops for longer than its lease loses its lanes to the others, and what it
///   delivered meanwhile may be sent twice.
/// - **A transaction that stays open** and has written, in whichever database of the cluster, holds up what was reported after it began:
///   [`Snapshot::held_up`](crate::Snapshot::held_up) names it, [`Order::AsCommitted`] waits for nobody.
/// - **A database that cannot be reached** is waited for: an item that could not be stored by the deadline comes back with an error. Where
///   the connection broke while the transaction was committing, it is tried again, which does nothing if it had been stored; only where that
///   cannot be done by the deadline either does the error say that the item may be stored.
/// - **After a failover** the new primary is found, where the URL names all hosts and says `target_session_attrs=read-write`. What was stored
///   is there as far as the database's replication promises it.
/// - **After a fork** the child cannot use it.
///
/// # Roles
///
/// Whoever migrates owns the schema. A role that only reports by the SQL functions needs nothing but to execute them; one that opens the outbox:
///
/// ```sql
/// GRANT USAGE ON SCHEMA copilot TO courier;
/// GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA copilot TO courier;
/// GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA copilot TO courier;
/// GRANT pg_read_all_stats TO courier; -- the age of transactions of other roles; otherwise it is for how long the outbox has seen them
/// ```
///
/// # Example
///
/// ```no_run
/// # async fn run() -> Result<(), copilot_delivery::OutboxError> {
/// use copilot_delivery::PostgresOutbox;
///
/// let url = "postgres://app:secret@db.example/shop?max_items=5000000";
/// PostgresOutbox::migrate(url).await?;
/// let outbox = PostgresOutbox::open(url).await?;
/// # drop(outbox);
/// # Ok(())
/// # }
/// ```
pub struct PostgresOutbox {
    engine: Arc<Engine>,
    /// None once it is being dropped.
    remote: Option<Remote>,
    storing: Mutex<Option<JoinHandle<()>>>,
}

impl PostgresOutboxBuilder {
    /// Connects to the database, and looks whether its tables are those of this version.
    ///
    /// # Errors
    ///
    /// By [`OutboxError::fault`]: [`Newer`](Fault::Newer), where a newer version has migrated the tables; [`ReadOnly`](Fault::ReadOnly), where
    /// the server only reads or the role may not write; [`Unsafe`](Fault::Unsafe), where the database's encoding is not UTF8;
    /// [`Engine`](Fault::Engine) otherwise: a URL that cannot be read, a database that cannot be reached within the deadline, or one without
    /// the tables. No error shows a password.
    ///
    /// # Cancel safety
    ///
    /// Safe: the connection is closed.
    pub async fn open(self) -> Result<PostgresOutbox, OutboxError> {
        let (address, of_url) = Address::read(&self.url)?;
        let (address, wishes) = (Arc::new(address), self.wishes.or(of_url));
        let deadline = wishes.deadline.unwrap_or(Duration::from_secs(10)).min(LONGEST);
        let lease = wishes.lease.unwrap_or(Duration::from_secs(10));
        let limits = Sum {
            items: wishes.max_items.unwrap_or(1_000_000).max(1),
            bytes: wishes.max_bytes.unwrap_or(1024 * 1024 * 1024),
        };
        let engine = Arc::new(Engine {
            intake: Intake::new(limits),
            process: new_event_id().to_string(),
            batch: AtomicI64::new(0),
            store: Line::new(Arc::clone(&address), deadline),
            courier: Line::new(Arc::clone(&address), deadline),
            others: Line::new(address, deadline.saturating_mul(OTHERS_PATIENCE)),
            lease: lease.clamp(Duration::from_millis(100), LONGEST),
            deadline,
            is_strict: wishes.order.unwrap_or_default() == Order::Strict,
            known: Known::default(),
        });
        let remote = Remote::start("copilot-outbox")?;
        let opened = engine.clone();
        remote
            .run(async move {
                migrate::check(&opened.store).await?;
                books::forget_processes(&opened).await?;
                books::recount(&opened).await
            })
            .await?;
        let stores = engine.clone();
        let storing = remote.spawn(async move {
            tokio::select! {
                () = storing::run(&stores) => (),
                () = stores.intake.keep_count(|| books::recount(&stores)) => (),
            }
        });
        Ok(PostgresOutbox { engine, remote: Some(remote), storing: Mutex::new(Some(storing)) })
    }
}

impl PostgresOutbox {
    /// Opens the outbox in a database, as [`PostgresOutboxBuilder::open`] does.
    ///
    /// The URL is `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, of several hosts `HOST:PORT,HOST:PORT`. Its query may say what the builder
    /// says; as with libpq `application_name`, `target_session_attrs=read-write`, `load_balance_hosts`, `channel_binding`, and where and who
    /// (`host`, `hostaddr`, `port`, `dbname`, `user`, `password`); and of TLS:
    /// `sslmode=verify-full`, the default for other machines (`require` means the same here), or `sslmode=disable`, the default for this one;
    /// `sslrootcert=FILE`, the certificates in PEM to trust instead of the system's. Anything else is refused.
    ///
    /// # Errors
    ///
    /// Those of [`PostgresOutboxBuilder::open`].
    pub async fn open(url: &str) -> Result<Self, OutboxError> {
        Self::builder(url).open().await
    }

    /// An outbox in a database that is not as usual.
    pub fn builder(url: &str) -> PostgresOutboxBuilder {
        PostgresOutboxBuilder { url: url.to_owned(), wishes: Wishes::default() }
    }

    /// Brings the outbox's tables and functions in a database up to this version, or makes them. Several processes may do so at once. The role
    /// of the URL will own them. A tool of yours can apply the files of this crate's folder `sql` instead, in their order, each in one
    /// transaction.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached, or the role may not make a schema; what was applied stays.
    ///
    /// # Cancel safety
    ///
    /// A step that began is finished or rolled back.
    pub async fn migrate(url: &str) -> Result<(), OutboxError> {
        let (address, _) = Address::read(url)?;
        let remote = Remote::start("copilot-migrate")?;
        remote.run(migrate::migrate(Arc::new(address))).await
    }

    /// Puts an event in by a transaction of yours: it is delivered exactly when that commits. It asks for no room, and goes by
    /// `copilot_report`, which the transaction's role must be allowed to execute. Nothing is prepared, so that it works behind a pool of
    /// transactions.
    ///
    /// # Errors
    ///
    /// When the event breaks the contract: the error gives it back, and the transaction is as before. When the database refuses the statement:
    /// the transaction has failed, and is to be rolled back.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the event may or may not be part of the transaction: roll it back.
    pub async fn report_in(
        &self,
        transaction: &impl GenericClient,
        event: &Event,
    ) -> Result<(), ReportError> {
        let given_back = || Some(Reported::Event(event.clone()));
        InvalidInput::if_any(event.violations(clock::now()))
            .map_err(|invalid| ReportError::invalid(invalid, given_back()))?;
        if event.order_key().is_none() {
            return Err(ReportError::apart(Reported::Event(event.clone())));
        }
        let mut json = Vec::with_capacity(512);
        event.write(&mut json);
        let json = String::from_utf8(json).unwrap_or_default();
        let reported =
            transaction.query_typed("SELECT public.copilot_report($1::json)", &[(&json, Type::TEXT)]).await;
        reported
            .map(drop)
            .map_err(|error| ReportError::outbox(fault::error(self.engine.place(), &error), given_back()))
    }

    async fn run<T: Send + 'static, F>(&self, work: impl FnOnce(Arc<Engine>) -> F) -> Result<T, OutboxError>
    where
        F: Future<Output = Result<T, OutboxError>> + Send + 'static,
    {
        match &self.remote {
            Some(remote) => remote.run(work(self.engine.clone())).await,
            None => Err(fault::new(self.engine.place(), Fault::Closed)),
        }
    }

    fn check_process(&self) -> Result<(), OutboxError> {
        self.remote.as_ref().map_or(Ok(()), Remote::check_process)
    }
}

#[async_trait]
impl Outbox for PostgresOutbox {
    fn abilities(&self) -> Abilities {
        Abilities { shared: true, ..Abilities::of_one_process(true) }
    }

    fn signals(&self) -> &Signals {
        &self.engine.intake.signals
    }

    fn hand_over(&self, item: Item) -> Result<HandedOver, Refused> {
        if let Err(error) = self.check_process() {
            return Err(Refused { item: Box::new(item), error });
        }
        let refused =
            |item, why| Refused { item: Box::new(item), error: fault::new(self.engine.place(), why) };
        // Before its JSON is written: a full outbox gives back what it got.
        if let Some(why) = self.engine.intake.refuses(0) {
            return Err(refused(item, why));
        }
        let appended = self.engine.intake.append(item.into_record());
        appended.map_err(|(record, why)| refused(Item::from_record(*record), why))
    }

    async fn bind(&self, owner: &Owner, rebind: bool) -> Result<(), OutboxError> {
        let owner = owner.clone();
        self.run(|engine| async move { books::bind(&engine, owner, rebind).await }).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Leased, OutboxError> {
        let request = *request;
        if self.engine.intake.is_closed() {
            return Err(fault::new(self.engine.place(), Fault::Closed));
        }
        self.run(|engine| async move { taking::lease(&engine, request).await }).await
    }

    async fn extend(&self, lease: &Lease) -> Result<(), OutboxError> {
        let (fence, lanes) = (lease.fence, lease.lanes);
        self.run(|engine| async move { taking::extend(&engine, fence, lanes).await }).await
    }

    async fn settle(&self, lease: Lease, ends: Vec<End>) -> Result<(), Unsettled> {
        let of_nothing =
            Lease { fence: lease.fence, lanes: lease.lanes, items: Vec::new(), lasts: lease.lasts };
        let settled = self.run(|engine| async move { Ok(taking::settle(&engine, lease, ends).await) }).await;
        // The thread has ended with what it was given: the database has it still.
        match settled {
            Ok(settled) => settled,
            Err(error) => Err(Unsettled { lease: of_nothing, ends: Vec::new(), error }),
        }
    }

    async fn dead_letters(&self, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        self.run(|engine| async move { books::dead_letters(&engine, after, limit).await }).await
    }

    async fn put_back(&self, id: u64, mended: Option<Item>) -> Result<bool, OutboxError> {
        let mended = mended.map(Item::into_record);
        self.run(|engine| async move { books::put_back(&engine, id, mended).await }).await
    }

    async fn drop_dead_letters(&self, ids: &[u64]) -> Result<u64, OutboxError> {
        let ids = ids.to_vec();
        self.run(|engine| async move { books::drop_dead_letters(&engine, ids).await }).await
    }

    /// Waits until the lane of the user is idle; no courier leases it meanwhile. What a transaction that has not committed yet puts in is not
    /// found.
    async fn forget(&self, user_id: &str) -> Result<Forgotten, OutboxError> {
        let user_id = user_id.to_owned();
        self.run(|engine| async move { removal::forget(&engine, user_id).await }).await
    }

    async fn retain(&self, retention: &Retention) -> Result<Vec<Removed>, OutboxError> {
        let retention = *retention;
        self.run(|engine| async move { removal::retain(&engine, retention).await }).await
    }

    async fn counts(&self) -> Result<Counts, OutboxError> {
        self.run(|engine| async move { books::counts(&engine).await }).await
    }

    async fn places(&self) -> Result<(Option<u64>, u64), OutboxError> {
        self.run(|engine| async move { books::places(&engine).await }).await
    }

    fn held_up(&self) -> Option<HeldUp> {
        self.engine.held().writer.as_ref().map(|writer| writer.held_up.clone())
    }

    fn pending_now(&self) -> u64 {
        if self.check_process().is_ok() { self.engine.intake.pending() } else { 0 }
    }

    /// Stores what was handed over, or gives it back to who waits for it. Everything stays in the database.
    async fn close(&self) -> Vec<Item> {
        if self.check_process().is_ok() {
            self.engine.intake.close();
            let storing = self.storing.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(storing) = storing {
                let _ = storing.await;
            }
        }
        Vec::new()
    }

    fn place(&self) -> Option<String> {
        Some(self.engine.place().to_owned())
    }
}

/// Stores what was handed over, without waiting for it.
impl Drop for PostgresOutbox {
    fn drop(&mut self) {
        let Some(remote) = self.remote.take() else { return };
        if remote.check_process().is_err() {
            return;
        }
        self.engine.intake.close();
        let storing = self.storing.lock().unwrap_or_else(PoisonError::into_inner).take();
        remote.end_after(async move {
            if let Some(storing) = storing {
                let _ = storing.await;
            }
        });
    }
}

impl fmt::Debug for PostgresOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOutbox").field("place", &self.engine.place()).finish_non_exhaustive()
    }
}
