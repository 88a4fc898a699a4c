//! How fast requests of one operation go: freely, slowly after failures, or not at all while the endpoint refuses everything.

use std::time::Duration;

use tokio::time::Instant;

use crate::snapshot::Pause;

/// The longest wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest that a server is heeded that asks for more: an hour.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// How many requests may begin now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// As many as there is work for.
    Freely,
    /// One, while no other of this operation is on its way.
    One,
    /// A few of one item each, of different lanes, to learn whether the endpoint takes anything.
    Probe,
    /// None before that moment.
    Not(Instant),
}

/// The pace of one operation.
#[derive(Debug)]
pub(super) struct Pace {
    state: State,
    /// Failures in a row.
    failures: u32,
    /// The number of the last request that had begun when the state was last left open: what it or an earlier one brings says
    /// nothing of the endpoint as it is since.
    since: u64,
}

#[derive(Debug)]
enum State {
    Open,
    Slow { until: Instant },
    Paused { why: Pause, probe_at: Instant },
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { state: State::Open, failures: 0, since: 0 }
    }

    pub(super) fn allowed(&self, now: Instant) -> Allowed {
        match &self.state {
            State::Open => Allowed::Freely,
            State::Slow { until } if *until <= now => Allowed::One,
            State::Paused { probe_at, .. } if *probe_at <= now => Allowed::Probe,
            State::Slow { until: moment } | State::Paused { probe_at: moment, .. } => Allowed::Not(*moment),
        }
    }

    /// Why nothing goes, while nothing does.
    pub(super) fn pause(&self) -> Option<&Pause> {
        if let State::Paused { why, .. } = &self.state { Some(why) } else { None }
    }

    pub(super) fn is_slow(&self) -> bool {
        matches!(self.state, State::Slow { .. })
    }

    /// The endpoint took the request of that number. Gives the pause that this ended.
    pub(super) fn taken(&mut self, request: u64) -> Option<Pause> {
        if request <= self.since {
            return None;
        }
        self.failures = 0;
        match std::mem::replace(&mut self.state, State::Open) {
            State::Paused { why, .. } => Some(why),
            _ => None,
        }
    }

    /// No answer, or one that asks for time, after so many requests had begun. `random` is uniform between 0 and 1. A pause
    /// goes on.
    pub(super) fn failed(&mut self, now: Instant, begun: u64, retry_after: Option<Duration>, random: f64) {
        self.failures = self.failures.saturating_add(1);
        let until = now + self.wait(random).max(retry_after.unwrap_or_default().min(LONGEST_ASKED));
        match &mut self.state {
            State::Paused { probe_at, .. } => *probe_at = until.max(*probe_at),
            // Of requests that were on their way together, the one that asks for the longest wait counts.
            State::Slow { until: earlier } => *earlier = until.max(*earlier),
            State::Open => (self.state, self.since) = (State::Slow { until }, begun),
        }
    }

    /// The endpoint refuses what it gets, whatever that is, after so many requests had begun. Gives whether this is new.
    pub(super) fn refused(&mut self, now: Instant, begun: u64, why: Pause, random: f64) -> bool {
        self.failures = self.failures.saturating_add(1);
        let probe_at = now + self.wait(random);
        let is_new = self.pause() != Some(&why);
        if self.pause().is_none() {
            self.since = begun;
        }
        self.state = State::Paused { why, probe_at };
        is_new
    }

    /// Something changed that may end a wait: tries at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        match &mut self.state {
            State::Open => {}
            State::Slow { until: moment } | State::Paused { probe_at: moment, .. } => *moment = now,
        }
    }

    /// Between a half and the whole of a span that doubles with each failure: never at once, never all couriers together.
    fn wait(&self, random: f64) -> Duration {
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures.saturating_sub(1)));
        doubled.min(LONGEST_WAIT).mul_f64(random.mul_add(0.5, 0.5))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Allowed, Pace};
    use crate::snapshot::Pause;

    const WHY: Pause = Pause::Status(401);

    #[test]
    fn failures_wait_longer_each_time_and_success_ends_it() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..9 {
            pace.failed(now, 1, None, 1.0);
            let Allowed::Not(until) = pace.allowed(now) else { panic!("no wait") };
            waits.push((until - now).as_millis());
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(pace.allowed(now + Duration::from_secs(30)), Allowed::One);
        assert_eq!(pace.taken(2), None);
        assert_eq!(pace.allowed(now), Allowed::Freely);
        pace.failed(now, 2, None, 0.0);
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_millis(250)));
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        pace.failed(now, 2, Some(Duration::from_secs(7)), 1.0);
        pace.failed(now, 2, None, 1.0);
        // One that had begun before the server asked.
        pace.taken(1);
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_secs(7)));
        pace.failed(now, 2, Some(Duration::MAX), 1.0);
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_secs(3600)));
    }

    #[test]
    fn a_pause_probes_and_is_told_once() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        assert!(pace.refused(now, 1, WHY, 1.0));
        assert!(!pace.refused(now, 2, WHY, 1.0));
        assert_eq!(pace.pause(), Some(&WHY));
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_secs(1)));
        // No answer to a probe says nothing of the refusal.
        pace.failed(now, 3, None, 1.0);
        assert_eq!(pace.allowed(now + Duration::from_secs(2)), Allowed::Probe);
        pace.refused(now, 4, WHY, 1.0);
        pace.hurry(now);
        assert_eq!(pace.allowed(now), Allowed::Probe);
        assert_eq!(pace.taken(1), None, "it had begun before the pause");
        // A probe: others of it may have been refused since.
        assert_eq!(pace.taken(2), Some(WHY));
    }
}
