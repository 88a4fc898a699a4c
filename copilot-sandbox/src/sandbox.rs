//! A sandbox in this process: started, looked at, and stopped.

use std::{fmt, io, sync::Arc, thread, thread::JoinHandle};

use serde_json::Value;
use tokio::{runtime, sync::oneshot};

use crate::{
    config::SandboxBuilder,
    contract::Contract,
    credentials::Credentials,
    faults::{Fault, InvalidFault},
    memory::{EventFilter, Limit},
    model::{
        Consent, Operation, PreexistingSync, ReceivedEvent, Statistics, Thing, Unsubscribe, User, Verdict,
    },
    server,
    state::State,
};

/// The contract that is enforced: `openapi/copilot.json` byte for byte. A package can hold no file from outside of its folder.
const CONTRACT: &str = include_str!("../generated/contract.json");

/// A running sandbox. It stops when this is dropped.
pub struct Sandbox {
    state: Arc<State>,
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
        self.state.url()
    }

    /// The whole URL of `collect`.
    pub fn collect_url(&self) -> String {
        self.url() + self.state.contract.path(Operation::Collect)
    }

    /// The whole URL of `set_consent`.
    pub fn consent_url(&self) -> String {
        self.url() + self.state.contract.path(Operation::SetConsent)
    }

    /// The client id that it asks for.
    pub fn client_id(&self) -> &str {
        &self.state.credentials.client_id
    }

    /// The client secret that it asks for.
    pub fn client_secret(&self) -> &str {
        &self.state.credentials.client_secret
    }

    /// Whether it made them up, so that they may be shown.
    pub fn made_its_credentials(&self) -> bool {
        self.state.credentials.generated
    }

    /// The events that are remembered, accepted and rejected, in the order of arrival.
    pub fn events(&self) -> Vec<Arc<ReceivedEvent>> {
        self.state.memory().events()
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
        let filter = EventFilter { limit: Limit::GREATEST, ..filter };
        self.state.memory().find(&filter).0
    }

    /// The user, if it was heard of.
    pub fn user(&self, user_id: &str) -> Option<User> {
        self.state.memory().user(user_id)
    }

    /// The thing, if it was heard of.
    pub fn thing(&self, thing_id: &str) -> Option<Thing> {
        self.state.memory().thing(thing_id)
    }

    /// The users, last seen first.
    pub fn users(&self) -> Vec<User> {
        self.state.memory().users("", usize::MAX)
    }

    /// The things, last seen first.
    pub fn things(&self) -> Vec<Thing> {
        self.state.memory().things("", usize::MAX)
    }

    /// What users decided about personal data, the newest change first.
    pub fn consents(&self) -> Vec<Consent> {
        self.state.memory().consents(usize::MAX)
    }

    /// The e-mail addresses that were unsubscribed, the newest first.
    pub fn unsubscribes(&self) -> Vec<Unsubscribe> {
        self.state.memory().unsubscribes(usize::MAX)
    }

    /// How far the one-time sync is.
    pub fn sync(&self) -> PreexistingSync {
        self.statistics().sync
    }

    /// Counters since the start or the last reset.
    pub fn statistics(&self) -> Statistics {
        self.state.statistics()
    }

    /// Switches a fault on, and returns it with its number.
    ///
    /// # Errors
    ///
    /// When a value of it is out of its range, or a setting has no effect, as a header of a fault that closes the
    /// connection. The error names the place and the rule.
    pub fn add_fault(&self, fault: Fault) -> Result<Fault, InvalidFault> {
        self.state.add_fault(fault)
    }

    /// The faults that are on.
    pub fn faults(&self) -> Vec<Fault> {
        self.state.faults().list()
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.state.clear_faults();
    }

    /// Forgets everything, and switches all faults off.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Stops the sandbox, as dropping it does: running requests are given two seconds.
    pub fn stop(self) {}
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.state.stop();
        self.stop = None;
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

impl SandboxBuilder {
    /// Starts the sandbox. It has threads of its own, so it works in any test, with a runtime or without.
    ///
    /// # Errors
    ///
    /// When the address is not free or not allowed, or the credentials cannot be sent in a header.
    pub fn start(self) -> Result<Sandbox, StartError> {
        let config = self.config;
        if !config.address.ip().is_loopback() && !config.knows_this_is_not_copilot {
            return Err(StartError::new(
                "other machines could reach this address and read what arrives; say that you know this is not Copilot",
            ));
        }
        let credentials = match config.credentials.clone() {
            Some(given) => given.map_err(StartError::new)?,
            None => Credentials::generate(),
        };
        let contract: Value = serde_json::from_str(CONTRACT)
            .map_err(|source| StartError::from("the contract is no JSON", source))?;
        let contract = Contract::new(contract)
            .map_err(|source| StartError::from("the contract cannot be used", source))?;

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
            server::listen(config.address)
        };
        let listener = match listening {
            Ok(listener) => listener,
            Err(source) => {
                runtime.shutdown_background();
                return Err(StartError::from(format!("{} cannot be listened on", config.address), source));
            }
        };
        let address = listener.local_addr().map_err(could_not("the address is not known"))?;

        let state = Arc::new(State::new(contract, credentials, address, config));
        let router = server::router(Arc::clone(&state));
        let (stop, stopped) = oneshot::channel::<()>();
        let server = thread::Builder::new()
            .name("copilot-sandbox".to_owned())
            .spawn(move || {
                let until = async { drop(stopped.await) };
                runtime.block_on(server::serve(listener, router, server::Limits::default(), until));
            })
            .map_err(could_not("no thread could be started"))?;
        Ok(Sandbox { state, stop: Some(stop), server: Some(server) })
    }
}

/// Why a sandbox could not be started.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
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
