//! Ends: how items are counted, and what becomes of them when the outbox ends.

use std::sync::Arc;

use copilot_delivery::{
    Judge, Kind, Outcome, Reason,
    outbox::{End, Leased},
};

use super::{
    Engine,
    held::{ANY, Held, keys, refused},
    items::{NOON, at, consent, deletion, event, sized, user},
    owner,
};

pub(super) async fn every_item_is_pending_or_has_ended(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(0, 0);
    outbox.put_all((1..=6).map(|key| event(key, &id))).await;
    let counts = outbox.read().await;
    assert_eq!((counts.tally.taken, counts.pending, counts.lanes), (6, 6, 1));
    let doubt = Outcome::Unattributed(Reason::new(Judge::Server, ["one of them".to_owned()]));
    let ends = [
        End::Accepted,
        End::Accepted,
        End::Dead(refused("no")),
        End::Dead(doubt),
        End::Dead(Outcome::Expired),
        End::Released,
    ];
    outbox.end_each(outbox.take(&ANY).await, ends.to_vec()).await;
    let counts = outbox.read().await;
    let tally = counts.tally;
    assert_eq!((tally.accepted, tally.rejected, tally.unattributed, tally.expired), (2, 1, 1, 1));
    assert_eq!((tally.taken, tally.undelivered, tally.forgotten, counts.pending), (6, 0, 0, 1));
    assert_eq!(counts.dead_letters, if outbox.abilities().dead_letters { 3 } else { 0 });
}

pub(super) async fn first_last_and_oldest_tell_what_waits(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let counts = outbox.read().await;
    assert_eq!((counts.oldest, counts.first, counts.last, counts.pending_bytes), (None, None, 0, 0));
    for key in 0..3 {
        outbox.put(at(NOON + key, event(key as u64, &user(key as u8, 0)))).await;
    }
    let all = outbox.read().await;
    assert_eq!((all.oldest, all.lanes), (Some(NOON), 3));
    assert!(all.first.is_some_and(|first| first + 2 == all.last), "{all:?}");
    // What is on its way still waits.
    let mut request = ANY;
    request.max_items = 1;
    let lease = outbox.take(&request).await;
    assert_eq!(outbox.read().await, all);
    outbox.end(lease, End::Accepted).await;
    let rest = outbox.read().await;
    assert_eq!((rest.oldest, rest.lanes, rest.last), (Some(NOON + 1), 2, all.last));
    assert!(rest.first > all.first && rest.pending_bytes < all.pending_bytes);
    outbox.drain().await;
    let none = outbox.read().await;
    assert_eq!((none.oldest, none.first, none.last), (None, None, all.last));
}

pub(super) async fn bound_to_one_owner(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let (ours, theirs) = (owner("ours"), owner("theirs"));
    for _ in 0..2 {
        outbox.bind(&ours, false).await.expect("ours");
    }
    outbox.put(event(1, &user(0, 0))).await;
    for other in [theirs.clone(), {
        let mut other = ours.clone();
        other.endpoint.push('2');
        other
    }] {
        let error = outbox.bind(&other, false).await.expect_err("another's");
        assert!(error.is_bound_elsewhere(), "{error}");
    }
    outbox.bind(&theirs, true).await.expect("rebound");
    assert!(outbox.bind(&ours, false).await.is_err_and(|error| error.is_bound_elsewhere()));
    assert_eq!(outbox.drain().await, [1]);
}

pub(super) async fn closed_it_takes_nothing_and_gives_back_what_it_does_not_keep(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let items = [event(1, &user(5, 0)), consent(2, &user(2, 0), true), event(3, &user(5, 0))];
    let records: Vec<_> = items.iter().map(|item| item.copy().into_record()).collect();
    outbox.put_all(items).await;
    let given_back: Vec<_> = outbox.close().await.into_iter().map(|item| item.into_record()).collect();
    assert_eq!(given_back, if outbox.abilities().durable { Vec::new() } else { records });
    let refused = outbox.try_put(event(4, &user(0, 0))).await.expect_err("closed");
    assert!(refused.error.is_closed(), "{}", refused.error);
    assert_eq!(refused.item.key(), 4);
    assert!(!matches!(outbox.lease(&ANY).await, Ok(Leased::Batch(_))));
    assert!(outbox.close().await.is_empty(), "once");
}

pub(super) async fn reopened_it_has_everything(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.bind(&owner("ours"), false).await.expect("ours");
    let (id, other) = (user(3, 0), user(4, 0));
    outbox
        .put_all([event(1, &id), event(2, &id), event(3, &id), consent(4, &id, false), deletion(5, &id)])
        .await;
    outbox.put_all([sized(6, &other, 9000), event(7, &other)]).await;
    let mut request = ANY;
    request.max_items = 2;
    outbox.end_each(outbox.take(&request).await, vec![End::Accepted, End::Dead(refused("no"))]).await;
    let _on_its_way = outbox.take(&request).await;
    let (counts, place) = (outbox.read().await, outbox.place());
    let before = outbox.letters().await;

    let outbox = Held(engine.reopen(outbox.0).await);
    assert_eq!((outbox.read().await, outbox.place()), (counts, place));
    assert!(outbox.bind(&owner("theirs"), false).await.is_err_and(|error| error.is_bound_elsewhere()));
    for (before, after) in before.into_iter().zip(outbox.letters().await) {
        assert_eq!((before.id, before.outcome, before.since), (after.id, after.outcome, after.since));
        assert_eq!(before.item.into_record(), after.item.into_record());
    }
    assert_eq!(outbox.forget(&id).await.expect("forgotten").pending.len(), 1);
    let counts = outbox.read().await;

    let outbox = Held(engine.reopen(outbox.0).await);
    assert_eq!(outbox.read().await, counts);
    let lease = outbox.take(&ANY).await;
    assert_eq!(keys(&lease), [6, 7], "consent is first in the other lane");
    assert!(lease.items.iter().all(|leased| !leased.forget));
    outbox.end(lease, End::Accepted).await;
    outbox.put(event(8, &other)).await;
    assert!(outbox.read().await.last > counts.last, "no place is used twice");
    let mut consents = ANY;
    consents.kind = Kind::Consent;
    let lease = outbox.take(&consents).await;
    assert!(lease.items.iter().all(|leased| leased.forget), "still to be forgotten");
    outbox.end(lease, End::Accepted).await;
    assert_eq!(outbox.drain().await, [5, 8]);
}
