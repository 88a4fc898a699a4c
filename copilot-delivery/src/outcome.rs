//! What became of an item.

use std::{fmt, sync::Arc};

/// What became of an item, in the words of [`CollectReport`](copilot_api::CollectReport).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Copilot.cx took it.
    Accepted,
    /// It was refused. It is in the dead letter.
    Rejected(Reason),
    /// The answer does not say: one of several was refused, or an answer of success could not be read. It is in the dead
    /// letter, and is not sent again by itself.
    Unattributed(Reason),
    /// An event that had grown older than the contract allows when its turn came: it is in the dead letter. Or one that the
    /// outbox's retention removed.
    Expired,
    /// It was given back, or went with the memory that held it.
    Undelivered,
    /// It was removed with everything of its user.
    Forgotten,
    /// This process will not learn it: the item stays in the outbox for the next start, or another process settles it.
    SettledElsewhere,
}

/// Why an item was not accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason {
    /// Whose words these are.
    pub by: Judge,
    /// Why, in the words of whoever judged; a server's may repeat what was sent.
    pub words: Arc<[String]>,
}

/// Who refused an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Judge {
    /// The contract, as it is today; the item had been taken under an older one.
    Contract,
    /// Copilot.cx.
    Server,
}

impl Reason {
    /// Of these words.
    pub fn new(by: Judge, words: impl IntoIterator<Item = String>) -> Self {
        Self { by, words: words.into_iter().collect() }
    }
}

/// Without the words: those of a server may repeat personal data.
impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reason").field("by", &self.by).field("words", &self.words.len()).finish()
    }
}

impl Outcome {
    /// Its name, as it stands in logs, metrics and files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected(_) => "rejected",
            Self::Unattributed(_) => "unattributed",
            Self::Expired => "expired",
            Self::Undelivered => "undelivered",
            Self::Forgotten => "forgotten",
            Self::SettledElsewhere => "settled elsewhere",
        }
    }

    /// Why, where somebody refused it.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Rejected(reason) | Self::Unattributed(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The name alone: words of a server may repeat personal data.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Judge, Outcome, Reason};

    #[test]
    fn what_a_server_said_shows_only_to_who_asks_for_it() {
        let outcome =
            Outcome::Rejected(Reason::new(Judge::Server, ["zoe@example.com is unknown".to_owned()]));
        assert_eq!(format!("{outcome} {outcome:?}"), "rejected Rejected(Reason { by: Server, words: 1 })");
        assert!(outcome.reason().is_some_and(|reason| reason.words.join("").contains("zoe")));
    }
}
