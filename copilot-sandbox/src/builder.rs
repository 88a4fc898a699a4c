//! How a sandbox is started, and why it could not be.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread,
};

use serde_json::Value;
use tokio::{runtime, sync::oneshot};

use crate::{
    Sandbox,
    credentials::Credentials,
    http::{self, connections},
    judge::Judge,
    memory::{Keeps, Memory},
    model::Moment,
    shared::Shared,
};

/// The contract that is enforced: `openapi/copilot.json`, put here by `cargo xtask gen`.
const CONTRACT: &str = include_str!("../generated/contract.json");

/// How many events, users and things are remembered, if nothing else is said.
const KEPT: usize = 100_000;
/// How many bytes a request's body may have, if nothing else is said.
const BODY_LIMIT: usize = 1 << 20;

/// What a sandbox is started with.
#[derive(Clone)]
pub(crate) struct Options {
    address: SocketAddr,
    knows_this_is_not_copilot: bool,
    credentials: Option<(String, String)>,
    data: Option<PathBuf>,
    pub(crate) seed: u64,
    pub(crate) keeps: Keeps,
    pub(crate) body_limit: usize,
    pub(crate) log_requests: bool,
    pub(crate) clock: Option<Moment>,
}

/// How a sandbox is to be; [`SandboxBuilder::start`] starts it.
#[derive(Clone)]
#[must_use]
pub struct SandboxBuilder {
    options: Options,
}

impl fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { address, data, seed, keeps, body_limit, .. } = &self.options;
        f.debug_struct("SandboxBuilder")
            .field("address", address)
            .field("data", data)
            .field("seed", seed)
            .field("keeps", keeps)
            .field("body_limit", body_limit)
            .finish_non_exhaustive()
    }
}

impl SandboxBuilder {
    pub(crate) fn new() -> Self {
        Self {
            options: Options {
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                knows_this_is_not_copilot: false,
                credentials: None,
                data: None,
                seed: 0,
                keeps: Keeps::newest(KEPT),
                body_limit: BODY_LIMIT,
                log_requests: false,
                clock: None,
            },
        }
    }

    /// Listens on this port. Without it, on a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.options.address.set_port(port);
        self
    }

    /// Listens on this address. One that other machines can reach also needs
    /// [`i_know_this_is_not_copilot`](Self::i_know_this_is_not_copilot): whoever reaches a sandbox can read what
    /// arrived.
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.options.address.set_ip(address);
        self
    }

    /// Says that an address which other machines can reach is meant.
    pub fn i_know_this_is_not_copilot(mut self) -> Self {
        self.options.knows_this_is_not_copilot = true;
        self
    }

    /// Asks clients for these credentials. Without it, the sandbox makes some up.
    pub fn credentials(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.options.credentials = Some((client_id.into(), client_secret.into()));
        self
    }

    /// What the dice of the faults begin with (0 without it): with the same seed and the same requests in the same
    /// order, the same of them fail.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Remembers that many of the newest events, and of users and things those seen last; 100,000 without it. The
    /// events' text is bounded to about 512 MiB besides.
    pub fn keep(mut self, events: usize) -> Self {
        self.options.keeps = Keeps::newest(events.max(1));
        self
    }

    /// How many bytes the body of a request may have: more is answered with 413. 1 MiB without it; Copilot.cx
    /// publishes no limit.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body_limit = bytes;
        self
    }

    /// Judges the times of events as if it were always this moment, in milliseconds since 1970-01-01T00:00:00Z, so that
    /// recorded events stay good. Without it, by the clock of this machine.
    ///
    /// When something arrived is told by the clock of this machine all the same.
    pub fn clock(mut self, millis: i64) -> Self {
        self.options.clock = Some(Moment::from_millis(millis));
        self
    }

    /// Keeps what is remembered in this file across restarts. A request is answered once what it brought is in the
    /// file.
    #[cfg(feature = "data")]
    pub fn data(mut self, file: impl Into<PathBuf>) -> Self {
        self.options.data = Some(file.into());
        self
    }

    /// Writes one line for each request to standard error.
    pub fn log_requests(mut self) -> Self {
        self.options.log_requests = true;
        self
    }

    /// Starts the sandbox. It has threads of its own, so it works in any test, with a runtime or without.
    ///
    /// # Errors
    ///
    /// When the address is not free or not allowed, the credentials cannot be sent in a header, or the file cannot be
    /// read.
    pub fn start(self) -> Result<Sandbox, StartError> {
        let options = self.options;
        if !options.address.ip().is_loopback() && !options.knows_this_is_not_copilot {
            return Err(StartError::new(
                "other machines could reach this address and read what arrives; say that you know this is not Copilot",
            ));
        }
        let credentials = match options.credentials.clone() {
            Some((client_id, client_secret)) => {
                Credentials::given(client_id, client_secret).map_err(StartError::new)?
            }
            None => Credentials::generate(),
        };
        let contract: Value = serde_json::from_str(CONTRACT)
            .map_err(|source| StartError::from("the contract is no JSON", source))?;
        let judge = Judge::new(&contract)
            .map_err(|source| StartError::from("the contract cannot be used", source))?;
        let memory = Memory::new(options.keeps, options.data.is_some());
        #[cfg(feature = "data")]
        let (store, memory) = restore(&options, &judge, memory)?;

        let could_not = |what| move |source: io::Error| StartError::from(what, source);
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("copilot-sandbox")
            .enable_all()
            .build()
            .map_err(could_not("no threads could be started"))?;
        let listening = {
            // The caller may be inside of a runtime of its own, which must not be blocked by this one.
            let _inside = runtime.enter();
            connections::listen(options.address)
        };
        let listener = match listening {
            Ok(listener) => listener,
            Err(source) => {
                runtime.shutdown_background();
                return Err(StartError::from(format!("{} cannot be listened on", options.address), source));
            }
        };
        let address = listener.local_addr().map_err(could_not("the address is not known"))?;

        let shared = Arc::new(Shared::new(
            contract,
            judge,
            credentials,
            address,
            &options,
            #[cfg(feature = "data")]
            store,
            memory,
        ));
        let router = http::router(Arc::clone(&shared));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = thread::Builder::new()
            .name("copilot-sandbox".to_owned())
            .spawn(move || {
                let until = async { drop(stopped.await) };
                runtime.block_on(connections::serve(listener, router, connections::Limits::default(), until));
            })
            .map_err(could_not("no thread could be started"))?;
        Ok(Sandbox::running(shared, stop, server))
    }
}

#[cfg(feature = "data")]
fn restore(
    options: &Options,
    judge: &Judge,
    mut memory: Memory,
) -> Result<(Option<crate::store::Store>, Memory), StartError> {
    let Some(path) = &options.data else { return Ok((None, memory)) };
    let (store, restored) = crate::store::Store::open(path)
        .map_err(|source| StartError::from(format!("{} cannot be used", path.display()), source))?;
    memory.restore(restored, |event_type| judge.knows(event_type));
    Ok((Some(store), memory))
}

/// Why a sandbox could not be started.
#[derive(Debug)]
pub struct StartError {
    problem: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StartError {
    fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), source: None }
    }

    fn from(problem: impl Into<String>, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Box::new(source)), ..Self::new(problem) }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
