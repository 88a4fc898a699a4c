//! This machine's clock.

use copilot_api::EventTimestamp;

/// Milliseconds since 1970.
pub(crate) fn now() -> i64 {
    EventTimestamp::now().as_millis()
}
