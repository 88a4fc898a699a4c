//! How far an import is, in a file: it is written before and after all that must not be done twice.
//!
//! It holds no row and no secret.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use copilot_api::{EventTimestamp, new_event_id};
use serde::{Deserialize, Serialize};

use super::{
    disk::{private, sync_folder},
    file::Content,
    kind::Kind,
};
use crate::exit::Failure;

/// The form of the file.
const VERSION: u32 = 1;

/// What is known of an event that must not be sent twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Marker {
    #[default]
    NotSent,
    /// It was about to be sent. Whether it was, is known once this is followed by something else.
    Intended,
    Sent,
}

/// How far the rows of a kind are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    /// The rows from the first one on of which it is known what became of them.
    pub(super) rows: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
}

/// What every version of the file has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    /// Tells this import from others: part of the ids of the events that open and close it.
    seed: String,
    /// When it began, in milliseconds since 1970.
    began_at: i64,
    /// Where it is sent.
    pub(super) endpoint: String,
    /// The `--map` of the inputs.
    pub(super) map: Vec<String>,
    /// What the inputs held, by the names of the kinds.
    pub(super) inputs: BTreeMap<String, Content>,
    /// The file of what was rejected, and how much of it counts.
    pub(super) rejects: PathBuf,
    pub(super) rejects_bytes: u64,
    pub(super) started: Marker,
    pub(super) completed: Marker,
    pub(super) users: Position,
    pub(super) things: Position,
    pub(super) associations: Position,
    /// How many rows behind the position may be on their way: what a process that is killed leaves.
    pub(super) under_way: u64,
    /// How many rows were sent again since it was not known whether they had arrived, at most.
    pub(super) repeated_at_most: u64,
}

impl State {
    pub(super) fn new(
        endpoint: String,
        map: Vec<String>,
        inputs: BTreeMap<String, Content>,
        rejects: PathBuf,
    ) -> Self {
        Self {
            version: VERSION,
            seed: new_event_id().as_str().replace('-', ""),
            began_at: now(),
            endpoint,
            map,
            inputs,
            rejects,
            rejects_bytes: 0,
            started: Marker::NotSent,
            completed: Marker::NotSent,
            users: Position::default(),
            things: Position::default(),
            associations: Position::default(),
            under_way: 0,
            repeated_at_most: 0,
        }
    }

    /// The time of all events of rows: when the import began, unless that is longer ago than Copilot.cx takes events.
    pub(super) fn timestamp(&self) -> i64 {
        const DAY: i64 = 24 * 60 * 60 * 1000;
        let now = now();
        // A clock that was put back has it in the future.
        self.began_at.clamp(now - EventTimestamp::WINDOW_PAST_MILLIS + DAY, now)
    }

    /// The id of the event that opens or closes the import: sent again, it is the same one.
    pub(super) fn marker_id(&self, word: &str) -> String {
        format!("sync-{word}-{}", self.seed)
    }

    pub(super) fn position(&mut self, kind: Kind) -> &mut Position {
        match kind {
            Kind::User => &mut self.users,
            Kind::Thing => &mut self.things,
            Kind::Association => &mut self.associations,
        }
    }

    pub(super) fn positions(&self) -> [(Kind, Position); 3] {
        [(Kind::User, self.users), (Kind::Thing, self.things), (Kind::Association, self.associations)]
    }

    /// Whether nothing was sent yet, nor was about to be.
    pub(super) fn is_untouched(&self) -> bool {
        [self.started, self.completed] == [Marker::NotSent; 2]
            && self.positions().iter().all(|(_, position)| position.rows == 0)
    }

    /// How many rows were rejected.
    pub(super) fn rejected(&self) -> u64 {
        self.positions().iter().map(|(_, position)| position.rejected).sum()
    }
}

fn now() -> i64 {
    EventTimestamp::now().as_millis()
}

/// The file of the state, which no other process has meanwhile.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// A file beside it, since the file itself is replaced each time. It ends with the process, however that ends.
    _lock: File,
}

impl StateFile {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let lock = beside(path, ".lock");
        let unusable = |error: io::Error| {
            Failure::usage(format!(
                "{}: cannot be written: {error}. Say another place by --state",
                lock.display()
            ))
        };
        let file = private().create(true).truncate(false).open(&lock).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(Failure::usage(format!(
                "{}: another process is at this import: let it end, or interrupt it",
                path.display()
            ))),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// The state; none where the import has not begun.
    pub(super) fn read(&self) -> Result<Option<State>, Failure> {
        let shown = self.path.display();
        let broken = |words: String| Failure::usage(format!("{shown}: {words}"));
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(broken(format!("cannot be read: {error}"))),
        };
        let foreign = |error: serde_json::Error| {
            broken(format!(
                "is not the state of an import, or no longer: {error}. Bring back a copy. What was sent cannot be told from it: only where \
                 nothing was, say another file by --state"
            ))
        };
        // First, since a file of another version has other members.
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(foreign)?;
        if version != VERSION {
            return Err(broken(
                "was written by another version of copilot-cx: go on with that one".to_owned(),
            ));
        }
        serde_json::from_slice(&bytes).map(Some).map_err(foreign)
    }

    /// Writes it so that a crash leaves the old one or the new one.
    pub(super) fn write(&self, state: &State) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            Failure::given_up(format!("{}: cannot be written: {error}", self.path.display()))
        };
        let mut text = serde_json::to_vec_pretty(state).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        let new = beside(&self.path, ".new");
        let written = || {
            // One that a crash has left, or a link that somebody has put there.
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = private().create_new(true).open(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &self.path)?;
            sync_folder(&self.path)
        };
        written().map_err(failed)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::{Marker, State, StateFile};
    use crate::sync::folder::Folder;

    fn state() -> State {
        State::new("http://127.0.0.1:1/v2/collect".to_owned(), Vec::new(), Default::default(), "r".into())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = Folder::new();
        let file = StateFile::open(&folder.join("s")).unwrap();
        assert_eq!(file.read().unwrap(), None);
        let mut state = state();
        state.started = Marker::Intended;
        state.users.rows = 100;
        file.write(&state).unwrap();
        assert_eq!(file.read().unwrap(), Some(state.clone()));
        // A crash while it was written leaves a part of the new one.
        fs::write(folder.join("s.new"), "{").unwrap();
        assert_eq!(file.read().unwrap(), Some(state.clone()));
        state.started = Marker::Sent;
        file.write(&state).unwrap();
        assert_eq!(file.read().unwrap(), Some(state));
    }

    #[test]
    fn a_state_that_is_held_or_broken_or_of_another_version_is_refused() {
        let folder = Folder::new();
        let path = folder.join("s");
        let file = StateFile::open(&path).unwrap();
        assert!(StateFile::open(&path).unwrap_err().words.contains("another process"));
        file.write(&state()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for (from, to, words) in [
            ("\"version\": 1", "\"version\": 2", "another version"),
            ("\"seed\"", "\"sed\"", "not the state"),
            ("{", "", "not the state"),
        ] {
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            assert!(file.read().unwrap_err().words.contains(words));
        }
        drop(file);
        StateFile::open(&path).unwrap();
    }

    #[test]
    fn the_time_of_the_events_is_when_it_began_within_what_is_taken() {
        let (now, day) = (super::now(), 24 * 60 * 60 * 1000);
        let at = |began_at| State { began_at, ..state() }.timestamp();
        assert_eq!(at(now - day), now - day);
        assert!(at(now + day) <= now + 1000);
        assert!((now - 29 * day..now - 29 * day + 1000).contains(&at(now - 40 * day)));
    }

    #[test]
    fn the_ids_of_the_events_that_open_and_close_it_are_its_own_and_fit() {
        let (one, other) = (state(), state());
        assert_ne!(one.marker_id("started"), other.marker_id("started"));
        assert!(one.marker_id("completed").len() <= 50);
    }
}
