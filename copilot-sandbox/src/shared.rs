//! What the parts of a running sandbox share.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value;
use tokio::sync::watch;

use crate::{
    credentials::Credentials,
    faults::{Fault, Faults, InvalidFault, Operation},
    judge::Judge,
    memory::{Changes, Keeps, Memory},
    model::{Moment, Statistics},
};

/// What the parts of a running sandbox share.
pub(crate) struct Shared {
    /// The contract, as it is published.
    pub(crate) contract: Value,
    pub(crate) judge: Judge,
    pub(crate) credentials: Credentials,
    pub(crate) address: SocketAddr,
    pub(crate) seed: u64,
    pub(crate) keeps: Keeps,
    /// How many bytes a request's body may have.
    pub(crate) body_limit: usize,
    pub(crate) log_requests: bool,
    /// Where the clock stands still by which events are judged.
    pub(crate) clock: Option<Moment>,
    #[cfg(feature = "data")]
    pub(crate) store: Option<crate::store::Store>,
    memory: Mutex<Memory>,
    faults: Mutex<Faults>,
    requests: AtomicU64,
    changed: watch::Sender<()>,
}

/// The file of the sandbox could not be written.
#[derive(Debug)]
pub(crate) struct NotStored;

impl Shared {
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn new(
        contract: Value,
        judge: Judge,
        credentials: Credentials,
        address: SocketAddr,
        options: &crate::builder::Options,
        #[cfg(feature = "data")] store: Option<crate::store::Store>,
        memory: Memory,
    ) -> Self {
        let requests = memory.events().last().map_or(0, |event| event.request);
        Self {
            contract,
            judge,
            credentials,
            address,
            seed: options.seed,
            keeps: options.keeps,
            body_limit: options.body_limit,
            log_requests: options.log_requests,
            clock: options.clock,
            #[cfg(feature = "data")]
            store,
            memory: Mutex::new(memory),
            faults: Mutex::new(Faults::new(options.seed)),
            requests: AtomicU64::new(requests),
            changed: watch::Sender::new(()),
        }
    }

    /// The address as the start of a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_local(&self) -> bool {
        self.address.ip().is_loopback()
    }

    pub(crate) fn keeps_file(&self) -> bool {
        #[cfg(feature = "data")]
        return self.store.is_some();
        #[cfg(not(feature = "data"))]
        false
    }

    // A thread that panicked while it held a lock leaves counters that may be off by one event, no more.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Switches a fault on.
    pub(crate) fn add_fault(&self, fault: Fault) -> Result<Fault, InvalidFault> {
        let added = self.faults().add(fault, |name| self.judge.knows(name));
        self.tell();
        added
    }

    /// The number of a new request.
    pub(crate) fn number_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let faults = self.faults().count();
        self.memory().statistics(Moment::now(), faults)
    }

    /// Tells those who watch that something changed.
    pub(crate) fn tell(&self) {
        self.changed.send_replace(());
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The path of an operation of the Server API.
    pub(crate) fn path(&self, operation: Operation) -> &str {
        match operation {
            Operation::Collect => self.judge.collect_path(),
            Operation::SetConsent => self.judge.set_consent_path(),
        }
    }

    /// Changes the memory.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Memory) -> Option<Changes>) -> Change {
        let mut memory = self.memory();
        let changes = change(&mut memory);
        // Under the lock: the file must see the changes in the order in which they were made.
        #[cfg(feature = "data")]
        let stored = self.store.as_ref().zip(changes).map(|(store, changes)| store.submit(changes));
        #[cfg(not(feature = "data"))]
        drop(changes);
        let forgotten = memory.forgotten();
        drop(memory);
        drop(forgotten);
        self.tell();
        Change {
            #[cfg(feature = "data")]
            stored,
        }
    }
}

/// A change of the memory, which may still be on its way into the file.
pub(crate) struct Change {
    #[cfg(feature = "data")]
    stored: Option<tokio::sync::oneshot::Receiver<()>>,
}

impl Change {
    /// Waits until it is in the file, if there is one.
    pub(crate) async fn stored(self) -> Result<(), NotStored> {
        #[cfg(feature = "data")]
        if let Some(stored) = self.stored {
            return stored.await.map_err(|_| NotStored);
        }
        Ok(())
    }
}
