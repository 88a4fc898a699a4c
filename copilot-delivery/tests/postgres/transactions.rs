//! Events in transactions of programs: one is there exactly when its transaction has committed.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use copilot_api::{
    EventTimestamp, NewEvent as _,
    types::{Event, PreexistingSyncStartedPayload, UserCreatedPayload},
};
use copilot_delivery::{
    Outbox as _, PostgresOutbox,
    outbox::{End, Leased},
};
use tokio_postgres::{Client, Error, types::Type};

use super::{connect, items::user, migrated, quick, server};

const CONNECTIONS: u64 = 6;

/// How a transaction ends.
#[derive(Clone, Copy)]
enum Ending {
    Commits,
    RollsBack,
    /// A statement fails, and the program goes away.
    Fails,
    /// Somebody ends the session.
    IsKilled,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_there_exactly_when_its_transaction_has_committed() {
    let Some(server) = server().await else { return };
    let (transactions, crashes) = if super::is_long() { (10_000, 20) } else { (300, 1) };
    let url = migrated(&server).await;
    connect(&url).await.batch_execute("CREATE TABLE orders(event_id text PRIMARY KEY)").await.unwrap();
    let (next, over) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicBool::new(false)));
    let outbox = Arc::new(quick(&url).deadline(Duration::from_secs(30)).open().await.unwrap());
    let programs = (0..CONNECTIONS)
        .map(|_| tokio::spawn(program(url.clone(), outbox.clone(), next.clone(), transactions)));
    let programs: Vec<_> = programs.collect();
    let courier = {
        let (outbox, over) = (outbox.clone(), over.clone());
        tokio::spawn(async move {
            let mut came = Vec::new();
            loop {
                let is_over = over.load(Ordering::Acquire);
                let some = carry(&outbox).await;
                if some.is_empty() && is_over {
                    return came;
                }
                came.extend(some);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    for nth in 1..=crashes {
        while next.load(Ordering::Relaxed) < transactions * nth / (crashes + 1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server.crash();
        server.run();
    }
    for program in programs {
        program.await.unwrap();
    }
    // What a courier had at the last crash is free again by then.
    tokio::time::sleep(Duration::from_millis(600)).await;
    over.store(true, Ordering::Release);
    let came = courier.await.unwrap();
    let orders = connect(&url).await.query_typed("SELECT event_id FROM orders", &[]).await.unwrap();
    let orders: BTreeSet<String> = orders.iter().map(|row| row.get(0)).collect();
    assert!(orders.len() as u64 > transactions / 4 && (orders.len() as u64) < transactions);
    assert_eq!(came.iter().cloned().collect::<BTreeSet<_>>(), orders);
    assert_eq!(came.len(), orders.len(), "none twice");
}

/// Takes out and accepts what is there, again where the server was away. The ids of the events.
async fn carry(outbox: &PostgresOutbox) -> Vec<String> {
    let Ok(Leased::Batch(mut lease)) = outbox.lease(&super::ANY).await else { return Vec::new() };
    let ids = lease.items.iter().map(|leased| leased.item.event_id().unwrap().to_owned()).collect();
    loop {
        let ends = vec![End::Accepted; lease.items.len()];
        match outbox.settle(lease, ends).await {
            Ok(()) => return ids,
            Err(unsettled) if unsettled.error.is_fenced() => return Vec::new(),
            Err(unsettled) => lease = unsettled.lease,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A program that does business, one transaction after the other, until there were so many.
async fn program(url: String, outbox: Arc<PostgresOutbox>, next: Arc<AtomicU64>, transactions: u64) {
    let mut session = None;
    loop {
        let id = next.fetch_add(1, Ordering::Relaxed);
        if id > transactions {
            return;
        }
        let ending = match fastrand::u8(0..10) {
            0..6 => Ending::Commits,
            6..8 => Ending::RollsBack,
            8 => Ending::Fails,
            _ => Ending::IsKilled,
        };
        let client = match session.take().filter(|client: &Client| !client.is_closed()) {
            Some(client) => client,
            None => match again(&url).await {
                Some(client) => client,
                None => continue,
            },
        };
        if transact(&client, &url, &outbox, id, ending).await.is_ok() {
            session = Some(client);
        }
    }
}

/// A session, unless the server is away.
async fn again(url: &str) -> Option<Client> {
    let Ok((client, connection)) = tokio_postgres::connect(url, tokio_postgres::NoTls).await else {
        tokio::time::sleep(Duration::from_millis(20)).await;
        return None;
    };
    tokio::spawn(connection);
    Some(client)
}

async fn transact(
    client: &Client,
    url: &str,
    outbox: &PostgresOutbox,
    number: u64,
    ending: Ending,
) -> Result<(), Error> {
    let event = created(number);
    let order = format!("INSERT INTO orders(event_id) VALUES ('{}')", &**event.event_id());
    let is_first = fastrand::bool();
    client.batch_execute("BEGIN").await?;
    if is_first {
        client.batch_execute(&order).await?;
    }
    if fastrand::bool() {
        let mut json = Vec::new();
        event.write(&mut json);
        let json = String::from_utf8(json).unwrap();
        client.query_typed("SELECT copilot_report($1::json)", &[(&json, Type::TEXT)]).await?;
    } else if outbox.report_in(client, &event).await.is_err() {
        // It is rolled back, or the session is gone.
        return client.batch_execute("ROLLBACK").await;
    }
    if !is_first {
        client.batch_execute(&order).await?;
    }
    match ending {
        Ending::Commits => client.batch_execute("COMMIT").await,
        Ending::RollsBack => client.batch_execute("ROLLBACK").await,
        Ending::Fails => client.batch_execute("SELECT 1 / 0").await,
        Ending::IsKilled => {
            let pid: i32 = client.query_typed("SELECT pg_backend_pid()", &[]).await?[0].get(0);
            if let Some(other) = again(url).await {
                other.batch_execute(&format!("SELECT pg_terminate_backend({pid})")).await?;
            }
            client.batch_execute("COMMIT").await
        }
    }
}

/// An event of one of a few users.
fn created(number: u64) -> Event {
    UserCreatedPayload::builder().user_id(user((number % 7) as u8, 0)).event().unwrap()
}

#[tokio::test]
async fn what_the_contract_refuses_leaves_the_transaction_as_it_was() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let outbox = quick(&url).open().await.unwrap();
    let mut session = connect(&url).await;
    let transaction = session.transaction().await.unwrap();
    let long_ago = EventTimestamp::from_millis(1_600_000_000_000).unwrap();
    let old = UserCreatedPayload::builder().user_id(user(1, 0)).event_at(long_ago).unwrap();
    let error = outbox.report_in(&transaction, &old).await.expect_err("too old");
    assert!(error.is_invalid() && error.into_reported().is_some());
    let sync = PreexistingSyncStartedPayload::builder().event().unwrap();
    assert!(outbox.report_in(&transaction, &sync).await.expect_err("no order").is_sync_event());
    outbox.report_in(&transaction, &created(2)).await.expect("the transaction goes on");
    transaction.commit().await.unwrap();
    assert_eq!(carry(&outbox).await.len(), 1);

    // What the database refuses ends the transaction, and is said in its words.
    let transaction = session.transaction().await.unwrap();
    transaction.batch_execute("DELETE FROM copilot.event_type").await.unwrap();
    let error = outbox.report_in(&transaction, &created(3)).await.expect_err("an unknown type");
    let said = error.outbox_error().expect("the outbox's").to_string();
    assert!(said.contains("/type"), "{said}");
    assert!(transaction.batch_execute("SELECT 1").await.is_err());
}
