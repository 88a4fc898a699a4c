//! Whether something was lost: what was taken, held against what arrived and what is in the dead letter.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Options,
    ending::Endings,
    faults::Fired,
    record::{Id, Record},
};
use crate::{failure::Failure, sandbox::Sandbox};

/// What a request holds at most.
const MAX_ITEMS: u64 = 100;

/// How often each fault must happen in 200 kills, or the run proves little.
const EACH_FAULT: u64 = 20;

/// What a run is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands {
    /// Items taken a kill, on average, or it proves little.
    pub(super) items_a_kill: u64,
    /// How many requests were on their way at most, together, when something was killed.
    pub(super) requests_cut: u64,
    /// How many items a killed server may have brought back at most that it had removed.
    pub(super) brought_back: u64,
}

/// How many cases of one kind of trouble are printed.
const SHOWN: usize = 5;

/// What arrived at the sandbox.
#[derive(Debug, Default)]
struct Arrived {
    accepted: BTreeSet<Id>,
    rejected: BTreeSet<Id>,
    /// How many events were accepted that had been accepted before.
    twice: u64,
    /// Those that came more than once: of each coming something else may be told.
    again: BTreeSet<Id>,
    /// Of each user the last event that came for the first time.
    last: BTreeMap<u32, Id>,
    /// Events that came for the first time after a later one of the same user.
    late: Vec<Id>,
}

impl Arrived {
    /// Reads all events, which must all be kept.
    fn read(sandbox: &Sandbox) -> Result<Self, Failure> {
        let odd = |what: &str| Failure::Unexpected(format!("the sandbox's events cannot be read: {what}"));
        let mut pages = Vec::new();
        let mut before = String::new();
        loop {
            let page = sandbox.control(&format!("events?limit=1000{before}"))?;
            let next = page.get("next_before").and_then(Value::as_u64);
            pages.push(page);
            match next {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
        let mut arrived = Self::default();
        let mut sequence = 0;
        // The newest is the first there.
        let events = pages
            .iter()
            .rev()
            .filter_map(|page| page.get("events")?.as_array())
            .flat_map(|page| page.iter().rev());
        for event in events {
            sequence += 1;
            let text = |name| event.get(name).and_then(Value::as_str).unwrap_or_default();
            if event.get("sequence").and_then(Value::as_u64) != Some(sequence) {
                return Err(odd("it has forgotten some"));
            }
            let id = Id::read(text("event_id")).ok_or_else(|| odd("an id that nobody reported"))?;
            arrived.add(id, text("verdict") == "accepted");
        }
        Ok(arrived)
    }

    fn has(&self, id: Id) -> bool {
        self.accepted.contains(&id) || self.rejected.contains(&id)
    }

    fn add(&mut self, id: Id, accepted: bool) {
        if self.has(id) {
            self.again.insert(id);
        } else {
            let last = self.last.entry(id.user).or_insert(id);
            if id < *last {
                self.late.push(id);
            } else {
                *last = id;
            }
        }
        if !accepted {
            self.rejected.insert(id);
        } else if !self.accepted.insert(id) {
            self.twice += 1;
        }
    }
}

/// Looks whether all is there, and prints what is found; the last line says how much of what.
pub(super) fn judge(
    sandbox: &Sandbox,
    options: &Options,
    record: &Record,
    fired: &Fired,
    endings: &Endings,
    demands: &Demands,
) -> Result<bool, Failure> {
    let arrived = Arrived::read(sandbox)?;
    let mut problems: Vec<String> = some("said by the processes", &record.wrong).into_iter().collect();
    let lost = lost(record, &arrived);
    problems.extend(some("lost", &lost));
    problems.extend(some("out of order", &arrived.late));
    problems.extend(contradictions(record, &arrived));
    let lost_consent = lost_consent(sandbox, record);
    problems.extend(some("of these users the change of consent is lost", &lost_consent));
    let closed = fired.get("close_after").copied().unwrap_or_default();
    let most_twice = (demands.requests_cut + closed) * MAX_ITEMS + demands.brought_back;
    let came: Vec<Id> = record.rolled_back.iter().filter(|id| arrived.has(**id)).copied().collect();
    problems.extend(some("rolled back, and came", &came));
    if arrived.twice > most_twice {
        problems.push(format!("{} events arrived twice: more than were on their way", arrived.twice));
    }
    let counts = record.last.unwrap_or_default();
    if counts.pending > 0 || counts.dead != record.dead.len() as u64 {
        problems.push(format!("the outbox counts {counts:?}, and lists {} dead letters", record.dead.len()));
    }
    problems.extend(proves_little(record, fired, endings, demands));

    println!("faults: {}", listed(fired));
    println!("aborted at: {}", listed(&endings.passed));
    println!("outcomes told: {}, and {} that nobody read in time", record.told.len(), record.missed);
    problems.iter().for_each(|problem| println!("WRONG: {problem}"));
    println!(
        "crash {}: {} kills, {} with a request in flight, seed {}; taken {} ({} a kill), accepted {}, rejected {}, \
         unattributed {}, expired {}, twice {} (at most {most_twice}), late settling refused of {}, rolled back {}, lost {}",
        options.outbox,
        record.kills,
        record.kills_in_flight,
        options.seed,
        counts.taken,
        record.items() / record.kills.max(1),
        counts.accepted,
        counts.rejected,
        counts.unattributed,
        counts.expired,
        arrived.twice,
        record.refused,
        record.rolled_back.len(),
        lost.len() + lost_consent.len(),
    );
    Ok(problems.is_empty())
}

/// What was taken and is nowhere, and what was told to be accepted and never arrived.
fn lost(record: &Record, arrived: &Arrived) -> Vec<Id> {
    let told = record.told.iter().filter(|(_, outcome)| *outcome == "accepted").map(|(id, _)| id);
    let all: BTreeSet<_> =
        record.taken.iter().filter(|id| !record.dead.contains_key(id)).chain(told).collect();
    all.into_iter().filter(|id| !arrived.accepted.contains(id)).copied().collect()
}

/// Outcomes that are not what happened.
fn contradictions(record: &Record, arrived: &Arrived) -> Vec<String> {
    let dead = record.dead.iter().filter(|(id, outcome)| match outcome.as_str() {
        "rejected" => !arrived.rejected.contains(id),
        // Its answer could not be read, and it had come.
        "unattributed" => !arrived.accepted.contains(id) && !arrived.rejected.contains(id),
        _ => true,
    });
    let dead: Vec<_> = dead.map(|(id, _)| *id).collect();
    let once = record.told.iter().filter(|(id, _)| !arrived.again.contains(id));
    let told = once.filter(|(id, outcome)| match outcome.as_str() {
        "accepted" => record.dead.contains_key(id),
        _ => record.dead.get(id) != Some(outcome),
    });
    let told: Vec<_> = told.map(|(id, _)| *id).collect();
    [some("in the dead letter without a cause", &dead), some("told otherwise than it is kept", &told)]
        .into_iter()
        .flatten()
        .collect()
}

/// The users whose change of consent did not arrive. The sandbox answers 404 to a user whom it has never heard of.
fn lost_consent(sandbox: &Sandbox, record: &Record) -> Vec<String> {
    let arrived = |user: &str, given: bool| {
        let found = sandbox.control(&format!("users/{user}"));
        found.is_ok_and(|found| found.pointer("/consent/value").and_then(Value::as_bool) == Some(given))
    };
    let lost = record.consent.iter().filter(|(user, given)| !arrived(user, **given));
    lost.map(|(user, _)| user.clone()).collect()
}

/// What a run lacks that would prove something.
fn proves_little(record: &Record, fired: &Fired, endings: &Endings, demands: &Demands) -> Vec<String> {
    let mut problems = Vec::new();
    let mut demand = |holds: bool, words: String| {
        if !holds {
            problems.push(format!("it proves little: {words}"));
        }
    };
    let a_kill = record.items() / record.kills.max(1);
    let asked = demands.items_a_kill;
    demand(a_kill >= asked, format!("{a_kill} items a kill, and {asked} are asked for"));
    demand(
        record.kills_in_flight * 2 >= record.kills,
        format!("{} of {} kills with a request in flight", record.kills_in_flight, record.kills),
    );
    let each = (EACH_FAULT * record.kills / 200).max(2);
    for (name, fired) in fired {
        demand(*fired >= each, format!("{name} happened {fired} times, and {each} are asked for"));
    }
    let rounds = record.kills / endings.each_round().max(1);
    for (point, passed) in &endings.passed {
        demand(
            *passed >= rounds.div_ceil(2),
            format!("{point} was passed {passed} times in {rounds} rounds"),
        );
    }
    problems
}

/// So many of that kind, and the first of them.
fn some<T: std::fmt::Display>(words: &str, found: &[T]) -> Option<String> {
    let shown: Vec<String> = found.iter().take(SHOWN).map(ToString::to_string).collect();
    (!found.is_empty()).then(|| format!("{words}: {}, as {}", found.len(), shown.join("; ")))
}

fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ids<const N: usize>(ids: [&str; N]) -> [Id; N] {
        ids.map(|id| Id::read(id).unwrap())
    }

    #[test]
    fn what_is_nowhere_is_lost_and_so_is_what_was_told_and_never_arrived() {
        let [accepted, dead, gone, only_told] = ids(["1-1-0", "1-1-1", "1-1-2", "1-1-3"]);
        let mut record = Record::default();
        record.taken.extend([accepted, dead, gone]);
        record.dead.insert(dead, "rejected".to_owned());
        record.told.insert(only_told, "accepted".to_owned());
        let mut arrived = Arrived::default();
        arrived.add(accepted, true);
        arrived.add(dead, false);
        assert_eq!(lost(&record, &arrived), [gone, only_told]);
        arrived.add(gone, true);
        arrived.add(only_told, true);
        assert_eq!(lost(&record, &arrived), []);
    }

    #[test]
    fn an_event_that_comes_again_is_twice_and_one_that_comes_late_is_out_of_order() {
        let [first, second, third, other] = ids(["1-1-0", "1-1-1", "1-1-2", "1-2-0"]);
        let mut arrived = Arrived::default();
        for (id, accepted) in [(first, true), (third, true), (other, true), (first, true), (second, false)] {
            arrived.add(id, accepted);
        }
        assert_eq!((arrived.twice, arrived.late), (1, vec![second]));
    }

    #[test]
    fn an_outcome_that_is_not_what_happened_is_found() {
        let [id] = ids(["1-1-0"]);
        let mut record = Record::default();
        record.dead.insert(id, "rejected".to_owned());
        let mut arrived = Arrived::default();
        assert_eq!(contradictions(&record, &arrived).len(), 1);
        arrived.add(id, false);
        assert_eq!(contradictions(&record, &arrived).len(), 0);
        record.told.insert(id, "accepted".to_owned());
        assert_eq!(contradictions(&record, &arrived).len(), 1);
    }
}
