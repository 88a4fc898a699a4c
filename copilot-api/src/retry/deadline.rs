//! The moment at which attempts, waits and searches end.

use std::time::Duration;

use tokio::time::Instant;

/// A moment that work must not outlast; none where it may take as long as it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// That long from now. A span beyond what the clock can tell is no deadline.
    pub(crate) fn after(span: Option<Duration>) -> Self {
        Self(span.and_then(|span| Instant::now().checked_add(span)))
    }

    /// The earlier of the two.
    pub(crate) fn or_earlier(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(one), Some(other)) => Self(Some(one.min(other))),
            (one, other) => Self(one.or(other)),
        }
    }

    /// How much time is left, at most `longest`; none when it is over.
    pub(crate) fn left(self, longest: Duration) -> Option<Duration> {
        let Some(moment) = self.0 else { return Some(longest) };
        let left = moment.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left.min(longest))
    }
}
