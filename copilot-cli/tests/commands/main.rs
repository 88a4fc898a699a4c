//! The program as it is called: what it sends, what it says, and how it ends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod collect;
mod inputs;
mod settings;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use copilot_sandbox::Sandbox;
use serde_json::{Value, json};

/// What no output may show.
const SECRET: &str = "quill-secret-of-the-tests";

/// A folder of a test's own, which is removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("copilot-cx-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.0.join(name), text).unwrap();
        name.to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sandbox() -> Sandbox {
    Sandbox::builder().credentials("me", SECRET).start().unwrap()
}

/// The program in that folder, with nothing of the user's own.
fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_copilot-cx"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COPILOT_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).env("HOME", folder).env("XDG_CONFIG_HOME", folder).stdin(Stdio::null());
    command
}

/// The same, set up for that sandbox.
fn program_for(sandbox: &Sandbox, folder: &Path) -> Command {
    let mut command = program(folder);
    command
        .env("COPILOT_CLIENT_ID", "me")
        .env("COPILOT_CLIENT_SECRET", SECRET)
        .env("COPILOT_ENDPOINT", sandbox.url());
    command
}

/// What it says and how it ends. The secret is nowhere in it.
struct Said {
    exit: i32,
    out: String,
    err: String,
}

fn run(command: &mut Command, arguments: &[&str]) -> Said {
    let Output { status, stdout, stderr } = command.args(arguments).output().unwrap();
    let said = Said {
        exit: status.code().unwrap(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    };
    assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET), "{} {}", said.out, said.err);
    said
}

impl Said {
    /// It ends so, and says this.
    #[track_caller]
    fn expect(&self, exit: i32, told: &str) {
        let all = format!("{}{}", self.out, self.err);
        assert!(self.exit == exit && all.contains(told), "{}: {all}", self.exit);
    }

    /// The last line of its output, as JSON.
    fn summary(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap()).unwrap()
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// An event that keeps the contract.
fn brewed(number: u32) -> Value {
    json!({
        "type": "custom_event", "event_id": format!("e-{number}"), "timestamp": now(),
        "payload": { "subtype": "brewed", "user_id": format!("user-{}", number % 7), "cups": number },
    })
}

fn lines(events: impl IntoIterator<Item = Value>) -> String {
    events.into_iter().map(|event| format!("{event}\n")).collect()
}
