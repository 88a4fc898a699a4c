//! The file of what was rejected: a line of JSON each, with the event to mend and why it was rejected.

use std::{
    fs::File,
    io::{self, BufWriter, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use serde::Serialize;
use serde_json::Value;

use super::{
    check::{BrokenRule, Refused},
    disk::{private, sync_folder},
};
use crate::exit::Failure;

/// A line of the file.
#[derive(Debug, Serialize)]
pub(super) struct Rejected {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) event: Value,
    /// The rules that it breaks, where it was not sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) violations: Vec<BrokenRule>,
    /// What Copilot.cx said, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server: Option<Vec<String>>,
    /// It was rejected, or it is one of several of which one was, or an earlier request may have brought it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) may_have_been_taken: bool,
}

impl Rejected {
    /// A row that is not sent.
    pub(super) fn unsent(path: &Path, line: u64, refused: Refused) -> Self {
        Self {
            file: path.display().to_string(),
            line,
            event: refused.event,
            violations: refused.broken,
            server: None,
            may_have_been_taken: false,
        }
    }
}

/// The file. It holds personal data, so only its owner can read it.
pub(super) struct Rejects {
    file: BufWriter<File>,
    shown: String,
    bytes: u64,
}

impl Rejects {
    /// A new file; one that is there and holds something is kept.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        match path.metadata() {
            Ok(metadata) if metadata.len() > 0 => Err(Failure::usage(format!(
                "{} is there already: move it away, or say another file by --rejects",
                path.display()
            ))),
            _ => Self::open(path, 0),
        }
    }

    /// A file of which that many bytes count: those behind them are of rows that are sent again. Where no row is left to be sent, it is
    /// what somebody may have mended.
    pub(super) fn resume(path: &Path, bytes: u64, rows_are_left: bool) -> Result<Self, Failure> {
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        if !rows_are_left {
            return Self::open(path, length);
        }
        if length < bytes {
            return Err(Failure::usage(format!(
                "{} has lost what was rejected so far: bring it back to go on, and mend a copy of it",
                path.display()
            )));
        }
        Self::open(path, bytes)
    }

    fn open(path: &Path, bytes: u64) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let opened = || {
            let mut file = private().create(true).truncate(false).open(path)?;
            file.set_len(bytes)?;
            file.seek(SeekFrom::Start(bytes))?;
            sync_folder(path)?;
            io::Result::Ok(file)
        };
        let file =
            opened().map_err(|error| Failure::usage(format!("{shown}: cannot be written: {error}")))?;
        Ok(Self { file: BufWriter::new(file), shown, bytes })
    }

    pub(super) fn write(&mut self, rejected: &Rejected) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(rejected).map_err(|error| self.failed(&error.into()))?;
        line.push(b'\n');
        self.bytes += line.len() as u64;
        self.file.write_all(&line).map_err(|error| self.failed(&error))
    }

    /// Brings what was written to the disk, and gives the length of the file.
    pub(super) fn save(&mut self) -> Result<u64, Failure> {
        let saved = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        saved.map_err(|error| self.failed(&error))?;
        Ok(self.bytes)
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::given_up(format!("{}: cannot be written: {error}", self.shown))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::{Rejected, Rejects};
    use crate::sync::folder::Folder;

    fn rejected(line: u64) -> Rejected {
        let event = json!({"type": "preexisting_user_created"});
        let (violations, server) = (Vec::new(), Some(Vec::new()));
        Rejected { file: "u.csv".to_owned(), line, event, violations, server, may_have_been_taken: false }
    }

    #[test]
    fn what_does_not_count_is_cut_off_and_what_counts_must_be_there() {
        let folder = Folder::new();
        let path = folder.join("r");
        let mut file = Rejects::create(&path).unwrap();
        file.write(&rejected(1)).unwrap();
        let counts = file.save().unwrap();
        file.write(&rejected(2)).unwrap();
        file.save().unwrap();
        drop(file);
        let mut file = Rejects::resume(&path, counts, true).unwrap();
        file.write(&rejected(3)).unwrap();
        let length = file.save().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 == length && text.contains("\"line\":3") && !text.contains("\"line\":2"));
        assert!(Rejects::resume(&path, length + 1, true).is_err());
        // What was mended once all rows were sent may be shorter.
        Rejects::resume(&path, length + 1, false).unwrap();
        assert!(Rejects::create(&path).is_err());
        fs::write(&path, "").unwrap();
        Rejects::create(&path).unwrap();
    }
}
