//! The newest events, in the order of arrival, with what finds them quickly.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    judge,
    model::{ReceivedEvent, Verdict},
};

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
    /// The event's own, here so that a search need not go to each event.
    sequence: u64,
    event: Arc<ReceivedEvent>,
    known_type: bool,
}

impl Kept {
    fn weight(&self) -> usize {
        // The strings beside the text repeat parts of it.
        600 + 2 * self.event.event.get().len()
    }
}

/// The numbers of events, the oldest first, by whom they are about.
type Numbers = HashMap<String, VecDeque<u64>>;

/// The newest events.
#[derive(Debug)]
pub(super) struct EventLog {
    events: VecDeque<Kept>,
    /// How many accepted events among them have this id.
    accepted_ids: HashMap<String, u32>,
    /// The numbers of the events that are about this user.
    by_user: Numbers,
    /// The numbers of the events that are about this e-mail address, and know no user.
    by_email: Numbers,
    /// Events that are no longer kept, for who holds the lock to drop them without it.
    forgotten: Vec<Arc<ReceivedEvent>>,
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
            by_user: Numbers::new(),
            by_email: Numbers::new(),
            forgotten: Vec::new(),
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
        self.events.front().map_or(self.newest + 1, |kept| kept.sequence)
    }

    /// Numbers the event and keeps it, and forgets older ones for it.
    pub(super) fn push(&mut self, mut event: ReceivedEvent, known_type: bool) -> Arc<ReceivedEvent> {
        event.sequence = self.newest + 1;
        event.repeated = self.count_id(&event) > 1;
        self.keep(Arc::new(event), known_type)
    }

    /// Keeps an event that has its number, the next one or a later one.
    pub(super) fn restore(&mut self, event: Arc<ReceivedEvent>, known_type: bool) -> Arc<ReceivedEvent> {
        self.count_id(&event);
        self.keep(event, known_type)
    }

    /// Counts the id of an accepted event, and returns how often it was counted.
    fn count_id(&mut self, event: &ReceivedEvent) -> u32 {
        let (Verdict::Accepted, Some(id)) = (event.verdict, &event.event_id) else { return 0 };
        let count = self.accepted_ids.entry(id.clone()).or_default();
        *count += 1;
        *count
    }

    fn keep(&mut self, event: Arc<ReceivedEvent>, known_type: bool) -> Arc<ReceivedEvent> {
        self.newest = event.sequence;
        match subject(&event) {
            Some(Subject::User(user_id)) => note(&mut self.by_user, user_id, event.sequence),
            Some(Subject::Email(email)) => note(&mut self.by_email, &email, event.sequence),
            None => {}
        }
        let kept = Kept { sequence: event.sequence, event: Arc::clone(&event), known_type };
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
            && let Some((id, count)) = self.accepted_ids.remove_entry(id)
            && count > 1
        {
            self.accepted_ids.insert(id, count - 1);
        }
        match subject(event) {
            Some(Subject::User(user_id)) => drop_oldest(&mut self.by_user, user_id),
            Some(Subject::Email(email)) => drop_oldest(&mut self.by_email, &email),
            None => {}
        }
        self.forgotten.push(kept.event);
    }

    /// The events that were forgotten since this was last called. It takes time to drop them.
    pub(super) fn forgotten(&mut self) -> Vec<Arc<ReceivedEvent>> {
        std::mem::take(&mut self.forgotten)
    }

    fn position(&self, sequence: u64) -> Option<usize> {
        self.events.binary_search_by_key(&sequence, |kept| kept.sequence).ok()
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
        let start = self.events.partition_point(|kept| kept.sequence <= after);
        let end = self.events.partition_point(|kept| kept.sequence < before);
        let mut found = match &filter.user_id {
            Some(user_id) => {
                let numbers = self.by_user.get(user_id).into_iter().flatten();
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

    /// The e-mail addresses that accepted events of these types told of a user.
    pub(super) fn emails_of(&self, user_id: &str, types: &[&str]) -> Vec<String> {
        let numbers = self.by_user.get(user_id).into_iter().flatten();
        let events = numbers.filter_map(|number| self.get(*number));
        let telling = events.filter(|event| {
            event.verdict == Verdict::Accepted
                && event.r#type.as_deref().is_some_and(|event_type| types.contains(&event_type))
        });
        telling.filter_map(|event| email(&event)).collect()
    }

    /// Takes the personal data out of the events about a user and about these e-mail addresses.
    pub(super) fn erase(&mut self, user_id: &str, emails: &[String]) -> Vec<Arc<ReceivedEvent>> {
        let mut numbers: Vec<u64> = self.by_user.get(user_id).into_iter().flatten().copied().collect();
        // An address is personal data, so it is no longer a key either.
        numbers.extend(emails.iter().filter_map(|email| self.by_email.remove(email)).flatten());
        let mut erased = Vec::new();
        for number in numbers {
            let kept = self.position(number).and_then(|position| self.events.get_mut(position));
            let Some(kept) = kept else { continue };
            if kept.event.erased {
                continue;
            }
            self.weight -= kept.weight();
            kept.event = Arc::new(without_personal_data(&kept.event, kept.known_type));
            self.weight += kept.weight();
            erased.push(Arc::clone(&kept.event));
        }
        erased
    }
}

fn note(numbers: &mut Numbers, id: &str, number: u64) {
    match numbers.get_mut(id) {
        Some(numbers) => numbers.push_back(number),
        None => drop(numbers.insert(id.to_owned(), [number].into())),
    }
}

fn drop_oldest(numbers: &mut Numbers, id: &str) {
    if let Some(of_id) = numbers.get_mut(id) {
        of_id.pop_front();
        if of_id.is_empty() {
            numbers.remove(id);
        }
    }
}

/// Whom an event is about.
enum Subject<'a> {
    User(&'a str),
    Email(String),
}

/// Whom the event is about: its user, or an e-mail address where it knows no user.
fn subject(event: &ReceivedEvent) -> Option<Subject<'_>> {
    match &event.user_id {
        Some(user_id) => Some(Subject::User(user_id)),
        None => email(event).map(Subject::Email),
    }
}

/// The `email` in the payload, if it is a string.
fn email(event: &ReceivedEvent) -> Option<String> {
    let text = event.event.get();
    // Most events have none, and need not be read for that. The name may be written with escapes.
    if !text.contains("email") && !text.contains("\\u") {
        return None;
    }
    let sent = judge::value(text)?;
    sent.get("payload")?.get("email")?.as_str().map(str::to_owned)
}

/// The same event, of which only what it is, when it was and the ids are left. What the contract does not know was
/// chosen by the sender, and may be personal data wherever it stands.
fn without_personal_data(event: &ReceivedEvent, known_type: bool) -> ReceivedEvent {
    let sent = judge::value(event.event.get()).unwrap_or_default();
    let mut left = Map::new();
    for (name, is_kept) in [("type", known_type), ("event_id", event.event_id.is_some()), ("timestamp", true)]
    {
        let value = sent.get(name).filter(|value| is_kept && (name != "timestamp" || value.is_number()));
        if let Some(value) = value {
            left.insert(name.to_owned(), value.clone());
        }
    }
    let ids = [("user_id", &event.user_id), ("thing_id", &event.thing_id)];
    let ids = ids.into_iter().filter_map(|(name, id)| Some((name.to_owned(), id.clone()?.into())));
    left.insert("payload".to_owned(), Value::Object(ids.collect()));

    let mut erased = event.clone();
    erased.erased = true;
    erased.r#type = erased.r#type.filter(|_| known_type);
    for violation in &mut erased.violations {
        let place = violation.pointer.split('/').nth(1);
        let known = place.filter(|place| ["type", "event_id", "timestamp", "payload"].contains(place));
        violation.pointer = known.map_or_else(String::new, |place| format!("/{place}"));
        violation.message = "removed together with the user's data".to_owned();
    }
    erased.event = raw(&Value::Object(left));
    erased
}

/// The JSON text of a value.
fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
