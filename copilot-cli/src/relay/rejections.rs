//! What was not accepted last, as the page shows it: without personal data.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use copilot_delivery::{DeadLetters, OutboxError};
use serde_json::{Value, json};

use crate::outbox::Letter;

/// How many are shown.
const SHOWN: usize = 20;
/// How many dead letters are read at once.
const PAGE: usize = 100;
/// A value of fewer characters says nothing of anybody, and stands in many words.
const TOO_SHORT: usize = 3;

/// The newest dead letters, read on from where the last reading ended.
#[derive(Debug, Default)]
pub(super) struct Rejections(Mutex<Read>);

#[derive(Debug, Default)]
struct Read {
    /// The number of the newest that was read.
    last: Option<u64>,
    shown: VecDeque<Value>,
}

impl Rejections {
    /// The newest first.
    pub(super) async fn read(&self, letters: DeadLetters<'_>) -> Result<Vec<Value>, OutboxError> {
        let mut after = self.lock().last;
        if after.is_none() {
            // Of very many that an earlier run left, the newest alone.
            after = newest(&letters).await?.map(|newest| newest.saturating_sub(PAGE as u64));
        }
        loop {
            let mut page = letters.list(after, PAGE).await?;
            let Some(last) = page.last().map(|letter| letter.id) else { break };
            after = Some(last);
            let mut read = self.lock();
            // Another request may have read them in the meantime.
            page.retain(|letter| Some(letter.id) > read.last);
            for letter in page {
                read.last = Some(letter.id);
                read.shown.push_front(shown(&Letter::from(letter)));
            }
            read.shown.truncate(SHOWN);
        }
        Ok(self.lock().shown.iter().cloned().collect())
    }

    fn lock(&self) -> MutexGuard<'_, Read> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of the newest dead letter, found by halves: an outbox lists them from the oldest on.
async fn newest(letters: &DeadLetters<'_>) -> Result<Option<u64>, OutboxError> {
    let (mut low, mut high) = (0, i64::MAX as u64);
    while low < high {
        let middle = low + (high - low) / 2;
        match letters.list(Some(middle), 1).await?.first() {
            Some(letter) => low = letter.id,
            None => high = middle,
        }
    }
    Ok((low > 0).then_some(low))
}

fn shown(letter: &Letter) -> Value {
    let values = values(letter);
    let words: Vec<String> = letter.words.iter().map(|words| without(words, &values)).collect();
    json!({
        "since": letter.since,
        "outcome": letter.outcome,
        "by": letter.by,
        "type": letter.event_type.as_deref().unwrap_or("change of consent"),
        "words": words,
    })
}

/// What the item says of somebody, the longest first: its values, and not the names of its properties.
fn values(letter: &Letter) -> Vec<String> {
    fn gather(value: &Value, values: &mut Vec<String>) {
        match value {
            Value::String(text) => values.push(text.clone()),
            Value::Number(number) => values.push(number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| gather(item, values)),
            Value::Object(members) => members.values().for_each(|member| gather(member, values)),
            Value::Null | Value::Bool(_) => {}
        }
    }
    let mut values = Vec::new();
    let item: Value = serde_json::from_str(letter.json.get()).unwrap_or_default();
    gather(item.get("payload").unwrap_or(&item), &mut values);
    values.retain(|value| value.chars().count() >= TOO_SHORT);
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values
}

/// The words of whoever refused it, which may repeat what was sent, without that.
fn without(words: &str, values: &[String]) -> String {
    let mut words = words.to_owned();
    for value in values {
        let value = value.to_ascii_lowercase();
        // Of the same length, so that places in the one are places in the other.
        while let Some(at) = words.to_ascii_lowercase().find(&value) {
            words.replace_range(at..at + value.len(), "…");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used)]

    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn words_are_shown_without_what_they_repeat() {
        let json = r#"{"type":"user_created","event_id":"e-1","timestamp":1,
                      "payload":{"user_id":"user-7","email":"zoe@example.com","first_name":"Zoë","age":144,"x":"a"}}"#;
        let letter = Letter {
            id: 1,
            since: 0,
            outcome: "rejected".to_owned(),
            by: Some("server".to_owned()),
            words: vec!["Zoe@Example.com of user-7 (Zoë, 144): email is a known one".to_owned()],
            event_type: Some("user_created".to_owned()),
            json: RawValue::from_string(json.to_owned()).unwrap(),
        };
        assert_eq!(shown(&letter)["words"][0], "… of … (…, …): email is a known one");
    }
}
