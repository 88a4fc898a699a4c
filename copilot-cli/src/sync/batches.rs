//! The rows of a kind as requests, and what became of each.

use copilot_api::{Client, RejectionCause, types::Event};
use serde_json::Value;

use super::{
    check::{BrokenRule, Checker},
    file::Content,
    kind::Kind,
    rejects::Rejected,
    rows::Rows,
};
use crate::exit::Failure;

/// How many events a request has.
pub(super) const MOST: usize = 100;

/// Some rows, one after the other.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// How many rows of the file it has, those that are not sent among them.
    pub(super) rows: u64,
    pub(super) events: Vec<Event>,
    /// Where they stand in the file.
    lines: Vec<u64>,
    file: String,
    /// What is not sent.
    rejected: Vec<Rejected>,
}

/// A batch of which it is known what became of each row.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) rows: u64,
    pub(super) accepted: u64,
    pub(super) rejected: Vec<Rejected>,
}

/// Makes batches of the rows behind a position. All rows are read: those before it tell which are repeated or unknown.
pub(super) struct Batches<'a> {
    rows: Rows<'a>,
    kind: Kind,
    checker: &'a mut Checker,
    /// How many rows are still to be passed over.
    skip: u64,
    /// What the file held when it was checked.
    content: &'a Content,
    is_over: bool,
}

impl<'a> Batches<'a> {
    pub(super) fn new(
        rows: Rows<'a>,
        kind: Kind,
        checker: &'a mut Checker,
        skip: u64,
        content: &'a Content,
    ) -> Self {
        Self { rows, kind, checker, skip, content, is_over: false }
    }

    fn fill(&mut self) -> Result<Batch, Failure> {
        let mut batch = Batch { file: self.rows.path().display().to_string(), ..Batch::default() };
        while batch.events.len().max(batch.rejected.len()) < MOST {
            let Some(row) = self.rows.next()? else {
                self.is_over = true;
                if self.rows.content() != *self.content {
                    return Err(Failure::given_up(format!("{} was changed while it was sent", batch.file)));
                }
                break;
            };
            let line = row.line;
            let checked = self.checker.check(self.kind, row);
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            batch.rows += 1;
            match checked {
                Ok(event) => {
                    batch.events.push(event);
                    batch.lines.push(line);
                }
                Err(refused) => batch.rejected.push(Rejected::unsent(self.rows.path(), line, refused)),
            }
        }
        Ok(batch)
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let batch = self.fill();
        self.is_over |= batch.is_err();
        Some(batch).filter(|batch| batch.as_ref().map_or(true, |batch| batch.rows > 0))
    }
}

impl Batch {
    /// Sends it, again where that helps.
    pub(super) async fn send(self, client: &Client) -> Result<Answered, Failure> {
        let Self { rows, events, lines, file, mut rejected } = self;
        let report = match client.collect(events).await {
            Ok(report) => report,
            Err(failed) => return Err(Failure::of_client(failed.error())),
        };
        let accepted = report.accepted() as u64;
        let parts = report.into_parts();
        let line = |index: usize| lines.get(index).copied().unwrap_or_default();
        for rejection in parts.rejections {
            let (violations, server) = match rejection.cause() {
                RejectionCause::Contract(violations) => {
                    (violations.iter().map(BrokenRule::from).collect(), None)
                }
                cause => (Vec::new(), Some(cause.server_words().to_vec())),
            };
            rejected.push(Rejected {
                file: file.clone(),
                line: line(rejection.index()),
                may_have_been_taken: rejection.may_have_been_taken(),
                event: value(&rejection.into_event()),
                violations,
                server,
            });
        }
        for uncertain in parts.uncertain {
            let about =
                |words: &&copilot_api::UnattributedRejection| words.candidates().contains(&uncertain.index());
            let words = parts.unattributed.iter().filter(about).flat_map(|about| about.server_words());
            rejected.push(Rejected {
                file: file.clone(),
                line: line(uncertain.index()),
                server: Some(words.cloned().collect()),
                event: value(&uncertain.into_event()),
                violations: Vec::new(),
                may_have_been_taken: true,
            });
        }
        Ok(Answered { rows, accepted, rejected })
    }
}

/// An event is JSON.
fn value(event: &Event) -> Value {
    serde_json::to_value(event).unwrap_or_default()
}
