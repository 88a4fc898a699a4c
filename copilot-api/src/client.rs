//! The client: what it is configured with, and consent.

use std::{sync::Arc, time::Duration};

use copilot_gen::{Client as RawClient, operations, raw::RequestSettings, schemas, types::ConsentChange};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};
use serde_json::json;

use crate::{
    Credentials, Endpoints, Error, EventTimestamp, RetryPolicy,
    collect::Limits,
    error::Cause,
    retry::{self, Deadline, RetryBudget},
    setup,
};

/// A client of the Server API. Cheap to clone; clones share connections and the retry budget.
///
/// Delivery is **at least once**: a request whose answer is lost is sent again, and Copilot.cx does not promise to
/// recognise an `event_id` that it has seen before.
///
/// # After a fork
///
/// Make the client in the process that uses it. A child inherits the open connections of its parent, and none of the
/// tasks that serve these: the first request there waits for its [timeout](ClientBuilder::timeout) before another attempt
/// opens a connection of the child's own. Should the child go on with the runtime of its parent, which tokio does not
/// support, both write into the same connection. `blocking::Client` notices a fork, and fails with
/// [`Error::is_configuration`]; this one cannot know what became of its runtime.
///
/// # Testing with tokio's paused clock
///
/// While the clock is paused (`tokio::time::pause`, `start_paused = true`), tokio moves it to the next timer as soon as
/// every task waits, and a task that waits for a socket waits. So the [timeout](ClientBuilder::timeout) of a request
/// fires before a server can answer, and nothing is accepted, though what was sent may have been taken. The error
/// [is a timeout](Error::is_timeout), and says that the clock is paused. Let the clock run (`tokio::time::resume`) while
/// the client is called.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) raw: RawClient,
    pub(crate) settings: Arc<Settings>,
    pub(crate) budget: RetryBudget,
}

/// What a client's clones share.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) call_deadline: Option<Duration>,
    pub(crate) linger: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) limits: Limits,
}

/// Configures a [`Client`].
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    credentials: Credentials,
    endpoints: Endpoints,
    http: Option<reqwest::Client>,
    connect_timeout: Duration,
    allow_plain_http: bool,
    settings: Settings,
}

impl Client {
    /// A client with the defaults of [`builder`](Self::builder).
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::build`].
    pub fn new(credentials: Credentials, endpoints: Endpoints) -> Result<Self, Error> {
        Self::builder(credentials, endpoints).build()
    }

    /// A client for what the `COPILOT_*` environment variables name: [`Credentials::from_env`] and
    /// [`Endpoints::from_env`].
    ///
    /// # Errors
    ///
    /// When a variable is missing or not fit, and as [`new`](Self::new).
    pub fn from_env() -> Result<Self, Error> {
        let credentials = Credentials::from_env()?;
        let endpoints = Endpoints::from_env()?;
        Self::new(credentials, endpoints)
    }

    /// Configures a client.
    pub fn builder(credentials: Credentials, endpoints: Endpoints) -> ClientBuilder {
        ClientBuilder {
            credentials,
            endpoints,
            http: None,
            connect_timeout: Duration::from_millis(3100),
            allow_plain_http: false,
            settings: Settings {
                timeout: Duration::from_secs(10),
                deadline: Duration::from_secs(60),
                call_deadline: None,
                linger: Duration::from_secs(1),
                retry: RetryPolicy::default(),
                limits: Limits::default(),
            },
        }
    }

    /// Reports that a user gave (`true`) or withdrew (`false`) consent to having personal data processed
    /// (`documented`).
    ///
    /// A request that fails is repeated as the [`RetryPolicy`] says, within the [`deadline`](ClientBuilder::deadline).
    /// Sending the same change twice is harmless, so a lost answer costs nothing here.
    ///
    /// # Errors
    ///
    /// When the user id breaks the contract ([`Error::is_invalid_input`], nothing is sent), and when the request
    /// fails for good.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, whether the change was recorded is not known. Send it again: that is harmless.
    ///
    /// ```no_run
    /// # async fn consent() -> Result<(), copilot_api::Error> {
    /// let client = copilot_api::Client::from_env()?;
    /// client.set_consent("user-7", true).await?;
    /// # Ok(()) }
    /// ```
    pub async fn set_consent(&self, user_id: impl Into<String>, consent_value: bool) -> Result<(), Error> {
        let change = consent_change(user_id.into(), consent_value)?;
        let request = |time| {
            let (client, change) = (self.raw.with_timeout(time), change.clone());
            async move { client.set_consent().body(change).send().await }
        };
        let deadline = Deadline::after(Some(self.settings.deadline));
        retry::send(self, operations::SET_CONSENT, deadline, request).await?;
        Ok(())
    }

    /// The generated client beneath, with the same credentials and endpoints: for what this layer does not cover. It
    /// neither validates nor retries.
    pub fn raw(&self) -> &RawClient {
        &self.raw
    }
}

fn consent_change(user_id: String, consent_value: bool) -> Result<ConsentChange, Error> {
    let change = json!({ "user_id": user_id, "consent_value": consent_value });
    let violations = schemas::CONSENT_CHANGE.check(&change, EventTimestamp::now().as_millis());
    if !violations.is_empty() {
        return Err(Error::new(Cause::Contract(violations), operations::SET_CONSENT));
    }
    serde_json::from_value(change).map_err(Error::configuration)
}

impl ClientBuilder {
    /// Uses an HTTP client of your own: its connections, proxy and TLS. Its redirect policy and connect timeout apply
    /// as well, so forbid redirects: a followed one hands your events to another host. Whether it has TLS and a proxy that
    /// it can use shows at the first request.
    #[must_use]
    pub fn http_client(self, client: reqwest::Client) -> Self {
        Self { http: Some(client), ..self }
    }

    /// How long a connection may take, TLS included. 3.1 s unless set; without effect on an HTTP client of your own.
    #[must_use]
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout, ..self }
    }

    /// How long one attempt may take, its connection and its answer included. 10 s unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// How long a batch may take, with all its attempts, the waits between them, and the search for the events that make
    /// it be refused whole. 60 s unless set. `collect_one` and `set_consent` are one batch each.
    ///
    /// An attempt that has begun gets no more than what is left. Where the server asks to wait longer than that
    /// (`Retry-After`), the batch fails at once, and [`Error::retry_after`] says how long.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.settings.deadline = deadline;
        self
    }

    /// How long a whole call of `collect` may take, all its batches and the waits for a stream included. No limit unless
    /// set. What is left then is undelivered.
    #[must_use]
    pub fn call_deadline(mut self, deadline: Duration) -> Self {
        self.settings.call_deadline = Some(deadline);
        self
    }

    /// How long an event of [`collect_stream`](Client::collect_stream) waits for others when the stream rests, before its
    /// batch goes as it is. 1 s unless set.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = linger;
        self
    }

    /// How failed attempts are repeated.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// How many events a request of `collect` holds at most. 100 unless set (`assumed`); 0 counts as 1.
    #[must_use]
    pub fn max_batch_events(mut self, events: usize) -> Self {
        self.settings.limits.events = events.max(1);
        self
    }

    /// How many bytes the body of a `collect` request has at most. 450,000 unless set (`assumed`). A single event that
    /// is larger goes alone.
    #[must_use]
    pub fn max_batch_bytes(mut self, bytes: usize) -> Self {
        self.settings.limits.bytes = bytes;
        self
    }

    /// Permits endpoints of plain HTTP on other machines. Credentials and personal data then travel readable by
    /// everybody on the way. Loopback needs no permission.
    #[must_use]
    pub fn allow_plain_http(self, allow: bool) -> Self {
        Self { allow_plain_http: allow, ..self }
    }

    /// Makes the client. Unless an HTTP client was given, it uses the proxy of the environment (`HTTPS_PROXY`,
    /// `ALL_PROXY`, `NO_PROXY`, or the same in small letters), or none at all when an endpoint is on loopback.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], when an endpoint is plain HTTP to another machine, or the timeout is 0; and, unless an
    /// HTTP client was given, when
    ///
    /// - the connect timeout is 0;
    /// - an endpoint is https, and neither this crate nor another one of the program turned on TLS;
    /// - the feature `rustls-no-provider` is on, neither `rustls` nor `native-tls` is, and the program installed no crypto
    ///   provider (`rustls::crypto::ring::default_provider().install_default()`);
    /// - the system has no certificates that it trusts, or TLS cannot be set up otherwise;
    /// - the variable that is to name the proxy holds something else.
    ///
    /// What only a connection shows fails the first request, once, and in the same way: a server's certificate that is not
    /// trusted, a server that does not speak TLS, a `socks5://` proxy without the feature `socks` of reqwest, a proxy that
    /// refuses the credentials.
    pub fn build(self) -> Result<Client, Error> {
        if !self.allow_plain_http {
            self.endpoints.require_tls()?;
        }
        setup::require_some(self.settings.timeout, "timeout")?;
        setup::require_some(self.settings.deadline, "deadline")?;
        let http = match self.http {
            Some(client) => client,
            None => setup::http_client(&self.endpoints, self.connect_timeout, self.settings.timeout)?,
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.credentials.authorization());
        headers
            .insert(USER_AGENT, HeaderValue::from_static(concat!("copilot-api/", env!("CARGO_PKG_VERSION"))));
        let settings = RequestSettings::new()
            .headers(headers)
            .timeout(self.settings.timeout)
            .url(operations::COLLECT, self.endpoints.collect_url().clone())
            .url(operations::SET_CONSENT, self.endpoints.consent_url().clone());
        // The base URL only has to be one: both operations have URLs of their own.
        let base = self.endpoints.collect_url().origin().ascii_serialization();
        Ok(Client {
            raw: RawClient::new_with_client(&base, http, settings),
            budget: self.settings.retry.new_budget(),
            settings: Arc::new(self.settings),
        })
    }
}
