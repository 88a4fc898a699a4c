//! The files as a stream of events, at the pace that was asked for.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use copilot_api::types::Event;
use futures_util::Stream;
use tokio::time::{self, Instant};

use super::tally::Tally;
use crate::{
    progress::Progress,
    signals::Interrupt,
    source::{Refused, Source},
};

/// The tally of those who read and those who send.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Tally>>);

impl Shared {
    pub(super) fn new(tally: Tally) -> Self {
        Self(Arc::new(Mutex::new(tally)))
    }

    /// A thread that panicked held it for plain arithmetic only.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Reading {
    source: Source,
    skip: u64,
    pub(super) shared: Shared,
    pace: Option<Pace>,
    progress: Progress,
}

/// At most so many events a second, a few at once.
struct Pace {
    rate: u32,
    began: Option<Instant>,
    events: u64,
}

impl Reading {
    pub(super) fn new(
        files: Vec<PathBuf>,
        payloads_of: Option<String>,
        skip: u64,
        rate: Option<u32>,
        shared: Shared,
    ) -> Self {
        Self {
            source: Source::new(files, payloads_of),
            skip,
            shared,
            pace: rate.map(|rate| Pace { rate, began: None, events: 0 }),
            progress: Progress::new(),
        }
    }

    /// The next event that keeps the contract; none at the end, and where reading has to end. What breaks it is counted.
    pub(super) fn next(&mut self) -> Option<Event> {
        loop {
            let read = match self.source.next() {
                Ok(Some(read)) => read,
                Ok(None) => return None,
                Err(failure) => {
                    self.shared.tally().failure = Some(failure);
                    return None;
                }
            };
            let mut tally = self.shared.tally();
            if tally.read < self.skip {
                tally.read += 1;
                continue;
            }
            let why = match read.event {
                Ok(event) => {
                    tally.take(read.file, read.line);
                    return Some(event);
                }
                Err(Refused::Unreadable(problem)) => vec![problem.to_owned()],
                Err(Refused::Contract(violations)) => violations.iter().map(ToString::to_string).collect(),
            };
            tally.reject_piece(read.file, read.line, &why, read.alone);
            if tally.is_beyond_limit() || tally.failure.is_some() {
                return None;
            }
        }
    }

    /// Waits for the next event's turn, and shows how far it is.
    pub(super) async fn pace(&mut self) {
        let shared = &self.shared;
        self.progress.show(|seconds| {
            let tally = shared.tally();
            let (read, accepted, rejected) = (tally.read, tally.accepted, tally.rejected);
            let rate = read as f64 / seconds;
            format!("{read} read, {accepted} accepted, {rejected} rejected, {rate:.0} a second")
        });
        let Some(Pace { rate, began, events }) = &mut self.pace else { return };
        let began = *began.get_or_insert_with(Instant::now);
        let due = began + Duration::from_secs_f64(*events as f64 / f64::from(*rate));
        *events += 1;
        // Timers tick in milliseconds: what is due within one goes at once.
        if due > Instant::now() + Duration::from_millis(2) {
            time::sleep_until(due).await;
        }
    }

    /// The events until the end, the limit of rejections, or an interrupt.
    pub(super) fn stream(self, interrupt: Interrupt) -> impl Stream<Item = Event> + Send {
        futures_util::stream::unfold(self, move |mut reading| {
            let mut interrupt = interrupt.clone();
            async move {
                tokio::select! {
                    biased;
                    _ = interrupt.wait() => return None,
                    () = reading.pace() => {}
                }
                let is_over = reading.shared.tally().is_beyond_limit();
                let event = if is_over { None } else { reading.next() };
                event.map(|event| (event, reading))
            }
        })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.progress.end();
    }
}
