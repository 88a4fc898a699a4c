//! How far the server's clock is from this machine's.

use std::time::{Instant, SystemTime};

use reqwest::header::{AGE, HeaderMap};

use crate::{error::date, time::millis_of};

/// How far the server's clock is ahead of this machine's, as far as one answer tells.
///
/// `Date` says whole seconds, of which the middle is taken, and is held against the middle of the time between sending
/// and receiving.
///
/// ```
/// use copilot_api::attempt::ClockOffset;
///
/// let offset = ClockOffset { millis: -90_000, uncertainty_millis: 540 };
/// let is_off = offset.millis.unsigned_abs() > offset.uncertainty_millis;
/// assert!(is_off, "this machine is ahead by 89 s at least");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// The server's clock minus this machine's, in milliseconds.
    pub millis: i64,
    /// By how much it may be more or less, in milliseconds: half of the round trip, and half of a second.
    pub uncertainty_millis: u64,
}

/// Half of the second that `Date` names.
const HALF_A_SECOND: u64 = 500;

/// When a request was sent.
pub(super) struct Sending {
    clock: SystemTime,
    /// The clock that is never put back.
    began: Instant,
}

impl Sending {
    pub(super) fn now() -> Self {
        Self { clock: SystemTime::now(), began: Instant::now() }
    }

    /// What an answer says that was received now. Nothing where it tells no time, or an intermediary kept it for a while.
    pub(super) fn received(&self, headers: &HeaderMap) -> Option<ClockOffset> {
        let round_trip = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        offset(headers, self.clock, round_trip)
    }
}

fn offset(headers: &HeaderMap, sent: SystemTime, round_trip_millis: u64) -> Option<ClockOffset> {
    if headers.contains_key(AGE) {
        return None;
    }
    let half = round_trip_millis / 2;
    let server = millis_of(date(headers)?) + i128::from(HALF_A_SECOND);
    let here = millis_of(sent) + i128::from(half);
    Some(ClockOffset {
        millis: i64::try_from(server - here).ok()?,
        uncertainty_millis: half.saturating_add(HALF_A_SECOND),
    })
}
