//! What is said to `plan` and `apply`.

use std::{num::NonZeroU32, path::PathBuf};

use clap::Args;

use super::{
    file::Input,
    kind::Kind,
    mapping::{Mapping, Rule},
    rows::Rows,
};
use crate::{exit::Failure, settings::Connection};

/// What is imported. Each file is CSV whose first line names its columns, or NDJSON.
#[derive(Args, Debug)]
pub(super) struct Import {
    /// Times are in milliseconds since 1970, or as 2019-01-29T16:31:57.121Z. The users: user_id; first_name, last_name, email, utc_offset, original_creation_date, copilot_analysis_consent
    #[arg(long, value_name = "FILE")]
    pub(super) users: PathBuf,
    /// The things: thing_id; user_id, firmware_version, model, original_creation_date
    #[arg(long, value_name = "FILE")]
    pub(super) things: PathBuf,
    /// Whose things they are: user_id, thing_id; original_association_date
    #[arg(long, value_name = "FILE")]
    pub(super) associations: PathBuf,
    /// Which property a column is: COLUMN=property, users.COLUMN=property in one file, COLUMN= to leave it out. May be repeated
    #[arg(long, value_name = "COLUMN=PROPERTY", value_parser = Rule::parse)]
    pub(super) map: Vec<Rule>,
    /// Write what is rejected to this file, a line of JSON each: the event, its file and line, and why. `apply` always writes one
    #[arg(long, value_name = "FILE")]
    pub(super) rejects: Option<PathBuf>,
    /// Send at most this many events a second
    #[arg(long, value_name = "EVENTS", default_value = "1000")]
    pub(super) rate: NonZeroU32,
}

#[derive(Args, Debug)]
pub(super) struct Apply {
    #[command(flatten)]
    pub(super) import: Import,
    /// The file that says how far the import is [default: copilot-sync.state beside the users]
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    /// Complete the import although rows were rejected
    #[arg(long)]
    pub(super) complete: bool,
    /// Copilot.cx has the start or completion of which that was not known
    #[arg(long, conflicts_with = "send_again")]
    pub(super) sent: bool,
    /// Copilot.cx does not have it: send it again
    #[arg(long)]
    pub(super) send_again: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// The inputs, each of which can be read.
pub(super) struct Sources {
    pub(super) inputs: [Input; 3],
    pub(super) mapping: Mapping,
}

impl Import {
    pub(super) fn sources(&self) -> Result<Sources, Failure> {
        let inputs =
            [Input::open(&self.users)?, Input::open(&self.things)?, Input::open(&self.associations)?];
        Ok(Sources { inputs, mapping: Mapping::new(&self.map) })
    }
}

impl Sources {
    pub(super) fn rows(&self, kind: Kind) -> Result<Rows<'_>, Failure> {
        let [users, things, associations] = &self.inputs;
        let input = match kind {
            Kind::User => users,
            Kind::Thing => things,
            Kind::Association => associations,
        };
        Rows::open(input, kind, &self.mapping)
    }
}
