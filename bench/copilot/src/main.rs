//! copilot-api, in three ways: `raw`, the generated client; `collect`, from scratch; `prebuilt`, the same with events that
//! were made before.

use std::ops::Range;

use contest::{Contestant, Outcome, Task, batches};
use copilot_api::{
    Client, Credentials, Endpoints,
    types::{CollectRequest, Event},
};
use copilot_bench::custom_event;

fn client(task: &Task) -> Outcome<Client> {
    let credentials = Credentials::new("bench", "bench")?;
    let builder = Client::builder(credentials, Endpoints::base(&task.url)?);
    Ok(builder.max_batch_events(task.batch).build()?)
}

struct Raw {
    client: Client,
    batch: usize,
}

impl Contestant for Raw {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        Ok(Self { client: client(task)?, batch: task.batch })
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        for numbers in batches(numbers, self.batch) {
            let body = CollectRequest { events: numbers.map(custom_event).collect::<Outcome<_>>()? };
            let answer = self.client.raw().collect(&body).await?;
            if !answer.invalid_events.is_empty() {
                return Err("the sink refused events".into());
            }
        }
        Ok(())
    }
}

struct FromScratch(Client);

impl Contestant for FromScratch {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        Ok(Self(client(task)?))
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        // An event that cannot be made ends the events, and the sink misses it.
        let report = self.0.collect(numbers.map_while(|number| custom_event(number).ok())).await?;
        if report.is_complete() { Ok(()) } else { Err("not all events were accepted".into()) }
    }
}

struct Prebuilt(Client);

impl Contestant for Prebuilt {
    type Load = Vec<Event>;

    async fn new(task: &Task) -> Outcome<Self> {
        Ok(Self(client(task)?))
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        numbers.map(custom_event).collect()
    }

    async fn send(&self, events: Self::Load) -> Outcome {
        let report = self.0.collect(events).await?;
        if report.is_complete() { Ok(()) } else { Err("not all events were accepted".into()) }
    }
}

fn main() -> Outcome {
    let task = Task::read()?;
    match task.way.as_str() {
        "raw" => contest::run_task::<Raw>(&task),
        "collect" => contest::run_task::<FromScratch>(&task),
        "prebuilt" => contest::run_task::<Prebuilt>(&task),
        _ => Err("wanted: raw, collect or prebuilt".into()),
    }
}
