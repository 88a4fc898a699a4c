//! What users of other reporters complain of, one test each, by its number in the list that the documentation keeps.
//! (3, an answer of 200 that is taken for success, is `promises/server_words.rs`; 6, a broken file and a full disk, is `sqlite/`;
//! 11, what an importer's other dependencies bring, is `tests/importers`; 12 is documentation.)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use copilot_api::RetryPolicy;
use copilot_delivery::{Left, MemoryOutbox, Outcome, Reported, Reporter};
use copilot_sandbox::{Fault, Sandbox};
use support::{
    SOON, child, client, client_of, event, faulty::FaultyOutbox, in_time, quick, reporter, server, until_seen,
};

#[tokio::test]
async fn complaint_1_a_full_queue_drops_silently() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(Fault::delay(Duration::from_millis(100)).next(1)).unwrap();
    let reporter = quick(client(&sandbox)).outbox(MemoryOutbox::with_capacity(50, 1 << 20)).start().unwrap();
    let mut tickets = Vec::new();
    let mut given_back = 0;
    for number in 0..500 {
        match reporter.try_report(event(1, number)) {
            Ok(ticket) => tickets.push(ticket),
            Err(refused) => {
                assert!(refused.is_full());
                let Some(Reported::Event(again)) = refused.into_reported() else {
                    panic!("the event is gone")
                };
                given_back += 1;
                // And who can wait, waits.
                tickets.push(in_time(reporter.report(again)).await.unwrap());
            }
        }
    }
    assert!(given_back > 0);
    for ticket in tickets {
        assert_eq!(in_time(ticket).await, Outcome::Accepted);
    }
    assert_eq!(sandbox.accepted().len(), 500);
}

/// Reports from some threads until delivery has ended. Gives the ids of what was taken.
fn hammer(reporter: &Reporter) -> Vec<thread::JoinHandle<Vec<String>>> {
    (0..3)
        .map(|user| {
            let reporter = reporter.clone();
            thread::spawn(move || {
                let mut taken = Vec::new();
                loop {
                    let event = event(user, taken.len());
                    let id = event.event_id().to_string();
                    match reporter.report_blocking(event) {
                        Ok(_) => taken.push(id),
                        Err(refused) => {
                            assert!(refused.is_closed(), "{refused:?}");
                            let Some(Reported::Event(event)) = refused.into_reported() else {
                                panic!("it is gone")
                            };
                            assert_eq!(event.event_id().as_str(), id);
                            return taken;
                        }
                    }
                    thread::sleep(Duration::from_micros(200));
                }
            })
        })
        .collect()
}

fn id_of(reported: &Reported) -> String {
    let Reported::Event(event) = reported else { panic!("{reported:?}") };
    event.event_id().to_string()
}

fn arrived(sandbox: &Sandbox) -> HashSet<String> {
    sandbox.accepted().iter().map(|received| received.event_id.clone().unwrap()).collect()
}

#[test]
fn complaint_2_close_or_flush_loses_what_was_taken_in_the_meantime() {
    for within in [Duration::ZERO, Duration::from_millis(30), SOON] {
        let sandbox = Sandbox::start().unwrap();
        let reporter = reporter(&sandbox);
        let threads = hammer(&reporter);
        for _ in 0..20 {
            pollster::block_on(reporter.flush(SOON)).unwrap();
        }
        let Left { items, stay, .. } = reporter.shutdown_blocking(within);
        let taken: HashSet<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let mut ends = arrived(&sandbox);
        ends.extend(items.iter().map(|item| id_of(&item.reported)));
        assert_eq!((ends, stay), (taken, 0), "within {within:?}");
        assert!(within < SOON || items.is_empty());
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn complaint_2_nor_does_a_durable_outbox_lose_it() {
    use copilot_delivery::{Durability, SqliteOutbox, outbox::Fault};

    let folder = support::Folder::new();
    // A shutdown whose deadline came does not wait until the file is released.
    let outbox = || loop {
        match SqliteOutbox::builder(folder.file()).durability(Durability::KilledProcess).open() {
            Err(error) if error.fault() == Fault::InUse => std::thread::sleep(Duration::from_millis(5)),
            opened => break opened.unwrap(),
        }
    };
    let sandbox = Sandbox::start().unwrap();
    let mut taken = HashSet::new();
    for within in [Duration::ZERO, Duration::from_millis(30), SOON] {
        let reporter = quick(client(&sandbox)).outbox(outbox()).start().unwrap();
        let threads = hammer(&reporter);
        pollster::block_on(reporter.flush(SOON)).unwrap();
        let left = reporter.shutdown_blocking(within);
        taken.extend(threads.into_iter().flat_map(|thread| thread.join().unwrap()));
        assert!(left.items.is_empty() && (within < SOON || left.stay == 0), "{left:?}");
        let not_arrived = taken.difference(&arrived(&sandbox)).count() as u64;
        // What was on its way may have arrived, and stays to be sent again.
        assert!(not_arrived <= left.stay, "within {within:?}: {not_arrived} of {} are not there", left.stay);
    }
    assert_eq!(arrived(&sandbox), taken);
}

#[tokio::test]
async fn complaint_4_one_bad_event_sinks_its_batch() {
    let sandbox = Sandbox::start().unwrap();
    let reporter = Reporter::builder(client(&sandbox)).linger(Duration::from_millis(50)).start().unwrap();
    let events: Vec<_> = (0..60).map(|number| event(number % 7, number)).collect();
    sandbox.add_fault(Fault::reject_event_ids([events[31].event_id().as_str()])).unwrap();
    let mut tickets = Vec::new();
    for event in events {
        tickets.push(reporter.report(event).await.unwrap());
    }
    for (number, ticket) in tickets.into_iter().enumerate() {
        let outcome = in_time(ticket).await;
        assert_eq!(matches!(outcome, Outcome::Rejected(_)), number == 31, "{number}: {outcome:?}");
        assert_eq!(outcome == Outcome::Accepted, number != 31, "{number}: {outcome:?}");
    }
    // Even where the server refuses the whole request for it: `promises/pace.rs`.
}

/// The client's policy gives up after one attempt; delivery goes on after forty that failed.
#[tokio::test]
async fn complaint_5_dropped_for_good_after_some_retries() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let url = server::start(
        move |_| if counter.fetch_add(1, Relaxed) < 40 { Some((503, "")) } else { server::TAKEN },
    )
    .await;
    let client = client_of(&url).to_builder().retry(RetryPolicy::default().max_attempts(1)).build().unwrap();
    let reporter = quick(client).start().unwrap();
    let (event, consent) =
        (reporter.report(event(1, 1)).await.unwrap(), reporter.set_consent("user-2", true).await.unwrap());
    // New credentials are tried at once: this test need not wait as long as an outage takes.
    let outage = async {
        while asked.load(Relaxed) < 40 {
            reporter.set_credentials(copilot_api::Credentials::new("id", "secret").unwrap()).unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        reporter.set_credentials(copilot_api::Credentials::new("id", "secret").unwrap()).unwrap();
    };
    in_time(outage).await;
    assert_eq!((in_time(event).await, in_time(consent).await), (Outcome::Accepted, Outcome::Accepted));
}

#[cfg(unix)]
#[test]
fn complaint_7_a_queue_fills_unseen_in_a_fork() {
    use fork::Fork;

    if !child::is_alone(complaint_7_a_queue_fills_unseen_in_a_fork) {
        return;
    }
    let sandbox = Sandbox::start().unwrap();
    let reporter = Reporter::builder(client(&sandbox)).linger(Duration::from_millis(200)).start().unwrap();
    reporter.report_blocking(event(1, 1)).unwrap();
    let (theirs, url) = (reporter.clone(), client(&sandbox));
    let code = match fork::fork().unwrap() {
        Fork::Parent(child) => fork::waitpid(child).unwrap(),
        Fork::Child => {
            // What hangs here would hang for ever.
            thread::spawn(|| {
                thread::sleep(SOON);
                std::process::exit(2);
            });
            std::process::exit(i32::from(!pollster::block_on(everything_errs(theirs, url))))
        }
    };
    assert_eq!(code, 0);
    // In the parent all goes on.
    reporter.report_blocking(event(1, 2)).unwrap();
    assert!(reporter.shutdown_blocking(SOON).items.is_empty());
    // Its two, and one of the child's own reporter.
    assert_eq!(sandbox.accepted().len(), 3);
}

#[cfg(unix)]
async fn everything_errs(reporter: Reporter, client: copilot_api::Client) -> bool {
    use copilot_delivery::{Health, outbox::Fault};

    let forked = |error: copilot_delivery::OutboxError| error.fault() == Fault::Forked;
    let mut right = vec![
        reporter.report(event(1, 3)).await.unwrap_err().is_forked(),
        reporter.try_report(event(1, 3)).unwrap_err().into_reported().is_some(),
        reporter.report_blocking(event(1, 3)).unwrap_err().is_forked(),
        reporter.set_consent("user-1", true).await.unwrap_err().is_forked(),
        reporter.flush(SOON).await.is_err(),
        reporter.shutdown(SOON).await.items.is_empty(),
        forked(reporter.forget("user-1").await.unwrap_err()),
        forked(reporter.snapshot().await.unwrap_err()),
        forked(reporter.dead_letters().list(None, 1).await.unwrap_err()),
        forked(reporter.dead_letters().send_again(1).await.unwrap_err()),
        reporter.dead_letters().send_mended(1, event(1, 3)).await.unwrap_err().is_forked(),
        forked(reporter.dead_letters().drop(&[1]).await.unwrap_err()),
        forked(reporter.set_credentials(copilot_api::Credentials::new("id", "secret").unwrap()).unwrap_err()),
        matches!(reporter.health().await, Health::Stuck(_)),
    ];
    drop(reporter);
    // One of its own works.
    let own = quick(client).start().unwrap();
    own.report(event(9, 9)).await.unwrap();
    right.push(own.shutdown(SOON).await.items.is_empty());
    right.iter().for_each(|right| eprint!("{right} "));
    right.into_iter().all(|right| right)
}

#[tokio::test]
async fn complaint_8_flush_hangs_for_ever() {
    let (url, _listener) = server::silent().await;
    let reporter = quick(client_of(&url)).start().unwrap();
    for number in 0..500 {
        reporter.report(event(number, number)).await.unwrap();
    }
    let within = Duration::from_millis(100);
    let took = |began: Instant| assert!(began.elapsed() < within * 2, "{:?}", began.elapsed());
    for _ in 0..3 {
        let began = Instant::now();
        assert_eq!(reporter.flush(within).await.unwrap_err().pending, 500);
        took(began);
    }
    let began = Instant::now();
    let left = reporter.shutdown(within).await.items;
    took(began);
    assert!(left.len() == 500 && left.iter().any(|item| item.may_have_been_taken));
    // And after the end.
    let began = Instant::now();
    assert_eq!(reporter.flush(SOON).await.unwrap_err().pending, 0);
    took(began);
}

/// Tickets that are dropped, tickets that are awaited, items that are refused by the outbox and by the server.
#[cfg(target_os = "linux")]
#[test]
fn complaint_9_memory_grows() {
    if !child::is_alone(complaint_9_memory_grows) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let rejected = AtomicUsize::new(0);
    let url = runtime.block_on(server::start(move |_| {
        thread::sleep(Duration::from_millis(3));
        // Now and then a single event is refused with its request: it goes to the dead letter.
        if rejected.fetch_add(1, Relaxed) % 500 == 499 { Some((200, "unreadable")) } else { server::TAKEN }
    }));
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
    };
    for durable in [false, true] {
        let outbox = if durable { FaultyOutbox::durable() } else { FaultyOutbox::default() };
        // Small, so that most are refused once.
        let reporter = quick(client_of(&url)).outbox(outbox.with_room(300)).start().unwrap();
        let run = |items: usize| {
            for number in 0..items {
                let ticket = match reporter.try_report(event(number % 50, number)) {
                    Ok(ticket) => ticket,
                    Err(refused) => {
                        assert!(refused.is_full());
                        for _ in 0..100 {
                            drop(reporter.try_report(event(number % 50, number)));
                        }
                        reporter.report_blocking(event(number % 50, number)).unwrap()
                    }
                };
                if number % 1000 == 999 {
                    pollster::block_on(ticket);
                }
            }
            pollster::block_on(reporter.flush(SOON)).unwrap();
        };
        // Until its dead letters and its buffers are as many as they get.
        run(8_000);
        let before = resident();
        run(8_000);
        let grown = resident().saturating_sub(before);
        assert!(grown < 512 << 10, "{grown} bytes in 8,000 items; durable: {durable}");
    }
}

#[tokio::test]
async fn complaint_10_two_flushes_send_the_same_events_twice() {
    let sandbox = Sandbox::start().unwrap();
    sandbox.add_fault(Fault::delay(Duration::from_millis(30)).share(0.5)).unwrap();
    let reporter = Reporter::builder(client(&sandbox)).start().unwrap();
    let running = Arc::new(AtomicBool::new(true));
    let flushes: Vec<_> = (0..4)
        .map(|_| {
            let (reporter, running) = (reporter.clone(), running.clone());
            tokio::spawn(async move {
                while running.load(Relaxed) {
                    reporter.flush(SOON).await.unwrap();
                }
            })
        })
        .collect();
    for number in 0..400 {
        reporter.report(event(number % 20, number)).await.unwrap();
        tokio::task::yield_now().await;
    }
    running.store(false, Relaxed);
    for flush in flushes {
        in_time(flush).await.unwrap();
    }
    reporter.flush(SOON).await.unwrap();
    until_seen(&reporter, "idle", |snapshot| snapshot.in_flight == 0).await;
    assert_eq!((sandbox.events().len(), arrived(&sandbox).len()), (400, 400));
}
