//! PostgreSQL servers of tests: each in a temporary folder and on a free port, stopped when the test ends, however it ends.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the server until its own input ends: with the test's process, whatever ends that.
const KEEPER: &str = r#"path="$1"; signal="$2"; shift 2; "$@" & server=$!
read -r what; kill -"$signal" $server; wait $server
[ "$what" = keep ] || rm -rf "$path""#;

/// Settings of every server: no transaction but those of the test, and no disk to wait for.
const SETTINGS: &str = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nautovacuum = off\nfsync = off\n\
                        max_prepared_transactions = 5\nlog_min_messages = fatal\n";

/// A server with databases.
pub(crate) struct Cluster {
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    keeper: Mutex<Option<Child>>,
}

impl Cluster {
    /// A server of its own; none, where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::with("")
    }

    /// The same with more settings, as in postgresql.conf. `FOLDER` in them is the server's.
    pub(crate) fn with(settings: &str) -> Option<Self> {
        Self::prepared(settings, |_| ())
    }

    /// The same, after something was done in its folder.
    pub(crate) fn prepared(settings: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
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
    pub(crate) fn made_by(settings: &str, command: impl FnOnce(&Path) -> Command) -> Option<Self> {
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
    pub(crate) fn run(&self) {
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
    pub(crate) fn crash(&self) {
        let mut keeper = self.keeper.lock().unwrap().take().unwrap();
        keeper.stdin.take().unwrap().write_all(b"keep\n").unwrap();
        keeper.wait().unwrap();
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// A new database, and its name.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let session = connect(&self.url("postgres")).await;
        session.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
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

/// A session with a database.
pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

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

/// A program of PostgreSQL, wherever its packages put it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let of_packages =
        versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).max();
    of_packages.or_else(|| on_path(name))
}

pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.exists())
}

/// Says that a test is not run, and why; in CI that is a failure.
pub(crate) fn skip<T>(what: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is not installed");
    println!("SKIPPED: {what} is not installed");
    None
}

/// PostgreSQL's servers refuse to run as root.
pub(crate) fn unprivileged(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program);
    command
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
