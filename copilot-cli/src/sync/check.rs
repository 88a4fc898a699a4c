//! Holds each row against the contract and against the other rows, and makes the event of it.

use std::collections::HashMap;

use copilot_api::{Violation, event_from_value, types::Event};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{kind::Kind, rows::Row};

/// A row that is not sent.
#[derive(Debug)]
pub(super) struct Refused {
    /// What it would have been.
    pub(super) event: Value,
    pub(super) broken: Vec<BrokenRule>,
}

/// A rule that a row breaks. Never with the value.
#[derive(Debug, Serialize)]
pub(super) struct BrokenRule {
    /// Where in the event.
    pub(super) pointer: String,
    pub(super) rule: &'static str,
    pub(super) message: String,
    /// How sure the contract is of it; none where it is a rule of this import.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provenance: Option<String>,
}

/// Knows which users, things and associations there were so far: of each row a hash of what names it, and its line.
pub(super) struct Checker {
    known: [HashMap<u128, u64>; 3],
    /// Of all events, so that one that is sent again is the same to the byte. Milliseconds since 1970.
    timestamp: i64,
}

impl Checker {
    pub(super) fn new(timestamp: i64) -> Self {
        Self { known: Default::default(), timestamp }
    }

    pub(super) fn check(&mut self, kind: Kind, row: Row) -> Result<Event, Refused> {
        let Row { line, mut properties } = row;
        // The id follows from what the row says, not from the order of its columns.
        properties.sort_by(|(one, _), (other, _)| one.cmp(other));
        let event_id = event_id(kind, &properties);
        let payload = Value::Object(properties.into_iter().collect::<Map<_, _>>());
        let event = json!({
            "type": kind.event_type(),
            "event_id": event_id,
            "timestamp": self.timestamp,
            "payload": payload,
        });
        let broken = self.broken(kind, &event);
        if !broken.is_empty() {
            return Err(Refused { event, broken });
        }
        let made = event_from_value(event.clone()).map_err(|invalid| Refused {
            event: event.clone(),
            broken: invalid.violations().iter().map(BrokenRule::from).collect(),
        })?;
        if let Some(name) = name(kind, &event) {
            self.of(kind).insert(name, line);
        }
        Ok(made)
    }

    /// The rules of the import that an event breaks.
    fn broken(&mut self, kind: Kind, event: &Value) -> Vec<BrokenRule> {
        let Some(own) = name(kind, event) else { return Vec::new() };
        let mut broken = Vec::new();
        if let Some(line) = self.of(kind).get(&own) {
            let keys = kind.keys().join(" and ");
            broken.push(BrokenRule::new(
                kind.keys(),
                "duplicate",
                format!("the same {keys} as in line {line}"),
            ));
        }
        if kind == Kind::Association {
            for (other, words) in [
                (Kind::User, "names no user of the import, or one whose row is rejected"),
                (Kind::Thing, "names no thing of the import, or one whose row is rejected"),
            ] {
                if name(other, event).is_some_and(|name| !self.of(other).contains_key(&name)) {
                    broken.push(BrokenRule::new(other.keys(), "unknown", words.to_owned()));
                }
            }
        }
        broken
    }

    fn of(&mut self, kind: Kind) -> &mut HashMap<u128, u64> {
        let [users, things, associations] = &mut self.known;
        match kind {
            Kind::User => users,
            Kind::Thing => things,
            Kind::Association => associations,
        }
    }
}

impl BrokenRule {
    fn new(keys: &[&str], rule: &'static str, message: String) -> Self {
        // What is about two properties is about the payload.
        let pointer = match keys {
            [key] => format!("/payload/{key}"),
            _ => "/payload".to_owned(),
        };
        Self { pointer, rule, message, provenance: None }
    }

    /// The property that it is about.
    pub(super) fn property(&self) -> Option<&str> {
        self.pointer.strip_prefix("/payload/")
    }
}

impl From<&Violation> for BrokenRule {
    fn from(violation: &Violation) -> Self {
        Self {
            pointer: violation.pointer().to_owned(),
            rule: violation.rule(),
            message: violation.message().to_owned(),
            provenance: Some(violation.provenance().to_string()),
        }
    }
}

/// What names a row of that kind among all, as a hash; none where it does not say.
fn name(kind: Kind, event: &Value) -> Option<u128> {
    let payload = event.get("payload")?;
    let keys = kind.keys().iter().map(|key| payload.get(*key)?.as_str());
    Some(hash(keys.collect::<Option<Vec<_>>>()?.into_iter().map(str::as_bytes)))
}

/// The id of a row's event: the same for the same row, in whatever run and on whatever machine.
fn event_id(kind: Kind, properties: &[(String, Value)]) -> String {
    let values: Vec<(&str, String)> =
        properties.iter().map(|(name, value)| (name.as_str(), value.to_string())).collect();
    let parts = values.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    format!("sync-{}-{:032x}", kind.name(), hash(parts))
}

/// The first half of the SHA-256 of the parts and their lengths.
fn hash<'a>(parts: impl Iterator<Item = &'a [u8]>) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use copilot_api::{EventTimestamp, new_event_id};
    use serde_json::{Value, json};

    use super::{Checker, Kind, Refused, Row};

    fn row(line: u64, properties: &Value) -> Row {
        let members = properties.as_object().unwrap();
        Row { line, properties: members.iter().map(|(name, value)| (name.clone(), value.clone())).collect() }
    }

    fn checker() -> Checker {
        Checker::new(EventTimestamp::now().as_millis())
    }

    fn rules(refused: Refused) -> Vec<(String, &'static str, String)> {
        refused.broken.into_iter().map(|broken| (broken.pointer, broken.rule, broken.message)).collect()
    }

    #[test]
    fn a_row_becomes_the_event_that_its_kind_says() {
        let mut checker = checker();
        let user = row(2, &json!({"user_id": "u1", "original_creation_date": 1_552_384_800_000_i64}));
        let event = checker.check(Kind::User, user).unwrap();
        assert_eq!(event.event_type(), "preexisting_user_created");
        checker.check(Kind::Thing, row(2, &json!({"thing_id": "t1"}))).unwrap();
        let association = row(2, &json!({"user_id": "u1", "thing_id": "t1"}));
        let event = checker.check(Kind::Association, association).unwrap();
        assert_eq!(event.event_type(), "preexisting_user_thing_associated");
    }

    #[test]
    fn the_event_id_follows_from_what_the_row_says_and_fits() {
        let id = |kind, properties: &Value| {
            let mut checker = checker();
            checker.known[0].insert(super::hash([&b"u"[..]].into_iter()), 1);
            checker.known[1].insert(super::hash([&b"t"[..]].into_iter()), 1);
            checker.check(kind, row(2, properties)).unwrap().event_id().as_str().to_owned()
        };
        let one = id(Kind::User, &json!({"user_id": "u1", "first_name": "a"}));
        assert_eq!(one, id(Kind::User, &json!({"first_name": "a", "user_id": "u1"})));
        assert_ne!(one, id(Kind::User, &json!({"user_id": "u1", "first_name": "b"})));
        assert_ne!(one, id(Kind::User, &json!({"user_id": "u1", "last_name": "a"})));
        // It is to be the same in later versions, too: an import may go on with one.
        assert_eq!(one, "sync-users-716c847dccad7b2c6e8a8eb74093eb3c");
        let longest = id(Kind::Association, &json!({"user_id": "u", "thing_id": "t"}));
        assert!(longest.len() <= 50 && new_event_id().as_str().len() <= 50, "{longest}");
    }

    #[test]
    fn rows_that_break_rules_are_refused_with_each_rule_and_no_value() {
        let mut checker = checker();
        let broken = row(2, &json!({"user_id": "u 1", "email": "nobody", "shoe": 7}));
        let found = rules(checker.check(Kind::User, broken).unwrap_err());
        let places: Vec<&str> = found.iter().map(|(pointer, ..)| pointer.as_str()).collect();
        assert_eq!(places.len(), 3, "{places:?}");
        assert!(!format!("{found:?}").contains("nobody"));

        checker.check(Kind::User, row(3, &json!({"user_id": "u1"}))).unwrap();
        let again = rules(checker.check(Kind::User, row(4, &json!({"user_id": "u1"}))).unwrap_err());
        let expected =
            ("/payload/user_id".to_owned(), "duplicate", "the same user_id as in line 3".to_owned());
        assert_eq!(again, [expected]);

        let stray = row(2, &json!({"user_id": "u1", "thing_id": "t9"}));
        let found = rules(checker.check(Kind::Association, stray).unwrap_err());
        assert!(
            found.len() == 1 && found[0].0 == "/payload/thing_id" && found[0].1 == "unknown",
            "{found:?}"
        );
    }

    #[test]
    fn a_row_behind_a_refused_one_of_the_same_name_is_taken() {
        let mut checker = checker();
        assert!(checker.check(Kind::User, row(2, &json!({"user_id": "u1", "email": "?"}))).is_err());
        assert!(checker.check(Kind::User, row(3, &json!({"user_id": "u1"}))).is_ok());
    }
}
