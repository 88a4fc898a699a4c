//! The newest events, in the order of arrival, with what finds them quickly.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::model::{ReceivedEvent, Verdict};

/// How many events a query returns if it does not say.
const DEFAULT_LIMIT: usize = 100;
/// How many it can ask for.
pub(crate) const GREATEST_LIMIT: usize = 1000;

/// Which events are asked for: those that meet every condition that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EventFilter {
    pub(crate) verdict: Option<Verdict>,
    pub(crate) r#type: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) thing_id: Option<String>,
    pub(crate) event_id: Option<String>,
    pub(crate) repeated: Option<bool>,
    /// Only those with a lower number.
    pub(crate) before: Option<u64>,
    /// Only those with a higher number.
    pub(crate) after: Option<u64>,
    pub(crate) limit: Option<usize>,
}

/// What stands in [`EventFilter`] for every `type` that the contract does not have.
pub(crate) const UNKNOWN_TYPE: &str = "unknown";

impl EventFilter {
    fn meets(&self, event: &Kept) -> bool {
        let same = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let ReceivedEvent { verdict, r#type, user_id, thing_id, event_id, repeated, .. } = &*event.event;
        let has_type = match self.r#type.as_deref() {
            None => true,
            Some(UNKNOWN_TYPE) => !event.known_type,
            Some(wanted) => r#type.as_deref() == Some(wanted),
        };
        has_type
            && self.verdict.is_none_or(|wanted| wanted == *verdict)
            && self.repeated.is_none_or(|wanted| wanted == *repeated)
            && same(&self.user_id, user_id)
            && same(&self.thing_id, thing_id)
            && same(&self.event_id, event_id)
    }

    fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}

#[derive(Clone, Debug)]
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
    /// The numbers of the events that are about this user, or this e-mail address.
    by_subject: HashMap<String, VecDeque<u64>>,
    newest: u64,
    weight: usize,
    count_bound: usize,
    weight_bound: usize,
}

impl EventLog {
    pub(super) fn new(count_bound: usize, weight_bound: usize) -> Self {
        Self {
            events: VecDeque::new(),
            accepted_ids: HashMap::new(),
            by_subject: HashMap::new(),
            newest: 0,
            weight: 0,
            count_bound,
            weight_bound,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Goes on counting after that number, unless it is there already.
    pub(super) fn start_at(&mut self, newest: u64) {
        self.newest = self.newest.max(newest);
    }

    /// The number of the oldest event that is kept.
    pub(super) fn oldest(&self) -> u64 {
        self.events.front().map_or(self.newest + 1, |kept| kept.event.sequence)
    }

    /// Numbers the event and keeps it, and forgets older ones for it.
    pub(super) fn push(&mut self, mut event: ReceivedEvent, known_type: bool) -> Arc<ReceivedEvent> {
        event.sequence = self.newest + 1;
        event.repeated = event.verdict == Verdict::Accepted
            && event.event_id.as_ref().is_some_and(|id| self.accepted_ids.contains_key(id));
        self.restore(Arc::new(event), known_type)
    }

    /// Keeps an event that has its number, the next one or a later one.
    pub(super) fn restore(&mut self, event: Arc<ReceivedEvent>, known_type: bool) -> Arc<ReceivedEvent> {
        self.newest = event.sequence;
        if let (Verdict::Accepted, Some(id)) = (event.verdict, &event.event_id) {
            match self.accepted_ids.get_mut(id) {
                Some(count) => *count += 1,
                None => drop(self.accepted_ids.insert(id.clone(), 1)),
            }
        }
        if let Some(subject) = subject(&event) {
            match self.by_subject.get_mut(&*subject) {
                Some(numbers) => numbers.push_back(event.sequence),
                None => drop(self.by_subject.insert(subject.into_owned(), [event.sequence].into())),
            }
        }
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
        let event = &kept.event;
        if let (Verdict::Accepted, Some(id)) = (event.verdict, &event.event_id)
            && let Some(count) = self.accepted_ids.get_mut(id)
        {
            *count -= 1;
            if *count == 0 {
                self.accepted_ids.remove(id);
            }
        }
        if let Some(subject) = subject(event)
            && let Some(numbers) = self.by_subject.get_mut(&*subject)
        {
            numbers.pop_front();
            if numbers.is_empty() {
                self.by_subject.remove(&*subject);
            }
        }
    }

    fn position(&self, sequence: u64) -> Option<usize> {
        self.events.binary_search_by_key(&sequence, |kept| kept.event.sequence).ok()
    }

    pub(super) fn get(&self, sequence: u64) -> Option<Arc<ReceivedEvent>> {
        let kept = self.position(sequence).and_then(|position| self.events.get(position));
        kept.map(|kept| Arc::clone(&kept.event))
    }

    /// All events that are kept, in the order of arrival.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<ReceivedEvent>> {
        self.events.iter().map(|kept| &kept.event)
    }

    /// The events that the filter asks for, the newest first, and the number from which to go on to older ones.
    pub(super) fn find(&self, filter: &EventFilter) -> (Vec<Arc<ReceivedEvent>>, Option<u64>) {
        let before = filter.before.unwrap_or(u64::MAX);
        let after = filter.after.unwrap_or(0);
        let start = self.events.partition_point(|kept| kept.event.sequence <= after);
        let end = self.events.partition_point(|kept| kept.event.sequence < before);
        let mut found = match &filter.user_id {
            Some(user_id) => {
                let numbers = self.by_subject.get(&by_user(user_id)).into_iter().flatten();
                let positions = numbers.filter_map(|number| self.position(*number));
                let inside: Vec<usize> = positions.filter(|at| (start..end).contains(at)).collect();
                self.take_from(inside.into_iter().rev(), filter)
            }
            None => self.take_from((start..end).rev(), filter),
        };
        // One more was taken, to know whether there are more.
        let next = (found.len() > filter.limit()).then(|| {
            found.truncate(filter.limit());
            found.last().map_or(0, |event| event.sequence)
        });
        (found, next)
    }

    fn take_from(
        &self,
        positions: impl Iterator<Item = usize>,
        filter: &EventFilter,
    ) -> Vec<Arc<ReceivedEvent>> {
        let kept = positions.filter_map(|position| self.events.get(position));
        let met = kept.filter(|kept| filter.meets(kept)).take(filter.limit() + 1);
        met.map(|kept| Arc::clone(&kept.event)).collect()
    }

    /// Takes the personal data out of the events about a user and about these e-mail addresses.
    pub(super) fn erase(&mut self, user_id: &str, emails: &[String]) -> Vec<Arc<ReceivedEvent>> {
        let mut subjects = vec![by_user(user_id)];
        subjects.extend(emails.iter().map(|email| by_email(email)));
        let mut erased = Vec::new();
        for subject in &subjects {
            let numbers = self.by_subject.get(subject).cloned().unwrap_or_default();
            for number in numbers {
                let kept = self.position(number).and_then(|position| self.events.get_mut(position));
                let Some(kept) = kept else { continue };
                if kept.event.erased {
                    continue;
                }
                self.weight -= kept.weight();
                kept.event = Arc::new(without_personal_data(&kept.event));
                self.weight += kept.weight();
                erased.push(Arc::clone(&kept.event));
            }
        }
        // An address is personal data, so it is no longer a key either.
        for subject in subjects.iter().skip(1) {
            self.by_subject.remove(subject);
        }
        erased
    }
}

fn by_user(user_id: &str) -> String {
    format!("u{user_id}")
}

fn by_email(email: &str) -> String {
    format!("e{email}")
}

/// Whom the event is about: its user, or an e-mail address where it knows no user.
fn subject(event: &ReceivedEvent) -> Option<std::borrow::Cow<'_, str>> {
    #[derive(Deserialize)]
    struct OfAddress {
        payload: Address,
    }
    #[derive(Deserialize)]
    struct Address {
        email: String,
    }
    match (&event.user_id, &event.thing_id) {
        (Some(user_id), _) => Some(by_user(user_id).into()),
        (None, Some(_)) => None,
        (None, None) => {
            let about: OfAddress = serde_json::from_str(event.event.get()).ok()?;
            Some(by_email(&about.payload.email).into())
        }
    }
}

/// The same event, of which only what it is, when it was and the ids are left.
fn without_personal_data(event: &ReceivedEvent) -> ReceivedEvent {
    let sent: Map<String, Value> = serde_json::from_str(event.event.get()).unwrap_or_default();
    let mut left = Map::new();
    for name in ["type", "event_id", "timestamp"] {
        if let Some(value) = sent.get(name).filter(|value| value.is_string() || value.is_number()) {
            left.insert(name.to_owned(), value.clone());
        }
    }
    let ids = [("user_id", &event.user_id), ("thing_id", &event.thing_id)];
    let ids = ids.into_iter().filter_map(|(name, id)| Some((name.to_owned(), id.clone()?.into())));
    left.insert("payload".to_owned(), Value::Object(ids.collect()));

    let mut erased = event.clone();
    erased.erased = true;
    for violation in &mut erased.violations {
        // A name that is not in the contract was chosen by the sender, and may be personal data too.
        if let Some((place, _)) = violation.pointer.get(1..).and_then(|rest| rest.split_once('/')) {
            violation.pointer = format!("/{place}");
        }
        violation.message = "removed together with the user's data".to_owned();
    }
    erased.event = raw(&Value::Object(left));
    erased
}

/// The JSON text of a value.
fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
