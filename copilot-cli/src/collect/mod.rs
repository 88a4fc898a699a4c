//! `copilot-cx collect`: events of files, checked, batched and sent.

mod direct;
#[cfg(feature = "relay")]
mod durable;
mod reading;
mod tally;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::{
    exit::{Exit, Failure},
    input::Input,
    out,
    settings::{Connection, Settings},
};
use reading::{Reading, Shared};
use tally::{Limit, Tally};

/// Send events from files
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// One event a line, or an array of them; - is standard input, as is no file at all
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The files hold payloads alone, of events of this type, which get new ids and happen now
    #[arg(long = "type", value_name = "TYPE", value_parser = crate::validate::event_type)]
    event_type: Option<String>,
    /// A new file for what is rejected, each line with its reason: mend the events in it, and send it like any other
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// End when more are rejected than so many, or than that share of all
    #[arg(long, value_name = "N|P%")]
    max_rejects: Option<Limit>,
    /// Send at most so many events a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Pass over the first N events, as an interrupted run says
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    skip: u64,
    /// Store events in an outbox first, and send them from there: what was stored outlives this program
    #[cfg(feature = "relay")]
    #[command(flatten)]
    outbox: crate::outbox::Opening,
    /// Hold the events against the contract, and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connection: Connection,
}

/// How sending ended.
struct Ended {
    exit: Exit,
    /// Why it ended before the end of the files.
    words: Option<String>,
    /// How many pieces of the files need not be read again.
    done: u64,
}

pub(crate) fn run(arguments: Arguments, settings: &Settings) -> Result<Exit, Failure> {
    let skip = arguments.skip;
    // Before anything is sent: a name that is wrong is no reason to send half of it.
    // (What is a pipe can be opened once.)
    for file in
        arguments.files.iter().filter(|file| *file != Path::new("-") && (file.is_file() || !file.exists()))
    {
        Input::open(file)?;
        let is_same = |one: &Path| one.canonicalize().ok() == file.canonicalize().ok();
        if arguments.rejects.as_deref().is_some_and(|rejects| rejects.exists() && is_same(rejects)) {
            return Err(Failure::usage(format!("--rejects is {} itself: name another file", file.display())));
        }
    }
    let tally = Tally::new(arguments.rejects.as_deref(), skip > 0, arguments.max_rejects)?;
    let shared = Shared::new(tally);
    let reading = Reading::new(arguments.files, arguments.event_type, skip, arguments.rate, shared.clone());
    let runtime = crate::runtime()?;
    let ended = runtime.block_on(async {
        if arguments.dry_run {
            return direct::count(reading).await;
        }
        #[cfg(feature = "relay")]
        if let Some(url) = arguments.outbox.named(settings)? {
            return durable::send(reading, arguments.connection.client(settings)?, &url).await;
        }
        direct::send(reading, arguments.connection.client(settings)?).await
    })?;
    let mut tally = shared.tally();
    if tally.read < skip && tally.failure.is_none() && ended.exit == Exit::Done {
        return Err(Failure::usage(format!(
            "--skip {skip} passes over all {} events of the files",
            tally.read
        )));
    }
    let finished = tally.finish();
    let cut = finished.is_err();
    let Tally { accepted, rejected, uncertain, .. } = *tally;
    let read = tally.read - skip.min(tally.read);
    let mut exit = ended.exit;
    if exit == Exit::Done && rejected + uncertain > 0 {
        exit = Exit::Rejected;
    }
    let stopped = cut || ended.words.is_some() || exit == Exit::Interrupted;
    if settings.json {
        out::json(&json!({
            "read": read, "accepted": accepted, "rejected": rejected, "uncertain": uncertain,
            "skip": stopped.then_some(ended.done),
        }));
    } else if arguments.dry_run {
        out::line(&format!("{read} read, {rejected} rejected; nothing was sent"));
    } else {
        let uncertain = if uncertain > 0 { format!(", {uncertain} uncertain") } else { String::new() };
        out::line(&format!("{read} read, {accepted} accepted, {rejected} rejected{uncertain}"));
    }
    if stopped {
        let why = match (ended.words, &finished) {
            (Some(words), _) => words,
            (None, Err(failure)) => failure.words.clone(),
            (None, Ok(())) => "interrupted".to_owned(),
        };
        out::error(&format!("{why}\nto go on, call it again with --skip {}", ended.done));
    }
    Ok(match finished {
        // Something was sent before the file could not be read.
        Err(failure) if failure.exit == Exit::Usage && tally.taken > 0 => Exit::GivenUp,
        Err(failure) => failure.exit,
        Ok(()) => exit,
    })
}
