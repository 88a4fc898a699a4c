//! An outage under load: the server is away, or refuses the credentials, and comes back.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use copilot_delivery::{Outbox, Reporter, SqliteOutbox};
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::{
    Failure,
    load::{event, peak_kib},
    serve::ANSWER,
    server::Server,
};

/// How many items come in a second.
const A_SECOND: u64 = 600;
/// How long it goes well before the outage.
const BEFORE: Duration = Duration::from_secs(2);
/// What a courier sends in the time of an answer: so many requests of so many items.
const AT_ONCE: u64 = 4 * 100;
const LOOK: Duration = Duration::from_millis(20);
const ENOUGH: Duration = Duration::from_secs(300);
/// What the process may hold, however long the outage: the backlog is in the file.
const MOST_KIB: u64 = 64 * 1024;

pub(crate) async fn run(kind: &str, seconds: u64, folder: &Path) -> Result<bool, Failure> {
    let log = folder.join("taken");
    let server = Server::start(0, "slow", Some(&log))?;
    let (port, client) = (server.port, server.client()?);
    let outbox = Arc::new(SqliteOutbox::open(folder.join("outage.outbox"))?);
    let reporter = Reporter::builder(client).shared_outbox(outbox.clone()).start()?;
    let load = Load::begin(&reporter);

    time::sleep(BEFORE).await;
    drop(server);
    let outage = Duration::from_secs(seconds);
    if kind == "down" {
        time::sleep(outage).await;
    } else {
        let refusing = Server::start(port, "refuses", None)?;
        time::sleep(outage).await;
        drop(refusing);
    }
    let _server = Server::start(port, "slow", Some(&log))?;
    let (back, backlog) = (Instant::now(), outbox.counts().await?);
    println!("{kind}: {} pending after {seconds} s; peak {} KiB", backlog.pending, peak_kib()?);
    // Of what came in by then nothing is left.
    while outbox.counts().await?.first.is_some_and(|first| first <= backlog.last) {
        if back.elapsed() > ENOUGH {
            return Err("the backlog is not sent".into());
        }
        time::sleep(LOOK).await;
    }
    let drained = back.elapsed();
    let taken = load.end().await?;
    reporter.flush(ENOUGH).await?;

    let counts = outbox.counts().await?;
    let arrived: HashSet<String> = fs::read_to_string(&log)?.lines().map(str::to_owned).collect();
    let lost = taken - arrived.len() as u64;
    let peak = peak_kib()?;
    let most = 2 * ANSWER * u32::try_from(backlog.pending.div_ceil(AT_ONCE))?;
    println!(
        "{kind}: {taken} taken, {} accepted, lost {lost}; drained in {:.2} s, at most {:.2} s allowed; peak {peak} KiB",
        counts.tally.accepted,
        drained.as_secs_f64(),
        most.as_secs_f64(),
    );
    let was_an_outage = backlog.pending >= A_SECOND * seconds / 2;
    let is_all_accepted = counts.tally.accepted == taken && counts.tally.taken == taken;
    Ok(was_an_outage && lost == 0 && is_all_accepted && drained <= most && peak <= MOST_KIB)
}

/// Items that come in at a steady pace.
struct Load {
    ends: Arc<AtomicBool>,
    taken: Arc<AtomicU64>,
    works: tokio::task::JoinHandle<Result<(), Failure>>,
}

impl Load {
    fn begin(reporter: &Reporter) -> Self {
        let (ends, taken) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (reporter, is_over, count) = (reporter.clone(), ends.clone(), taken.clone());
        let works = tokio::spawn(async move {
            let mut ticks = time::interval(Duration::from_millis(50));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                ticks.tick().await;
                let mut stored = Vec::new();
                for _ in 0..A_SECOND / 20 {
                    number += 1;
                    stored.push(reporter.try_report(event(number, "taken")?)?);
                }
                for mut ticket in stored {
                    ticket.stored().await?;
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(())
        });
        Self { ends, taken, works }
    }

    /// How many were taken in all.
    async fn end(self) -> Result<u64, Failure> {
        self.ends.store(true, Ordering::Relaxed);
        self.works.await??;
        Ok(self.taken.load(Ordering::Relaxed))
    }
}
