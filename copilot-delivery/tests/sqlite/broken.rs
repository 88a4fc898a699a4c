//! Files that are broken, or another's: what can be started with is started with, and nothing is deleted.

use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use copilot_delivery::{Outbox as _, SqliteOutbox, outbox::Fault};
use pollster::block_on;
use rusqlite::Connection;

use super::{ANY, Folder, Opened, beside, items, spawn};

/// Writes garbage over a part of a file.
fn scribble(file: &Path, at: u64, bytes: usize) {
    let mut file = OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&vec![0xa5; bytes]).unwrap();
}

/// A closed outbox of some hundred pages.
fn closed(file: &Path) {
    let outbox = Opened::new(file);
    for key in 0..200 {
        outbox.put(items::sized(key, &format!("user-{key}"), 2000)).unwrap();
    }
    outbox.close();
}

/// The file is moved away, whole, and the outbox starts anew.
fn is_set_aside(folder: &Folder) {
    let before = fs::read(folder.file()).unwrap();
    let outbox = Opened::new(&folder.file());
    let aside = outbox.set_aside().expect("set aside");
    assert!(aside.to_str().unwrap().contains("copilot.outbox.corrupt-"), "{}", aside.display());
    assert!(fs::read(&aside).unwrap() == before, "what was broken is as it was");
    assert_eq!(outbox.read().tally.taken, 0);
    outbox.put(items::event(1, "user-7")).unwrap();
    outbox.close();
    let outbox = Opened::new(&folder.file());
    assert_eq!(outbox.set_aside(), None);
    assert_eq!(outbox.drain(), [1]);
}

/// The middle page of a file.
fn break_the_middle(file: &Path) {
    let middle = file.metadata().unwrap().len() / 2 / 4096 * 4096;
    scribble(file, middle, 4096);
}

#[test]
fn whatever_is_broken_is_set_aside() {
    let ways: [fn(&Path); 6] = [
        |header| scribble(header, 0, 100),
        break_the_middle,
        |large| {
            fs::remove_file(large).unwrap();
            let outbox = Opened::new(large);
            outbox.put(items::sized(1, "user-7", 300_000)).unwrap();
            outbox.close();
            break_the_middle(large);
        },
        |half| {
            let file = OpenOptions::new().write(true).open(half).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        },
        |zeros| fs::write(zeros, vec![0; 8192]).unwrap(),
        // A row that no version wrote.
        |row| {
            let connection = Connection::open(row).unwrap();
            connection.execute("UPDATE pending SET lane = 99 WHERE seq = 7", []).unwrap();
        },
    ];
    for (number, breaks) in ways.into_iter().enumerate() {
        println!("way {number}");
        let folder = Folder::new();
        closed(&folder.file());
        breaks(&folder.file());
        is_set_aside(&folder);
    }
}

#[test]
fn a_broken_file_takes_its_journal_along() {
    let folder = Folder::new();
    spawn("leave", &folder.file()).wait().unwrap();
    let journal = fs::read(beside(&folder.file(), "-wal")).unwrap();
    assert!(!journal.is_empty());
    // The journal has the newest version of each page, so both are broken.
    scribble(&folder.file(), 0, 100);
    scribble(&beside(&folder.file(), "-wal"), 0, 4096);
    let outbox = Opened::new(&folder.file());
    let aside = outbox.set_aside().expect("set aside");
    assert_eq!(fs::read(beside(&aside, "-wal")).unwrap().len(), journal.len());
    assert_eq!(outbox.read().tally.taken, 0);
}

#[test]
fn a_journal_that_was_cut_off_costs_its_end_only() {
    let folder = Folder::new();
    spawn("leave", &folder.file()).wait().unwrap();
    let journal = OpenOptions::new().write(true).open(beside(&folder.file(), "-wal")).unwrap();
    journal.set_len(journal.metadata().unwrap().len() / 2).unwrap();
    let outbox = Opened::new(&folder.file());
    let counts = outbox.read();
    assert!(counts.pending > 0 && counts.pending < 300, "{counts:?}");
    assert_eq!(outbox.drain().len() as u64, counts.pending);
}

#[test]
fn a_file_that_breaks_while_it_is_used_errs_and_is_set_aside_by_the_next_start() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    // More than the connection keeps in memory.
    for key in 0..60 {
        outbox.put(items::sized(key, &format!("user-{key}"), 300_000)).unwrap();
    }
    let length = folder.file().metadata().unwrap().len();
    scribble(&folder.file(), 4096, usize::try_from(length - 4096).unwrap());
    let mut request = ANY;
    request.max_bytes = usize::MAX;
    let error = outbox.take(&request).unwrap_err();
    assert_eq!(error.fault(), Fault::Corrupt, "{error}");
    assert!(error.to_string().contains(folder.file().to_str().unwrap()));
    // From now on nothing is done with it, and what is handed over comes back.
    let refused = outbox.put(items::event(99, "user-7")).unwrap_err();
    assert_eq!((refused.error.fault(), refused.item.key()), (Fault::Corrupt, 99));
    assert_eq!(block_on(outbox.counts()).unwrap_err().fault(), Fault::Corrupt);
    outbox.close();
    let outbox = Opened::new(&folder.file());
    assert!(outbox.set_aside().is_some_and(|aside| aside.exists()));
    assert_eq!(outbox.read().tally.taken, 0);
}

/// Nothing beside the file, and the file as it was.
fn is_refused_and_untouched(folder: &Folder, fault: Fault) -> String {
    let (before, names) = (fs::read(folder.file()).unwrap(), folder.names());
    let error = SqliteOutbox::open(folder.file()).unwrap_err();
    assert_eq!(error.fault(), fault, "{error}");
    assert!(fs::read(folder.file()).unwrap() == before, "touched");
    assert_eq!(folder.names(), names);
    error.to_string()
}

#[test]
fn another_programs_file_is_refused_and_not_touched() {
    let folder = Folder::new();
    fs::write(
        folder.file(),
        "a letter to a friend, which is longer than the header of a database is".repeat(9),
    )
    .unwrap();
    is_refused_and_untouched(&folder, Fault::Foreign);
    fs::remove_file(folder.file()).unwrap();

    let foreign = Connection::open(folder.file()).unwrap();
    foreign.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE songs(name TEXT)").unwrap();
    drop(foreign);
    is_refused_and_untouched(&folder, Fault::Foreign);
    // With the reserve of an outbox that was there before, too.
    fs::write(beside(&folder.file(), ".reserve"), "").unwrap();
    is_refused_and_untouched(&folder, Fault::Foreign);
}

#[test]
fn a_file_of_a_newer_version_is_refused_and_not_touched() {
    let folder = Folder::new();
    closed(&folder.file());
    Connection::open(folder.file()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let words = is_refused_and_untouched(&folder, Fault::Newer);
    assert!(words.contains("version 99") && words.contains("version 1"), "{words}");
}

#[test]
fn an_empty_file_becomes_an_outbox() {
    let folder = Folder::new();
    fs::write(folder.file(), "").unwrap();
    Opened::new(&folder.file()).put(items::event(1, "user-7")).unwrap();
    let mut header = [0; 16];
    fs::File::open(folder.file()).unwrap().read_exact(&mut header).unwrap();
    assert_eq!(&header, b"SQLite format 3\0");
}

#[test]
fn where_no_file_can_be_the_error_says_so() {
    let folder = Folder::new();
    let error = SqliteOutbox::open(folder.0.join("no/such/folder")).unwrap_err();
    assert_eq!(error.fault(), Fault::Engine);
    assert!(error.to_string().contains("No such file"), "{error}");
    // A folder is no file, and stays as it is.
    fs::create_dir(folder.file()).unwrap();
    let mode = folder.file().metadata().unwrap().permissions();
    assert_eq!(SqliteOutbox::open(folder.file()).unwrap_err().fault(), Fault::Foreign);
    assert_eq!((folder.file().metadata().unwrap().permissions(), folder.names().len()), (mode, 1));
}
