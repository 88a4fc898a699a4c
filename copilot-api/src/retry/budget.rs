//! What a client and its clones may spend on retries together, so that many failing requests do not become a storm.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::Error;

/// Shared by the clones of a client. Counted in thousandths of a retry.
#[derive(Clone, Debug)]
pub(crate) struct RetryBudget {
    capacity: u64,
    /// What time refills, in thousandths of a retry per second.
    per_second: u64,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    left: u64,
    refilled: Instant,
}

/// What a retry costs.
const RETRY: u64 = 1000;
/// What a request that succeeds at once puts in.
const SUCCESS: u64 = RETRY / 5;

impl RetryBudget {
    pub(crate) fn new(retries: u32, per_second: u32) -> Self {
        let capacity = u64::from(retries) * RETRY;
        let state = State { left: capacity, refilled: Instant::now() };
        Self { capacity, per_second: u64::from(per_second) * RETRY, state: Arc::new(Mutex::new(state)) }
    }

    /// Takes what a retry after that error costs: twice as much after a timeout, which tells of a server that is too
    /// slow for what it has already. Gives the cost, or nothing where too little is left.
    pub(crate) fn spend(&self, error: &Error) -> Option<u64> {
        let cost = if error.is_timeout() { 2 * RETRY } else { RETRY };
        self.change(|left| left.checked_sub(cost)).then_some(cost)
    }

    /// Gives back what retries cost that led to a success; at least what a success puts in.
    pub(crate) fn succeed(&self, spent: u64) {
        self.change(|left| Some(left.saturating_add(spent.max(SUCCESS)).min(self.capacity)));
    }

    fn change(&self, change: impl FnOnce(u64) -> Option<u64>) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed = now.saturating_duration_since(state.refilled).as_micros();
        let refill = u64::try_from(passed).unwrap_or(u64::MAX).saturating_mul(self.per_second) / 1_000_000;
        // What is less than a thousandth stays in the clock.
        if let Some(took) = refill.saturating_mul(1_000_000).checked_div(self.per_second) {
            state.refilled += Duration::from_micros(took);
            state.left = state.left.saturating_add(refill).min(self.capacity);
        }
        match change(state.left) {
            Some(left) => {
                state.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RETRY, RetryBudget};

    fn take(budget: &RetryBudget) -> bool {
        budget.change(|left| left.checked_sub(RETRY))
    }

    /// How many retries are left; takes them.
    fn drain(budget: &RetryBudget) -> usize {
        (0..1000).take_while(|_| take(budget)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn clones_share_it_and_successes_and_time_refill_it() {
        let budget = RetryBudget::new(100, 2);
        let clone = budget.clone();
        assert!(take(&budget) && take(&clone));
        assert_eq!(drain(&clone), 98);
        assert!(!take(&budget));
        // A success at once puts in a fifth, one after retries what these cost.
        (0..5).for_each(|_| budget.succeed(0));
        assert_eq!(drain(&clone), 1);
        budget.succeed(3 * RETRY);
        assert_eq!(drain(&clone), 3);
        // Two a second, and never more than it holds.
        tokio::time::advance(Duration::from_millis(5_600)).await;
        assert_eq!(drain(&budget), 11);
        tokio::time::advance(Duration::from_secs(36)).await;
        assert_eq!(drain(&budget), 72);
        tokio::time::advance(Duration::from_secs(3600)).await;
        budget.succeed(7 * RETRY);
        assert_eq!(drain(&budget), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_none_and_never_refill() {
        assert_eq!(drain(&RetryBudget::new(0, 0)), 0);
        let budget = RetryBudget::new(1, 0);
        assert_eq!(drain(&budget), 1);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(drain(&budget), 0);
    }
}
