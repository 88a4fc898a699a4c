//! Items to put in.

use copilot_api::{
    NewEvent as _,
    types::{ConsentChange, Event, UserCreatedPayload, UserDeletedPayload},
};
use copilot_delivery::{Item, Kind, Lane, Record};

/// When most items were taken.
pub(super) const NOON: i64 = 1_795_608_000_000;

/// The id of the nth user of a lane.
pub(super) fn user(lane: u8, nth: usize) -> String {
    let of_lane = |id: &String| Lane::of(id).number() == lane;
    (0..).map(|number| format!("user-{number}")).filter(of_lane).nth(nth).unwrap()
}

/// An event of a user.
pub(super) fn event(key: u64, user_id: &str) -> Item {
    sized(key, user_id, 0)
}

/// An event of a user that is larger than others by so many bytes.
pub(super) fn sized(key: u64, user_id: &str, bytes: usize) -> Item {
    let created = UserCreatedPayload::builder().user_id(user_id).first_name("Zoë ☃");
    let mut record = record(key, user_id, created.event().unwrap());
    // White space: JSON as large as is wanted, and still the same event.
    record.json.push_str(&" ".repeat(bytes));
    Item::from_record(record)
}

/// The event that deletes a user.
pub(super) fn deletion(key: u64, user_id: &str) -> Item {
    let event = UserDeletedPayload::builder().user_id(user_id).event().unwrap();
    Item::from_record(record(key, user_id, event))
}

/// A change of consent.
pub(super) fn consent(key: u64, user_id: &str, value: bool) -> Item {
    let change = ConsentChange { user_id: user_id.parse().unwrap(), consent_value: value };
    Item::from_record(Record {
        key,
        lane: Lane::of(user_id),
        reported_at: NOON,
        kind: Kind::Consent,
        event_type: None,
        event_id: None,
        timestamp: None,
        user_id: Some(user_id.to_owned()),
        json: serde_json::to_string(&change).unwrap(),
        contract: "0.7".into(),
    })
}

/// The same item, taken at another time.
pub(super) fn at(reported_at: i64, item: Item) -> Item {
    Item::from_record(Record { reported_at, ..item.into_record() })
}

fn record(key: u64, user_id: &str, event: Event) -> Record {
    Record {
        key,
        lane: Lane::of(user_id),
        reported_at: NOON,
        kind: Kind::Event,
        event_type: Some(event.event_type().into()),
        event_id: Some(event.event_id().to_string()),
        timestamp: Some(event.timestamp().0),
        user_id: Some(user_id.to_owned()),
        json: serde_json::to_string(&event).unwrap(),
        contract: "0.7".into(),
    }
}
