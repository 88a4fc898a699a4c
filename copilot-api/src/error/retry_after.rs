//! How long a server asks to wait.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// `Retry-After`, in seconds or as an HTTP date. A date is one of the server's clock, which this machine's may not agree
/// with: it is read against the `Date` of the same answer, where that is one.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, &RETRY_AFTER)?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(date(headers).unwrap_or_else(SystemTime::now)).unwrap_or_default())
}

/// The server's clock, as it stands in its answer (`Date`): in whole seconds.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, &DATE)?).ok()
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

    #[test]
    fn a_date_is_read_against_the_clock_of_the_server() {
        const NOON: &str = "Tue, 24 Nov 2026 12:00:00 GMT";
        // `Retry-After`, `Date`, and the seconds to wait.
        let table = [
            ("7", "", Some(7)),
            ("18446744073709551616", "", Some(u64::MAX)),
            ("Tue, 24 Nov 2026 12:01:30 GMT", NOON, Some(90)),
            ("Tuesday, 24-Nov-26 12:01:30 GMT", NOON, Some(90)),
            ("Tue Nov 24 12:01:30 2026", NOON, Some(90)),
            ("Tue, 24 Nov 2026 11:00:00 GMT", NOON, Some(0)),
            // Without a date to compare with, a past one is past by this machine's clock as well.
            ("Sun, 06 Nov 1994 08:49:37 GMT", "", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", "yesterday", Some(0)),
            ("soon", NOON, None),
            ("-5", NOON, None),
            ("", NOON, None),
        ];
        for (value, date, seconds) in table {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
            headers.insert(DATE, HeaderValue::from_static(date));
            assert_eq!(super::of(&headers), seconds.map(Duration::from_secs), "{value}, {date}");
        }
        assert_eq!(super::of(&HeaderMap::new()), None);
    }
}
