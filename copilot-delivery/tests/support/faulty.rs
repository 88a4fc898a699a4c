//! An outbox in memory that fails when it is told to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use copilot_delivery::{
    Item, MemoryOutbox, Outbox,
    outbox::{
        Abilities, Counts, DeadLetter, End, Fault, Forgotten, HandedOver, Lease, LeaseRequest, Leased,
        OutboxError, Owner, Refused, Removed, Retention, Signals, Unsettled,
    },
};
use tokio::sync::oneshot;

/// What fails.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    pub(crate) counts: AtomicBool,
    pub(crate) lease: AtomicBool,
    pub(crate) settle: AtomicBool,
    pub(crate) lease_panics: AtomicBool,
    /// Closing takes half a second.
    pub(crate) close: AtomicBool,
    /// Items are stored later, and then it turns out that they cannot be.
    pub(crate) storing: AtomicBool,
}

#[derive(Debug, Default)]
pub(crate) struct FaultyOutbox {
    inner: MemoryOutbox,
    pub(crate) fails: Arc<Switches>,
    durable: bool,
}

impl FaultyOutbox {
    /// One that says that items outlive the process: the reporter keeps who waits for them.
    pub(crate) fn durable() -> Self {
        Self { durable: true, ..Self::default() }
    }

    /// With room for so many items.
    pub(crate) fn with_room(self, items: u64) -> Self {
        Self { inner: MemoryOutbox::with_capacity(items, 1 << 30), ..self }
    }

    fn check(&self, fails: &AtomicBool) -> Result<(), OutboxError> {
        if fails.load(Ordering::Relaxed) {
            Err(OutboxError::new(Fault::Engine, "it was told to fail"))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Outbox for FaultyOutbox {
    fn abilities(&self) -> Abilities {
        Abilities::of_one_process(self.durable)
    }

    fn signals(&self) -> &Signals {
        self.inner.signals()
    }

    fn hand_over(&self, item: Item) -> Result<HandedOver, Refused> {
        if let Err(error) = self.check(&self.fails.storing) {
            let (answer, stored) = oneshot::channel();
            answer.send(Err(Refused { item: Box::new(item), error })).unwrap();
            return Ok(HandedOver::Storing(stored));
        }
        self.inner.hand_over(item)
    }

    async fn bind(&self, owner: &Owner, rebind: bool) -> Result<(), OutboxError> {
        self.inner.bind(owner, rebind).await
    }

    async fn lease(&self, request: &LeaseRequest) -> Result<Leased, OutboxError> {
        assert!(!self.fails.lease_panics.load(Ordering::Relaxed), "told to");
        self.check(&self.fails.lease)?;
        self.inner.lease(request).await
    }

    async fn settle(&self, lease: Lease, ends: Vec<End>) -> Result<(), Unsettled> {
        match self.check(&self.fails.settle) {
            Ok(()) => self.inner.settle(lease, ends).await,
            Err(error) => Err(Unsettled { lease, ends, error }),
        }
    }

    async fn dead_letters(&self, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        self.inner.dead_letters(after, limit).await
    }

    async fn put_back(&self, id: u64, mended: Option<Item>) -> Result<bool, OutboxError> {
        self.inner.put_back(id, mended).await
    }

    async fn drop_dead_letters(&self, ids: &[u64]) -> Result<u64, OutboxError> {
        self.inner.drop_dead_letters(ids).await
    }

    async fn forget(&self, user_id: &str) -> Result<Forgotten, OutboxError> {
        self.inner.forget(user_id).await
    }

    async fn retain(&self, retention: &Retention) -> Result<Vec<Removed>, OutboxError> {
        self.inner.retain(retention).await
    }

    async fn counts(&self) -> Result<Counts, OutboxError> {
        self.check(&self.fails.counts)?;
        self.inner.counts().await
    }

    fn pending_now(&self) -> u64 {
        self.inner.pending_now()
    }

    async fn close(&self) -> Vec<Item> {
        if self.fails.close.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        // What is durable stays.
        if self.durable { Vec::new() } else { self.inner.close().await }
    }

    fn place(&self) -> Option<String> {
        self.durable.then(|| "a test".to_owned())
    }
}
