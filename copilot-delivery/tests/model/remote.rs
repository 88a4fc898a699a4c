//! A program in a child process, with an outbox in a file: it can be killed.

use std::{
    env,
    io::{BufRead, BufReader, Write, stdin},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use copilot_delivery::{Durability, Outbox, SqliteOutbox};
use serde_json::Value;

use crate::{
    program::{Program, in_words},
    support::Folder,
    system::Engine,
};

/// Where the child finds what it needs.
const FILE: &str = "COPILOT_MODEL_FILE";
const URL: &str = "COPILOT_MODEL_URL";

/// What stands before an answer, so that it is none of the lines that tests print.
const MARK: &str = "answer: ";

pub(crate) struct Remote {
    running: Running,
    folder: Folder,
    url: String,
}

/// A child, which is killed at the end.
struct Running {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Not a test, but the program of the child.
#[test]
fn child() {
    let (Some(file), Ok(url)) = (env::var_os(FILE), env::var(URL)) else { return };
    // A killed process is what is simulated; a power cut is not.
    let outbox =
        SqliteOutbox::builder(PathBuf::from(file)).durability(Durability::KilledProcess).open().unwrap();
    let say = |answer: &Value| println!("{MARK}{answer}");
    say(&in_words(&pollster::block_on(outbox.counts()).unwrap()));
    let mut program = Program::with_outbox(&url, outbox);
    for command in stdin().lines() {
        say(&program.answer(&command.unwrap()));
    }
}

impl Remote {
    /// Gives the counts that the outbox had before anything was sent.
    fn run(folder: Folder, url: String) -> (Self, Value) {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "remote::child", "--nocapture", "--test-threads=1"])
            .envs([(FILE, folder.file().into_os_string()), (URL, url.clone().into())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (commands, answers) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut remote = Self { running: Running { child, commands, answers }, folder, url };
        let counts = remote.next().expect("the child did not start");
        (remote, counts)
    }

    /// The next answer; none, when the child has ended.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        while self.running.answers.read_line(&mut line).unwrap() > 0 {
            if let Some((_, answer)) = line.split_once(MARK) {
                // A killed process may have written a part of it.
                return serde_json::from_str(answer).ok();
            }
            line.clear();
        }
        None
    }

    fn tell(&mut self, command: &str) {
        let mut commands = self.running.commands.as_ref().unwrap();
        commands.write_all(format!("{command}\n").as_bytes()).unwrap();
    }

    /// Begins anew on the same file, whose rows are as many as its counts say.
    fn again(mut self) -> (Self, Value) {
        self.running.child.wait().unwrap();
        let Self { running: _, folder, url } = self;
        let connection = rusqlite::Connection::open(folder.file()).unwrap();
        let rows: i64 = connection.query_row("SELECT count(*) FROM pending", [], |row| row.get(0)).unwrap();
        let dead: i64 = connection.query_row("SELECT count(*) FROM dead", [], |row| row.get(0)).unwrap();
        drop(connection);
        let (remote, counts) = Self::run(folder, url);
        assert_eq!((counts["pending"].as_i64(), counts["dead_letters"].as_i64()), (Some(rows), Some(dead)));
        (remote, counts)
    }

    fn kill(&mut self) {
        self.running.child.kill().unwrap();
    }
}

impl Engine for Remote {
    const DURABLE: bool = true;

    fn start(url: &str) -> Self {
        Self::run(Folder::new(), url.to_owned()).0
    }

    fn ask(&mut self, command: &str) -> Value {
        self.tell(command);
        self.next().unwrap_or_else(|| panic!("no answer to {command}"))
    }

    fn restart(mut self, stay: u64) -> (Self, Value) {
        // Its standard input ends, and so does it.
        self.running.commands = None;
        let (remote, counts) = self.again();
        assert_eq!(counts["pending"], stay, "a shutdown says how many stay");
        (remote, counts)
    }

    fn crash(mut self) -> (Self, Value) {
        self.kill();
        self.again()
    }

    fn crash_while(mut self, commands: Vec<String>, answers: usize) -> (Self, Vec<Value>, Value) {
        commands.iter().for_each(|command| self.tell(command));
        let mut answered: Vec<_> = (0..answers).map(|_| self.next().unwrap()).collect();
        self.kill();
        answered.extend(std::iter::from_fn(|| self.next()));
        let (remote, counts) = self.again();
        (remote, answered, counts)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
