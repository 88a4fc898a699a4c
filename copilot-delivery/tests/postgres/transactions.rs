//! Events in transactions of programs: one is there exactly when its transaction has committed.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio_postgres::Client;

use super::{
    connect, drain,
    items::{event, user},
    migrated, put_by, quick, server,
};

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
    connect(&url).await.batch_execute("CREATE TABLE orders(id bigint PRIMARY KEY)").await.unwrap();
    let (next, over) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicBool::new(false)));
    let programs = (0..CONNECTIONS).map(|_| tokio::spawn(program(url.clone(), next.clone(), transactions)));
    let programs: Vec<_> = programs.collect();
    let courier = {
        let (url, over) = (url.clone(), over.clone());
        tokio::spawn(async move {
            let outbox = quick(&url).deadline(Duration::from_secs(30)).open().await.unwrap();
            let mut came = Vec::new();
            while !over.load(Ordering::Acquire) {
                came.extend(carry(&outbox).await);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            came.extend(drain(&outbox).await);
            came
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
    let orders = connect(&url).await.query_typed("SELECT id FROM orders", &[]).await.unwrap();
    let orders: BTreeSet<u64> = orders.iter().map(|row| row.get::<_, i64>(0) as u64).collect();
    assert!(orders.len() as u64 > transactions / 4 && (orders.len() as u64) < transactions);
    assert_eq!(came.iter().copied().collect::<BTreeSet<_>>(), orders);
    assert_eq!(came.len(), orders.len(), "none twice");
}

/// Takes out and accepts what is there, again where the server was away.
async fn carry(outbox: &copilot_delivery::PostgresOutbox) -> Vec<u64> {
    use copilot_delivery::{
        Outbox as _,
        outbox::{End, Leased},
    };

    let Ok(Leased::Batch(lease)) = outbox.lease(&super::ANY).await else { return Vec::new() };
    let keys = super::keys(&lease);
    let mut left = (vec![End::Accepted; lease.items.len()], lease);
    loop {
        match outbox.settle(left.1, left.0).await {
            Ok(()) => return keys,
            Err(unsettled) if unsettled.error.is_fenced() => return Vec::new(),
            Err(unsettled) => left = (unsettled.ends, unsettled.lease),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A program that does business, one transaction after the other, until there were so many.
async fn program(url: String, next: Arc<AtomicU64>, transactions: u64) {
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
        if transact(&client, &url, id, ending).await.is_ok() {
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

async fn transact(client: &Client, url: &str, id: u64, ending: Ending) -> Result<(), tokio_postgres::Error> {
    let order = format!("INSERT INTO orders(id) VALUES ({id})");
    let is_first = fastrand::bool();
    client.batch_execute("BEGIN").await?;
    if is_first {
        client.batch_execute(&order).await?;
    }
    put_by(client, event(id, &user((id % 7) as u8, 0))).await?;
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
