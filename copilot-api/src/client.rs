//! The client: what it is configured with, and consent.

use std::{sync::Arc, time::Duration};

use copilot_gen::{
    Client as RawClient,
    contract::Judge,
    operations,
    types::{ConsentChange, UserId},
};

use crate::{
    ClientBuilder, Credentials, Endpoints, Error, RetryPolicy,
    collect::Limits,
    error::Cause,
    retry::{self, Deadline, RetryBudget},
};

/// A client of the Server API. Cheap to clone; clones share connections and the retry budget.
///
/// Delivery is **at least once**: a request whose answer is lost is sent again, and Copilot.cx does not promise to
/// recognise an `event_id` that it has seen before.
///
/// ```
/// use copilot_api::{Client, Credentials, Endpoints};
///
/// let client = Client::new(Credentials::new("id", "secret")?, Endpoints::environment("acme")?)?;
/// # Ok::<(), copilot_api::Error>(())
/// ```
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

/// What a client is made with, which its clones share.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) credentials: Credentials,
    pub(crate) endpoints: Endpoints,
    /// The HTTP client that was given; none where it was made.
    pub(crate) http: Option<reqwest::Client>,
    pub(crate) connect_timeout: Duration,
    pub(crate) allow_plain_http: bool,
    pub(crate) timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) call_deadline: Option<Duration>,
    pub(crate) linger: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) limits: Limits,
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
        ClientBuilder::new(credentials, endpoints)
    }

    /// A builder with everything that this client was made with, for one like it. What [`build`](ClientBuilder::build)
    /// makes has a retry budget of its own, and opens connections of its own, as a client on another runtime must: a
    /// connection ends with the runtime that opened it. An HTTP client that was given is shared.
    ///
    /// ```
    /// use copilot_api::{Client, Credentials, Endpoints, RetryPolicy};
    ///
    /// let client = Client::new(Credentials::new("id", "secret")?, Endpoints::environment("acme")?)?;
    /// let patient = client.to_builder().retry(RetryPolicy::default().max_attempts(8)).build()?;
    /// let renewed = client.to_builder().credentials(Credentials::new("id", "new secret")?).build()?;
    /// # Ok::<(), copilot_api::Error>(())
    /// ```
    pub fn to_builder(&self) -> ClientBuilder {
        ClientBuilder { settings: Settings::clone(&self.settings) }
    }

    /// Where the requests go.
    pub fn endpoints(&self) -> &Endpoints {
        &self.settings.endpoints
    }

    /// Who asks: the id of its credentials.
    pub fn client_id(&self) -> &str {
        self.settings.credentials.client_id()
    }

    /// A client for tests against a server on this machine, such as `copilot_sandbox::Sandbox`: with the real paths and
    /// checks, and waits that are short. Attempts wait at most 10 ms, an event of a stream lingers 10 ms, an attempt may
    /// take 5 s and a batch 10 s.
    ///
    /// ```no_run
    /// # fn test() -> Result<(), copilot_api::Error> {
    /// let client = copilot_api::Client::for_tests("http://127.0.0.1:7300", "id", "secret")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the URL is not one of this machine's loopback, or the id or secret is not fit.
    pub fn for_tests(
        url: &str,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> Result<Self, Error> {
        let endpoints = Endpoints::base(url)?;
        endpoints.require_loopback()?;
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(10));
        Self::builder(Credentials::new(client_id, client_secret)?, endpoints)
            .retry(RetryPolicy::default().delays(Duration::from_millis(1), short))
            .linger(short)
            .timeout(long / 2)
            .deadline(long)
            .build()
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
            async move { client.set_consent(&change).await }
        };
        let deadline = Deadline::after(Some(self.settings.deadline));
        retry::send(self, operations::SET_CONSENT, deadline, u32::MAX, request).await?;
        Ok(())
    }

    /// The generated client beneath, with the same credentials and endpoints: for what this layer does not cover. It
    /// neither validates nor retries.
    pub fn raw(&self) -> &RawClient {
        &self.raw
    }
}

fn consent_change(user_id: String, consent_value: bool) -> Result<ConsentChange, Error> {
    let mut judge = Judge::default();
    let user_id = judge.part("user_id", UserId::try_from(user_id));
    judge
        .made(|| Some(ConsentChange { user_id: user_id?, consent_value }))
        .map_err(|invalid| Error::new(Cause::Contract(invalid.into_violations()), operations::SET_CONSENT))
}
