//! `copilot-cx man`: its manual pages.

use std::{fs, path::PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;

use crate::{
    exit::{Exit, Failure},
    out,
};

/// Print the manual page, or write that of each command into a folder
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The folder, which is made where it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, command: Command) -> Result<Exit, Failure> {
    // `copilot-cx help` has no page of its own that others could refer to.
    let command = command.disable_help_subcommand(true);
    match &arguments.out {
        Some(folder) => {
            fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder)).map_err(
                |error| Failure::given_up(format!("{} cannot be written: {error}", folder.display())),
            )?;
        }
        None => {
            let mut page = Vec::new();
            Man::new(command)
                .render(&mut page)
                .map_err(|error| Failure::given_up(format!("the page cannot be made: {error}")))?;
            out::bytes(&page);
        }
    }
    Ok(Exit::Done)
}
