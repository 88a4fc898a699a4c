//! Tells a timeout of tokio's paused clock from one that took its time.

use std::{error::Error as StdError, fmt, time::Instant};

/// A timeout that fired since the clock is paused.
#[derive(Debug)]
pub(crate) struct PausedClock(reqwest::Error);

impl PausedClock {
    /// Takes the error if it is one.
    pub(crate) fn try_from(error: reqwest::Error) -> Result<Self, reqwest::Error> {
        if error.is_timeout() && is_paused() { Ok(Self(error)) } else { Err(error) }
    }
}

/// Whether time stands still for tokio while it goes on for the system.
fn is_paused() -> bool {
    let (before, system) = (tokio::time::Instant::now(), Instant::now());
    while Instant::now() == system {
        std::hint::spin_loop();
    }
    tokio::time::Instant::now() == before
}

impl fmt::Display for PausedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tokio's clock is paused, which lets a timeout fire as soon as every task waits")
    }
}

impl StdError for PausedClock {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}
