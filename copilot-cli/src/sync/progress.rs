//! How far an import is, on a terminal.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

/// How often it is shown.
const EVERY: Duration = Duration::from_millis(200);

/// A line that is written anew each time; nothing where standard error is no terminal.
pub(super) struct Progress {
    is_shown: bool,
    began: Instant,
    last: Option<Instant>,
    /// The rows that this run has to do, and has done.
    total: u64,
    done: u64,
}

impl Progress {
    pub(super) fn new(total: u64) -> Self {
        Self { is_shown: io::stderr().is_terminal(), began: Instant::now(), last: None, total, done: 0 }
    }

    /// Further rows of that kind are done.
    pub(super) fn add(&mut self, rows: u64, kind: &str, (of_kind, total): (u64, u64)) {
        self.done += rows;
        if !self.is_shown || self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        self.last = Some(Instant::now());
        let pace = self.done as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left = Duration::from_secs_f64(self.total.saturating_sub(self.done) as f64 / pace.max(0.001));
        let line = format!(
            "{kind}: {} of {}, {} a second, {} left",
            grouped(of_kind),
            grouped(total),
            grouped(pace as u64),
            in_words(left)
        );
        let _ = write!(io::stderr().lock(), "\r\x1b[K{line}");
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.last.take().is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// A number as people read it: `200,000`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A time as people say it.
pub(super) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs_f64().ceil() as u64;
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5400 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{grouped, in_words};

    #[test]
    fn numbers_and_times_are_as_people_write_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        let times = [0, 90, 600, 9000].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(times, ["0 s", "90 s", "10 min", "2 h 30 min"]);
    }
}
