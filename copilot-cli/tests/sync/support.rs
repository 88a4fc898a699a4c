//! An import in a folder, and the program that does it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use copilot_sandbox::Sandbox;
use nix::unistd::Pid;
use serde_json::Value;

/// What protects nothing, and is to be seen nowhere.
pub(crate) const SECRET: &str = "hush-7Kq2-hush";

/// What has not ended by then hangs.
const LONG: Duration = Duration::from_secs(60);

/// A folder with the three inputs of so many rows each.
pub(crate) struct Import {
    folder: PathBuf,
    rows: usize,
}

impl Import {
    pub(crate) fn new(rows: usize) -> Self {
        let name = format!("copilot-cx-sync-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let mut users = "id,first_name,email,original_creation_date,plan\n".to_owned();
        let (mut things, mut associations) = (String::new(), "user_id,thing_id\r\n".to_owned());
        for row in 0..rows {
            writeln!(
                users,
                "user-{row},\"Zoë, {row}\",user-{row}@example.org,{},x",
                1_552_384_800_000_u64 + row as u64
            )
            .unwrap();
            writeln!(things, "{{\"thing_id\":\"T:{row}\",\"model\":\"kettle\"}}").unwrap();
            write!(associations, "user-{},T:{row}\r\n", (row * 7) % rows).unwrap();
        }
        fs::write(folder.join("users.csv"), users).unwrap();
        fs::write(folder.join("things.ndjson"), things).unwrap();
        fs::write(folder.join("associations.csv"), associations).unwrap();
        Self { folder, rows }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Adds lines to a file.
    pub(crate) fn append(&self, name: &str, lines: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        fs::write(self.path(name), text + lines).unwrap();
    }

    pub(crate) fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("copilot-sync.state")).unwrap()).unwrap()
    }

    /// What stands in the file of what was rejected.
    pub(crate) fn rejects(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("copilot-sync.state.rejects.ndjson")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The program with these arguments.
    pub(crate) fn command(&self, sandbox: &Sandbox, verb: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_copilot-cx"));
        command
            .env_clear()
            .env("HOME", &self.folder)
            .env("COPILOT_CLIENT_SECRET", SECRET)
            .current_dir(&self.folder)
            .args(["sync", verb, "--users", "users.csv", "--things", "things.ndjson"])
            .args(["--associations", "associations.csv", "--map", "users.id=user_id", "--map", "plan="])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if verb == "apply" {
            command.args(["--client-id", "me", "--endpoint", &sandbox.url()]);
        }
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, sandbox: &Sandbox, verb: &str, more: &[&str]) -> Ended {
        start(self.command(sandbox, verb, more)).end()
    }

    /// `apply` as fast as it goes.
    pub(crate) fn apply(&self, sandbox: &Sandbox, more: &[&str]) -> Ended {
        self.run(sandbox, "apply", &[&["--rate", "1000000"], more].concat())
    }

    /// Compares what the sandbox knows with what the files say.
    pub(crate) fn assert_arrived(&self, sandbox: &Sandbox) {
        let (mut of_users, mut of_things): (BTreeMap<_, BTreeSet<String>>, BTreeMap<_, BTreeSet<String>>) =
            Default::default();
        for row in 0..self.rows {
            let (user, thing) = (format!("user-{}", (row * 7) % self.rows), format!("T:{row}"));
            of_users.entry(user.clone()).or_default().insert(thing.clone());
            of_things.entry(thing).or_default().insert(user);
        }
        let (users, things) = (sandbox.users(), sandbox.things());
        assert_eq!((users.len(), things.len()), (self.rows, self.rows));
        for user in users {
            let row: usize = user.user_id.strip_prefix("user-").unwrap().parse().unwrap();
            assert_eq!(user.profile["first_name"], format!("Zoë, {row}"));
            assert_eq!(user.profile["email"], format!("user-{row}@example.org"));
            assert_eq!(user.profile["original_creation_date"], 1_552_384_800_000_u64 + row as u64);
            assert_eq!(user.things, of_users.remove(&user.user_id).unwrap_or_default());
        }
        for thing in things {
            assert_eq!(thing.profile["model"], "kettle");
            assert_eq!(thing.users, of_things.remove(&thing.thing_id).unwrap());
        }
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The one result of `--json`.
    pub(crate) fn result(&self) -> Value {
        let mut lines = self.stdout.lines();
        let result = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert_eq!(lines.next(), None);
        result
    }
}

/// A run, which does not outlive its test.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.0.id().try_into().unwrap())
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
    }

    /// Waits until it has ended. What it prints is little.
    pub(crate) fn end(mut self) -> Ended {
        let begin = Instant::now();
        while !self.is_over() {
            assert!(begin.elapsed() < LONG * if is_long() { 60 } else { 1 }, "it hangs");
            thread::sleep(Duration::from_millis(1));
        }
        let [mut stdout, mut stderr] = [String::new(), String::new()];
        self.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert!(!stdout.contains(SECRET) && !stderr.contains(SECRET));
        Ended { code: self.0.wait().unwrap().code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn start(mut command: Command) -> Running {
    Running(command.spawn().unwrap())
}

/// Whether tests are to be as long as they are sure.
pub(crate) fn is_long() -> bool {
    std::env::var_os("COPILOT_LONG").is_some()
}

/// One that keeps everything.
pub(crate) fn sandbox() -> Sandbox {
    Sandbox::builder().keep(2_000_000).credentials("me", SECRET).start().unwrap()
}

/// How many events of a type were accepted.
pub(crate) fn accepted(sandbox: &Sandbox, event_type: &str) -> u64 {
    sandbox.statistics().by_type.get(event_type).map_or(0, |counts| counts.accepted)
}

/// Searches the folder for the secret.
pub(crate) fn assert_no_secret(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!found, "{}", path.display());
    }
}
