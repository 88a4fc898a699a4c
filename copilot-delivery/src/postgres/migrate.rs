//! The tables and functions of the outbox: how they come into a database, and whether they are there.

use std::{sync::Arc, time::Duration};

use copilot_api::raw::CONTRACT_VERSION;
use tokio_postgres::{Client, Error, error::SqlState, types::Type};

use super::{address::Address, fault, line::Line};
use crate::outbox::{Fault, OutboxError};

/// What makes each version of the one before, and notes that it did: only ever add to the end.
const STEPS: [(i32, &str); 5] = [
    (1, include_str!("../../sql/001-tables.sql")),
    (2, include_str!("../../sql/002-report.sql")),
    (3, include_str!("../../sql/003-leases.sql")),
    (4, include_str!("../../sql/004-removal.sql")),
    (5, include_str!("../../sql/005-counts.sql")),
];

/// What the contract says, for the functions that other languages call: of the newest program that migrated.
const CONTRACT: &str = include_str!("../../sql/contract.sql");

/// "copilot" in ASCII: whoever migrates has this lock of the database.
const LOCK: i64 = 0x0063_6f70_696c_6f74;

/// How long a step may take: it may have to wait for others who migrate.
const PATIENCE: Duration = Duration::from_secs(300);

/// Applies what is missing, each step in a transaction. Several at once wait for each other.
pub(super) async fn migrate(address: Arc<Address>) -> Result<(), OutboxError> {
    let line = Line::new(address, PATIENCE);
    for (version, step) in STEPS {
        let applied = line.ask(|client| async move { apply(&client, version, step).await }).await?;
        if applied {
            tracing::info!(outbox = %line.address.place, version, "the tables of the outbox were brought up to a version");
        }
    }
    line.ask(|client| async move { apply_contract(&client).await }).await?;
    check(&line).await
}

async fn apply_contract(client: &Client) -> Result<(), Error> {
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let work = async {
        client.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)]).await?;
        let newer = "SELECT FROM copilot.contract WHERE string_to_array(version, '.')::int[] > string_to_array($1, '.')::int[]";
        if client.query_typed(newer, &[(&CONTRACT_VERSION, Type::TEXT)]).await?.is_empty() {
            client.batch_execute(CONTRACT).await?;
        }
        Ok(())
    };
    let done = work.await;
    client.batch_execute(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    done
}

async fn apply(client: &Client, version: i32, step: &str) -> Result<bool, Error> {
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let work = async {
        client.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)]).await?;
        if applied(client).await?.is_some_and(|applied| applied >= version) {
            return Ok(false);
        }
        client.batch_execute(step).await.map(|()| true)
    };
    let done = work.await;
    client.batch_execute(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
    done
}

/// The version that the database has; none, where it has no outbox.
async fn applied(client: &Client) -> Result<Option<i32>, Error> {
    let exists = client.query_typed("SELECT to_regclass('copilot.migration') IS NOT NULL", &[]).await?;
    if !exists.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false) {
        return Ok(None);
    }
    let version = client.query_typed("SELECT max(version) FROM copilot.migration", &[]).await?;
    version.first().map(|row| row.try_get(0)).transpose().map(Option::flatten)
}

/// Whether the database has what this version of the crate uses.
pub(super) async fn check(line: &Line) -> Result<(), OutboxError> {
    let place = &line.address.place;
    let said = line
        .ask(|client| async move {
            let encoding = client
                .query_typed("SELECT current_setting('server_encoding'), current_setting('transaction_read_only') = 'on'", &[])
                .await?;
            let encoding = encoding.first().map(|row| Ok::<_, Error>((row.try_get::<_, String>(0)?, row.try_get::<_, bool>(1)?)));
            Ok((encoding.transpose()?, applied(&client).await))
        })
        .await?;
    let ours = STEPS.last().map_or(0, |(version, _)| *version);
    let (encoding, version) = said;
    if let Some((encoding, _)) = &encoding
        && encoding != "UTF8"
    {
        let what =
            format!("the outbox {place} is in a database whose encoding is {encoding}: it must be UTF8");
        return Err(OutboxError::new(Fault::Unsafe, what));
    }
    if encoding.is_some_and(|(_, is_read_only)| is_read_only) {
        let what = format!(
            "the outbox {place} is on a server that only reads: say target_session_attrs=read-write with all hosts"
        );
        return Err(OutboxError::new(Fault::ReadOnly, what));
    }
    match version {
        Ok(Some(version)) if version == ours => Ok(()),
        Ok(Some(version)) if version > ours => Err(OutboxError::new(
            Fault::Newer,
            format!("the outbox {place} is of version {version}, and this program uses version {ours}"),
        )),
        Ok(version) => {
            let has = version
                .map_or_else(|| "no tables".to_owned(), |version| format!("tables of version {version}"));
            Err(OutboxError::new(
                Fault::Engine,
                format!(
                    "the outbox {place} has {has}: run PostgresOutbox::migrate or `copilot-cx relay --migrate` once, or the files of `sql/` by a tool of yours"
                ),
            ))
        }
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Err(OutboxError::new(
            Fault::ReadOnly,
            format!("the outbox {place} has tables that this role may not use: grant it the schema copilot"),
        )),
        Err(error) => Err(fault::error(place, &error)),
    }
}
