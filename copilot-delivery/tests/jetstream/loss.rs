//! Servers that are killed or do not answer: what was acknowledged is not lost, nothing is told that is not so, and nobody waits for ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use copilot_delivery::{
    Lane, LaneSet, Outbox,
    outbox::{End, LeaseRequest, Leased},
};

use super::{
    Nats, PATIENCE, drain,
    items::{event, user},
    keys, lease, lease_in_time,
    proxy::{Mode, Proxy},
    put, quick, try_put,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_loses_nothing_and_keeps_the_order() {
    const USERS: u64 = 6;
    let Some(nats) = Nats::start() else { return };
    let outbox = Arc::new(quick(&nats.url(), "S").deadline(PATIENCE).open().await.unwrap());
    let until = Instant::now() + Duration::from_secs(3);
    let reporters = (0..USERS).map(|of| {
        let outbox = outbox.clone();
        tokio::spawn(async move {
            let id = user(of as u8, 0);
            let mut stored = 0;
            while Instant::now() < until {
                put(&*outbox, event(of * 1_000_000 + stored, &id)).await;
                stored += 1;
            }
            stored
        })
    });
    let reporters: Vec<_> = reporters.collect();
    let done = Arc::new(AtomicBool::new(false));
    let courier = {
        let (outbox, done) = (outbox.clone(), done.clone());
        tokio::spawn(async move {
            let mut came = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let Ok(copilot_delivery::outbox::Leased::Batch(mut lease)) = outbox.lease(&super::ANY).await
                else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                came.extend(keys(&lease));
                let mut ends = vec![End::Accepted; lease.items.len()];
                while let Err(unsettled) = outbox.settle(lease, ends).await {
                    if unsettled.error.is_fenced() {
                        break;
                    }
                    (lease, ends) = (unsettled.lease, unsettled.ends);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            came
        })
    };
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        nats.kill();
        tokio::time::sleep(Duration::from_millis(200)).await;
        nats.run();
    }
    let mut stored = Vec::new();
    for reporter in reporters {
        stored.push(reporter.await.unwrap());
    }
    let begun = Instant::now();
    loop {
        let counts = outbox.counts().await.unwrap();
        if counts.pending == 0 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{counts:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    done.store(true, Ordering::Relaxed);
    let came = courier.await.unwrap();
    for (of, stored) in (0..USERS).zip(stored) {
        let mut firsts: Vec<u64> = Vec::new();
        for key in came.iter().filter(|key| *key / 1_000_000 == of).map(|key| key % 1_000_000) {
            if firsts.last().is_none_or(|last| key > *last) {
                firsts.push(key);
            }
        }
        assert!(stored > 50, "{stored} in three seconds prove little");
        assert!(firsts.into_iter().eq(0..stored), "of {of}");
    }
}

#[tokio::test]
async fn what_is_published_again_is_stored_once() {
    let Some(nats) = Nats::start() else { return };
    let proxy = Proxy::start(nats.port()).await;
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let outbox = quick(&url, "S").deadline(PATIENCE).open().await.unwrap();
    let other = quick(&nats.url(), "S").open().await.unwrap();
    let mut expected = Vec::new();
    for (key, mode) in
        (0..).zip([Mode::CutAfter("HPUB S.03"), Mode::CutBefore("HPUB S.03")].into_iter().cycle().take(6))
    {
        proxy.set(mode);
        put(&outbox, event(key, &user(3, 0))).await;
        assert!(proxy.has_cut(), "{mode:?}");
        expected.push(key);
    }
    outbox.close().await;
    assert_eq!(drain(&other, 6).await, expected);
}

#[tokio::test]
async fn what_cannot_be_stored_in_time_comes_back_and_the_error_says_that_it_may_be_stored() {
    let Some(nats) = Nats::start() else { return };
    let proxy = Proxy::start(nats.port()).await;
    let deadline = Duration::from_millis(600);
    let url = format!("nats://127.0.0.1:{}", proxy.port);
    let outbox = quick(&url, "S").deadline(deadline).open().await.unwrap();
    put(&outbox, event(0, &user(3, 0))).await;
    proxy.set(Mode::Stall);
    let begun = Instant::now();
    let refused = try_put(&outbox, event(1, &user(3, 0))).await.expect_err("it is not answered");
    let took = begun.elapsed();
    assert!(took >= deadline && took < deadline * 3, "{took:?}");
    assert!(refused.error.to_string().contains("may be delivered"), "{}", refused.error);
    assert!(refused.item.may_have_been_taken());
    proxy.set(Mode::Forward);
    let begun = Instant::now();
    while let Err(refused) = try_put(&outbox, event(2, &user(3, 0))).await {
        assert!(begun.elapsed() < PATIENCE, "{}", refused.error);
    }
}

#[tokio::test]
async fn a_full_stream_refuses_and_says_when_there_is_room() {
    let Some(nats) = Nats::start() else { return };
    let full = quick(&nats.url(), "S").max_items(2).open().await.unwrap();
    let other = quick(&nats.url(), "S").open().await.unwrap();
    for key in 1..=2 {
        put(&full, event(key, &user(3, 0))).await;
    }
    let refused = try_put(&full, event(3, &user(3, 0))).await.expect_err("full");
    assert!(refused.error.is_full(), "{}", refused.error);
    let room = full.signals().settled.notified();
    let begun = Instant::now();
    let mut drained = Vec::new();
    while drained.len() < 2 {
        for outbox in [&full, &other] {
            if let Some(lease) = lease(outbox).await {
                drained.extend(keys(&lease));
                let ends = vec![End::Accepted; lease.items.len()];
                outbox.settle(lease, ends).await.unwrap();
            }
        }
        assert!(begun.elapsed() < PATIENCE);
    }
    tokio::time::timeout(PATIENCE, room).await.expect("told that there is room");
    put(&full, *refused.item).await;
    full.close().await;
    assert_eq!(keys(&lease_in_time(&other).await), [3]);
}

/// A server that was killed brings back what was removed last, and one of 2.9 makes room for that by removing the oldest.
#[tokio::test]
async fn a_killed_server_loses_nothing_of_an_outbox_that_was_full() {
    let Some(nats) = Nats::start() else { return };
    let open = || quick(&nats.url(), "S").max_items(200).open();
    let outbox = open().await.unwrap();
    let put_all = async |keys: std::ops::Range<u64>, lane: u8| {
        for key in keys {
            put(&outbox, event(key, &user(lane, 0))).await;
        }
    };
    put_all(0..100, 3).await;
    put_all(100..200, 4).await;
    let of_four = LeaseRequest { lanes: LaneSet::NONE.with(Lane::of(&user(4, 0))), ..super::ANY };
    let Leased::Batch(lease) = outbox.lease(&of_four).await.unwrap() else { panic!("nothing is there") };
    let ends = vec![End::Accepted; lease.items.len()];
    assert_eq!(ends.len(), 100);
    outbox.settle(lease, ends).await.unwrap();
    put_all(200..300, 5).await;
    nats.kill();
    nats.run();
    drop(outbox);
    let (outbox, mut came) = (open().await.unwrap(), std::collections::BTreeSet::new());
    let begun = Instant::now();
    while came.len() < 300 && outbox.counts().await.unwrap().pending > 0 {
        let lease = lease_in_time(&outbox).await;
        came.extend(keys(&lease));
        let ends = vec![End::Accepted; lease.items.len()];
        outbox.settle(lease, ends).await.unwrap();
        assert!(begun.elapsed() < PATIENCE);
    }
    assert!((0..100).chain(200..300).all(|key| came.contains(&key)), "{came:?}");
}
