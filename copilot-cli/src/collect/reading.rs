//! The files as a stream of events, at the pace that was asked for.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use copilot_api::types::Event;
use futures_util::Stream;
use tokio::{
    sync::mpsc,
    time::{self, Instant},
};

use super::tally::Tally;
use crate::{
    exit::Failure,
    progress::Progress,
    signals::Interrupt,
    source::{Refused, Source},
    validate::SHOWN,
};

/// How many pieces are read ahead, each of which may have a megabyte.
const AHEAD: usize = 32;

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

/// A piece of a file, read.
struct Piece {
    file: Arc<str>,
    line: u64,
    /// Or why it is none, and its text.
    event: Result<Event, (Vec<String>, Option<String>)>,
}

pub(super) struct Reading {
    pieces: mpsc::Receiver<Result<Piece, Failure>>,
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
    /// Begins to read, on a thread of its own: standard input may be silent for as long as it likes.
    pub(super) fn new(
        files: Vec<PathBuf>,
        payloads_of: Option<String>,
        skip: u64,
        rate: Option<u32>,
        shared: Shared,
    ) -> Self {
        let (sender, pieces) = mpsc::channel(AHEAD);
        // Without a thread nothing comes, and the end of the channel says so.
        let _ = thread::Builder::new().spawn(move || read(Source::new(files, payloads_of), &sender));
        Self {
            pieces,
            skip,
            shared,
            pace: rate.map(|rate| Pace { rate, began: None, events: 0 }),
            progress: Progress::new(),
        }
    }

    /// The next event that keeps the contract; none at the end, and where reading has to end. What breaks it is counted.
    ///
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if self.shared.tally().is_beyond_limit() {
                return None;
            }
            let piece = match self.pieces.recv().await? {
                Ok(piece) => piece,
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
            match piece.event {
                Ok(event) => {
                    tally.take(&piece.file, piece.line);
                    return Some(event);
                }
                Err((why, text)) => tally.reject_piece(&piece.file, piece.line, &why, text.as_deref()),
            }
            if tally.failure.is_some() {
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

    /// The next event in its turn; none as [`next`](Self::next), and once it is interrupted.
    pub(super) async fn next_in_turn(&mut self, interrupt: &mut Interrupt) -> Option<Event> {
        tokio::select! {
            biased;
            _ = interrupt.wait() => None,
            event = async {
                self.pace().await;
                self.next().await
            } => event,
        }
    }

    /// The events until the end, the limit of rejections, or an interrupt.
    pub(super) fn stream(self, interrupt: Interrupt) -> impl Stream<Item = Event> + Send {
        futures_util::stream::unfold((self, interrupt), async |(mut reading, mut interrupt)| {
            let event = reading.next_in_turn(&mut interrupt).await?;
            Some((event, (reading, interrupt)))
        })
    }
}

/// Reads all files, until nobody wants what is in them.
fn read(mut source: Source, pieces: &mpsc::Sender<Result<Piece, Failure>>) {
    let mut file: Arc<str> = Arc::from("");
    loop {
        let read = match source.next() {
            Ok(Some(read)) => read,
            Ok(None) => return,
            Err(failure) => {
                let _ = pieces.blocking_send(Err(failure));
                return;
            }
        };
        if *file != *read.file {
            file = Arc::from(read.file);
        }
        let alone = read.alone;
        let event = read.event.map_err(|refused| {
            let why = match refused {
                Refused::Unreadable(problem) => vec![problem.to_owned()],
                Refused::Contract(violations) => {
                    violations.iter().take(SHOWN).map(ToString::to_string).collect()
                }
            };
            (why, alone.map(str::to_owned))
        });
        let piece = Piece { file: Arc::clone(&file), line: read.line, event };
        if pieces.blocking_send(Ok(piece)).is_err() {
            return;
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.progress.end();
    }
}
