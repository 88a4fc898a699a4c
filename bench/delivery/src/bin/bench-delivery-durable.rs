//! What handing an event over to an outbox in a file costs. Prints one line of JSON: items for each commit, which is one sync,
//! with 8 and with 64 callers; and of 64 callers the CPU time of the process an item, beside that of a bare loop that writes
//! the same JSON and inserts it into the same table, with as many items in a transaction.
//!
//! Nobody listens where the courier sends to: it rests.

use std::{path::Path, sync::Arc, time::Duration};

use contest::{Outcome, process_cpu};
use copilot_api::{Client, Credentials, Endpoints, types::Event};
use copilot_bench::custom_event;
use copilot_delivery::{Lane, Reporter, SqliteOutbox, outbox::Outbox};
use futures_util::future::try_join_all;
use rusqlite::{Connection, params};

const FEW: usize = 8;
const MANY: usize = 64;
/// How many events each caller reports.
const EACH: usize = 500;
const ROUNDS: usize = 5;

fn main() -> Outcome {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let few = runtime.block_on(report(&folder.path().join("few"), FEW))?;
    let (mut reports, mut inserts, mut many) = (Vec::new(), Vec::new(), few.commits);
    for round in 0..ROUNDS {
        let reported = runtime.block_on(report(&folder.path().join(format!("many-{round}")), MANY))?;
        many = reported.commits;
        reports.push(reported.cpu);
        let batch = (MANY * EACH).div_ceil(usize::try_from(many)?.max(1));
        inserts.push(insert(&folder.path().join(format!("bare-{round}")), batch)?);
    }
    println!(
        r#"{{"few_items":{},"few_syncs":{},"many_items":{},"many_syncs":{many},"report_ns":{},"insert_ns":{}}}"#,
        FEW * EACH,
        few.commits,
        MANY * EACH,
        middle(reports),
        middle(inserts),
    );
    Ok(())
}

/// Nanoseconds an item, of the middle round.
fn middle(mut rounds: Vec<Duration>) -> u128 {
    rounds.sort_unstable();
    rounds.get(rounds.len() / 2).copied().unwrap_or_default().as_nanos() / (MANY * EACH) as u128
}

fn events(count: usize) -> Outcome<Vec<Event>> {
    (0..count as i64).map(custom_event).collect()
}

struct Reported {
    commits: u64,
    cpu: Duration,
}

/// Reports with so many callers at once.
async fn report(path: &Path, callers: usize) -> Outcome<Reported> {
    let outbox = Arc::new(SqliteOutbox::open(path)?);
    let client = Client::new(Credentials::new("bench", "bench")?, Endpoints::base("http://127.0.0.1:9")?)?;
    let reporter = Reporter::builder(client).shared_outbox(outbox.clone()).start()?;
    // The courier learns that nobody listens, and rests.
    let _ = reporter.report(custom_event(-1)?).await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let each: Vec<Vec<Event>> = (0..callers).map(|_| events(EACH)).collect::<Outcome<_>>()?;
    let (commits, cpu) = (outbox.commits(), process_cpu()?);
    try_join_all(each.into_iter().map(|events| async {
        for event in events {
            let _ = reporter.report(event).await?;
        }
        Ok::<(), copilot_delivery::ReportError>(())
    }))
    .await?;
    let reported = Reported { commits: outbox.commits() - commits, cpu: process_cpu()?.saturating_sub(cpu) };
    reporter.shutdown(Duration::ZERO).await;
    Ok(reported)
}

/// Inserts as many, as a loop that one writes by hand.
fn insert(path: &Path, batch: usize) -> Outcome<Duration> {
    // Its tables are those of an outbox.
    let outbox = SqliteOutbox::open(path)?;
    pollster::block_on(outbox.close());
    drop(outbox);
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    for (name, value) in [
        ("synchronous", "FULL"),
        ("wal_autocheckpoint", "256"),
        ("temp_store", "MEMORY"),
        ("secure_delete", "ON"),
        ("cell_size_check", "ON"),
    ] {
        connection.pragma_update(None, name, value)?;
    }
    let events = events(MANY * EACH)?;
    let before = process_cpu()?;
    let mut text = Vec::new();
    for (transaction, events) in events.chunks(batch).enumerate() {
        let open = connection.unchecked_transaction()?;
        let mut insert = connection.prepare_cached(
            "INSERT INTO pending(key, lane, kind, event_type, event_id, timestamp, user_id, reported_at, json, contract, seq, \
             forget) VALUES(?1, ?2, 'event', ?3, ?4, ?5, ?6, ?7, ?8, '1.0.0', ?9, 0)",
        )?;
        for (place, event) in events.iter().enumerate() {
            text.clear();
            event.write(&mut text);
            let seq = transaction * batch + place;
            let lane = event.order_key().map_or(0, |key| Lane::of(key).number());
            insert.execute(params![
                seq as i64,
                lane,
                event.event_type(),
                event.event_id().as_str(),
                event.timestamp().0,
                event.user_id().map(|id| id.as_str()),
                event.timestamp().0,
                std::str::from_utf8(&text)?,
                seq as i64,
            ])?;
        }
        drop(insert);
        open.commit()?;
    }
    Ok(process_cpu()?.saturating_sub(before))
}
