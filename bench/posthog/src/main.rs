//! The crate posthog-rs, in three ways: `inline`, each request awaited; `queue`, its background worker, flushed as often as
//! its queue is full, since a full queue drops events silently; `overrun`, the same without regard to that, flushed at the end.

use std::ops::Range;

use contest::{Contestant, Outcome, Task, batches, event};
use posthog_rs::{Client, ClientOptionsBuilder, Event};

/// How many events its queue takes unless configured otherwise.
const QUEUE: usize = 10_000;

struct Inline {
    client: Client,
    batch: usize,
}

impl Contestant for Inline {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        Ok(Self { client: client(task).await?, batch: task.batch })
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        for numbers in batches(numbers, self.batch) {
            let events = numbers.map(new_event).collect::<Outcome<_>>()?;
            // What became of them is in the error: the summary of its first protocol counts nothing else.
            let _ = self.client.capture_batch_immediate(events, false).await?;
        }
        Ok(())
    }
}

/// With how many events it is used between two flushes.
struct Queue<const EVENTS: usize>(Client);

impl<const EVENTS: usize> Contestant for Queue<EVENTS> {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        Ok(Self(client(task).await?))
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        for numbers in batches(numbers, EVENTS) {
            for number in numbers {
                self.0.capture(new_event(number)?);
            }
            self.0.flush().await;
        }
        Ok(())
    }
}

async fn client(task: &Task) -> Outcome<Client> {
    let options = ClientOptionsBuilder::default()
        .host(task.url.clone())
        .api_key("bench".to_owned())
        .flush_at(task.batch)
        .max_batch_size(task.batch)
        .build()?;
    Ok(posthog_rs::client(options).await)
}

fn new_event(number: i64) -> Outcome<Event> {
    let mut new = Event::new(event::SUBTYPE, event::USER_ID);
    new.insert_prop("thing_id", event::THING_ID)?;
    new.insert_prop(event::TEXT, event::TEXT_VALUE)?;
    new.insert_prop(event::NUMBER, number)?;
    Ok(new)
}

fn main() -> Outcome {
    let task = Task::read()?;
    match task.way.as_str() {
        "inline" => contest::run_task::<Inline>(&task),
        "queue" => contest::run_task::<Queue<QUEUE>>(&task),
        "overrun" => contest::run_task::<Queue<{ usize::MAX }>>(&task),
        _ => Err("wanted: inline, queue or overrun".into()),
    }
}
