//! What is PostgreSQL's alone: transactions of programs, what holds items up, pools, crashes, slow servers.
//!
//! `COPILOT_LONG` in the environment makes the tests as long as `cargo xtask soak` wants them.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod failover;
#[path = "../conformance/items.rs"]
#[allow(dead_code, reason = "the suite needs more of them")]
mod items;
mod loss;
mod order;
mod pooled;
mod proxy;
mod restored;
mod schema;
mod sharing;
mod transactions;

use std::{sync::OnceLock, time::Duration};

use copilot_delivery::{
    Item, Kind, LaneSet, Outbox, PostgresOutbox, PostgresOutboxBuilder, Record,
    outbox::{End, HandedOver, Lease, LeaseRequest, Leased, Refused},
};
use copilot_servers::postgres::Cluster;
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::{Client, types::Type};

/// All events that are there.
const ANY: LeaseRequest = LeaseRequest {
    kind: Kind::Event,
    lanes: LaneSet::ALL,
    max_items: 1000,
    max_bytes: 1_000_000,
    linger: Duration::ZERO,
    now: items::NOON,
};

/// The server of these tests. One of them has it at a time: a transaction of another one would hold it up.
async fn server() -> Option<MutexGuard<'static, Cluster>> {
    static SERVER: OnceLock<Option<Mutex<Cluster>>> = OnceLock::new();
    let server = SERVER.get_or_init(|| Cluster::start().map(Mutex::new));
    match server {
        Some(server) => Some(server.lock().await),
        None => None,
    }
}

/// Whether the tests are to take as long as they need to be sure.
fn is_long() -> bool {
    std::env::var_os("COPILOT_LONG").is_some()
}

/// The URL of a new database with the outbox's tables.
async fn migrated(server: &Cluster) -> String {
    let url = server.url(&server.database());
    PostgresOutbox::migrate(&url).await.unwrap();
    url
}

/// An outbox whose leases are short.
fn quick(url: &str) -> PostgresOutboxBuilder {
    PostgresOutbox::builder(url).lease(Duration::from_millis(500))
}

async fn try_put(outbox: &dyn Outbox, item: Item) -> Result<(), Refused> {
    match outbox.hand_over(item)? {
        HandedOver::Kept => Ok(()),
        HandedOver::Storing(stored) => stored.await.expect("an answer"),
    }
}

async fn put(outbox: &dyn Outbox, item: Item) {
    try_put(outbox, item).await.expect("stored");
}

/// Puts an item in by somebody else's transaction.
async fn put_by(session: &Client, item: Item) -> Result<(), tokio_postgres::Error> {
    let Record { key, lane, user_id, json, .. } = item.into_record();
    let insert = "INSERT INTO copilot.pending(key, lane, kind, user_id, reported_at, json, contract) VALUES($1, $2, 'event', $3, 0, $4, '')";
    let (key, lane) = (key as i64, i16::from(lane.number()));
    session
        .execute_typed(
            insert,
            &[(&key, Type::INT8), (&lane, Type::INT2), (&user_id, Type::TEXT), (&json, Type::TEXT)],
        )
        .await
        .map(drop)
}

async fn lease(outbox: &dyn Outbox) -> Option<Lease> {
    match outbox.lease(&ANY).await.expect("an answer") {
        Leased::Batch(lease) => Some(lease),
        Leased::Nothing => None,
        Leased::Later(after) => panic!("lingers for {after:?}"),
    }
}

fn keys(lease: &Lease) -> Vec<u64> {
    lease.items.iter().map(|leased| leased.item.key()).collect()
}

/// The keys of what can be leased now; it goes back.
async fn look(outbox: &dyn Outbox) -> Vec<u64> {
    let Some(lease) = lease(outbox).await else { return Vec::new() };
    let keys = keys(&lease);
    let ends = lease.released();
    outbox.settle(lease, ends).await.expect("settled");
    keys
}

/// The keys of all that can be leased; it is accepted.
async fn drain(outbox: &dyn Outbox) -> Vec<u64> {
    let mut drained = Vec::new();
    while let Some(lease) = lease(outbox).await {
        drained.extend(keys(&lease));
        let ends = vec![End::Accepted; lease.items.len()];
        outbox.settle(lease, ends).await.expect("settled");
    }
    drained
}

/// A session with a database.
async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
