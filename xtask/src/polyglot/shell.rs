//! Runs commands in a folder.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::failure::Failure;

/// How many problems or lines of one client are shown: enough to see what they are about.
pub(super) const SHOWN: usize = 30;

/// Runs commands in a folder, and keeps what they print.
pub(super) struct Shell {
    pub(super) place: PathBuf,
    log: File,
    patience: Duration,
    /// What the commands find in their environment, instead of any other `COPILOT_…`.
    pub(super) env: Vec<(&'static str, String)>,
    /// What they do not find there.
    pub(super) unset: &'static [&'static str],
}

impl Shell {
    /// Its commands print into `log`, which begins empty. One that takes longer than `patience` is ended.
    pub(super) fn new(place: &Path, log: &Path, patience: Duration) -> Result<Self, Failure> {
        fs::write(log, "").map_err(Failure::writing(log))?;
        let file = File::options().read(true).append(true).open(log).map_err(Failure::writing(log))?;
        Ok(Self { place: place.to_owned(), log: file, patience, env: Vec::new(), unset: &[] })
    }

    /// The command, which is written to the log, and what it prints on standard error below it.
    pub(super) fn command(&self, command: &str) -> Result<Command, Failure> {
        let failed = |source| Failure::Start { command: command.to_owned(), source };
        writeln!(&self.log, "\n$ {command}").map_err(failed)?;
        let mut process = Command::new("sh");
        process.args(["-c", command]).current_dir(&self.place);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("COPILOT_"))
        {
            process.env_remove(name);
        }
        for name in self.unset {
            process.env_remove(name);
        }
        process.envs(self.env.iter().map(|(name, value)| (name, value)));
        process.stdin(Stdio::null()).stderr(self.log.try_clone().map_err(failed)?);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut process, 0);
        Ok(process)
    }

    /// Whether the command passed, and what it printed.
    pub(super) fn run(&mut self, command: &str) -> Result<(bool, String), Failure> {
        let failed = |source| Failure::Start { command: command.to_owned(), source };
        let mut process = self.command(command)?;
        let begin = self.log.seek(SeekFrom::End(0)).map_err(failed)?;
        let mut process = process.stdout(self.log.try_clone().map_err(failed)?).spawn().map_err(failed)?;
        let started = Instant::now();
        let status = loop {
            if let Some(status) = process.try_wait().map_err(failed)? {
                break status;
            }
            if started.elapsed() > self.patience {
                end(&mut process);
                return Err(Failure::Unexpected(format!(
                    "`{command}` took over {} s",
                    self.patience.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut said = Vec::new();
        self.log.seek(SeekFrom::Start(begin)).map_err(failed)?;
        self.log.read_to_end(&mut said).map_err(failed)?;
        Ok((status.success(), String::from_utf8_lossy(&said).into_owned()))
    }

    /// What the command printed; it must pass.
    pub(super) fn must(&mut self, command: &str) -> Result<String, Failure> {
        match self.run(command)? {
            (true, said) => Ok(said),
            (false, said) => {
                let lines: Vec<&str> = said.lines().collect();
                let last = lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n");
                Err(Failure::Exit { command: command.to_owned(), said: Some(last) })
            }
        }
    }
}

/// Ends a process of a shell with everything that it started.
pub(super) fn end(process: &mut Child) {
    let group = format!("-{}", process.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = process.kill();
    let _ = process.wait();
}
