//! The crate segment: its batcher, emptied when it holds a request's worth of events, and its client.

use std::ops::Range;

use contest::{Contestant, Outcome, Task, batches, event};
use segment::{
    Batcher, Client, HttpClient,
    message::{Track, User},
};
use serde_json::json;

struct Segment {
    client: HttpClient,
    batch: usize,
}

impl Contestant for Segment {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { client: HttpClient::new(http, task.url.clone()), batch: task.batch })
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        for numbers in batches(numbers, self.batch) {
            let mut batcher = Batcher::new(None);
            for number in numbers {
                if batcher.push(track(number))?.is_some() {
                    return Err("a batch of segment's has no room for a request's events".into());
                }
            }
            self.client.send("bench".to_owned(), batcher.into_message()).await?;
        }
        Ok(())
    }
}

fn track(number: i64) -> Track {
    Track {
        user: User::UserId { user_id: event::USER_ID.to_owned() },
        event: event::SUBTYPE.to_owned(),
        properties: json!({
            "thing_id": event::THING_ID,
            event::TEXT: event::TEXT_VALUE,
            event::NUMBER: number,
        }),
        ..Track::default()
    }
}

fn main() -> Outcome {
    contest::run::<Segment>()
}
