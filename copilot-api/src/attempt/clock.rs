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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, SystemTime};

    use reqwest::header::{AGE, DATE, HeaderMap, HeaderValue};

    use super::{ClockOffset, offset};

    #[test]
    fn the_middle_of_the_servers_second_is_held_against_the_middle_of_the_round_trip() {
        // 12:00:00.250
        let sent = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_521_600_250);
        // `Date`, `Age`, the round trip, and what that tells.
        let table = [
            ("Tue, 24 Nov 2026 12:00:00 GMT", None, 500, Some((0, 750))),
            ("Tue, 24 Nov 2026 12:00:00 GMT", None, 0, Some((250, 500))),
            ("Tue, 24 Nov 2026 12:01:30 GMT", None, 101, Some((90_200, 550))),
            ("Tuesday, 24-Nov-26 11:00:00 GMT", None, 0, Some((250 - 3_600_000, 500))),
            ("Thu, 01 Jan 1970 00:00:00 GMT", None, 0, Some((500 - 1_795_521_600_250, 500))),
            ("Tue, 24 Nov 2026 12:00:00 GMT", Some("0"), 0, None),
            ("Tue, 24 Nov 2026 12:00:00 GMT", Some("soon"), 0, None),
            ("noon", None, 0, None),
            ("", None, 0, None),
        ];
        for (date, age, round_trip, expected) in table {
            let mut headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static(date))]);
            headers.extend(age.map(|age| (AGE, HeaderValue::from_static(age))));
            let expected =
                expected.map(|(millis, uncertainty_millis)| ClockOffset { millis, uncertainty_millis });
            assert_eq!(offset(&headers, sent, round_trip), expected, "{date}, {age:?}, {round_trip}");
        }
        assert_eq!(offset(&HeaderMap::new(), sent, 0), None);
    }
}
