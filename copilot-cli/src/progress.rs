//! How far something is, on a terminal and nowhere else.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// How often it is shown.
const EVERY: Duration = Duration::from_millis(200);

/// Whether the line stands there.
static STANDS: AtomicBool = AtomicBool::new(false);

/// Takes the line away, so that something else can be said.
pub(crate) fn give_way() {
    if STANDS.swap(false, Ordering::Relaxed) {
        let _ = write!(io::stderr().lock(), "\r\x1b[2K").and_then(|()| io::stderr().flush());
    }
}

/// A line of standard error that is written over again and again.
#[derive(Debug)]
pub(crate) struct Progress {
    shows: bool,
    began: Instant,
    shown: Option<Instant>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { shows: io::stderr().is_terminal(), began: Instant::now(), shown: None }
    }

    /// Shows the words, unless it just showed others; they are told how many seconds it has run.
    pub(crate) fn show(&mut self, words: impl FnOnce(f64) -> String) {
        if !self.shows {
            return;
        }
        let now = Instant::now();
        if self.shown.is_none_or(|shown| now.duration_since(shown) >= EVERY) {
            self.shown = Some(now);
            STANDS.store(true, Ordering::Relaxed);
            let words = words(self.began.elapsed().as_secs_f64().max(0.001));
            let _ = write!(io::stderr().lock(), "\r\x1b[2K{words}").and_then(|()| io::stderr().flush());
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&mut self) {
        self.shown = None;
        give_way();
    }
}
