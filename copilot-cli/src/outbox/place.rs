//! Where an outbox is worked on: in the relay that has it, or here.

use std::{sync::Arc, time::Duration};

use copilot_api::Credentials;
use copilot_delivery::Outbox;
use reqwest::{Method, StatusCode, header::AUTHORIZATION};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    letter::{Letter, Tallied},
    opening::failure,
};
use crate::{
    exit::{Exit, Failure, with_causes},
    settings::LISTEN,
};

/// How many dead letters are read at once.
pub(crate) const PAGE: usize = 100;
/// How long a relay is given to answer. To forget waits for what is on its way.
const TIME: Duration = Duration::from_secs(60);
/// How long it is given to show that it is there.
const PRESENCE: Duration = Duration::from_secs(5);

/// What forgetting a user did.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Forgot {
    pub(crate) pending: u64,
    pub(crate) dead_letters: u64,
    pub(crate) still_sent: u64,
}

/// Where it is.
pub(super) enum Place {
    Relay(RelayClient),
    Here(Arc<dyn Outbox>),
}

impl Place {
    pub(super) async fn counts(&self) -> Result<Tallied, Failure> {
        match self {
            Self::Relay(relay) => relay.ask(Method::GET, "_relay/counts", None).await,
            Self::Here(outbox) => outbox.counts().await.map(Tallied::from).map_err(|error| failure(&error)),
        }
    }

    /// A page of dead letters, oldest first, after that one.
    pub(super) async fn letters(&self, after: Option<u64>) -> Result<Vec<Letter>, Failure> {
        match self {
            Self::Relay(relay) => {
                let path = match after {
                    Some(after) => format!("_relay/dead-letters?after={after}"),
                    None => "_relay/dead-letters".to_owned(),
                };
                relay.ask(Method::GET, &path, None).await
            }
            Self::Here(outbox) => {
                let letters = outbox.dead_letters(after, PAGE).await.map_err(|error| failure(&error))?;
                Ok(letters.into_iter().map(Letter::from).collect())
            }
        }
    }

    /// Sends a dead letter again. Whether there was one of that number.
    pub(super) async fn retry(&self, id: u64) -> Result<bool, Failure> {
        match self {
            Self::Relay(relay) => {
                let answer: Value =
                    relay.ask(Method::POST, "_relay/dead-letters/retry", Some(json!({ "id": id }))).await?;
                Ok(answer.get("found").and_then(Value::as_bool).unwrap_or_default())
            }
            Self::Here(outbox) => outbox.put_back(id, None).await.map_err(|error| failure(&error)),
        }
    }

    /// Removes a dead letter. Whether there was one of that number.
    pub(super) async fn remove(&self, id: u64) -> Result<bool, Failure> {
        match self {
            Self::Relay(relay) => {
                let answer: Value =
                    relay.ask(Method::POST, "_relay/dead-letters/drop", Some(json!({ "id": id }))).await?;
                Ok(answer.get("found").and_then(Value::as_bool).unwrap_or_default())
            }
            Self::Here(outbox) => outbox
                .drop_dead_letters(&[id])
                .await
                .map(|dropped| dropped > 0)
                .map_err(|error| failure(&error)),
        }
    }

    pub(super) async fn forget(&self, user_id: &str) -> Result<Forgot, Failure> {
        match self {
            Self::Relay(relay) => {
                relay.ask(Method::POST, "_relay/forget", Some(json!({ "user_id": user_id }))).await
            }
            Self::Here(outbox) => {
                let forgotten = outbox.forget(user_id).await.map_err(|error| failure(&error))?;
                Ok(Forgot {
                    pending: forgotten.pending.len() as u64,
                    dead_letters: forgotten.dead_letters,
                    still_sent: forgotten.still_sent,
                })
            }
        }
    }

    /// Lets the outbox go, where it is here.
    pub(super) async fn close(self) {
        if let Self::Here(outbox) = self {
            // Only outboxes that keep everything are opened here.
            drop(outbox.close().await);
        }
    }
}

/// A relay that runs.
pub(super) struct RelayClient {
    http: reqwest::Client,
    url: String,
    credentials: Credentials,
}

impl RelayClient {
    pub(super) fn new(url: &str, credentials: Credentials) -> Result<Self, Failure> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::usage(format!("--relay is a URL, as http://{LISTEN}")));
        }
        // It is sent the pair.
        let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
        let host = host.unwrap_or_default();
        let is_local = host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if url.starts_with("http://") && !is_local {
            return Err(Failure::usage("--relay must begin with https://, since it leaves this machine"));
        }
        // It is on this machine, or near: no proxy knows it.
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIME)
            .build()
            .map_err(|error| Failure::given_up(with_causes(&error)))?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), credentials })
    }

    /// Whether there is one.
    pub(super) async fn is_there(&self) -> bool {
        self.http.get(format!("{}/healthz", self.url)).timeout(PRESENCE).send().await.is_ok()
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Failure> {
        let url = format!("{}/{path}", self.url);
        let mut request =
            self.http.request(method, url).header(AUTHORIZATION, self.credentials.authorization());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let gone = |error: reqwest::Error| {
            Failure::given_up(format!(
                "the relay at {} does not answer: {}",
                self.url,
                with_causes(&error.without_url())
            ))
        };
        let answer = request.send().await.map_err(gone)?;
        match answer.status() {
            StatusCode::OK => answer.json().await.map_err(gone),
            StatusCode::UNAUTHORIZED => Err(Failure {
                exit: Exit::Unauthorized,
                words: format!(
                    "the relay at {} refuses the credentials: they are to be those of its clients",
                    self.url
                ),
            }),
            status => {
                let said: Value = answer.json().await.unwrap_or_default();
                let words =
                    said.get("error_message").and_then(Value::as_str).unwrap_or("it does not say why");
                Err(Failure::given_up(format!("the relay at {} answers {status}: {words}", self.url)))
            }
        }
    }
}
