//! Processes: the sink on one core, and on another, one after the other, whoever sends to it.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;

use super::plan::Load;
use crate::{
    failure::Failure,
    workspace::{printed, shown},
};

/// The cores of the two sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cores {
    pub(super) sink: usize,
    pub(super) client: usize,
}

impl Cores {
    /// The first two that this process may use.
    pub(super) fn pick() -> Result<Self, Failure> {
        let path = "/proc/self/status";
        let status = fs::read_to_string(path).map_err(Failure::reading(path))?;
        let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        match parse_cores(allowed.unwrap_or_default()).as_slice() {
            [sink, client, ..] => Ok(Self { sink: *sink, client: *client }),
            _ => Err(Failure::Unexpected(
                "two cores are needed: one for the sink, one for the client".to_owned(),
            )),
        }
    }
}

/// `0-1,4` as numbers.
fn parse_cores(list: &str) -> Vec<usize> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse::<usize>().ok()?)
    });
    ranges.flatten().collect()
}

/// A program that runs on that core, and talks to loopback without a proxy.
pub(super) fn pinned<S: AsRef<OsStr>>(core: usize, program: S) -> Command {
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core.to_string()).arg(program);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    command
}

/// What the sink counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) bytes: u64,
    pub(super) right: u64,
    pub(super) wrong: u64,
    pub(super) distinct: u64,
}

/// A sink that runs until this is dropped.
pub(super) struct Sink {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    pub(super) url: String,
    pub(super) cores: Cores,
}

impl Sink {
    pub(super) fn start(program: &Path, cores: Cores, verifies: bool) -> Result<Self, Failure> {
        let mut command = pinned(cores.sink, program);
        command.args(verifies.then_some("--verify")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process =
            command.spawn().map_err(|source| Failure::Start { command: shown(&command), source })?;
        let (Some(questions), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Failure::Unexpected("the sink has no pipes".to_owned()));
        };
        let mut sink =
            Self { process, questions, answers: BufReader::new(answers), url: String::new(), cores };
        sink.url = sink.line()?;
        Ok(sink)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(Failure::reading("the sink's output"))?;
        if line.is_empty() {
            return Err(Failure::Unexpected("the sink has ended".to_owned()));
        }
        Ok(line.trim_end().to_owned())
    }

    /// The counts since it was asked last.
    pub(super) fn counts(&mut self) -> Result<Counts, Failure> {
        self.questions.write_all(b"count\n").map_err(Failure::writing("the sink's input"))?;
        let line = self.line()?;
        let [events, bytes, right, wrong, distinct] =
            numbers(&line, ["events", "bytes", "right", "wrong", "distinct"])?;
        Ok(Counts { events, bytes, right, wrong, distinct })
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It holds nothing that would be lost, and it may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Adds what a contestant reads from its command line.
pub(super) fn add_load(command: &mut Command, way: Option<&str>, url: &str, load: Load) {
    command.args(way).args(["--url", url]);
    for (name, value) in
        [("--events", load.events), ("--batch", load.batch), ("--connections", load.connections)]
    {
        command.arg(name).arg(value.to_string());
    }
}

/// What a contestant says that it cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) cpu_ns: u64,
    pub(super) peak_kib: u64,
    /// Only of a program that counts them.
    pub(super) allocations: Option<u64>,
}

impl Cost {
    /// Runs a program to its end, and reads the line that it prints.
    pub(super) fn of(command: &mut Command) -> Result<Self, Failure> {
        let line = printed(command)?;
        let [cpu_ns, peak_kib] = numbers(&line, ["cpu_ns", "peak_kib"])?;
        let allocations = numbers(&line, ["allocations"]).ok().map(|[allocations]| allocations);
        Ok(Self { cpu_ns, peak_kib, allocations })
    }
}

/// The numbers of these names in a line of JSON.
pub(super) fn numbers<const N: usize>(line: &str, names: [&str; N]) -> Result<[u64; N], Failure> {
    let object: Value = serde_json::from_str(line).unwrap_or_default();
    let mut found = [0; N];
    for (number, name) in found.iter_mut().zip(names) {
        *number = object
            .get(name)
            .and_then(Value::as_u64)
            .ok_or_else(|| Failure::Unexpected(format!("no number `{name}` in `{}`", line.trim_end())))?;
    }
    Ok(found)
}

/// Runs a program under callgrind, and returns the instructions that all of it executed.
pub(super) fn instructions(core: usize, program: &Path, arguments: &[&OsStr]) -> Result<u64, Failure> {
    let mut command = pinned(core, "valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(arguments);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Failure::Start { command: shown(&command), source })?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = collected(&said).filter(|_| output.status.success());
    collected
        .ok_or_else(|| Failure::Exit { command: shown(&command), said: Some(said.trim_end().to_owned()) })
}

/// The number of `==1== Collected : 12345`.
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn cores_are_listed_one_by_one_and_in_ranges() {
        assert_eq!(parse_cores("\t0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(parse_cores("3"), [3]);
        assert!(parse_cores("").is_empty());
    }

    #[test]
    fn callgrinds_sum_is_found_among_its_words() {
        let said = "==7== Events    : Ir\n==7== Collected : 4211\n==7==\n==7== I   refs:      4,211\n";
        assert_eq!(collected(said), Some(4211));
        assert_eq!(collected("valgrind: no such tool"), None);
    }

    #[test]
    fn a_number_that_is_missing_is_named() {
        assert_eq!(numbers(r#"{"events": 7, "bytes": 8}"#, ["bytes", "events"]).unwrap(), [8, 7]);
        let failure = numbers(r#"{"events": null}"#, ["events"]).unwrap_err().to_string();
        assert!(failure.starts_with("no number `events`"), "{failure}");
    }
}
