//! The relay, and the commands for its outbox: the program itself, beside a sandbox in this process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod answers;
mod credentials;
mod durability;
mod ending;
mod outbox;
mod program;
mod seen;
mod servers;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime},
};

use copilot_sandbox::Sandbox;
use serde_json::{Value, json};

pub(crate) const ID: &str = "kettle-co";
/// Neither it nor its base64 form may be printed by anything.
pub(crate) const SECRET: &str = "never-to-be-printed";

/// Long enough for everything that is to happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A folder that is removed with what is in it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("copilot-relay-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn outbox(&self) -> String {
        format!("sqlite:{}", self.path("outbox").display())
    }

    /// A file that holds a secret, for its owner alone.
    pub(crate) fn secret(&self, name: &str, secret: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;

        let file = self.path(name);
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A sandbox that asks for the pair; at that port, or at a free one.
pub(crate) fn sandbox(port: u16) -> Sandbox {
    let start = || Sandbox::builder().port(port).credentials(ID, SECRET).start();
    // What had the port before may have connections that are closing.
    let began = Instant::now();
    loop {
        match start() {
            Ok(sandbox) => return sandbox,
            Err(error) => assert!(began.elapsed() < SOON, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as i64
}

pub(crate) fn event(id: &str, user: &str) -> Value {
    json!({ "type": "user_updated", "event_id": id, "timestamp": now(), "payload": { "user_id": user, "email": "zoe@example.com" } })
}

pub(crate) fn body(events: &[Value]) -> String {
    json!({ "events": events }).to_string()
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn until_accepted(sandbox: &Sandbox, events: usize) {
    until("the events arrive", async || sandbox.accepted().len() >= events).await;
}

pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
