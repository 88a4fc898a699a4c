//! Other processes: one that wants the file as well, one that is killed, one that was forked.

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::Child,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use copilot_delivery::{
    Durability, Outbox as _, SqliteOutbox,
    outbox::{End, Fault, HandedOver},
};
use pollster::block_on;

use super::{ANY, Folder, Opened, items, process, spawn};

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

/// Reports and delivers as fast as it can, until it is killed. It says `+ KEY` when an item was stored, and `- KEY` before one is
/// settled.
pub(super) fn work(file: &Path) {
    let outbox =
        Arc::new(Opened(SqliteOutbox::builder(file).durability(Durability::KilledProcess).open().unwrap()));
    let first: u64 = outbox.read().last;
    let stdout = Arc::new(Mutex::new(std::io::stdout()));
    // What the test harness says has no end of line.
    println!();
    for reporter in 0..8 {
        let (outbox, stdout) = (outbox.clone(), stdout.clone());
        thread::spawn(move || {
            for number in 0.. {
                let key = (first + number) * 8 + reporter;
                if outbox.put(items::event(key, &format!("user-{}", key % 100))).is_ok() {
                    // One write, so that no line is half there.
                    stdout.lock().unwrap().write_all(format!("+ {key}\n").as_bytes()).unwrap();
                }
            }
        });
    }
    loop {
        let Some(lease) = outbox.take(&ANY).unwrap() else { continue };
        let lines: String = lease.items.iter().map(|leased| format!("- {}\n", leased.item.key())).collect();
        stdout.lock().unwrap().write_all(lines.as_bytes()).unwrap();
        if lease.fence % 3 == 0 { outbox.end(lease, End::Released) } else { outbox.end(lease, End::Accepted) }
    }
}

/// Kills the process, and gives the keys that it said before.
fn kill(mut child: Child, after: Duration) -> (HashSet<u64>, HashSet<u64>) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (started, has_started) = mpsc::channel();
    let reading = thread::spawn(move || {
        let (mut stored, mut settled) = (HashSet::new(), HashSet::new());
        for line in lines.map_while(Result::ok) {
            match line.split_once(' ').and_then(|(what, key)| Some((what, key.parse().ok()?))) {
                Some(("+", key)) => {
                    stored.insert(key);
                    let _ = started.send(());
                }
                Some(("-", key)) => drop(settled.insert(key)),
                _ => (),
            }
        }
        (stored, settled)
    });
    has_started.recv_timeout(Duration::from_secs(30)).expect("it does something");
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

#[test]
fn what_was_stored_is_there_after_a_kill_and_the_counts_add_up() {
    let folder = Folder::new();
    let (mut stored, mut settled) = (HashSet::new(), HashSet::new());
    for round in 0..10 {
        let (more, ended) = kill(spawn("work", &folder.file()), Duration::from_millis(20 + round * 37));
        stored.extend(more);
        settled.extend(ended);
    }
    let outbox = Opened::new(&folder.file());
    assert_eq!(outbox.set_aside(), None, "a kill breaks nothing");
    let counts = outbox.read();
    let pending = outbox.drain();
    assert_eq!(counts.pending, pending.len() as u64);
    let pending: HashSet<u64> = pending.into_iter().collect();
    let lost: Vec<_> = stored.iter().filter(|key| !pending.contains(key) && !settled.contains(key)).collect();
    assert!(lost.is_empty(), "{} of {} are lost", lost.len(), stored.len());
    assert!(counts.tally.taken >= stored.len() as u64 && counts.tally.accepted > 0, "{counts:?}");
    println!("{} stored, {} pending after ten kills", stored.len(), counts.pending);
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
