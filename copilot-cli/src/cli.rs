//! What can be asked for.

use clap::{CommandFactory as _, Parser, Subcommand};

/// Of every command.
const EXIT_STATUS: &str = "Exit status: 0 all is done and was accepted, 1 it was called or set up wrongly, 2 something breaks the contract, \
                           3 Copilot.cx refused the credentials, 4 it could not be done, 130 it was interrupted";

/// Hands events and consent over to Copilot.cx: a relay for every language, and the tools around it
#[derive(Debug, Parser)]
#[command(name = "copilot-cx", version, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_STATUS)]
pub(crate) struct Cli {
    /// Print results as JSON, one value a line, the last of which is the summary
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// An embedded Copilot.cx to develop and test against
    #[cfg(feature = "sandbox")]
    Sandbox(crate::sandbox::Arguments),
    Doctor(crate::doctor::Arguments),
    Completions(crate::completions::Arguments),
    Man(crate::man::Arguments),
}

/// The command with all its parts.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}
