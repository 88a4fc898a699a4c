//! The server's process, seen from this one.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use copilot_api::{Client, Credentials, Endpoints};

use crate::Failure;

/// Runs until this is dropped; then every socket of it is closed.
pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
}

impl Server {
    /// Starts it on that port, on any one for 0.
    pub(crate) fn start(port: u16, how: &str, log: Option<&Path>) -> Result<Self, Failure> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["serve", &port.to_string(), how]);
        match log {
            Some(log) => command.arg(log),
            None => command.arg("-"),
        };
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let mut server = Self { process, port };
        server.port = line.trim_end().parse().map_err(|_| "the server did not start")?;
        Ok(server)
    }

    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let endpoints = Endpoints::base(&format!("http://127.0.0.1:{}", self.port))?;
        Ok(Client::new(Credentials::new("soak", "soak")?, endpoints)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
