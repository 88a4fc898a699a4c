//! What is SQLite's alone: the file, the disk below it, and the other processes that want it.
#![cfg(all(feature = "sqlite", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod broken;
mod disk;
mod file;
#[path = "../conformance/items.rs"]
#[allow(dead_code, reason = "the suite needs more of them")]
mod items;
mod processes;
#[path = "../support/mod.rs"]
mod support;

use std::{
    ffi::OsString,
    ops::Deref,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use copilot_delivery::{
    Item, Kind, LaneSet, Outbox, SqliteOutbox,
    outbox::{Counts, DeadLetter, End, HandedOver, Lease, LeaseRequest, Leased, OutboxError, Refused},
};
use pollster::block_on;
use support::Folder;

/// All events that are there.
const ANY: LeaseRequest = LeaseRequest {
    kind: Kind::Event,
    lanes: LaneSet::ALL,
    max_items: 100,
    max_bytes: 450_000,
    linger: Duration::ZERO,
    now: items::NOON,
};

/// The file of that name with something behind it.
fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}

/// An outbox, used without a runtime.
struct Opened(SqliteOutbox);

impl Opened {
    fn new(file: &Path) -> Self {
        Self(SqliteOutbox::open(file).unwrap())
    }

    fn put(&self, item: Item) -> Result<(), Refused> {
        match self.hand_over(item)? {
            HandedOver::Kept => Ok(()),
            HandedOver::Storing(stored) => block_on(stored).expect("an answer"),
        }
    }

    fn take(&self, request: &LeaseRequest) -> Result<Option<Lease>, OutboxError> {
        match block_on(self.lease(request))? {
            Leased::Batch(lease) => Ok(Some(lease)),
            _ => Ok(None),
        }
    }

    fn end(&self, lease: Lease, end: End) {
        let ends = vec![end; lease.items.len()];
        block_on(self.settle(lease, ends)).expect("settled");
    }

    /// Accepts all that is there. The keys.
    fn drain(&self) -> Vec<u64> {
        let mut drained = Vec::new();
        while let Some(lease) = self.take(&ANY).expect("a lease") {
            drained.extend(lease.items.iter().map(|leased| leased.item.key()));
            self.end(lease, End::Accepted);
        }
        drained
    }

    fn read(&self) -> Counts {
        let counts = block_on(self.counts()).expect("counts");
        assert!(counts.adds_up(), "{counts:?}");
        counts
    }

    fn letters(&self) -> Vec<DeadLetter> {
        block_on(self.dead_letters(None, 1000)).expect("dead letters")
    }

    fn close(self) {
        assert!(block_on(self.0.close()).is_empty());
    }
}

impl Deref for Opened {
    type Target = SqliteOutbox;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Another process, which does what [`in_another_process`] knows by that name with that file.
fn process(role: &str, file: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "in_another_process", "--include-ignored", "--nocapture", "--test-threads=1"]);
    command.env("OUTBOX_ROLE", role).env("OUTBOX_FILE", file).stdout(Stdio::piped());
    command
}

fn spawn(role: &str, file: &Path) -> Child {
    process(role, file).spawn().unwrap()
}

#[test]
#[ignore = "is a part of other tests"]
fn in_another_process() {
    let (Some(role), Some(file)) = (std::env::var_os("OUTBOX_ROLE"), std::env::var_os("OUTBOX_FILE")) else {
        return;
    };
    let file = PathBuf::from(file);
    match role.to_str().unwrap() {
        "open" => processes::open(&file),
        "fork" => processes::fork(&file),
        "leave" => processes::leave(&file),
        "fill" => disk::fill(&file),
        "read-only" => disk::read_only(&file),
        role => panic!("{role}"),
    }
}
