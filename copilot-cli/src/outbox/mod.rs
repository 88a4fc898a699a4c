//! `copilot-cx outbox`: what waits in an outbox, and what was not accepted.
//!
//! `place` is where it is done: by the relay that has the outbox, or here; `opening` opens one, `letter` is what is told of it.

mod letter;
mod opening;
mod place;

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::{Args, Subcommand};
use copilot_api::UtcTimestamp;
use serde_json::json;

pub(crate) use letter::{Letter, Tallied};
pub(crate) use opening::migrate;
pub(crate) use opening::{Opening, failure, open};
pub(crate) use place::{Forgot, PAGE};

use crate::{
    exit::{Exit, Failure},
    out,
    settings::{Connection, Settings},
};
use place::{Place, RelayClient};

/// What waits in an outbox, and what was not accepted. The relay that runs is asked; without one, the outbox is opened here.
#[derive(Args, Debug)]
#[command(mut_args(|argument| argument.global(true)))]
pub(crate) struct Arguments {
    #[command(subcommand)]
    task: Task,
    /// Ask the relay there [default: http:// and where the relay listens, unless --outbox is said]
    #[arg(long, value_name = "URL", conflicts_with = "outbox")]
    relay: Option<String>,
    #[command(flatten)]
    outbox: Opening,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Print the dead letters, oldest first, and the counts
    Show,
    /// Send dead letters again, as they are
    Retry {
        /// Their numbers, as `show` prints them
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<u64>,
        /// All that there are now
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Write the events of the dead letters into a new file, to be mended and sent by `copilot-cx collect`; they stay in the outbox
    Export {
        /// The file; - is standard output
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove what is pending and dead of a user
    Forget {
        /// The id of the user
        #[arg(value_name = "USER")]
        user_id: String,
    },
}

pub(crate) fn run(arguments: Arguments, settings: &Settings) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::given_up(format!("no runtime can be made: {error}")))?;
    runtime.block_on(async {
        let place = place(&arguments, settings).await?;
        let done = match &arguments.task {
            Task::Show => show(&place, settings.json).await,
            Task::Retry { ids, all } => retry(&place, (!all).then_some(ids), settings.json).await,
            Task::Export { file } => export(&place, file, settings.json).await,
            Task::Forget { user_id } => forget(&place, user_id, settings.json).await,
        };
        place.close().await;
        done
    })
}

/// The relay that is named or runs; otherwise the outbox itself.
async fn place(arguments: &Arguments, settings: &Settings) -> Result<Place, Failure> {
    let Arguments { relay, outbox, connection, .. } = arguments;
    let own = outbox.url(settings)?;
    if let (true, Some(own)) = (outbox.is_named(), &own) {
        return Ok(Place::Here(open(own).await?));
    }
    let url = relay.clone().unwrap_or_else(|| format!("http://{}", settings.listen(None)));
    let client = connection.credentials(settings).and_then(|pair| RelayClient::new(&url, pair));
    match (client, own) {
        (Ok(client), None) => Ok(Place::Relay(client)),
        (Ok(client), Some(_)) if relay.is_some() || client.is_there().await => Ok(Place::Relay(client)),
        (Err(failure), own) if relay.is_some() || own.is_none() => Err(failure),
        (_, Some(own)) => Ok(Place::Here(open(&own).await?)),
        (Err(failure), None) => Err(failure),
    }
}

async fn show(place: &Place, json: bool) -> Result<Exit, Failure> {
    let mut after = None;
    loop {
        let letters = place.letters(after).await?;
        let Some(last) = letters.last() else { break };
        after = Some(last.id);
        for letter in &letters {
            match json {
                true => out::line(&serde_json::to_string(letter).unwrap_or_default()),
                false => out::line(&described(letter)),
            }
        }
    }
    let counts = place.counts().await?;
    if json {
        out::json(&json!(counts));
        return Ok(Exit::Done);
    }
    let age = counts.oldest.map_or_else(String::new, |oldest| {
        format!(", the oldest for {} s", now().saturating_sub(oldest).max(0) / 1000)
    });
    out::line(&format!(
        "{} pending ({} bytes in {} lanes{age}), {} dead letters",
        counts.pending, counts.pending_bytes, counts.lanes, counts.dead_letters
    ));
    out::line(&format!(
        "so far: {} accepted, {} rejected, {} unattributed, {} expired, {} forgotten",
        counts.accepted, counts.rejected, counts.unattributed, counts.expired, counts.forgotten
    ));
    Ok(Exit::Done)
}

/// A dead letter in a line.
fn described(letter: &Letter) -> String {
    let since = UtcTimestamp::from_millis(letter.since)
        .map_or_else(|_| letter.since.to_string(), |at| at.to_string());
    let what = letter.event_type.as_deref().unwrap_or("change of consent");
    let by = letter.by.as_ref().map_or_else(String::new, |by| format!(" by the {by}"));
    let words =
        if letter.words.is_empty() { String::new() } else { format!(": {}", letter.words.join("; ")) };
    // A server's words could have the terminal do something.
    let line = format!("{}  {since}  {what}  {}{by}{words}", letter.id, letter.outcome);
    line.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// Sends those again; without ids, all that were there when it began.
async fn retry(place: &Place, ids: Option<&Vec<u64>>, json: bool) -> Result<Exit, Failure> {
    let (mut sent, mut missing) = (0_u64, Vec::new());
    match ids {
        Some(ids) => {
            for &id in ids {
                if place.retry(id).await? { sent += 1 } else { missing.push(id) }
            }
        }
        None => {
            let (began, mut after) = (now(), None);
            'pages: loop {
                let letters = place.letters(after).await?;
                let Some(last) = letters.last() else { break };
                after = Some(last.id);
                for letter in &letters {
                    // One that came back in the meantime would be sent again and again.
                    if letter.since > began {
                        break 'pages;
                    }
                    sent += u64::from(place.retry(letter.id).await?);
                }
            }
        }
    }
    if json {
        out::json(&json!({ "sent_again": sent, "missing": missing }));
    } else {
        out::line(&format!("{sent} dead letters are pending again"));
    }
    if missing.is_empty() {
        return Ok(Exit::Done);
    }
    let missing: Vec<String> = missing.iter().map(u64::to_string).collect();
    Err(Failure::usage(format!("there is no dead letter {}", missing.join(", "))))
}

async fn export(place: &Place, file: &Path, json: bool) -> Result<Exit, Failure> {
    let is_output = file == Path::new("-");
    let failed =
        |error: io::Error| Failure::given_up(format!("{} cannot be written: {error}", file.display()));
    let mut written: Box<dyn Write> =
        if is_output { Box::new(io::stdout()) } else { Box::new(private(file).map_err(failed)?) };
    let (mut events, mut others, mut after) = (0_u64, 0_u64, None);
    loop {
        let letters = place.letters(after).await?;
        let Some(last) = letters.last() else { break };
        after = Some(last.id);
        for letter in &letters {
            if letter.event_type.is_none() {
                others += 1;
                continue;
            }
            events += 1;
            let line = writeln!(written, "{}", letter.json.get());
            if is_output { out::end_with_reader(line) } else { line.map_err(failed)? }
        }
    }
    let flushed = written.flush();
    if is_output {
        out::end_with_reader(flushed)
    } else {
        flushed.map_err(failed)?
    }
    let summary = format!("{events} events");
    match (is_output, json) {
        (true, _) => out::note(&format!("copilot-cx: {summary}")),
        (false, true) => out::json(&json!({ "events": events, "consent_changes_left_out": others })),
        (false, false) => out::line(&format!("{summary} in {}", file.display())),
    }
    if others > 0 {
        out::note(&format!(
            "copilot-cx: {others} changes of consent are no events, and are left out: `show --json` has them"
        ));
    }
    Ok(Exit::Done)
}

/// A new file that only its owner can read: there is personal data in it.
fn private(file: &Path) -> io::Result<BufWriter<std::fs::File>> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(BufWriter::new)
}

async fn forget(place: &Place, user_id: &str, json: bool) -> Result<Exit, Failure> {
    let forgot = place.forget(user_id).await?;
    if json {
        out::json(&json!(forgot));
    } else {
        let Forgot { pending, dead_letters, still_sent } = forgot;
        out::line(&format!(
            "{pending} pending items and {dead_letters} dead letters were removed; {still_sent} are still sent, and removed then"
        ));
    }
    Ok(Exit::Done)
}

/// The clock, in milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
