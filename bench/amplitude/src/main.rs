//! The crate amplitude-rs, which has a queue and a thread that empties it: flushed before the queue is full, since a full
//! one drops its oldest events.

use std::ops::Range;

use amplitude_rs::{Amplitude, BaseEvent, Config};
use contest::{Contestant, Outcome, Task, batches, event};
use serde_json::json;

/// Half of what its queue takes unless configured otherwise.
const QUEUE: usize = 10_000;

struct Queue(Amplitude);

impl Contestant for Queue {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        let config =
            Config::new("bench").server_url(format!("{}/2/httpapi", task.url)).flush_queue_size(task.batch);
        Ok(Self(Amplitude::new(config)?))
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        for numbers in batches(numbers, QUEUE) {
            for number in numbers {
                self.0.track(new_event(number));
            }
            self.0.flush().await;
        }
        Ok(())
    }
}

fn new_event(number: i64) -> BaseEvent {
    BaseEvent::new(event::SUBTYPE).user_id(event::USER_ID).event_properties(json!({
        "thing_id": event::THING_ID,
        event::TEXT: event::TEXT_VALUE,
        event::NUMBER: number,
    }))
}

fn main() -> Outcome {
    contest::run::<Queue>()
}
