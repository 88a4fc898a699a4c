//! What tries the sandbox from outside: it is built, started as a program of its own, and handed to another program.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{
    failure::Failure,
    tool,
    workspace::{CONTRACT, Workspace, cargo, shown, succeeds},
};

/// Requests that schemathesis must have generated, or its run proves little.
const ENOUGH_REQUESTS: u64 = 5000;

/// How long the sandbox may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A sandbox that runs until this is dropped.
pub(crate) struct Sandbox {
    process: Child,
    pub(crate) url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// Builds the program of the sandbox and the relay, and returns it.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let mut build = cargo(&workspace.root, ["build", "--locked", "-p", "copilot-cli"]);
    if !succeeds(&mut build)? {
        return Err(Failure::Exit { command: shown(&build), said: None });
    }
    Ok(workspace.target.join("debug").join(format!("copilot-cx{}", env::consts::EXE_SUFFIX)))
}

impl Sandbox {
    /// Starts the program on a free port with these arguments.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(program);
        command.args(["sandbox", "--port", "0"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let could_not = |source| Failure::Start { command: "copilot-cx sandbox".to_owned(), source };
        let mut process = command.spawn().map_err(could_not)?;
        let output = process.stdout.take();
        let mut sandbox =
            Self { process, url: String::new(), client_id: String::new(), client_secret: String::new() };
        let mut lines =
            output.into_iter().flat_map(|output| BufReader::new(output).lines()).map_while(Result::ok);
        for (begins, value) in [
            ("listening on", &mut sandbox.url),
            ("client id", &mut sandbox.client_id),
            ("client secret", &mut sandbox.client_secret),
        ] {
            let line = lines.next().unwrap_or_default();
            match line.strip_prefix(begins) {
                Some(rest) => rest.trim().clone_into(value),
                None => {
                    return Err(Failure::Unexpected(format!("the sandbox did not say what it is {begins}")));
                }
            }
        }
        Ok(sandbox)
    }

    /// The whole URL of `collect`.
    pub(crate) fn collect_url(&self) -> String {
        format!("{}/v2/collect", self.url)
    }

    /// The whole URL of `set_consent`.
    pub(crate) fn consent_url(&self) -> String {
        format!("{}/v2/api/report/user_copilot_analysis_consent_changed", self.url)
    }

    /// What its control API says at that path.
    pub(crate) fn control(&self, path: &str) -> Result<Value, Failure> {
        let body = self.ask("GET", path, "")?;
        serde_json::from_str(&body)
            .map_err(|_| Failure::Unexpected(format!("the sandbox answered no JSON: {body}")))
    }

    /// Asks its control API; gives the body of an answer of success.
    pub(crate) fn ask(&self, method: &str, path: &str, json: &str) -> Result<String, Failure> {
        let address = self.url.trim_start_matches("http://");
        let ask = || -> io::Result<String> {
            let mut line = TcpStream::connect(address)?;
            line.set_read_timeout(Some(PATIENCE))?;
            write!(
                line,
                "{method} /_sandbox/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{json}",
                json.len()
            )?;
            let mut answer = String::new();
            line.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer =
            ask().map_err(|error| Failure::Unexpected(format!("the sandbox does not answer: {error}")))?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 2") => Ok(body.to_owned()),
            _ => Err(Failure::Unexpected(format!("the sandbox refused {method} {path}: {answer}"))),
        }
    }

    /// Whether it has not ended by itself.
    fn still_runs(&mut self) -> bool {
        let runs = matches!(self.process.try_wait(), Ok(None));
        if !runs {
            println!("the sandbox ended by itself");
        }
        runs
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `cargo xtask schemathesis`: requests that are made from the contract, good and bad ones. `false`: an answer was not
/// what the contract says, or the requests were too few.
pub(crate) fn schemathesis(root: &Path) -> Result<bool, Failure> {
    let program = tool::schemathesis(root)?;
    let workspace = Workspace::read(root)?;
    let mut sandbox = Sandbox::start(&build(&workspace)?, &[])?;
    let mut command = Command::new(program);
    command.current_dir(root).args([
        "--config-file",
        "tests/schemathesis/schemathesis.toml",
        "run",
        CONTRACT,
    ]);
    command.arg(format!("--url={}", sandbox.url));
    command.arg(format!("--auth={}:{}", sandbox.client_id, sandbox.client_secret));
    command.args(["--mode=all", "--max-examples=2200", "--seed=1", "--generation-database=none"]);
    command.args(["--continue-on-failure", "--no-color"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let could_not = |source| Failure::Start { command: "schemathesis".to_owned(), source };
    let mut process = command.spawn().map_err(could_not)?;
    let mut said = String::new();
    if let Some(mut output) = process.stdout.take() {
        output.read_to_string(&mut said).map_err(could_not)?;
    }
    let passed = process.wait().map_err(could_not)?.success();
    println!("{said}");
    let generated = count_before(&said, " generated");
    println!("{generated} requests of {ENOUGH_REQUESTS} that are asked for");
    Ok(passed && sandbox.still_runs() && generated >= ENOUGH_REQUESTS)
}

/// The number before these words.
fn count_before(text: &str, words: &str) -> u64 {
    let before = text.split(words).next().filter(|before| before.len() < text.len());
    before.and_then(|before| before.rsplit(char::is_whitespace).next()?.parse().ok()).unwrap_or_default()
}

/// `cargo xtask browser`: a person's way through the pages of the sandbox and of the relay. `false`: something of it does not work.
pub(crate) fn browser(root: &Path) -> Result<bool, Failure> {
    let chromium = tool::chromium()?;
    let workspace = Workspace::read(root)?;
    let program = build(&workspace)?;
    let mut sandbox = Sandbox::start(&program, &[])?;
    let mut command = Command::new("node");
    command.current_dir(root).arg("tests/browser/drive.mjs").stdin(Stdio::null());
    command.args(["--url", &sandbox.url, "--client-id", &sandbox.client_id]);
    command.args(["--client-secret", &sandbox.client_secret, "--chromium"]).arg(chromium);
    command.arg("--out").arg(workspace.target.join("browser")).arg("--relay").arg(program);
    Ok(succeeds(&mut command)? && sandbox.still_runs())
}

#[cfg(test)]
mod tests {
    use super::count_before;

    #[test]
    fn the_number_of_requests_is_read_from_what_schemathesis_says() {
        assert_eq!(count_before("Test cases:\n  4325 generated, 1 found", " generated"), 4325);
        assert_eq!(count_before("nothing of it", " generated"), 0);
        assert_eq!(count_before("many generated", " generated"), 0);
    }
}
