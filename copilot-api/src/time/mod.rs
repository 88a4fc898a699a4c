//! The two forms of time that the Server API uses.
//!
//! What you send is epoch milliseconds ([`EventTimestamp`]); what the API returns is ISO 8601 text
//! ([`UtcTimestamp`]).

mod event_timestamp;
mod utc_timestamp;

use std::fmt;

pub use event_timestamp::EventTimestamp;
pub use utc_timestamp::UtcTimestamp;

/// Why something is not a timestamp of this API.
///
/// ```
/// use copilot_api::{TimestampError, UtcTimestamp};
///
/// assert_eq!("2026-02-30T00:00:00.000Z".parse::<UtcTimestamp>(), Err(TimestampError::NoSuchDay));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampError {
    /// The time lies outside the range that the type holds. All three are milliseconds since 1970.
    OutOfRange {
        /// The time.
        millis: i128,
        /// The earliest that the type holds.
        earliest: i64,
        /// The latest that the type holds.
        latest: i64,
    },
    /// The text is not of the form `2019-01-29T16:31:57.121Z`. Holds the rule that it breaks.
    Malformed(String),
    /// The text has the right form but names a day that does not exist.
    NoSuchDay,
}

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { millis, earliest, latest } => {
                write!(f, "{millis} ms since 1970 is not between {earliest} and {latest}")
            }
            Self::Malformed(rule) => write!(f, "not a UTC timestamp with milliseconds: {rule}"),
            Self::NoSuchDay => f.write_str("not a UTC timestamp: there is no such day"),
        }
    }
}

impl std::error::Error for TimestampError {}

/// The milliseconds, if they lie in the range.
fn in_range(millis: i128, earliest: i64, latest: i64) -> Result<i64, TimestampError> {
    i64::try_from(millis)
        .ok()
        .filter(|millis| (earliest..=latest).contains(millis))
        .ok_or(TimestampError::OutOfRange { millis, earliest, latest })
}

/// Milliseconds since 1970, rounded down; negative before 1970.
pub(crate) fn millis_of(time: std::time::SystemTime) -> i128 {
    let millis = |span: std::time::Duration| i128::try_from(span.as_millis()).unwrap_or(i128::MAX);
    match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => {
            let before = before.duration();
            -millis(before) - i128::from(before.subsec_nanos() % 1_000_000 != 0)
        }
    }
}
