//! Removal without sending: of a user, by age, by size.

use std::{sync::Arc, time::Duration};

use copilot_delivery::outbox::{End, Removed, Retention};

use super::{
    Engine,
    held::{ANY, ANY_CONSENT, Held, keys, refused},
    items::{NOON, at, consent, deletion, event, sized, user},
};

fn of(removed: &[Removed]) -> Vec<u64> {
    let mut keys: Vec<u64> = removed.iter().map(|removed| removed.key).collect();
    keys.sort_unstable();
    keys
}

fn retention() -> Retention {
    Retention { max_age: None, max_bytes: None, max_dead_age: None, now: NOON }
}

/// Another user of the same lane.
fn neighbour() -> String {
    user(14, 1)
}

pub(super) async fn forgetting_removes_a_user_and_nobody_else(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(14, 0);
    outbox.put_all([event(1, &id), event(2, &neighbour())]).await;
    if outbox.abilities().dead_letters {
        outbox.end(outbox.take(&ANY).await, End::Dead(refused("no"))).await;
    } else {
        outbox.drain().await;
    }
    outbox.put_all([event(3, &neighbour()), event(4, &id), event(5, &user(15, 0)), event(6, &id)]).await;
    let forgotten = outbox.forget(&id).await.expect("forgotten");
    let letters = outbox.letters().await;
    assert_eq!((of(&forgotten.pending), forgotten.still_sent), (vec![4, 6], 0));
    assert_eq!(forgotten.dead_letters, letters.len() as u64);
    assert!(letters.iter().all(|letter| letter.item.key() == 2));
    if outbox.abilities().counts_all {
        assert_eq!(outbox.read().await.tally.forgotten, 2);
    }
    assert_eq!(outbox.drain().await, [3, 5]);
    let nobody = outbox.forget(&id).await.expect("forgotten");
    assert_eq!((nobody.pending.len(), nobody.dead_letters, nobody.still_sent), (0, 0, 0));
}

pub(super) async fn forgetting_keeps_the_deletion_and_the_newest_consent(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(14, 0);
    outbox.put_all([consent(1, &id, true), event(2, &id), consent(3, &id, false)]).await;
    outbox.put_all([consent(4, &neighbour(), true), deletion(5, &id), event(6, &id)]).await;
    let forgotten = outbox.forget(&id).await.expect("forgotten");
    assert_eq!((of(&forgotten.pending), forgotten.still_sent), (vec![1, 2, 6], 2));
    let lease = outbox.take(&ANY_CONSENT).await;
    let marks: Vec<_> = lease.items.iter().map(|leased| (leased.item.key(), leased.forget)).collect();
    assert_eq!(marks, [(3, true), (4, false)]);
    outbox.end(lease, End::Released).await;
    // A change that comes later is the newest one then.
    outbox.put(consent(7, &id, true)).await;
    let forgotten = outbox.forget(&id).await.expect("forgotten");
    assert_eq!((of(&forgotten.pending), forgotten.still_sent), (vec![3], 2));
    assert_eq!(outbox.drain().await, [4, 5, 7]);
}

pub(super) async fn what_is_forgotten_never_becomes_a_dead_letter(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(14, 0);
    outbox.put_all([deletion(1, &id), event(2, &neighbour())]).await;
    outbox.forget(&id).await.expect("forgotten");
    outbox.end(outbox.take(&ANY).await, End::Dead(refused("no"))).await;
    let letters: Vec<u64> = outbox.letters().await.iter().map(|letter| letter.item.key()).collect();
    assert_eq!(letters, [2]);
    if outbox.abilities().counts_all {
        assert_eq!(outbox.read().await.tally.rejected, 2);
    }
}

pub(super) async fn forgetting_waits_for_what_is_on_its_way(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(14, 0);
    outbox.put_all([event(1, &id), event(2, &id), event(3, &neighbour())]).await;
    let mut request = ANY;
    request.max_items = 1;
    let lease = outbox.take(&request).await;
    let forgetting = {
        let outbox = outbox.clone();
        tokio::spawn(async move { outbox.forget(&id).await.expect("forgotten") })
    };
    // Others are not held up.
    outbox.put(event(4, &user(15, 0))).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(!forgetting.is_finished(), "one of theirs is on its way");
    let other = outbox.take(&ANY).await;
    assert_eq!(keys(&other), [4]);
    outbox.end(other, End::Accepted).await;
    // Even if the lane would be leased again at once.
    outbox.end(lease, End::Released).await;
    let forgotten = forgetting.await.expect("ends");
    assert_eq!(of(&forgotten.pending), [1, 2]);
    assert_eq!(outbox.drain().await, [3]);
}

pub(super) async fn what_is_too_old_goes_and_consent_stays(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(14, 0);
    for (key, age) in [(1, 7200), (2, 3600), (3, 3601), (4, 10)] {
        outbox.put(at(NOON - age * 1000, event(key, &id))).await;
    }
    outbox.put(at(0, consent(5, &id, true))).await;
    outbox.put_all([at(0, deletion(6, &user(15, 0))), at(0, event(7, &user(16, 0)))]).await;
    outbox.forget(&user(15, 0)).await.expect("forgotten");
    let hour = Some(Duration::from_secs(3600));
    let removed = outbox.retain(&Retention { max_age: hour, ..retention() }).await.expect("removed");
    assert_eq!(of(&removed), [1, 3, 7]);
    if outbox.abilities().counts_all {
        assert_eq!(outbox.read().await.tally.expired, 3);
    }
    let nothing = outbox.retain(&retention()).await.expect("removed");
    assert!(nothing.is_empty());
    assert_eq!(outbox.drain().await, [2, 4, 6, 5]);
    // Dead letters by when they became that, which was just now.
    outbox.put(event(8, &id)).await;
    outbox.end(outbox.take(&ANY).await, End::Dead(refused("no"))).await;
    let since = outbox.letters().await.first().expect("one").since;
    for (later, left) in [(3_600_000, 1), (3_600_001, 0)] {
        let retention = Retention { max_dead_age: hour, now: since + later, ..retention() };
        assert!(outbox.retain(&retention).await.expect("removed").is_empty());
        assert_eq!(outbox.letters().await.len(), left);
    }
}

pub(super) async fn what_is_too_much_goes_dead_letters_first(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    let id = user(14, 0);
    outbox.put_all([sized(1, &id, 2000), sized(2, &id, 2000)]).await;
    outbox.end(outbox.take(&ANY).await, End::Dead(refused("no"))).await;
    outbox.put_all([consent(3, &id, true), sized(4, &id, 2000), sized(5, &user(1, 0), 2000)]).await;
    outbox.put(sized(6, &id, 2000)).await;
    let retain = async |bytes| -> (Vec<u64>, Vec<u64>) {
        let removed =
            outbox.retain(&Retention { max_bytes: Some(bytes), ..retention() }).await.expect("removed");
        let letters = outbox.letters().await.iter().map(|letter| letter.item.key()).collect();
        (of(&removed), letters)
    };
    assert_eq!(retain(20_000).await, (vec![], vec![1, 2]));
    assert_eq!(retain(10_500).await, (vec![], vec![2]));
    assert_eq!(retain(5500).await, (vec![4], vec![]));
    assert_eq!(retain(0).await, (vec![5, 6], vec![]));
    assert_eq!(outbox.drain().await, [3]);
}

pub(super) async fn nothing_is_removed_that_is_on_its_way(engine: Arc<dyn Engine>) {
    let outbox = Held::fresh(&engine).await;
    outbox.put_all([at(0, event(1, &user(14, 0))), at(0, event(2, &user(15, 0)))]).await;
    let mut request = ANY;
    request.max_items = 1;
    let lease = outbox.take(&request).await;
    let all = Retention { max_age: Some(Duration::ZERO), max_bytes: Some(0), ..retention() };
    assert_eq!(of(&outbox.retain(&all).await.expect("removed")), [2]);
    outbox.end(lease, End::Released).await;
    assert_eq!(of(&outbox.retain(&all).await.expect("removed")), [1]);
    assert!(outbox.drain().await.is_empty());
}
