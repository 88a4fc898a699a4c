//! What an error says of itself: never what a server said.

use std::{error::Error as StdError, fmt};

use copilot_gen::contract::Listed;
use reqwest::StatusCode;

use super::{Answer, Cause, Ended, Error};
use crate::paused_clock::PausedClock;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.inner.operation {
            write!(f, "{operation}: ")?;
        }
        match &self.inner.cause {
            Cause::Configuration => match &self.inner.source {
                Some(source) => write!(f, "{source}")?,
                None => f.write_str("the client is not configured")?,
            },
            Cause::Contract(violations) => match &self.inner.source {
                Some(source) => write!(f, "{source}")?,
                None => write!(f, "{}", Listed(violations))?,
            },
            Cause::Transport { connect: true, .. } => {
                f.write_str("no connection")?;
                if let Some(cause) = self.root_cause() {
                    write!(f, ": {cause}")?;
                }
            }
            Cause::Transport { timeout: true, .. } => f.write_str("no answer in time")?,
            Cause::Transport { .. } => f.write_str("the connection broke off")?,
            Cause::Answer(answer) => answer.say(f)?,
            Cause::Unreadable { status, fault: Some(fault), .. } => {
                write!(f, "{status}, but the body of the answer {fault}")?;
            }
            Cause::Unreadable { status, .. } => {
                write!(f, "{status}, but the answer is not what the contract says")?;
            }
            Cause::Rejected(_) => f.write_str("not every event was accepted")?,
            Cause::NoTime => f.write_str("not sent")?,
        }
        if let Some(paused) =
            self.inner.source.as_deref().and_then(|source| source.downcast_ref::<PausedClock>())
        {
            write!(f, "; {paused}")?;
        }
        if self.inner.attempts > 1 {
            write!(f, " (after {} attempts)", self.inner.attempts)?;
        }
        match self.inner.ended {
            Some(Ended::Budget) => f.write_str("; no further attempt: the client's retry budget is used up"),
            Some(Ended::Deadline) => match self.retry_after().filter(|time| !time.is_zero()) {
                Some(time) => {
                    write!(f, "; no further attempt: the server asks to wait {} s", time.as_secs())?;
                    f.write_str(", and the deadline is before that")
                }
                None => f.write_str("; no further attempt: the deadline leaves no time"),
            },
            Some(Ended::NothingTaken(requests)) => write!(
                f,
                "; the endpoint rejected every part that was tried ({requests} sent): no event is known to be the cause"
            ),
            None => Ok(()),
        }
    }
}

impl Answer {
    fn say(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status;
        write!(f, "{status}")?;
        // A code is words of capitals with a dot between them; anything else could be about somebody.
        if let Some(reason) = self.reason.as_deref().filter(|reason| is_code(reason)) {
            write!(f, " {reason}")?;
        }
        if status == StatusCode::UNAUTHORIZED {
            f.write_str(": the credentials are missing or wrong")?;
        } else if status.is_redirection() {
            f.write_str(": redirects are not followed; configure the URL that it leads to")?;
        }
        Ok(())
    }
}

fn is_code(reason: &str) -> bool {
    let is_word = |word: &str| {
        let letters = |letter: char| letter.is_ascii_uppercase() || letter == '_';
        !word.is_empty() && word.chars().all(letters)
    };
    reason.len() <= 64 && reason.contains('.') && reason.split('.').all(is_word)
}

impl Error {
    /// What the system said in the end: the last of the sources.
    fn root_cause(&self) -> Option<&(dyn StdError + 'static)> {
        let mut cause = self.source()?;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Some(cause)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("summary", &self.to_string())
            .field("status", &self.status())
            .field("may_have_been_taken", &self.may_have_been_taken())
            .field("body_excerpt_bytes", &self.body_excerpt().map(str::len))
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}
