//! Starting delivery.

use std::{
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::Duration,
};

use copilot_api::Client;
use tokio::{runtime, sync::mpsc};

use super::{Handle, Reporter};
use crate::{
    MemoryOutbox,
    courier::{Courier, Settings},
    outbox::{Fault, Outbox, OutboxError, Owner, Retention},
    shared::Shared,
};

/// How long dead letters are kept, unless it is set.
const KEEP_DEAD_LETTERS: Duration = Duration::from_secs(30 * 86_400);

/// Configures delivery: [`Reporter::builder`].
#[derive(Debug)]
pub struct ReporterBuilder {
    client: Client,
    outbox: Option<Arc<dyn Outbox>>,
    settings: Settings,
    rebind: bool,
}

impl ReporterBuilder {
    pub(super) fn new(client: Client) -> Self {
        let retention = Retention { max_dead_age: Some(KEEP_DEAD_LETTERS), ..Retention::default() };
        let settings = Settings { linger: Duration::from_secs(1), max_in_flight: 4, retention };
        Self { client, outbox: None, settings, rebind: false }
    }

    /// Keeps items there. In memory unless set.
    #[must_use]
    pub fn outbox(self, outbox: impl Outbox) -> Self {
        self.shared_outbox(Arc::new(outbox))
    }

    /// As [`outbox`](Self::outbox), of one that the program keeps a hand on. It has one reporter at a time, and its clones.
    #[must_use]
    pub fn shared_outbox(self, outbox: Arc<dyn Outbox>) -> Self {
        Self { outbox: Some(outbox), ..self }
    }

    /// How long an item waits for others to go with. 1 s unless set; 100 items or 450,000 bytes go at once.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// How many requests are on their way at most, each of other users and things. 4 unless set. 0 only hands over to an outbox
    /// that other processes empty; to one of this process alone, it counts as 1.
    #[must_use]
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.settings.max_in_flight = requests;
        self
    }

    /// How long and how much the outbox keeps. Unless set, what is pending is kept until the contract ends it, and dead
    /// letters for 30 days.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.settings.retention = retention;
        self
    }

    /// Takes over an outbox that belongs to another client id or endpoint: what it holds then goes to this one.
    #[must_use]
    pub fn rebind(self) -> Self {
        Self { rebind: true, ..self }
    }

    /// Starts delivery, on a thread of its own.
    ///
    /// # Errors
    ///
    /// When the outbox is that of another client id or endpoint ([`OutboxError::is_bound_elsewhere`]), when another reporter
    /// has it ([`InUse`](Fault::InUse)), when it cannot be read, and when the client or the thread cannot be made.
    pub fn start(self) -> Result<Reporter, OutboxError> {
        let owner = owner_of(&self.client);
        let engine = |message: &str| OutboxError::new(Fault::Engine, message);
        // Connections of its own: those of the caller's client are driven by the caller's runtime.
        let client = self
            .client
            .to_builder()
            .build()
            .map_err(|error| engine("the client of the courier cannot be made").with_source(error))?;
        let outbox = self.outbox.unwrap_or_else(|| Arc::new(MemoryOutbox::new()));
        let mut settings = self.settings;
        if !outbox.abilities().shared {
            settings.max_in_flight = settings.max_in_flight.max(1);
        }
        let serving = Serving::begin(&outbox)?;
        let shared = Arc::new(Shared::new(outbox));
        let (orders, inbox) = mpsc::unbounded_channel();
        let (started, outcome) = std::sync::mpsc::channel();
        let (courier_shared, rebind) = (shared.clone(), self.rebind);
        let work = move || {
            let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    drop(serving);
                    let failed = OutboxError::new(Fault::Engine, "the courier's runtime cannot be made");
                    let _ = started.send(Err(failed.with_source(error)));
                    return;
                }
            };
            let shared = courier_shared;
            let _guard = Guard(shared.clone());
            runtime.block_on(async {
                let bound = shared.outbox.bind(&owner, rebind).await;
                let is_bound = bound.is_ok();
                // Whoever hears of a failure may try again at once.
                let _serving = is_bound.then_some(serving);
                let _ = started.send(bound);
                if is_bound {
                    let courier = Courier::new(client, shared.clone(), settings, inbox);
                    courier.run().await;
                }
            });
        };
        thread::Builder::new()
            .name("copilot-courier".to_owned())
            .spawn(work)
            .map_err(|error| engine("the courier's thread cannot be started").with_source(error))?;
        outcome.recv().map_err(|_| engine("the courier ended before it began"))??;
        let keeps_items = !shared.outbox.abilities().durable;
        let handle = Handle {
            shared,
            orders,
            process: std::process::id(),
            next_key: AtomicU64::new(fastrand::u64(..)),
            looked: AtomicU64::new(0),
            keeps_items,
            client_id: self.client.client_id().to_owned(),
            client: std::sync::Mutex::new(self.client),
        };
        Ok(Reporter { handle: Arc::new(handle) })
    }
}

/// Whatever ends the courier, a panic included: nothing is taken that nobody would deliver, and nobody waits for it.
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!("the courier panicked: nothing is delivered any more");
            self.0.stopped();
            drop(pollster::block_on(self.0.outbox.close()));
            self.0.tell_the_rest();
        }
    }
}

/// The one courier of an outbox: two would wake each other's, and settle items that the other's tickets wait for.
struct Serving(Arc<dyn Outbox>);

impl Serving {
    fn begin(outbox: &Arc<dyn Outbox>) -> Result<Self, OutboxError> {
        if outbox.signals().begin() {
            return Ok(Self(outbox.clone()));
        }
        Err(OutboxError::new(Fault::InUse, "another reporter of this process has the outbox: clone that one"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.signals().end();
    }
}

fn owner_of(client: &Client) -> Owner {
    let mut url = client.endpoints().collect_url().clone();
    url.set_query(None);
    Owner { client_id: client.client_id().to_owned(), endpoint: url.into() }
}
