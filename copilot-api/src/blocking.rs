//! The client for programs without an async runtime.
//!
//! ```no_run
//! use copilot_api::{NewEvent, blocking, types::ThingConnectedPayload};
//!
//! let client = blocking::Client::from_env()?;
//! client.collect_one(ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").build()?.event())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{fmt, mem, process, sync::Arc};

use copilot_gen::types::Event;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    CollectError, CollectOneError, CollectReport, Credentials, Endpoints, Error, collect::blocking as collect,
};

/// As [`crate::Client`], but each call blocks its thread until it is done.
///
/// ```no_run
/// use copilot_api::{Client, Credentials, Endpoints, blocking};
///
/// let configured = Client::builder(Credentials::new("id", "secret")?, Endpoints::environment("acme")?).build()?;
/// let client = blocking::Client::over(configured)?;
/// client.set_consent("user-7", true)?;
/// # Ok::<(), copilot_api::Error>(())
/// ```
///
/// Not for use inside an async runtime, the threads of its `spawn_blocking` included: a call there fails with
/// [`Error::is_configuration`]. Use [`crate::Client`] there. A call in a process that was forked after the client was made
/// fails in the same way, since the thread that would do the work is its parent's: make the client in the child.
#[derive(Clone, Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Arc<OwnRuntime>,
}

impl Client {
    /// A client with the defaults of [`crate::Client::builder`].
    ///
    /// # Errors
    ///
    /// As [`crate::Client::new`], and when the system gives no thread or event queue.
    pub fn new(credentials: Credentials, endpoints: Endpoints) -> Result<Self, Error> {
        Self::over(crate::Client::new(credentials, endpoints)?)
    }

    /// A client for what the `COPILOT_*` environment variables name.
    ///
    /// # Errors
    ///
    /// As [`crate::Client::from_env`], and when the system gives no thread or event queue.
    pub fn from_env() -> Result<Self, Error> {
        Self::over(crate::Client::from_env()?)
    }

    /// A client that was configured with [`crate::Client::builder`].
    ///
    /// # Errors
    ///
    /// When the system gives no thread or event queue.
    pub fn over(client: crate::Client) -> Result<Self, Error> {
        // A worker of its own keeps idle connections alive between calls.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(Error::configuration)?;
        Ok(Self { client, runtime: Arc::new(OwnRuntime { runtime: Some(runtime), process: process::id() }) })
    }

    /// As [`crate::Client::collect_one`].
    ///
    /// # Errors
    ///
    /// As [`crate::Client::collect_one`].
    pub fn collect_one(&self, event: Event) -> Result<(), CollectOneError> {
        match self.runtime.enter() {
            Ok(runtime) => runtime.block_on(self.client.collect_one(event)),
            Err(error) => Err(CollectOneError::new(error, event)),
        }
    }

    /// As [`crate::Client::collect`].
    ///
    /// # Errors
    ///
    /// As [`crate::Client::collect`].
    pub fn collect(&self, events: impl IntoIterator<Item = Event>) -> Result<CollectReport, CollectError> {
        let runtime = self.runtime.enter().map_err(collect::fail_before_reading)?;
        // The iterator runs outside the runtime, so that it may block as well.
        collect::collect(&self.client, events.into_iter(), |delivery, unit| {
            runtime.block_on(delivery.deliver(unit))
        })
    }

    /// As [`crate::Client::set_consent`].
    ///
    /// # Errors
    ///
    /// As [`crate::Client::set_consent`].
    pub fn set_consent(&self, user_id: impl Into<String>, consent_value: bool) -> Result<(), Error> {
        self.runtime.enter()?.block_on(self.client.set_consent(user_id, consent_value))
    }
}

/// A runtime that may be dropped anywhere.
struct OwnRuntime {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// The process that has its threads.
    process: u32,
}

impl OwnRuntime {
    fn enter(&self) -> Result<&Runtime, Error> {
        let misuse = match &self.runtime {
            _ if !self.is_here() => Misuse::Forked,
            Some(runtime) if Handle::try_current().is_err() => return Ok(runtime),
            _ => Misuse::InsideRuntime,
        };
        Err(Error::configuration(misuse))
    }

    fn is_here(&self) -> bool {
        self.process == process::id()
    }
}

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            if self.is_here() {
                runtime.shutdown_background();
            } else {
                // Its threads are in another process, and so are those that hold its locks.
                mem::forget(runtime);
            }
        }
    }
}

impl fmt::Debug for OwnRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtime")
    }
}

/// A call from where it would panic or hang.
#[derive(Debug)]
enum Misuse {
    /// On a thread of an async runtime.
    InsideRuntime,
    /// In a process that was forked after the client was made.
    Forked,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InsideRuntime => {
                "the blocking client was called inside an async runtime; use copilot_api::Client there"
            }
            Self::Forked => {
                "the blocking client was made before this process was forked, and its thread stayed with the parent; \
                 make a client in the child"
            }
        })
    }
}

impl std::error::Error for Misuse {}
