//! What is handed over, stored: what waits goes in one transaction, and all who wait for it are answered.

use std::time::Duration;

use tokio::time::{self, Instant};
use tokio_postgres::Error;

use super::{
    engine::Engine,
    fault::{self, Remedy},
    row,
};
use crate::{
    Item,
    outbox::{Fault, OutboxError, Refused},
    remote::Append,
    room::Sum,
};

/// How much one transaction stores at most.
const MAX_ITEMS: usize = 1000;
const MAX_BYTES: usize = 1024 * 1024;

/// How long to wait before it is tried again.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A client that vanishes between the insert and the commit must not hold up who reads: PostgreSQL ends such a transaction.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// How storing went.
enum Stored {
    Yes,
    /// This attempt did not, and why.
    No(Option<Error>),
    /// The commit was not answered.
    Maybe(Option<Error>),
}

/// Stores what is handed over, until the intake is closed and empty.
pub(super) async fn run(engine: &Engine) {
    loop {
        let appends = engine.intake.take(MAX_ITEMS, MAX_BYTES).await;
        if appends.is_empty() {
            return;
        }
        let (appends, unfit) = appends.into_iter().partition(|append| row::can_be_kept(&append.record));
        refuse(engine, unfit, false, || {
            let what = format!(
                "the outbox {} cannot keep U+0000: PostgreSQL's text has no such character",
                engine.place()
            );
            OutboxError::new(Fault::Unsupported, what)
        });
        store(engine, appends).await;
    }
}

/// Stores these, or gives them back, each by its deadline. An attempt that follows one whose commit was not answered does nothing where
/// that one did it.
async fn store(engine: &Engine, mut appends: Vec<Append>) {
    let (mut wait, mut in_doubt) = (FIRST_WAIT, false);
    let batch = engine.next_batch();
    while let Some(first) = appends.iter().map(|append| append.since).min() {
        let deadline = Instant::from_std(first) + engine.deadline;
        let error = match attempt(engine, batch, &appends, deadline).await {
            Stored::Yes => return answer(engine, appends),
            // Nothing would have been put in, had it been there before.
            Stored::No(Some(error)) if fault::remedy(&error) == Remedy::Part => {
                if appends.len() == 1 {
                    return refuse(engine, appends, false, || fault::error(engine.place(), &error));
                }
                // One of them is to blame, and no other is to go with it.
                let rest = appends.split_off(appends.len() / 2);
                Box::pin(store(engine, appends)).await;
                Box::pin(store(engine, rest)).await;
                return;
            }
            Stored::No(Some(error)) if fault::remedy(&error) == Remedy::None => {
                return refuse(engine, appends, in_doubt, || fault::error(engine.place(), &error));
            }
            Stored::No(error) => error,
            Stored::Maybe(error) => {
                in_doubt = true;
                error
            }
        };
        let (late, rest) = appends.into_iter().partition(|append| append.since.elapsed() >= engine.deadline);
        appends = rest;
        refuse(engine, late, in_doubt, || too_late(engine, in_doubt, error.as_ref()));
        if !appends.is_empty() {
            time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Puts them in by one transaction, unless an earlier one of this batch did, which is waited for if it has not ended.
async fn attempt(engine: &Engine, batch: i64, appends: &[Append], deadline: Instant) -> Stored {
    let inserting = engine.store.ask_until(deadline, |client| async move {
        let records = appends.iter().map(|append| &append.record);
        let (begun, inserted) =
            tokio::join!(client.batch_execute(BEGIN), row::append(&client, &engine.process, batch, records));
        match begun.and(inserted) {
            Ok(()) => Ok(client),
            Err(error) => {
                client.batch_execute("ROLLBACK").await?;
                Err(error)
            }
        }
    });
    let client = match inserting.await {
        Ok(client) => client,
        Err(error) => return Stored::No(error),
    };
    fail_point!("outbox.storing");
    let committing =
        engine.store.ask_until(deadline, |_| async move { client.batch_execute("COMMIT").await });
    match committing.await {
        Ok(()) => Stored::Yes,
        Err(Some(error)) if error.code().is_some() && fault::remedy(&error) != Remedy::Reconnect => {
            Stored::No(Some(error))
        }
        Err(error) => Stored::Maybe(error),
    }
}

/// They are stored.
fn answer(engine: &Engine, appends: Vec<Append>) {
    fail_point!("outbox.stored");
    let sum = sum(&appends);
    engine.intake.answered(sum, sum);
    for append in appends {
        let _ = append.answer.send(Ok(()));
    }
}

/// They are given back.
fn refuse(engine: &Engine, appends: Vec<Append>, may_be_stored: bool, error: impl Fn() -> OutboxError) {
    if appends.is_empty() {
        return;
    }
    engine.intake.answered(Sum::default(), sum(&appends));
    for Append { record, answer, since: _ } in appends {
        let mut item = Item::from_record(record);
        if may_be_stored {
            item.mark_may_have_been_taken();
        }
        let _ = answer.send(Err(Refused { item: Box::new(item), error: error() }));
    }
}

fn sum(appends: &[Append]) -> Sum {
    appends.iter().fold(Sum::default(), |sum, append| sum.with(append.record.json.len()))
}

fn too_late(engine: &Engine, may_be_stored: bool, error: Option<&Error>) -> OutboxError {
    let (place, within) = (engine.place(), engine.deadline);
    let why = error.map_or_else(String::new, |error| format!(": {}", fault::error(place, error)));
    let what = if may_be_stored {
        format!(
            "whether the outbox {place} stored it was not answered within {within:?}: it may be delivered{why}"
        )
    } else {
        format!("the outbox {place} did not store it within {within:?}{why}")
    };
    let fault = error.map_or(Fault::Engine, |error| fault::error(place, error).fault());
    OutboxError::new(fault, what)
}
