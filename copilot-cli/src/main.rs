//! `copilot-cx`: the relay that makes any client of Copilot.cx durable, and the tools of those who run it.
//!
//! `cli` is what can be asked for, `settings` where the answers to what was not asked come from, `out` how it is answered; each command has a
//! file or a folder of its own.

mod cli;
mod completions;
mod doctor;
mod exit;
mod man;
mod out;
#[cfg(feature = "sandbox")]
mod sandbox;
mod secret;
mod settings;
mod signals;

use std::process::ExitCode;

use clap::{FromArgMatches as _, error::ErrorKind};

use cli::{Cli, Command};
use exit::{Exit, Failure};
use settings::Settings;

fn main() -> ExitCode {
    let cli = match cli::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => Exit::Usage.into(),
            };
        }
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(Failure { exit, words }) => {
            out::error(&words);
            exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let settings = Settings::read(cli.json)?;
    match cli.command {
        #[cfg(feature = "sandbox")]
        Command::Sandbox(arguments) => sandbox::run(arguments),
        Command::Doctor(arguments) => doctor::run(&arguments, &settings),
        Command::Completions(arguments) => Ok(completions::run(&arguments)),
        Command::Man(arguments) => man::run(&arguments),
    }
}
