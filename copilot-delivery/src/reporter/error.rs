//! Why an item was not taken, or delivery could not begin.

use std::{error::Error as StdError, fmt};

use copilot_api::{InvalidInput, Violation};

use crate::{
    OutboxError, Reported,
    outbox::{Fault, Refused},
};

/// An item that was not taken. It is given back.
pub struct ReportError {
    cause: Cause,
    reported: Option<Box<Reported>>,
}

#[derive(Debug)]
enum Cause {
    Invalid(InvalidInput),
    /// Events that stand before and after all others have no place among them.
    Apart,
    Outbox(OutboxError),
}

impl ReportError {
    pub(crate) fn invalid(invalid: InvalidInput, reported: Option<Reported>) -> Self {
        Self { cause: Cause::Invalid(invalid), reported: reported.map(Box::new) }
    }

    pub(crate) fn apart(reported: Reported) -> Self {
        Self { cause: Cause::Apart, reported: Some(Box::new(reported)) }
    }

    pub(super) fn refused(refused: Refused) -> Self {
        Self { cause: Cause::Outbox(refused.error), reported: Some(Box::new(refused.item.into_reported())) }
    }

    /// The outbox could not do it.
    #[cfg(feature = "postgres")]
    pub(crate) fn outbox(error: OutboxError, reported: Option<Reported>) -> Self {
        Self { cause: Cause::Outbox(error), reported: reported.map(Box::new) }
    }

    pub(super) fn gone() -> Self {
        let error =
            OutboxError::new(Fault::Closed, "the outbox ended before it said whether the item is stored");
        Self { cause: Cause::Outbox(error), reported: None }
    }

    fn fault(&self) -> Option<Fault> {
        if let Cause::Outbox(error) = &self.cause { Some(error.fault()) } else { None }
    }

    /// The item breaks the contract: [`violations`](Self::violations) says how.
    pub fn is_invalid(&self) -> bool {
        matches!(self.cause, Cause::Invalid(_))
    }

    /// What the item breaks of the contract.
    pub fn violations(&self) -> &[Violation] {
        if let Cause::Invalid(invalid) = &self.cause { invalid.violations() } else { &[] }
    }

    /// The event opens or closes the one-time sync, and so has no place among others.
    pub fn is_sync_event(&self) -> bool {
        matches!(self.cause, Cause::Apart)
    }

    /// The outbox holds as much as it may. There is room again when something was delivered.
    pub fn is_full(&self) -> bool {
        self.fault() == Some(Fault::Full)
    }

    /// Delivery has ended.
    pub fn is_closed(&self) -> bool {
        self.fault() == Some(Fault::Closed)
    }

    /// The process was forked: what would deliver is in the parent. Start a reporter in the child.
    pub fn is_forked(&self) -> bool {
        self.fault() == Some(Fault::Forked)
    }

    /// What the outbox says, where it refused the item.
    pub fn outbox_error(&self) -> Option<&OutboxError> {
        if let Cause::Outbox(error) = &self.cause { Some(error) } else { None }
    }

    /// What was reported. None where a change of consent broke the contract, and where the outbox ended before it said
    /// whether it has the item.
    pub fn into_reported(self) -> Option<Reported> {
        self.reported.map(|reported| *reported)
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Invalid(_) => f.write_str("the item breaks the contract, and was not taken"),
            Cause::Apart => f.write_str(
                "events that open and close the one-time sync stand before and after all others: send them by \
                 `Client::collect_one`",
            ),
            Cause::Outbox(_) => f.write_str("the item was not taken"),
        }
    }
}

/// Without the item: that is personal data.
impl fmt::Debug for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportError").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl StdError for ReportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.cause {
            Cause::Invalid(invalid) => Some(invalid),
            Cause::Outbox(error) => Some(error),
            Cause::Apart => None,
        }
    }
}
