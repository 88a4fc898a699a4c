//! Reading events from JSON.

use crate::{InvalidInput, Violation, json::Json, schemas, types::Event};

impl Event {
    /// Reads JSON text and holds it against the contract. `now` is the receiver's clock in milliseconds since 1970.
    ///
    /// A text that keeps to the contract goes straight into the types. Any other one, and one with a number that serde
    /// may have read otherwise than it is written, is read once more as it stands, to say all that it breaks.
    #[doc(hidden)]
    pub fn parse(text: &str, now: i64) -> Result<Self, InvalidInput> {
        if let Ok(event) = serde_json::from_str::<Self>(text)
            && event.judge(now).is_content()
        {
            return Ok(event);
        }
        Self::from_json(Json::parse(text)?, now)
    }

    /// As [`parse`](Self::parse), of JSON that was read.
    #[doc(hidden)]
    pub fn from_json(json: Json, now: i64) -> Result<Self, InvalidInput> {
        InvalidInput::if_any(Self::violations_in(&json, now))?;
        Ok(Self::try_from(json)?)
    }

    /// Every rule of the contract that the event breaks, in the order of their places. `now` is the receiver's clock in
    /// milliseconds since 1970, for the rules about time.
    pub fn violations(&self, now: i64) -> Vec<Violation> {
        self.judge(now).finish()
    }

    /// Every rule of the contract that a JSON value breaks as an event, as [`violations`](Self::violations).
    #[doc(hidden)]
    pub fn violations_in(json: &Json, now: i64) -> Vec<Violation> {
        schemas::EVENT.violations(json, now)
    }
}
