//! The crate rudderanalytics, which blocks: a batch for each request.

use std::ops::Range;

use contest::{Outcome, Task, batches, event};
use rudderanalytics::{
    client::RudderAnalytics,
    message::{Batch, BatchMessage, Message, Track},
};
use serde_json::json;

fn send(client: &RudderAnalytics, task: &Task, numbers: Range<i64>) -> Outcome {
    for numbers in batches(numbers, task.batch) {
        let batch = Batch {
            batch: numbers.map(|number| BatchMessage::Track(track(number))).collect(),
            context: None,
            integrations: None,
            original_timestamp: None,
        };
        client.send(&Message::Batch(batch))?;
    }
    Ok(())
}

fn track(number: i64) -> Track {
    Track {
        user_id: Some(event::USER_ID.to_owned()),
        event: event::SUBTYPE.to_owned(),
        properties: Some(json!({
            "thing_id": event::THING_ID,
            event::TEXT: event::TEXT_VALUE,
            event::NUMBER: number,
        })),
        ..Track::default()
    }
}

fn main() -> Outcome {
    contest::run_blocking(|task| Ok(RudderAnalytics::load("bench".to_owned(), task.url.clone())), send)
}
