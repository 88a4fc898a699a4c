//! The file: who may read it, its copy, its versions, and how often it is written.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use copilot_delivery::{
    Judge, Lane, Outbox as _, Outcome, Reason, SqliteOutbox,
    outbox::{End, Fault, Owner},
};
use pollster::block_on;

use super::{ANY, Folder, Opened, beside, items};

fn mode(file: &Path) -> u32 {
    file.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn nobody_else_may_read_it() {
    let folder = Folder::new();
    let copy = folder.0.join("copy");
    let outbox = Opened::new(&folder.file());
    outbox.put(items::event(1, "user-7")).unwrap();
    block_on(outbox.export(&copy)).unwrap();
    for file in [folder.file(), beside(&folder.file(), "-wal"), beside(&folder.file(), ".reserve"), copy] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    outbox.close();
    fs::set_permissions(folder.file(), PermissionsExt::from_mode(0o644)).unwrap();
    let outbox = Opened::new(&folder.file());
    outbox.put(items::event(2, "user-7")).unwrap();
    assert_eq!((mode(&folder.file()), mode(&beside(&folder.file(), "-wal"))), (0o600, 0o600));
}

#[test]
fn closed_it_is_one_file_and_its_reserve() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    outbox.put(items::event(1, "user-7")).unwrap();
    outbox.close();
    assert_eq!(folder.names(), ["copilot.outbox", "copilot.outbox.reserve"]);
}

#[test]
fn a_copy_is_an_outbox_and_overwrites_nothing() {
    let folder = Folder::new();
    let copy = folder.0.join("copy");
    let outbox = Opened::new(&folder.file());
    for key in 1..=3 {
        outbox.put(items::event(key, "user-7")).unwrap();
    }
    let mut request = ANY;
    request.max_items = 1;
    let lease = outbox.take(&request).unwrap().unwrap();
    outbox.end(lease, End::Dead(Outcome::Rejected(Reason::new(Judge::Server, ["no".to_owned()]))));
    block_on(outbox.export(&copy)).unwrap();
    let bytes = fs::read(&copy).unwrap();
    assert!(block_on(outbox.export(&copy)).is_err());
    assert!(fs::read(&copy).unwrap() == bytes, "overwritten");
    assert!(block_on(outbox.export(folder.0.join("no/such/folder"))).is_err());
    let counts = outbox.read();
    assert_eq!(outbox.drain(), [2, 3]);
    let copy = Opened::new(&copy);
    assert_eq!((copy.read(), copy.set_aside()), (counts, None));
    assert_eq!((copy.drain(), copy.letters().len()), (vec![2, 3], 1));
}

#[test]
fn nothing_is_left_of_what_was_forgotten_or_delivered() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    let traces = |name: &str| {
        let found = |file: PathBuf| {
            let bytes = fs::read(file).unwrap_or_default();
            bytes.windows(name.len()).filter(|window| *window == name.as_bytes()).count()
        };
        found(folder.file()) + found(beside(&folder.file(), "-wal"))
    };
    for key in 0..300 {
        outbox.put(items::event(key, if key % 2 == 0 { "stays-behind" } else { "goes-away" })).unwrap();
    }
    assert!(traces("goes-away") > 0);
    assert_eq!(block_on(outbox.forget("goes-away")).unwrap().pending.len(), 150);
    assert_eq!(traces("goes-away"), 0);
    assert!(traces("stays-behind") > 0);
    // What is still sent is gone as soon as it was.
    outbox.put(items::deletion(300, "deleted-later")).unwrap();
    assert_eq!(block_on(outbox.forget("deleted-later")).unwrap().still_sent, 1);
    assert!(traces("deleted-later") > 0);
    outbox.drain();
    assert_eq!(traces("deleted-later"), 0);
    outbox.close();
    assert_eq!(traces("stays-behind"), 0);
}

#[test]
fn those_who_report_at_once_share_a_commit() {
    for (callers, at_least) in [(8_u64, 4), (64, 30)] {
        let folder = Folder::new();
        let outbox = Arc::new(Opened::new(&folder.file()));
        let each = 1600 / callers;
        let before = outbox.commits();
        let reporters: Vec<_> = (0..callers)
            .map(|caller| {
                let outbox = outbox.clone();
                thread::spawn(move || {
                    for number in 0..each {
                        outbox
                            .put(items::event(number * callers + caller, &format!("user-{caller}")))
                            .unwrap();
                    }
                })
            })
            .collect();
        for reporter in reporters {
            reporter.join().unwrap();
        }
        let commits = outbox.commits() - before;
        let items = callers * each;
        println!("{callers} callers: a commit for {:.1} items", items as f64 / commits as f64);
        assert!(commits * at_least <= items, "{commits} commits for {items} items of {callers} callers");
    }
}

#[test]
fn a_bounded_number_waits_to_be_stored() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    let (item, mut handed_over) = (items::event(1, "user-7"), Vec::new());
    // Much faster than they can be stored.
    let refused = loop {
        match outbox.hand_over(item.copy()) {
            Ok(stored) => handed_over.push(stored),
            Err(refused) => break refused,
        }
        assert!(handed_over.len() < 900_000, "unbounded");
    };
    assert!(refused.error.is_full());
}

/// A file that version 1 made, and what is in it.
fn version_1() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/version-1.outbox")
}

fn owner() -> Owner {
    Owner { client_id: "ours".to_owned(), endpoint: "https://localhost/v2/collect".to_owned() }
}

/// Makes the file of the version that is written now: once, before that version is changed.
#[test]
#[ignore = "makes a file that is kept"]
fn keep_a_file_of_this_version() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    block_on(outbox.bind(&owner(), false)).unwrap();
    for key in 1..=3 {
        outbox.put(items::event(key, "user-7")).unwrap();
    }
    let lease = outbox.take(&ANY).unwrap().unwrap();
    let reason = Reason::new(Judge::Server, ["too long".to_owned()]);
    let ends = vec![End::Accepted, End::Dead(Outcome::Rejected(reason)), End::Released];
    block_on(outbox.settle(lease, ends)).unwrap();
    outbox.put(items::consent(4, "user-7", false)).unwrap();
    outbox.put(items::deletion(5, "user-8")).unwrap();
    block_on(outbox.forget("user-8")).unwrap();
    fs::create_dir_all(version_1().parent().unwrap()).unwrap();
    block_on(outbox.export(version_1())).unwrap();
}

#[test]
fn a_file_of_version_1_still_opens() {
    let folder = Folder::new();
    fs::copy(version_1(), folder.file()).unwrap();
    let outbox = Opened::new(&folder.file());
    assert_eq!(outbox.set_aside(), None);
    let counts = outbox.read();
    assert_eq!((counts.tally.taken, counts.tally.accepted, counts.tally.rejected), (5, 1, 1));
    assert_eq!((counts.pending, counts.last, counts.dead_letters), (3, 5, 1));
    assert_eq!(
        block_on(outbox.bind(&Owner { client_id: "theirs".into(), ..owner() }, false)).unwrap_err().fault(),
        Fault::BoundElsewhere
    );
    let letters = outbox.letters();
    assert_eq!(letters[0].outcome.reason().unwrap().words.as_ref(), ["too long"]);
    assert_eq!(letters[0].item.key(), 2);
    let lease = outbox.take(&ANY).unwrap().unwrap();
    let came: Vec<_> = lease.items.iter().map(|leased| (leased.item.key(), leased.forget)).collect();
    assert_eq!(came, [(3, false), (5, true)]);
    for leased in lease.items {
        assert_eq!(Some(leased.item.lane()), leased.item.user_id().map(Lane::of), "lanes outlive versions");
        assert!(matches!(leased.item.into_reported(), copilot_delivery::Reported::Event(_)));
    }
    // By the name that it had.
    let again = SqliteOutbox::open(folder.file()).unwrap_err();
    assert_eq!(again.fault(), Fault::InUse);
}

#[test]
fn the_file_shrinks_when_what_it_held_is_gone() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    let size = || folder.file().metadata().unwrap().len();
    for key in 0..120 {
        outbox.put(items::sized(key, &format!("user-{key}"), 400_000)).unwrap();
    }
    let full = size();
    assert!(full > 40_000_000, "{full}");
    outbox.drain();
    for key in 0..100 {
        outbox.put(items::event(key, "user-7")).unwrap();
    }
    outbox.drain();
    outbox.close();
    assert!(size() < 20_000_000, "{} of {full}", size());
}
