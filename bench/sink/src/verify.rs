//! Whether what arrives is what all contestants are to send.

use std::collections::HashSet;

use contest::event;
use serde_json::Value;

/// The strings that every event holds, wherever the client puts them.
const STRINGS: [&str; 4] = [event::SUBTYPE, event::USER_ID, event::THING_ID, event::TEXT_VALUE];

#[derive(Default)]
pub(crate) struct Verdict {
    /// Events with the five properties.
    pub(crate) right: u64,
    /// Events without one of them, and bodies that hold no events.
    pub(crate) wrong: u64,
    /// The events' own numbers.
    pub(crate) numbers: HashSet<i64>,
}

impl Verdict {
    pub(crate) fn add(&mut self, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(events) = ["events", "batch"].iter().find_map(|name| body.get(name)?.as_array()) else {
            self.wrong += 1;
            return;
        };
        for event in events {
            let mut missing = STRINGS.to_vec();
            let mut number = None;
            look(event, &mut missing, &mut number);
            match number {
                Some(number) if missing.is_empty() => {
                    self.right += 1;
                    self.numbers.insert(number);
                }
                _ => self.wrong += 1,
            }
        }
    }
}

/// Takes the strings that are there from `missing`, each as often as it is there, and finds the number by its name.
fn look(value: &Value, missing: &mut Vec<&str>, number: &mut Option<i64>) {
    match value {
        Value::String(text) => {
            if let Some(at) = missing.iter().position(|wanted| wanted == text) {
                missing.swap_remove(at);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                if name == event::NUMBER {
                    *number = value.as_i64();
                }
                look(value, missing, number);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| look(item, missing, number)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(events: &str) -> (u64, u64, usize) {
        let mut verdict = Verdict::default();
        verdict.add(format!(r#"{{"batch":[{events}]}}"#).as_bytes());
        (verdict.right, verdict.wrong, verdict.numbers.len())
    }

    #[test]
    fn an_event_holds_all_five_properties_wherever_they_stand() {
        let right = r#"{"event":"recipe_started","userId":"7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10","properties":
            {"thing_id":"A4:CF:12:00:9B:3E","recipe":"Oolong, second infusion","target_celsius":7}}"#;
        assert_eq!(verdict(right), (1, 0, 1));
        assert_eq!(verdict(&[right, right].join(",")), (2, 0, 1));
        assert_eq!(verdict(&right.replace("A4:CF", "A4:CE")), (0, 1, 0));
        assert_eq!(verdict(&right.replace(":7", ":\"7\"")), (0, 1, 0));
        assert_eq!(verdict("7 7"), (0, 1, 0));
    }
}
