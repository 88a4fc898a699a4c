//! What differs, where, and whom it breaks.

use std::{collections::BTreeSet, fmt};

/// How much a difference matters, from the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Words, examples, provenance: no program can notice.
    Note,
    /// Something that programs may use from now on. Those that know nothing of it go on as they are.
    Addition,
    /// Something that worked, and does no longer.
    Breaking,
}

/// Whom a difference breaks, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Breaks {
    /// Who sends requests.
    Senders,
    /// Who reads answers.
    Readers,
    /// Who compiles against code that was generated from the contract.
    Code,
    /// Whoever it may be: the difference cannot be judged.
    Anyone,
}

impl fmt::Display for Breaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Senders => "breaks senders: what they may send today is refused",
            Self::Readers => "breaks readers: an answer is not what they may expect today",
            Self::Code => "breaks programs over generated code: what they name is gone or is something else",
            Self::Anyone => "breaks anyone: it cannot be compared, so it counts as the worse",
        })
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// Where, as a JSON pointer: into the new contract, or for what is gone into the old one.
    pub(super) pointer: String,
    /// What changed.
    pub(super) what: String,
    pub(super) level: Level,
    /// Empty unless it breaks somebody.
    pub(super) breaks: BTreeSet<Breaks>,
    /// What a line of the changelog must name to declare it: a component, an operation, a path, or a member
    /// of the root.
    pub(super) subject: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Note => "note",
            Level::Addition => "addition",
            Level::Breaking => "breaking",
        };
        write!(f, "{level}: {}: {}", self.pointer, self.what)?;
        self.breaks.iter().try_for_each(|breaks| write!(f, "\n    {breaks}"))
    }
}
