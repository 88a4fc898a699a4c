//! What is reported, and what the process holds.

use std::fs;

use copilot_api::{
    NewEvent,
    types::{CustomEventPayload, Event},
};

use crate::Failure;

/// The subtype that the server refuses.
pub(crate) const REFUSED: &str = "refused";
/// One of so many is refused.
pub(crate) const REFUSED_OF: u64 = 100;
/// So many users there are: enough that every lane is used.
const USERS: u64 = 1000;

/// The event of that number.
pub(crate) fn event(number: u64, subtype: &str) -> Result<Event, Failure> {
    let payload = CustomEventPayload::builder()
        .subtype(subtype)
        .user_id(format!("user-{}", number % USERS))
        .thing_id("A4:CF:12:00:9B:3E")
        .build()?;
    Ok(payload.event())
}

/// The most memory that this process has held so far, in KiB.
pub(crate) fn peak_kib() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("/proc has no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
