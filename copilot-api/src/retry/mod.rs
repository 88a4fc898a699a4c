//! When to try again, and when to stop trying.

mod budget;
mod deadline;

use std::time::Duration;

use copilot_gen::{Error as RawError, ResponseValue, raw::Operation, types::ErrorResponse};
use tracing::{Instrument, Span};

pub(crate) use budget::RetryBudget;
pub(crate) use deadline::Deadline;

use crate::{
    Client, Error,
    error::{Cause, Ended},
};

/// How failed attempts are repeated.
///
/// Tried again are failures to connect, connections that break off before an answer, timeouts, and the statuses 408, 429,
/// 500, 502, 503 and 504. Before each further attempt the client waits a random part of a delay that doubles each time
/// (full jitter), or as long as the server asks for by `Retry-After` where that is longer. With the defaults, 5 attempts,
/// these are waits of at most 0.5, 1, 2 and 4 seconds: enough for a restart or a hiccup. To outlast an outage is not the
/// task of a call; what it could not deliver comes back.
///
/// No attempt begins after the [`deadline`](crate::ClientBuilder::deadline), and no wait goes beyond it.
///
/// A client and its clones share a budget of 100 retries, so that many failing requests do not become a storm. A retry
/// takes one out, or two after a timeout. A request that succeeds after retries puts back what they took; one that
/// succeeds at once puts in a fifth of one; and time puts in two a second.
///
/// ```
/// use std::time::Duration;
///
/// use copilot_api::RetryPolicy;
///
/// let patient = RetryPolicy::default().max_attempts(8).delays(Duration::from_secs(1), Duration::from_secs(10));
/// let once = RetryPolicy::never();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    first_delay: Duration,
    max_delay: Duration,
    budget: (u32, u32),
}

impl Default for RetryPolicy {
    /// 5 attempts, delays of up to 0.5 s at first and 30 s at most, a budget of 100 retries that gets two a second.
    fn default() -> Self {
        Self {
            max_attempts: 5,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            budget: (100, 2),
        }
    }
}

impl RetryPolicy {
    /// One attempt, no retry.
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    /// How often a request is sent at most, the first time included. 0 counts as 1.
    #[must_use]
    pub fn max_attempts(self, attempts: u32) -> Self {
        Self { max_attempts: attempts.max(1), ..self }
    }

    /// The longest delay before the second attempt, and before any later one.
    #[must_use]
    pub fn delays(self, first: Duration, max: Duration) -> Self {
        Self { first_delay: first, max_delay: max, ..self }
    }

    /// How many retries the client and its clones may make in a row, and how many more time allows them each second.
    #[must_use]
    pub fn budget(self, retries: u32, per_second: u32) -> Self {
        Self { budget: (retries, per_second), ..self }
    }

    pub(crate) fn new_budget(&self) -> RetryBudget {
        RetryBudget::new(self.budget.0, self.budget.1)
    }

    /// The delay after that many failed attempts. `random` is uniform between 0 and 1.
    pub(crate) fn delay(&self, failed: u32, retry_after: Option<Duration>, random: f64) -> Duration {
        let doubled = self.first_delay.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
        doubled.min(self.max_delay).mul_f64(random).max(retry_after.unwrap_or_default())
    }
}

/// An answer, and what led to it.
pub(crate) struct Sent<T> {
    pub(crate) answer: T,
    pub(crate) attempts: u32,
    /// Whether an attempt before the last one may have done the work already.
    pub(crate) may_have_been_taken: bool,
}

/// Sends until it succeeds, fails for good, or attempts, budget or time are used up: at most that many attempts, and no
/// more than the policy allows. `request` makes an attempt that ends within the time it is given.
pub(crate) async fn send<T, F>(
    client: &Client,
    operation: Operation,
    deadline: Deadline,
    most: u32,
    request: impl Fn(Duration) -> F,
) -> Result<Sent<T>, Error>
where
    F: Future<Output = Result<ResponseValue<T>, RawError<ErrorResponse>>>,
{
    attempts(client, operation, deadline, most, request).instrument(span(operation)).await
}

/// What a request is traced as, with all its attempts.
pub(crate) fn span(operation: Operation) -> Span {
    tracing::debug_span!("copilot_request", operation = operation.id)
}

async fn attempts<T, F>(
    client: &Client,
    operation: Operation,
    deadline: Deadline,
    most: u32,
    request: impl Fn(Duration) -> F,
) -> Result<Sent<T>, Error>
where
    F: Future<Output = Result<ResponseValue<T>, RawError<ErrorResponse>>>,
{
    let policy = &client.settings.retry;
    let mut last: Option<Error> = None;
    let mut attempts = 0;
    let mut spent = 0;
    loop {
        let Some(time) = deadline.left(client.settings.timeout) else {
            let error = last.unwrap_or_else(|| Error::new(Cause::NoTime, operation));
            return Err(error.ended_by(Ended::Deadline));
        };
        attempts += 1;
        let error = match request(time).await {
            Ok(response) => match Error::foreign(&response, operation, attempts) {
                Some(error) => error.after(attempts, last.as_ref()),
                None => {
                    client.budget.succeed(spent);
                    tracing::debug!(attempts, status = response.status().as_u16(), "answered");
                    let may_have_been_taken = last.is_some_and(|error| error.may_have_been_taken());
                    return Ok(Sent { answer: response.into_inner(), attempts, may_have_been_taken });
                }
            },
            // What an earlier attempt may have done, the last error must not hide.
            Err(raw) => Error::from_raw(&client.raw, operation, raw).after(attempts, last.as_ref()),
        };
        let status = error.status().map(|status| status.as_u16());
        if !error.is_retryable() || attempts >= policy.max_attempts.min(most) {
            tracing::debug!(attempts, status, "failed");
            return Err(error);
        }
        let delay = policy.delay(attempts, error.retry_after(), fastrand::f64());
        if deadline.left(Duration::MAX).is_none_or(|left| left <= delay) {
            tracing::debug!(attempts, status, "failed; the deadline leaves no time for another attempt");
            return Err(error.ended_by(Ended::Deadline));
        }
        match client.budget.spend(&error) {
            Some(cost) => spent += cost,
            None => {
                tracing::debug!(attempts, status, "failed; the retry budget is used up");
                return Err(error.ended_by(Ended::Budget));
            }
        }
        tracing::debug!(attempts, status, delay_ms = delay.as_millis() as u64, "trying again");
        tokio::time::sleep(delay).await;
        last = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use super::RetryPolicy;
    use std::time::Duration;

    #[test]
    fn delays_double_up_to_the_longest_and_are_jittered_from_zero() {
        let policy = RetryPolicy::default();
        let longest: Vec<u128> = (1..=8).map(|failed| policy.delay(failed, None, 1.0).as_millis()).collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(policy.delay(3, None, 0.0), Duration::ZERO);
        assert_eq!(policy.delay(u32::MAX, None, 1.0), Duration::from_secs(30));
    }

    #[test]
    fn a_retry_after_is_waited_for_where_it_is_longer() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, Some(Duration::from_secs(7)), 1.0), Duration::from_secs(7));
        assert_eq!(policy.delay(1, Some(Duration::from_millis(7)), 1.0), Duration::from_millis(500));
    }
}
