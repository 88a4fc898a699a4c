//! What a client is configured with.

use std::{sync::Arc, time::Duration};

use copilot_gen::{Client as RawClient, operations, raw::RequestSettings};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};

use crate::{Client, Credentials, Endpoints, Error, RetryPolicy, client::Settings, collect::Limits, setup};

/// Configures a [`Client`].
///
/// ```
/// use std::time::Duration;
///
/// use copilot_api::{Client, Credentials, Endpoints, RetryPolicy};
///
/// let client = Client::builder(Credentials::new("id", "secret")?, Endpoints::environment("acme")?)
///     .timeout(Duration::from_secs(5)) // an attempt
///     .deadline(Duration::from_secs(20)) // a batch, with all its attempts
///     .call_deadline(Duration::from_secs(300)) // a whole call of collect
///     .retry(RetryPolicy::default().max_attempts(3))
///     .max_batch_events(500)
///     .build()?;
/// # Ok::<(), copilot_api::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    pub(crate) settings: Settings,
}

impl ClientBuilder {
    pub(crate) fn new(credentials: Credentials, endpoints: Endpoints) -> Self {
        Self {
            settings: Settings {
                credentials,
                endpoints,
                http: None,
                connect_timeout: Duration::from_millis(3100),
                allow_plain_http: false,
                timeout: Duration::from_secs(10),
                deadline: Duration::from_secs(60),
                call_deadline: None,
                linger: Duration::from_secs(1),
                retry: RetryPolicy::default(),
                limits: Limits::default(),
            },
        }
    }

    /// Takes these credentials in place of those that it has.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.settings.credentials = credentials;
        self
    }

    /// Uses an HTTP client of your own: its connections, proxy and TLS. Its redirect policy and connect timeout apply
    /// as well, so forbid redirects: a followed one hands your events to another host. Whether it has TLS and a proxy that
    /// it can use shows at the first request.
    #[must_use]
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.settings.http = Some(client);
        self
    }

    /// How long a connection may take, TLS included. 3.1 s unless set; without effect on an HTTP client of your own.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
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
    /// set. What was read by then and not sent is undelivered; the rest is not read.
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
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.settings.allow_plain_http = allow;
        self
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
        let Settings { endpoints, credentials, timeout, .. } = &self.settings;
        if !self.settings.allow_plain_http {
            endpoints.require_tls()?;
        }
        setup::require_some(*timeout, "timeout")?;
        setup::require_some(self.settings.deadline, "deadline")?;
        let http = match &self.settings.http {
            Some(client) => client.clone(),
            None => setup::http_client(endpoints, self.settings.connect_timeout, *timeout)?,
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, credentials.authorization());
        headers
            .insert(USER_AGENT, HeaderValue::from_static(concat!("copilot-api/", env!("CARGO_PKG_VERSION"))));
        let settings = RequestSettings::new()
            .headers(headers)
            .timeout(*timeout)
            .url(operations::COLLECT, endpoints.collect_url().clone())
            .url(operations::SET_CONSENT, endpoints.consent_url().clone());
        // The base URL only has to be one: both operations have URLs of their own.
        let base = endpoints.collect_url().origin().ascii_serialization();
        Ok(Client {
            raw: RawClient::new_with_client(&base, http, settings),
            budget: self.settings.retry.new_budget(),
            settings: Arc::new(self.settings),
        })
    }
}
