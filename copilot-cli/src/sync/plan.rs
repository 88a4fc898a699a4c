//! `copilot-cx sync plan`: reads and checks everything, and sends nothing.

use std::time::Duration;

use copilot_api::EventTimestamp;
use serde_json::json;

use super::{
    arguments::Import,
    check::BrokenRule,
    progress::{grouped, in_words},
    rejects::{Rejected, Rejects},
    rows::Rows,
    survey::{Count, survey},
};
use crate::{
    exit::{Exit, Failure},
    out,
    settings::Settings,
};

/// How many of what is rejected are printed.
const SHOWN: usize = 10;

pub(super) fn run(import: &Import, settings: &Settings) -> Result<Exit, Failure> {
    let sources = import.sources()?;
    let mut rejects = import.rejects.as_deref().map(Rejects::create).transpose()?;
    let mut first = Vec::new();
    let survey = survey(&sources, EventTimestamp::now().as_millis(), |rows, line, refused| {
        if first.len() < SHOWN {
            first.push(words(rows, line, &refused.broken));
        }
        match &mut rejects {
            Some(rejects) => rejects.write(&Rejected::unsent(rows.path(), line, refused)),
            None => Ok(()),
        }
    })?;
    rejects.as_mut().map(Rejects::save).transpose()?;
    let accepted = survey.rows() - survey.rejected();
    let takes = Duration::from_secs_f64(accepted as f64 / f64::from(import.rate.get()));
    if settings.json {
        let [users, things, associations] = survey.counts.map(|(_, Count { rows, rejected })| {
            json!({ "rows": rows, "events": rows - rejected, "rejected": rejected })
        });
        out::json(&json!({
            "result": "plan",
            "users": users,
            "things": things,
            "associations": associations,
            "events": accepted,
            "rejected": survey.rejected(),
            "first_rejected": first,
            "events_per_second": import.rate,
            "seconds": takes.as_secs_f64().ceil(),
        }));
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
