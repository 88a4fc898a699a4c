//! Epoch milliseconds, the form of every time that is sent.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::{DateTime, TimeZone, Utc};
use copilot_gen::{
    schemas,
    types::{EpochMillis, EventTime},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{TimestampError, UtcTimestamp, in_range, millis_of};

/// When an event happened: whole milliseconds since 1970-01-01T00:00:00Z.
///
/// Holds 1970 to the end of the year 9999 (`assumed`), and is an integer in JSON (`documented`). Copilot.cx takes
/// events of the last 30 days only (`documented`); that depends on the clock and is checked when an event is sent.
///
/// ```
/// use copilot_api::EventTimestamp;
///
/// let seen = EventTimestamp::from_millis(1_795_509_000_000)?;
/// assert_eq!(seen.as_millis(), 1_795_509_000_000);
/// assert_eq!(seen.to_string(), "2026-11-24T08:30:00.000Z");
/// # Ok::<(), copilot_api::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTimestamp(i64);

const fn bound(bound: Option<(i64, copilot_gen::contract::Provenance)>, unbounded: i64) -> i64 {
    match bound {
        Some((bound, _)) => bound,
        None => unbounded,
    }
}

impl EventTimestamp {
    /// The earliest: the start of 1970.
    pub const MIN: Self = Self(bound(schemas::EVENT_TIME.minimum, 0));
    /// The latest: the last millisecond of the year 9999.
    pub const MAX: Self = Self(bound(schemas::EVENT_TIME.maximum, i64::MAX));

    /// How far an event may lie in the past when it is sent, in milliseconds (`documented`).
    pub const WINDOW_PAST_MILLIS: i64 = match &schemas::EVENT_TIME.window {
        Some(window) => window.past,
        None => i64::MAX,
    };

    /// This machine's clock, rounded down to the millisecond. A clock set before 1970 gives [`MIN`](Self::MIN).
    pub fn now() -> Self {
        Self::try_from(SystemTime::now()).unwrap_or(Self::MIN)
    }

    /// From milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// When they lie outside [`MIN`](Self::MIN) to [`MAX`](Self::MAX).
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        in_range(millis.into(), Self::MIN.0, Self::MAX.0).map(Self)
    }

    /// From seconds since 1970.
    ///
    /// # Errors
    ///
    /// When they lie outside [`MIN`](Self::MIN) to [`MAX`](Self::MAX).
    pub fn from_secs(secs: i64) -> Result<Self, TimestampError> {
        in_range(i128::from(secs) * 1000, Self::MIN.0, Self::MAX.0).map(Self)
    }

    /// Milliseconds since 1970.
    pub fn as_millis(self) -> i64 {
        self.0
    }
}

/// As ISO 8601, like [`UtcTimestamp`].
impl fmt::Display for EventTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        UtcTimestamp::from(*self).fmt(f)
    }
}

impl TryFrom<i64> for EventTimestamp {
    type Error = TimestampError;

    fn try_from(millis: i64) -> Result<Self, TimestampError> {
        Self::from_millis(millis)
    }
}

/// Rounds down to the millisecond.
impl<Tz: TimeZone> TryFrom<DateTime<Tz>> for EventTimestamp {
    type Error = TimestampError;

    fn try_from(time: DateTime<Tz>) -> Result<Self, TimestampError> {
        Self::from_millis(time.timestamp_millis())
    }
}

/// Rounds down to the millisecond.
impl TryFrom<SystemTime> for EventTimestamp {
    type Error = TimestampError;

    fn try_from(time: SystemTime) -> Result<Self, TimestampError> {
        in_range(millis_of(time), Self::MIN.0, Self::MAX.0).map(Self)
    }
}

impl TryFrom<UtcTimestamp> for EventTimestamp {
    type Error = TimestampError;

    fn try_from(time: UtcTimestamp) -> Result<Self, TimestampError> {
        Self::from_millis(time.as_millis())
    }
}

impl TryFrom<EventTime> for EventTimestamp {
    type Error = TimestampError;

    fn try_from(time: EventTime) -> Result<Self, TimestampError> {
        Self::from_millis(time.0)
    }
}

impl From<EventTimestamp> for EventTime {
    fn from(time: EventTimestamp) -> Self {
        Self(time.0)
    }
}

impl From<EventTimestamp> for EpochMillis {
    fn from(time: EventTimestamp) -> Self {
        Self(time.0)
    }
}

impl From<EventTimestamp> for i64 {
    fn from(time: EventTimestamp) -> Self {
        time.0
    }
}

impl From<EventTimestamp> for SystemTime {
    fn from(time: EventTimestamp) -> Self {
        // Never negative, and the year 9999 is in range of every platform's clock.
        UNIX_EPOCH + Duration::from_millis(time.0.unsigned_abs())
    }
}

impl From<EventTimestamp> for DateTime<Utc> {
    fn from(time: EventTimestamp) -> Self {
        DateTime::from_timestamp_millis(time.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Serialize for EventTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for EventTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_millis(i64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for EventTimestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EventTimestamp".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        EventTime::json_schema(generator)
    }
}
