//! Reading events from JSON, and holding them against the contract.

use copilot_gen::{InvalidInput, json::Json, types::Event};
use serde_json::Value;

use crate::EventTimestamp;

/// Reads one event from JSON text and holds it against the contract, with this machine's clock.
///
/// Numbers and names are judged as they are written, whatever features of `serde_json` are on in the program.
///
/// # Errors
///
/// When the text is not JSON: the error has one violation, of the rule `json`, that says what is wrong at which line and
/// column. When the value breaks rules of the contract: the error lists every one, with its place.
///
/// ```
/// let wrong = r#"{"type": "user_deleted", "event_id": "e-1", "timestamp": 1, "payload": {"user_id": "a b"}}"#;
/// let error = copilot_api::parse_event(wrong).unwrap_err();
/// let places: Vec<&str> = error.violations().iter().map(|violation| violation.pointer()).collect();
/// assert_eq!(places, ["/payload/user_id", "/timestamp"]);
/// ```
pub fn parse_event(json: &str) -> Result<Event, InvalidInput> {
    Event::parse(json, now())
}

/// As [`parse_event`], from a JSON value. What was lost when that was read is not seen here: of a name that stood twice
/// a `Value` holds one.
///
/// # Errors
///
/// When the value breaks rules of the contract.
///
/// ```
/// let error = copilot_api::event_from_value(serde_json::json!({ "type": "user_delighted" })).unwrap_err();
/// assert_eq!(error.violations()[0].pointer(), "/type");
/// ```
pub fn event_from_value(value: Value) -> Result<Event, InvalidInput> {
    Event::from_json(Json::from(&value), now())
}

/// Holds an event against the contract, with this machine's clock, as `collect` does before it sends.
///
/// # Errors
///
/// When the event breaks rules of the contract: the error lists every one, with its place.
///
/// ```
/// use copilot_api::{NewEvent, check_event, types::UserDeletedPayload};
///
/// let in_seconds = UserDeletedPayload::builder().user_id("user-7").event_at(1_795_509_000)?;
/// let error = check_event(&in_seconds).unwrap_err();
/// assert_eq!(error.violations()[0].pointer(), "/timestamp");
/// # Ok::<(), copilot_api::InvalidInput>(())
/// ```
pub fn check_event(event: &Event) -> Result<(), InvalidInput> {
    InvalidInput::if_any(event.violations(now()))
}

fn now() -> i64 {
    EventTimestamp::now().as_millis()
}
