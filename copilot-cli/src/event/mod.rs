//! `copilot-cx event`: one event, from flags that the contract gives.

mod generated {
    include!("../../generated/events.rs");
}
pub(crate) mod table;

use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches as _};
use copilot_api::{EventTimestamp, InvalidInput, new_event_id, types::Event};
use serde_json::{Map, Value, json};

use crate::{
    exit::{Exit, Failure},
    out,
    settings::{Connection, Settings},
};
use generated::EVENT_TYPES;
use table::{EventType, Free, Kind, Property};

/// The names of the types of events.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    EVENT_TYPES.iter().map(|event| event.name)
}

/// The command, with one of its own for each type.
pub(crate) fn command() -> Command {
    Command::new("event")
        .about("Send one event")
        .long_about(
            "Send one event. Each type has the flags that the contract gives it; what is wrong with it is said before anything is sent.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand_value_name("TYPE")
        .subcommand_help_heading("Types of events")
        .subcommands(EVENT_TYPES.iter().map(of_type))
}

fn of_type(event: &EventType) -> Command {
    let command = event
        .properties
        .iter()
        .fold(Command::new(event.name).about(event.about), |command, property| command.arg(flag(property)));
    let command = match event.free {
        Free::None => command,
        Free::OfPayload | Free::Within(_) => command.arg(
            Arg::new("free").value_name("KEY=VALUE").num_args(0..).help(
                "Properties of your own: a number, true, false or text; text that looks like one of them in quotes, as code='\"007\"'",
            ),
        ),
    };
    let command = command
        .arg(
            Arg::new("event-id")
                .long("event-id")
                .value_name("ID")
                .help("The id of the event; without it, a new one"),
        )
        .arg(
            Arg::new("timestamp")
                .long("timestamp")
                .value_name("MILLISECONDS")
                .value_parser(clap::value_parser!(i64))
                .allow_negative_numbers(true)
                .help("When it happened, in milliseconds since 1970; without it, now"),
        )
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Print the event instead of sending it"),
        );
    // With the words of the type: those of the connection would take their place.
    Connection::augment_args(command).about(event.about)
}

fn flag(property: &Property) -> Arg {
    let arg = Arg::new(property.name)
        .long(property.flag)
        .alias(property.name)
        .help(property.about)
        .required(property.required);
    match property.kind {
        Kind::Text => arg.value_name("TEXT"),
        Kind::Integer => {
            arg.value_name("INTEGER").value_parser(clap::value_parser!(i64)).allow_negative_numbers(true)
        }
        Kind::Number => {
            arg.value_name("NUMBER").value_parser(clap::value_parser!(f64)).allow_negative_numbers(true)
        }
        Kind::Boolean => arg.value_name("true|false").value_parser(clap::value_parser!(bool)),
        Kind::Scalar => arg.value_name("VALUE").allow_hyphen_values(true),
    }
}

pub(crate) fn run(matches: &ArgMatches, settings: &Settings) -> Result<Exit, Failure> {
    let asked = matches.subcommand();
    let Some((event_type, matches)) = asked
        .and_then(|(name, matches)| Some((EVENT_TYPES.iter().find(|event| event.name == name)?, matches)))
    else {
        return Err(Failure::usage("`event` needs the type of the event"));
    };
    let event = event(event_type, matches)?;
    if matches.get_flag("dry-run") {
        out::line(&serde_json::to_string(&event).unwrap_or_default());
        return Ok(Exit::Done);
    }
    let connection =
        Connection::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))?;
    let client = connection.client(settings)?;
    let id = event.event_id().as_str().to_owned();
    let runtime = crate::runtime()?;
    match runtime.block_on(client.collect_one(event)) {
        Ok(()) => {
            match settings.json {
                true => out::json(&json!({ "event_id": id, "outcome": "accepted" })),
                false => out::line(&format!("{id} accepted")),
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            let words = error.error().server_words();
            let failure = Failure::of_client(error.error());
            if settings.json {
                out::json(&json!({
                    "event_id": id,
                    "outcome": if failure.exit == Exit::Rejected { "rejected" } else { "not sent" },
                    "server_words": words,
                }));
            }
            Err(words.iter().fold(failure, |failure, said| Failure {
                words: format!("{}\n  Copilot.cx says: {said}", failure.words),
                ..failure
            }))
        }
    }
}

/// The event that the flags say.
fn event(event_type: &EventType, matches: &ArgMatches) -> Result<Event, Failure> {
    let mut payload = Map::new();
    for property in event_type.properties {
        if let Some(value) = value(property, matches)? {
            payload.insert(property.name.to_owned(), value);
        }
    }
    if event_type.free != Free::None {
        for pair in matches.get_many::<String>("free").into_iter().flatten() {
            let (key, value) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
                Failure::usage(format!("`{pair}` is no KEY=VALUE: write a property of your own as color=red"))
            })?;
            let within = match event_type.free {
                Free::Within(name) => {
                    let object = payload.entry(name).or_insert_with(|| Value::Object(Map::new()));
                    object.as_object_mut()
                }
                Free::OfPayload | Free::None => Some(&mut payload),
            };
            if within.is_some_and(|within| within.insert(key.to_owned(), scalar(value)).is_some()) {
                return Err(Failure::usage(format!("the property `{key}` is given twice")));
            }
        }
    }
    let id = matches.get_one::<String>("event-id").cloned().unwrap_or_else(|| new_event_id().to_string());
    let timestamp =
        matches.get_one::<i64>("timestamp").copied().unwrap_or_else(|| EventTimestamp::now().as_millis());
    let event =
        json!({ "type": event_type.name, "event_id": id, "timestamp": timestamp, "payload": payload });
    copilot_api::parse_event(&event.to_string()).map_err(|invalid| refused(event_type, &invalid))
}

fn value(property: &Property, matches: &ArgMatches) -> Result<Option<Value>, Failure> {
    let name = property.name;
    Ok(match property.kind {
        Kind::Text => matches.get_one::<String>(name).map(|text| Value::from(text.as_str())),
        Kind::Integer => matches.get_one::<i64>(name).map(|number| Value::from(*number)),
        Kind::Boolean => matches.get_one::<bool>(name).map(|value| Value::from(*value)),
        Kind::Scalar => matches.get_one::<String>(name).map(|text| scalar(text)),
        Kind::Number => match matches.get_one::<f64>(name) {
            Some(number) if !number.is_finite() => {
                return Err(Failure::usage(format!("--{} is not a finite number", property.flag)));
            }
            number => number.map(|number| Value::from(*number)),
        },
    })
}

/// A number, `true`, `false` and text in quotes as JSON reads them; anything else is text.
fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => value,
        _ => Value::from(text),
    }
}

/// The rules that the flags break, each by its flag.
fn refused(event_type: &EventType, invalid: &InvalidInput) -> Failure {
    let words = invalid.violations().iter().map(|violation| {
        let place = violation.pointer().trim_start_matches("/payload/");
        let flag = event_type.properties.iter().find(|property| property.name == place);
        let place = match flag {
            Some(property) => format!("--{}", property.flag),
            None if violation.pointer().starts_with("/payload/") => place.to_owned(),
            None => format!("--{}", violation.pointer().trim_start_matches('/').replace('_', "-")),
        };
        format!("{place}: {} (rule {}, {})", violation.message(), violation.rule(), violation.provenance())
    });
    let words: Vec<String> = words.collect();
    Failure { exit: Exit::Rejected, words: format!("nothing was sent\n  {}", words.join("\n  ")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn made(arguments: &[&str]) -> Result<Value, String> {
        let matches = command()
            .try_get_matches_from([&["event"], arguments].concat())
            .map_err(|error| error.to_string())?;
        let (name, matches) = matches.subcommand().unwrap();
        let event_type = EVENT_TYPES.iter().find(|event| event.name == name).unwrap();
        event(event_type, matches)
            .map(|event| serde_json::to_value(event).unwrap())
            .map_err(|failure| failure.words)
    }

    #[test]
    fn every_type_of_event_has_a_command_that_clap_takes() {
        command().debug_assert();
        assert!(names().count() >= 20);
    }

    #[test]
    fn flags_and_pairs_become_the_payload() {
        let custom =
            ["custom_event", "--subtype", "descaled", "--user-id", "user-7", "liters=2.5", "hot=true"];
        let custom = made(&[&custom[..], &["code=\"007\"", "color=red"]].concat()).unwrap();
        let payload = json!({
            "subtype": "descaled", "user_id": "user-7", "liters": 2.5, "hot": true, "code": "007", "color": "red"
        });
        assert_eq!(custom.get("payload"), Some(&payload));
        let user = ["user_created", "--user-id", "user-7", "--copilot-analysis-consent", "true", "tier=gold"];
        let user = made(&user).unwrap();
        assert_eq!(user.pointer("/payload/custom_properties/tier"), Some(&json!("gold")));
    }

    #[test]
    fn what_breaks_the_contract_is_told_by_its_flag_and_without_its_value() {
        let told = made(&["thing_connected", "--thing-id", "a b", "--user-id", "user-7"]).unwrap_err();
        assert!(told.contains("--thing-id: ") && !told.contains("a b"), "{told}");
        let told = made(&["custom_event", "--subtype", "descaled", "--timestamp", "5", "--user-id", "u"])
            .unwrap_err();
        assert!(told.contains("--timestamp: "), "{told}");
        assert!(
            made(&["custom_event", "--subtype", "d", "--user-id", "u", "x=1", "x=2"])
                .unwrap_err()
                .contains("twice")
        );
        assert!(
            made(&["custom_event", "--subtype", "d", "--user-id", "u", "=1"])
                .unwrap_err()
                .contains("KEY=VALUE")
        );
        assert!(made(&["thing_connected", "--user-id", "user-7"]).unwrap_err().contains("--thing-id"));
    }
}
