//! What the reporters and the courier of one outbox share.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use copilot_api::attempt::ClockOffset;
use tokio::{
    sync::{broadcast, oneshot, watch},
    time::{self, Instant},
};

use crate::{
    Item, Outcome,
    outbox::{Counts, Outbox, OutboxError, Removed},
    snapshot::{Pause, Snapshot, is_far},
};

/// How many outcomes wait for a reader of the stream, before it misses some.
const OUTCOMES: usize = 1024;

pub(crate) struct Shared {
    pub(crate) outbox: Arc<dyn Outbox>,
    /// Those who wait for items that the engine keeps in its own form.
    waiting: Mutex<HashMap<u64, oneshot::Sender<Outcome>>>,
    /// None once delivery has ended.
    outcomes: Mutex<Option<broadcast::Sender<Settlement>>>,
    status: Mutex<Status>,
    /// Nothing is taken any more.
    closed: AtomicBool,
    /// When delivery is to have ended, once somebody said so.
    ends_at: watch::Sender<Option<Instant>>,
}

/// An item that ended, as [`Outcomes`](crate::Outcomes) tells it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settlement {
    /// The id of the event; none of a change of consent.
    pub event_id: Option<String>,
    /// The type of the event; none of a change of consent.
    pub event_type: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// An item that ended, and who is to be told.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    settler: Option<oneshot::Sender<Outcome>>,
    /// Only while somebody reads the stream.
    ids: Option<(Option<String>, Option<String>)>,
}

#[derive(Debug, Default)]
struct Status {
    in_flight: usize,
    events_paused: Option<Pause>,
    consent_paused: Option<Pause>,
    slowed: Option<String>,
    clock_offset: Option<ClockOffset>,
    outbox_error: Option<String>,
    stopped: bool,
}

impl Shared {
    pub(crate) fn new(outbox: Arc<dyn Outbox>) -> Self {
        Self {
            outbox,
            waiting: Mutex::default(),
            outcomes: Mutex::new(Some(broadcast::Sender::new(OUTCOMES))),
            status: Mutex::default(),
            closed: AtomicBool::new(false),
            ends_at: watch::Sender::new(None),
        }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Takes nothing any more, and ends at that moment; of several, at the earliest.
    pub(crate) fn end_by(&self, moment: Instant) {
        self.close();
        self.ends_at
            .send_modify(|ends_at| *ends_at = Some(ends_at.map_or(moment, |earlier| earlier.min(moment))));
    }

    pub(crate) fn ends_at(&self) -> Option<Instant> {
        *self.ends_at.borrow()
    }

    /// Waits for that moment.
    pub(crate) async fn is_over(&self) {
        let mut changes = self.ends_at.subscribe();
        loop {
            let ends_at = *changes.borrow_and_update();
            match ends_at {
                Some(moment) => {
                    if time::timeout_at(moment, changes.changed()).await.is_err() {
                        return;
                    }
                }
                None => {
                    // Its sender is here.
                    let _ = changes.changed().await;
                }
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Outcome>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait_for(&self, key: u64, settler: oneshot::Sender<Outcome>) {
        self.waiting().insert(key, settler);
    }

    pub(crate) fn wait_no_more(&self, key: u64) {
        self.waiting().remove(&key);
    }

    fn stream(&self) -> MutexGuard<'_, Option<broadcast::Sender<Settlement>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of outcomes; one that has ended, where delivery has.
    pub(crate) fn outcomes(&self) -> broadcast::Receiver<Settlement> {
        self.stream().as_ref().map_or_else(|| broadcast::channel(1).1, broadcast::Sender::subscribe)
    }

    /// Whether somebody reads the stream.
    pub(crate) fn has_readers(&self) -> bool {
        self.stream().as_ref().is_some_and(|stream| stream.receiver_count() > 0)
    }

    /// Who is to be told of that end; `readers` are those of the stream.
    pub(crate) fn ended(&self, item: &mut Item, outcome: Outcome, readers: bool) -> Ended {
        let settler = item.take_settler().or_else(|| self.settler_of(item.key()));
        let ids = readers.then(|| (item.event_id().map(str::to_owned), item.event_type().map(str::to_owned)));
        Ended { outcome, settler, ids }
    }

    fn settler_of(&self, key: u64) -> Option<oneshot::Sender<Outcome>> {
        let mut waiting = self.waiting();
        if waiting.is_empty() { None } else { waiting.remove(&key) }
    }

    pub(crate) fn tell(&self, ended: Vec<Ended>) {
        let stream = self.stream().clone();
        for Ended { outcome, settler, ids } in ended {
            crate::observe::ended(&outcome);
            if let (Some((event_id, event_type)), Some(stream)) = (ids, &stream) {
                // Nobody may be left who reads.
                let _ = stream.send(Settlement { event_id, event_type, outcome: outcome.clone() });
            }
            if let Some(settler) = settler {
                let _ = settler.send(outcome);
            }
        }
    }

    /// Tells those whose items were removed without being sent.
    pub(crate) fn removed(&self, removed: Vec<Removed>, outcome: &Outcome) {
        let ended = |Removed { key, event_id, event_type, settler }| Ended {
            outcome: outcome.clone(),
            settler: settler.or_else(|| self.settler_of(key)),
            ids: Some((event_id, event_type)),
        };
        self.tell(removed.into_iter().map(ended).collect());
    }

    /// Ends the waiting of those whose items stay in the outbox, and of those who read the stream.
    pub(crate) fn tell_the_rest(&self) {
        *self.stream() = None;
        for (_, settler) in self.waiting().drain() {
            let _ = settler.send(Outcome::SettledElsewhere);
        }
    }

    pub(crate) fn outbox_fails(&self, error: &OutboxError) {
        let message = error.to_string();
        let mut status = self.status();
        if status.outbox_error.as_ref() != Some(&message) {
            tracing::error!(%error, "the outbox fails");
            status.outbox_error = Some(message);
        }
    }

    pub(crate) fn outbox_works(&self) {
        let mut status = self.status();
        if status.outbox_error.take().is_some() {
            tracing::info!("the outbox works again");
        }
    }

    pub(crate) fn saw_clock(&self, offset: ClockOffset) {
        let mut status = self.status();
        let was_far = status.clock_offset.is_some_and(is_far);
        status.clock_offset = Some(offset);
        if is_far(offset) && !was_far {
            tracing::warn!(
                offset_ms = offset.millis,
                "this machine's clock is not the server's: set it right, before events are refused for their time"
            );
        }
    }

    pub(crate) fn saw_roads(
        &self,
        in_flight: usize,
        events_paused: Option<Pause>,
        consent_paused: Option<Pause>,
        slowed: Option<&str>,
    ) {
        let mut status = self.status();
        status.in_flight = in_flight;
        if status.slowed.as_deref() != slowed {
            status.slowed = slowed.map(str::to_owned);
        }
        (status.events_paused, status.consent_paused) = (events_paused, consent_paused);
    }

    pub(crate) fn stopped(&self) {
        let mut status = self.status();
        status.stopped = true;
        status.in_flight = 0;
        drop(status);
        self.close();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.status().stopped
    }

    pub(crate) fn snapshot(&self, counts: Counts) -> Snapshot {
        let status = self.status();
        let age = |oldest: i64| crate::clock::now().saturating_sub(oldest).try_into().unwrap_or(0);
        Snapshot {
            counts,
            oldest_age: counts.oldest.map(|oldest| std::time::Duration::from_millis(age(oldest))),
            in_flight: status.in_flight,
            events_paused: status.events_paused,
            consent_paused: status.consent_paused,
            slowed: status.slowed.clone(),
            clock_offset: status.clock_offset,
            outbox_error: status.outbox_error.clone(),
            held_up: self.outbox.held_up(),
            running: !status.stopped,
        }
    }
}
