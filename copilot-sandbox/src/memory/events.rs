//! The event log: the newest events, in the order of arrival.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::{ReceivedEvent, Verdict};

/// What stands in [`EventFilter`] for every `type` that the contract does not have.
pub(crate) const UNKNOWN_TYPE: &str = "unknown";

/// Which events are asked for: those that meet every condition that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EventFilter {
    /// What became of them.
    pub(crate) verdict: Option<Verdict>,
    /// Their type; `unknown` for all that the contract does not have.
    #[schemars(with = "String")]
    pub(crate) r#type: Option<String>,
    /// The user in their payload.
    #[schemars(with = "String")]
    pub(crate) user_id: Option<String>,
    /// The thing in their payload.
    #[schemars(with = "String")]
    pub(crate) thing_id: Option<String>,
    /// Their own id.
    #[schemars(with = "String")]
    pub(crate) event_id: Option<String>,
    /// Whether the same `event_id` was accepted before.
    #[schemars(with = "bool")]
    pub(crate) repeated: Option<bool>,
    /// Only those with a lower number.
    #[schemars(with = "u64", range(max = u64::MAX))]
    pub(crate) before: Option<u64>,
    /// Only those with a higher number.
    #[schemars(with = "u64", range(max = u64::MAX))]
    pub(crate) after: Option<u64>,
    /// How many at most.
    pub(crate) limit: Limit,
}

/// How many of something a query returns at most: a hundred if it does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "usize")]
#[schemars(inline)]
pub(crate) struct Limit(#[schemars(range(min = 1, max = 1000))] usize);

impl Limit {
    pub(crate) const GREATEST: Self = Self(1000);

    pub(crate) fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<usize> for Limit {
    type Error = String;

    fn try_from(limit: usize) -> Result<Self, String> {
        let greatest = Self::GREATEST.0;
        if (1..=greatest).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(format!("must be from 1 to {greatest}"))
        }
    }
}

impl EventFilter {
    fn meets(&self, Kept { event, known_type }: &Kept) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let has_type = match self.r#type.as_deref() {
            Some(UNKNOWN_TYPE) => !known_type,
            _ => same(&self.r#type, &event.r#type),
        };
        has_type
            && self.verdict.is_none_or(|wanted| wanted == event.verdict)
            && self.repeated.is_none_or(|wanted| wanted == event.repeated)
            && same(&self.user_id, &event.user_id)
            && same(&self.thing_id, &event.thing_id)
            && same(&self.event_id, &event.event_id)
    }
}

#[derive(Debug)]
struct Kept {
    event: Arc<ReceivedEvent>,
    known_type: bool,
}

impl Kept {
    fn weight(&self) -> usize {
        // The strings beside the text repeat parts of it.
        600 + 2 * self.event.event.get().len()
    }
}

/// The newest events.
#[derive(Debug)]
pub(super) struct EventLog {
    events: VecDeque<Kept>,
    /// How many accepted events among them have this id.
    accepted_ids: HashMap<String, u32>,
    newest: u64,
    weight: usize,
    count_bound: usize,
    weight_bound: usize,
}

impl EventLog {
    pub(super) fn new(count_bound: usize, weight_bound: usize) -> Self {
        let (events, accepted_ids) = (VecDeque::new(), HashMap::new());
        Self { events, accepted_ids, newest: 0, weight: 0, count_bound, weight_bound }
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Numbers the event and keeps it, and forgets older ones for it.
    pub(super) fn push(&mut self, mut event: ReceivedEvent, known_type: bool) -> Arc<ReceivedEvent> {
        self.newest += 1;
        event.sequence = self.newest;
        if let (Verdict::Accepted, Some(id)) = (event.verdict, &event.event_id) {
            let count = self.accepted_ids.entry(id.clone()).or_default();
            *count += 1;
            event.repeated = *count > 1;
        }
        let event = Arc::new(event);
        let kept = Kept { event: Arc::clone(&event), known_type };
        self.weight += kept.weight();
        self.events.push_back(kept);
        while self.events.len() > self.count_bound || self.weight > self.weight_bound {
            self.forget_oldest();
        }
        event
    }

    fn forget_oldest(&mut self) {
        let Some(kept) = self.events.pop_front() else { return };
        self.weight -= kept.weight();
        if let (Verdict::Accepted, Some(id)) = (kept.event.verdict, &kept.event.event_id)
            && let Some((id, count)) = self.accepted_ids.remove_entry(id)
            && count > 1
        {
            self.accepted_ids.insert(id, count - 1);
        }
    }

    /// Where the first event stands whose number is at least that one.
    fn position(&self, sequence: u64) -> usize {
        self.events.partition_point(|kept| kept.event.sequence < sequence)
    }

    pub(super) fn get(&self, sequence: u64) -> Option<Arc<ReceivedEvent>> {
        let kept = self.events.get(self.position(sequence))?;
        (kept.event.sequence == sequence).then(|| Arc::clone(&kept.event))
    }

    /// All events that are kept, in the order of arrival.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<ReceivedEvent>> {
        self.events.iter().map(|kept| &kept.event)
    }

    /// The events that the filter asks for, the newest first, and the number from which to go on to older ones.
    pub(super) fn find(&self, filter: &EventFilter) -> (Vec<Arc<ReceivedEvent>>, Option<u64>) {
        let Limit(limit) = filter.limit;
        let end = self.position(filter.before.unwrap_or(u64::MAX));
        let start = self.position(filter.after.unwrap_or(0).saturating_add(1)).min(end);
        let met = self.events.range(start..end).rev().filter(|kept| filter.meets(kept));
        // One more is taken, to know whether there are more.
        let mut found: Vec<_> = met.take(limit + 1).map(|kept| Arc::clone(&kept.event)).collect();
        let next = (found.len() > limit).then(|| {
            found.truncate(limit);
            found.last().map_or(0, |event| event.sequence)
        });
        (found, next)
    }
}
