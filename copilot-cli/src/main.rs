//! `copilot-cx`: the relay that makes any client of Copilot.cx durable, and the tools of those who run it.
//!
//! `cli` is what can be asked for, `settings` where the answers to what was not asked come from, `out` how it is answered; each command has a
//! file or a folder of its own.

#![allow(rustdoc::bare_urls, reason = "what stands above an argument is its help, for terminals")]

mod cli;
mod collect;
mod completions;
mod consent;
mod doctor;
mod event;
mod exit;
mod input;
mod man;
mod out;
#[cfg(feature = "relay")]
mod outbox;
mod place;
mod progress;
#[cfg(feature = "relay")]
mod relay;
#[cfg(feature = "sandbox")]
mod sandbox;
mod secret;
mod settings;
mod signals;
mod source;
mod sync;
mod validate;

use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches as _, error::ErrorKind};
use tokio::runtime::{self, Runtime};

use cli::{Cli, Command};
use exit::{Exit, Failure};
use settings::Settings;

fn main() -> ExitCode {
    let parsed = cli::command().try_get_matches();
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches).map(|cli| (cli, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => Exit::Usage.into(),
            };
        }
    };
    let json = cli.json;
    match run(cli, &matches) {
        Ok(exit) => exit.into(),
        Err(Failure { exit, words }) => {
            out::error(&words);
            // Whoever reads JSON reads one result, whatever becomes of it.
            if json && !out::has_result() {
                out::json(&serde_json::json!({ "error": words, "exit": exit as u8 }));
            }
            exit.into()
        }
    }
}

fn run(cli: Cli, matches: &ArgMatches) -> Result<Exit, Failure> {
    let settings = match &cli.command {
        Command::Validate(_) | Command::Completions(_) | Command::Man(_) => Settings::none(cli.json),
        _ => Settings::read(cli.json)?,
    };
    match cli.command {
        Command::Collect(arguments) => collect::run(arguments, &settings),
        Command::Consent(arguments) => consent::run(arguments, &settings),
        Command::Event => match matches.subcommand() {
            Some((_, matches)) => event::run(matches, &settings),
            None => Ok(Exit::Usage),
        },
        #[cfg(feature = "sandbox")]
        Command::Sandbox(arguments) => sandbox::run(arguments),
        Command::Validate(arguments) => validate::run(arguments, &settings),
        #[cfg(feature = "relay")]
        Command::Relay(arguments) => relay::run(arguments, &settings),
        #[cfg(feature = "relay")]
        Command::Outbox(arguments) => outbox::run(arguments, &settings),
        Command::Sync(arguments) => sync::run(&arguments, &settings),
        Command::Doctor(arguments) => doctor::run(&arguments, &settings),
        Command::Completions(arguments) => Ok(completions::run(&arguments, cli::command())),
        Command::Man(arguments) => man::run(&arguments, cli::command()),
    }
}

/// What a command waits on.
fn runtime() -> Result<Runtime, Failure> {
    let built = runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::given_up(format!("no runtime can be made: {error}")))
}
