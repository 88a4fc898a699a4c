//! An outbox that is held against its promises: what the reporter and the courier do with it, in short words.

use std::{ops::Deref, sync::Arc, time::Duration};

use copilot_delivery::{
    Item, Judge, Kind, LaneSet, Outbox, Outcome, Reason,
    outbox::{Counts, DeadLetter, End, HandedOver, Lease, LeaseRequest, Leased, LeasedItem, Refused},
};

use super::{Engine, items::NOON};

#[derive(Clone)]
pub(super) struct Held(pub(super) Arc<dyn Outbox>);

/// All events that are there.
pub(super) const ANY: LeaseRequest = LeaseRequest {
    kind: Kind::Event,
    lanes: LaneSet::ALL,
    max_items: 1000,
    max_bytes: 1_000_000,
    linger: Duration::ZERO,
    now: NOON,
};

/// All changes of consent.
pub(super) const ANY_CONSENT: LeaseRequest = LeaseRequest { kind: Kind::Consent, ..ANY };

impl Held {
    /// A new one, with room.
    pub(super) async fn fresh(engine: &Arc<dyn Engine>) -> Self {
        Self(engine.fresh(10_000, 32 * 1024 * 1024).await)
    }

    pub(super) async fn try_put(&self, item: Item) -> Result<(), Refused> {
        match self.hand_over(item)? {
            HandedOver::Kept => Ok(()),
            HandedOver::Storing(stored) => stored.await.expect("an answer"),
        }
    }

    pub(super) async fn put(&self, item: Item) {
        self.try_put(item).await.expect("room");
        self.check().await;
    }

    pub(super) async fn put_all(&self, items: impl IntoIterator<Item = Item>) {
        for item in items {
            self.put(item).await;
        }
    }

    /// A lease; none, where there is nothing.
    pub(super) async fn try_take(&self, request: &LeaseRequest) -> Option<Lease> {
        let leased = self.lease(request).await.expect("an answer");
        self.check().await;
        match leased {
            Leased::Batch(lease) => Some(lease),
            Leased::Nothing => None,
            Leased::Later(after) => panic!("lingers for {after:?}"),
        }
    }

    pub(super) async fn take(&self, request: &LeaseRequest) -> Lease {
        self.try_take(request).await.expect("items")
    }

    /// Settles a lease with the same end for all.
    pub(super) async fn end(&self, lease: Lease, end: End) {
        let ends = vec![end; lease.items.len()];
        self.end_each(lease, ends).await;
    }

    pub(super) async fn end_each(&self, lease: Lease, ends: Vec<End>) {
        self.settle(lease, ends).await.expect("settled");
        self.check().await;
    }

    /// Takes out and accepts all that is there. Its keys, in the order in which they came.
    pub(super) async fn drain(&self) -> Vec<u64> {
        let mut drained = Vec::new();
        loop {
            let before = drained.len();
            for request in [ANY, ANY_CONSENT] {
                if let Some(lease) = self.try_take(&request).await {
                    drained.extend(keys(&lease));
                    self.end(lease, End::Accepted).await;
                }
            }
            if drained.len() == before {
                return drained;
            }
        }
    }

    pub(super) async fn read(&self) -> Counts {
        self.check().await
    }

    pub(super) async fn letters(&self) -> Vec<DeadLetter> {
        self.dead_letters(None, 1000).await.expect("dead letters")
    }

    /// The law, after every step.
    async fn check(&self) -> Counts {
        let counts = self.counts().await.expect("counts");
        if self.abilities().counts_all {
            assert!(counts.adds_up(), "{counts:?}");
            assert_eq!(counts.pending == 0, counts.first.is_none(), "{counts:?}");
            assert_eq!(counts.pending == 0, counts.pending_bytes == 0, "{counts:?}");
            assert_eq!(counts.pending == 0, counts.lanes == 0, "{counts:?}");
        }
        counts
    }
}

impl Deref for Held {
    type Target = dyn Outbox;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

pub(super) fn keys(lease: &Lease) -> Vec<u64> {
    lease.items.iter().map(|leased| leased.item.key()).collect()
}

/// The same lease again, as somebody has it who thinks that it is theirs.
pub(super) fn copy(lease: &Lease) -> Lease {
    let copy =
        |leased: &LeasedItem| LeasedItem { id: leased.id, forget: leased.forget, item: leased.item.copy() };
    Lease {
        fence: lease.fence,
        lanes: lease.lanes,
        items: lease.items.iter().map(copy).collect(),
        lasts: lease.lasts,
    }
}

pub(super) fn refused(words: &str) -> Outcome {
    Outcome::Rejected(Reason::new(Judge::Server, [words.to_owned()]))
}
