//! The accepted events as a type of the caller's.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Deserializer;

use crate::{model::ReceivedEvent, sandbox::Sandbox};

impl Sandbox {
    /// The events that were accepted, in the order of arrival, as a type of the caller's: the whole event, with its
    /// `type`, `event_id`, `timestamp` and `payload`. They are read from the text that was sent.
    ///
    /// ```
    /// # use copilot_sandbox::Sandbox;
    /// #[derive(serde::Deserialize)]
    /// struct Boiled {
    ///     timestamp: i64,
    ///     payload: Kettle,
    /// }
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Kettle {
    ///     thing_id: String,
    ///     litres: f64,
    /// }
    ///
    /// # fn test() -> Result<(), Box<dyn std::error::Error>> {
    /// let sandbox = Sandbox::start()?;
    /// // … your program reports to it …
    /// for boiled in sandbox.accepted_as::<Boiled>()? {
    ///     assert!(boiled.payload.litres < 2.0, "{} at {}", boiled.payload.thing_id, boiled.timestamp);
    /// }
    /// # Ok(()) }
    /// # test().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// When an event does not fit the type, as one of another `type` may.
    pub fn accepted_as<T: DeserializeOwned>(&self) -> Result<Vec<T>, UnexpectedEvent> {
        let accepted = self.accepted();
        accepted.iter().enumerate().map(|(index, event)| typed(index, event)).collect()
    }
}

fn typed<T: DeserializeOwned>(index: usize, event: &ReceivedEvent) -> Result<T, UnexpectedEvent> {
    let mut json = Deserializer::from_str(event.event.get());
    serde_path_to_error::deserialize(&mut json).map_err(|error| UnexpectedEvent {
        index,
        event_type: event.r#type.clone(),
        place: error.path().iter().map(|segment| format!("/{segment}")).collect(),
        expected: expected(&error.inner().to_string()),
    })
}

/// An accepted event does not fit the type that it was asked for as. `Display` has the event's position and `type`, the
/// place in it, and what was expected there; never a value that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnexpectedEvent {
    index: usize,
    event_type: Option<String>,
    place: String,
    expected: Option<String>,
}

impl UnexpectedEvent {
    /// The event's position in [`Sandbox::accepted`], from 0.
    pub fn index(&self) -> usize {
        self.index
    }
}

impl fmt::Display for UnexpectedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, event_type, place, expected } = self;
        let event_type = event_type.as_deref().unwrap_or("without a type");
        let place = if place.is_empty() { "(the whole event)" } else { place };
        write!(f, "accepted event {index} ({event_type}) does not fit, at {place}")?;
        if let Some(expected) = expected {
            write!(f, ": {expected}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnexpectedEvent {}

/// What serde expected, out of its message: all but the value that it found, which can be personal data. A message of
/// another form, as a type's own, may hold the value anywhere, so nothing is told of it.
fn expected(message: &str) -> Option<String> {
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if message.starts_with("missing field `") {
        return Some(message.to_owned());
    }
    let begins =
        ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `", "unknown field `"];
    if !begins.iter().any(|begin| message.starts_with(begin)) {
        return None;
    }
    // The last of them: the value stands before it, and may look like one.
    message.rsplit_once(", expected ").map(|(_, expected)| format!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde::{Deserialize, de::DeserializeOwned};

    use super::expected;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read")]
    struct Kettle {
        litres: u8,
    }

    fn told<T: DeserializeOwned>(json: &str) -> Option<String> {
        expected(&serde_json::from_str::<T>(json).err().unwrap().to_string())
    }

    #[test]
    fn what_serde_expected_is_told_and_never_what_it_found() {
        let kettle = |json, words: &str| assert_eq!(told::<Kettle>(json).unwrap(), words, "{json}");
        kettle(r#"{"litres":"zoequill, expected zoequill"}"#, "expected u8");
        kettle(r#"{"litres":7777}"#, "expected u8");
        kettle(r#"{"litres":1,"zoequill":1}"#, "expected `litres`");
        kettle("{}", "missing field `litres`");
        assert_eq!(told::<(u8, u8)>("[1]").unwrap(), "expected a tuple of size 2");
        assert_eq!(told::<Kettle>(r#"{"litres":1,"litres":1}"#), None);
        let own: serde_json::Error = serde::de::Error::custom("zoequill is no kettle, expected one");
        assert_eq!(expected(&own.to_string()), None);
    }
}
