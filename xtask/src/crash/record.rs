//! What the processes said: what was taken, what became of it, and what was on its way when they ended.

use std::collections::{BTreeMap, BTreeSet};

use crate::failure::Failure;

/// An event's id: whose it is, and its place in the order of that user's reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) user: u32,
    life: u32,
    number: u32,
}

impl Id {
    /// Reads one as `tests/crash` writes it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').map(|number| number.parse().ok());
        let (life, user, number) = (numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(Self { user, life, number })
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { user, life, number } = self;
        write!(f, "{life}-{user}-{number}")
    }
}

/// The counts of an outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) taken: u64,
    pub(super) pending: u64,
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) unattributed: u64,
    pub(super) expired: u64,
    pub(super) dead: u64,
}

#[derive(Debug, Default)]
pub(super) struct Record {
    /// The events whose report returned.
    pub(super) taken: BTreeSet<Id>,
    /// The events that were reported in a transaction that was rolled back.
    pub(super) rolled_back: BTreeSet<Id>,
    /// How many items a courier had delivered when another had its lease.
    pub(super) refused: u64,
    /// The change of each user's consent whose report returned.
    pub(super) consent: BTreeMap<String, bool>,
    /// What the stream of outcomes told.
    pub(super) told: BTreeMap<Id, String>,
    /// How many outcomes it told nobody.
    pub(super) missed: u64,
    /// The dead letters.
    pub(super) dead: BTreeMap<Id, String>,
    /// The counts of the last process, when nothing was pending any more.
    pub(super) last: Option<Counts>,
    pub(super) kills: u64,
    /// Kills with a request on its way.
    pub(super) kills_in_flight: u64,
    in_flight: u64,
    /// What must not be, in words.
    pub(super) wrong: Vec<String>,
}

impl Record {
    /// How many items were taken.
    pub(super) fn items(&self) -> u64 {
        (self.taken.len() + self.consent.len()) as u64
    }

    /// Notes a line of a process.
    pub(super) fn hear(&mut self, line: &str) -> Result<(), Failure> {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let understood = match words.as_slice() {
            ["took", id] => Id::read(id).map(|id| _ = self.taken.insert(id)),
            ["consent", user, value] => {
                value.parse().ok().map(|value| _ = self.consent.insert((*user).to_owned(), value))
            }
            ["rolled", id] => Id::read(id).map(|id| _ = self.rolled_back.insert(id)),
            // Another process says what became of it.
            ["told", _, "settled elsewhere"] => {
                self.refused += 1;
                Some(())
            }
            ["told", id, outcome] => Id::read(id).map(|id| _ = self.told.insert(id, (*outcome).to_owned())),
            ["missed", count] => count.parse::<u64>().ok().map(|count| self.missed += count),
            ["flight", count] => count.parse().ok().map(|count| self.in_flight = count),
            ["dead", "(consent)", outcome] => {
                self.wrong.push(format!("a change of consent is in the dead letter: {outcome}"));
                Some(())
            }
            ["dead", id, outcome] => Id::read(id).map(|id| _ = self.dead.insert(id, (*outcome).to_owned())),
            ["left", given_back, _] => given_back.parse::<u64>().ok().map(|given_back| {
                if given_back > 0 {
                    self.wrong
                        .push(format!("a shutdown gave {given_back} items back: the outbox keeps them"));
                }
            }),
            [word @ ("open" | "off" | "end"), ..] => self.count(word, line),
            _ => None,
        };
        understood.ok_or_else(|| Failure::Unexpected(format!("the process said: {line}")))
    }

    fn count(&mut self, word: &str, line: &str) -> Option<()> {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, numbers @ .., adds_up] = words.as_slice() else { return None };
        let numbers: Vec<u64> = numbers.iter().map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [taken, pending, accepted, rejected, unattributed, expired, dead] = *numbers.as_slice() else {
            return None;
        };
        if *adds_up != "true" {
            self.wrong.push(format!("the counts do not add up: {line}"));
        }
        if word == "end" {
            self.last = Some(Counts { taken, pending, accepted, rejected, unattributed, expired, dead });
        }
        Some(())
    }

    /// Another process begins, with nothing on its way.
    pub(super) fn started(&mut self) {
        self.in_flight = 0;
    }

    /// A process was killed, or aborted.
    pub(super) fn killed(&mut self) {
        self.kills += 1;
        self.kills_in_flight += u64::from(self.in_flight > 0);
    }

    /// So many requests are on their way, of all processes together.
    pub(super) fn fly(&mut self, in_flight: u64) {
        self.in_flight = in_flight;
    }

    /// How many requests were on their way when it was last looked.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Record {
        let mut record = Record::default();
        lines.iter().for_each(|line| record.hear(line).unwrap());
        record
    }

    #[test]
    fn what_a_process_says_is_noted() {
        let record = heard(&[
            "open 0 0 0 0 0 0 0 true",
            "took 1-7-0",
            "consent consent-1-0 true",
            "consent consent-1-1 false",
            "flight 3",
            "told 1-7-0 accepted",
            "missed 4",
            "dead 1-8-2 rejected",
            "end 9 0 7 1 1 0 2 true",
            "left 0 0",
        ]);
        let id = Id { user: 7, life: 1, number: 0 };
        assert!(record.taken.contains(&id) && record.items() == 3 && record.in_flight() == 3);
        assert_eq!(record.consent.get("consent-1-1"), Some(&false));
        assert_eq!((record.told.get(&id).unwrap().as_str(), record.missed), ("accepted", 4));
        assert_eq!(record.dead.len(), 1);
        assert_eq!(record.last.unwrap().unattributed, 1);
        assert_eq!(record.wrong, [""; 0]);
    }

    #[test]
    fn counts_that_do_not_add_up_are_wrong_and_so_is_what_is_given_back() {
        assert_eq!(heard(&["open 5 1 1 1 1 0 0 false"]).wrong.len(), 1);
        assert_eq!(heard(&["left 2 0"]).wrong.len(), 1);
        assert!(Record::default().hear("took").is_err());
        assert!(Record::default().hear("end 1 2").is_err());
    }

    #[test]
    fn ids_are_in_the_order_of_each_users_reports() {
        let ids = ["1-7-2", "1-7-10", "2-7-0", "1-8-0"].map(|id| Id::read(id).unwrap());
        assert!(ids.is_sorted());
        assert_eq!(ids.map(|id| id.to_string()), ["1-7-2", "1-7-10", "2-7-0", "1-8-0"]);
        assert!(["1-2", "1-2-3-4", "a-b-c"].iter().all(|id| Id::read(id).is_none()));
    }
}
