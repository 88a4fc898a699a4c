//! How fast requests of one operation go: freely, slowly after failures, or not at all while the endpoint refuses everything.

use std::time::Duration;

use tokio::time::Instant;

use crate::snapshot::Pause;

/// The longest wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What part of the time since the first failure a wait is at most: an outage is noticed to be over soon after it is, and
/// what came in meanwhile is not kept for as long again.
const PART: u32 = 10;
/// The longest that a server's `Retry-After` is kept to.
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
    /// Failures in a row, and when they began.
    failures: u32,
    failing_since: Option<Instant>,
    /// Until when the server asked to be left alone.
    asked: Option<Instant>,
    /// The number of the last request that had begun when the state was last left open: what it or an earlier one brings says
    /// nothing of the endpoint as it is since.
    since: u64,
}

/// What a success ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Was {
    Open,
    Slow,
    Paused(Pause),
    /// Nothing: the request had begun before.
    Late,
}

#[derive(Debug)]
enum State {
    Open,
    Slow { until: Instant },
    Paused { why: Pause, probe_at: Instant },
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { state: State::Open, failures: 0, failing_since: None, asked: None, since: 0 }
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

    /// The endpoint took the request of that number.
    pub(super) fn taken(&mut self, request: u64) -> Was {
        if request <= self.since {
            return Was::Late;
        }
        (self.failures, self.failing_since, self.asked) = (0, None, None);
        match std::mem::replace(&mut self.state, State::Open) {
            State::Paused { why, .. } => Was::Paused(why),
            State::Slow { .. } => Was::Slow,
            State::Open => Was::Open,
        }
    }

    /// No answer, or one that asks for time, after so many requests had begun. `random` is uniform between 0 and 1. A pause
    /// goes on. Gives whether this is new.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        begun: u64,
        retry_after: Option<Duration>,
        random: f64,
    ) -> bool {
        let asked = retry_after.map(|asked| now + asked.min(LONGEST_ASKED));
        self.asked = self.asked.max(asked);
        let until = Some(now + self.wait(now, random)).max(asked).unwrap_or(now);
        match &mut self.state {
            State::Paused { probe_at, .. } => *probe_at = until.max(*probe_at),
            // Of requests that were on their way together, the one that asks for the longest wait counts.
            State::Slow { until: earlier } => *earlier = until.max(*earlier),
            State::Open => {
                (self.state, self.since) = (State::Slow { until }, begun);
                return true;
            }
        }
        false
    }

    /// The endpoint refuses what it gets, whatever that is, after so many requests had begun. Gives whether this is new.
    pub(super) fn refused(&mut self, now: Instant, begun: u64, why: Pause, random: f64) -> bool {
        let probe_at = now + self.wait(now, random);
        let is_new = self.pause() != Some(&why);
        if self.pause().is_none() {
            self.since = begun;
        }
        self.state = State::Paused { why, probe_at };
        is_new
    }

    /// Something changed that may end a wait, or somebody waits for the end: tries at once, unless the server asked not to.
    pub(super) fn hurry(&mut self, now: Instant) {
        let soonest = self.asked.map_or(now, |asked| asked.max(now));
        match &mut self.state {
            State::Open => {}
            State::Slow { until: moment } | State::Paused { probe_at: moment, .. } => {
                *moment = soonest.min(*moment)
            }
        }
    }

    /// As [`hurry`](Self::hurry): what the server asked of a former client does not hold for this one.
    pub(super) fn renew(&mut self, now: Instant) {
        self.asked = None;
        self.hurry(now);
    }

    /// After one more failure. Between a half and the whole of a span that doubles with each, as far as the time since the
    /// first allows: never at once, never all couriers together.
    fn wait(&mut self, now: Instant, random: f64) -> Duration {
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        let since = *self.failing_since.get_or_insert(now);
        let part = now.saturating_duration_since(since) / PART;
        doubled.min(LONGEST_WAIT).min(part.max(FIRST_WAIT)).mul_f64(random.mul_add(0.5, 0.5))
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Allowed, LONGEST_ASKED, Pace, Was};
    use crate::snapshot::Pause;

    const WHY: Pause = Pause::Status(401);

    #[test]
    fn failures_wait_longer_each_time_and_success_ends_it() {
        let (mut pace, mut now) = (Pace::new(), Instant::now());
        let mut waits = Vec::new();
        // Each request takes a minute to fail.
        for _ in 0..9 {
            pace.failed(now, 1, None, 1.0);
            let Allowed::Not(until) = pace.allowed(now) else { panic!("no wait") };
            waits.push((until - now).as_millis());
            now = until + Duration::from_secs(60);
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        now -= Duration::from_secs(60) + Duration::from_secs(30);
        assert_eq!(pace.allowed(now + Duration::from_secs(30)), Allowed::One);
        assert_eq!(pace.taken(2), Was::Slow);
        assert_eq!(pace.allowed(now), Allowed::Freely);
        pace.failed(now, 1, None, 0.0);
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_millis(250)));
    }

    #[test]
    fn a_wait_is_a_tenth_of_the_outage_at_most() {
        let (mut pace, began) = (Pace::new(), Instant::now());
        let mut now = began;
        while now < began + Duration::from_secs(600) {
            pace.failed(now, 1, None, 1.0);
            let Allowed::Not(until) = pace.allowed(now) else { panic!("no wait") };
            let most = ((now - began) / 10).clamp(Duration::from_millis(500), Duration::from_secs(30));
            assert!(until - now <= most, "{:?} after {:?}", until - now, now - began);
            now = until;
        }
        // Nor is it asked much more often than that.
        assert!(pace.failures < 70, "{}", pace.failures);
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        assert!(pace.failed(now, 1, Some(Duration::from_secs(7)), 1.0));
        assert!(!pace.failed(now, 1, None, 1.0));
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_secs(7)));
        // One that had begun before the server asked.
        assert_eq!(pace.taken(1), Was::Late);
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_secs(7)));
        // Whoever is in a hurry waits for that, and for nothing else; and what no clock can hold is no wait.
        pace.failed(now, 1, None, 1.0);
        pace.hurry(now);
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_secs(7)));
        pace.taken(2);
        pace.failed(now, 1, None, 1.0);
        pace.hurry(now);
        assert_eq!(pace.allowed(now), Allowed::One);
        pace.failed(now, 1, Some(Duration::MAX), 1.0);
        assert_eq!(pace.allowed(now), Allowed::Not(now + LONGEST_ASKED));
    }

    #[test]
    fn a_pause_probes_and_is_told_once() {
        let (mut pace, now) = (Pace::new(), Instant::now());
        assert!(pace.refused(now, 1, WHY, 1.0));
        assert!(!pace.refused(now, 1, WHY, 1.0));
        assert_eq!(pace.pause(), Some(&WHY));
        assert_eq!(pace.allowed(now), Allowed::Not(now + Duration::from_millis(500)));
        // No answer to a probe says nothing of the refusal.
        pace.failed(now, 1, None, 1.0);
        assert_eq!(pace.allowed(now + Duration::from_secs(2)), Allowed::Probe);
        pace.refused(now, 1, WHY, 1.0);
        pace.hurry(now);
        assert_eq!(pace.allowed(now), Allowed::Probe);
        assert_eq!(pace.taken(2), Was::Paused(WHY));
        assert_eq!(pace.taken(2), Was::Open);
    }
}
