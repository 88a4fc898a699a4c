//! Several outboxes on one stream, as several processes have them.

use std::time::{Duration, Instant};

use copilot_delivery::{Outbox, outbox::End};

use super::{
    LEASE, Nats, PATIENCE, drain,
    items::{event, user},
    keys, lease, lease_in_time,
    proxy::{Mode, Proxy},
    put, quick,
};

#[tokio::test]
async fn lanes_are_shared_evenly_and_what_is_in_them_comes_out_once() {
    let Some(nats) = Nats::start() else { return };
    let first = quick(&nats.url(), "S").open().await.unwrap();
    let second = quick(&nats.url(), "S").open().await.unwrap();
    for lane in 0..32 {
        put(&first, event(lane.into(), &user(lane, 0))).await;
    }
    let begun = Instant::now();
    let (of_first, of_second) = loop {
        // Whoever came later has its share when the other one has looked again.
        let (of_first, of_second) = (lease(&first).await, lease(&second).await);
        let count = |lease: &Option<_>| {
            lease.as_ref().map_or(0, |lease: &copilot_delivery::outbox::Lease| lease.items.len())
        };
        if count(&of_first) == 16 && count(&of_second) == 16 {
            break (of_first.unwrap(), of_second.unwrap());
        }
        for (outbox, lease) in [(&first, of_first), (&second, of_second)] {
            if let Some(lease) = lease {
                let ends = lease.released();
                outbox.settle(lease, ends).await.unwrap();
            }
        }
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let mut all: Vec<u64> = keys(&of_first).into_iter().chain(keys(&of_second)).collect();
    all.sort_unstable();
    assert_eq!(all, (0..32).collect::<Vec<_>>());
    for (outbox, lease) in [(&first, of_first), (&second, of_second)] {
        let ends = vec![End::Accepted; lease.items.len()];
        outbox.settle(lease, ends).await.unwrap();
    }
    // One that leaves gives its lanes at once.
    second.close().await;
    for lane in 0..32 {
        put(&first, event(100 + u64::from(lane), &user(lane, 0))).await;
    }
    assert_eq!(drain(&first, 32).await.len(), 32);
}

#[tokio::test]
async fn the_lanes_of_one_that_is_gone_move_on_in_order_and_its_late_settling_is_refused() {
    let Some(nats) = Nats::start() else { return };
    let proxy = Proxy::start(nats.port()).await;
    let stalled = quick(&format!("nats://127.0.0.1:{}", proxy.port), "S").open().await.unwrap();
    for key in 1..=5 {
        put(&stalled, event(key, &user(3, 0))).await;
    }
    let mut late = lease_in_time(&stalled).await;
    assert_eq!(keys(&late), [1, 2, 3, 4, 5]);
    proxy.set(Mode::Stall);
    let other = quick(&nats.url(), "S").open().await.unwrap();
    put(&other, event(6, &user(3, 0))).await;
    let theirs = lease_in_time(&other).await;
    // Those that the other one had read come first.
    assert_eq!(keys(&theirs), [1, 2, 3, 4, 5, 6]);
    assert!(theirs.fence > late.fence);
    let ends = vec![End::Accepted, End::Accepted, End::Released, End::Released, End::Released, End::Released];
    other.settle(theirs, ends).await.unwrap();

    proxy.set(Mode::Forward);
    let begun = Instant::now();
    loop {
        let ends = vec![End::Accepted; late.items.len()];
        let unsettled = stalled.settle(late, ends).await.expect_err("it is another's");
        if unsettled.error.is_fenced() {
            break;
        }
        late = unsettled.lease;
        assert!(begun.elapsed() < PATIENCE, "{}", unsettled.error);
        tokio::time::sleep(LEASE / 4).await;
    }
    // Whoever has the lane now.
    let mut rest = Vec::new();
    while rest.len() < 4 {
        for outbox in [&stalled, &other] {
            if let Some(lease) = lease(outbox).await {
                rest.extend(keys(&lease));
                let ends = vec![End::Accepted; lease.items.len()];
                outbox.settle(lease, ends).await.unwrap();
            }
        }
        assert!(begun.elapsed() < PATIENCE, "{rest:?}");
    }
    assert_eq!(rest, [3, 4, 5, 6]);
}

#[tokio::test]
async fn a_user_is_forgotten_whoever_holds_the_lane() {
    let Some(nats) = Nats::start() else { return };
    let holder = quick(&nats.url(), "S").open().await.unwrap();
    let id = user(3, 0);
    for key in 1..=3 {
        put(&holder, event(key, &id)).await;
    }
    put(&holder, event(4, &user(3, 1))).await;
    let other = quick(&nats.url(), "S").open().await.unwrap();
    for outbox in [&other, &holder] {
        let forgotten = tokio::time::timeout(PATIENCE, outbox.forget(&id)).await.expect("in time").unwrap();
        let mut gone: Vec<u64> = forgotten.pending.iter().map(|removed| removed.key).collect();
        gone.sort_unstable();
        assert_eq!(gone, if std::ptr::eq(outbox, &other) { vec![1, 2, 3] } else { vec![] });
    }
    other.close().await;
    assert_eq!(drain(&holder, 1).await, [4]);
}
