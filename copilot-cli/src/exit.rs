//! How the program ends.

use std::{error::Error, process::ExitCode};

/// What the exit status says. Scripts count on these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked for is done; all events were accepted.
    Done = 0,
    /// It was called or set up wrongly. Nothing was sent.
    Usage = 1,
    /// Some of what was sent or read breaks the contract.
    Rejected = 2,
    /// Copilot.cx refused the credentials.
    Unauthorized = 3,
    /// What was asked for could not be done: a server that does not answer, a full disk.
    GivenUp = 4,
    /// It was interrupted, and has finished what was on its way.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program ends early, in words for who called it. They hold no secret and no personal data.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) words: String,
}

impl Failure {
    /// It was called or set up wrongly.
    pub(crate) fn usage(words: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, words: words.into() }
    }

    /// It could not be done.
    pub(crate) fn given_up(words: impl Into<String>) -> Self {
        Self { exit: Exit::GivenUp, words: words.into() }
    }

    /// What the client says, by what went wrong.
    pub(crate) fn of_client(error: &copilot_api::Error) -> Self {
        let exit = if error.is_unauthorized() {
            Exit::Unauthorized
        } else if error.is_configuration() {
            Exit::Usage
        } else if error.is_invalid_input() || error.is_rejected() {
            Exit::Rejected
        } else {
            Exit::GivenUp
        };
        Self { exit, words: with_causes(error) }
    }
}

/// What the libraries name, and what it is called on a command line.
const CALLED: [(&str, &str); 4] = [
    ("`with_collect_url` and `with_consent_url`", "--collect-url and --consent-url"),
    ("; `allow_plain_http` of the client's builder permits it", ""),
    ("start a reporter with `rebind`", "start with --rebind"),
    ("start with `rebind`", "start with --rebind"),
];

/// An error and all that caused it, in one line, in the words of a command line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
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
    CALLED.iter().fold(words, |words, (library, here)| words.replace(library, here))
}
