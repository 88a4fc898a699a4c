//! `copilot-cx validate`: holds files against the contract, offline, and shows what breaks it as a compiler does.

use std::{
    env,
    io::{self, BufWriter, IsTerminal as _, Write as _},
    path::PathBuf,
};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use clap::Args;
use copilot_api::Violation;
use serde_json::json;

use crate::{
    exit::{Exit, Failure},
    out,
    settings::Settings,
    source::{Read, Refused, Source},
};

/// An element of an array that begins further right than this in its line is shown as if it began the line.
const FAR: usize = 1000;
/// How many broken rules of one event are told.
pub(crate) const SHOWN: usize = 10;

/// Hold events against the contract, without sending them
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// One event a line, or an array of them; - is standard input, as is no file at all
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The files hold payloads alone, of events of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = event_type)]
    event_type: Option<String>,
}

/// A type of event that the contract knows.
pub(crate) fn event_type(text: &str) -> Result<String, String> {
    match crate::event::names().any(|name| name == text) {
        true => Ok(text.to_owned()),
        false => Err("is no type of event: `copilot-cx event --help` lists them".to_owned()),
    }
}

pub(crate) fn run(arguments: Arguments, settings: &Settings) -> Result<Exit, Failure> {
    let mut source = Source::new(arguments.files, arguments.event_type);
    let renderer = if is_colored() { Renderer::styled() } else { Renderer::plain() };
    let mut output = BufWriter::new(io::stdout().lock());
    let (mut events, mut invalid) = (0_u64, 0_u64);
    while let Some(read) = source.next()? {
        events += 1;
        let Err(refused) = &read.event else { continue };
        invalid += 1;
        let written = match (refused, settings.json) {
            (Refused::Unreadable(problem), true) => {
                let line =
                    json!({ "file": read.file, "line": read.line, "rule": "text", "message": problem });
                writeln!(output, "{line}")
            }
            (Refused::Unreadable(problem), false) => {
                writeln!(output, "error[text]: {problem}\n --> {}:{}\n", read.file, read.line)
            }
            (Refused::Contract(violations), json) => {
                violations.iter().take(SHOWN).try_for_each(|violation| match json {
                    true => writeln!(output, "{}", as_json(&read, violation)),
                    false => writeln!(output, "{}\n", shown(&renderer, &read, violation)),
                })
            }
        };
        out::must_write(written);
    }
    let summary = match settings.json {
        true => json!({ "events": events, "invalid": invalid }).to_string(),
        false => format!("{events} events, {invalid} of them break the contract"),
    };
    out::must_write(writeln!(output, "{summary}").and_then(|()| output.flush()));
    Ok(if invalid > 0 { Exit::Rejected } else { Exit::Done })
}

/// A violation as a compiler shows an error.
fn shown(renderer: &Renderer, read: &Read<'_>, violation: &Violation) -> String {
    // As it stands in its line, where it is an element of an array perhaps.
    let before = if read.column > FAR { 0 } else { read.column };
    let text = " ".repeat(before) + read.text.unwrap_or_default();
    let place = read.place(violation);
    let place = place.start + before..place.end + before;
    let title = format!("{} {}", violation.pointer(), message(violation));
    let title = title.trim_start();
    let line = usize::try_from(read.line).unwrap_or(usize::MAX);
    let snippet = Snippet::source(&text)
        .line_start(line)
        .path(read.file)
        .annotation(AnnotationKind::Primary.span(place).label(format!("{}", violation.provenance())));
    renderer.render(&[Level::ERROR.primary_title(title).id(violation.rule()).element(snippet)])
}

/// What is wrong, without its place in a text that has one in its file.
fn message(violation: &Violation) -> &str {
    match violation.rule() {
        "json" => violation.message().split(", at line ").next().unwrap_or_default(),
        _ => violation.message(),
    }
}

fn as_json(read: &Read<'_>, violation: &Violation) -> serde_json::Value {
    let text = read.text.unwrap_or_default();
    let before = text.get(..read.place(violation).start).unwrap_or_default();
    let on_its_line = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let column = on_its_line + if before.contains('\n') { 0 } else { read.column } + 1;
    json!({
        "file": read.file,
        "line": read.line + before.matches('\n').count() as u64,
        "column": column,
        "pointer": violation.pointer(),
        "rule": violation.rule(),
        "provenance": violation.provenance().to_string(),
        "message": message(violation),
    })
}

/// Whether standard output shows colors, as <https://bixense.com/clicolors> has it.
fn is_colored() -> bool {
    let is_set =
        |variable: &str| env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "0");
    !is_set("NO_COLOR") && (is_set("CLICOLOR_FORCE") || io::stdout().is_terminal())
}
