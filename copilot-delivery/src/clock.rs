//! This machine's clock.

use std::time::SystemTime;

/// Nanoseconds since 1970; 0 before.
pub(crate) fn nanos() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    since.as_secs().saturating_mul(1_000_000_000).saturating_add(since.subsec_nanos().into())
}

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    millis(nanos())
}

pub(crate) fn millis(nanos: u64) -> i64 {
    i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX)
}
