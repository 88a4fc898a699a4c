//! Reads and checks everything.

use std::collections::BTreeMap;

use super::{
    arguments::Sources,
    check::{Checker, Refused},
    file::Content,
    kind::Kind,
    rows::Rows,
};
use crate::exit::Failure;

/// What the inputs hold.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) counts: [(Kind, Count); 3],
    pub(super) contents: BTreeMap<String, Content>,
}

/// The rows of a kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) rows: u64,
    pub(super) rejected: u64,
}

impl Survey {
    pub(super) fn rows(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count.rows).sum()
    }

    pub(super) fn rejected(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count.rejected).sum()
    }
}

/// Reads all rows and checks each. `refused` gets those that will not be sent.
pub(super) fn survey(
    sources: &Sources,
    timestamp: i64,
    mut refused: impl FnMut(&Rows<'_>, u64, Refused) -> Result<(), Failure>,
) -> Result<Survey, Failure> {
    let mut survey =
        Survey { counts: Kind::ALL.map(|kind| (kind, Count::default())), contents: BTreeMap::new() };
    let mut checker = Checker::new(timestamp);
    for (kind, count) in &mut survey.counts {
        let mut rows = sources.rows(*kind)?;
        while let Some(row) = rows.next()? {
            count.rows += 1;
            let line = row.line;
            if let Err(row) = checker.check(*kind, row) {
                count.rejected += 1;
                refused(&rows, line, row)?;
            }
        }
        survey.contents.insert(kind.name().to_owned(), rows.content());
    }
    sources.mapping.all_used()?;
    Ok(survey)
}
