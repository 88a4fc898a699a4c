//! Real servers for tests and proofs: each in a temporary folder and on a free port of this machine, stopped when whoever started it ends,
//! however that ends.
//!
//! They panic where a server that is installed does not start: whoever uses them has nothing else to do then.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod nats;
pub mod pgbouncer;
pub mod postgres;

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Runs the server until its own input ends: with the test's process, whatever ends that.
const KEEPER: &str = r#"path="$1"; signal="$2"; shift 2; "$@" & server=$!
read -r what; kill -"$signal" $server; wait $server
[ "$what" = keep ] || rm -rf "$path""#;

/// Runs a server until what is returned loses its input; then ends it by that signal, and removes its files.
pub(crate) fn kept(path: &Path, signal: &str, server: &Command) -> Child {
    let mut command = Command::new("sh");
    command
        .args(["-c", KEEPER, "keeper"])
        .arg(path)
        .arg(signal)
        .arg(server.get_program())
        .args(server.get_args());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A program, on the path or where Debian puts servers.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.exists())
}

/// Says that a test is not run, and why; in CI that is a failure.
pub fn skip<T>(what: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is not installed");
    println!("SKIPPED: {what} is not installed");
    None
}

/// PostgreSQL's servers refuse to run as root.
pub fn unprivileged(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program);
    command
}

/// A port that nobody listens on, a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
