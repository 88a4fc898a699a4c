//! What is JetStream's alone: lanes that are shared and taken over, servers that are killed, answers that are lost.
#![cfg(feature = "jetstream")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod attacks;
#[path = "../conformance/items.rs"]
#[allow(dead_code, reason = "the suite needs more of them")]
mod items;
mod loss;
#[path = "../postgres/proxy.rs"]
#[allow(dead_code, reason = "PostgreSQL's tests need more of it")]
mod proxy;
mod sharing;

use std::time::{Duration, Instant};

use copilot_delivery::{
    Item, JetStreamOutbox, JetStreamOutboxBuilder, Kind, LaneSet, Outbox,
    outbox::{End, HandedOver, Lease, LeaseRequest, Leased, Refused},
};
use copilot_servers::nats::Nats;

/// All events that are there.
const ANY: LeaseRequest = LeaseRequest {
    kind: Kind::Event,
    lanes: LaneSet::ALL,
    max_items: 1000,
    max_bytes: 1_000_000,
    linger: Duration::ZERO,
    now: items::NOON,
};

const LEASE: Duration = Duration::from_millis(1200);
const PATIENCE: Duration = Duration::from_secs(20);

/// An outbox whose leases are short.
fn quick(url: &str, stream: &str) -> JetStreamOutboxBuilder {
    JetStreamOutbox::builder(url).stream(stream).lease(LEASE)
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

async fn lease(outbox: &dyn Outbox) -> Option<Lease> {
    match outbox.lease(&ANY).await.expect("an answer") {
        Leased::Batch(lease) => Some(lease),
        Leased::Nothing => None,
        Leased::Later(after) => panic!("lingers for {after:?}"),
    }
}

/// A lease, which may take until somebody else's has run out.
async fn lease_in_time(outbox: &dyn Outbox) -> Lease {
    let begun = Instant::now();
    loop {
        if let Some(lease) = lease(outbox).await {
            return lease;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing comes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn keys(lease: &Lease) -> Vec<u64> {
    lease.items.iter().map(|leased| leased.item.key()).collect()
}

/// The keys of all that is there, as it comes: so many.
async fn drain(outbox: &dyn Outbox, items: usize) -> Vec<u64> {
    let mut drained = Vec::new();
    while drained.len() < items {
        let lease = lease_in_time(outbox).await;
        drained.extend(keys(&lease));
        let ends = vec![End::Accepted; lease.items.len()];
        outbox.settle(lease, ends).await.expect("settled");
    }
    assert!(lease(outbox).await.is_none());
    drained
}
