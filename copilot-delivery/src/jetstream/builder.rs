//! Opening an outbox on JetStream.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    JetStreamOutbox,
    address::{self, Address},
    engine::{Engine, Settings},
    holding::Holding,
    storing,
};
use crate::{
    outbox::OutboxError,
    remote::{Intake, Remote},
    room::Sum,
};

/// How long leaving the others may take.
const LEAVING: Duration = Duration::from_secs(2);

/// The server knows what is published again for two minutes.
const LONGEST_DEADLINE: Duration = Duration::from_secs(100);

const LEASES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// Opens a [`JetStreamOutbox`] that is not as usual. What it is told counts, before what the URL says.
#[derive(Clone)]
#[must_use = "a builder opens nothing before `open`"]
pub struct JetStreamOutboxBuilder {
    url: String,
    stream: Option<String>,
    replicas: Option<usize>,
    max_items: Option<u64>,
    max_bytes: Option<u64>,
    lease: Option<Duration>,
    deadline: Option<Duration>,
}

impl JetStreamOutboxBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            stream: None,
            replicas: None,
            max_items: None,
            max_bytes: None,
            lease: None,
            deadline: None,
        }
    }

    /// The name of the stream, by default `COPILOT`; in the URL `stream`. Letters, digits, `-` and `_`.
    pub fn stream(mut self, name: &str) -> Self {
        self.stream = Some(name.to_owned());
        self
    }

    /// On how many servers of a cluster each message is kept, by default 1; in the URL `replicas`. For a stream that is made.
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// How many pending items the stream may hold before this process puts nothing more in, by default 1,000,000; in the URL `max_items`.
    /// What others put in is counted every few seconds. Dead letters do not count. 0 counts as 1.
    pub fn max_items(mut self, items: u64) -> Self {
        self.max_items = Some(items);
        self
    }

    /// How many bytes they may be, with what the stream adds, by default 1 GiB; in the URL `max_bytes`.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// For how long a process has lanes without renewing them, by default 10 s; in the URL `lease_ms`, in milliseconds. The same for all that have
    /// the outbox open. At least 1 s, at most 1 h.
    pub fn lease(mut self, lasts: Duration) -> Self {
        self.lease = Some(lasts);
        self
    }

    /// How long an item waits to be acknowledged before it is given back, by default 10 s, at most 100 s; in the URL `deadline_ms`, in milliseconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Connects to the servers, makes what is missing, and takes a share of the lanes.
    ///
    /// # Errors
    ///
    /// By [`OutboxError::fault`]: [`Foreign`](crate::outbox::Fault::Foreign), where something of that name is there and is set up otherwise;
    /// [`Engine`](crate::outbox::Fault::Engine) otherwise: a URL that cannot be read, a server that cannot be reached by the deadline or has no JetStream, or
    /// that refuses the credentials. No error shows a secret.
    ///
    /// # Cancel safety
    ///
    /// What was made stays; lanes that were taken are free when their lease has run out.
    pub async fn open(self) -> Result<JetStreamOutbox, OutboxError> {
        let address = Address::read(&self.url)?;
        let wishes = address.wishes.clone();
        let name = self.stream.or(wishes.stream).unwrap_or_else(|| "COPILOT".to_owned());
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            return Err(address::wrong("names a stream of other characters than letters, digits, - and _"));
        }
        let settings = Settings {
            stream: name,
            replicas: self.replicas.or(wishes.replicas).unwrap_or(1).max(1),
            lease: self.lease.or(wishes.lease).unwrap_or(Duration::from_secs(10)).clamp(LEASES.0, LEASES.1),
            deadline: self
                .deadline
                .or(wishes.deadline)
                .unwrap_or(Duration::from_secs(10))
                .min(LONGEST_DEADLINE),
        };
        let remote = Remote::start("copilot-outbox")?;
        // Not the stream's to keep: see `KEEPS_OLDEST`.
        let intake = Intake::new(Sum {
            items: self.max_items.or(wishes.max_items).unwrap_or(1_000_000).max(1),
            bytes: self.max_bytes.or(wishes.max_bytes).unwrap_or(1024 * 1024 * 1024),
        });
        let (engine, mut holding) = remote
            .run(async move {
                let engine = Arc::new(Engine::connect(&address, settings, intake).await?);
                let holding = Holding::begin(engine.clone()).await?;
                Ok((engine, holding))
            })
            .await?;
        let stop = Arc::new(Notify::new());
        let (works, stops) = (engine.clone(), stop.clone());
        let working = remote.spawn(async move {
            tokio::join!(
                async {
                    tokio::select! {
                        () = holding.run() => {}
                        () = stops.notified() => {}
                    }
                    // Of a server that is away the keys vanish by themselves.
                    let _ = tokio::time::timeout(LEAVING, holding.end()).await;
                },
                async {
                    tokio::select! {
                        () = storing::run(&works) => {}
                        () = works.intake.keep_count(|| super::recount(&works)) => {}
                    }
                },
            );
            // What the server was told last is to arrive.
            let _ = tokio::time::timeout(LEAVING, works.client.flush()).await;
        });
        Ok(JetStreamOutbox { engine, remote: Some(remote), working: Mutex::new(Some((stop, working))) })
    }
}

/// Without the URL, which may hold a secret.
impl fmt::Debug for JetStreamOutboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStreamOutboxBuilder").field("stream", &self.stream).finish_non_exhaustive()
    }
}
