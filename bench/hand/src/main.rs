//! What one writes by hand for one type of event: two structs, and reqwest. It holds nothing against the contract, and
//! neither splits nor repeats nor accounts for anything.

use std::{
    ops::Range,
    time::{SystemTime, UNIX_EPOCH},
};

use contest::{Contestant, Outcome, Task, batches, event};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize)]
struct Request {
    events: Vec<Event>,
}

#[derive(Serialize)]
struct Event {
    r#type: &'static str,
    event_id: Uuid,
    timestamp: u64,
    payload: Payload,
}

#[derive(Serialize)]
struct Payload {
    subtype: String,
    user_id: String,
    thing_id: String,
    recipe: String,
    target_celsius: i64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    invalid_events: Vec<Invalid>,
}

#[derive(Deserialize)]
struct Invalid {
    error: String,
}

struct Hand {
    http: reqwest::Client,
    url: String,
    batch: usize,
}

impl Contestant for Hand {
    type Load = Range<i64>;

    async fn new(task: &Task) -> Outcome<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, url: format!("{}/v2/collect", task.url), batch: task.batch })
    }

    fn load(&self, numbers: Range<i64>) -> Outcome<Self::Load> {
        Ok(numbers)
    }

    async fn send(&self, numbers: Range<i64>) -> Outcome {
        for numbers in batches(numbers, self.batch) {
            let events = numbers.map(new_event).collect::<Outcome<_>>()?;
            let request =
                self.http.post(&self.url).basic_auth("bench", Some("bench")).json(&Request { events });
            let answer: Answer = request.send().await?.error_for_status()?.json().await?;
            if let Some(refused) = answer.invalid_events.into_iter().next() {
                return Err(refused.error.into());
            }
        }
        Ok(())
    }
}

fn new_event(number: i64) -> Outcome<Event> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Event {
        r#type: "custom_event",
        event_id: Uuid::now_v7(),
        timestamp: u64::try_from(now.as_millis())?,
        payload: Payload {
            subtype: event::SUBTYPE.to_owned(),
            user_id: event::USER_ID.to_owned(),
            thing_id: event::THING_ID.to_owned(),
            recipe: event::TEXT_VALUE.to_owned(),
            target_celsius: number,
        },
    })
}

fn main() -> Outcome {
    contest::run::<Hand>()
}
