//! The program that `cargo xtask crash` kills: it reports at full speed, and writes down what was taken.
//!
//! A line of its output is one write to a pipe, made before anything else happens, so that a kill loses none. Its input has
//! `abort POINT`, to abort at the next passage of that fail point, and `shutdown`. It ends with its input.

mod reports;
mod shared;

use std::{
    env,
    error::Error,
    fmt::Display,
    io::{self, BufRead, Write},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use copilot_api::Client;
use copilot_delivery::{
    Durability, MemoryOutbox, Next, Outbox, Reporter, SqliteOutbox,
    outbox::{Counts, Tally},
};
use tokio::{sync::mpsc, time};

/// How many items the outbox has room for: so much is to be sent after the last kill, and those who report wait now and then.
const ROOM: u64 = 4000;
/// The requests on their way at most, as `cargo xtask crash` counts on.
const MAX_IN_FLIGHT: usize = 4;
const LINGER: Duration = Duration::from_millis(50);
/// How often it looks how many requests are on their way.
const LOOK: Duration = Duration::from_millis(3);
/// How long everything may take that is still pending in the end.
const DRAIN: Duration = Duration::from_secs(180);
const SHUTDOWN: Duration = Duration::from_secs(10);
/// How many dead letters are read at once.
const PAGE: usize = 1000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut words = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                words.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            eprintln!("copilot-crash: {words}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn Error + Send + Sync>;

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    if let [engine, url, role @ ..] = arguments.as_slice()
        && engine == "shared"
    {
        return runtime.block_on(shared::run(url, role));
    }
    let [engine, file, life] = arguments.as_slice() else {
        return Err("usage: copilot-crash sqlite|memory FILE LIFE|drain, or shared URL ROLE".into());
    };
    let number = if life == "drain" { None } else { Some(life.parse::<u32>()?) };
    let outbox = open(engine, file, number)?;
    let reporter = Reporter::builder(Client::from_env()?)
        .shared_outbox(outbox.clone())
        .linger(LINGER)
        .max_in_flight(MAX_IN_FLIGHT)
        .start()?;
    runtime.block_on(async {
        say_counts("open", &outbox.counts().await?);
        match number {
            Some(life) => live(&reporter, life).await,
            None => drain(&reporter).await,
        }
    })
}

fn open(engine: &str, file: &str, life: Option<u32>) -> Result<Arc<dyn Outbox>, Failure> {
    // The one level of durability and the other, in turn.
    let durability = match life {
        Some(life) if life % 2 == 1 => Durability::KilledProcess,
        _ => Durability::PowerCut,
    };
    match engine {
        "memory" => Ok(Arc::new(MemoryOutbox::with_capacity(ROOM, u64::MAX))),
        "sqlite" => Ok(Arc::new(SqliteOutbox::builder(file).durability(durability).max_items(ROOM).open()?)),
        _ => Err(format!("`{engine}` is no outbox").into()),
    }
}

/// Reports until it is told to shut down.
async fn live(reporter: &Reporter, life: u32) -> Result<(), Failure> {
    let mut orders = orders();
    tokio::spawn(tell(reporter.clone()));
    tokio::spawn(watch(reporter.clone()));
    reports::begin(reporter, life, 0);
    while let Some(order) = orders.recv().await {
        match order.split_once(' ') {
            Some(("abort", point)) => fail::cfg_callback(point, || std::process::abort())?,
            None if order == "shutdown" => {
                let left = reporter.shutdown(SHUTDOWN).await;
                say(format_args!("left {} {}", left.items.len(), left.stay));
                return Ok(());
            }
            _ => return Err(format!("`{order}` is no order").into()),
        }
    }
    Ok(())
}

/// Sends what is pending, and says what was not accepted.
async fn drain(reporter: &Reporter) -> Result<(), Failure> {
    reporter.flush(DRAIN).await?;
    let mut last = None;
    loop {
        let page = reporter.dead_letters().list(last, PAGE).await?;
        let Some(letter) = page.last() else { break };
        last = Some(letter.id);
        for letter in &page {
            let id = letter.item.event_id().unwrap_or("(consent)");
            say(format_args!("dead {id} {}", letter.outcome));
        }
    }
    say_counts("end", &reporter.snapshot().await?.counts);
    let left = reporter.shutdown(SHUTDOWN).await;
    say(format_args!("left {} {}", left.items.len(), left.stay));
    Ok(())
}

/// Writes down what the stream of outcomes tells.
async fn tell(reporter: Reporter) {
    let mut outcomes = reporter.outcomes();
    loop {
        match outcomes.next().await {
            Next::Settled(settled) => {
                if let Some(id) = settled.event_id {
                    say(format_args!("told {id} {}", settled.outcome));
                }
            }
            Next::Missed(missed) => say(format_args!("missed {missed}")),
            _ => return,
        }
    }
}

/// Writes down how many requests are on their way, and whether the counts add up.
async fn watch(reporter: Reporter) {
    let mut before = 0;
    while let Ok(snapshot) = reporter.snapshot().await {
        if snapshot.in_flight != before {
            before = snapshot.in_flight;
            say(format_args!("flight {before}"));
        }
        if !snapshot.counts.adds_up() {
            say_counts("off", &snapshot.counts);
        }
        time::sleep(LOOK).await;
    }
}

/// The lines of the input, as they come.
fn orders() -> mpsc::UnboundedReceiver<String> {
    let (sender, orders) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    orders
}

/// Writes a line at once. They are shorter than what a pipe takes at once.
fn say(words: impl Display) {
    if io::stdout().lock().write_all(format!("{words}\n").as_bytes()).is_err() {
        // Nobody would learn what is taken from now on.
        std::process::exit(1);
    }
}

fn say_counts(word: &str, counts: &Counts) {
    let Counts { tally, pending, dead_letters, .. } = counts;
    let Tally { taken, accepted, rejected, unattributed, expired, .. } = tally;
    let adds_up = counts.adds_up();
    say(format_args!(
        "{word} {taken} {pending} {accepted} {rejected} {unattributed} {expired} {dead_letters} {adds_up}"
    ));
}
