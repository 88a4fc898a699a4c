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
    Retry(Chosen),
    /// Remove dead letters: what was mended and sent, or is not to be sent
    Drop(Chosen),
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

/// Which dead letters.
#[derive(Args, Debug)]
struct Chosen {
    /// Their numbers, as `show` prints them
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<u64>,
    /// All that there are now
    #[arg(long, conflicts_with = "ids")]
    all: bool,
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
            Task::Retry(chosen) => retry(&place, chosen, settings.json).await,
            Task::Drop(chosen) => remove(&place, chosen, settings.json).await,
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
        return here(own).await;
    }
    let url = relay.clone().unwrap_or_else(|| format!("http://{}", settings.listen(None)));
    let client = connection.credentials(settings).and_then(|pair| RelayClient::new(&url, pair));
    match (client, own) {
        (Ok(client), None) => Ok(Place::Relay(client)),
        (Ok(client), Some(_)) if relay.is_some() || client.is_there().await => Ok(Place::Relay(client)),
        (Err(failure), own) if relay.is_some() || own.is_none() => Err(failure),
        (_, Some(own)) => here(&own).await,
        (Err(failure), None) => Err(failure),
    }
}

/// The outbox itself. A file that is not there is not made.
async fn here(url: &str) -> Result<Place, Failure> {
    if let Some(path) = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path))
        && !Path::new(path).exists()
    {
        return Err(Failure::usage(format!("there is no outbox {path}")));
    }
    Ok(Place::Here(open(url).await?))
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
    let mut what = letter.event_type.clone().unwrap_or_else(|| "change of consent".to_owned());
    if let Some(id) = letter.event_id() {
        what = format!("{what} {id}");
    }
    let by = letter.by.as_ref().map_or_else(String::new, |by| format!(" by the {by}"));
    let words =
        if letter.words.is_empty() { String::new() } else { format!(": {}", letter.words.join("; ")) };
    // A server's words could have the terminal do something.
    let line = format!("{}  {since}  {what}  {}{by}{words}", letter.id, letter.outcome);
    line.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

impl Chosen {
    /// Their numbers. Of all, those that were there when it began: one that came back in the meantime would come again and again.
    async fn ids(&self, place: &Place) -> Result<Vec<u64>, Failure> {
        if !self.all {
            return Ok(self.ids.clone());
        }
        let (began, mut ids) = (now(), Vec::new());
        loop {
            let letters = place.letters(ids.last().copied()).await?;
            let before = ids.len();
            ids.extend(letters.iter().take_while(|letter| letter.since <= began).map(|letter| letter.id));
            if ids.len() == before || ids.len() < before + letters.len() {
                return Ok(ids);
            }
        }
    }

    /// Says of how many of them it was done, and which were not there.
    fn told(&self, what: (&str, &str), missing: &[u64], done: u64, json: bool) -> Result<Exit, Failure> {
        let (name, words) = what;
        match json {
            true => out::json(&json!({ name: done, "missing": missing })),
            false => out::line(&format!("{done} dead letters {words}")),
        }
        // Of all, one that is gone by now is none of those that were meant.
        if missing.is_empty() || self.all {
            return Ok(Exit::Done);
        }
        let missing: Vec<String> = missing.iter().map(u64::to_string).collect();
        Err(Failure::usage(format!("there is no dead letter {}", missing.join(", "))))
    }
}

async fn retry(place: &Place, chosen: &Chosen, json: bool) -> Result<Exit, Failure> {
    let (mut done, mut missing) = (0, Vec::new());
    for id in chosen.ids(place).await? {
        if place.retry(id).await? { done += 1 } else { missing.push(id) }
    }
    chosen.told(("sent_again", "are pending again"), &missing, done, json)
}

async fn remove(place: &Place, chosen: &Chosen, json: bool) -> Result<Exit, Failure> {
    let (mut done, mut missing) = (0, Vec::new());
    for id in chosen.ids(place).await? {
        if place.remove(id).await? { done += 1 } else { missing.push(id) }
    }
    chosen.told(("removed", "were removed"), &missing, done, json)
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
            if is_output { out::must_write(line) } else { line.map_err(failed)? }
        }
    }
    let flushed = written.flush();
    if is_output {
        out::must_write(flushed)
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
