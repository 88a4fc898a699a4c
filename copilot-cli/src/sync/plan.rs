//! `copilot-cx sync plan`: reads and checks everything, and sends nothing.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use super::{
    Import, Sources,
    check::{BrokenRule, Checker, Refused},
    file::Content,
    kind::Kind,
    progress::{grouped, in_words},
    rejects::{Rejected, Rejects},
    rows::Rows,
    state::State,
};
use crate::{
    exit::{Exit, Failure},
    out,
    settings::Settings,
};

/// How many of what is rejected are printed.
const SHOWN: usize = 10;

/// What the inputs hold.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) counts: Vec<(Kind, Count)>,
    pub(super) contents: BTreeMap<String, Content>,
}

/// The rows of a kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) rows: u64,
    pub(super) rejected: u64,
}

impl Survey {
    pub(super) fn rows(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count.rows).sum()
    }

    pub(super) fn rejected(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count.rejected).sum()
    }
}

/// Reads all rows and checks each. `refused` gets those that will not be sent.
pub(super) fn survey(
    sources: &Sources,
    timestamp: i64,
    mut refused: impl FnMut(&Rows<'_>, u64, Refused) -> Result<(), Failure>,
) -> Result<Survey, Failure> {
    let mut survey = Survey::default();
    let mut checker = Checker::new(timestamp);
    for kind in Kind::ALL {
        let mut rows = sources.rows(kind)?;
        let mut count = Count::default();
        while let Some(row) = rows.next()? {
            count.rows += 1;
            let line = row.line;
            if let Err(row) = checker.check(kind, row) {
                count.rejected += 1;
                refused(&rows, line, row)?;
            }
        }
        survey.counts.push((kind, count));
        survey.contents.insert(kind.name().to_owned(), rows.content());
    }
    sources.mapping.all_used()?;
    Ok(survey)
}

pub(super) fn run(import: &Import, settings: &Settings) -> Result<Exit, Failure> {
    let sources = import.sources()?;
    let mut rejects = import.rejects.as_deref().map(Rejects::overwrite).transpose()?;
    let mut first = Vec::new();
    let survey = survey(&sources, State::now(), |rows, line, refused| {
        if first.len() < SHOWN {
            first.push(words(rows, line, &refused.broken));
        }
        match &mut rejects {
            Some(rejects) => rejects.write(&rejected(rows, line, refused)),
            None => Ok(()),
        }
    })?;
    rejects.as_mut().map(Rejects::save).transpose()?;
    let accepted = survey.rows() - survey.rejected();
    let takes = Duration::from_secs_f64(accepted as f64 / f64::from(import.rate.get()));
    if settings.json {
        let mut summary = json!({
            "result": "plan",
            "events": accepted,
            "rejected": survey.rejected(),
            "events_per_second": import.rate,
            "seconds": takes.as_secs_f64().ceil(),
            "first_rejected": first,
        });
        for (kind, Count { rows, rejected }) in &survey.counts {
            summary[kind.name()] = json!({ "rows": rows, "events": rows - rejected, "rejected": rejected });
        }
        out::json(&summary);
    } else {
        for (kind, Count { rows, rejected }) in &survey.counts {
            let sent = grouped(rows - rejected);
            out::line(&format!("{:<14}{sent:>12} to send {:>12} rejected", kind.name(), grouped(*rejected)));
        }
        for words in &first {
            out::line(words);
        }
        if survey.rejected() > first.len() as u64 {
            let rest = grouped(survey.rejected() - first.len() as u64);
            let all = if import.rejects.is_some() { "" } else { ": --rejects FILE writes them all" };
            out::line(&format!("and {rest} more{all}"));
        }
        let rate = grouped(import.rate.get().into());
        out::line(&format!("apply takes about {} at {rate} events a second", in_words(takes)));
    }
    Ok(if survey.rejected() == 0 { Exit::Done } else { Exit::Rejected })
}

/// A row that is not sent, in a line.
fn words(rows: &Rows<'_>, line: u64, broken: &[BrokenRule]) -> String {
    let rules = broken.iter().map(|broken| {
        let place = broken.property().map(|property| format!("`{}`: ", rows.column(property)));
        let sure = broken.provenance.as_ref().map(|provenance| format!(", {provenance}"));
        let (place, sure) = (place.unwrap_or_default(), sure.unwrap_or_default());
        format!("{place}{} ({}{sure})", broken.message, broken.rule)
    });
    format!("{}:{line}: {}", rows.path().display(), rules.collect::<Vec<_>>().join("; "))
}

/// The same, for the file.
pub(super) fn rejected(rows: &Rows<'_>, line: u64, refused: Refused) -> Rejected {
    Rejected {
        file: rows.path().display().to_string(),
        line,
        event: refused.event,
        violations: refused.broken,
        server: None,
        may_have_been_taken: false,
    }
}
