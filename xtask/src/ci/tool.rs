//! The programs that a step may need and that a machine with cargo may lack.

use std::process::{Command, Stdio};

/// A program or library beside cargo and rustc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Rustfmt,
    Clippy,
    CargoDeny,
    /// Reads the packages that cargo makes.
    Tar,
    /// What `native-tls` links where the system has no TLS of its own.
    OpenSsl,
}

impl Tool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::CargoDeny => "cargo-deny",
            Self::Tar => "tar",
            Self::OpenSsl => "OpenSSL for developers, or pkg-config, which finds it,",
        }
    }

    pub(super) fn how_to_install(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustup component add rustfmt",
            Self::Clippy => "rustup component add clippy",
            Self::CargoDeny => "cargo install --locked cargo-deny, or the faster way of .ci/run",
            Self::Tar => "with the system's package manager",
            Self::OpenSsl => "apt-get install pkg-config libssl-dev, or what your system calls them",
        }
    }

    pub(super) fn is_installed(self) -> bool {
        let (program, arguments): (_, &[&str]) = match self {
            Self::Rustfmt => ("cargo", &["fmt", "--version"]),
            Self::Clippy => ("cargo", &["clippy", "--version"]),
            Self::CargoDeny => ("cargo", &["deny", "--version"]),
            Self::Tar => ("tar", &["--version"]),
            // Elsewhere native-tls uses the TLS of the system.
            Self::OpenSsl if !cfg!(target_os = "linux") => return true,
            Self::OpenSsl => ("pkg-config", &["--exists", "openssl"]),
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}
