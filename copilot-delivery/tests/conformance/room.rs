//! Room: what a full outbox does, and whom it tells.

use std::{sync::Arc, time::Duration};

use copilot_delivery::outbox::{End, LeaseRequest, Leased};

use super::{
    Engine,
    held::{ANY, Held},
    items::{event, sized, user},
};

/// How long a signal may take.
const SOON: Duration = Duration::from_secs(5);

pub(super) async fn a_full_outbox_gives_the_item_back(engine: Arc<dyn Engine>) {
    let outbox = Held(engine.fresh(3, 1_000_000).await);
    let id = user(0, 0);
    outbox.put_all((1..=3).map(|key| event(key, &id))).await;
    let fourth = event(4, &id);
    let refused = outbox.try_put(fourth.copy()).await.expect_err("full");
    assert!(refused.error.is_full(), "{}", refused.error);
    assert_eq!(refused.item.into_record(), fourth.into_record());
    // What is on its way takes room as well: it may come back.
    let lease = outbox.take(&ANY).await;
    assert!(outbox.try_put(event(5, &id)).await.is_err_and(|refused| refused.error.is_full()));
    outbox.end(lease, End::Released).await;
    assert_eq!(outbox.read().await.tally.taken, 3);
}

pub(super) async fn settling_makes_room_and_says_so(engine: Arc<dyn Engine>) {
    let outbox = Held(engine.fresh(2, 1_000_000).await);
    let id = user(0, 0);
    outbox.put_all([event(1, &id), event(2, &id)]).await;
    let waiting = {
        let outbox = outbox.clone();
        let item = event(3, &id);
        tokio::spawn(async move {
            let mut item = item;
            loop {
                let settled = outbox.signals().settled.notified();
                match outbox.try_put(item).await {
                    Ok(()) => break,
                    Err(refused) => item = *refused.item,
                }
                settled.await;
            }
        })
    };
    let lease = outbox.take(&ANY).await;
    tokio::task::yield_now().await;
    outbox.end_each(lease, vec![End::Accepted, End::Released]).await;
    tokio::time::timeout(SOON, waiting).await.expect("told that there is room").expect("put in");
    assert_eq!(outbox.drain().await, [2, 3]);
}

pub(super) async fn bytes_bound_it_and_one_large_item_is_taken(engine: Arc<dyn Engine>) {
    let outbox = Held(engine.fresh(1000, 4000).await);
    let id = user(0, 0);
    outbox.put(sized(1, &id, 5000)).await;
    assert!(outbox.try_put(event(2, &id)).await.is_err_and(|refused| refused.error.is_full()));
    assert_eq!(outbox.drain().await, [1]);
    outbox.put(sized(3, &id, 2000)).await;
    assert!(outbox.try_put(sized(4, &id, 3000)).await.is_err_and(|refused| refused.error.is_full()));
    outbox.put(event(5, &id)).await;
    assert_eq!(outbox.drain().await, [3, 5]);
}

pub(super) async fn who_found_too_little_is_told_when_there_is_enough(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let hour = Duration::from_secs(3600);
    let nothing = LeaseRequest { linger: hour, max_items: 1, ..ANY };
    let too_few = LeaseRequest { linger: hour, max_items: 2, ..ANY };
    for (key, request) in [(1, nothing), (2, too_few)] {
        let filled = outbox.signals().filled.notified();
        let leased = outbox.lease(&request).await.expect("an answer");
        assert!(!matches!(leased, Leased::Batch(_)), "{leased:?}");
        outbox.put(event(key, &user(0, 0))).await;
        tokio::time::timeout(SOON, filled).await.expect("told that there is something");
    }
    assert_eq!(outbox.take(&too_few).await.items.len(), 2);
}
