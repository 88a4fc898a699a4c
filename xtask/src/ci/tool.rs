//! The programs that a step may need and that a machine with cargo may lack.

use std::process::{Command, Stdio};

use crate::{docs, lint::linters, sandbox, workspace};

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
    /// Makes requests from the contract.
    Schemathesis,
    /// Shows the sandbox's page, and the contract's.
    Chromium,
    /// What drives the browser.
    Driver,
    /// Renders the contract.
    Renderer,
}

impl Tool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::CargoDeny => "cargo-deny",
            Self::Tar => "tar",
            Self::Schemathesis => "schemathesis",
            Self::Chromium => "Chromium",
            Self::Driver => "node, or what tests/browser needs,",
            Self::Renderer => "node, or what tests/lint needs,",
            Self::OpenSsl => "OpenSSL for developers, or pkg-config, which finds it,",
        }
    }

    pub(super) fn how_to_install(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustup component add rustfmt",
            Self::Clippy => "rustup component add clippy",
            Self::CargoDeny => "cargo install --locked cargo-deny, or the faster way of .ci/run",
            Self::Tar => "with the system's package manager",
            Self::Schemathesis => "pip install schemathesis, in the version that .ci/run names",
            Self::Chromium => "apt-get install chromium, or what your system calls it",
            Self::Driver => "install Node.js 20 or newer, then npm ci in tests/browser",
            Self::Renderer => linters::INSTALL,
            Self::OpenSsl => "apt-get install pkg-config libssl-dev, or what your system calls them",
        }
    }

    pub(super) fn is_installed(self) -> bool {
        let root = workspace::root().unwrap_or_default();
        let (program, arguments): (_, &[&str]) = match self {
            Self::Rustfmt => ("cargo", &["fmt", "--version"]),
            Self::Clippy => ("cargo", &["clippy", "--version"]),
            Self::CargoDeny => ("cargo", &["deny", "--version"]),
            Self::Tar => ("tar", &["--version"]),
            Self::Schemathesis => return sandbox::schemathesis_program(&root).is_some(),
            Self::Chromium => return sandbox::chromium().is_some(),
            Self::Driver if !root.join(sandbox::DRIVER).join("node_modules").is_dir() => return false,
            Self::Renderer if !docs::is_installed(&root) => return false,
            Self::Driver | Self::Renderer => ("node", &["--version"]),
            // Elsewhere native-tls uses the TLS of the system.
            Self::OpenSsl if !cfg!(target_os = "linux") => return true,
            Self::OpenSsl => ("pkg-config", &["--exists", "openssl"]),
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}
