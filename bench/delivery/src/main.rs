//! copilot-delivery: every event handed over, and flushed at the end. `memory`; and with the feature `sqlite` also `file`, which
//! outlives a power cut, and `file-killed`, which outlives a killed process.

#[cfg(feature = "sqlite")]
mod file;

use std::{any::Any, ops::Range, time::Duration};

use contest::{Contestant, Outcome, Task, batches};
use copilot_api::{Client, Credentials, Endpoints};
use copilot_bench::custom_event;
use copilot_delivery::Reporter;
use futures_util::future::try_join_all;

/// Longer than any run.
const ENOUGH: Duration = Duration::from_secs(600);

struct Delivery {
    reporter: Reporter,
    callers: usize,
    /// What must stay as long as the reporter does.
    _kept: Box<dyn Any + Send + Sync>,
}

impl Contestant for Delivery {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        let client = Client::new(Credentials::new("bench", "bench")?, Endpoints::base(&task.url)?)?;
        let reporter = Reporter::builder(client);
        match task.way.as_str() {
            "memory" => Ok(Self { reporter: reporter.start()?, callers: 1, _kept: Box::new(()) }),
            #[cfg(feature = "sqlite")]
            way => file::start(reporter, way),
            #[cfg(not(feature = "sqlite"))]
            _ => Err("wanted: memory; the feature sqlite knows others".into()),
        }
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        let count = usize::try_from(numbers.end - numbers.start)?;
        let shares = batches(numbers, count.div_ceil(self.callers).max(1));
        try_join_all(shares.map(|share| self.report(share))).await?;
        Ok(self.reporter.flush(ENOUGH).await?)
    }
}

impl Delivery {
    async fn report(&self, numbers: Range<i64>) -> Outcome {
        for number in numbers {
            let _ = self.reporter.report(custom_event(number)?).await?;
        }
        Ok(())
    }
}

fn main() -> Outcome {
    contest::run_task::<Delivery>(&Task::read()?)
}
