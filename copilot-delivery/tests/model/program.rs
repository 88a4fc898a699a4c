//! A program that reports: it takes commands, and answers each in JSON. In this process for memory, in a child for a file.

use std::time::Duration;

use copilot_api::{Client, Credentials, EventTimestamp, NewEvent, types::UserCreatedPayload};
use copilot_delivery::{MemoryOutbox, Outbox, Reported, Reporter, Ticket, outbox::Counts};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::{
    support::{SOON, in_time},
    system::Engine,
};

pub(crate) struct Program {
    runtime: Runtime,
    reporter: Reporter,
    tickets: Vec<(String, Ticket)>,
    url: String,
}

impl Program {
    pub(crate) fn with_outbox(url: &str, outbox: impl Outbox) -> Self {
        let client = Client::for_tests(url, "id", "secret").unwrap();
        let reporter =
            Reporter::builder(client).outbox(outbox).linger(Duration::from_millis(5)).start().unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, reporter, tickets: Vec::new(), url: url.to_owned() }
    }

    /// Carries out a command. Everything comes back in time, or the program fails.
    pub(crate) fn answer(&mut self, command: &str) -> Value {
        let Self { runtime, reporter, tickets, .. } = self;
        runtime.block_on(in_time(answer(reporter, tickets, command)))
    }
}

fn event(id: &str, user: &str) -> copilot_api::types::Event {
    let payload = UserCreatedPayload::builder().user_id(format!("user-{user}"));
    payload.event_with(id, EventTimestamp::now()).unwrap()
}

async fn answer(reporter: &Reporter, tickets: &mut Vec<(String, Ticket)>, command: &str) -> Value {
    let words: Vec<&str> = command.split(' ').collect();
    let within = |millis: &str| Duration::from_millis(millis.parse().unwrap());
    match *words {
        ["report", id, user] => {
            tickets.push((id.to_owned(), reporter.report(event(id, user)).await.unwrap()));
            json!(id)
        }
        ["try", id, user] => {
            tickets.push((id.to_owned(), reporter.try_report(event(id, user)).unwrap()));
            json!(id)
        }
        ["consent", user, value] => {
            let ticket = reporter.set_consent(format!("user-{user}"), value == "true").await.unwrap();
            tickets.push((String::new(), ticket));
            json!(null)
        }
        ["flush", millis] => json!(reporter.flush(within(millis)).await.is_ok()),
        ["forget", user] => {
            let forgot = reporter.forget(&format!("user-{user}")).await.unwrap();
            json!([forgot.pending, forgot.dead_letters, forgot.still_sent])
        }
        ["again"] => match reporter.dead_letters().list(None, 1).await.unwrap().first() {
            Some(letter) => {
                assert!(reporter.dead_letters().send_again(letter.id).await.unwrap());
                json!([letter.item.event_id()])
            }
            None => json!([]),
        },
        ["drop"] => match reporter.dead_letters().list(None, 1).await.unwrap().first() {
            Some(letter) => {
                assert_eq!(reporter.dead_letters().drop(&[letter.id]).await.unwrap(), 1);
                json!([letter.item.event_id()])
            }
            None => json!([]),
        },
        // What waits after a failure is tried at once: the model has no time for pauses.
        ["hurry"] => {
            reporter.set_credentials(Credentials::new("id", "secret").unwrap()).unwrap();
            json!(null)
        }
        ["counts"] => {
            for (_, ticket) in tickets.iter_mut() {
                ticket.stored().await.unwrap();
            }
            in_words(&reporter.snapshot().await.unwrap().counts)
        }
        ["dead"] => {
            let letters = reporter.dead_letters().list(None, usize::MAX >> 1).await.unwrap();
            letters.iter().map(|letter| json!([letter.item.event_id(), letter.outcome.name()])).collect()
        }
        ["shutdown", millis] => {
            let left = reporter.shutdown(within(millis)).await;
            let ids = left.items.iter().map(|item| match &item.reported {
                Reported::Event(event) => json!(event.event_id().as_str()),
                _ => json!(null),
            });
            json!({ "items": ids.collect::<Vec<_>>(), "stay": left.stay, "told": told(tickets).await })
        }
        _ => panic!("{command}?"),
    }
}

/// What the tickets said; that of none is missing.
async fn told(tickets: &mut Vec<(String, Ticket)>) -> Value {
    let mut told = Vec::new();
    for (id, ticket) in tickets.drain(..) {
        told.push(json!([id, ticket.await.name()]));
    }
    told.into()
}

pub(crate) fn in_words(counts: &Counts) -> Value {
    assert!(counts.adds_up(), "{counts:?}");
    json!({
        "taken": counts.tally.taken,
        "accepted": counts.tally.accepted,
        "dead": counts.tally.rejected + counts.tally.unattributed + counts.tally.expired,
        "forgotten": counts.tally.forgotten,
        "pending": counts.pending,
        "dead_letters": counts.dead_letters,
    })
}

impl Engine for Program {
    const DURABLE: bool = false;

    fn start(url: &str) -> Self {
        Self::with_outbox(url, MemoryOutbox::new())
    }

    fn ask(&mut self, command: &str) -> Value {
        self.answer(command)
    }

    fn restart(self, _: u64) -> (Self, Value) {
        let new = Self::start(&self.url);
        (new, json!({ "taken": 0 }))
    }

    fn crash(self) -> (Self, Value) {
        let Self { runtime, reporter, mut tickets, url } = self;
        drop(reporter);
        let told = runtime.block_on(async {
            tokio::time::timeout(SOON, told(&mut tickets)).await.expect("a ticket hangs")
        });
        (Self::start(&url), json!({ "taken": 0, "told": told }))
    }

    fn crash_while(mut self, commands: Vec<String>, answers: usize) -> (Self, Vec<Value>, Value) {
        let answers = commands.iter().take(answers).map(|command| self.ask(command)).collect();
        let (new, report) = self.crash();
        (new, answers, report)
    }
}
