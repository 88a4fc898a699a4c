//! The program as tests run it, and what they ask a relay.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
};

use reqwest::{Method, RequestBuilder, Response, header::CONTENT_TYPE};
use serde_json::Value;

use super::{Folder, ID, SECRET};

/// The pair as it stands in a header.
const TOKEN: &str = "a2V0dGxlLWNvOm5ldmVyLXRvLWJlLXByaW50ZWQ=";

/// The program, with the pair in its environment and nothing else of ours.
pub(crate) fn program(folder: &Folder, arguments: &[&str]) -> Command {
    with_pair(Command::new(env!("CARGO_BIN_EXE_copilot-cx")), folder, arguments)
}

/// The same, by that command.
pub(crate) fn with_pair(mut command: Command, folder: &Folder, arguments: &[&str]) -> Command {
    let of_others = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("COPILOT_"));
    of_others.for_each(|name| _ = command.env_remove(name));
    command.args(arguments).current_dir(&folder.0).env("HOME", &folder.0);
    command.env("COPILOT_CLIENT_ID", ID).env("COPILOT_CLIENT_SECRET", SECRET);
    command
}

/// Runs it to its end.
pub(crate) fn run(folder: &Folder, arguments: &[&str]) -> Output {
    // What should have refused to run would never end.
    let mut bounded = Command::new("timeout");
    bounded.args(["-s", "KILL", "20", env!("CARGO_BIN_EXE_copilot-cx")]);
    ended(with_pair(bounded, folder, arguments).output().unwrap())
}

fn ended(output: Output) -> Output {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat();
    assert!(!said.contains(SECRET) && !said.contains(TOKEN), "{said}");
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A relay that runs.
pub(crate) struct Relay {
    child: Option<Child>,
    stdout: BufReader<ChildStdout>,
    pub(crate) url: String,
    http: reqwest::Client,
}

impl Relay {
    /// On the outbox of the folder, at a free port, and sending to that URL.
    pub(crate) fn start(folder: &Folder, endpoint: &str) -> Self {
        Self::with(folder, endpoint, &folder.outbox(), &[])
    }

    pub(crate) fn with(folder: &Folder, endpoint: &str, outbox: &str, more: &[&str]) -> Self {
        let arguments = ["relay", "--endpoint", endpoint, "--listen", "127.0.0.1:0"];
        let mut command = program(folder, &[&arguments, more].concat());
        // Where a password may be in it.
        command.env("COPILOT_OUTBOX", outbox);
        Self::run(command)
    }

    pub(crate) fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some(url) = line.trim_end().strip_prefix("listening on ") else {
            let output = ended(child.wait_with_output().unwrap());
            panic!("{line}{}", text(&output.stderr));
        };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { child: Some(child), stdout, url: url.to_owned(), http }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: how it ended, and what it said.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let output = ended(self.child.take().unwrap().wait_with_output().unwrap());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "standard output has the address alone");
        (output.status, text(&output.stderr))
    }

    pub(crate) fn kill(self) {
        self.signal("KILL");
        self.wait();
    }

    /// A request with the pair.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).basic_auth(ID, Some(SECRET))
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        request.body(body).send().await.unwrap()
    }

    pub(crate) async fn collect(&self, body: impl Into<reqwest::Body>) -> Response {
        self.post("/v2/collect", body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub(crate) async fn status(&self) -> Value {
        self.get("/_relay/status").await.json().await.unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
