//! Finds the event that each refusal in an answer is about.
//!
//! What is known of the answer comes from watching it (`observed`), and that `index` counts from 0 is `assumed`; so an
//! index is believed only while the event id that stands beside it does not contradict it.

use std::collections::HashMap;

use copilot_gen::types::InvalidEvent;

/// What an answer says of one batch, by position in it.
#[derive(Debug, Default)]
pub(super) struct Attribution {
    /// The server's words about each refused event. A position that is not here was not refused for sure.
    pub(super) refused: HashMap<usize, Vec<String>>,
    /// Refusals that may mean any of several events.
    pub(super) unattributed: Vec<Unattributed>,
}

/// A refusal that cannot be tied to one event.
#[derive(Debug)]
pub(super) struct Unattributed {
    pub(super) answer: InvalidEvent,
    /// The positions that it may mean. Empty when it only repeats refusals that were attributed.
    pub(super) candidates: Vec<usize>,
}

pub(super) fn attribute(event_ids: &[&str], answers: Vec<InvalidEvent>) -> Attribution {
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
            (Some((index, _)), None) => result.refuse(index, answer),
            (Some((index, id)), Some(named)) if id == named => result.refuse(index, answer),
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

    // Then by event id: where an id stands for as many events as there are refusals, each event is refused.
    for (event_id, answers) in by_id {
        let all = positions.get(event_id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let open: Vec<usize> = all.iter().copied().filter(|at| !result.refused.contains_key(at)).collect();
        if answers.len() < open.len() {
            result
                .unattributed
                .extend(answers.into_iter().map(|answer| Unattributed { answer, candidates: open.clone() }));
            continue;
        }
        let mut open = open.into_iter();
        for answer in answers {
            match (open.next(), all) {
                (Some(position), _) => result.refuse(position, answer),
                // One event, refused twice over: both reasons are about it.
                (None, [only]) => result.refuse(*only, answer),
                (None, _) => result.unattributed.push(Unattributed { answer, candidates: Vec::new() }),
            }
        }
    }

    let open: Vec<usize> = (0..event_ids.len()).filter(|at| !result.refused.contains_key(at)).collect();
    result
        .unattributed
        .extend(nameless.into_iter().map(|answer| Unattributed { answer, candidates: open.clone() }));
    result
}

impl Attribution {
    fn refuse(&mut self, position: usize, answer: InvalidEvent) {
        self.refused.entry(position).or_default().extend(answer.error);
    }
}
