//! How far this machine's clock is from the server's, and what the contract says to that.

use std::time::{Duration, Instant, SystemTime};

use copilot_api::{NewEvent as _, check_event, types::CustomEventPayload};
use reqwest::header::{AGE, DATE, HeaderMap};

use super::report::Report;
use crate::exit::Exit;

/// What `Date` leaves out: it says whole seconds, of which the middle is taken.
const HALF_A_SECOND: i128 = 500;
/// From here on it is said, in milliseconds.
const TOLERATED: i128 = 1000;

/// When a request was sent.
pub(super) struct Clock {
    sent: SystemTime,
    /// The clock that is never put back.
    began: Instant,
}

impl Clock {
    pub(super) fn now() -> Self {
        Self { sent: SystemTime::now(), began: Instant::now() }
    }

    pub(super) fn round_trip(&self) -> Duration {
        self.began.elapsed()
    }

    /// Holds the `Date` of an answer against the middle of the time between sending and receiving.
    pub(super) fn check(&self, headers: &HeaderMap, round_trip: Duration, report: &mut Report) {
        const CHECK: &str = "clock";
        const ADVICE: &str = "let this machine's clock be set by NTP (systemd-timesyncd, chrony)";
        let Some(ahead) = self.ahead(headers, round_trip) else {
            let found = "not known: the answer has no `Date`, or a cache kept it";
            return report.warn(CHECK, found, "see that this machine's clock is set by NTP");
        };
        let uncertain = HALF_A_SECOND + half_millis(round_trip);
        let direction = if ahead > 0 { "ahead of" } else { "behind" };
        let found = format!(
            "this machine's is {} s {direction} the server's (give or take {} s)",
            seconds(ahead.abs()),
            seconds(uncertain)
        );
        if let Some(refusal) = refusal(ahead) {
            report.fail(
                Exit::Usage,
                CHECK,
                &format!("{found}, and events of now are refused: {refusal}"),
                ADVICE,
            );
        } else if ahead.abs() - uncertain > TOLERATED {
            report.warn(CHECK, &found, ADVICE);
        } else {
            report.ok(CHECK, &found);
        }
    }

    /// By how many milliseconds this machine's clock is ahead of the server's. Nothing where the answer tells no time, or an
    /// intermediary kept it for a while.
    fn ahead(&self, headers: &HeaderMap, round_trip: Duration) -> Option<i128> {
        if headers.contains_key(AGE) {
            return None;
        }
        let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?.trim()).ok()?;
        let here = millis(self.sent)? + half_millis(round_trip);
        Some(here - (millis(date)? + HALF_A_SECOND))
    }
}

/// What the contract says to an event of now, as the server sees it: it lies as far from the server's clock as one of that
/// much later lies from this machine's.
fn refusal(ahead: i128) -> Option<String> {
    let seen = i64::try_from(millis(SystemTime::now())? + ahead).ok()?;
    let event = CustomEventPayload::builder().subtype("clock").user_id("clock").event_at(seen);
    event.and_then(|event| check_event(&event)).err().map(|error| error.to_string())
}

fn millis(moment: SystemTime) -> Option<i128> {
    i128::try_from(moment.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis()).ok()
}

fn half_millis(duration: Duration) -> i128 {
    i128::try_from(duration.as_millis() / 2).unwrap_or_default()
}

fn seconds(millis: i128) -> String {
    format!("{}.{}", millis / 1000, millis % 1000 / 100)
}
