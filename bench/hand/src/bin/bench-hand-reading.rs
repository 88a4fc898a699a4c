//! Reads a file of events with serde_json into structs that check nothing. The payload is read when its type is known,
//! which is faster than a tagged enum, for which serde buffers it.

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

struct Event {
    event_id: String,
    timestamp: i64,
    payload: Payload,
}

enum Payload {
    User(User),
    UserDeleted(UserDeleted),
    Thing(Thing),
    Association(Association),
    ThingStatusChanged(ThingStatusChanged),
    ThingInteraction(ThingInteraction),
    ThingConnected(ThingConnected),
    ConsumableUsage(ConsumableUsage),
    FirmwareUpgrade(FirmwareUpgrade),
    CustomEvent(CustomEvent),
    Unsubscribe(Unsubscribe),
    PreexistingSync(PreexistingSync),
    PreexistingUser(PreexistingUser),
    PreexistingThing(PreexistingThing),
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

fn read(line: &str) -> Outcome<Event> {
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
    contest::read_lines(|line| std::hint::black_box(read(line)).map(drop))
}
