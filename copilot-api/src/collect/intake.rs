//! Takes events in: holds each against the contract and fills batches.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use copilot_gen::{contract::Violation, types::Event};
use futures_core::Stream;
use tokio::time::Sleep;

use super::batch::{Batch, Batcher, Limits, Room};
use crate::EventTimestamp;

/// How many events are taken in before whatever else wants to run gets its turn: a fraction of a millisecond.
const TURN: usize = 64;

/// How many events are rejected before they are reported, though no batch is full: a stream of nothing but bad events must
/// not pile up.
const MOST_REFUSED: usize = 1000;

/// An event that breaks the contract, its index, and what it breaks.
pub(super) type Rejected = (usize, Event, Vec<Violation>);

/// What was taken in at a time: a batch, and the events that were rejected while it was filled.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    pub(super) batch: Option<Batch>,
    pub(super) rejected: Vec<Rejected>,
}

pub(super) struct Intake {
    batcher: Batcher,
    read: usize,
    rejected: Vec<Rejected>,
    ended: bool,
    /// Whether the events let us wait, so that the clock has moved on.
    waited: bool,
    limits: Limits,
    /// How long events wait for others, once the stream rests.
    linger: Duration,
    lingering: Option<Pin<Box<Sleep>>>,
    /// The clock when it was last read, in milliseconds since 1970: never ahead.
    now: i64,
}

impl Intake {
    pub(super) fn new(limits: Limits, linger: Duration) -> Self {
        Self {
            batcher: Batcher::default(),
            read: 0,
            rejected: Vec::new(),
            ended: false,
            waited: false,
            limits,
            linger,
            lingering: None,
            now: now(),
        }
    }

    /// The next unit: with a full batch, or with what there is when the events end or rest, or none after their end.
    pub(super) fn poll_fill<S>(
        &mut self,
        mut events: Pin<&mut S>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Unit>>
    where
        S: Stream<Item = Event>,
    {
        if std::mem::take(&mut self.waited) {
            self.now = now();
        }
        for _ in 0..TURN {
            if self.ended {
                return Poll::Ready(self.take());
            }
            match events.as_mut().poll_next(context) {
                Poll::Pending => {
                    self.waited = true;
                    return self.poll_linger(context);
                }
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(event)) => {
                    if let Some(unit) = self.push(event) {
                        return Poll::Ready(Some(unit));
                    }
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes over what the sending side learned about the size of requests, and memory that it no longer needs.
    pub(super) fn learn(&mut self, limits: Limits, room: Option<Room>) {
        self.limits = limits;
        self.batcher.reuse(room);
    }

    /// What there is, once it has waited long enough for more.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<Option<Unit>> {
        if self.batcher.is_empty() && self.rejected.is_empty() {
            return Poll::Pending;
        }
        let linger = self.linger;
        let timer = self.lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(linger)));
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(self.take()),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Takes one event; gives back the unit that it closed.
    pub(super) fn push(&mut self, event: Event) -> Option<Unit> {
        let index = self.read;
        self.read += 1;
        let violations = self.violations(&event);
        if !violations.is_empty() {
            self.rejected.push((index, event, violations));
            return if self.rejected.len() >= MOST_REFUSED { self.take() } else { None };
        }
        let batch = self.batcher.push(index, event, self.limits)?;
        self.now = now();
        Some(self.unit(Some(batch)))
    }

    /// What is in no unit yet.
    pub(super) fn take(&mut self) -> Option<Unit> {
        let batch = self.batcher.take();
        (batch.is_some() || !self.rejected.is_empty()).then(|| self.unit(batch))
    }

    fn unit(&mut self, batch: Option<Batch>) -> Unit {
        self.lingering = None;
        Unit { batch, rejected: std::mem::take(&mut self.rejected) }
    }

    /// Reads the clock only where the last reading lets an event down: a reading costs as much as the rest.
    fn violations(&mut self, event: &Event) -> Vec<Violation> {
        let violations = event.violations(self.now);
        if violations.is_empty() {
            return violations;
        }
        self.now = now();
        event.violations(self.now)
    }
}

fn now() -> i64 {
    EventTimestamp::now().as_millis()
}
