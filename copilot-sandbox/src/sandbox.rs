//! A sandbox in this process: started, looked at, and stopped.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
};

use serde_json::Value;
use tokio::{runtime, sync::oneshot};

use crate::{
    credentials::Credentials,
    faults::{Fault, InvalidFault},
    http::{self, connections},
    judge::Judge,
    memory::{EventFilter, Keeps, Memory},
    model::{Consent, Moment, PreexistingSync, ReceivedEvent, Statistics, Thing, Unsubscribe, User, Verdict},
    shared::Shared,
};

/// The contract that is enforced: `openapi/copilot.json`, put here by `cargo xtask gen`.
const CONTRACT: &str = include_str!("../generated/contract.json");

/// How many events, users and things are remembered, if nothing else is said.
pub(crate) const KEPT: usize = 100_000;
/// How many bytes a request's body may have, if nothing else is said.
pub(crate) const BODY_LIMIT: usize = 1 << 20;

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
    fn new() -> Self {
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
        Ok(Sandbox { shared, stop: Some(stop), server: Some(server) })
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

/// A running sandbox. It stops when this is dropped.
pub struct Sandbox {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts a sandbox on a free port of 127.0.0.1, with credentials that it makes up.
    ///
    /// # Errors
    ///
    /// When no port or thread can be had.
    pub fn start() -> Result<Self, StartError> {
        Self::builder().start()
    }

    /// A sandbox that is not as [`Sandbox::start`] makes it.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::new()
    }

    /// The start of every URL of this sandbox, and the address of its page: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// The whole URL of `collect`.
    pub fn collect_url(&self) -> String {
        self.url() + self.shared.path(crate::Operation::Collect)
    }

    /// The whole URL of `set_consent`.
    pub fn consent_url(&self) -> String {
        self.url() + self.shared.path(crate::Operation::SetConsent)
    }

    /// The client id that it asks for.
    pub fn client_id(&self) -> &str {
        &self.shared.credentials.client_id
    }

    /// The client secret that it asks for.
    pub fn client_secret(&self) -> &str {
        &self.shared.credentials.client_secret
    }

    /// Whether it made them up, so that they may be shown.
    pub fn made_its_credentials(&self) -> bool {
        self.shared.credentials.generated
    }

    /// The events that are remembered, accepted and rejected, in the order of arrival.
    pub fn events(&self) -> Vec<Arc<ReceivedEvent>> {
        self.shared.memory().events()
    }

    /// Those of them that were accepted.
    pub fn accepted(&self) -> Vec<Arc<ReceivedEvent>> {
        self.with(Verdict::Accepted)
    }

    /// Those of them that were rejected.
    pub fn rejected(&self) -> Vec<Arc<ReceivedEvent>> {
        self.with(Verdict::Rejected)
    }

    fn with(&self, verdict: Verdict) -> Vec<Arc<ReceivedEvent>> {
        let mut events = self.events();
        events.retain(|event| event.verdict == verdict);
        events
    }

    /// The newest events about a user, the newest first, 1000 at most.
    pub fn events_of_user(&self, user_id: &str) -> Vec<Arc<ReceivedEvent>> {
        self.find(EventFilter { user_id: Some(user_id.to_owned()), ..EventFilter::default() })
    }

    /// The newest events about a thing, the newest first, 1000 at most.
    pub fn events_of_thing(&self, thing_id: &str) -> Vec<Arc<ReceivedEvent>> {
        self.find(EventFilter { thing_id: Some(thing_id.to_owned()), ..EventFilter::default() })
    }

    fn find(&self, filter: EventFilter) -> Vec<Arc<ReceivedEvent>> {
        let filter = EventFilter { limit: Some(crate::memory::GREATEST_LIMIT), ..filter };
        self.shared.memory().find(&filter).0
    }

    /// The user, if it was heard of.
    pub fn user(&self, user_id: &str) -> Option<User> {
        self.shared.memory().user(user_id)
    }

    /// The thing, if it was heard of.
    pub fn thing(&self, thing_id: &str) -> Option<Thing> {
        self.shared.memory().thing(thing_id)
    }

    /// The users, last seen first.
    pub fn users(&self) -> Vec<User> {
        self.shared.memory().users("", usize::MAX)
    }

    /// The things, last seen first.
    pub fn things(&self) -> Vec<Thing> {
        self.shared.memory().things("", usize::MAX)
    }

    /// What users decided about personal data, the newest change first.
    pub fn consents(&self) -> Vec<Consent> {
        self.shared.memory().consents(usize::MAX)
    }

    /// The e-mail addresses that were unsubscribed, the newest first.
    pub fn unsubscribes(&self) -> Vec<Unsubscribe> {
        self.shared.memory().unsubscribes(usize::MAX)
    }

    /// How far the one-time sync is.
    pub fn sync(&self) -> PreexistingSync {
        self.statistics().sync
    }

    /// Counters since the start or the last reset.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }

    /// Switches a fault on, and returns it with its number.
    ///
    /// # Errors
    ///
    /// When a value of it is out of its range, or a setting has no effect, as a header of a fault that closes the
    /// connection. The error names the place and the rule.
    pub fn add_fault(&self, fault: Fault) -> Result<Fault, InvalidFault> {
        self.shared.add_fault(fault)
    }

    /// The faults that are on.
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.faults().list()
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
        self.shared.tell();
    }

    /// Forgets everything, and switches all faults off.
    pub fn reset(&self) {
        self.shared.faults().clear();
        // The file follows by itself; what is remembered here is gone already.
        let _ = self.shared.change(|memory| memory.reset());
    }

    /// Stops the sandbox, as dropping it does: running requests are given two seconds, and what arrived is in the
    /// file when this returns.
    pub fn stop(self) {}
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
        // Requests that brought no event were counted, and no change has told the file of it.
        let _ = self.shared.change(crate::memory::Memory::rest);
    }
}
