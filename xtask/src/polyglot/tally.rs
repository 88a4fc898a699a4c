//! What a client did, counted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{judge::By, vectors::Case};

/// What a client did, counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// All cases.
    pub(super) cases: usize,
    /// Those in which it did as the vectors say.
    pub(super) alike: usize,
    /// Those that its language cannot hold as they are.
    pub(super) skipped: usize,
    /// Bad bodies by the rule that they break, if it is one: how many the client did not send, and of how many.
    pub(super) by_rule: BTreeMap<String, (usize, usize)>,
    /// Types of event that were read as what they are, sent as they were, and taken.
    pub(super) round_trip: usize,
}

impl Tally {
    /// Counts a case that came out as the vectors say. `by`: who refused a bad body.
    pub(super) fn count(&mut self, case: &Case, by: Option<By>) {
        self.alike += 1;
        self.round_trip += usize::from(case.is_example());
        let Some([only]) = case.expected.get("breaks").and_then(Value::as_array).map(Vec::as_slice) else {
            return;
        };
        let rule = only.get("rule").and_then(Value::as_str).unwrap_or_default();
        let (caught, all) = self.by_rule.entry(rule.to_owned()).or_default();
        *all += 1;
        *caught += usize::from(by.is_some_and(|by| by != By::Server));
    }

    /// How many of all cases came out right, in words.
    pub(super) fn words(&self) -> String {
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        format!("{} of {}{skipped}", self.alike, self.cases)
    }
}

/// A table in Markdown.
pub(super) fn markdown(rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for row in rows {
        lines.push(format!("| {} |\n", row.join(" | ")));
        if lines.len() == 1 {
            lines.push(format!("|{}\n", " --- |".repeat(row.len())));
        }
    }
    lines.concat()
}
