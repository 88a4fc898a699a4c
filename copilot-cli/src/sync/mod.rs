//! `copilot-cx sync`: the one-time import of what existed before Copilot.cx.
//!
//! `file` looks at the bytes of the inputs, `rows` reads them, `check` makes an event of each row, `survey` does that for all. `plan` prints
//! what it finds; `apply` sends what `batches` makes of the rows, between the two events of `marker`. `state` is how far it is, `rejects` what
//! was rejected.

mod apply;
mod arguments;
mod batches;
mod check;
mod disk;
mod file;
#[cfg(test)]
mod folder;
mod kind;
mod mapping;
mod marker;
mod plan;
mod progress;
mod rejects;
mod rows;
mod state;
mod summary;
mod survey;

use clap::{Args, Subcommand};

use self::arguments::{Apply, Import};
use crate::{
    exit::{Exit, Failure},
    settings::Settings,
};

/// The one-time import of the users and things that existed before Copilot.cx: `plan` first, then `apply`
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read and check everything, and say what will be sent, what will be rejected, and how long it takes
    Plan(Import),
    /// Send it: the start, users, things, associations, the completion. Interrupted, the same command goes on
    Apply(Apply),
}

pub(crate) fn run(arguments: &Arguments, settings: &Settings) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Plan(import) => plan::run(import, settings),
        Command::Apply(apply) => apply::run(apply, settings),
    }
}
