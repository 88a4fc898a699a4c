//! `copilot-cx consent`: a user gave or withdrew consent; or many did.

use std::path::PathBuf;

use clap::Args;
use copilot_api::types::ConsentChange;
use serde_json::json;

use crate::{
    exit::{Exit, Failure},
    input::Input,
    out,
    settings::{Connection, Settings},
};

/// Report that a user gave or withdrew consent
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["grant", "revoke", "from"]))]
pub(crate) struct Arguments {
    /// Whose consent
    #[arg(value_name = "USER", required_unless_present = "from", conflicts_with = "from")]
    user: Option<String>,
    /// It was given
    #[arg(long)]
    grant: bool,
    /// It was withdrawn
    #[arg(long)]
    revoke: bool,
    /// Many of them, one JSON object a line: {"user_id": "user-7", "consent_value": true}; - is standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(arguments: Arguments, settings: &Settings) -> Result<Exit, Failure> {
    let client = arguments.connection.client(settings)?;
    let runtime = crate::runtime()?;
    let report = |user: &str, given: bool| runtime.block_on(client.set_consent(user, given));
    let Some(file) = arguments.from else {
        let user = arguments.user.unwrap_or_default();
        report(&user, arguments.grant).map_err(|error| Failure::of_client(&error))?;
        match settings.json {
            true => out::json(&json!({ "changes": 1, "accepted": 1, "rejected": 0 })),
            false => out::line(if arguments.grant { "consent was given" } else { "consent was withdrawn" }),
        }
        return Ok(Exit::Done);
    };
    let (mut accepted, mut rejected) = (0_u64, 0_u64);
    let mut input = Input::open(&file)?;
    while let Some(piece) = input.next()? {
        let place = piece.place();
        let refused = match piece.text().map(serde_json::from_str::<ConsentChange>) {
            // serde_json repeats names and values of its input.
            Err(problem) => Some(problem.to_owned()),
            Ok(Err(_)) => Some("must be {\"user_id\": TEXT, \"consent_value\": true or false}".to_owned()),
            Ok(Ok(change)) => match report(change.user_id.as_str(), change.consent_value) {
                Ok(()) => None,
                Err(error) if error.is_invalid_input() || error.is_rejected() => {
                    Some(Failure::of_client(&error).words)
                }
                Err(error) => {
                    let failure = Failure::of_client(&error);
                    return Err(Failure {
                        words: format!("{place}: {} ({accepted} were accepted before)", failure.words),
                        ..failure
                    });
                }
            },
        };
        match refused {
            None => accepted += 1,
            Some(words) => {
                rejected += 1;
                out::note(&format!("{place}: {words}"));
            }
        }
    }
    match settings.json {
        true => {
            out::json(&json!({ "changes": accepted + rejected, "accepted": accepted, "rejected": rejected }))
        }
        false => out::line(&format!("{accepted} accepted, {rejected} rejected")),
    }
    Ok(if rejected > 0 { Exit::Rejected } else { Exit::Done })
}
