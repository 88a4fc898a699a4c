//! What can be asked for.

use clap::{CommandFactory as _, Parser, Subcommand};

/// Hands events and consent over to Copilot.cx: a relay for every language, and the tools around it
#[derive(Debug, Parser)]
#[command(name = "copilot-cx", version, arg_required_else_help = true, max_term_width = 100)]
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
    /// Import what existed before Copilot.cx, once
    Sync(crate::sync::Arguments),
}

/// The command with all its parts.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}
