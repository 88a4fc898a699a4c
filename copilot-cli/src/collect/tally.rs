//! What became of what was read, and where it stood.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{json, value::RawValue};

use crate::{exit::Failure, out};

/// How many rejections are shown where no file takes them.
const SHOWN: u64 = 20;
/// How much must be read before a share of it says anything.
const ENOUGH: u64 = 1000;

/// How many rejections are too many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    Count(u64),
    Percent(f64),
}

impl std::str::FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a number nor a percentage: 100, or 1%");
        match text.strip_suffix('%') {
            Some(percent) => match percent.parse() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            },
            None => text.parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

/// Events of one file, of which each is a piece of it, and on a line, after the other.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The index of the first among those that are sent.
    index: u64,
    file: usize,
    line: u64,
    /// Its number among all that was read.
    piece: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) read: u64,
    pub(crate) taken: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    /// Of which nobody said whether they were taken.
    pub(crate) uncertain: u64,
    files: Vec<String>,
    runs: Vec<Run>,
    /// With its path, where this run made it.
    rejects: Option<(Option<PathBuf>, BufWriter<File>)>,
    limit: Option<Limit>,
    /// Why reading ended before the end.
    pub(crate) failure: Option<Failure>,
}

impl Tally {
    /// Rejects go into a new file, or at the end of one that an earlier run began.
    pub(crate) fn new(rejects: Option<&Path>, goes_on: bool, limit: Option<Limit>) -> Result<Self, Failure> {
        let open = |path: &Path| {
            let mut options = OpenOptions::new();
            options.append(true).create(goes_on).create_new(!goes_on);
            // There is personal data in it.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let (is_new, made) = (!path.exists(), options.open(path));
            let made = made.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Failure::usage(format!(
                    "{} is there already: name a new file for the rejects",
                    path.display()
                )),
                _ => Failure::usage(format!("{} cannot be written: {error}", path.display())),
            });
            let file = made?;
            if !file.metadata().is_ok_and(|file| file.is_file()) {
                return Err(Failure::usage(format!(
                    "{} is no file: rejects are kept in one",
                    path.display()
                )));
            }
            Ok((is_new.then(|| path.to_owned()), BufWriter::new(file)))
        };
        Ok(Self { rejects: rejects.map(open).transpose()?, limit, ..Self::default() })
    }

    /// An event was read that is sent next.
    pub(crate) fn take(&mut self, file: &str, line: u64) {
        let file = match self.files.last() {
            Some(last) if last == file => self.files.len() - 1,
            _ => {
                self.files.push(file.to_owned());
                self.files.len() - 1
            }
        };
        let (index, piece) = (self.taken, self.read);
        let follows = self.runs.last().is_some_and(|run| {
            let steps = index - run.index;
            run.file == file && run.line + steps == line && run.piece + steps == piece
        });
        if !follows {
            self.runs.push(Run { index, file, line, piece });
        }
        self.read += 1;
        self.taken += 1;
    }

    fn run(&self, index: u64) -> Option<(&Run, u64)> {
        let at = self.runs.partition_point(|run| run.index <= index).checked_sub(1)?;
        let run = self.runs.get(at)?;
        Some((run, index - run.index))
    }

    /// How many pieces come before the event of that index.
    pub(crate) fn pieces_before(&self, index: u64) -> u64 {
        self.run(index).map_or(self.read, |(run, steps)| run.piece + steps)
    }

    /// A piece of a file was rejected before it was sent. Its text, where it has one.
    pub(crate) fn reject_piece(&mut self, file: &str, line: u64, why: &[String], text: Option<&str>) {
        self.read += 1;
        self.reject(file, line, why, text);
    }

    /// The event of that index was rejected.
    pub(crate) fn reject_event(&mut self, index: u64, why: &[String], event: &impl serde::Serialize) {
        let place = self.run(index).map(|(run, steps)| (run.file, run.line + steps));
        let (file, line) = place.unwrap_or_default();
        let file = self.files.get(file).cloned().unwrap_or_default();
        let text = serde_json::to_string(event).ok();
        self.reject(&file, line, why, text.as_deref());
    }

    /// An event that is a dead letter now, wherever it had come from.
    #[cfg(feature = "relay")]
    pub(crate) fn reject_letter(&mut self, why: &[String], text: &str) {
        self.reject("the outbox", 0, why, Some(text));
    }

    fn reject(&mut self, file: &str, line: u64, why: &[String], text: Option<&str>) {
        self.rejected += 1;
        let Some((_, rejects)) = &mut self.rejects else {
            if self.rejected <= SHOWN {
                out::note(&format!("{file}:{line}: {}", why.join("; ")));
            } else if self.rejected == SHOWN + 1 {
                out::note("… more are rejected: --rejects FILE keeps them all");
            }
            return;
        };
        // The event last and as it was, so that it can be mended where it stands; what is no JSON stands there as text.
        let why = json!({ "file": file, "line": line, "why": why });
        let event = text.map(|text| match serde_json::from_str::<&RawValue>(text) {
            Ok(event) => event.get().replace(['\n', '\r'], " "),
            Err(_) => json!(text).to_string(),
        });
        let event = event.as_deref().unwrap_or("null");
        if let Err(error) = writeln!(rejects, "{{\"rejected\":{why},\"event\":{event}}}") {
            self.failure = Some(Failure::given_up(format!("the file of rejects cannot be written: {error}")));
        }
    }

    /// Whether too many were rejected.
    pub(crate) fn is_beyond_limit(&self) -> bool {
        match self.limit {
            Some(Limit::Count(count)) => self.rejected > count,
            Some(Limit::Percent(percent)) => {
                self.read >= ENOUGH && self.rejected as f64 * 100.0 > percent * self.read as f64
            }
            None => false,
        }
    }

    /// Writes out what is still in memory of the rejects.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        if let Some((path, mut rejects)) = self.rejects.take() {
            let mut written = rejects.flush().and_then(|()| rejects.get_ref().sync_all());
            // Nobody needs an empty file, which would be in the way of the next run.
            if written.is_ok()
                && let Some(path) = path
                && rejects.get_ref().metadata().is_ok_and(|file| file.len() == 0)
            {
                written = fs::remove_file(path);
            }
            written.map_err(|error| {
                Failure::given_up(format!("the file of rejects cannot be written: {error}"))
            })?;
        }
        self.failure.take().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_index_leads_back_to_its_file_and_line() {
        let mut tally = Tally::default();
        for line in 1..=3 {
            tally.take("a", line);
        }
        tally.reject_piece("a", 4, &["bad".to_owned()], Some("{}"));
        tally.take("a", 6);
        tally.take("b", 1);
        let places: Vec<_> = (0..5)
            .map(|index| {
                let (run, steps) = tally.run(index).unwrap();
                (tally.files[run.file].as_str(), run.line + steps, tally.pieces_before(index))
            })
            .collect();
        assert_eq!(places, [("a", 1, 0), ("a", 2, 1), ("a", 3, 2), ("a", 6, 4), ("b", 1, 5)]);
        assert_eq!((tally.read, tally.taken, tally.rejected, tally.runs.len()), (6, 5, 1, 3));
    }

    #[test]
    fn limits_are_numbers_and_shares() {
        assert_eq!("7".parse(), Ok(Limit::Count(7)));
        assert_eq!("0.5%".parse(), Ok(Limit::Percent(0.5)));
        for text in ["", "x", "-1", "101%", "%", "NaN%"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
        let tally = |read, rejected, limit| Tally { read, rejected, limit: Some(limit), ..Tally::default() };
        assert!(
            !tally(10, 2, Limit::Count(2)).is_beyond_limit()
                && tally(10, 3, Limit::Count(2)).is_beyond_limit()
        );
        let share = Limit::Percent(10.0);
        assert!(!tally(999, 999, share).is_beyond_limit());
        assert!(!tally(1000, 100, share).is_beyond_limit() && tally(1000, 101, share).is_beyond_limit());
    }
}
