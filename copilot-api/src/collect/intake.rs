//! Takes events in: holds each against the contract and fills batches.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use copilot_gen::{contract::Violation, types::Event};
use futures_core::Stream;

use super::batch::{Batch, Batcher, Limits};
use crate::EventTimestamp;

/// How many events are taken in before whatever else wants to run gets its turn: a fraction of a millisecond.
const TURN: usize = 64;

/// An event that breaks the contract, its index, and what it breaks.
pub(super) type Refused = (usize, Event, Vec<Violation>);

pub(super) struct Intake {
    batcher: Batcher,
    read: usize,
    refused: Vec<Refused>,
    ended: bool,
    /// Whether the events let us wait, so that the clock has moved on.
    waited: bool,
    pub(super) limits: Limits,
    /// The clock when it was last read, in milliseconds since 1970: never ahead.
    now: i64,
}

impl Intake {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            batcher: Batcher::default(),
            read: 0,
            refused: Vec::new(),
            ended: false,
            waited: false,
            limits,
            now: now(),
        }
    }

    /// The next batch: a full one, or what is left when the events end, or none after that.
    pub(super) fn poll_fill<S>(
        &mut self,
        mut events: Pin<&mut S>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Batch>>
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
                    return Poll::Pending;
                }
                Poll::Ready(None) => self.ended = true,
                Poll::Ready(Some(event)) => {
                    if let Some(batch) = self.push(event) {
                        return Poll::Ready(Some(batch));
                    }
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes one event; gives back a batch that it closed.
    pub(super) fn push(&mut self, event: Event) -> Option<Batch> {
        let index = self.read;
        self.read += 1;
        let violations = self.violations(&event);
        if !violations.is_empty() {
            self.refused.push((index, event, violations));
            return None;
        }
        let batch = self.batcher.push(index, event, self.limits);
        if batch.is_some() {
            self.now = now();
        }
        batch
    }

    /// What is in no full batch yet.
    pub(super) fn take(&mut self) -> Option<Batch> {
        self.batcher.take()
    }

    /// How many events were read, and those that were refused.
    pub(super) fn into_parts(self) -> (usize, Vec<Refused>) {
        (self.read, self.refused)
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
