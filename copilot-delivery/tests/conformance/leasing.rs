//! Leases: who may have what, how much, and when.

use std::{sync::Arc, time::Duration};

use copilot_delivery::{
    Lane, LaneSet,
    outbox::{End, Lease, LeaseRequest, Leased},
};

use super::{
    Engine,
    held::{ANY, Held, copy, keys, refused},
    items::{NOON, at, event, sized, user},
};

pub(super) async fn a_leased_lane_is_nobody_elses(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let (busy, free) = (user(7, 0), user(8, 0));
    outbox.put_all([event(1, &busy), event(2, &busy)]).await;
    let mut request = ANY;
    request.max_items = 1;
    let first = outbox.take(&request).await;
    assert_eq!(keys(&first), [1]);
    outbox.put_all([event(3, &free), event(4, &user(7, 1))]).await;
    let other = outbox.take(&ANY).await;
    assert_eq!(keys(&other), [3]);
    assert!(outbox.try_take(&ANY).await.is_none());
    outbox.end(first, End::Accepted).await;
    let rest = outbox.take(&ANY).await;
    assert_eq!(keys(&rest), [2, 4]);
    assert_eq!(outbox.read().await.pending, 3);
    outbox.end(rest, End::Accepted).await;
    outbox.end(other, End::Accepted).await;
}

pub(super) async fn only_the_lanes_that_were_asked_for_are_leased(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.put_all((0..32).map(|lane| event(lane.into(), &user(lane, 0)))).await;
    let wanted: LaneSet = [4, 31].into_iter().filter_map(Lane::new).collect();
    let lease = outbox.take(&LeaseRequest { lanes: wanted, ..ANY }).await;
    assert_eq!((keys(&lease), lease.lanes), (vec![4, 31], wanted));
    assert!(outbox.try_take(&LeaseRequest { lanes: LaneSet::NONE, ..ANY }).await.is_none());
    outbox.end(lease, End::Accepted).await;
    assert_eq!(outbox.drain().await.len(), 30);
}

pub(super) async fn a_lease_is_settled_once(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(10, 0);
    outbox.put_all([event(1, &id), event(2, &id)]).await;
    let lease = outbox.take(&ANY).await;
    let again = copy(&lease);
    outbox.end(lease, End::Released).await;
    let theirs = outbox.take(&ANY).await;
    let before = outbox.read().await;
    // Neither accepted nor dead: the items are another's by now.
    for end in [End::Accepted, End::Dead(refused("no"))] {
        let again = copy(&again);
        let unsettled = outbox.settle(again, vec![end; 2]).await.expect_err("fenced");
        assert!(unsettled.error.is_fenced(), "{}", unsettled.error);
    }
    assert_eq!(outbox.read().await, before);
    assert_eq!(keys(&theirs), [1, 2]);
    outbox.end(theirs, End::Accepted).await;
    assert!(outbox.drain().await.is_empty());
}

pub(super) async fn a_later_lease_of_a_lane_has_a_greater_fence(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.put(event(1, &user(11, 0))).await;
    let mut last = 0;
    for _ in 0..3 {
        let lease = outbox.take(&ANY).await;
        assert!(lease.fence > last);
        last = lease.fence;
        outbox.end(lease, End::Released).await;
    }
}

pub(super) async fn few_items_linger(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.put_all([at(NOON, event(1, &user(0, 0))), at(NOON + 500, event(2, &user(1, 0)))]).await;
    let mut request = ANY;
    request.linger = Duration::from_secs(1);
    for (waited, left) in [(0, 1000), (600, 400), (999, 1)] {
        request.now = NOON + waited;
        let leased = outbox.lease(&request).await.expect("an answer");
        let Leased::Later(after) = leased else { panic!("{leased:?}") };
        assert_eq!(after, Duration::from_millis(left));
    }
    request.now = NOON + 1000;
    let lease = outbox.take(&request).await;
    assert_eq!(keys(&lease), [1, 2], "what did not wait so long goes along");
    // A clock that was set back holds nothing.
    outbox.end(lease, End::Released).await;
    request.now = NOON - 3_600_000;
    let lease = outbox.take(&request).await;
    outbox.end(lease, End::Accepted).await;
    let leased = outbox.lease(&request).await.expect("an answer");
    assert!(matches!(leased, Leased::Nothing), "{leased:?}");
}

pub(super) async fn many_items_or_bytes_do_not_linger(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.put_all((0..3).map(|key| event(key, &user(key as u8, 0)))).await;
    let mut request = LeaseRequest { linger: Duration::from_secs(3600), ..ANY };
    request.max_items = 3;
    outbox.end(outbox.take(&request).await, End::Released).await;
    request.max_items = 4;
    assert!(matches!(outbox.lease(&request).await, Ok(Leased::Later(_))));
    request.max_bytes = 100;
    let lease = outbox.take(&request).await;
    outbox.end(lease, End::Released).await;
    // What cannot be leased is no reason to go.
    request.lanes = LaneSet::ALL.without([Lane::new(1)].into_iter().flatten().collect());
    (request.max_items, request.max_bytes) = (3, 1_000_000);
    assert!(matches!(outbox.lease(&request).await, Ok(Leased::Later(_))));
}

pub(super) async fn a_lease_holds_at_most_so_many_items(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.put_all((0..30).map(|key| event(key, &user(key as u8 % 3, 0)))).await;
    let mut request = ANY;
    for max_items in [1, 9, 20] {
        request.max_items = max_items;
        let lease = outbox.take(&request).await;
        assert_eq!(lease.items.len(), max_items);
        assert_eq!(
            lease.lanes,
            Lease::lanes_of(&lease.items),
            "a lane of which nothing was taken stays free"
        );
        outbox.end(lease, End::Accepted).await;
    }
}

pub(super) async fn a_lease_holds_at_most_so_many_bytes(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(12, 0);
    outbox.put_all([sized(1, &id, 5000), event(2, &id), event(3, &id), event(4, &id)]).await;
    let mut request = ANY;
    request.max_bytes = 1000;
    let first = outbox.take(&request).await;
    assert_eq!(keys(&first), [1], "the first may be larger, alone");
    assert!(first.items.first().is_some_and(|leased| leased.item.bytes() >= 5000));
    outbox.end(first, End::Accepted).await;
    let all = outbox.take(&ANY).await;
    let two: usize = all.items.iter().take(2).map(|leased| leased.item.bytes()).sum();
    outbox.end(all, End::Released).await;
    request.max_bytes = two;
    let lease = outbox.take(&request).await;
    assert_eq!(keys(&lease), [2, 3]);
    outbox.end(lease, End::Accepted).await;
    assert_eq!(outbox.drain().await, [4]);
}

pub(super) async fn a_lease_that_runs_out_is_lost(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.put(event(1, &user(13, 0))).await;
    let lease = outbox.take(&ANY).await;
    let lasts = lease.lasts.expect("leases of engines that are shared run out");
    tokio::time::sleep(lasts / 2).await;
    outbox.extend(&lease).await.expect("it is still ours");
    tokio::time::sleep(lasts * 3 / 4).await;
    assert!(outbox.try_take(&ANY).await.is_none(), "it was extended");
    tokio::time::sleep(lasts).await;
    let theirs = outbox.take(&ANY).await;
    assert!(theirs.fence > lease.fence && keys(&theirs) == [1]);
    assert!(outbox.extend(&lease).await.expect_err("it ran out").is_fenced());
    let unsettled = outbox.settle(lease, vec![End::Accepted]).await.expect_err("it ran out");
    assert!(unsettled.error.is_fenced());
    outbox.end(theirs, End::Accepted).await;
    assert!(outbox.drain().await.is_empty());
}
