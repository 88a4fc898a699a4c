//! The events that copilot-api is measured with.

use contest::{Outcome, event};
use copilot_api::{
    EventTimestamp, NewEvent, properties,
    types::{CustomEventPayload, Event, ThingStatusChangedPayload, UserCreatedPayload},
};

/// The event that every contestant sends.
///
/// # Errors
///
/// When the contract refuses it.
pub fn custom_event(number: i64) -> Outcome<Event> {
    let payload = CustomEventPayload::builder()
        .subtype(event::SUBTYPE)
        .user_id(event::USER_ID)
        .thing_id(event::THING_ID)
        .extra(properties! { event::TEXT => event::TEXT_VALUE, event::NUMBER => number })
        .build()?;
    Ok(payload.event())
}

/// An event whose every field has a rule of its own, and which has no free properties.
///
/// # Errors
///
/// When the contract refuses it.
pub fn thing_status_changed() -> Outcome<Event> {
    let payload = ThingStatusChangedPayload::builder()
        .thing_id(event::THING_ID)
        .status_key("descale")
        .status_value("due")
        .status_date(EventTimestamp::now())
        .user_id(event::USER_ID)
        .build()?;
    Ok(payload.event())
}

/// An event with names in any letters, an address, and properties of its own in an object beneath.
///
/// # Errors
///
/// When the contract refuses it.
pub fn user_created(number: i64) -> Outcome<Event> {
    let payload = UserCreatedPayload::builder()
        .user_id(event::USER_ID)
        .first_name("Zoë")
        .last_name("Martínez O'Neill")
        .email("zoe@example.com")
        .utc_offset("+0100")
        .copilot_analysis_consent(true)
        .custom_properties(properties! { "plan" => "gold", "devices" => number })
        .build()?;
    Ok(payload.event())
}
