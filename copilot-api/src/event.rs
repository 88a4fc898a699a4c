//! Making events, of a payload or its builder.

use std::time::SystemTime;

use copilot_gen::{IntoEvent, IntoMillis, types::EventTime};

use crate::{event_id::event_id_at, new_event_id};

/// Makes an event in one line: of the builder of a payload, or of a payload.
///
/// Of a builder, these give a `Result`, whose error names everything that breaks the contract, by its place in the event.
/// Of a payload, they give the event.
///
/// ```
/// use copilot_api::{EventTimestamp, NewEvent, types::ThingConnectedPayload};
///
/// let connected = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E").user_id("user-7");
/// let now = connected.clone().event()?;
/// let then = connected.event_at(EventTimestamp::from_millis(1_795_509_000_000)?)?;
/// assert_eq!(now.event_type(), "thing_connected");
/// assert_ne!(now.event_id(), then.event_id());
///
/// let error = ThingConnectedPayload::builder().user_id("user 7").event().unwrap_err();
/// let broken: Vec<_> = error.violations().iter().map(|violation| (violation.pointer(), violation.rule())).collect();
/// assert_eq!(broken, [("/payload/thing_id", "required"), ("/payload/user_id", "pattern")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait NewEvent: IntoEvent {
    /// The event, with a new id and this machine's clock as its time.
    fn event(self) -> Self::Event {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        self.into_event(event_id_at(now), EventTime(now.as_millis().try_into().unwrap_or(i64::MAX)))
    }

    /// The event, with a new id, at that time.
    ///
    /// ```
    /// # use copilot_api::{NewEvent, types::ThingConnectedPayload};
    /// # let connected = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E");
    /// let event = connected.event_at(chrono::Utc::now())?;
    /// # Ok::<(), copilot_api::InvalidInput>(())
    /// ```
    fn event_at(self, timestamp: impl IntoMillis) -> Self::Event {
        self.into_event(new_event_id(), EventTime(timestamp.into_millis()))
    }

    /// The event, under that id, at that time. A builder takes text and a `Uuid` for the id, a payload an `EventId`.
    ///
    /// Give your own id where you can derive it from what happened: the same occurrence reported twice is then
    /// recognisable. Copilot.cx does not promise to recognise it.
    ///
    /// ```
    /// # use copilot_api::{EventTimestamp, NewEvent, types::ThingConnectedPayload};
    /// # let connected = ThingConnectedPayload::builder().thing_id("A4:CF:12:00:9B:3E");
    /// let event = connected.event_with("order-4711", EventTimestamp::now())?;
    /// assert_eq!(event.event_id().as_str(), "order-4711");
    /// # Ok::<(), copilot_api::InvalidInput>(())
    /// ```
    fn event_with<Id>(self, event_id: Id, timestamp: impl IntoMillis) -> <Self as IntoEvent<Id>>::Event
    where
        Self: IntoEvent<Id>,
    {
        IntoEvent::<Id>::into_event(self, event_id, EventTime(timestamp.into_millis()))
    }
}

impl<P: IntoEvent> NewEvent for P {}
