//! PostgreSQL.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{free_port, kept, on_path, skip, unprivileged};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// Settings of every server: no transaction but those of the test, and no disk to wait for.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nautovacuum = off\nfsync = off\n\
                        max_prepared_transactions = 5\nlog_min_messages = fatal\n";

/// A server with databases.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    keeper: Mutex<Option<Child>>,
}

impl Cluster {
    /// A server of its own; none, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::with("")
    }

    /// The same with more settings, as in postgresql.conf. `FOLDER` in them is the server's.
    pub fn with(settings: &str) -> Option<Self> {
        Self::prepared(settings, |_| ())
    }

    /// The same, after something was done in its folder.
    pub fn prepared(settings: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let cluster = Self::made_by(settings, |folder| {
            let mut initdb = unprivileged(&program("initdb").unwrap());
            initdb
                .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-D"])
                .arg(folder);
            initdb
        })?;
        prepare(&cluster.folder);
        cluster.run();
        Some(cluster)
    }

    /// A server whose folder that command makes. It does not run yet.
    pub fn made_by(settings: &str, command: impl FnOnce(&Path) -> Command) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        program("initdb").or_else(|| skip("PostgreSQL"))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("copilot-postgres-{}-{number}", std::process::id()));
        let made = command(&folder).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let configuration = folder.join("postgresql.conf");
        let settings = settings.replace("FOLDER", folder.to_str().unwrap());
        let settings =
            format!("{}{SETTINGS}port = {port}\n{settings}\n", fs::read_to_string(&configuration).unwrap());
        fs::write(&configuration, settings).unwrap();
        Some(Self { folder, port, databases: AtomicU32::new(0), keeper: Mutex::new(None) })
    }

    /// Starts the server again.
    pub fn run(&self) {
        let mut server = unprivileged(&program("postgres").unwrap());
        server.arg("-D").arg(&self.folder);
        *self.keeper.lock().unwrap() = Some(kept(&self.folder, "QUIT", &server));
        let ready = program("pg_isready").unwrap();
        let begun = Instant::now();
        while !Command::new(&ready)
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status()
            .unwrap()
            .success()
        {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL does not start");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server as a crash would (`pg_ctl stop -m immediate`). [`run`](Self::run) starts it again.
    pub fn crash(&self) {
        let mut keeper = self.keeper.lock().unwrap().take().unwrap();
        keeper.stdin.take().unwrap().write_all(b"keep\n").unwrap();
        keeper.wait().unwrap();
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// A new database, and its name.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut create = Command::new(program("createdb").unwrap());
        create.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string(), &name]);
        assert!(create.status().unwrap().success(), "the database {name} was not made");
        name
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.lock().unwrap().take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A program of PostgreSQL, wherever its packages put it.
pub fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let of_packages =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).max();
    of_packages.or_else(|| on_path(name))
}
