//! Why a command could not do its work, as opposed to doing it and finding a fault.

use std::{error::Error, io, path::PathBuf};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is not one that xtask understands.
    #[error("{0}")]
    Usage(String),
    /// A file or folder could not be read or written.
    #[error("{path}: cannot be {attempt}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried, as a participle.
        attempt: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The contract cannot be read, or cannot be generated from.
    #[error("{file}")]
    Contract {
        /// The contract's file.
        file: &'static str,
        /// Which place, and why.
        source: copilot_codegen::Error,
    },
    /// A program could not be started.
    #[error("`{command}` could not be started")]
    Start {
        /// Its command line.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("`{command}` failed{}", .said.as_ref().map(|said| format!(":\n{said}")).unwrap_or_default())]
    Exit {
        /// Its command line.
        command: String,
        /// What it wrote to stderr, where that was kept.
        said: Option<String>,
    },
    /// A program answered something unexpected.
    #[error("{0}")]
    Unexpected(String),
}

impl Failure {
    /// The message with those of its sources.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }

    /// For `map_err`: that a file could not be read.
    pub(crate) fn reading(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, attempt: "read", source }
    }

    /// For `map_err`: that a file could not be written.
    pub(crate) fn writing(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, attempt: "written", source }
    }
}
