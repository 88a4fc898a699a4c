//! A file that only follows the changes holds what the memory holds.

use proptest::prelude::*;

use super::*;

/// The file as the changes describe it: tables by key.
#[derive(Default)]
pub(super) struct File {
    events: BTreeMap<u64, String>,
    users: BTreeMap<Arc<str>, String>,
    things: BTreeMap<Arc<str>, String>,
    unsubscribes: BTreeMap<Arc<str>, String>,
    counters: String,
}

fn settle<T: Serialize>(table: &mut BTreeMap<Arc<str>, String>, changed: BTreeMap<Arc<str>, Option<T>>) {
    for (id, value) in changed {
        match value {
            Some(value) => drop(table.insert(id, serde_json::to_string(&value).unwrap())),
            None => drop(table.remove(&id)),
        }
    }
}

impl File {
    pub(super) fn write(&mut self, changes: Changes) {
        if changes.reset {
            *self = Self::default();
        }
        for (sequence, event) in changes.events {
            self.events.insert(sequence, serde_json::to_string(&*event).unwrap());
        }
        self.events.retain(|sequence, _| *sequence >= changes.oldest);
        settle(&mut self.users, changes.users);
        settle(&mut self.things, changes.things);
        settle(&mut self.unsubscribes, changes.unsubscribes);
        self.counters = serde_json::to_string(&changes.counters).unwrap();
    }

    pub(super) fn dump(&self) -> String {
        let Self { events, users, things, unsubscribes, counters } = self;
        format!("{events:?}\n{users:?}\n{things:?}\n{unsubscribes:?}\n{counters}")
    }

    fn read(&self) -> Restored {
        fn all<K, T: serde::de::DeserializeOwned>(table: &BTreeMap<K, String>) -> Vec<T> {
            table.values().map(|json| serde_json::from_str(json).unwrap()).collect()
        }
        Restored {
            events: all(&self.events),
            users: all(&self.users),
            things: all(&self.things),
            unsubscribes: all(&self.unsubscribes),
            counters: serde_json::from_str(&self.counters).unwrap_or_default(),
        }
    }
}

/// The memory of a process that was started on the file.
fn restarted(history: &History, keeps: Keeps) -> Memory {
    let mut memory = Memory::new(keeps, true);
    memory.restore(history.file.read(), |event_type| known_types().contains(event_type));
    memory
}

/// All that can be asked for, but for what is said to begin anew with the process.
fn told(memory: &Memory, now: Moment) -> Value {
    let mut statistics = memory.statistics(now, 0);
    (statistics.revision, statistics.rate) = (0, Vec::new());
    let unknown = EventFilter { r#type: Some(UNKNOWN_TYPE.to_owned()), ..EventFilter::default() };
    json!({
        "statistics": statistics,
        "events": memory.events(),
        "unknown": memory.find(&unknown).0,
        "users": memory.users("", usize::MAX),
        "things": memory.things("", usize::MAX),
        "consents": memory.consents(usize::MAX),
        "unsubscribes": memory.unsubscribes(usize::MAX),
    })
}

#[derive(Clone, Debug)]
enum Step {
    Event { event_type: usize, user: usize, thing: usize, is_good: bool },
    Consent(usize, bool),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let event = (0..21_usize, 0..4_usize, 0..4_usize, prop::bool::weighted(0.8));
    let event =
        event.prop_map(|(event_type, user, thing, is_good)| Step::Event { event_type, user, thing, is_good });
    let consent = (0..4_usize, any::<bool>()).prop_map(|(user, value)| Step::Consent(user, value));
    prop_oneof![30 => event, 3 => consent, 1 => Just(Step::Reset)]
}

/// An example of the contract about one of four users and one of four things, or an event of no type of the contract.
fn event(event_type: usize, user: usize, thing: usize, is_good: bool) -> Arrived {
    let mut event =
        examples().get(event_type).cloned().unwrap_or_else(|| sent("kettle_boiled", "", json!({})));
    event["event_id"] = format!("e{}", user * thing).into();
    let email = format!("a{user}@example.com");
    for (name, id) in [("user_id", format!("u{user}")), ("thing_id", format!("t{thing}")), ("email", email)] {
        if let Some(value) = event["payload"].get_mut(name) {
            *value = id.into();
        }
    }
    let is_good = is_good && event["type"] != "kettle_boiled";
    let violations = rejected("", "", json!({}), "/payload/x").event.violations;
    arrived(event, if is_good { Vec::new() } else { violations })
}

fn play(history: &mut History, step: Step) {
    match step {
        Step::Event { event_type, user, thing, is_good } => {
            history.take(vec![event(event_type, user, thing, is_good)]);
        }
        Step::Consent(user, value) => drop(history.set_consent(&format!("u{user}"), value)),
        Step::Reset => history.reset(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_history_a_restart_brings_everything_back(
        before in prop::collection::vec(step(), 0..40),
        after in prop::collection::vec(step(), 0..10),
        (events, people) in (1..40_usize, 1..6_usize),
    ) {
        let keeps = Keeps { events, users: people, things: people };
        let mut one = History::with(keeps);
        for step in before {
            play(&mut one, step);
        }
        let memory = restarted(&one, keeps);
        prop_assert_eq!(told(&memory, one.now()), told(&one.memory, one.now()));

        // What only the indexes know came back too: the same follows from the same.
        let mut other = History { memory, file: File::default(), seconds: one.seconds, requests: one.requests };
        for step in after {
            play(&mut one, step.clone());
            play(&mut other, step);
        }
        prop_assert_eq!(told(&other.memory, one.now()), told(&one.memory, one.now()));
    }
}

#[test]
fn what_a_smaller_memory_forgets_at_a_restart_leaves_the_file() {
    let mut history = History::new();
    for number in 0..5 {
        let payload = json!({ "user_id": format!("u{number}"), "thing_id": format!("t{number}") });
        history.accept("thing_connected", payload);
        history.accept("unsubscribe", json!({ "email": format!("a{number}@example.com") }));
    }
    history.memory = restarted(&history, Keeps::newest(2));
    let Statistics { users, things, unsubscribes, events, .. } = history.statistics();
    assert_eq!((users, things, unsubscribes, events.kept), (2, 2, 2, 2));
    history.set_consent("u4", true);
    let keys = |table: &BTreeMap<Arc<str>, String>| table.keys().map(ToString::to_string).collect::<Vec<_>>();
    let File { events, users, things, unsubscribes, .. } = &history.file;
    assert_eq!(events.keys().copied().collect::<Vec<_>>(), [9, 10]);
    assert_eq!(keys(users), ["u3", "u4"]);
    assert_eq!(keys(things), ["t3", "t4"]);
    assert_eq!(keys(unsubscribes), ["a3@example.com", "a4@example.com"]);
}

#[test]
fn a_memory_without_a_file_tells_no_changes() {
    let mut memory = Memory::new(Keeps::newest(10), false);
    let at = Moment::from_millis(0);
    assert!(memory.take(at, vec![accepted("user_created", "e", json!({ "user_id": "u" }))]).is_none());
    assert!(memory.set_consent("u", true, at).is_none());
    assert!(memory.take(at, vec![accepted("user_deleted", "e", json!({ "user_id": "u" }))]).is_none());
    assert!(memory.reset().is_none());
}

#[test]
fn only_what_removes_personal_data_is_said_to() {
    let mut memory = Memory::new(Keeps::newest(10), true);
    let at = Moment::from_millis(0);
    let mut take =
        |event_type: &str, payload| memory.take(at, vec![accepted(event_type, "e", payload)]).unwrap();
    let changes = take("user_created", json!({ "user_id": "u" }));
    assert!(!changes.erased && !changes.reset);
    assert_eq!((changes.events.len(), changes.users.len(), changes.things.len()), (1, 1, 0));
    let changes = take("thing_connected", json!({ "thing_id": "t" }));
    assert_eq!((changes.events.len(), changes.users.len(), changes.things.len()), (1, 0, 1));
    let changes = take("user_deleted", json!({ "user_id": "u" }));
    assert!(changes.erased && !changes.reset);
    let changes = memory.reset().unwrap();
    assert!(changes.erased && changes.reset);
}
