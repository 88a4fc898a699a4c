//! What was not accepted.

use copilot_api::{check_event, types::Event};

use super::{ReportError, Reporter};
use crate::{
    Item, Lane, OutboxError, Reported, clock,
    outbox::{DeadLetter, Refused},
};

/// The dead letters of an outbox: [`Reporter::dead_letters`].
#[derive(Debug)]
pub struct DeadLetters<'a> {
    reporter: &'a Reporter,
}

impl<'a> DeadLetters<'a> {
    pub(super) fn new(reporter: &'a Reporter) -> Self {
        Self { reporter }
    }

    /// A page of them, oldest first: after that one, at most so many.
    ///
    /// # Errors
    ///
    /// When the outbox cannot be read.
    pub async fn list(&self, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>, OutboxError> {
        self.reporter.handle.here()?.outbox.dead_letters(after, limit).await
    }

    /// Sends one again, at the end of its lane, as a new item. Whether there was one of that number.
    ///
    /// # Errors
    ///
    /// When the outbox is full or cannot do it; the dead letter stays.
    pub async fn send_again(&self, id: u64) -> Result<bool, OutboxError> {
        self.reporter.handle.here()?.outbox.put_back(id, None).await
    }

    /// Sends an event in place of a dead letter.
    ///
    /// # Errors
    ///
    /// When the event breaks the contract, or the outbox is full or cannot do it; the dead letter stays.
    pub async fn send_mended(&self, id: u64, event: Event) -> Result<bool, ReportError> {
        if let Err(invalid) = check_event(&event) {
            return Err(ReportError::invalid(invalid, Some(Reported::Event(event))));
        }
        let Some(lane) = event.order_key().map(Lane::of) else {
            return Err(ReportError::apart(Reported::Event(event)));
        };
        let item = Item::event(self.reporter.next_key(), clock::now(), lane, event);
        let copy = item.copy();
        let put_back = match self.reporter.handle.here() {
            Ok(shared) => shared.outbox.put_back(id, Some(item)).await,
            Err(error) => Err(error),
        };
        put_back.map_err(|error| ReportError::refused(Refused { item: Box::new(copy), error }))
    }

    /// Removes some for good. How many there were.
    ///
    /// # Errors
    ///
    /// When the outbox cannot do it.
    pub async fn drop(&self, ids: &[u64]) -> Result<u64, OutboxError> {
        self.reporter.handle.here()?.outbox.drop_dead_letters(ids).await
    }
}
