//! What the tests of this crate share: a sandbox and a reporter, servers of their own mind, outboxes that fail.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs
)]

pub(crate) mod child;
pub(crate) mod faulty;
pub(crate) mod server;

use std::{
    fmt::Debug,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use copilot_api::{
    Client, NewEvent,
    types::{Event, UserCreatedPayload},
};
use copilot_delivery::{Reporter, ReporterBuilder, Snapshot};
use copilot_sandbox::Sandbox;

/// Long enough for everything that is to happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn client(sandbox: &Sandbox) -> Client {
    Client::for_tests(&sandbox.url(), sandbox.client_id(), sandbox.client_secret()).unwrap()
}

pub(crate) fn client_of(url: &str) -> Client {
    Client::for_tests(url, "id", "secret").unwrap()
}

/// One that hardly waits for others to go with.
pub(crate) fn quick(client: Client) -> ReporterBuilder {
    Reporter::builder(client).linger(Duration::from_millis(5))
}

pub(crate) fn reporter(sandbox: &Sandbox) -> Reporter {
    quick(client(sandbox)).start().unwrap()
}

/// An event of a user, by a number that the first name holds.
pub(crate) fn event(user: usize, number: usize) -> Event {
    named(user, &number.to_string())
}

pub(crate) fn named(user: usize, name: &str) -> Event {
    UserCreatedPayload::builder().user_id(format!("user-{user}")).first_name(name).event().unwrap()
}

/// Waits until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut so: impl FnMut() -> F) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until the snapshot is so.
pub(crate) async fn until_seen(reporter: &Reporter, what: &str, so: impl Fn(&Snapshot) -> bool) {
    until(what, || async { so(&reporter.snapshot().await.unwrap()) }).await;
}

/// In time, or the test fails: nothing may hang.
pub(crate) async fn in_time<F: Future>(future: F) -> F::Output
where
    F::Output: Debug,
{
    tokio::time::timeout(SOON, future).await.expect("it hangs")
}

/// What is logged, by all threads of this process.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn capture() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A folder that is removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("copilot-delivery-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder.canonicalize().unwrap())
    }

    /// The outbox in it.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("copilot.outbox")
    }

    /// The names of all that is in there.
    pub(crate) fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
