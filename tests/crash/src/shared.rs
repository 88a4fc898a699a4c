//! The processes of an outbox that several share: those that report, those that carry, and the one that drains it in the end.

use std::time::Duration;

use copilot_api::{Client, EventTimestamp, NewEvent, types::ThingConnectedPayload};
use copilot_delivery::{PostgresOutbox, Reporter, open_outbox};
use tokio::time;
use tokio_postgres::{Client as Session, NoTls, types::Type};

use crate::{Failure, LINGER, drain, orders, reports, say, say_counts, tell};

/// How many requests each courier has on its way, as `cargo xtask crash` counts on.
const MAX_IN_FLIGHT: usize = 2;
/// How often a courier looks how many requests are on their way.
const LOOK: Duration = Duration::from_millis(150);
/// The users whose events are reported by transactions, beyond those of the tasks and threads.
const TRANSACTIONS: u32 = 200;
/// How long to wait for a database that is away.
const AGAIN: Duration = Duration::from_millis(50);

/// Does what the arguments after the URL say.
pub(crate) async fn run(url: &str, role: &[String]) -> Result<(), Failure> {
    let is_postgres = url.starts_with("postgres");
    match role {
        [role] if role == "prepare" => {
            if is_postgres {
                PostgresOutbox::migrate(url).await?;
            }
            open_outbox(url).await?.close().await;
            Ok(())
        }
        [role] if role == "drain" => drain(&reporter(url, 4).await?).await,
        [role] if role == "carry" => {
            let reporter = reporter(url, MAX_IN_FLIGHT).await?;
            tokio::spawn(tell(reporter.clone()));
            tokio::spawn(watch(reporter.clone()));
            wait().await
        }
        [role, life, base] if role == "produce" => {
            let (life, base) = (life.parse()?, base.parse()?);
            let reporter = reporter(url, 0).await?;
            reports::begin(&reporter, life, base);
            if is_postgres {
                tokio::spawn(transact(url.to_owned(), life, base + TRANSACTIONS));
            }
            wait().await
        }
        _ => Err("after the URL comes prepare, carry, drain, or produce LIFE BASE".into()),
    }
}

async fn reporter(url: &str, max_in_flight: usize) -> Result<Reporter, Failure> {
    let outbox = open_outbox(url).await?;
    let builder = Reporter::builder(Client::from_env()?).shared_outbox(outbox);
    Ok(builder.linger(LINGER).max_in_flight(max_in_flight).start()?)
}

/// Until it is killed, or its input ends.
async fn wait() -> Result<(), Failure> {
    let mut orders = orders();
    while orders.recv().await.is_some() {}
    Ok(())
}

/// Writes down how many requests are on their way, and whether the counts add up.
async fn watch(reporter: Reporter) {
    let mut before = 0;
    loop {
        // A server that is away says nothing.
        if let Ok(snapshot) = reporter.snapshot().await {
            if snapshot.in_flight != before {
                before = snapshot.in_flight;
                say(format_args!("flight {before}"));
            }
            if !snapshot.counts.adds_up() {
                say_counts("off", &snapshot.counts);
            }
        }
        time::sleep(LOOK).await;
    }
}

/// Reports by SQL in transactions of its own, every second one of which is rolled back: that event must never arrive.
async fn transact(url: String, life: u32, user: u32) {
    let plain = url.split('?').next().unwrap_or_default().to_owned() + "?sslmode=disable";
    let mut number = 0;
    loop {
        if let Ok((session, connection)) = tokio_postgres::connect(&plain, NoTls).await {
            tokio::spawn(connection);
            while transaction(&session, life, user, number).await.is_ok() {
                number += 1;
            }
            // What became of that one nobody knows.
            number += 1;
        }
        time::sleep(AGAIN).await;
    }
}

async fn transaction(session: &Session, life: u32, user: u32, number: u32) -> Result<(), Failure> {
    let id = format!("{life}-{user}-{number}");
    let payload =
        ThingConnectedPayload::builder().thing_id("kettle").user_id(format!("user-{user}")).build()?;
    let event = serde_json::to_string(&payload.event_with(id.as_str().try_into()?, EventTimestamp::now()))?;
    let rolls_back = number % 2 == 1;
    session.batch_execute("BEGIN").await?;
    session.query_typed("SELECT copilot_report($1::json)", &[(&event, Type::TEXT)]).await?;
    if rolls_back {
        say(format_args!("rolled {id}"));
    }
    session.batch_execute(if rolls_back { "ROLLBACK" } else { "COMMIT" }).await?;
    if !rolls_back {
        say(format_args!("took {id}"));
    }
    Ok(())
}
