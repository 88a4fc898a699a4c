//! Several outboxes on one database, as several processes have them.

use std::time::Duration;

use copilot_delivery::{Outbox, outbox::End};

use super::{
    drain,
    items::{event, user},
    keys, lease, migrated, put, quick, server,
};

#[tokio::test]
async fn a_lease_that_ran_out_moves_on_and_who_had_it_is_refused() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let (slow, other) = (quick(&url).open().await.unwrap(), quick(&url).open().await.unwrap());
    put(&slow, event(1, &user(3, 0))).await;
    put(&slow, event(2, &user(3, 0))).await;
    let late = lease(&slow).await.expect("items");
    put(&other, event(3, &user(4, 0))).await;
    assert_eq!(drain(&other).await, [3], "the other lanes are free");
    tokio::time::sleep(Duration::from_millis(600)).await;
    let theirs = lease(&other).await.expect("it ran out");
    assert_eq!((keys(&theirs), theirs.fence > late.fence), (vec![1, 2], true));
    assert!(slow.extend(&late).await.expect_err("it is another's").is_fenced());
    let unsettled = slow.settle(late, vec![End::Accepted; 2]).await.expect_err("it is another's");
    assert!(unsettled.error.is_fenced(), "{}", unsettled.error);
    other.settle(theirs, vec![End::Released, End::Accepted]).await.expect("settled");
    assert_eq!(drain(&slow).await, [1]);
}

#[tokio::test]
async fn a_lease_that_ran_out_and_nobody_took_is_still_settled() {
    let Some(server) = server().await else { return };
    let outbox = quick(&migrated(&server).await).open().await.unwrap();
    put(&outbox, event(1, &user(3, 0))).await;
    let late = lease(&outbox).await.expect("an item");
    tokio::time::sleep(Duration::from_millis(600)).await;
    outbox.settle(late, vec![End::Accepted]).await.expect("nobody else has it");
    assert!(drain(&outbox).await.is_empty());
}

/// Leasers that meet wait for each other: none of them finds nothing while there is something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn couriers_that_meet_all_get_something() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let filler = quick(&url).open().await.unwrap();
    for lane in 0..32 {
        put(&filler, event(lane.into(), &user(lane, 0))).await;
    }
    let mut couriers = Vec::new();
    for _ in 0..4 {
        couriers.push(quick(&url).open().await.unwrap());
    }
    let one = |courier: copilot_delivery::PostgresOutbox| async move {
        let request = copilot_delivery::outbox::LeaseRequest { max_items: 1, ..super::ANY };
        let mut got = 0;
        for _ in 0..8 {
            match courier.lease(&request).await.expect("an answer") {
                copilot_delivery::outbox::Leased::Batch(lease) => got += lease.items.len(),
                nothing => panic!("{nothing:?}"),
            }
        }
        got
    };
    let got: Vec<_> = couriers.into_iter().map(|courier| tokio::spawn(one(courier))).collect();
    for got in got {
        assert_eq!(got.await.unwrap(), 8);
    }
}

/// Room that others make is found, and what others put in counts.
#[tokio::test]
async fn what_other_processes_put_in_and_take_out_is_counted() {
    let Some(server) = server().await else { return };
    let url = migrated(&server).await;
    let (full, other) = (quick(&url).max_items(2).open().await.unwrap(), quick(&url).open().await.unwrap());
    for key in 1..=3 {
        put(&other, event(key, &user(3, 0))).await;
    }
    full.counts().await.unwrap();
    let refused = super::try_put(&full, event(4, &user(3, 0))).await.expect_err("full");
    assert!(refused.error.is_full());
    let room = full.signals().settled.notified();
    assert_eq!(drain(&other).await, [1, 2, 3]);
    tokio::time::timeout(Duration::from_secs(10), room).await.expect("told that there is room");
    put(&full, *refused.item).await;
    assert_eq!(drain(&other).await, [4]);
}
