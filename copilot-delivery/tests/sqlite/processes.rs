//! Other processes: one that wants the file as well, one that was forked. (One that is killed is `model/`'s and `cargo xtask crash`'s.)

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use copilot_delivery::{
    Outbox as _, SqliteOutbox,
    outbox::{Fault, HandedOver},
};
use pollster::block_on;

use super::{Folder, Opened, items, process};

/// Tries to open the file, and says what comes of it.
pub(super) fn open(file: &Path) {
    match SqliteOutbox::open(file) {
        Ok(_) => println!("\nopened"),
        Err(error) => println!("\n{:?}: {error}", error.fault()),
    }
}

#[test]
fn a_second_process_gets_an_error_and_the_first_goes_on() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    outbox.put(items::event(1, "user-7")).unwrap();
    let said = |file: &Path| String::from_utf8(process("open", file).output().unwrap().stdout).unwrap();
    // A second one of this process as well. (When it closes the file, it must not release the lock of the first.)
    assert_eq!(SqliteOutbox::open(folder.file()).unwrap_err().fault(), Fault::InUse);
    let refused = said(&folder.file());
    assert!(refused.contains("\nInUse: the outbox "), "{refused}");
    assert!(refused.contains(folder.file().to_str().unwrap()), "{refused}");
    outbox.put(items::event(2, "user-7")).unwrap();
    assert_eq!(outbox.drain(), [1, 2]);
    outbox.close();
    let opened = said(&folder.file());
    assert!(opened.contains("\nopened"), "{opened}");
}

#[test]
fn a_dropped_outbox_releases_the_file_and_keeps_what_was_handed_over() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    let handed_over: Vec<_> =
        (0..500).map(|key| outbox.hand_over(items::event(key, "user-7")).unwrap()).collect();
    drop(outbox);
    for handed_over in handed_over {
        let HandedOver::Storing(stored) = handed_over else { panic!("{handed_over:?}") };
        block_on(stored).unwrap().unwrap();
    }
    let until = Instant::now() + Duration::from_secs(10);
    let outbox = loop {
        match SqliteOutbox::open(folder.file()) {
            Ok(outbox) => break Opened(outbox),
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    };
    assert_eq!(outbox.drain(), (0..500).collect::<Vec<_>>());
}

/// Puts items in, and ends as if it were killed.
pub(super) fn leave(file: &Path) {
    let outbox = Opened::new(file);
    for key in 0..300 {
        outbox.put(items::event(key, &format!("user-{key}"))).unwrap();
    }
    std::process::abort();
}

/// Opens the file, forks, and lets the child use it.
pub(super) fn fork(file: &Path) {
    let outbox = Opened::new(file);
    outbox.put(items::event(1, "user-7")).unwrap();
    match fork::fork().unwrap() {
        fork::Fork::Child => {
            // What hangs here would hang for ever.
            thread::spawn(|| {
                thread::sleep(Duration::from_secs(10));
                std::process::exit(2);
            });
            let refused = outbox.put(items::event(2, "user-7")).unwrap_err();
            let asked = block_on(outbox.counts()).unwrap_err();
            let right = (refused.error.fault(), asked.fault(), refused.item.key())
                == (Fault::Forked, Fault::Forked, 2);
            drop(outbox);
            std::process::exit(if right { 42 } else { 1 });
        }
        fork::Fork::Parent(child) => {
            let status = fork::waitpid(child).unwrap();
            // What the child dropped is still the parent's.
            outbox.put(items::event(3, "user-7")).unwrap();
            println!("\nchild: {status:?}, pending: {}", outbox.read().pending);
        }
    }
}

#[test]
fn after_a_fork_the_child_gets_an_error_and_the_parent_goes_on() {
    let folder = Folder::new();
    let said = String::from_utf8(process("fork", &folder.file()).output().unwrap().stdout).unwrap();
    // As waitpid has it: the exit code times 256.
    assert!(said.contains("child: 10752, pending: 2") || said.contains("child: 42, pending: 2"), "{said}");
}
