//! What can go wrong with an outbox.

use std::{error::Error as StdError, fmt};

use crate::Item;

/// What went wrong with an outbox. The message holds no personal data, and names the outbox where it is a file.
#[derive(Debug)]
pub struct OutboxError {
    kind: Fault,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds that programs tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It holds as much as it may.
    Full,
    /// It takes nothing any more: it was closed.
    Closed,
    /// Another process has it.
    InUse,
    /// The disk is full.
    DiskFull,
    /// It may not be written.
    ReadOnly,
    /// It is of a newer version of this crate.
    Newer,
    /// Its contents are broken.
    Corrupt,
    /// What is in its place is another program's.
    Foreign,
    /// It is that of another client id or endpoint.
    BoundElsewhere,
    /// The lease has run out.
    Fenced,
    /// It is in a place where it would not be safe.
    Unsafe,
    /// The engine cannot do that.
    Unsupported,
    /// The process was forked: what would send is in the parent.
    Forked,
    /// Something else that the engine says.
    Engine,
}

impl OutboxError {
    /// What went wrong, in words without personal data.
    pub fn new(kind: Fault, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// With what the engine's library says.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Which kind it is.
    pub fn fault(&self) -> Fault {
        self.kind
    }

    /// The outbox holds as much as it may. There is room again when something was delivered.
    pub fn is_full(&self) -> bool {
        self.kind == Fault::Full
    }

    /// The outbox was closed.
    pub fn is_closed(&self) -> bool {
        self.kind == Fault::Closed
    }

    /// The outbox is that of another client id or endpoint.
    pub fn is_bound_elsewhere(&self) -> bool {
        self.kind == Fault::BoundElsewhere
    }

    /// The lease has run out, and the items are another's.
    pub fn is_fenced(&self) -> bool {
        self.kind == Fault::Fenced
    }
}

impl fmt::Display for OutboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for OutboxError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An item that an outbox did not take.
#[derive(Debug)]
pub struct Refused {
    /// The item.
    pub item: Box<Item>,
    /// Why.
    pub error: OutboxError,
}
