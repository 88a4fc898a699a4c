//! Memory over many items: what is kept is bounded, so the peak at a tenth of them is the peak in the end.

use std::{collections::VecDeque, path::Path, sync::Arc, time::Duration};

use copilot_delivery::{MemoryOutbox, Outbox, Reporter, SqliteOutbox};

use crate::{
    Failure,
    load::{REFUSED, REFUSED_OF, event, peak_kib},
    server::Server,
};

/// How many items an outbox in a file may hold here: it fills as soon as one in memory.
const ROOM: u64 = 10_000;
/// How many tickets are kept for a while, each dropped without being awaited.
const TICKETS: usize = 1000;
/// What the peak may grow by: a twentieth, or this.
const GROWTH_KIB: u64 = 1024;
/// From so many items on. The peak of fewer at a tenth is not the one yet that the allocator comes to: of these it may grow by a
/// third, which four bytes kept of each item would exceed.
const MANY: u64 = 10_000_000;
const ENOUGH: Duration = Duration::from_secs(300);

pub(crate) async fn run(outbox: &str, items: u64, folder: &Path) -> Result<bool, Failure> {
    let server = Server::start(0, "fast", None)?;
    let outbox: Arc<dyn Outbox> = match outbox {
        "memory" => Arc::new(MemoryOutbox::new()),
        _ => Arc::new(SqliteOutbox::builder(folder.join("steady.outbox")).max_items(ROOM).open()?),
    };
    let reporter = Reporter::builder(server.client()?).shared_outbox(outbox.clone()).start()?;
    let mut reports = Vec::new();
    // Those who report together share a sync of the disk.
    const CALLERS: u64 = 64;
    let mut early = 0;
    for (from, to) in [(0, items / 10), (items / 10, items)] {
        for caller in 0..CALLERS {
            let reporter = reporter.clone();
            reports.push(tokio::spawn(async move { report(&reporter, from + caller, to, CALLERS).await }));
        }
        for report in reports.drain(..) {
            report.await??;
        }
        reporter.flush(ENOUGH).await?;
        if to < items {
            early = peak_kib()?;
        }
    }
    let (late, counts) = (peak_kib()?, outbox.counts().await?);
    let refused = counts.tally.rejected + counts.tally.unattributed;
    let most = early + if items < MANY { early / 3 } else { (early / 20).max(GROWTH_KIB) };
    println!(
        "steady: {} taken, {} accepted, {refused} not; peak {early} KiB at a tenth, {late} KiB in the end, at most {most} allowed",
        counts.tally.taken, counts.tally.accepted
    );
    let all_are_there =
        counts.tally.taken == items && counts.tally.accepted + refused == items && refused > 0;
    Ok(all_are_there && late <= most)
}

async fn report(reporter: &Reporter, from: u64, to: u64, step: u64) -> Result<(), Failure> {
    let mut tickets = VecDeque::new();
    for number in (from..to).step_by(usize::try_from(step)?) {
        let subtype = if number % REFUSED_OF == 0 { REFUSED } else { "taken" };
        tickets.push_back(reporter.report(event(number, subtype)?).await?);
        if tickets.len() > TICKETS / usize::try_from(step)? {
            tickets.pop_front();
        }
    }
    Ok(())
}
