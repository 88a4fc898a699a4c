//! Waiting for what becomes of one item, or of all.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::{
    broadcast::{self, error::RecvError},
    oneshot,
};

use super::ReportError;
use crate::{
    Outcome,
    outbox::Refused,
    shared::{Settlement, Shared},
};

/// A taken item's outcome, to be awaited or dropped. Dropping it changes nothing for the item.
///
/// Ends when this process settles the item, or with [`Outcome::SettledElsewhere`] when it will not: it never hangs once
/// delivery has ended. With [`Outcome::Undelivered`], where the item could not be stored ([`stored`](Self::stored) gives it
/// back).
pub struct Ticket {
    key: u64,
    outcome: oneshot::Receiver<Outcome>,
    storing: Storing,
    /// Where the item's end is looked up by its key.
    shared: Option<Arc<Shared>>,
}

/// Whether the outbox has the item.
enum Storing {
    /// It has.
    Stored,
    /// It will say.
    Asked(oneshot::Receiver<Result<(), Refused>>),
    /// It has not; the item waits for whoever asks for it.
    Refused(Refused),
    /// It has not, and the item was given back.
    GivenBack,
    /// It ended without a word.
    Unknown,
}

impl Storing {
    fn of(told: Result<Result<(), Refused>, oneshot::error::RecvError>) -> Self {
        match told {
            Ok(Ok(())) => Self::Stored,
            Ok(Err(refused)) => Self::Refused(refused),
            Err(_) => Self::Unknown,
        }
    }
}

impl Ticket {
    pub(super) fn new(key: u64, outcome: oneshot::Receiver<Outcome>, shared: Option<Arc<Shared>>) -> Self {
        Self { key, outcome, storing: Storing::Stored, shared }
    }

    pub(super) fn storing(mut self, storing: oneshot::Receiver<Result<(), Refused>>) -> Self {
        self.storing = Storing::Asked(storing);
        self
    }

    /// Waits until the outbox has stored the item. Only [`try_report`](super::Reporter::try_report) gives tickets whose
    /// item may not be.
    ///
    /// # Errors
    ///
    /// When it could not be stored; the error gives it back, once.
    ///
    /// # Cancel safety
    ///
    /// Safe: call it again.
    pub async fn stored(&mut self) -> Result<(), ReportError> {
        if let Storing::Asked(storing) = &mut self.storing {
            self.storing = Storing::of(storing.await);
        }
        match std::mem::replace(&mut self.storing, Storing::GivenBack) {
            Storing::Refused(refused) => Err(ReportError::refused(refused)),
            Storing::GivenBack => Err(ReportError::gone()),
            Storing::Unknown => {
                self.storing = Storing::Unknown;
                Err(ReportError::gone())
            }
            Storing::Stored | Storing::Asked(_) => {
                self.storing = Storing::Stored;
                Ok(())
            }
        }
    }
}

impl Future for Ticket {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Storing::Asked(storing) = &mut self.storing
            && let Poll::Ready(told) = Pin::new(storing).poll(context)
        {
            self.storing = Storing::of(told);
        }
        if matches!(self.storing, Storing::Refused(_) | Storing::GivenBack) {
            // It is not in the outbox, and nobody will settle it.
            return Poll::Ready(Outcome::Undelivered);
        }
        // Nobody is left who could tell: the item is in the outbox, or went with the memory that held it.
        let untold = if self.shared.is_some() { Outcome::SettledElsewhere } else { Outcome::Undelivered };
        Pin::new(&mut self.outcome).poll(context).map(|outcome| outcome.unwrap_or(untold))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.wait_no_more(self.key);
        }
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// What becomes of all items, as it happens, from when it was made.
pub struct Outcomes(broadcast::Receiver<Settlement>);

/// The next of a stream of outcomes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Next {
    /// An item ended.
    Settled(Settlement),
    /// The reader was too slow: so many were not told here. They are in the counts and, where they failed, in the dead
    /// letter.
    Missed(u64),
    /// There will be no more.
    End,
}

impl Outcomes {
    pub(super) fn new(receiver: broadcast::Receiver<Settlement>) -> Self {
        Self(receiver)
    }

    /// Waits for the next.
    ///
    /// # Cancel safety
    ///
    /// Safe: none is lost.
    pub async fn next(&mut self) -> Next {
        match self.0.recv().await {
            Ok(settlement) => Next::Settled(settlement),
            Err(RecvError::Lagged(missed)) => Next::Missed(missed),
            Err(RecvError::Closed) => Next::End,
        }
    }
}

impl std::fmt::Debug for Outcomes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outcomes").finish_non_exhaustive()
    }
}
