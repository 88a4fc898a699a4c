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
    /// Send events from files
    Collect(crate::collect::Arguments),
    /// Report that a user gave or withdrew consent
    Consent(crate::consent::Arguments),
    /// Send one event
    Event,
    /// Take events from any client, keep them in an outbox, and deliver them to Copilot.cx
    #[cfg(feature = "relay")]
    Relay(crate::relay::Arguments),
    /// What waits in an outbox, and what was not accepted: look, send again, take out, forget
    #[cfg(feature = "relay")]
    Outbox(crate::outbox::Arguments),
    /// An embedded Copilot.cx to develop and test against
    #[cfg(feature = "sandbox")]
    Sandbox(crate::sandbox::Arguments),
    /// Hold events against the contract, without sending them
    Validate(crate::validate::Arguments),
    /// Import what existed before Copilot.cx, once
    Sync(crate::sync::Arguments),
    Doctor(crate::doctor::Arguments),
    Completions(crate::completions::Arguments),
    Man(crate::man::Arguments),
}

/// The command with all its parts. The twenty types of events are made only where somebody asks for them.
pub(crate) fn command() -> clap::Command {
    let asks = |word: &&str| std::env::args().skip(1).any(|argument| argument == **word);
    let command = Cli::command();
    match ["event", "completions", "man"].iter().any(asks) {
        true => command.mut_subcommand("event", |_| crate::event::command()),
        false => command,
    }
}
