//! A client under test: a program that reads a question on each line of its standard input, and answers each with a line.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::shell::{Shell, end};
use crate::failure::Failure;

/// How long one answer may take. The first one comes when the program has started.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs until it is dropped.
pub(super) struct Testee {
    command: String,
    process: Child,
    /// `None`: everything was asked.
    questions: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Testee {
    /// Starts the program. What it prints besides its answers goes to the log of the shell.
    pub(super) fn start(shell: &Shell, command: &str) -> Result<Self, Failure> {
        let failed = |source| Failure::Start { command: command.to_owned(), source };
        let mut process = shell.command(command)?;
        let mut process = process.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let (sender, answers) = mpsc::channel();
        if let Some(output) = process.stdout.take() {
            thread::spawn(move || {
                // Ends with the program, or when nobody listens any more.
                BufReader::new(output).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
            });
        }
        let questions = process.stdin.take();
        Ok(Self { command: command.to_owned(), process, questions, answers })
    }

    /// One question, and its answer.
    pub(super) fn ask(&mut self, question: &Value) -> Result<Value, Failure> {
        self.put(question)?;
        self.answer()
    }

    /// All questions, and then all answers: for a program that reads to the end before it answers.
    pub(super) fn ask_all<'q>(
        mut self,
        questions: impl ExactSizeIterator<Item = &'q Value>,
    ) -> Result<Vec<Value>, Failure> {
        let count = questions.len();
        for question in questions {
            self.put(question)?;
        }
        self.questions = None;
        (0..count).map(|_| self.answer()).collect()
    }

    fn put(&mut self, question: &Value) -> Result<(), Failure> {
        let written = self.questions.as_mut().map(|questions| writeln!(questions, "{question}"));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(self.broken("reads no more questions")),
        }
    }

    fn answer(&self) -> Result<Value, Failure> {
        let line = self.answers.recv_timeout(PATIENCE).map_err(|_| self.broken("does not answer"))?;
        serde_json::from_str(&line).map_err(|_| self.broken(&format!("answers what is no JSON: {line}")))
    }

    fn broken(&self, words: &str) -> Failure {
        Failure::Unexpected(format!("`{}` {words}; its log says why", self.command))
    }
}

impl Drop for Testee {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_testee_answers_each_question_or_is_told_broken() {
        let folder = std::env::temp_dir().join(format!("xtask-testee-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let shell = Shell::new(&folder, &folder.join("log"), PATIENCE).unwrap();
        let question = json!({ "do": "collect" });
        let mut echo = Testee::start(&shell, "cat").unwrap();
        assert_eq!(echo.ask(&question).unwrap(), question);
        assert_eq!(
            echo.ask_all([&question, &question].into_iter()).unwrap(),
            [question.clone(), question.clone()]
        );
        assert!(Testee::start(&shell, "echo no").unwrap().ask(&question).is_err());
        assert!(Testee::start(&shell, "read x").unwrap().ask(&question).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
