//! The credentials while the relay runs: read again when it is told to, and when Copilot.cx refuses them.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use copilot_api::Credentials;
use copilot_delivery::Pause;
use tokio::time::{self, Instant};

use super::state::Relay;
use crate::{
    exit::{Failure, with_causes},
    out, secret,
    settings::{Connection, Settings},
};

/// How often it is looked whether Copilot.cx refuses the credentials, and not for more than that part of the time: a server counts
/// what it has.
const LOOK: Duration = Duration::from_secs(3);
const SHARE: u32 = 50;

/// The pair that clients send, where it is not the one that the relay sends with.
#[derive(Args, Clone, Debug)]
pub(super) struct ClientsPair {
    /// Ask clients for this client id, and not for the one that the relay sends with
    #[arg(long, value_name = "ID", requires = "clients_secret_file")]
    clients_id: Option<String>,
    /// A file that holds the secret that clients send, and that only you can read
    #[arg(long, value_name = "FILE", requires = "clients_id")]
    clients_secret_file: Option<PathBuf>,
}

impl ClientsPair {
    /// That pair, read anew each time, if there is one.
    fn credentials(&self) -> Option<Result<Credentials, Failure>> {
        let (id, file) = (self.clients_id.as_ref()?, self.clients_secret_file.as_ref()?);
        let made = |secret| Credentials::new(id, secret).map_err(|error| Failure::usage(with_causes(&error)));
        Some(secret::from_file(file).and_then(made))
    }
}

/// Where both pairs come from.
pub(super) struct Source {
    pub(super) connection: Connection,
    pub(super) clients: ClientsPair,
    pub(super) settings: Settings,
}

impl Source {
    /// The pair to send with.
    pub(super) fn own(&self) -> Result<Credentials, Failure> {
        self.connection.credentials(&self.settings)
    }

    /// The pair that clients must know: that one, unless there is another.
    pub(super) fn of_clients(&self, own: &Credentials) -> Result<Credentials, Failure> {
        self.clients.credentials().unwrap_or_else(|| Ok(own.clone()))
    }
}

/// Keeps the credentials of a relay what they are at their source. Does not end.
pub(super) async fn keep(relay: Arc<Relay>, source: Source, mut used: Credentials, mut hang_up: HangUp) {
    let mut look = LOOK;
    loop {
        tokio::select! {
            () = hang_up.wait() => {
                if reread(&relay, &source, &mut used) {
                    out::note("copilot-cx: SIGHUP: the credentials were read again");
                }
            }
            () = time::sleep(look) => {
                let began = Instant::now();
                let is_refused = is_refused(&relay).await;
                look = LOOK.max(began.elapsed() * SHARE);
                let is_changed = is_refused && source.own().is_ok_and(|own| !is_same(&own, &used));
                if is_changed && reread(&relay, &source, &mut used) {
                    out::note("copilot-cx: 401: the credentials were refused, and others are there now");
                }
            }
        }
    }
}

async fn is_refused(relay: &Relay) -> bool {
    let refused = Some(Pause::Status(401));
    let snapshot = relay.reporter.snapshot().await;
    snapshot.is_ok_and(|snapshot| snapshot.events_paused == refused || snapshot.consent_paused == refused)
}

/// Not in constant time: who could measure it has both.
fn is_same(one: &Credentials, other: &Credentials) -> bool {
    one.authorization() == other.authorization()
}

/// Reads both pairs. Where they cannot be read or used, the relay goes on with those that it has.
fn reread(relay: &Relay, source: &Source, used: &mut Credentials) -> bool {
    let read = source.own().and_then(|own| Ok((source.of_clients(&own)?, own)));
    let replaced = read.and_then(|(clients, own)| {
        relay
            .reporter
            .set_credentials(own.clone())
            .map_err(|error| Failure::given_up(with_causes(&error)))?;
        relay.pair.set(&clients);
        *used = own;
        Ok(())
    });
    if let Err(failure) = &replaced {
        out::error(&format!("the credentials stay as they were: {}", failure.words));
    }
    replaced.is_ok()
}

#[cfg(unix)]
pub(super) struct HangUp(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl HangUp {
    pub(super) fn listen() -> Self {
        Self(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok())
    }

    async fn wait(&mut self) {
        match &mut self.0 {
            Some(signal) => _ = signal.recv().await,
            None => std::future::pending().await,
        }
    }
}

/// There is no such signal elsewhere.
#[cfg(not(unix))]
pub(super) struct HangUp;

#[cfg(not(unix))]
impl HangUp {
    pub(super) fn listen() -> Self {
        Self
    }

    async fn wait(&mut self) {
        std::future::pending().await
    }
}
