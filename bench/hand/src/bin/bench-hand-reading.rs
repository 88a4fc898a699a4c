//! Reads a file of events with serde_json into structs that check nothing: as a tagged enum, for which serde buffers each
//! payload until it knows the type, when the first argument is `tagged`; otherwise in two steps, which is faster.

#![expect(dead_code, reason = "the fields are there to be read from the text, and nobody asks for them here")]

use std::collections::BTreeMap;

use contest::Outcome;
use serde::Deserialize;
use serde_json::{Value, from_str, value::RawValue};

type Properties = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Envelope<'a> {
    r#type: &'a str,
    event_id: String,
    timestamp: i64,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
struct Event {
    event_id: String,
    timestamp: i64,
    #[serde(flatten)]
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
enum Payload {
    #[serde(rename = "user_created", alias = "user_updated")]
    User(User),
    UserDeleted(UserDeleted),
    #[serde(rename = "thing_created", alias = "thing_updated")]
    Thing(Thing),
    #[serde(rename = "user_thing_associated", alias = "user_thing_disassociated")]
    Association(Association),
    ThingStatusChanged(ThingStatusChanged),
    ThingInteraction(ThingInteraction),
    ThingConnected(ThingConnected),
    ConsumableUsage(ConsumableUsage),
    #[serde(rename = "firmware_upgrade_started", alias = "firmware_upgrade_completed")]
    FirmwareUpgrade(FirmwareUpgrade),
    CustomEvent(CustomEvent),
    Unsubscribe(Unsubscribe),
    #[serde(rename = "preexisting_sync_started", alias = "preexisting_sync_completed")]
    PreexistingSync(PreexistingSync),
    #[serde(rename = "preexisting_user_created")]
    PreexistingUser(PreexistingUser),
    #[serde(rename = "preexisting_thing_created")]
    PreexistingThing(PreexistingThing),
    #[serde(rename = "preexisting_user_thing_associated")]
    PreexistingAssociation(PreexistingAssociation),
}

#[derive(Deserialize)]
struct User {
    user_id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    copilot_analysis_consent: Option<bool>,
    utc_offset: Option<String>,
    custom_properties: Option<Properties>,
}

#[derive(Deserialize)]
struct UserDeleted {
    user_id: String,
}

#[derive(Deserialize)]
struct Thing {
    thing_id: String,
    user_id: Option<String>,
    firmware_version: Option<String>,
    model: Option<String>,
    custom_properties: Option<Properties>,
}

#[derive(Deserialize)]
struct Association {
    user_id: String,
    thing_id: String,
}

#[derive(Deserialize)]
struct ThingStatusChanged {
    thing_id: String,
    status_key: String,
    status_value: String,
    status_date: i64,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct ThingInteraction {
    thing_id: String,
    user_id: Option<String>,
    #[serde(flatten)]
    extra: Properties,
}

#[derive(Deserialize)]
struct ThingConnected {
    thing_id: String,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct ConsumableUsage {
    thing_id: String,
    user_id: Option<String>,
    consumable_type: Option<String>,
}

#[derive(Deserialize)]
struct FirmwareUpgrade {
    thing_id: String,
    user_id: Option<String>,
    firmware_version: Option<String>,
}

#[derive(Deserialize)]
struct CustomEvent {
    subtype: String,
    user_id: Option<String>,
    thing_id: Option<String>,
    #[serde(flatten)]
    extra: Properties,
}

#[derive(Deserialize)]
struct Unsubscribe {
    email: String,
}

#[derive(Deserialize)]
struct PreexistingSync {}

#[derive(Deserialize)]
struct PreexistingUser {
    user_id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    utc_offset: Option<String>,
    original_creation_date: Option<i64>,
    copilot_analysis_consent: Option<bool>,
}

#[derive(Deserialize)]
struct PreexistingThing {
    thing_id: String,
    user_id: Option<String>,
    firmware_version: Option<String>,
    model: Option<String>,
    original_creation_date: Option<i64>,
}

#[derive(Deserialize)]
struct PreexistingAssociation {
    user_id: String,
    thing_id: String,
    original_association_date: Option<i64>,
}

fn read_tagged(line: &str) -> Outcome<Event> {
    Ok(from_str(line)?)
}

fn read_in_two_steps(line: &str) -> Outcome<Event> {
    let Envelope { r#type, event_id, timestamp, payload } = from_str(line)?;
    let payload = payload.get();
    let payload = match r#type {
        "user_created" | "user_updated" => Payload::User(from_str(payload)?),
        "user_deleted" => Payload::UserDeleted(from_str(payload)?),
        "thing_created" | "thing_updated" => Payload::Thing(from_str(payload)?),
        "user_thing_associated" | "user_thing_disassociated" => Payload::Association(from_str(payload)?),
        "thing_status_changed" => Payload::ThingStatusChanged(from_str(payload)?),
        "thing_interaction" => Payload::ThingInteraction(from_str(payload)?),
        "thing_connected" => Payload::ThingConnected(from_str(payload)?),
        "consumable_usage" => Payload::ConsumableUsage(from_str(payload)?),
        "firmware_upgrade_started" | "firmware_upgrade_completed" => {
            Payload::FirmwareUpgrade(from_str(payload)?)
        }
        "custom_event" => Payload::CustomEvent(from_str(payload)?),
        "unsubscribe" => Payload::Unsubscribe(from_str(payload)?),
        "preexisting_sync_started" | "preexisting_sync_completed" => {
            Payload::PreexistingSync(from_str(payload)?)
        }
        "preexisting_user_created" => Payload::PreexistingUser(from_str(payload)?),
        "preexisting_thing_created" => Payload::PreexistingThing(from_str(payload)?),
        "preexisting_user_thing_associated" => Payload::PreexistingAssociation(from_str(payload)?),
        _ => return Err("no such type".into()),
    };
    Ok(Event { event_id, timestamp, payload })
}

fn main() -> Outcome {
    let tagged = std::env::args().nth(1).is_some_and(|way| way == "tagged");
    let read = if tagged { read_tagged } else { read_in_two_steps };
    contest::read_lines(|line| std::hint::black_box(read(line)).map(drop))
}
