//! What handing an event over in memory costs, beside a channel of tokio that takes the same event: instructions and time
//! are for whoever runs it; this prints nanoseconds a piece, and their ratio.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use contest::Outcome;
use copilot_api::{Client, Credentials, Endpoints, types::Event};
use copilot_bench::custom_event;
use copilot_delivery::{
    Kind, LaneSet, MemoryOutbox, Outbox, Reporter,
    outbox::{End, LeaseRequest, Leased},
};

/// What an outbox in memory holds, and the channel.
const EVENTS: usize = 10_000;
const ROUNDS: usize = 41;

fn main() -> Outcome {
    println!("an event {} bytes, an item {}", size_of::<Event>(), size_of::<copilot_delivery::Item>());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut channel, mut report) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<Event>(EVENTS);
        // Nobody listens there: the courier fails at once, and soon rests for longer than this takes.
        let client = Client::new(Credentials::new("bench", "bench")?, Endpoints::base("http://127.0.0.1:9")?)?;
        let outbox = Arc::new(MemoryOutbox::with_capacity(2 * EVENTS as u64, u64::MAX));
        let reporter = Reporter::builder(client).shared_outbox(outbox.clone()).start()?;
        for _ in 0..ROUNDS {
            let events = events()?;
            let began = Instant::now();
            for event in events {
                sender.send(event).await?;
            }
            channel.push(began.elapsed());
            while receiver.try_recv().is_ok() {}

            let events = self::events()?;
            let began = Instant::now();
            for event in events {
                let _ = reporter.report(event).await?;
            }
            report.push(began.elapsed());
            empty(&outbox).await?;
        }
        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    let [channel, report] = [channel, report].map(|mut rounds| {
        rounds.sort_unstable();
        rounds.get(ROUNDS / 2).copied().unwrap_or_default().as_secs_f64() * 1e9 / EVENTS as f64
    });
    println!("a channel's send {channel:.0} ns, a report {report:.0} ns: {:.2} of it", channel / report);
    Ok(())
}

fn events() -> Outcome<Vec<Event>> {
    (0..EVENTS as i64).map(custom_event).collect()
}

/// Takes out what no courier will.
async fn empty(outbox: &MemoryOutbox) -> Outcome {
    loop {
        let request = LeaseRequest {
            kind: Kind::Event,
            lanes: LaneSet::ALL,
            max_items: EVENTS,
            max_bytes: usize::MAX,
            linger: Duration::ZERO,
            now: i64::MAX,
        };
        let Leased::Batch(lease) = outbox.lease(&request).await? else { return Ok(()) };
        let ends = vec![End::Accepted; lease.items.len()];
        outbox.settle(lease, ends).await.map_err(|unsettled| unsettled.error)?;
    }
}
