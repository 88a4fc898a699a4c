//! One event of each type, as a kettle company would report them.

use std::error::Error;

use copilot_api::{
    EventTimestamp, NewEvent, properties,
    types::{
        ConsumableUsagePayload, CustomEventPayload, Event, FirmwareUpgradeCompletedPayload,
        FirmwareUpgradeStartedPayload, PreexistingSyncCompletedPayload, PreexistingSyncStartedPayload,
        PreexistingThingCreatedPayload, PreexistingUserCreatedPayload, PreexistingUserThingAssociatedPayload,
        ThingConnectedPayload, ThingCreatedPayload, ThingInteractionPayload, ThingStatusChangedPayload,
        ThingUpdatedPayload, UnsubscribePayload, UserCreatedPayload, UserDeletedPayload,
        UserThingAssociatedPayload, UserThingDisassociatedPayload, UserUpdatedPayload,
    },
};

const USER: &str = "user-7";
const KETTLE: &str = "A4:CF:12:00:9B:3E";

pub(crate) fn one_of_each_type() -> Result<Vec<Event>, Box<dyn Error>> {
    let now = EventTimestamp::now();
    let long_ago = EventTimestamp::from_secs(1_552_384_800)?;
    Ok(vec![
        UserCreatedPayload::builder()
            .user_id(USER)
            .first_name("Zoë")
            .email("zoe@example.com")
            .copilot_analysis_consent(true)
            .utc_offset("+0100")
            .custom_properties(properties! { "plan" => "gold", "devices" => 2 })
            .build()?
            .event(),
        UserUpdatedPayload::builder().user_id(USER).utc_offset("-0330").build()?.event(),
        ThingCreatedPayload::builder().thing_id(KETTLE).user_id(USER).model("kettle-mk3").build()?.event(),
        ThingUpdatedPayload::builder().thing_id(KETTLE).firmware_version("fw-2.15.1").build()?.event(),
        UserThingAssociatedPayload::builder().user_id(USER).thing_id(KETTLE).build()?.event(),
        ThingConnectedPayload::builder().thing_id(KETTLE).user_id(USER).build()?.event(),
        ThingStatusChangedPayload::builder()
            .thing_id(KETTLE)
            .status_key("descale")
            .status_value("due")
            .status_date(now)
            .build()?
            .event(),
        ThingInteractionPayload::builder()
            .thing_id(KETTLE)
            .extra(properties! { "button" => "boil", "held_seconds" => 1.5 })
            .build()?
            .event(),
        ConsumableUsagePayload::builder().thing_id(KETTLE).consumable_type("water-filter").build()?.event(),
        FirmwareUpgradeStartedPayload::builder()
            .thing_id(KETTLE)
            .firmware_version("fw-2.15.1")
            .build()?
            .event(),
        FirmwareUpgradeCompletedPayload::builder()
            .thing_id(KETTLE)
            .firmware_version("fw-2.15.1")
            .build()?
            .event(),
        CustomEventPayload::builder()
            .subtype("recipe_started")
            .user_id(USER)
            .extra(properties! { "recipe" => "Oolong, second infusion", "target_celsius" => 85 })
            .build()?
            .event(),
        UnsubscribePayload::builder().email("zoe@example.com").build()?.event(),
        UserThingDisassociatedPayload::builder().user_id(USER).thing_id(KETTLE).build()?.event(),
        UserDeletedPayload::builder().user_id(USER).build()?.event(),
        PreexistingSyncStartedPayload::builder().build()?.event(),
        PreexistingUserCreatedPayload::builder()
            .user_id("user-1")
            .original_creation_date(long_ago)
            .build()?
            .event(),
        PreexistingThingCreatedPayload::builder()
            .thing_id("SN-0001")
            .original_creation_date(long_ago)
            .build()?
            .event(),
        PreexistingUserThingAssociatedPayload::builder()
            .user_id("user-1")
            .thing_id("SN-0001")
            .original_association_date(long_ago)
            .build()?
            .event(),
        PreexistingSyncCompletedPayload::builder().build()?.event(),
    ])
}

/// An event whose time was given in seconds.
pub(crate) fn a_bad_one() -> Result<Event, Box<dyn Error>> {
    let seconds = EventTimestamp::now().as_millis() / 1000;
    let payload = ThingConnectedPayload::builder().thing_id(KETTLE).build()?;
    Ok(payload.event_at(EventTimestamp::from_millis(seconds)?))
}
