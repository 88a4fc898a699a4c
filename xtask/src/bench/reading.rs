//! Reading events from text: `parse_event` beside structs by hand, and the same contract as a JSON schema.

use std::{fs, path::PathBuf, time::SystemTime};

use serde_json::{Value, json};

use super::{
    judges,
    plan::Plan,
    process::{Cores, Cost, pinned},
    programs::Programs,
    results::Spread,
};
use crate::{
    failure::Failure,
    workspace::{VECTORS, Workspace},
};

/// The readers that the others are compared with.
pub(super) const BY_HAND: &str = "by hand";
pub(super) const JSONSCHEMA: &str = "jsonschema";

/// A reader, measured.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) name: &'static str,
    pub(super) does: &'static str,
    pub(super) events_per_second: Spread,
}

/// A reader to be measured.
struct Program {
    name: &'static str,
    does: &'static str,
    /// The program with its first arguments.
    line: Vec<PathBuf>,
    events: u64,
}

/// Measures all readers, one after the other in each round. Those of other languages are left out where they cannot be
/// installed.
pub(super) fn measure(
    workspace: &Workspace,
    programs: &Programs,
    cores: Cores,
    plan: &Plan,
) -> Result<Vec<Reader>, Failure> {
    let file = write_events(workspace)?;
    let readers = readers(workspace, programs, plan.lines);
    let mut speeds = vec![Vec::new(); readers.len()];
    for _ in 0..plan.rounds {
        for (Program { line, events, .. }, speeds) in readers.iter().zip(&mut speeds) {
            let [program, arguments @ ..] = line.as_slice() else { continue };
            let mut command = pinned(cores.client, program);
            command.args(arguments).arg(&file).arg(events.to_string());
            speeds.push(per_second(*events, Cost::of(&mut command)?));
        }
    }
    let measured = readers.into_iter().zip(speeds).filter_map(|(Program { name, does, .. }, speeds)| {
        Some(Reader { name, does, events_per_second: Spread::of(speeds.into_iter())? })
    });
    Ok(measured.collect())
}

/// The readers, each with as many events as take about as long.
fn readers(workspace: &Workspace, programs: &Programs, events: u64) -> Vec<Program> {
    let mut readers = vec![
        Program {
            name: BY_HAND,
            does: "serde_json, into structs that check nothing: the type first, then its payload",
            line: vec![programs.named("bench-hand-reading")],
            events,
        },
        Program {
            name: "by hand, tagged",
            does: "the same structs in a tagged enum, as serde derives it",
            line: vec![programs.named("bench-hand-reading"), "tagged".into()],
            events,
        },
        Program {
            name: "parse_event",
            does: "ours, everything checked",
            line: vec![programs.named("bench-copilot-reading")],
            events,
        },
    ];
    for (name, does, line, share) in [
        (JSONSCHEMA, "Python's jsonschema, as in openapi/examples", judges::python(workspace), 100),
        ("ajv", "Ajv on Node.js, as in openapi/examples", judges::javascript(workspace), 10),
    ] {
        match line {
            Ok(line) => readers.push(Program { name, does, line, events: events / share }),
            Err(failure) => println!("{name} is left out: {}", failure.chain()),
        }
    }
    readers
}

#[expect(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
fn per_second(events: u64, cost: Cost) -> f64 {
    events as f64 / cost.cpu_ns as f64 * 1e9
}

/// Writes one valid event of each type, one a line, from the vectors. Their times become those of today.
pub(super) fn write_events(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis());
    let now = u64::try_from(now).unwrap_or_default();
    let folder = workspace.root.join(VECTORS).join("events");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .map_err(Failure::reading(&folder))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.sort();
    let mut text = String::new();
    for path in paths {
        let vectors = fs::read_to_string(&path).map_err(Failure::reading(&path))?;
        let Some(mut event) = first_valid(&vectors) else {
            return Err(Failure::Unexpected(format!("{}: has no valid event", path.display())));
        };
        if let Some(timestamp) = event.get_mut("timestamp") {
            *timestamp = json!(now);
        }
        text.push_str(&event.to_string());
        text.push('\n');
    }
    let path = workspace.target.join("bench/events.ndjson");
    fs::write(&path, text).map_err(Failure::writing(&path))?;
    Ok(path)
}

/// The body of the first case that is valid, its members in their order.
fn first_valid(vectors: &str) -> Option<Value> {
    let vectors: Value = serde_json::from_str(vectors).ok()?;
    let cases = vectors.get("cases")?.as_array()?;
    let valid = cases.iter().find(|case| case.get("valid") == Some(&Value::Bool(true)))?;
    valid.get("body").cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_valid_case_keeps_the_order_of_its_members() {
        let vectors =
            r#"{"cases":[{"valid":false,"body":1},{"valid":true,"body":{"type":"a","event_id":"b"}}]}"#;
        assert_eq!(
            first_valid(vectors).map(|event| event.to_string()).as_deref(),
            Some(r#"{"type":"a","event_id":"b"}"#)
        );
        assert_eq!(first_valid(r#"{"cases":[{"valid":false,"body":1}]}"#), None);
    }
}
