//! What handing an event over in memory costs, beside a channel of tokio that takes the same event and has the same bound.
//! Prints one line of JSON: nanoseconds an event, each the middle one of many rounds, in which the two alternate.
//!
//! In two ways: alone, where nobody takes anything out meanwhile; and beside whoever takes it out on another thread, which for
//! the channel drops it, and for the reporter delivers it to the sink at the given URL. What is timed is the CPU time of the
//! thread that hands over, waiting for room included.

use std::{env, sync::Arc, thread, time::Duration};

use contest::{Outcome, thread_cpu};
use copilot_api::{Client, Credentials, Endpoints, types::Event};
use copilot_bench::custom_event;
use copilot_delivery::{
    Kind, LaneSet, MemoryOutbox, Outbox, Reporter,
    outbox::{End, LeaseRequest, Leased},
};
use tokio::sync::mpsc;

/// What an outbox in memory holds, and the channel.
const BOUND: usize = 10_000;
const ALONE_ROUNDS: usize = 41;
/// How many events are handed over at once beside a consumer, and how often: so many that both are full now and then.
const AT_ONCE: usize = 1000;
const BESIDE_ROUNDS: usize = 301;
const ENOUGH: Duration = Duration::from_secs(60);

fn main() -> Outcome {
    let url = env::args().nth(1).ok_or("wanted: URL")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let [send, report] = runtime.block_on(alone())?;
    let [send_beside, report_beside] = runtime.block_on(beside(&url))?;
    println!(
        r#"{{"send_ns":{send},"report_ns":{report},"send_beside_ns":{send_beside},"report_beside_ns":{report_beside}}}"#
    );
    Ok(())
}

fn client(url: &str) -> Outcome<Client> {
    Ok(Client::new(Credentials::new("bench", "bench")?, Endpoints::base(url)?)?)
}

fn events(count: usize) -> Outcome<Vec<Event>> {
    (0..count as i64).map(custom_event).collect()
}

/// Nanoseconds an event, of the middle round.
fn middle(mut rounds: Vec<Duration>, events: usize) -> u128 {
    rounds.sort_unstable();
    rounds.get(rounds.len() / 2).copied().unwrap_or_default().as_nanos() / events as u128
}

async fn alone() -> Outcome<[u128; 2]> {
    let (mut channel, mut report) = (Vec::new(), Vec::new());
    let (sender, mut receiver) = mpsc::channel::<Event>(BOUND);
    // Nobody listens there: the courier fails at once, and soon rests for longer than this takes.
    let outbox = Arc::new(MemoryOutbox::with_capacity(2 * BOUND as u64, u64::MAX));
    let reporter = Reporter::builder(client("http://127.0.0.1:9")?).shared_outbox(outbox.clone()).start()?;
    for _ in 0..ALONE_ROUNDS {
        let events = events(BOUND)?;
        let before = thread_cpu()?;
        for event in events {
            sender.send(event).await?;
        }
        channel.push(thread_cpu()?.saturating_sub(before));
        while receiver.try_recv().is_ok() {}

        let events = self::events(BOUND)?;
        let before = thread_cpu()?;
        for event in events {
            let _ = reporter.report(event).await?;
        }
        report.push(thread_cpu()?.saturating_sub(before));
        empty(&outbox).await?;
    }
    Ok([middle(channel, BOUND), middle(report, BOUND)])
}

async fn beside(url: &str) -> Outcome<[u128; 2]> {
    let (mut channel, mut report) = (Vec::new(), Vec::new());
    let (sender, mut receiver) = mpsc::channel::<Event>(BOUND);
    let consumer = thread::spawn(move || while receiver.blocking_recv().is_some() {});
    let reporter = Reporter::builder(client(url)?).start()?;
    for _ in 0..BESIDE_ROUNDS {
        let events = events(AT_ONCE)?;
        let before = thread_cpu()?;
        for event in events {
            sender.send(event).await?;
        }
        channel.push(thread_cpu()?.saturating_sub(before));

        let events = self::events(AT_ONCE)?;
        let before = thread_cpu()?;
        for event in events {
            let _ = reporter.report(event).await?;
        }
        report.push(thread_cpu()?.saturating_sub(before));
    }
    drop(sender);
    consumer.join().map_err(|_| "the consumer panicked")?;
    reporter.flush(ENOUGH).await?;
    Ok([middle(channel, AT_ONCE), middle(report, AT_ONCE)])
}

/// Takes out what no courier will.
async fn empty(outbox: &MemoryOutbox) -> Outcome {
    loop {
        let request = LeaseRequest {
            kind: Kind::Event,
            lanes: LaneSet::ALL,
            max_items: BOUND,
            max_bytes: usize::MAX,
            linger: Duration::ZERO,
            now: i64::MAX,
        };
        let Leased::Batch(lease) = outbox.lease(&request).await? else { return Ok(()) };
        let ends = vec![End::Accepted; lease.items.len()];
        outbox.settle(lease, ends).await.map_err(|unsettled| unsettled.error)?;
    }
}
