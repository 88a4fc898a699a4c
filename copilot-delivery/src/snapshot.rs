//! What can be seen of delivery from outside.

use std::{fmt, time::Duration};

use copilot_api::attempt::ClockOffset;

use crate::outbox::{Counts, HeldUp};

/// What delivery looks like at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The counts of the outbox, in one consistent reading.
    pub counts: Counts,
    /// How long the oldest pending item has waited.
    pub oldest_age: Option<Duration>,
    /// The requests on their way.
    pub in_flight: usize,
    /// Why no events go, while none do.
    pub events_paused: Option<Pause>,
    /// Why no changes of consent go, while none do.
    pub consent_paused: Option<Pause>,
    /// Why requests wait between attempts, while they do: the status of the last answer, `connect`, `timeout` or `transport`.
    pub slowed: Option<String>,
    /// The server's clock minus this machine's, as the last answer showed it.
    pub clock_offset: Option<ClockOffset>,
    /// Why the outbox cannot be emptied, while it cannot. Without personal data.
    pub outbox_error: Option<String>,
    /// Whom the outbox waits for before it lets items be read, while it does.
    pub held_up: Option<HeldUp>,
    /// Whether the courier runs.
    pub running: bool,
}

/// Why nothing goes: all is kept, and tried again now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pause {
    /// The server answers with this status.
    Status(u16),
    /// The client cannot make a connection that it could trust, or is set up wrong.
    Configuration,
    /// The server refuses every item, one by one.
    RefusesEverything,
    /// The server's answers of success cannot be read: it may not be Copilot.cx.
    Unreadable,
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(401) => f.write_str("401: the credentials are refused"),
            Self::Status(403) => f.write_str("403: the credentials may not do this"),
            Self::Status(404 | 405) => {
                f.write_str("404 or 405: there is no Copilot.cx at the endpoint's URL")
            }
            Self::Status(status) => write!(f, "the endpoint answers {status}"),
            Self::Configuration => f.write_str("the connection is set up wrong"),
            Self::RefusesEverything => f.write_str("the endpoint refuses every item"),
            Self::Unreadable => f.write_str("the endpoint's answers of success cannot be read"),
        }
    }
}

/// An answer for a probe of a load balancer or an orchestrator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// Items are delivered.
    Ready,
    /// Items are kept, and delivery is slow or will soon meet trouble. In words, without personal data.
    Degraded(String),
    /// Items are kept, and none is delivered until somebody acts. In words, without personal data.
    Stuck(String),
}

/// The offset of clocks at which it is told: Copilot.cx refuses events of more than five minutes ahead (`assumed`).
const TOLD_OFFSET_MILLIS: u64 = 60_000;

/// The age of a transaction that items wait for at which it is told.
const TOLD_AGE: Duration = Duration::from_secs(10);

impl Snapshot {
    /// Whether items are delivered, in a word.
    pub fn health(&self) -> Health {
        let paused = self.events_paused.or(self.consent_paused);
        if !self.running {
            return Health::Stuck("the courier does not run".to_owned());
        }
        if let Some(error) = &self.outbox_error {
            return Health::Stuck(error.clone());
        }
        match paused {
            // Whether it would end now is not known: only items can be sent.
            Some(pause) if self.counts.pending == 0 => {
                return Health::Degraded(format!("{pause}, when something was last sent"));
            }
            Some(pause) => return Health::Stuck(pause.to_string()),
            None => {}
        }
        if let Some(why) = &self.slowed {
            return Health::Degraded(format!("requests fail ({why}), and are tried again"));
        }
        if let Some(held_up) = self.held_up.as_ref().filter(|held_up| held_up.age > TOLD_AGE) {
            let HeldUp { pid, database, age } = held_up;
            let by = pid.map_or_else(
                || "a prepared transaction".to_owned(),
                |pid| format!("the transaction of process {pid}"),
            );
            let age = age.as_secs();
            return Health::Degraded(format!(
                "items wait for {by} in the database {database}, open for {age} s"
            ));
        }
        if let Some(offset) = self.clock_offset.filter(|offset| is_far(*offset)) {
            let (by, than) =
                (offset.millis.unsigned_abs() / 1000, if offset.millis < 0 { "ahead of" } else { "behind" });
            return Health::Degraded(format!("this machine's clock is {by} s {than} the server's"));
        }
        Health::Ready
    }
}

/// Whether clocks differ by so much, for sure, that events may come to be refused.
pub(crate) fn is_far(offset: ClockOffset) -> bool {
    offset.millis.unsigned_abs() > TOLD_OFFSET_MILLIS + offset.uncertainty_millis
}
