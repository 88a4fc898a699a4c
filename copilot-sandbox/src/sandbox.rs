//! A sandbox in this process: looked at, and stopped.

use std::{fmt, sync::Arc, thread::JoinHandle};

use tokio::sync::oneshot;

use crate::{
    builder::{SandboxBuilder, StartError},
    faults::{Fault, InvalidFault},
    memory::EventFilter,
    model::{Consent, PreexistingSync, ReceivedEvent, Statistics, Thing, Unsubscribe, User, Verdict},
    shared::Shared,
};

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
    /// One that serves in a thread of its own until it is told to stop.
    pub(crate) fn running(shared: Arc<Shared>, stop: oneshot::Sender<()>, server: JoinHandle<()>) -> Self {
        Self { shared, stop: Some(stop), server: Some(server) }
    }

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
