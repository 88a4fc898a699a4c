//! ISO 8601 with milliseconds, the form of every time that the API returns.

use std::{fmt, str::FromStr, time::SystemTime};

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use copilot_gen::schemas;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{EventTimestamp, TimestampError, in_range, millis_of};

/// A point in time as the API writes it: ISO 8601 in UTC, always with three digits of milliseconds and `Z`, for
/// example `2019-01-29T16:31:57.121Z` (`seed`).
///
/// Holds the years 0000 to 9999. Reading takes exactly this form: no offset, no other number of digits, no leap
/// second.
///
/// ```
/// use copilot_api::{EventTimestamp, UtcTimestamp};
///
/// let returned: UtcTimestamp = "2019-01-29T16:31:57.121Z".parse()?;
/// assert_eq!(returned.as_millis(), 1_548_779_517_121);
/// assert_eq!(returned.to_string(), "2019-01-29T16:31:57.121Z");
/// assert_eq!(EventTimestamp::try_from(returned)?.as_millis(), 1_548_779_517_121);
/// # Ok::<(), copilot_api::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTimestamp(i64);

impl UtcTimestamp {
    /// `0000-01-01T00:00:00.000Z`
    pub const MIN: Self = Self(-62_167_219_200_000);
    /// `9999-12-31T23:59:59.999Z`
    pub const MAX: Self = Self(253_402_300_799_999);

    /// This machine's clock, rounded down to the millisecond.
    pub fn now() -> Self {
        Self::try_from(SystemTime::now()).unwrap_or(Self::MAX)
    }

    /// From milliseconds since 1970; negative before.
    ///
    /// # Errors
    ///
    /// When they lie outside [`MIN`](Self::MIN) to [`MAX`](Self::MAX).
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        in_range(millis.into(), Self::MIN.0, Self::MAX.0).map(Self)
    }

    /// Milliseconds since 1970; negative before.
    pub fn as_millis(self) -> i64 {
        self.0
    }
}

impl fmt::Display for UtcTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", DateTime::<Utc>::from(*self).format("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

impl FromStr for UtcTimestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        if let Err(invalid) = schemas::UTC_TIMESTAMP.check(text) {
            return Err(TimestampError::Malformed(invalid.to_string()));
        }
        let number = |from: usize, to: usize| -> Option<u32> { text.get(from..to)?.parse().ok() };
        let time = || {
            let year = i32::try_from(number(0, 4)?).ok()?;
            NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?.and_hms_milli_opt(
                number(11, 13)?,
                number(14, 16)?,
                number(17, 19)?,
                number(20, 23)?,
            )
        };
        time().map(|time| Self(time.and_utc().timestamp_millis())).ok_or(TimestampError::NoSuchDay)
    }
}

/// Rounds down to the millisecond.
impl<Tz: TimeZone> TryFrom<DateTime<Tz>> for UtcTimestamp {
    type Error = TimestampError;

    fn try_from(time: DateTime<Tz>) -> Result<Self, TimestampError> {
        Self::from_millis(time.timestamp_millis())
    }
}

/// Rounds down to the millisecond.
impl TryFrom<SystemTime> for UtcTimestamp {
    type Error = TimestampError;

    fn try_from(time: SystemTime) -> Result<Self, TimestampError> {
        in_range(millis_of(time), Self::MIN.0, Self::MAX.0).map(Self)
    }
}

impl From<EventTimestamp> for UtcTimestamp {
    fn from(time: EventTimestamp) -> Self {
        Self(time.as_millis())
    }
}

impl From<UtcTimestamp> for DateTime<Utc> {
    fn from(time: UtcTimestamp) -> Self {
        DateTime::from_timestamp_millis(time.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Serialize for UtcTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for UtcTimestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UtcTimestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let rules = &schemas::UTC_TIMESTAMP;
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "pattern": rules.pattern.as_ref().map(|(pattern, _)| pattern.source),
            "minLength": rules.min_length.map(|(length, _)| length),
            "maxLength": rules.max_length.map(|(length, _)| length),
        })
    }
}
