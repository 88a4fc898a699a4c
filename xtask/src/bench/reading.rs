//! Reading events from text: `parse_event` beside structs by hand, and the same contract as a JSON schema.

use std::{fs, path::PathBuf, time::SystemTime};

use serde_json::{Value, json};

use super::{
    plan::Plan,
    process::{Cores, Cost, pinned},
    programs::Programs,
    results::Spread,
};
use crate::{
    failure::Failure,
    workspace::{VECTORS, Workspace},
};

/// A reader, measured.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) name: &'static str,
    pub(super) does: &'static str,
    pub(super) events_per_second: Spread,
}

const READERS: [(&str, &str, &str); 2] = [
    ("by hand", "serde_json, into structs that check nothing", "bench-hand-reading"),
    ("parse_event", "ours, everything checked", "bench-copilot-reading"),
];

/// Measures all readers, one after the other in each round.
pub(super) fn measure(
    workspace: &Workspace,
    programs: &Programs,
    cores: Cores,
    plan: &Plan,
) -> Result<Vec<Reader>, Failure> {
    let file = write_events(workspace)?;
    let mut speeds = READERS.map(|_| Vec::new());
    for _ in 0..plan.rounds {
        for ((.., program), speeds) in READERS.iter().zip(&mut speeds) {
            let mut command = pinned(cores.client, programs.named(program));
            command.arg(&file).arg(plan.lines.to_string());
            speeds.push(per_second(plan.lines, Cost::of(&mut command)?));
        }
    }
    let measured = READERS.into_iter().zip(speeds).filter_map(|((name, does, _), speeds)| {
        Some(Reader { name, does, events_per_second: Spread::of(speeds.into_iter())? })
    });
    Ok(measured.collect())
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
