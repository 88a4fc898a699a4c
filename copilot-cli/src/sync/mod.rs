//! `copilot-cx sync`: the one-time import of what existed before Copilot.cx.
//!
//! `file` looks at the bytes of the inputs, `rows` reads them, `check` makes an event of each row; `plan` does that for all, and `apply` sends
//! them in the batches that `batches` makes. `state` is how far it is, `rejects` what was rejected.

mod apply;
mod batches;
mod check;
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

use std::{num::NonZeroU32, path::PathBuf};

use clap::{Args, Subcommand};

use self::{file::Input, kind::Kind, mapping::Mapping, rows::Rows};
use crate::{
    exit::{Exit, Failure},
    settings::{Connection, Settings},
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

/// What is imported. Each file is CSV whose first line names its columns, or NDJSON.
#[derive(Args, Debug)]
struct Import {
    /// The users: user_id; first_name, last_name, email, utc_offset, original_creation_date, copilot_analysis_consent
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// The things: thing_id; user_id, firmware_version, model, original_creation_date
    #[arg(long, value_name = "FILE")]
    things: PathBuf,
    /// Whose things they are: user_id, thing_id; original_association_date
    #[arg(long, value_name = "FILE")]
    associations: PathBuf,
    /// Which property a column is: COLUMN=property, users.COLUMN=property in one file, COLUMN= to leave it out. May be repeated
    #[arg(long, value_name = "COLUMN=PROPERTY", value_parser = mapping::Rule::parse)]
    map: Vec<mapping::Rule>,
    /// Write what is rejected to this file, a line of JSON each: the event, its file and line, and why. `apply` always writes one
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Send at most this many events a second
    #[arg(long, value_name = "EVENTS", default_value = "1000")]
    rate: NonZeroU32,
}

#[derive(Args, Debug)]
struct Apply {
    #[command(flatten)]
    import: Import,
    /// The file that says how far the import is [default: copilot-sync.state beside the users]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Complete the import although rows were rejected
    #[arg(long)]
    complete: bool,
    /// Copilot.cx has the start or completion of which that was not known
    #[arg(long, conflicts_with = "send_again")]
    sent: bool,
    /// Copilot.cx does not have it: send it again
    #[arg(long)]
    send_again: bool,
    #[command(flatten)]
    connection: Connection,
}

/// The inputs, each of which can be read.
struct Sources {
    inputs: [Input; 3],
    mapping: Mapping,
}

impl Import {
    fn sources(&self) -> Result<Sources, Failure> {
        let inputs =
            [Input::open(&self.users)?, Input::open(&self.things)?, Input::open(&self.associations)?];
        Ok(Sources { inputs, mapping: Mapping::new(&self.map) })
    }
}

impl Sources {
    fn rows(&self, kind: Kind) -> Result<Rows<'_>, Failure> {
        let [users, things, associations] = &self.inputs;
        let input = match kind {
            Kind::User => users,
            Kind::Thing => things,
            Kind::Association => associations,
        };
        Rows::open(input, kind, &self.mapping)
    }
}

pub(crate) fn run(arguments: &Arguments, settings: &Settings) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Plan(import) => plan::run(import, settings),
        Command::Apply(apply) => apply::run(apply, settings),
    }
}
