//! How a sandbox is to be.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{credentials::Credentials, model::Moment};

/// How many events, users and things are remembered, if nothing else is said.
const KEPT: usize = 100_000;
/// How many bytes a request's body may have, if nothing else is said.
const BODY_LIMIT: usize = 1 << 20;

/// What a sandbox is started with.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) address: SocketAddr,
    pub(crate) knows_this_is_not_copilot: bool,
    /// Or the rule that they break.
    pub(crate) credentials: Option<Result<Credentials, &'static str>>,
    pub(crate) seed: u64,
    pub(crate) keep: usize,
    pub(crate) body_limit: usize,
    pub(crate) log_requests: bool,
    pub(crate) clock: Option<Moment>,
}

/// How a sandbox is to be; [`SandboxBuilder::start`] starts it.
#[derive(Clone, Debug)]
#[must_use]
pub struct SandboxBuilder {
    pub(crate) config: Config,
}

impl SandboxBuilder {
    pub(crate) fn new() -> Self {
        Self {
            config: Config {
                address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                knows_this_is_not_copilot: false,
                credentials: None,
                seed: 0,
                keep: KEPT,
                body_limit: BODY_LIMIT,
                log_requests: false,
                clock: None,
            },
        }
    }

    /// Listens on this port. Without it, on a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.config.address.set_port(port);
        self
    }

    /// Listens on this address. One that other machines can reach also needs
    /// [`i_know_this_is_not_copilot`](Self::i_know_this_is_not_copilot): whoever reaches a sandbox can read what
    /// arrived.
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.config.address.set_ip(address);
        self
    }

    /// Says that an address which other machines can reach is meant.
    pub fn i_know_this_is_not_copilot(mut self) -> Self {
        self.config.knows_this_is_not_copilot = true;
        self
    }

    /// Asks clients for these credentials. Without it, the sandbox makes some up.
    pub fn credentials(mut self, client_id: impl Into<String>, client_secret: impl Into<String>) -> Self {
        self.config.credentials = Some(Credentials::given(client_id.into(), client_secret.into()));
        self
    }

    /// What the random numbers of the faults begin with (0 without it): with the same seed and the same requests in the
    /// same order, the same of them fail.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// Remembers that many of the newest events, and of users and things those seen last; 100,000 without it. The
    /// events' text is bounded to about 512 MiB besides.
    pub fn keep(mut self, events: usize) -> Self {
        self.config.keep = events.max(1);
        self
    }

    /// How many bytes the body of a request may have: more is answered with 413. 1 MiB without it; Copilot.cx
    /// publishes no limit.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.config.body_limit = bytes;
        self
    }

    /// Judges the times of events as if it were always this moment, in milliseconds since 1970-01-01T00:00:00Z, so that
    /// recorded events stay good. Without it, by the clock of this machine.
    ///
    /// When something arrived is told by the clock of this machine all the same.
    pub fn clock(mut self, millis: i64) -> Self {
        self.config.clock = Some(Moment::from_millis(millis));
        self
    }

    /// Writes one line for each request to standard error.
    pub fn log_requests(mut self) -> Self {
        self.config.log_requests = true;
        self
    }
}
