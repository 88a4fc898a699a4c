//! The two contracts side by side, and what was found so far.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::finding::{Breaks, Finding, Level};

/// What stands for a member that is not there.
const ABSENT: &Value = &Value::Null;

/// How many references may lead to each other. Lint finds those that never end.
const LONGEST_CHAIN: usize = 16;

/// How many characters of a value are shown.
const SHOWN: usize = 60;

/// Members that are words for people, or say how sure something is.
const WORDS: [&str; 11] = [
    "description",
    "example",
    "examples",
    "externalDocs",
    "summary",
    "title",
    "x-known-values",
    "x-open",
    "x-provenance",
    "x-unbounded",
    "x-unreferenced",
];

/// Which way a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Direction {
    /// From the sender to the API.
    Request,
    /// From the API to the reader.
    Response,
}

/// What became of the set of values that a schema takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Became {
    /// It takes less than before.
    Narrower,
    /// It takes more than before.
    Wider,
    /// Nobody can say.
    Another,
}

/// The same place in both contracts.
#[derive(Clone)]
pub(super) struct Place<'a> {
    pub(super) pointer: String,
    /// `null` where it is not there, as `new`.
    pub(super) old: &'a Value,
    pub(super) new: &'a Value,
}

impl<'a> Place<'a> {
    /// The place of a member.
    pub(super) fn member(&self, name: &str) -> Self {
        let of = |value: &'a Value| value.get(name).unwrap_or(ABSENT);
        Self { pointer: join(&self.pointer, name), old: of(self.old), new: of(self.new) }
    }

    /// The places of all members, by name.
    pub(super) fn members(&self) -> Vec<(&'a str, Self)> {
        let names: BTreeSet<&str> = names(self.old).chain(names(self.new)).collect();
        names.into_iter().map(|name| (name, self.member(name))).collect()
    }

    pub(super) fn is_gone(&self) -> bool {
        !self.old.is_null() && self.new.is_null()
    }

    pub(super) fn is_new(&self) -> bool {
        self.old.is_null() && !self.new.is_null()
    }

    pub(super) fn differs(&self) -> bool {
        self.old != self.new
    }

    /// Both values in words.
    pub(super) fn change(&self) -> String {
        match (self.is_new(), self.is_gone()) {
            (true, _) => format!("was not there, is {}", shown(self.new)),
            (_, true) => format!("was {}, is gone", shown(self.old)),
            _ => format!("was {}, is {}", shown(self.old), shown(self.new)),
        }
    }
}

/// The two contracts, and what was found so far.
pub(super) struct Comparison<'a> {
    pub(super) root: Place<'a>,
    /// By place and words: what two directions say of one change is one finding.
    found: BTreeMap<(String, String), (Level, BTreeSet<Breaks>)>,
    /// Pairs of schemas that were compared, each pair in one direction.
    compared: HashSet<(String, String, Direction)>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(old: &'a Value, new: &'a Value) -> Self {
        let root = Place { pointer: String::new(), old, new };
        Self { root, found: BTreeMap::new(), compared: HashSet::new() }
    }

    pub(super) fn breaks(&mut self, pointer: &str, whom: Breaks, what: impl Into<String>) {
        self.add(pointer, what.into(), Level::Breaking, Some(whom));
    }

    pub(super) fn adds(&mut self, pointer: &str, what: impl Into<String>) {
        self.add(pointer, what.into(), Level::Addition, None);
    }

    pub(super) fn notes(&mut self, pointer: &str) {
        self.add(pointer, "differs".to_owned(), Level::Note, None);
    }

    /// What a schema takes changed: it depends on the direction whom that breaks.
    pub(super) fn became(
        &mut self,
        became: Became,
        direction: Direction,
        pointer: &str,
        what: impl Into<String>,
    ) {
        match (became, direction) {
            (Became::Another, _) => self.breaks(pointer, Breaks::Anyone, what),
            (Became::Narrower, Direction::Request) => self.breaks(pointer, Breaks::Senders, what),
            (Became::Wider, Direction::Response) => self.breaks(pointer, Breaks::Readers, what),
            _ => self.adds(pointer, what),
        }
    }

    /// What no rule has looked at: words are notes, and anything else that differs cannot be judged.
    pub(super) fn rest(&mut self, place: &Place<'_>, judged: &[&str]) {
        for (name, member) in place.members() {
            if judged.contains(&name) || !member.differs() {
                continue;
            }
            if WORDS.contains(&name) {
                self.notes(&member.pointer);
            } else if name == "deprecated" {
                self.adds(&member.pointer, member.change());
            } else {
                self.breaks(&member.pointer, Breaks::Anyone, member.change());
            }
        }
    }

    fn add(&mut self, pointer: &str, what: String, level: Level, whom: Option<Breaks>) {
        let pointer = if pointer.is_empty() { "/" } else { pointer };
        let (known, breaks) =
            self.found.entry((pointer.to_owned(), what)).or_insert((level, BTreeSet::new()));
        *known = level.max(*known);
        breaks.extend(whom);
    }

    /// What stands at the place once references are followed. What both contracts refer to by the same name
    /// is found at the place of its own, however many refer to it.
    pub(super) fn resolved(&self, place: &Place<'a>) -> Place<'a> {
        let (old, old_name) = target(self.root.old, place.old);
        let (new, new_name) = target(self.root.new, place.new);
        let pointer = match (old_name, new_name) {
            (Some(old), Some(new)) if old == new => old.trim_start_matches('#').to_owned(),
            _ => place.pointer.clone(),
        };
        Place { pointer, old, new }
    }

    /// Whether this is the first comparison of what the two refer to, in that direction. Always, where one of
    /// them refers to nothing.
    pub(super) fn is_first(&mut self, place: &Place<'a>, direction: Direction) -> bool {
        match (reference(place.old), reference(place.new)) {
            (Some(old), Some(new)) => self.compared.insert((old.to_owned(), new.to_owned(), direction)),
            _ => true,
        }
    }

    /// Whether something has been compared with what is there under that name now.
    pub(super) fn was_compared(&self, reference: &str) -> bool {
        self.compared.iter().any(|(old, new, _)| old == reference && new == reference)
    }

    /// Everything found, by place.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        let root = &self.root;
        let found = self.found.into_iter();
        found
            .map(|((pointer, what), (level, breaks))| {
                let subject = subject(root, &pointer);
                Finding { pointer, what, level, breaks, subject }
            })
            .collect()
    }
}

/// What people would call the thing that a pointer leads to or into.
fn subject(root: &Place<'_>, pointer: &str) -> String {
    let mut steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
    let first = steps.next().unwrap_or_default();
    match (first.as_str(), steps.next(), steps.next()) {
        ("components", _, Some(name)) => name,
        ("paths", Some(path), method) => {
            let operation = root.member("paths").member(&path).member(&method.unwrap_or_default());
            let id = [operation.old, operation.new].into_iter().find_map(|operation| {
                operation.get("operationId").and_then(Value::as_str).map(str::to_owned)
            });
            id.unwrap_or(path)
        }
        _ => first,
    }
}

/// Follows references from a value to what is none, and says how that is referred to.
fn target<'a>(root: &'a Value, value: &'a Value) -> (&'a Value, Option<&'a str>) {
    let mut found = (value, None);
    for _ in 0..LONGEST_CHAIN {
        let Some(next) = reference(found.0) else { break };
        let at = next.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        found = (at.unwrap_or(ABSENT), Some(next));
    }
    found
}

/// The text of `$ref`.
pub(super) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// The items of an array; none of anything else.
pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn names(value: &Value) -> impl Iterator<Item = &str> {
    value.as_object().into_iter().flat_map(Map::keys).map(String::as_str)
}

/// The pointer of a member.
pub(super) fn join(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}

/// A value as text, cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
