//! A connection to the database that is made when it is needed, and made again after it was lost.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    task::JoinHandle,
    time::{self, Instant},
};
use tokio_postgres::{Client, Error, NoTls};

use super::{address::Address, fault};
use crate::outbox::OutboxError;

/// What asks one thing after the other of the database.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) address: Arc<Address>,
    session: Mutex<Option<Session>>,
    patience: Duration,
}

/// An open connection. It is cut when this goes: a server that does not answer is not waited for.
#[derive(Debug)]
struct Session {
    client: Arc<Client>,
    task: JoinHandle<()>,
}

impl Line {
    /// A line whose questions are to be answered within that time.
    pub(super) fn new(address: Arc<Address>, patience: Duration) -> Self {
        Self { address, session: Mutex::default(), patience }
    }

    /// Asks something, over a new connection if there is none. One that did not answer as it should is not used again.
    pub(super) async fn ask<T, F>(&self, question: impl FnOnce(Arc<Client>) -> F) -> Result<T, OutboxError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let place = &self.address.place;
        match self.ask_until(Instant::now() + self.patience, question).await {
            Ok(answer) => Ok(answer),
            Err(Some(error)) => Err(fault::error(place, &error)),
            Err(None) => Err(fault::late(place)),
        }
    }

    /// The same, until a moment. No error: it has come.
    pub(super) async fn ask_until<T, F>(
        &self,
        moment: Instant,
        question: impl FnOnce(Arc<Client>) -> F,
    ) -> Result<T, Option<Error>>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let client = match time::timeout_at(moment, self.client()).await {
            Ok(client) => client.map_err(Some)?,
            Err(_) => return Err(None),
        };
        match time::timeout_at(moment, question(client.clone())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                if fault::remedy(&error) == fault::Remedy::Reconnect {
                    self.cut(&client).await;
                }
                Err(Some(error))
            }
            Err(_) => {
                self.cut(&client).await;
                Err(None)
            }
        }
    }

    /// Ends that connection, if it is still the one.
    async fn cut(&self, client: &Arc<Client>) {
        let mut session = self.session.lock().await;
        if session.as_ref().is_some_and(|open| Arc::ptr_eq(&open.client, client)) {
            *session = None;
        }
    }

    async fn client(&self) -> Result<Arc<Client>, Error> {
        let mut session = self.session.lock().await;
        if let Some(open) = session.as_ref().filter(|open| !open.client.is_closed()) {
            return Ok(open.client.clone());
        }
        let open = open(&self.address).await?;
        let client = open.client.clone();
        *session = Some(open);
        Ok(client)
    }
}

async fn open(address: &Address) -> Result<Session, Error> {
    let (client, task) = match address.tls.connector() {
        Some(tls) => {
            let (client, connection) = address.config.connect(tls).await?;
            (client, tokio::spawn(drive(connection)))
        }
        None => {
            let (client, connection) = address.config.connect(NoTls).await?;
            (client, tokio::spawn(drive(connection)))
        }
    };
    Ok(Session { client: Arc::new(client), task })
}

/// Who asks is told of its end, and of the reason.
async fn drive(connection: impl Future<Output = Result<(), Error>>) {
    let _ = connection.await;
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}
