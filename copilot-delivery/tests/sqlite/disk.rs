//! The disk: one that is full, one that may not be written.
//!
//! Both are real: a file system of a few megabytes in memory, in a mount namespace of its own. Where a process may not make one
//! (`unshare`), these tests say that they were skipped; with `CI=true` that is a failure.

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use copilot_delivery::{
    Judge, Outbox as _, Outcome, Reason, SqliteOutbox,
    outbox::{End, Fault, Retention},
};

use pollster::block_on;

use super::{ANY, Folder, Opened, beside, items, process};

/// What a role says on a file system of its own. None, where that cannot be had.
fn on_a_disk_of(size: &str, role: &str) -> Option<String> {
    let folder = Folder::new();
    let own = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", command, "sh"]);
        unshare.args([folder.0.as_os_str(), size.as_ref()]);
        unshare
    };
    const MOUNT: &str = "mount -t tmpfs -o size=$2 outbox \"$1\"";
    if !own(MOUNT).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        let why = "this process may not mount a file system (unshare --user --mount)";
        assert!(
            env::var_os("CI").is_none_or(|ci| ci != "true"),
            "{why}, and CI=true lets nothing be skipped"
        );
        eprintln!("SKIPPED: {why}");
        return None;
    }
    let inner = process(role, &folder.file());
    let mut outer = own(&format!("{MOUNT} && shift 2 && exec \"$@\""));
    outer.arg(inner.get_program()).args(inner.get_args());
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = outer.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

/// Fills the disk until nothing is left.
fn fill_up(file: &Path) {
    let mut junk = File::create(file).unwrap();
    for block in [65_536, 4096, 1] {
        while junk.write_all(&vec![7; block]).is_ok() {}
    }
}

/// Puts items in until the disk is full, fills what is left, empties the outbox, and goes on when there is room.
pub(super) fn fill(file: &Path) {
    let outbox = Opened::new(file);
    let reserve = beside(file, ".reserve");
    let mut taken = 0;
    let fill_outbox = |taken: &mut u64, bytes| loop {
        match outbox.put(items::sized(*taken, &format!("user-{taken}"), bytes)) {
            Ok(()) => *taken += 1,
            Err(refused) => break refused,
        }
    };
    let refused = fill_outbox(&mut taken, 3000);
    assert_eq!((refused.error.fault(), refused.item.key()), (Fault::DiskFull, taken));
    assert!(taken > 500, "{taken}");
    // Others fill what is left, and the outbox gives nothing away for what it only takes.
    fill_up(&file.with_file_name("junk"));
    assert_eq!(fill_outbox(&mut taken, 0).error.fault(), Fault::DiskFull);
    assert_eq!(reserve.metadata().unwrap().len(), 4 * 1024 * 1024);
    assert_eq!(outbox.read().pending, taken);

    // It can be emptied: accepted, dead and dropped.
    let lease = outbox.take(&ANY).unwrap().unwrap();
    let first = lease.items.len();
    outbox.end(lease, End::Dead(Outcome::Rejected(Reason::new(Judge::Server, ["no".to_owned()]))));
    let left = reserve.metadata().unwrap().len();
    assert!(left > 0 && left < 4 * 1024 * 1024, "some of it was given up: {left}");
    // Others are as quick as they can be.
    fill_up(&file.with_file_name("more"));
    let letters: Vec<u64> = outbox.letters().iter().map(|letter| letter.id).collect();
    assert_eq!(letters.len(), first);
    assert_eq!(outbox.drain().len() as u64, taken - first as u64);
    assert_eq!(block_on(outbox.drop_dead_letters(&letters)).unwrap(), first as u64);
    assert_eq!((outbox.read().pending, outbox.read().dead_letters), (0, 0));
    assert_eq!(outbox.put(items::event(taken, "user-7")).unwrap_err().error.fault(), Fault::DiskFull);

    // And taken into again.
    fs::remove_file(file.with_file_name("junk")).unwrap();
    fs::remove_file(file.with_file_name("more")).unwrap();
    thread::sleep(Duration::from_millis(1100));
    outbox.put(items::event(taken, "user-7")).unwrap();
    assert_eq!(reserve.metadata().unwrap().len(), 4 * 1024 * 1024, "made again");
    outbox.close();
    assert_eq!(Opened::new(file).drain(), [taken]);
    println!("\nemptied {taken}");
}

#[test]
fn a_full_disk_gives_items_back_and_can_be_emptied() {
    let Some(said) = on_a_disk_of("12m", "fill") else { return };
    assert!(said.contains("\nemptied "), "{said}");
}

/// Makes an outbox, and opens it when the file system may not be written any more.
pub(super) fn read_only(file: &Path) {
    let outbox = Opened::new(file);
    outbox.put(items::event(1, "user-7")).unwrap();
    outbox.close();
    let folder = file.parent().unwrap();
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(folder).status().unwrap();
    assert!(remounted.success());
    let error = SqliteOutbox::open(file).unwrap_err();
    println!("\n{:?}: {error}", error.fault());
    let error = SqliteOutbox::open(folder.join("another")).unwrap_err();
    println!("{:?}: {error}", error.fault());
}

#[test]
fn what_may_not_be_written_is_an_error_that_says_so() {
    let Some(said) = on_a_disk_of("12m", "read-only") else { return };
    assert_eq!(said.matches("\nReadOnly: the outbox ").count(), 2, "{said}");
}

#[test]
fn the_journal_stays_smaller_than_the_reserve() {
    let folder = Folder::new();
    let outbox = Opened::new(&folder.file());
    let reserve = beside(&folder.file(), ".reserve").metadata().unwrap().len();
    let mut largest = 0;
    let mut measure = || largest = largest.max(beside(&folder.file(), "-wal").metadata().unwrap().len());
    // The largest items that a request takes; then the most that wait at once.
    for key in 0..20 {
        outbox.put(items::sized(key, "user-7", 440_000)).unwrap();
        measure();
    }
    thread::scope(|scope| {
        for thread in 0..8 {
            let outbox = &outbox;
            scope.spawn(move || {
                let stored: Vec<_> = (0..1000)
                    .map(|key| {
                        outbox
                            .hand_over(items::sized(key, &format!("user-{}", key * 8 + thread), 1500))
                            .unwrap()
                    })
                    .collect();
                drop(stored);
            });
        }
    });
    let mut request = ANY;
    for turn in 0_u64.. {
        measure();
        request.max_items = if turn.is_multiple_of(2) { 100 } else { 1000 };
        let Some(lease) = outbox.take(&request).unwrap() else { break };
        let dead = End::Dead(Outcome::Rejected(Reason::new(Judge::Server, ["x".repeat(300)])));
        outbox.end(lease, if turn.is_multiple_of(3) { dead } else { End::Accepted });
    }
    let all = Retention { max_bytes: Some(0), ..Default::default() };
    block_on(outbox.retain(&all)).unwrap();
    measure();
    assert!(largest > 1024 * 1024 && largest < reserve, "{largest} of {reserve} bytes");
    println!("the journal had up to {largest} of {reserve} bytes");
}
