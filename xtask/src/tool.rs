//! The programs that a machine with cargo may lack: where they are, and how they are installed.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::failure::Failure;

/// Where `.ci/run` puts the programs that it installs for itself.
const TOOLS: &str = "target/tools/python/bin";

/// A program or library beside cargo and rustc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Rustfmt,
    Clippy,
    CargoDeny,
    /// Reads the packages that cargo makes.
    Tar,
    /// What `native-tls` links where the system has no TLS of its own.
    OpenSsl,
    /// Makes requests from the contract.
    Schemathesis,
    /// Shows the sandbox's page.
    Chromium,
    /// What drives the browser.
    BrowserDriver,
    /// What lints the contract and renders it.
    ContractLinters,
    /// Counts instructions.
    Valgrind,
    /// PostgreSQL's server.
    Postgres,
    /// NATS' server.
    Nats,
    /// Reads which glibc a program needs.
    Binutils,
    /// Makes the Debian package.
    CargoDeb,
    /// Looks into Debian packages.
    Dpkg,
    /// Reads systemd's units.
    SystemdAnalyze,
    /// Makes a Debian system of its own.
    Mmdebstrap,
}

impl Tool {
    /// That it is missing, and how it is installed.
    pub(crate) fn missing(self) -> String {
        let (name, how) = match self {
            Self::Rustfmt => ("rustfmt", "rustup component add rustfmt"),
            Self::Clippy => ("clippy", "rustup component add clippy"),
            Self::CargoDeny => {
                ("cargo-deny", "cargo install --locked cargo-deny, or the faster way of .ci/run")
            }
            Self::Tar => ("tar", "with the system's package manager"),
            Self::OpenSsl => (
                "OpenSSL for developers, or pkg-config, which finds it,",
                "apt-get install pkg-config libssl-dev, or what your system calls them",
            ),
            Self::Schemathesis => ("schemathesis", "pip install -r tests/schemathesis/requirements.txt"),
            Self::Chromium => ("Chromium", "apt-get install chromium, or what your system calls it"),
            Self::BrowserDriver => (
                "Node.js, or what tests/browser needs,",
                "install Node.js 20 or newer, then npm ci in tests/browser",
            ),
            Self::ContractLinters => (
                "Node.js, or what openapi/lint needs,",
                "install Node.js 20.19 or newer, then npm ci in openapi/lint",
            ),
            Self::Valgrind => ("valgrind", "apt-get install valgrind"),
            Self::Postgres => ("PostgreSQL's server", "apt-get install postgresql"),
            Self::Nats => ("nats-server", "apt-get install nats-server"),
            Self::Binutils => ("readelf", "apt-get install binutils"),
            Self::CargoDeb => ("cargo-deb", "cargo install --locked cargo-deb@3.8.0"),
            Self::Dpkg => ("dpkg-deb", "it is part of Debian, and a package of many other systems"),
            Self::SystemdAnalyze => ("systemd-analyze", "apt-get install systemd"),
            Self::Mmdebstrap => ("mmdebstrap", "apt-get install mmdebstrap"),
        };
        format!("{name} is not installed: {how}")
    }

    /// Says what is not done without it.
    pub(crate) fn skip(self, what: &str) {
        println!("SKIPPED: {what}: {}", self.missing());
    }

    pub(crate) fn is_installed(self, root: &Path) -> bool {
        let (program, arguments): (_, &[&str]) = match self {
            Self::Rustfmt => ("cargo", &["fmt", "--version"]),
            Self::Clippy => ("cargo", &["clippy", "--version"]),
            Self::CargoDeny => ("cargo", &["deny", "--version"]),
            Self::Tar => ("tar", &["--version"]),
            // Elsewhere native-tls uses the TLS of the system.
            Self::OpenSsl if !cfg!(target_os = "linux") => return true,
            Self::OpenSsl => ("pkg-config", &["--exists", "openssl"]),
            Self::Schemathesis => return schemathesis(root).is_ok(),
            Self::Chromium => return chromium().is_ok(),
            Self::Valgrind => ("valgrind", &["--version"]),
            Self::Postgres => return copilot_servers::postgres::program("initdb").is_some(),
            Self::Nats => return copilot_servers::on_path("nats-server").is_some(),
            Self::Binutils => ("readelf", &["--version"]),
            Self::CargoDeb => ("cargo", &["deb", "--version"]),
            Self::Dpkg => ("dpkg-deb", &["--version"]),
            Self::SystemdAnalyze => ("systemd-analyze", &["--version"]),
            Self::Mmdebstrap => ("mmdebstrap", &["--version"]),
            // These fail where a package is missing, or not in the version that the project asks for.
            Self::BrowserDriver => ("npm", &["ls", "--prefix", "tests/browser"]),
            Self::ContractLinters => ("npm", &["ls", "--prefix", "openapi/lint"]),
        };
        let mut command = Command::new(program);
        command.current_dir(root).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

/// The program of schemathesis. The error says how it is installed.
pub(crate) fn schemathesis(root: &Path) -> Result<PathBuf, Failure> {
    let found = find(&["schemathesis"], &[root.join(TOOLS)]);
    found.ok_or_else(|| Failure::Unexpected(Tool::Schemathesis.missing()))
}

/// A browser. The error says how one is installed.
pub(crate) fn chromium() -> Result<PathBuf, Failure> {
    let found = find(&["chromium", "chromium-browser", "google-chrome"], &[]);
    found.ok_or_else(|| Failure::Unexpected(Tool::Chromium.missing()))
}

/// The first program of these names that is in one of the folders or on the search path.
pub(crate) fn find(names: &[&str], folders: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = folders.iter().cloned().chain(env::split_paths(&path));
    places.find_map(|folder| names.iter().map(|name| folder.join(name)).find(|file| file.is_file()))
}
