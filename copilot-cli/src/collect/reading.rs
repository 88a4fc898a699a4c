//! The files as a stream of events, at the pace that was asked for.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
    vec,
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

/// How much is handed over at once, and how often that is read ahead: a piece may have a megabyte.
const PIECES: usize = 256;
const BYTES: usize = 1 << 20;
const AHEAD: usize = 2;

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
    ahead: mpsc::Receiver<Result<Vec<Piece>, Failure>>,
    pieces: vec::IntoIter<Piece>,
    skip: u64,
    pub(super) shared: Shared,
    pace: Option<Pace>,
    progress: Progress,
}

/// What comes next.
enum Next {
    Event(Event),
    /// It is yet to be handed over.
    Ahead,
    End,
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
        let (sender, ahead) = mpsc::channel(AHEAD);
        // Without a thread nothing comes, and the end of the channel says so.
        let _ = thread::Builder::new().spawn(move || read(Source::new(files, payloads_of), &sender));
        Self {
            ahead,
            pieces: Vec::new().into_iter(),
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
            match self.next_here() {
                Next::Event(event) => return Some(event),
                Next::End => return None,
                Next::Ahead => match self.ahead.recv().await? {
                    Ok(pieces) => self.pieces = pieces.into_iter(),
                    Err(failure) => {
                        self.shared.tally().failure = Some(failure);
                        return None;
                    }
                },
            }
        }
    }

    /// The next of those that were handed over.
    fn next_here(&mut self) -> Next {
        let mut tally = self.shared.tally();
        loop {
            if tally.is_beyond_limit() || tally.failure.is_some() {
                return Next::End;
            }
            let Some(piece) = self.pieces.next() else { return Next::Ahead };
            if tally.read < self.skip {
                tally.read += 1;
                continue;
            }
            match piece.event {
                Ok(event) => {
                    tally.take(&piece.file, piece.line);
                    return Next::Event(event);
                }
                Err((why, text)) => tally.reject_piece(&piece.file, piece.line, &why, text.as_deref()),
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
        if interrupt.came() {
            return None;
        }
        match self.pace {
            None => self.pace().await,
            Some(_) => tokio::select! {
                biased;
                _ = interrupt.wait() => return None,
                () = self.pace() => {}
            },
        }
        match self.next_here() {
            Next::Event(event) => return Some(event),
            Next::End => return None,
            Next::Ahead => {}
        }
        tokio::select! {
            biased;
            _ = interrupt.wait() => None,
            event = self.next() => event,
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
fn read(mut source: Source, ahead: &mpsc::Sender<Result<Vec<Piece>, Failure>>) {
    let mut file: Arc<str> = Arc::from("");
    let (mut pieces, mut bytes) = (Vec::with_capacity(PIECES), 0);
    loop {
        if pieces.len() >= PIECES || bytes >= BYTES || (!pieces.is_empty() && !source.has_more()) {
            let full = std::mem::replace(&mut pieces, Vec::with_capacity(PIECES));
            bytes = 0;
            if ahead.blocking_send(Ok(full)).is_err() {
                return;
            }
        }
        let read = match source.next() {
            Ok(Some(read)) => read,
            end => {
                let _ = ahead.blocking_send(Ok(pieces));
                if let Err(failure) = end {
                    let _ = ahead.blocking_send(Err(failure));
                }
                return;
            }
        };
        if *file != *read.file {
            file = Arc::from(read.file);
        }
        bytes += read.text.map_or(0, str::len);
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
        pieces.push(Piece { file: Arc::clone(&file), line: read.line, event });
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.progress.end();
    }
}
