//! The sandbox as a program of its own: built, started, listened to, and killed when its test is over. Beside it, what
//! the tests of the sandbox share.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, LazyLock, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::server::{client_id, client_secret};

/// Nothing that a test waits for takes longer, or the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The path of `collect`.
pub const COLLECT: &str = "/v2/collect";
/// The path of `set_consent`.
pub const SET_CONSENT: &str = "/v2/api/report/user_copilot_analysis_consent_changed";

/// The program, built with what these tests were built with.
static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| build("copilot-cli", ["--bin", "copilot-cx"]).join(executable("copilot-cx")));

/// The example of `copilot-api` that a newcomer runs first, built alike.
static QUICKSTART: LazyLock<PathBuf> = LazyLock::new(|| {
    build("copilot-api", ["--example", "quickstart"]).join("examples").join(executable("quickstart"))
});

/// An example of `copilot-delivery`, built alike.
pub fn delivery_example(name: &str) -> PathBuf {
    build("copilot-delivery", ["--example", name]).join("examples").join(executable(name))
}

fn executable(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

/// Builds a program of that package: the folder of the profile that these tests were built with.
fn build(package: &str, program: [&str; 2]) -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    let folder = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        other => other.expect("a profile has a name"),
    };
    // With the package of the tests, so that both are built with the same features and nothing is built twice.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", package, "--package", "copilot-tests"])
        .args(program)
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().expect("a profile lies in target"))
        .output()
        .expect("cargo cannot be run");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    folder.to_owned()
}

/// The program, about to be a sandbox.
pub fn command() -> Command {
    let mut command = Command::new(&*PROGRAM);
    command.arg("sandbox");
    command
}

/// Runs the program with these arguments until it ends by itself.
pub fn run(arguments: &[&str]) -> Output {
    let mut command = command();
    command.args(arguments).env_remove("COPILOT_CLIENT_SECRET");
    run_to_its_end(command)
}

/// Runs the quickstart with these variables of the client, and no others, until it ends by itself.
pub fn quickstart(variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(&*QUICKSTART);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("COPILOT_") {
            command.env_remove(name);
        }
    }
    command.envs(variables.iter().copied());
    run_to_its_end(command)
}

fn run_to_its_end(command: Command) -> Output {
    let mut process = Process::launch(command);
    let status = process.ended();
    Output { status, stdout: process.output().into_bytes(), stderr: process.log().into_bytes() }
}

/// A running program. It is killed when this is dropped.
pub struct Process {
    child: Child,
    /// The start of its URLs.
    pub url: String,
    /// What it printed before it listened, and after.
    output: Arc<Mutex<String>>,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts it on a free port with the credentials of these tests, and waits until it listens.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = command();
        command
            .args(["--client-id", client_id()])
            .env("COPILOT_CLIENT_SECRET", client_secret())
            .args(arguments);
        Self::spawn(command)
    }

    /// Starts it as the command says, and waits until it listens.
    pub fn spawn(command: Command) -> Self {
        let mut process = Self::launch(command);
        process.url = process.wait_for("the address", |process| {
            let output = process.output();
            output.lines().next().and_then(|line| line.strip_prefix("listening on ")).map(str::to_owned)
        });
        process
    }

    /// Without a terminal.
    fn launch(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it cannot be run");
        let (output, log) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
        let readers = vec![
            keep(child.stdout.take().expect("its output is read"), Arc::clone(&output)),
            keep(child.stderr.take().expect("its log is read"), Arc::clone(&log)),
        ];
        Self { child, url: String::new(), output, log, readers }
    }

    /// Waits until there is what the test waits for.
    pub fn wait_for<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            let ended = self.child.try_wait().expect("a child has a status");
            assert!(ended.is_none(), "it ended ({ended:?}) before {what} was there: {}", self.log());
            assert!(start.elapsed() < PATIENCE, "{what} is not there: {}{}", self.output(), self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has printed.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// What it has written to standard error.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Somebody who knows its credentials.
    pub fn caller(&self) -> Caller {
        Caller::new(&self.url, client_id(), client_secret())
    }

    /// What a line of `/proc/…/status` says, in KiB: `VmHWM` for the most memory that it had.
    #[cfg(target_os = "linux")]
    pub fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("no /proc");
        let value = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        value.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok()).expect("no such line")
    }

    /// Sends it a signal by name: `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([format!("-{name}"), id]).status().expect("there is no `kill`");
        assert!(sent.success());
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child has a status") {
                for reader in self.readers.drain(..) {
                    reader.join().unwrap();
                }
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads lines while there are any.
fn keep(stream: impl Read + Send + 'static, lines: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            lines.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// Who calls a sandbox over HTTP, with nothing of the client between.
#[derive(Clone)]
pub struct Caller {
    url: String,
    credentials: (String, String),
    http: reqwest::Client,
}

impl Caller {
    /// Calls the sandbox at this URL with these credentials.
    pub fn new(url: &str, client_id: &str, client_secret: &str) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().expect("no HTTP client");
        Self { url: url.to_owned(), credentials: (client_id.to_owned(), client_secret.to_owned()), http }
    }

    /// Calls a sandbox of this process.
    pub fn of(sandbox: &copilot_sandbox::Sandbox) -> Self {
        Self::new(&sandbox.url(), sandbox.client_id(), sandbox.client_secret())
    }

    /// A request without credentials.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Sends JSON to the Server API, with credentials.
    pub async fn post(&self, path: &str, body: &Value) -> reqwest::Result<Response> {
        self.post_text(path, body.to_string()).await
    }

    /// Sends text that says it is JSON.
    pub async fn post_text(&self, path: &str, body: String) -> reqwest::Result<Response> {
        let (id, secret) = &self.credentials;
        let request = self.request(Method::POST, path).basic_auth(id, Some(secret));
        request.header("content-type", "application/json").body(body).send().await
    }

    /// Reports these events.
    pub async fn collect(&self, events: &[Value]) -> reqwest::Result<Response> {
        self.post(COLLECT, &json!({ "events": events })).await
    }

    /// Reports events that are all taken.
    pub async fn deliver(&self, events: &[Value]) {
        let answer = self.collect(events).await.expect("no answer");
        let answer: Value = answer.error_for_status().expect("not taken").json().await.expect("no JSON");
        assert_eq!(answer, json!({ "invalid_events": [] }));
    }

    /// Reports a user's consent.
    pub async fn set_consent(&self, user_id: &str, value: bool) -> reqwest::Result<Response> {
        self.post(SET_CONSENT, &json!({ "user_id": user_id, "consent_value": value })).await
    }

    /// Has the sandbox forget everything.
    pub async fn reset(&self) {
        let answer = self.request(Method::POST, "/_sandbox/reset").send().await.expect("no answer");
        assert_eq!(answer.status(), 204);
    }

    /// The JSON at a path.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.request(Method::GET, path).send().await.expect("no answer");
        answer.error_for_status().expect("an error").json().await.expect("no JSON")
    }
}

/// An event that happened just now.
pub fn event(event_type: &str, event_id: &str, payload: Value) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    let timestamp = u64::try_from(now.as_millis()).expect("a time");
    json!({ "type": event_type, "event_id": event_id, "timestamp": timestamp, "payload": payload })
}

/// A thing that connected just now.
pub fn connected(event_id: &str) -> Value {
    event("thing_connected", event_id, json!({ "thing_id": "kettle" }))
}
