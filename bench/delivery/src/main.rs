//! copilot-delivery with its outbox in memory: every event handed over, and flushed at the end.

use std::{ops::Range, time::Duration};

use contest::{Contestant, Outcome, Task};
use copilot_api::{Client, Credentials, Endpoints};
use copilot_bench::custom_event;
use copilot_delivery::Reporter;

/// Longer than any run.
const ENOUGH: Duration = Duration::from_secs(600);

struct Delivery(Reporter);

impl Contestant for Delivery {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        let client = Client::new(Credentials::new("bench", "bench")?, Endpoints::base(&task.url)?)?;
        Ok(Self(Reporter::builder(client).start()?))
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        for number in numbers {
            let _ = self.0.report(custom_event(number)?).await?;
        }
        Ok(self.0.flush(ENOUGH).await?)
    }
}

fn main() -> Outcome {
    contest::run_task::<Delivery>(&Task::read()?)
}
