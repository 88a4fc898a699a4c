//! The state of a running sandbox, which all of its parts share.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use crate::{
    config::Config,
    contract::Contract,
    credentials::Credentials,
    faults::{Fault, Faults, InvalidFault},
    memory::Memory,
    model::{Moment, Statistics},
};

/// The state of a running sandbox.
pub(crate) struct State {
    pub(crate) contract: Contract,
    pub(crate) credentials: Credentials,
    pub(crate) address: SocketAddr,
    pub(crate) config: Config,
    memory: Mutex<Memory>,
    faults: Mutex<Faults>,
    requests: AtomicU64,
    changed: watch::Sender<()>,
    stops: AtomicBool,
}

impl State {
    pub(crate) fn new(
        contract: Contract,
        credentials: Credentials,
        address: SocketAddr,
        config: Config,
    ) -> Self {
        Self {
            contract,
            credentials,
            address,
            memory: Mutex::new(Memory::new(config.keep)),
            faults: Mutex::new(Faults::new(config.seed)),
            config,
            requests: AtomicU64::new(0),
            changed: watch::Sender::new(()),
            stops: AtomicBool::new(false),
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

    // A thread that panicked while it held a lock leaves counters that may be off by one event, no more.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the memory.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Memory)) {
        change(&mut self.memory());
        self.tell();
    }

    /// Switches a fault on.
    pub(crate) fn add_fault(&self, fault: Fault) -> Result<Fault, InvalidFault> {
        let added = self.faults().add(fault, |name| self.contract.knows(name));
        self.tell();
        added
    }

    /// Switches all faults off.
    pub(crate) fn clear_faults(&self) {
        self.faults().clear();
        self.tell();
    }

    /// Forgets everything, and switches all faults off.
    pub(crate) fn reset(&self) {
        self.faults().clear();
        self.change(Memory::reset);
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

    /// Says to those who watch that there will be nothing more.
    pub(crate) fn stop(&self) {
        self.stops.store(true, Ordering::Relaxed);
        self.tell();
    }

    pub(crate) fn stops(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }
}
