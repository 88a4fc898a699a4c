//! NATS, with JetStream.

use std::{
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{free_port, kept, on_path, skip};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with JetStream.
#[derive(Debug)]
pub struct Nats {
    folder: PathBuf,
    port: u16,
    arguments: Vec<String>,
    streams: AtomicU32,
    keeper: Mutex<Option<Child>>,
}

impl Nats {
    /// A server of its own; none, where nats-server is not installed.
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// The same with more of its arguments.
    pub fn with(arguments: &[&str]) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        on_path("nats-server").or_else(|| skip("nats-server"))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("copilot-nats-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let nats = Self {
            folder,
            port: free_port(),
            arguments,
            streams: AtomicU32::new(0),
            keeper: Mutex::new(None),
        };
        nats.run();
        Some(nats)
    }

    /// Starts the server again.
    pub fn run(&self) {
        let mut server = Command::new(on_path("nats-server").unwrap());
        server
            .args(["-js", "-a", "127.0.0.1", "-p", &self.port.to_string(), "-sd"])
            .arg(&self.folder)
            .args(&self.arguments);
        *self.keeper.lock().unwrap() = Some(kept(&self.folder, "KILL", &server));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "nats-server does not start");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills the server. [`run`](Self::run) starts it again.
    pub fn kill(&self) {
        let mut keeper = self.keeper.lock().unwrap().take().unwrap();
        std::io::Write::write_all(&mut keeper.stdin.take().unwrap(), b"keep\n").unwrap();
        keeper.wait().unwrap();
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The name of a stream that is not there yet.
    pub fn stream(&self) -> String {
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
