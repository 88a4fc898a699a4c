//! What was found, as the table that is printed, and as the parts of `openapi/examples/README.md` that it decides.

use std::{collections::BTreeSet, fs, path::Path};

use super::{Mode, client::Outcome, safety};
use crate::failure::Failure;

/// Where it is written.
const README: &str = "openapi/examples/README.md";

/// One row for each client.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut rows = vec![
        [
            "client",
            "language",
            "made with",
            "generated",
            "checked",
            "vectors",
            "round trip",
            "misspelt field",
            "seconds",
            "",
        ]
        .map(str::to_owned),
    ];
    let said = |said: Option<bool>, good: &str| match said {
        Some(true) => good.to_owned(),
        Some(false) => "FAILED".to_owned(),
        None => "-".to_owned(),
    };
    for outcome in outcomes {
        let is_judge = outcome.generated.is_none();
        let tally = outcome.tally.as_ref();
        let measured = |words: String| if tally.is_some() { words } else { "-".to_owned() };
        let of_client = |words: String| if is_judge { "-".to_owned() } else { measured(words) };
        rows.push([
            outcome.name.clone(),
            outcome.language.clone(),
            outcome.made_with.clone(),
            said(outcome.generated, "no warnings"),
            said(outcome.checked, "ok"),
            measured(tally.map(super::tally::Tally::words).unwrap_or_default()),
            of_client(tally.map(|tally| tally.round_trip.to_string()).unwrap_or_default()),
            outcome.misspelt.words().to_owned(),
            format!("{:.1}", outcome.time.as_secs_f64()),
            if outcome.problems.is_empty() { "ok" } else { "FAILED" }.to_owned(),
        ]);
    }
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let lines = rows.iter().map(|row| {
        let cells =
            row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    });
    lines.collect()
}

/// Writes the parts of the README that the run decides, or checks them. `false`: a check failed.
pub(super) fn settle(
    root: &Path,
    outcomes: &[Outcome],
    rows: &safety::Rows,
    mode: Mode,
) -> Result<bool, Failure> {
    let file = root.join(README);
    let found = fs::read_to_string(&file).map_err(Failure::reading(&file))?.replace("\r\n", "\n");
    let mut wanted = found.clone();
    for (name, text) in [("found", rules(outcomes)), ("safety", safety::table(rows))] {
        wanted = replaced(&wanted, name, &text)
            .ok_or_else(|| Failure::Unexpected(format!("{README} has no part `{name}` between its marks")))?;
    }
    if found == wanted {
        println!("{README}: up to date");
        return Ok(true);
    }
    if mode == Mode::Write {
        fs::write(&file, wanted).map_err(Failure::writing(file))?;
        println!("{README}: written");
        return Ok(true);
    }
    println!("{README} is out of date:\n{}", crate::r#gen::difference(README, &found, &wanted));
    println!("run `cargo xtask polyglot --write`, and commit what it writes");
    Ok(false)
}

/// The text with the part of that name replaced.
fn replaced(text: &str, name: &str, part: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let (head, rest) = text.split_once(&begin)?;
    let (_, tail) = rest.split_once(&end)?;
    Some(format!("{head}{begin}{part}{end}{tail}"))
}

/// Which rules each client knows by itself.
fn rules(outcomes: &[Outcome]) -> String {
    let clients: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.generated.is_some()).collect();
    let tallies = || clients.iter().filter_map(|client| client.tally.as_ref());
    let rules: BTreeSet<&String> = tallies().flat_map(|tally| tally.by_rule.keys()).collect();
    let mut text = String::from("| rule |");
    clients.iter().for_each(|client| text.push_str(&format!(" {} |", client.name)));
    text.push_str("\n| --- |");
    clients.iter().for_each(|_| text.push_str(" --- |"));
    text.push('\n');
    for rule in rules {
        text.push_str(&format!("| `{rule}` |"));
        for tally in tallies() {
            let (caught, all) = tally.by_rule.get(rule).copied().unwrap_or_default();
            let words = match caught {
                0 => "no".to_owned(),
                _ if caught == all => "yes".to_owned(),
                _ => format!("{caught} of {all}"),
            };
            text.push_str(&format!(" {words} |"));
        }
        text.push('\n');
    }
    text.push_str("| a misspelt field |");
    clients.iter().for_each(|client| text.push_str(&format!(" {} |", client.misspelt.words())));
    text.push_str("\n| vectors as they say |");
    tallies().for_each(|tally| text.push_str(&format!(" {} |", tally.words())));
    text.push('\n');
    text
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
