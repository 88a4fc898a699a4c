//! Making events: from a payload, or from JSON.

use std::{collections::BTreeMap, fmt};

use copilot_gen::{
    EventPayload,
    contract::Violation,
    json::{Json, SyntaxError},
    types::{Event, EventId, PropertyValue},
};
use serde_json::Value;
use uuid::Uuid;

use crate::EventTimestamp;

/// Makes an event of a payload, in one line.
///
/// ```
/// use copilot_api::{EventTimestamp, NewEvent, types::ThingConnectedPayload};
///
/// let payload = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").user_id("user-7").build()?;
/// let now = payload.clone().event();
/// let then = payload.event_at(EventTimestamp::from_millis(1_795_509_000_000)?);
/// assert_eq!(now.event_type(), "thing_connected");
/// assert_ne!(now.event_id(), then.event_id());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait NewEvent: EventPayload {
    /// The event, with a new id and this machine's clock as its time.
    fn event(self) -> Event {
        self.event_at(EventTimestamp::now())
    }

    /// The event, with a new id, at that time. A time of chrono or the system is converted first.
    ///
    /// ```
    /// # use copilot_api::{EventTimestamp, NewEvent, types::ThingConnectedPayload};
    /// # let payload = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").build()?;
    /// let event = payload.event_at(EventTimestamp::try_from(chrono::Utc::now())?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn event_at(self, timestamp: EventTimestamp) -> Event {
        self.into_event(new_event_id(), timestamp.into())
    }

    /// The event, under that id, at that time.
    ///
    /// Give your own id where you can derive it from what happened: the same occurrence reported twice is then
    /// recognisable. Copilot.cx does not promise to recognise it.
    ///
    /// ```
    /// # use copilot_api::{EventTimestamp, NewEvent, types::ThingConnectedPayload};
    /// # let payload = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").build()?;
    /// let event = payload.event_with("order-4711".try_into()?, EventTimestamp::now());
    /// assert_eq!(event.event_id().as_str(), "order-4711");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn event_with(self, event_id: EventId, timestamp: EventTimestamp) -> Event {
        self.into_event(event_id, timestamp.into())
    }
}

impl<P: EventPayload> NewEvent for P {}

/// A new id for an event: a UUID of version 7, which sorts by time. 36 characters of the 50 that an id may have.
pub fn new_event_id() -> EventId {
    let mut buffer = Uuid::encode_buffer();
    let id: &str = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
    #[expect(
        clippy::expect_used,
        reason = "hexadecimal digits and hyphens fit the contract; a test holds it"
    )]
    id.try_into().expect("a UUID is an event id")
}

/// Properties of your own, for `extra` and `custom_properties`: strings, booleans, decimals, and whole numbers of a type
/// that fits an `i64`.
///
/// ```
/// use copilot_api::{NewEvent, properties, types::CustomEventPayload};
///
/// let event = CustomEventPayload::builder()
///     .subtype("recipe_started")
///     .user_id("user-7")
///     .extra(properties! { "recipe" => "Oolong, second infusion", "target_celsius" => 85, "shared" => false })
///     .build()?
///     .event();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! properties {
    ($($name:expr => $value:expr),* $(,)?) => {
        $crate::collect_properties([
            $((::std::string::String::from($name), $crate::types::PropertyValue::from($value))),*
        ])
    };
}

#[doc(hidden)]
pub fn collect_properties<const N: usize>(
    properties: [(String, PropertyValue); N],
) -> BTreeMap<String, PropertyValue> {
    BTreeMap::from(properties)
}

/// Reads one event from JSON text and holds it against the contract, with this machine's clock.
///
/// Numbers and names are judged as they are written, whatever features of `serde_json` are on in the program.
///
/// # Errors
///
/// When the text is not JSON: the error says what is wrong, at which line and column. When the value breaks rules of the
/// contract: the error lists every one, with its place.
///
/// ```
/// let wrong = r#"{"type": "user_deleted", "event_id": "e-1", "timestamp": 1, "payload": {"user_id": "a b"}}"#;
/// let error = copilot_api::parse_event(wrong).unwrap_err();
/// let places: Vec<&str> = error.violations().iter().map(|violation| violation.pointer()).collect();
/// assert_eq!(places, ["/payload/user_id", "/timestamp"]);
/// ```
pub fn parse_event(json: &str) -> Result<Event, InvalidEvent> {
    event_from_json(Json::parse(json).map_err(|error| InvalidEvent::new(Problem::Syntax(error)))?)
}

/// As [`parse_event`], from a JSON value. What was lost when that was read is not seen here: of a name that stood twice
/// a `Value` holds one.
///
/// # Errors
///
/// When the value breaks rules of the contract.
pub fn event_from_value(value: Value) -> Result<Event, InvalidEvent> {
    event_from_json(Json::from(&value))
}

fn event_from_json(json: Json) -> Result<Event, InvalidEvent> {
    let violations = Event::violations_in(&json, EventTimestamp::now().as_millis());
    if !violations.is_empty() {
        return Err(InvalidEvent::new(Problem::Violations(violations)));
    }
    Event::try_from(json).map_err(|_| InvalidEvent::new(Problem::Type))
}

/// Holds an event against the contract, with this machine's clock, as `collect` does before it sends.
///
/// # Errors
///
/// When the event breaks rules of the contract: the error lists every one, with its place.
pub fn check_event(event: &Event) -> Result<(), InvalidEvent> {
    let violations = event.violations(EventTimestamp::now().as_millis());
    if violations.is_empty() { Ok(()) } else { Err(InvalidEvent::new(Problem::Violations(violations))) }
}

/// Why a JSON text is not an event. Repeats no value of it.
#[derive(Debug)]
pub struct InvalidEvent {
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Syntax(SyntaxError),
    Violations(Vec<Violation>),
    Type,
}

impl InvalidEvent {
    fn new(problem: Problem) -> Self {
        Self { problem }
    }

    /// Every rule that the value breaks. Empty when the text is not JSON at all.
    pub fn violations(&self) -> &[Violation] {
        match &self.problem {
            Problem::Violations(violations) => violations,
            Problem::Syntax(_) | Problem::Type => &[],
        }
    }
}

impl fmt::Display for InvalidEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Syntax(error) => error.fmt(f),
            Problem::Violations(violations) => write!(f, "{}", Listed(violations)),
            Problem::Type => f.write_str("not an event of this version of the contract"),
        }
    }
}

impl std::error::Error for InvalidEvent {}

/// Violations in one line.
pub(crate) struct Listed<'a>(pub(crate) &'a [Violation]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, violation) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        Ok(())
    }
}
