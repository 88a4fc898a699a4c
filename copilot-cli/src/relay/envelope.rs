//! The body of `collect`: what is around the events, and each event as it is written.

use std::{borrow::Cow, collections::HashMap, fmt};

use copilot_api::{InvalidInput, parse_event, types::Event};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// How many events a request may have. As many good ones hardly fit into a body; of bad ones each costs an answer of its own.
const MOST: usize = 10_000;
/// How many broken rules of one event an answer tells.
const TOLD: usize = 10;

/// An event of the request that was refused. One without an id of its own is told by its place alone.
#[derive(Debug, serde::Serialize)]
pub(super) struct InvalidEvent {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_id: Option<String>,
    pub(super) index: usize,
    pub(super) error: String,
}

/// What a request brought.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The events that keep to the contract, with their places.
    pub(super) events: Vec<(usize, Event)>,
    pub(super) invalid: Vec<InvalidEvent>,
}

/// Reads a body of `collect` and holds each event against the contract. The error says why the body as a whole is refused, and
/// repeats nothing of it.
pub(super) fn read(body: &[u8]) -> Result<Batch, String> {
    let text = std::str::from_utf8(body)
        .map_err(|error| format!("the body is not UTF-8, from byte {} on", error.valid_up_to()))?;
    let mut batch = Batch::default();
    for (index, written) in written(text)?.into_iter().enumerate() {
        match parse_event(written.get()) {
            Ok(event) => batch.events.push((index, event)),
            Err(invalid) => {
                // Half of a pair of surrogates, or brackets without end: no value was read, so that nobody can tell what it says.
                if let Some(unreadable) = invalid.violations().iter().find(|broken| broken.rule() == "json") {
                    let message = unreadable.message();
                    return Err(format!("the body cannot be read: {message}, in /events/{index}"));
                }
                let event_id = event_id(written.get());
                batch.invalid.push(InvalidEvent { event_id, index, error: words(&invalid) });
            }
        }
    }
    Ok(batch)
}

/// What an event breaks, in one line.
pub(super) fn words(invalid: &InvalidInput) -> String {
    told(invalid.violations())
}

/// The same, of its rules.
pub(super) fn told(broken: &[impl fmt::Display]) -> String {
    let mut words: Vec<String> = broken.iter().take(TOLD).map(ToString::to_string).collect();
    let left_out = broken.len().saturating_sub(TOLD);
    if left_out > 0 {
        words.push(format!("and {left_out} more"));
    }
    words.join("; ")
}

/// The id that an event has, whatever else is wrong with it. Of several, the last.
fn event_id(json: &str) -> Option<String> {
    let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(json).ok()?;
    serde_json::from_str(members.get("event_id")?.get()).ok()
}

/// The events of a body, as they are written in it.
fn written(text: &str) -> Result<Vec<&RawValue>, String> {
    const ARRAY: &str = "/events: is not an array of events";
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        // The words of these would repeat what was sent.
        serde_json::error::Category::Data => "the body is not of type \"object\"".to_owned(),
        _ => format!("the body cannot be read: {error}"),
    })?;
    if let Some(rule) = envelope.broken {
        return Err(rule.to_owned());
    }
    let events: Vec<&RawValue> = match envelope.events {
        Some(events) => serde_json::from_str(events.get()).map_err(|_| ARRAY.to_owned())?,
        None => return Err("/events: is missing (required, observed)".to_owned()),
    };
    if events.len() > MOST {
        return Err(format!("/events: has more than {MOST} items: send fewer a request"));
    }
    if events.is_empty() {
        return Err("/events: has less than 1 item (minItems, observed)".to_owned());
    }
    Ok(events)
}

/// The object around the events.
#[derive(Default)]
struct Envelope<'a> {
    events: Option<&'a RawValue>,
    /// A rule that it breaks.
    broken: Option<&'static str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Envelope<'de>, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if name != "events" {
                members.next_value::<IgnoredAny>()?;
                envelope.broken =
                    Some("the body has a member that is not `events` (additionalProperties, assumed)");
            } else if envelope.events.replace(members.next_value()?).is_some() {
                envelope.broken = Some("/events: stands twice (x-unique-names, assumed)");
            }
        }
        Ok(envelope)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_body_that_is_no_batch_is_refused_as_a_whole_and_is_not_repeated() {
        let bodies = [
            r#""secret""#,
            r#"["secret"]"#,
            r#"{"events":"secret"}"#,
            r#"{"events":{"secret":1}}"#,
            r#"{"events":[]}"#,
            "{}",
            r#"{"events":[{}],"secret":1}"#,
            r#"{"events":[{}],"events":[{}]}"#,
            r#"{"events":[{}]} secret"#,
            r#"{"events":[{"event_id":"\ud800"}]}"#,
            "\u{feff}{\"events\":[{}]}",
            r#"{"events":[{]}"#,
        ];
        for body in bodies {
            let refused = read(body.as_bytes()).unwrap_err();
            assert!(!refused.contains("secret"), "{refused}");
        }
        assert!(read(b"{\"events\":[\"\xff\"]}").is_err());
        let many = |events| format!("{{\"events\":[{}0]}}", "0,".repeat(events - 1));
        assert!(read(many(MOST + 1).as_bytes()).is_err());
        assert_eq!(read(many(MOST).as_bytes()).unwrap().invalid.len(), MOST);
    }

    #[test]
    fn a_bad_event_is_told_by_its_place_and_the_last_of_its_ids() {
        let body = r#"{"events":[7,{"event_id":"first","event_id":"e-1","type":"none"}]}"#;
        let batch = read(body.as_bytes()).unwrap();
        let told: Vec<_> =
            batch.invalid.iter().map(|event| (event.index, event.event_id.as_deref())).collect();
        assert_eq!(told, [(0, None), (1, Some("e-1"))]);
        assert!(batch.events.is_empty());
    }
}
