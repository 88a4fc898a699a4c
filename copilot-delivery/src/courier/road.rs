//! What a courier knows of one operation: its pace, its doubts, and how large its requests may be.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    carry::{Refusal, Went},
    doubt::{Alone, Doubts},
    pace::{Pace, Was},
};
use crate::{
    Judge, Outcome, Reason,
    outbox::{End, Lease},
    snapshot::Pause,
};

/// How many requests go well before they may grow again after a 413.
const REQUESTS_TO_GROW: u32 = 64;

/// How many answers of success in a row cannot be read, before the endpoint is taken for something else.
const MOST_UNREADABLE: u32 = 3;

pub(super) struct Road {
    pub(super) pace: Pace,
    pub(super) doubts: Doubts,
    /// Leases that are not settled.
    pub(super) in_flight: usize,
    pub(super) max_items: usize,
    /// The most bytes of a request that this was begun with, and what a 413 has taught.
    most_bytes: usize,
    max_bytes: usize,
    went_well: u32,
    unreadable: u32,
    /// How many requests had begun when the client was last replaced.
    renewed: u64,
    /// What the last failure was, while requests fail.
    failure: Option<String>,
}

impl Road {
    pub(super) fn new(max_items: usize, max_bytes: usize) -> Self {
        Self {
            pace: Pace::new(),
            doubts: Doubts::new(),
            in_flight: 0,
            max_items,
            most_bytes: max_bytes,
            max_bytes,
            went_well: 0,
            unreadable: 0,
            renewed: 0,
            failure: None,
        }
    }

    /// Why requests wait, while they do.
    pub(super) fn slowed(&self) -> Option<&str> {
        self.failure.as_deref().filter(|_| self.pace.is_slow())
    }

    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Requests are those of another client from now on: the next one goes at once.
    pub(super) fn renew(&mut self) {
        self.renewed = self.doubts.begun();
        self.pace.renew(Instant::now());
    }

    /// Learns from the request of that number, which is over; decides about an item that was refused alone.
    pub(super) fn learn(
        &mut self,
        request: u64,
        lease: &Lease,
        ends: &mut [End],
        (sent, bytes): (usize, usize),
        went: Went,
    ) {
        let now = Instant::now();
        match went {
            Went::Nothing | Went::Cancelled => {}
            // It was the former client's.
            Went::Refused { why: Refusal::Client(_) | Refusal::Endpoint(_), .. }
                if request <= self.renewed => {}
            Went::Taken(_) => {
                self.unreadable = 0;
                self.doubts.taken(request, lease, self.max_items);
                let was = self.pace.taken(request);
                if was != Was::Late {
                    self.failure = None;
                }
                match was {
                    Was::Paused(why) => tracing::info!(%why, "delivery goes on"),
                    Was::Slow => tracing::info!("requests succeed again"),
                    Was::Open | Was::Late => {}
                }
                self.grow();
            }
            Went::Unreadable => {
                self.unreadable += 1;
                if self.unreadable >= MOST_UNREADABLE {
                    self.pause(now, Pause::Unreadable);
                } else {
                    tracing::warn!(
                        items = sent,
                        "an answer of success cannot be read: its events are dead letters"
                    );
                    self.fail(now, None, "an answer that cannot be read".to_owned());
                }
            }
            Went::Failed { retry_after, why } => self.fail(now, retry_after, why),
            Went::Refused { why: Refusal::Client(pause), .. } => self.pause(now, pause),
            Went::Refused { why, words } => {
                if why == Refusal::Size && sent > 1 {
                    self.max_bytes = self.max_bytes.min(bytes / 2);
                    self.went_well = 0;
                }
                if sent > 1 {
                    self.doubts.refused(request, lease, sent, why);
                } else if self.is_at_fault(request, lease, ends, why, words) {
                    return;
                }
                match (why, self.pace.pause().copied()) {
                    (Refusal::Endpoint(pause), _) => self.pause(now, pause),
                    // A probe that found nothing: the next one comes later.
                    (_, Some(pause)) => self.pause(now, pause),
                    _ => {}
                }
            }
        }
    }

    /// Whether the one item that was sent is to blame; then it is rejected.
    fn is_at_fault(
        &mut self,
        request: u64,
        lease: &Lease,
        ends: &mut [End],
        why: Refusal,
        words: Vec<String>,
    ) -> bool {
        let mut sent = lease.items.iter().zip(ends).filter(|(_, end)| **end == End::Released);
        let Some((leased, end)) = sent.next() else { return false };
        if self.doubts.refused_alone(request, leased.item.lane(), leased.id, why) == Alone::Waits {
            return false;
        }
        *end = End::Dead(Outcome::Rejected(Reason::new(Judge::Server, words)));
        true
    }

    /// All that is left was refused one by one, and nothing was taken since.
    pub(super) fn refuses_everything(&mut self, now: Instant) {
        if self.pace.pause().is_none() {
            self.pause(now, Pause::RefusesEverything);
        }
    }

    fn pause(&mut self, now: Instant, why: Pause) {
        if self.pace.refused(now, self.doubts.begun(), why, fastrand::f64()) {
            tracing::error!(%why, "delivery is paused: all is kept, and tried again now and then");
        }
    }

    fn fail(&mut self, now: Instant, retry_after: Option<Duration>, why: String) {
        if self.pace.failed(now, self.doubts.begun(), retry_after, fastrand::f64()) {
            tracing::warn!(why, "requests fail: all is kept, and they are tried again more slowly");
        }
        self.failure = Some(why);
    }

    fn grow(&mut self) {
        self.went_well += 1;
        if self.went_well.is_multiple_of(REQUESTS_TO_GROW) && self.max_bytes < self.most_bytes {
            self.max_bytes = self.max_bytes.saturating_mul(2).min(self.most_bytes);
        }
    }
}
