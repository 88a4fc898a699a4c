//! How far an import is, on a terminal.

use std::time::Duration;

use crate::progress;

/// How far the import is, and how long it still takes.
#[derive(Debug)]
pub(super) struct Progress {
    line: progress::Progress,
    /// The rows that this run has to do, and has done.
    total: u64,
    done: u64,
}

impl Progress {
    pub(super) fn new(total: u64) -> Self {
        Self { line: progress::Progress::new(), total, done: 0 }
    }

    /// Further rows of that kind are done.
    pub(super) fn add(&mut self, rows: u64, kind: &str, (of_kind, total): (u64, u64)) {
        self.done += rows;
        let (done, all) = (self.done, self.total);
        self.line.show(|seconds| {
            let pace = done as f64 / seconds;
            let left = Duration::from_secs_f64(all.saturating_sub(done) as f64 / pace.max(0.001));
            let (of_kind, total, pace) = (grouped(of_kind), grouped(total), grouped(pace as u64));
            format!("{kind}: {of_kind} of {total}, {pace} a second, {} left", in_words(left))
        });
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        self.line.end();
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
