//! Dead letters: looked at, put back, mended, dropped.

use std::sync::Arc;

use copilot_delivery::{Judge, Outcome, Reason, outbox::End};

use super::{
    Engine,
    held::{ANY, Held, keys, refused},
    items::{consent, event, user},
};

/// An outbox with three dead letters, of keys 1 to 3.
async fn with_letters(engine: &Arc<dyn Engine>, items: u64) -> Held {
    let outbox = Held(engine.fresh(items, 1_000_000).await);
    let id = user(9, 0);
    outbox.put_all((1..=3).map(|key| event(key, &id))).await;
    outbox.end(outbox.take(&ANY).await, End::Dead(refused("no"))).await;
    outbox
}

pub(super) async fn what_was_refused_is_listed_with_its_reason(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(9, 0);
    let items: Vec<_> = (1..=4).map(|key| event(key, &id)).collect();
    let records: Vec<_> = items.iter().map(|item| item.copy().into_record()).collect();
    outbox.put_all(items).await;
    let words = || ["too \"long\"".to_owned(), "Zoë".to_owned()];
    let outcomes = [
        Outcome::Rejected(Reason::new(Judge::Contract, words())),
        Outcome::Unattributed(Reason::new(Judge::Server, [])),
        Outcome::Expired,
    ];
    let mut ends: Vec<End> = outcomes.iter().cloned().map(End::Dead).collect();
    ends.push(End::Accepted);
    outbox.end_each(outbox.take(&ANY).await, ends).await;

    let letters = outbox.letters().await;
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().map(|letter| letter.id).is_sorted_by(|a, b| a < b), "oldest first");
    let ids: Vec<u64> = letters.iter().map(|letter| letter.id).collect();
    for ((letter, outcome), record) in letters.into_iter().zip(outcomes).zip(records) {
        assert_eq!(letter.outcome, outcome);
        assert!(letter.since > 0);
        assert_eq!(letter.item.into_record(), record);
    }
    // In pages.
    let ids_of = async |after, limit| -> Vec<u64> {
        let page = outbox.dead_letters(after, limit).await.expect("dead letters");
        page.iter().map(|letter| letter.id).collect()
    };
    assert_eq!(ids_of(None, 2).await, ids[..2]);
    assert_eq!(ids_of(ids.get(1).copied(), 2).await, ids[2..]);
    assert!(ids_of(ids.last().copied(), 2).await.is_empty());
}

pub(super) async fn a_dead_letter_goes_back_to_the_end_of_its_lane(engine: Arc<dyn Engine>) {
    let outbox = with_letters(&engine, 100).await;
    outbox.put(event(4, &user(9, 0))).await;
    let id = outbox.letters().await.get(1).expect("three").id;
    assert!(outbox.put_back(id, None).await.expect("put back"));
    assert!(!outbox.put_back(id, None).await.expect("an answer"), "it is no dead letter any more");
    let counts = outbox.read().await;
    if outbox.abilities().counts_all {
        assert_eq!((counts.tally.taken, counts.tally.rejected, counts.pending), (5, 3, 2));
    }
    assert_eq!(counts.dead_letters, 2);
    assert_eq!(outbox.drain().await, [4, 2]);
}

pub(super) async fn a_dead_letter_can_be_mended(engine: Arc<dyn Engine>) {
    let outbox = with_letters(&engine, 100).await;
    let id = outbox.letters().await.first().expect("three").id;
    let mended = consent(17, &user(20, 0), true);
    let record = mended.copy().into_record();
    assert!(outbox.put_back(id, Some(mended)).await.expect("put back"));
    let lease = outbox.take(&super::held::ANY_CONSENT).await;
    assert_eq!(keys(&lease), [17]);
    assert_eq!(lease.items.first().map(|leased| leased.item.copy().into_record()), Some(record));
    outbox.end(lease, End::Accepted).await;
    let left: Vec<u64> = outbox.letters().await.iter().map(|letter| letter.item.key()).collect();
    assert_eq!(left, [2, 3]);
}

pub(super) async fn a_dead_letter_stays_when_there_is_no_room(engine: Arc<dyn Engine>) {
    let outbox = with_letters(&engine, 3).await;
    outbox.put_all((4..=6).map(|key| event(key, &user(0, 0)))).await;
    let id = outbox.letters().await.first().expect("three").id;
    let error = outbox.put_back(id, None).await.expect_err("full");
    assert!(error.is_full(), "{error}");
    assert_eq!(outbox.letters().await.len(), 3);
    assert_eq!(outbox.drain().await, [4, 5, 6]);
    assert!(outbox.put_back(id, None).await.expect("put back"));
    assert_eq!(outbox.drain().await, [1]);
}

pub(super) async fn dropped_dead_letters_are_gone(engine: Arc<dyn Engine>) {
    let outbox = with_letters(&engine, 100).await;
    let ids: Vec<u64> = outbox.letters().await.iter().map(|letter| letter.id).collect();
    let before = outbox.read().await;
    assert_eq!(outbox.drop_dead_letters(&[ids[0], ids[2], 987_654]).await.expect("dropped"), 2);
    assert_eq!(outbox.drop_dead_letters(&ids[..1]).await.expect("an answer"), 0);
    let after = outbox.read().await;
    assert_eq!((after.dead_letters, after.tally), (1, before.tally));
    assert_eq!(outbox.letters().await.first().map(|letter| letter.item.key()), Some(2));
}
