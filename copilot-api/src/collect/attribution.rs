//! Finds the event that each rejection in an answer is about.
//!
//! What is known of the answer comes from watching it (`observed`), and that `index` counts from 0 is `assumed`; so an
//! index is believed only while the event id that stands beside it does not contradict it.

use std::collections::HashMap;

use copilot_gen::types::InvalidEvent;

/// An answer with more rejections than so many for each event is not one of Copilot.cx.
const MOST_REJECTIONS_PER_EVENT: usize = 32;

/// Whether an answer to that many events can be one of Copilot.cx.
pub(crate) fn is_credible(answers: &[InvalidEvent], events: usize) -> bool {
    answers.len() <= events.saturating_mul(MOST_REJECTIONS_PER_EVENT)
}

/// What an answer says of one batch, by position in it.
#[derive(Debug, Default)]
pub(crate) struct Attribution {
    /// The server's words about each rejected event. A position that is not here was not rejected for sure.
    pub(crate) rejected: HashMap<usize, Vec<String>>,
    /// Rejections that may mean any of several events.
    pub(crate) unattributed: Vec<Unattributed>,
    /// The positions that these may mean, by their number.
    pub(crate) candidates: Vec<Vec<usize>>,
}

/// A rejection that cannot be tied to one event.
#[derive(Debug)]
pub(crate) struct Unattributed {
    pub(crate) answer: InvalidEvent,
    /// The number of the positions that it may mean. None when it only repeats rejections that were attributed.
    pub(crate) candidates: Option<usize>,
}

pub(crate) fn attribute(event_ids: &[&str], answers: Vec<InvalidEvent>) -> Attribution {
    let mut result = Attribution::default();
    if answers.is_empty() {
        return result;
    }
    let mut positions: HashMap<&str, Vec<usize>> = HashMap::new();
    for (position, event_id) in event_ids.iter().enumerate() {
        positions.entry(event_id).or_default().push(position);
    }

    // First those whose index holds: then what is left of a repeated id is known.
    let mut by_id: Vec<(String, Vec<InvalidEvent>)> = Vec::new();
    let mut nameless = Vec::new();
    for answer in answers {
        let index = answer.index.and_then(|index| usize::try_from(index).ok());
        let there = index.and_then(|index| Some((index, *event_ids.get(index)?)));
        match (there, answer.event_id.as_deref()) {
            (Some((index, _)), None) => result.reject(index, answer),
            (Some((index, id)), Some(named)) if id == named => result.reject(index, answer),
            (_, Some(named)) if positions.contains_key(named) => {
                let named = named.to_owned();
                match by_id.iter_mut().find(|(id, _)| *id == named) {
                    Some((_, answers)) => answers.push(answer),
                    None => by_id.push((named, vec![answer])),
                }
            }
            _ => nameless.push(answer),
        }
    }

    // Then by event id: where an id stands for as many events as there are rejections, each event is rejected.
    for (event_id, answers) in by_id {
        let all = positions.get(event_id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let open: Vec<usize> = all.iter().copied().filter(|at| !result.rejected.contains_key(at)).collect();
        if answers.len() < open.len() {
            result.leave_open(answers, open);
            continue;
        }
        let mut open = open.into_iter();
        for answer in answers {
            match (open.next(), all) {
                (Some(position), _) => result.reject(position, answer),
                // One event, rejected twice over: both reasons are about it.
                (None, [only]) => result.reject(*only, answer),
                (None, _) => result.unattributed.push(Unattributed { answer, candidates: None }),
            }
        }
    }

    if !nameless.is_empty() {
        let open = (0..event_ids.len()).filter(|at| !result.rejected.contains_key(at)).collect();
        result.leave_open(nameless, open);
    }
    result
}

impl Attribution {
    /// Each of the answers may mean each of the positions.
    fn leave_open(&mut self, answers: Vec<InvalidEvent>, positions: Vec<usize>) {
        let candidates = (!positions.is_empty()).then_some(self.candidates.len());
        self.candidates.push(positions);
        self.unattributed.extend(answers.into_iter().map(|answer| Unattributed { answer, candidates }));
    }

    fn reject(&mut self, position: usize, answer: InvalidEvent) {
        self.rejected.entry(position).or_default().extend(answer.error);
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use copilot_gen::types::InvalidEvent;
    use proptest::prelude::*;

    use super::attribute;

    fn answer(event_id: Option<&str>, index: Option<i64>) -> InvalidEvent {
        InvalidEvent { event_id: event_id.map(str::to_owned), index, error: Some("no".to_owned()) }
    }

    #[test]
    fn every_reason_for_one_event_is_kept() {
        let words = |text: &str| InvalidEvent { error: Some(text.to_owned()), ..answer(Some("a"), Some(0)) };
        let result = attribute(&["a"], vec![words("one"), words("two")]);
        assert_eq!(result.rejected.get(&0).unwrap(), &["one", "two"]);
    }

    proptest! {
        /// Of an honest server, whatever it leaves out: no rejection is lost, none falls on an event that was not rejected.
        #[test]
        fn no_refusal_is_lost_or_falls_on_the_wrong_event(
            events in proptest::collection::vec((0..6_u8, any::<bool>(), 0..4_u8), 1..24),
            shift in 0..2_i64,
        ) {
            let ids: Vec<String> = events.iter().map(|(id, ..)| format!("id-{id}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut rejected = BTreeSet::new();
            let mut answers = Vec::new();
            for (position, (_, is_refused, form)) in events.iter().enumerate() {
                if !is_refused {
                    continue;
                }
                rejected.insert(position);
                let at = i64::try_from(position).unwrap();
                answers.push(match form {
                    0 => answer(Some(ids[position]), Some(at)),
                    1 => answer(Some(ids[position]), None),
                    2 => answer(None, Some(at)),
                    // Counted from 1, or right; believable only beside a unique id.
                    _ if ids.iter().filter(|id| **id == ids[position]).count() == 1 => answer(Some(ids[position]), Some(at + shift)),
                    _ => answer(Some(ids[position]), Some(1_000)),
                });
            }
            let count = answers.len();
            let result = attribute(&ids, answers);
            for position in result.rejected.keys() {
                prop_assert!(rejected.contains(position), "{position} was not rejected");
            }
            let reasons: usize = result.rejected.values().map(Vec::len).sum();
            prop_assert_eq!(reasons + result.unattributed.len(), count);
            // What is not attributed still points at the events that it can mean.
            let mut meant: BTreeMap<Option<usize>, usize> = BTreeMap::new();
            for rejection in &result.unattributed {
                *meant.entry(rejection.candidates).or_default() += 1;
            }
            for (candidates, times) in meant {
                let candidates = &result.candidates[candidates.unwrap()];
                prop_assert!(candidates.iter().filter(|at| rejected.contains(at)).count() >= times);
            }
        }
    }
}
