//! Order: what is promised of lanes.

use std::{collections::HashMap, sync::Arc};

use copilot_delivery::{Kind, Lane, outbox::End};

use super::{
    Engine,
    held::{ANY, ANY_CONSENT, Held, keys, refused},
    items::{at, consent, deletion, event, user},
};

pub(super) async fn what_comes_out_is_what_was_put_in(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(3, 0);
    // A key of all 64 bits.
    let items = [event(u64::MAX - 6, &id), deletion(8, "zoe@example.com"), consent(9, &user(4, 0), true)];
    let before: Vec<_> = items.iter().map(|item| item.copy().into_record()).collect();
    outbox.put_all(items).await;
    let (events, consents) = (outbox.take(&ANY).await, outbox.take(&ANY_CONSENT).await);
    let after: Vec<_> = events.items.iter().chain(&consents.items).collect();
    assert_eq!(after.len(), 3);
    for (before, after) in before.iter().zip(after) {
        assert!(!after.forget);
        assert_eq!(*before, after.item.copy().into_record());
    }
    assert_eq!(events.lanes.iter().collect::<Vec<_>>().len(), 2);
    outbox.end(events, End::Accepted).await;
    outbox.end(consents, End::Accepted).await;
}

pub(super) async fn items_of_a_lane_come_out_in_their_order(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let users = [user(0, 0), user(0, 1), user(5, 0), user(31, 0)];
    for key in 0..40 {
        outbox.put(event(key, &users[key as usize % users.len()])).await;
    }
    let mut came: HashMap<Lane, Vec<u64>> = HashMap::new();
    let mut request = ANY;
    request.max_items = 7;
    while let Some(lease) = outbox.try_take(&request).await {
        for leased in &lease.items {
            came.entry(leased.item.lane()).or_default().push(leased.item.key());
        }
        outbox.end(lease, End::Accepted).await;
    }
    assert_eq!(came.values().map(Vec::len).sum::<usize>(), 40);
    assert!(came.values().all(|keys| keys.is_sorted()), "{came:?}");
}

pub(super) async fn the_lane_that_waits_longest_comes_first(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.put_all([event(1, &user(9, 0)), event(2, &user(2, 0)), event(3, &user(9, 0))]).await;
    let mut request = ANY;
    request.max_items = 1;
    let first = outbox.take(&request).await;
    let second = outbox.take(&request).await;
    assert_eq!((keys(&first), keys(&second)), (vec![1], vec![2]));
    outbox.end(first, End::Accepted).await;
    outbox.end(second, End::Accepted).await;
    assert_eq!(outbox.drain().await, [3]);
}

pub(super) async fn released_items_keep_their_place(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(1, 0);
    outbox.put_all((1..=6).map(|key| event(key, &id))).await;
    let mut request = ANY;
    request.max_items = 4;
    let lease = outbox.take(&request).await;
    outbox.put(event(7, &id)).await;
    outbox.end_each(lease, vec![End::Released, End::Accepted, End::Released, End::Dead(refused("no"))]).await;
    // An end that is missing is no end.
    let lease = outbox.take(&request).await;
    assert_eq!(keys(&lease), [1, 3, 5, 6]);
    outbox.end_each(lease, vec![End::Accepted]).await;
    assert_eq!(outbox.drain().await, [3, 5, 6, 7]);
}

pub(super) async fn a_lease_holds_one_kind_and_never_overtakes_the_other(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(6, 0);
    outbox
        .put_all([
            event(1, &id),
            event(2, &user(6, 1)),
            consent(3, &id, true),
            consent(4, &id, false),
            event(5, &id),
        ])
        .await;
    for (kind, expected) in [(Kind::Event, vec![1, 2]), (Kind::Consent, vec![3, 4]), (Kind::Event, vec![5])] {
        let (this, other) = if kind == Kind::Event { (ANY, ANY_CONSENT) } else { (ANY_CONSENT, ANY) };
        assert!(outbox.try_take(&other).await.is_none(), "{kind:?} is first");
        let lease = outbox.take(&this).await;
        assert_eq!(keys(&lease), expected);
        assert!(lease.items.iter().all(|leased| leased.item.kind() == kind));
        outbox.end(lease, End::Accepted).await;
    }
}

pub(super) async fn many_at_once_each_item_comes_out_once_and_in_order(engine: Arc<dyn Engine>) {
    const REPORTERS: u64 = 8;
    const EACH: u64 = 150;
    let outbox = Held::fresh(&engine).await;
    let reporters = (0..REPORTERS).map(|reporter| {
        let outbox = outbox.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                // Each reporter has a user of its own; two of them share a lane.
                let id = user(reporter as u8 / 2, reporter as usize % 2);
                let item = at(number as i64, event(reporter * EACH + number, &id));
                outbox.try_put(item).await.expect("room");
            }
        })
    });
    let reporters: Vec<_> = reporters.collect();
    let couriers: Vec<_> = (0..2)
        .map(|_| {
            let outbox = outbox.clone();
            tokio::spawn(async move {
                let mut came = Vec::new();
                let mut request = ANY;
                (request.max_items, request.now) = (20, i64::MAX);
                loop {
                    let counts = outbox.read().await;
                    let ended = counts.tally.accepted + counts.tally.rejected;
                    match outbox.try_take(&request).await {
                        Some(lease) => {
                            came.push((lease.fence, keys(&lease)));
                            outbox.end(lease, End::Accepted).await;
                        }
                        None if ended == REPORTERS * EACH => return came,
                        None => tokio::task::yield_now().await,
                    }
                }
            })
        })
        .collect();
    for reporter in reporters {
        reporter.await.expect("reported");
    }
    let mut came = Vec::new();
    for courier in couriers {
        came.extend(courier.await.expect("carried"));
    }
    came.sort_unstable();
    let came: Vec<u64> = came.into_iter().flat_map(|(_, keys)| keys).collect();
    assert_eq!(came.len() as u64, REPORTERS * EACH);
    for reporter in 0..REPORTERS {
        let theirs: Vec<u64> = came.iter().copied().filter(|key| key / EACH == reporter).collect();
        assert!(theirs.is_sorted() && theirs.len() as u64 == EACH, "{theirs:?}");
    }
}
