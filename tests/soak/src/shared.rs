//! Outboxes on servers: what more couriers bring, what a long queue costs, and what the outbox costs beside the engine's own loop.

use std::{
    env, fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use copilot_api::{Client, Credentials, Endpoints};
use copilot_delivery::{
    Kind, Lane, LaneSet, Outbox, PostgresOutbox, Record, Reporter, open_outbox,
    outbox::{End, HandedOver, LeaseRequest, Leased},
};
use copilot_servers::{nats::Nats, postgres::Cluster};
use tokio_postgres::{NoTls, types::Type};

use crate::{Failure, load, server::Server};

const LEASE: &str = "lease_ms=2000";
/// How long couriers are given to share the lanes, and then are counted.
const SHARE: Duration = Duration::from_secs(4);
const COUNT: Duration = Duration::from_secs(5);
/// How long each side of a comparison takes, and how often.
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;
const PRODUCERS: u64 = 8;
/// A lease is judged by the median of so many.
const LEASES: usize = 200;

/// A server of an engine, and the URL of an outbox on it.
enum Engine {
    Postgres(Cluster, String),
    Nats(Nats),
}

impl Engine {
    /// None, where it is not installed.
    fn start(name: &str) -> Option<Self> {
        match name {
            "postgres" => {
                Cluster::with("autovacuum = on\nautovacuum_naptime = 1s\nfsync = on").map(|cluster| {
                    let database = cluster.database();
                    Self::Postgres(cluster, database)
                })
            }
            _ => Nats::start().map(Self::Nats),
        }
    }

    fn url(&self) -> String {
        let base = match self {
            Self::Postgres(cluster, database) => cluster.url(database),
            Self::Nats(nats) => nats.url(),
        };
        format!("{base}?{LEASE}&max_items=100000000")
    }

    async fn open(&self) -> Result<Arc<dyn Outbox>, Failure> {
        if let Self::Postgres(..) = self {
            PostgresOutbox::migrate(&self.url()).await?;
        }
        Ok(open_outbox(&self.url()).await?)
    }
}

/// Couriers of one request in flight each, against a server that takes 200 ms an answer.
pub(crate) async fn scale(engine: &str, folder: &Path) -> Result<bool, Failure> {
    let Some(server) = Engine::start(engine) else { return Ok(true) };
    let outbox = server.open().await?;
    fill(&outbox, 30_000).await?;
    let log = folder.join("taken");
    let copilot = Server::start(0, "slow", Some(&log))?;
    let mut rates = Vec::new();
    for couriers in [1, 2, 4] {
        let _couriers =
            (0..couriers).map(|_| courier(&server.url(), copilot.port)).collect::<Result<Vec<_>, _>>()?;
        tokio::time::sleep(SHARE).await;
        let (before, busy) = (lines(&log)?, busy()?);
        tokio::time::sleep(COUNT).await;
        let (after, load) = (lines(&log)?, cpu(busy, self::busy()?));
        let rate = (after - before) as f64 / COUNT.as_secs_f64();
        println!(
            "scale {engine}: {couriers} couriers, {rate:.0} accepted a second, {load:.0} % of the machine's CPU"
        );
        rates.push((rate, load));
    }
    let [(one, _), (two, _), (four, load)] = rates.as_slice() else { return Ok(false) };
    if *load >= 70.0 {
        println!("scale {engine}: the machine had other things to do, or is itself the limit");
    }
    let (twice, four_times) = (two / one, four / one);
    println!("scale {engine}: {twice:.2} and {four_times:.2} times; at least 1.8 and 3.2 are asked for");
    Ok(twice >= 1.8 && four_times >= 3.2)
}

/// A courier that is stopped when it is dropped.
struct Courier(Child);

impl Drop for Courier {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn courier(url: &str, port: u16) -> Result<Courier, Failure> {
    let mut command = Command::new(env::current_exe()?);
    Ok(Courier(command.args(["courier", url, &port.to_string()]).stdin(Stdio::null()).spawn()?))
}

/// The process of a courier.
pub(crate) async fn carry(url: &str, port: u16) -> Result<(), Failure> {
    let endpoints = Endpoints::base(&format!("http://127.0.0.1:{port}"))?;
    let client = Client::new(Credentials::new("soak", "soak")?, endpoints)?;
    let outbox = open_outbox(url).await?;
    let _reporter = Reporter::builder(client).shared_outbox(outbox).max_in_flight(1).start()?;
    std::future::pending().await
}

/// A long queue in PostgreSQL, emptied: what it takes, and how long a lease takes at its beginning and at its end.
pub(crate) async fn table(items: u64, most: f64) -> Result<bool, Failure> {
    let Some(Engine::Postgres(cluster, database)) = Engine::start("postgres") else { return Ok(true) };
    let server = Engine::Postgres(cluster, database);
    let outbox = server.open().await?;
    let Engine::Postgres(cluster, database) = &server else { return Ok(false) };
    let (session, connection) = tokio_postgres::connect(&cluster.url(database), NoTls).await?;
    tokio::spawn(connection);
    let Record { json, .. } = record(0)?;
    session
        .execute_typed(
            "INSERT INTO copilot.pending(key, lane, kind, event_type, event_id, timestamp, user_id, reported_at, json, contract) \
             SELECT nr, nr % 32, 'event', 'custom_event', 'id-' || nr, 0, 'user-' || nr % 1000, 0, $1, '' FROM generate_series(1, $2) nr",
            &[(&json, Type::TEXT), (&i64::try_from(items)?, Type::INT8)],
        )
        .await?;
    let size = async |when: &str| -> Result<(), Failure> {
        let row = session
            .query_typed(
                "SELECT pg_total_relation_size('copilot.pending')::int8, n_live_tup, n_dead_tup \
                 FROM pg_stat_user_tables WHERE relid = 'copilot.pending'::regclass",
                &[],
            )
            .await?;
        let row = row.first().ok_or("no statistics")?;
        let (bytes, live, dead): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        println!("table {when}: {} MiB, {live} rows, {dead} dead rows", bytes / 1024 / 1024);
        Ok(())
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    size("full").await?;
    let mut times = Vec::new();
    let begun = Instant::now();
    loop {
        let asked = Instant::now();
        let leased = outbox.lease(&ANY).await?;
        times.push(asked.elapsed());
        let Leased::Batch(lease) = leased else { break };
        let ends = vec![End::Accepted; lease.items.len()];
        outbox.settle(lease, ends).await.map_err(|unsettled| unsettled.error)?;
    }
    let rate = items as f64 / begun.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(1)).await;
    size("empty").await?;
    let median = |times: &[Duration]| -> Duration {
        let mut times = times.to_vec();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    let (first, last) = times.split_at(times.len() / 2);
    let first = median(first.get(10..10 + LEASES).ok_or("too few leases")?);
    let last =
        median(last.get(last.len().saturating_sub(LEASES + 5)..last.len() - 5).ok_or("too few leases")?);
    let ratio = last.as_secs_f64() / first.as_secs_f64();
    println!(
        "table: {items} items leased and settled, {rate:.0} a second; a lease took {first:?} at the start and {last:?} at the end: \
         {ratio:.2} times, at most {most} are asked for"
    );
    Ok(ratio <= most)
}

/// What 8 producers have stored in a second, beside the engine's own loop.
pub(crate) async fn taken(engine: &str) -> Result<bool, Failure> {
    let Some(server) = Engine::start(engine) else { return Ok(true) };
    let outbox = server.open().await?;
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let plain = match &server {
            Engine::Postgres(cluster, database) => inserts(&cluster.url(database)).await?,
            Engine::Nats(nats) => publishes(&nats.url()).await?,
        };
        let ours = for_a_while(|producer, number| {
            let outbox = outbox.clone();
            async move {
                let number = (round as u64 + 1) << 40 | producer << 32 | number;
                put(&*outbox, number).await
            }
        })
        .await?;
        println!(
            "taken {engine}: {ours:.0} items a second, the engine's own loop {plain:.0}: {:.2}",
            ours / plain
        );
        ratios.push(ours / plain);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ROUNDS / 2).copied().unwrap_or_default();
    println!("taken {engine}: {median:.2} of the engine's own loop, at least 0.8 are asked for");
    Ok(median >= 0.8)
}

/// Each producer does it again and again. How often it was done in a second.
async fn for_a_while<F>(work: impl Fn(u64, u64) -> F) -> Result<f64, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let (over, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let producers = (0..PRODUCERS).map(|producer| {
        let (over, done, work) = (&over, &done, &work);
        async move {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                tokio::spawn(work(producer, number)).await??;
                number += 1;
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Failure>(())
        }
    });
    let producers = futures_util::future::try_join_all(producers);
    let ends = async {
        tokio::time::sleep(ROUND).await;
        over.store(true, Ordering::Relaxed);
        Ok(())
    };
    tokio::try_join!(producers, ends)?;
    Ok(done.into_inner() as f64 / ROUND.as_secs_f64())
}

/// Rows with the same columns and index, each inserted and committed by itself.
async fn inserts(url: &str) -> Result<f64, Failure> {
    let mut sessions = Vec::new();
    for _ in 0..PRODUCERS {
        let (session, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        sessions.push(Arc::new(session));
    }
    if let Some(session) = sessions.first() {
        session.batch_execute("CREATE TABLE IF NOT EXISTS plain(LIKE copilot.pending INCLUDING ALL)").await?;
    }
    for_a_while(|producer, number| {
        let session = sessions.get(producer as usize).cloned();
        async move {
            let session = session.ok_or("no session")?;
            let Record { key, lane, user_id, json, event_id, .. } = record(producer << 32 | number)?;
            let (key, lane) = (key as i64, i16::from(lane.number()));
            session
                .execute_typed(
                    "INSERT INTO plain(key, lane, kind, event_type, event_id, timestamp, user_id, reported_at, json, contract) \
                     VALUES ($1, $2, 'event', 'custom_event', $3, 0, $4, 0, $5, '')",
                    &[
                        (&key, Type::INT8),
                        (&lane, Type::INT2),
                        (&event_id, Type::TEXT),
                        (&user_id, Type::TEXT),
                        (&json, Type::TEXT),
                    ],
                )
                .await?;
            Ok(())
        }
    })
    .await
}

/// The same JSON with a message id, each published and its acknowledgement awaited.
async fn publishes(url: &str) -> Result<f64, Failure> {
    let context = async_nats::jetstream::new(async_nats::connect(url).await?);
    let plain = async_nats::jetstream::stream::Config {
        name: "plain".to_owned(),
        subjects: vec!["plain.*".to_owned()],
        ..Default::default()
    };
    context.get_or_create_stream(plain).await?;
    let began = Instant::now();
    for_a_while(|producer, number| {
        let context = context.clone();
        async move {
            let Record { json, lane, .. } = record(producer << 32 | number)?;
            let mut headers = async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", format!("{began:?}-{producer}-{number}"));
            let subject = format!("plain.{}", lane.number());
            context.publish_with_headers(subject, headers, json.into()).await?.await?;
            Ok(())
        }
    })
    .await
}

/// All events that are there.
const ANY: LeaseRequest = LeaseRequest {
    kind: Kind::Event,
    lanes: LaneSet::ALL,
    max_items: 100,
    max_bytes: 450_000,
    linger: Duration::ZERO,
    now: i64::MAX,
};

fn record(number: u64) -> Result<Record, Failure> {
    let user = format!("user-{}", number % 1000);
    let event = load::event(number, "made")?;
    Ok(Record {
        key: number,
        lane: Lane::of(&user),
        reported_at: event.timestamp().0,
        kind: Kind::Event,
        event_type: Some("custom_event".into()),
        event_id: Some(event.event_id().to_string()),
        timestamp: Some(event.timestamp().0),
        user_id: Some(user),
        json: serde_json::to_string(&event)?,
        contract: copilot_api::raw::CONTRACT_VERSION.into(),
    })
}

async fn put(outbox: &dyn Outbox, number: u64) -> Result<(), Failure> {
    let handed_over = outbox.hand_over(copilot_delivery::Item::from_record(record(number)?));
    match handed_over.map_err(|refused| refused.error)? {
        HandedOver::Kept => Ok(()),
        HandedOver::Storing(stored) => Ok(stored.await?.map_err(|refused| refused.error)?),
    }
}

/// Puts so many items in, as fast as it can.
async fn fill(outbox: &Arc<dyn Outbox>, items: u64) -> Result<(), Failure> {
    for first in (0..items).step_by(1000) {
        let puts = (first..first + 1000).map(|number| put(&**outbox, number));
        futures_util::future::try_join_all(puts).await?;
    }
    Ok(())
}

fn lines(log: &Path) -> Result<u64, Failure> {
    Ok(fs::read(log)?.iter().filter(|byte| **byte == b'\n').count() as u64)
}

/// The time that the machine's processors were busy, and all of it.
fn busy() -> Result<(u64, u64), Failure> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().ok_or("/proc/stat is empty")?;
    let times: Vec<u64> = line.split_whitespace().skip(1).filter_map(|time| time.parse().ok()).collect();
    let all: u64 = times.iter().sum();
    let idle: u64 = times.iter().skip(3).take(2).sum();
    Ok((all - idle, all))
}

fn cpu(before: (u64, u64), after: (u64, u64)) -> f64 {
    (after.0 - before.0) as f64 / (after.1 - before.1).max(1) as f64 * 100.0
}
