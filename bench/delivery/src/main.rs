//! copilot-delivery: every event handed over, and flushed at the end. `memory`; `file`, which outlives a power cut, and
//! `file-killed`, which outlives a killed process: both from 64 callers, since each waits until its event is stored.

use std::{ops::Range, time::Duration};

use contest::{Contestant, Outcome, Task, batches};
use copilot_api::{Client, Credentials, Endpoints};
use copilot_bench::custom_event;
use copilot_delivery::{Durability, Reporter, SqliteOutbox};
use futures_util::future::try_join_all;
use tempfile::TempDir;

/// Longer than any run.
const ENOUGH: Duration = Duration::from_secs(600);
const CALLERS: usize = 64;

struct Delivery {
    reporter: Reporter,
    callers: usize,
    /// Where the file is, as long as it is used.
    _folder: Option<TempDir>,
}

impl Contestant for Delivery {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        let client = Client::new(Credentials::new("bench", "bench")?, Endpoints::base(&task.url)?)?;
        let reporter = Reporter::builder(client);
        let durability = match task.way.as_str() {
            "memory" => return Ok(Self { reporter: reporter.start()?, callers: 1, _folder: None }),
            "file" => Durability::PowerCut,
            "file-killed" => Durability::KilledProcess,
            _ => return Err("wanted: memory, file or file-killed".into()),
        };
        let folder = tempfile::tempdir()?;
        let outbox = SqliteOutbox::builder(folder.path().join("outbox")).durability(durability).open()?;
        Ok(Self { reporter: reporter.outbox(outbox).start()?, callers: CALLERS, _folder: Some(folder) })
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
