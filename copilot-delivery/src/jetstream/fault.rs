//! What goes wrong with a JetStream outbox, in words that tell what to do.

use std::error::Error;

use async_nats::jetstream::{self, context::PublishError};

use crate::outbox::{Fault, OutboxError};

/// What the library says of an outbox in that place. None of its errors holds what was sent, or a secret.
pub(super) fn unusable(place: &str, error: &dyn Error) -> OutboxError {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words.push_str(": ");
            words.push_str(&cause_words);
        }
        source = cause.source();
    }
    OutboxError::new(Fault::Engine, format!("the outbox {place} cannot be used: {words}"))
}

pub(super) fn late(place: &str) -> OutboxError {
    OutboxError::new(Fault::Engine, format!("the outbox {place} does not answer in time"))
}

/// That fault of the outbox in that place.
pub(super) fn new(place: &str, fault: Fault) -> OutboxError {
    let what = match fault {
        Fault::Full => "holds as much as it may",
        Fault::Closed => "was closed",
        Fault::Fenced => "has given that lease to another, or settled it before",
        Fault::Corrupt => "holds what no version of this program has put in",
        _ => "cannot be used",
    };
    OutboxError::new(fault, format!("the outbox {place} {what}"))
}

/// Whether the stream refuses a message for want of room. The code is that of everything that cannot be stored.
pub(super) fn is_full(error: &PublishError) -> bool {
    let said = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    said.map(ToString::to_string).is_some_and(|said| said.contains("maximum") && said.contains("exceeded"))
}
