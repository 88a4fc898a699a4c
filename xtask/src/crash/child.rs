//! The process that is killed: started, told what to do, and heard.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{self, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Instant,
};

use crate::{failure::Failure, sandbox::Sandbox};

/// What is started again and again.
pub(super) struct Program<'a> {
    pub(super) path: PathBuf,
    pub(super) sandbox: &'a Sandbox,
    pub(super) outbox: &'a str,
    pub(super) file: PathBuf,
}

/// A process. It is killed when this is dropped.
pub(super) struct Child {
    process: process::Child,
    lines: Receiver<String>,
}

/// What a process said.
pub(super) enum Heard {
    Line(String),
    /// It has ended, and all that it said was heard.
    End,
    /// Nothing until that moment.
    Nothing,
}

impl Program<'_> {
    /// Starts it, as that life.
    pub(super) fn start(&self, life: &str) -> Result<Child, Failure> {
        self.start_with(&[OsStr::new(self.outbox), self.file.as_os_str(), OsStr::new(life)])
    }

    /// Starts it with these arguments.
    pub(super) fn start_with(&self, arguments: &[&OsStr]) -> Result<Child, Failure> {
        let mut command = Command::new(&self.path);
        command.args(arguments).envs([
            ("COPILOT_CLIENT_ID", self.sandbox.client_id.clone()),
            ("COPILOT_CLIENT_SECRET", self.sandbox.client_secret.clone()),
            ("COPILOT_CLIENT_COLLECT_ENDPOINT", self.sandbox.collect_url()),
            ("COPILOT_CLIENT_CONSENT_ENDPOINT", self.sandbox.consent_url()),
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(could_not("be started"))?;
        let (sender, lines) = mpsc::channel();
        let output = process.stdout.take();
        // What stands in the pipe outlives the process.
        thread::spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Child { process, lines })
    }
}

impl Child {
    /// The next line, waited for until that moment.
    pub(super) fn hear(&self, until: Instant) -> Heard {
        match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => Heard::Line(line),
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::End,
        }
    }

    /// Gives it an order. One that has ended does not hear it.
    pub(super) fn say(&mut self, order: &str) {
        if let Some(input) = &mut self.process.stdin {
            let _ = input.write_all(format!("{order}\n").as_bytes());
        }
    }

    /// Kills it; one that has ended is as good.
    pub(super) fn kill(&mut self) {
        let _ = self.process.kill();
    }

    /// Stops it where it is, or lets it go on.
    pub(super) fn signal(&self, signal: &str) -> Result<(), Failure> {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        sent.map(drop).map_err(could_not("be sent a signal"))
    }

    /// How it ended: killed by a signal, or with success or not.
    pub(super) fn ended(&mut self) -> Result<End, Failure> {
        let status = self.process.wait().map_err(could_not("be waited for"))?;
        Ok(match (status.code(), status.success()) {
            (None, _) => End::Killed,
            (Some(_), true) => End::Done,
            (Some(_), false) => End::Failed,
        })
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Killed,
    Done,
    Failed,
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        let _ = self.process.wait();
    }
}

fn could_not(what: &'static str) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Failure::Unexpected(format!("copilot-crash could not {what}: {error}"))
}
