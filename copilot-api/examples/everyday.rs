//! Eight everyday tasks, each a function of its own to copy from. Runs against a sandbox in this process.

use std::error::Error as StdError;

use copilot_api::{
    Client, CollectReport, Error, NewEvent, Properties, properties,
    types::{CustomEventPayload, Event, ThingConnectedPayload, ThingStatusChangedPayload},
};
use copilot_sandbox::{Fault, Sandbox};
use uuid::Uuid;

/// 1. A client from the environment.
fn client() -> Result<Client, Error> {
    Client::from_env()
}

/// 2. One event.
async fn one_event(client: &Client) -> Result<(), Error> {
    let connected =
        ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").user_id("user-7").event()?;
    Ok(client.collect_one(connected).await?)
}

/// 3. Many events, all of which must be accepted.
async fn many_events(client: &Client) -> Result<(), Error> {
    let kettles =
        (1..=250).map(|number| ThingConnectedPayload::builder().thing_id(format!("SN-{number}")).event());
    let events = kettles.collect::<Result<Vec<Event>, _>>()?;
    Ok(client.collect(events).await.and_then(CollectReport::into_result)?)
}

/// 4. Which events were rejected, and why.
async fn rejections(client: &Client, events: Vec<Event>) -> Result<Vec<Event>, Error> {
    let mut to_mend = Vec::new();
    for rejection in client.collect(events).await?.into_parts().rejections {
        println!("event {}: {} {:?}", rejection.index(), rejection.cause(), rejection.server_words());
        to_mend.push(rejection.into_event());
    }
    Ok(to_mend)
}

/// 5. Consent.
async fn consent(client: &Client) -> Result<(), Error> {
    client.set_consent("user-7", true).await
}

/// 6. A custom event of a struct of one's own.
#[derive(serde::Serialize)]
struct RecipeStarted {
    recipe: String,
    target_celsius: u8,
    shared_with: Option<String>,
}

fn custom_event(started: &RecipeStarted) -> Result<Event, Error> {
    let payload = CustomEventPayload::builder().subtype("recipe_started").user_id("user-7");
    Ok(payload.extra(Properties::from_serialize(started)).event()?)
}

/// 7. A test against the sandbox.
async fn test_against_the_sandbox() -> Result<(), Box<dyn StdError>> {
    let sandbox = Sandbox::start()?;
    let client = Client::for_tests(&sandbox.url(), sandbox.client_id(), sandbox.client_secret())?;
    sandbox.add_fault(Fault::status(503).next(2))?;
    one_event(&client).await?;
    let accepted: Vec<Event> = sandbox.accepted_as()?;
    let things: Vec<&str> = accepted.iter().filter_map(Event::thing_id).map(|id| id.as_str()).collect();
    assert_eq!(things, ["A4:CF:12:00:9B:3E"]);
    Ok(())
}

/// 8. Times and UUIDs: of the event, in its payload, and as properties.
fn times_and_uuids(order: Uuid) -> Result<[Event; 2], Error> {
    let now = chrono::Utc::now();
    let due = ThingStatusChangedPayload::builder().thing_id("SN-1").status_key("descale").status_value("due");
    let ordered = CustomEventPayload::builder().subtype("ordered").user_id(Uuid::from_u128(7));
    Ok([
        due.status_date(now).event_at(now - chrono::TimeDelta::hours(1))?,
        ordered.extra(properties! { "order" => order, "at" => now }).event_with(order, now)?,
    ])
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn StdError>> {
    println!("from the environment: {:?}", client().map(|_| "a client"));
    let sandbox = Sandbox::start()?;
    let client = Client::for_tests(&sandbox.url(), sandbox.client_id(), sandbox.client_secret())?;
    one_event(&client).await?;
    many_events(&client).await?;
    sandbox.add_fault(Fault::reject_event_ids(["order-1"]))?;
    let order =
        ThingConnectedPayload::builder().thing_id("SN-1").event_with("order-1", chrono::Utc::now())?;
    assert_eq!(rejections(&client, vec![order]).await?.len(), 1);
    consent(&client).await?;
    let recipe = RecipeStarted { recipe: "Oolong".to_owned(), target_celsius: 85, shared_with: None };
    client.collect_one(custom_event(&recipe)?).await?;
    test_against_the_sandbox().await?;
    client.collect(times_and_uuids(Uuid::from_u128(7))?).await?.into_result()?;
    println!("{} events accepted", sandbox.accepted().len());
    Ok(())
}
