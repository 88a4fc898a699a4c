//! The sandbox in a process of its own, and clients good and hostile that speak to it by the byte.

mod attacks;
mod good;
mod held;

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use copilot_sandbox::Sandbox;

pub use attacks::{Attack, Expected, attacks};
pub use good::{GoodClient, percentile};
pub use held::{Answered, Hold, hold_idle};

/// No answer takes longer, or the test fails.
pub const PATIENCE: Duration = Duration::from_secs(12);

/// Set for the process that is the sandbox.
const ROLE: &str = "COPILOT_TESTS_SANDBOX";

/// The sandbox, as a child of the test, so that its memory and its file descriptors are its own.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub target: Target,
    /// What it said on its error output.
    complaints: Arc<Mutex<String>>,
    // A process fails when it prints to an output that is closed.
    _said: BufReader<ChildStdout>,
}

/// Where hostile and good clients go.
#[derive(Clone, Debug)]
pub struct Target {
    /// The address.
    pub address: SocketAddr,
    /// The value of `Authorization` that the sandbox accepts.
    pub authorization: String,
}

/// The whole of a test that is the sandbox while [`Process`] runs it, and does nothing otherwise.
pub fn be_the_sandbox() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let sandbox = Sandbox::builder().start().expect("the sandbox does not start");
    let credentials = format!("{}:{}", sandbox.client_id(), sandbox.client_secret());
    println!("\nlistening on {} {}", sandbox.url(), BASE64_STANDARD.encode(credentials));
    // The test closes this input, at the latest when it ends.
    io::copy(&mut io::stdin(), &mut io::sink()).expect("cannot wait");
}

impl Process {
    /// Starts the sandbox by running the test of this name, which calls [`be_the_sandbox`]; with so many file
    /// descriptors, if a number is given.
    pub fn start(test: &str, descriptors: Option<u32>) -> Self {
        let limit = descriptors.map_or_else(String::new, |number| format!("ulimit -n {number}; "));
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$0\" \"$@\"")])
            .arg(env::current_exe().expect("the test has no path"))
            .args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads=1"])
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cannot run the test as the sandbox");
        let mut said = BufReader::new(child.stdout.take().expect("its output is piped"));
        let complaints = Arc::new(Mutex::new(String::new()));
        let mut complaining = BufReader::new(child.stderr.take().expect("its error output is piped"));
        let heard = Arc::clone(&complaints);
        thread::spawn(move || {
            let mut line = String::new();
            while complaining.read_line(&mut line).is_ok_and(|length| length > 0) {
                heard.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        let target = loop {
            let mut line = String::new();
            let length = said.read_line(&mut line).expect("the sandbox's output is no text");
            assert_ne!(length, 0, "the sandbox ended: {}", complaints.lock().unwrap());
            if let Some(place) = line.trim().strip_prefix("listening on http://") {
                let (address, credentials) = place.split_once(' ').expect("an address and credentials");
                let address = address.trim_end_matches('/').parse().expect("an address");
                break Target { address, authorization: format!("Basic {credentials}") };
            }
        };
        Self { child, target, complaints, _said: said }
    }

    /// Whether the process runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("the sandbox is no child").is_none()
    }

    /// What the process said on its error output: that a thread panicked, for example.
    pub fn complaints(&self) -> String {
        self.complaints.lock().unwrap().clone()
    }

    /// How many file descriptors it has open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("no /proc").count()
    }

    /// What a line of `/proc/…/status` says, in KiB: `VmRSS` for the memory in use, `VmHWM` for the most that was.
    pub fn memory(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("no /proc");
        let value = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        value.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok()).expect("no such line")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended, which the test has told then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The status of each answer, interim ones left out; none if the connection was closed without an answer.
    pub statuses: Vec<u16>,
    /// All that was read.
    pub text: String,
}

impl Outcome {
    fn of(read: &[u8]) -> Self {
        let text = String::from_utf8_lossy(read).into_owned();
        // No body of the sandbox has a status line in it.
        let lines = text.split("HTTP/1.").skip(1);
        let statuses = lines.map(|line| line.get(2..5).and_then(|code| code.parse().ok()).unwrap_or(0));
        Self { statuses: statuses.filter(|status| *status != 100).collect(), text }
    }

    /// For the tally: the statuses, or `closed`.
    pub fn name(&self) -> String {
        let statuses: Vec<String> = self.statuses.iter().map(u16::to_string).collect();
        if statuses.is_empty() { "closed".to_owned() } else { statuses.join("+") }
    }
}

/// Sends the bytes on a fresh connection, as far as the server takes them, and reads until it closes the connection.
///
/// # Errors
///
/// If there is no connection, or if it is still open after [`PATIENCE`].
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> io::Result<Outcome> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A server may answer, and close, before it has read all.
    let _ = stream.write_all(bytes);
    let mut read = Vec::new();
    match stream.read_to_end(&mut read) {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(error)
        }
        _ => Ok(Outcome::of(&read)),
    }
}
