//! NATS servers of tests: each in a temporary folder and on a free port, stopped when the test ends, however it ends.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the server until its own input ends: with the test's process, whatever ends that.
const KEEPER: &str = r#"folder="$1"; shift; "$@" & server=$!
read -r what; kill -KILL $server; wait $server 2>/dev/null
[ "$what" = keep ] || rm -rf "$folder""#;

/// A server with JetStream.
pub(crate) struct Nats {
    folder: PathBuf,
    port: u16,
    streams: AtomicU32,
    keeper: Mutex<Option<Child>>,
}

impl Nats {
    /// A server of its own; none, where nats-server is not installed.
    pub(crate) fn start() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if program().is_none() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "nats-server is not installed");
            println!("SKIPPED: nats-server is not installed");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("copilot-nats-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nats = Self { folder, port, streams: AtomicU32::new(0), keeper: Mutex::new(None) };
        nats.run();
        Some(nats)
    }

    /// Starts the server again.
    pub(crate) fn run(&self) {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(&self.folder).arg(program().unwrap());
        command.args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"]).arg(&self.folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        *self.keeper.lock().unwrap() = Some(command.spawn().unwrap());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "nats-server does not start");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills the server. [`run`](Self::run) starts it again.
    pub(crate) fn kill(&self) {
        let mut keeper = self.keeper.lock().unwrap().take().unwrap();
        std::io::Write::write_all(&mut keeper.stdin.take().unwrap(), b"keep\n").unwrap();
        keeper.wait().unwrap();
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The name of a stream that is not there yet.
    pub(crate) fn stream(&self) -> String {
        format!("TEST{}", self.streams.fetch_add(1, Ordering::Relaxed))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.lock().unwrap().take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join("nats-server")).find(|path| path.exists())
}
