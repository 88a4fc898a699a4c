//! The outbox in a file: what was taken is on the disk, and is still there after a crash.
//!
//! `open` takes the file, `schema` makes its tables, `store` is it while it is open, `worker` the one thread that uses it, `inbox` what that thread is given;
//! `taking`, `letters` and `removal` are what it does, `row` and `books` what it writes, `reserve` what it keeps for a full disk.

mod books;
mod column;
mod fault;
mod inbox;
mod leases;
mod letters;
mod open;
mod place;
mod removal;
mod reserve;
mod row;
mod schema;
mod store;
mod taking;
mod worker;

use std::{
    fmt,
    path::{Path, PathBuf},
    process,
    sync::{Arc, atomic::Ordering},
    thread,
};

use async_trait::async_trait;
use inbox::{Answer, Ask, Forget, Inbox, Settle};
use tokio::sync::oneshot;
use worker::Worker;

use crate::{
    Item, LaneSet,
    outbox::{
        Abilities, Counts, DeadLetter, End, Fault, Forgotten, HandedOver, Lease, LeaseRequest, Leased,
        Outbox, OutboxError, Owner, Refused, Removed, Retention, Signals, Unsettled,
    },
    room::Sum,
};

/// Keeps items in a file, a SQLite database: once an item is stored, it outlives the process, and by default a power cut.
///
/// One thread has the file. It stores what waits with one commit, so that many who report at once share the disk's time.
/// Between reports it costs nothing.
///
/// - **The file** is readable for its user alone (on Unix). Beside it are its journal, `NAME-wal`, and `NAME.reserve`, 4 MiB
///   that are given up when the disk is full, so that what was delivered can still be deleted: then items are refused
///   until there is room again. What was forgotten is overwritten at once, what was delivered at the latest when the file is closed.
/// - **One process** has it at a time: another one gets [`Fault::InUse`]. The same goes for a second outbox of this process. After
///   a fork the child cannot use it.
/// - **A broken file** is moved away, as `NAME.corrupt-` and a number, with its journal, and a new one is begun:
///   [`set_aside`](Self::set_aside) says where it is. To find that out, opening reads the whole file.
/// - **With** [`close`](Outbox::close) the file is released when the future ends. Dropping an outbox releases it a moment later.
///
/// ```
/// # fn main() -> Result<(), copilot_delivery::OutboxError> {
/// # let folder = std::env::temp_dir().join(format!("copilot-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let file = folder.join("copilot.outbox");
/// use copilot_delivery::{Durability, SqliteOutbox};
///
/// let outbox = SqliteOutbox::builder(&file).durability(Durability::KilledProcess).open()?;
/// assert_eq!(outbox.set_aside(), None);
/// # drop(outbox);
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok(())
/// # }
/// ```
pub struct SqliteOutbox {
    inbox: Arc<Inbox>,
    path: PathBuf,
    set_aside: Option<PathBuf>,
    /// Whose thread it is: after a fork, the child has none.
    process: u32,
}

/// What an item that was stored outlives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A power cut: each commit waits for the disk (`synchronous=FULL`).
    #[default]
    PowerCut,
    /// A killed process, but not a power cut or a crash of the system: what was stored last may be lost by that
    /// (`synchronous=NORMAL`).
    KilledProcess,
}

impl Durability {
    fn pragma(self) -> &'static str {
        match self {
            Self::PowerCut => "FULL",
            Self::KilledProcess => "NORMAL",
        }
    }
}

/// Opens a [`SqliteOutbox`] that is not as usual.
#[derive(Clone, Debug)]
#[must_use = "a builder opens nothing before `open`"]
pub struct SqliteOutboxBuilder {
    path: PathBuf,
    durability: Durability,
    limits: Sum,
}

impl SqliteOutboxBuilder {
    /// What an item that was stored outlives: by default a power cut.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How many items it holds at most, by default 1,000,000. Dead letters do not count. 0 counts as 1.
    pub fn max_items(mut self, items: u64) -> Self {
        self.limits.items = items.max(1);
        self
    }

    /// How many bytes of JSON it holds at most, by default 1 GiB. Dead letters do not count; the file is somewhat larger.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Opens the file, or begins one. It blocks while the file is read.
    ///
    /// # Errors
    ///
    /// By [`OutboxError::fault`]: [`InUse`](Fault::InUse), [`ReadOnly`](Fault::ReadOnly), [`Newer`](Fault::Newer);
    /// [`Foreign`](Fault::Foreign), where another program's file has that name; [`Unsafe`](Fault::Unsafe), where the folder is on
    /// a network file system (only Linux tells), or the program brought a SQLite older than 3.51.3; [`DiskFull`](Fault::DiskFull),
    /// where there is no room to begin one; [`Engine`](Fault::Engine) otherwise, as where there is no such folder.
    pub fn open(self) -> Result<SqliteOutbox, OutboxError> {
        let opened = open::open(&self.path, self.durability)?;
        let (path, set_aside) = (opened.path.clone(), opened.set_aside.clone());
        let inbox = Arc::new(Inbox::new(self.limits, opened.books.pending()));
        let worker = Worker::new(opened, Arc::clone(&inbox));
        thread::Builder::new()
            .name("copilot-outbox".to_owned())
            .spawn(move || worker.run())
            .map_err(|error| fault::file(&path, error))?;
        Ok(SqliteOutbox { inbox, path, set_aside, process: process::id() })
    }
}

impl SqliteOutbox {
    /// Opens the outbox in that file, or begins one, as [`SqliteOutboxBuilder::open`] does.
    ///
    /// # Errors
    ///
    /// Those of [`SqliteOutboxBuilder::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OutboxError> {
        Self::builder(path).open()
    }

    /// An outbox in that file that is not as usual.
    pub fn builder(path: impl AsRef<Path>) -> SqliteOutboxBuilder {
        SqliteOutboxBuilder {
            path: path.as_ref().to_owned(),
            durability: Durability::default(),
            limits: Sum { items: 1_000_000, bytes: 1024 * 1024 * 1024 },
        }
    }

    /// Where the file was moved that had that name and was broken; none, where nothing was. `sqlite3` and its `.recover` may find in
    /// it what was pending.
    pub fn set_aside(&self) -> Option<PathBuf> {
        self.set_aside.clone()
    }

    /// Copies the outbox, as it is now, into a new file that is an outbox as well: the backup. Nothing is stored or taken out
    /// meanwhile. A copy that is delivered while the outbox is, too, sends everything twice.
    ///
    /// # Errors
    ///
    /// When there is a file of that name, or it cannot be written. Nothing is left of it.
    pub async fn export(&self, path: impl AsRef<Path>) -> Result<(), OutboxError> {
        self.ask(|answer| Ask::Export { path: path.as_ref().to_owned(), answer }).await
    }

    /// How many transactions were committed; for tests and measurements.
    #[doc(hidden)]
    pub fn commits(&self) -> u64 {
        self.inbox.commits.load(Ordering::Relaxed)
    }

    async fn ask<T>(&self, ask: impl FnOnce(Answer<T>) -> Ask) -> Result<T, OutboxError> {
        self.check_process()?;
        let (answer, answered) = oneshot::channel();
        let closed = || fault::new(&self.path, Fault::Closed);
        self.inbox.ask(ask(answer)).map_err(|_| closed())?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// The thread, and whatever it held at that moment, is in the parent.
    fn check_process(&self) -> Result<(), OutboxError> {
        if self.process == process::id() { Ok(()) } else { Err(fault::new(&self.path, Fault::Forked)) }
    }
}

#[async_trait]
impl Outbox for SqliteOutbox {
    fn abilities(&self) -> Abilities {
        Abilities::of_one_process(true)
    }

    fn signals(&self) -> &Signals {
        &self.inbox.signals
    }

    fn hand_over(&self, item: Item) -> Result<HandedOver, Refused> {
        match self.check_process() {
            Ok(()) => self.hand_over_here(item),
            Err(error) => Err(Refused { item: Box::new(item), error }),
        }
    }

    fn hand_over_here(&self, item: Item) -> Result<HandedOver, Refused> {
        let refused = |item, why| Refused { item: Box::new(item), error: fault::new(&self.path, why) };
        // Before its JSON is written: a full outbox gives back what it got.
        if let Some(why) = self.inbox.refuses(0) {
            return Err(refused(item, why));
        }
        let appended = self.inbox.append(item.into_record());
        appended.map(HandedOver::Storing).map_err(|(record, why)| refused(Item::from_record(*record), why))
    }

    async fn bind(&self, owner: &Owner, rebind: bool) -> Result<(), OutboxError> {
        self.ask(|answer| Ask::Bind { owner: owner.clone(), rebind, answer }).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Leased, OutboxError> {
        self.ask(|answer| Ask::Lease { request: *request, answer }).await
    }

    async fn settle(&self, lease: Lease, ends: Vec<End>) -> Result<(), Unsettled> {
        if let Err(error) = self.check_process() {
            return Err(Unsettled { lease, ends, error });
        }
        let (answer, answered) = oneshot::channel();
        let error = fault::new(&self.path, Fault::Closed);
        if let Err(ask) = self.inbox.ask(Ask::Settle(Settle { lease, ends, answer })) {
            let Ask::Settle(Settle { lease, ends, answer: _ }) = *ask else { return Ok(()) };
            return Err(Unsettled { lease, ends, error });
        }
        match answered.await {
            Ok(settled) => settled,
            // The thread ended with what it was given: the file has it still.
            Err(_) => {
                let lease = Lease { fence: 0, lanes: LaneSet::NONE, items: Vec::new(), lasts: None };
                Err(Unsettled { lease, ends: Vec::new(), error })
            }
        }
    }

    async fn dead_letters(&self, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        self.ask(|answer| Ask::DeadLetters { after, limit, answer }).await
    }

    async fn put_back(&self, id: u64, mended: Option<Item>) -> Result<bool, OutboxError> {
        let mended = mended.map(Item::into_record);
        self.ask(|answer| Ask::PutBack { id, mended, answer }).await
    }

    async fn drop_dead_letters(&self, ids: &[u64]) -> Result<u64, OutboxError> {
        self.ask(|answer| Ask::DropDeadLetters { ids: ids.to_vec(), answer }).await
    }

    async fn forget(&self, user_id: &str) -> Result<Forgotten, OutboxError> {
        self.ask(|answer| Ask::Forget(Forget { user_id: user_id.to_owned(), answer })).await
    }

    async fn retain(&self, retention: &Retention) -> Result<Vec<Removed>, OutboxError> {
        self.ask(|answer| Ask::Retain { retention: *retention, answer }).await
    }

    async fn counts(&self) -> Result<Counts, OutboxError> {
        self.ask(|answer| Ask::Counts { handed_over: 0, answer }).await
    }

    fn pending_now(&self) -> u64 {
        if self.check_process().is_ok() { self.inbox.pending() } else { 0 }
    }

    /// Stores what was handed over, and releases the file. Everything stays in it.
    async fn close(&self) -> Vec<Item> {
        let _ = self.ask(|answer| Ask::Close { answer }).await;
        Vec::new()
    }

    fn place(&self) -> Option<String> {
        Some(self.path.display().to_string())
    }
}

/// Stores what was handed over, and releases the file, without waiting for either.
impl Drop for SqliteOutbox {
    fn drop(&mut self) {
        if self.check_process().is_ok() {
            let (answer, _) = oneshot::channel();
            let _ = self.inbox.ask(Ask::Close { answer });
        }
    }
}

impl fmt::Debug for SqliteOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOutbox").field("path", &self.path).finish_non_exhaustive()
    }
}
