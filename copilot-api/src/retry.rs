//! When to try again, and when to stop trying.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use copilot_gen::{Error as RawError, ResponseValue, raw::Operation, types::ErrorResponse};
use tracing::Instrument;

use crate::Error;

/// How failed attempts are repeated: after a random part of a delay that doubles each time (full jitter).
///
/// Tried again are failures to connect, connections that break off, timeouts, and the statuses 408, 429, 500, 502, 503
/// and 504. A `Retry-After` of the server is waited for, up to a cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    first_delay: Duration,
    max_delay: Duration,
    max_retry_after: Duration,
}

impl Default for RetryPolicy {
    /// 5 attempts, delays of up to 0.5 s at first and 30 s at most, `Retry-After` up to 300 s.
    fn default() -> Self {
        Self {
            max_attempts: 5,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(300),
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

    /// The longest that a server's `Retry-After` is waited for.
    #[must_use]
    pub fn max_retry_after(self, cap: Duration) -> Self {
        Self { max_retry_after: cap, ..self }
    }

    /// The delay after that many failed attempts. `random` is uniform between 0 and 1.
    fn delay(&self, failed: u32, retry_after: Option<Duration>, random: f64) -> Duration {
        let doubled = self.first_delay.saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)));
        let jittered = doubled.min(self.max_delay).mul_f64(random);
        let asked = retry_after.unwrap_or_default().min(self.max_retry_after);
        jittered.max(asked)
    }
}

/// What a client and its clones may spend on retries together, so that many failing requests do not become a storm.
///
/// A retry costs 5, after a timeout 10; a success gives 1 back, up to 500.
#[derive(Clone, Debug)]
pub(crate) struct RetryBudget {
    tokens: Arc<AtomicU32>,
}

impl RetryBudget {
    const CAPACITY: u32 = 500;
    const RETRY: u32 = 5;
    const RETRY_AFTER_TIMEOUT: u32 = 10;
    const SUCCESS: u32 = 1;

    pub(crate) fn new() -> Self {
        Self { tokens: Arc::new(AtomicU32::new(Self::CAPACITY)) }
    }

    fn spend(&self, error: &Error) -> bool {
        let cost = if error.is_timeout() { Self::RETRY_AFTER_TIMEOUT } else { Self::RETRY };
        self.update(|tokens| tokens.checked_sub(cost))
    }

    fn succeed(&self) {
        self.update(|tokens| (tokens < Self::CAPACITY).then(|| (tokens + Self::SUCCESS).min(Self::CAPACITY)));
    }

    fn update(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        self.tokens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).is_ok()
    }
}

/// Sends until it succeeds, fails for good, or attempts or budget are used up. Gives the answer and the attempts made.
pub(crate) async fn send<T, F>(
    policy: &RetryPolicy,
    budget: &RetryBudget,
    operation: Operation,
    request: impl Fn() -> F,
) -> Result<(T, u32), Error>
where
    F: Future<Output = Result<ResponseValue<T>, RawError<ErrorResponse>>>,
{
    let span = tracing::debug_span!("copilot_request", operation = operation.id);
    attempts(policy, budget, operation, request).instrument(span).await
}

async fn attempts<T, F>(
    policy: &RetryPolicy,
    budget: &RetryBudget,
    operation: Operation,
    request: impl Fn() -> F,
) -> Result<(T, u32), Error>
where
    F: Future<Output = Result<ResponseValue<T>, RawError<ErrorResponse>>>,
{
    let mut attempts = 0;
    loop {
        attempts += 1;
        let error = match request().await {
            Ok(response) => {
                budget.succeed();
                tracing::debug!(attempts, status = response.status().as_u16(), "answered");
                return Ok((response.into_inner(), attempts));
            }
            Err(raw) => Error::from_raw(operation, raw).after(attempts),
        };
        let status = error.status().map(|status| status.as_u16());
        if !error.is_retryable() || attempts >= policy.max_attempts {
            tracing::debug!(attempts, status, "failed");
            return Err(error);
        }
        if !budget.spend(&error) {
            tracing::debug!(attempts, status, "failed; the retry budget is used up");
            return Err(error.budget_exhausted());
        }
        let delay = policy.delay(attempts, error.retry_after(SystemTime::now()), fastrand::f64());
        tracing::debug!(attempts, status, delay_ms = delay.as_millis() as u64, "trying again");
        tokio::time::sleep(delay).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{RetryBudget, RetryPolicy};
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
    fn a_retry_after_is_waited_for_up_to_its_cap() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, Some(Duration::from_secs(7)), 0.0), Duration::from_secs(7));
        assert_eq!(policy.delay(1, Some(Duration::from_secs(9000)), 0.0), Duration::from_secs(300));
    }

    #[test]
    fn the_budget_is_shared_by_clones_and_filled_by_successes() {
        let budget = RetryBudget::new();
        let clone = budget.clone();
        let take = |budget: &RetryBudget| budget.update(|tokens| tokens.checked_sub(RetryBudget::RETRY));
        for spent in 0..100 {
            assert!(take(if spent % 2 == 0 { &budget } else { &clone }), "{spent}");
        }
        assert!(!take(&budget) && !take(&clone));
        for _ in 0..5 {
            clone.succeed();
        }
        assert!(take(&budget) && !take(&clone));
    }
}
