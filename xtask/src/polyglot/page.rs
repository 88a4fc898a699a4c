//! What was found, as the tables that are printed, and as the parts of `openapi/examples/README.md` that it decides.

use std::{collections::BTreeSet, fs, path::Path};

use super::{
    client::Outcome,
    example::Example,
    safety,
    tally::{Tally, markdown},
};
use crate::{
    failure::Failure,
    r#gen::{Mode, settle},
};

/// Where it is written.
const README: &str = "openapi/examples/README.md";

/// One row for each client.
pub(super) fn table(outcomes: &[Outcome<'_>]) -> String {
    let head = ["client", "made with", "vectors", "round trip", "a misspelt field", "seconds", ""];
    let rows = outcomes.iter().map(|Outcome { example, problems, time, tally, .. }| {
        let found = |words: &dyn Fn(&Tally) -> String| tally.as_ref().map_or("-".to_owned(), words);
        vec![
            example.name.clone(),
            format!("{}, {}", example.language, example.tool()),
            found(&Tally::words),
            if example.is_validator() {
                "-".to_owned()
            } else {
                found(&|tally| tally.round_trip.to_string())
            },
            example.refuses.when.words().to_owned(),
            format!("{:.1}", time.as_secs_f64()),
            if problems.is_empty() { "ok" } else { "FAILED" }.to_owned(),
        ]
    });
    markdown([head.map(str::to_owned).to_vec()].into_iter().chain(rows))
}

/// Writes the parts of the README that the run decides, or checks them. `false`: a check failed.
pub(super) fn write(
    root: &Path,
    outcomes: &[Outcome<'_>],
    rows: &safety::Rows,
    mode: Mode,
) -> Result<bool, Failure> {
    let file = root.join(README);
    let mut text = fs::read_to_string(&file).map_err(Failure::reading(&file))?.replace("\r\n", "\n");
    for (name, part) in [("found", rules(outcomes)), ("safety", safety::table(rows))] {
        text = replaced(&text, name, &part)
            .ok_or_else(|| Failure::Unexpected(format!("{README} has no part `{name}` between its marks")))?;
    }
    let good = settle(root, README, &text, mode)?;
    if !good {
        println!("run `cargo xtask polyglot --write`, and commit what it writes");
    }
    Ok(good)
}

/// The text with the part of that name replaced.
fn replaced(text: &str, name: &str, part: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (head, rest) = text.split_once(&begin)?;
    let (_, tail) = rest.split_once(&end)?;
    Some(format!("{head}{begin}{part}{end}{tail}"))
}

/// Which rules each client knows by itself.
fn rules(outcomes: &[Outcome<'_>]) -> String {
    let clients = outcomes.iter().filter(|outcome| !outcome.example.is_validator());
    let found: Vec<(&Example, &Tally)> =
        clients.filter_map(|client| Some((client.example, client.tally.as_ref()?))).collect();
    let row = |name: String, cell: &dyn Fn(&Example, &Tally) -> String| -> Vec<String> {
        [name].into_iter().chain(found.iter().map(|(client, tally)| cell(client, tally))).collect()
    };
    let known: BTreeSet<&String> = found.iter().flat_map(|(_, tally)| tally.by_rule.keys()).collect();
    let by_rule = known.into_iter().map(|rule| {
        row(format!("`{rule}`"), &|_, tally| match tally.by_rule.get(rule) {
            None | Some((0, _)) => "no".to_owned(),
            Some((caught, all)) if caught == all => "yes".to_owned(),
            Some((caught, all)) => format!("{caught} of {all}"),
        })
    });
    let head = row("rule".to_owned(), &|client, _| client.name.clone());
    let foot = [
        row("a misspelt field".to_owned(), &|client, _| client.refuses.when.words().to_owned()),
        row("vectors as they say".to_owned(), &|_, tally| tally.words()),
    ];
    markdown([head].into_iter().chain(by_rule).chain(foot))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_part_is_replaced_between_its_marks_and_nowhere_else() {
        let text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
        let new = replaced(text, "x", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n");
        assert_eq!(replaced(&new, "x", "new\n").unwrap(), new);
        assert_eq!(replaced(text, "y", ""), None);
    }
}
