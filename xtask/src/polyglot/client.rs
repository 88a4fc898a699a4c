//! Makes one client and runs it: its commands, one after the other, beside a sandbox of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    example::{EXAMPLES, Example, When},
    judge::{Did, answer, judge, judge_verdict},
    server::{Answer, Server},
    shell::Shell,
    tally::Tally,
    testee::Testee,
    vectors::{Case, Part, Vectors},
};
use crate::{failure::Failure, sandbox::Sandbox};

/// Remembers what was installed.
pub(super) const INSTALLED: &str = ".installed";
/// A client that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);
/// How many problems of one client are shown: enough to see what they are about.
pub(super) const SHOWN: usize = 30;

/// What became of one client.
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) made_with: String,
    pub(super) problems: Vec<String>,
    /// The folder's own needs were fetched, which is not in `time`.
    pub(super) install_time: Duration,
    pub(super) time: Duration,
    /// Whether it was generated without a warning; nothing is generated for a judge.
    pub(super) generated: Option<bool>,
    pub(super) checked: Option<bool>,
    pub(super) tally: Option<Tally>,
    /// When it refuses a misspelt field.
    pub(super) misspelt: When,
    /// What every command printed.
    pub(super) log: PathBuf,
}

impl Outcome {
    pub(super) fn line(&self) -> String {
        let verdict = if self.problems.is_empty() { "ok" } else { "FAILED" };
        let (time, install) = (self.time.as_secs_f64(), self.install_time.as_secs_f64());
        format!("{}: {verdict}, {time:.1} s after {install:.1} s to install", self.name)
    }

    pub(super) fn shown_problems(&self) -> impl Iterator<Item = String> {
        let left_out = self.problems.len().saturating_sub(SHOWN);
        let more = (left_out > 0).then(|| format!("and {left_out} more"));
        self.problems.iter().take(SHOWN).cloned().chain(more)
    }

    /// Whether it got as far as a report.
    pub(super) fn is_measured(&self) -> bool {
        self.tally.is_some()
    }
}

/// Makes the client and runs it. `folder` holds the copy of `openapi`.
pub(super) fn run(example: &Example, vectors: &Vectors, program: &Path, folder: &Path) -> Outcome {
    let made_with = match &example.generator {
        Some(generator) => format!("{generator} {}", example.version),
        None => example.version.clone(),
    };
    let mut outcome = Outcome {
        name: example.name.clone(),
        language: example.language.clone(),
        made_with,
        problems: Vec::new(),
        install_time: Duration::ZERO,
        time: Duration::ZERO,
        generated: None,
        checked: None,
        tally: None,
        misspelt: example.refuses.when,
        log: folder.join(format!("{}.log", example.name)),
    };
    let begin = Instant::now();
    if let Err(failure) = steps(example, vectors, program, folder, &mut outcome) {
        outcome.problems.push(failure.chain());
    }
    outcome.time = begin.elapsed().saturating_sub(outcome.install_time);
    outcome
}

fn steps(
    example: &Example,
    vectors: &Vectors,
    program: &Path,
    folder: &Path,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let place = folder.join(EXAMPLES).join(&example.folder);
    let mut shell = Shell::new(&place, &outcome.log, PATIENCE)?;

    let begin = Instant::now();
    install(example, &mut shell)?;
    outcome.install_time = begin.elapsed();

    if let Some(command) = &example.generate {
        let generated = place.join("generated");
        if generated.exists() {
            fs::remove_dir_all(&generated).map_err(Failure::writing(&generated))?;
        }
        let said = shell.must(command)?;
        let warnings: Vec<&str> = said.lines().filter(|line| is_warning(line)).collect();
        outcome.problems.extend(warnings.iter().map(|line| format!("a warning while generating: {line}")));
        outcome.generated = Some(warnings.is_empty());
    }
    for command in &example.check {
        outcome.checked = Some(true);
        shell.must(command).inspect_err(|_| outcome.checked = Some(false))?;
    }
    let refuses = &example.refuses;
    let (passed, said) = shell.run(&refuses.command)?;
    if passed || !said.contains(&refuses.says) {
        outcome.problems.push(format!("`{}` must fail and say {}", refuses.command, refuses.says));
    }
    conform(example, vectors, program, &mut shell, outcome)?;

    if let Some(command) = &example.first_event {
        // At the clock of this machine, as a team would start it.
        let sandbox = Sandbox::start(program, &[])?;
        shell.env = environment(&sandbox, &sandbox.url);
        shell.must(command)?;
        let said = sandbox.control("statistics")?;
        let count = |pointer: &str| said.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        let consents: u64 =
            ["200", "204"].map(|status| count(&format!("/requests/set_consent/{status}"))).iter().sum();
        let found = (count("/events/accepted"), count("/events/rejected"), consents);
        if found != (1, 0, 1) {
            outcome.problems.push(format!("`{command}` must report one event and one consent: {said}"));
        }
    }
    Ok(())
}

/// Lets the client do every case of the vectors, and judges each.
fn conform(
    example: &Example,
    vectors: &Vectors,
    program: &Path,
    shell: &mut Shell,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let cases: Vec<&Case> = vectors
        .cases
        .iter()
        // A validator sees no header and no answer.
        .filter(|case| !example.is_validator() || [Part::Body, Part::Time].contains(&case.part))
        .collect();
    let uncompiled = uncompiled(example, &cases, shell)?;

    let sandbox = Sandbox::start(program, &["--clock", &vectors.now.to_string()])?;
    let address = sandbox.url.trim_start_matches("http://");
    let server = Server::start(Answer::Relay(address.to_owned()))?;
    shell.env = environment(&sandbox, &server.url());
    let mut testee = Testee::start(shell, &example.testee)?;
    let mut tally = Tally { cases: cases.len(), ..Tally::default() };
    for (case, said) in cases.into_iter().zip(uncompiled) {
        let judged = if said.get("refused").is_some() {
            judge(vectors, case, &Did { said, sent: Vec::new() })
        } else {
            server.set(answer(case).unwrap_or_else(|| Answer::Relay(address.to_owned())));
            let answered = testee.ask(&case.question)?;
            // The compiler knows the type that an event is read as; what runs does not, where types are gone by then.
            let read_as = answered.get("read_as").or(said.get("read_as")).cloned();
            let mut did = Did { said: answered, sent: server.take() };
            if let (Some(read_as), Some(said)) = (read_as, did.said.as_object_mut()) {
                said.insert("read_as".to_owned(), read_as);
            }
            if example.is_validator() { judge_verdict(case, &did) } else { judge(vectors, case, &did) }
                .map_err(|words| format!("{words}: it said {}", did.said))
        };
        match judged {
            Ok(by) => tally.count(case, by),
            Err(_) if example.lacks_for(case) => tally.skipped += 1,
            Err(words) => outcome.problems.push(format!("{}: {words}", case.name)),
        }
    }
    outcome.tally = Some(tally);
    Ok(())
}

/// What the compiler says of each case: nothing, where there is none.
fn uncompiled(example: &Example, cases: &[&Case], shell: &Shell) -> Result<Vec<Value>, Failure> {
    let mut said = vec![Value::Null; cases.len()];
    if let Some(command) = &example.compiles {
        // A text is read when the program runs, where the compiler has no say.
        let compiles = |case: &Case| case.part == Part::Body && case.expected.get("body").is_some();
        let bodies: Vec<&Value> =
            cases.iter().filter(|case| compiles(case)).map(|case| &case.question).collect();
        let answers = Testee::start(shell, command)?.ask_all(bodies.into_iter())?;
        let places = said.iter_mut().zip(cases).filter(|(_, case)| compiles(case));
        places.zip(answers).for_each(|((place, _), answer)| *place = answer);
    }
    Ok(said)
}

/// The four variables that every client reads.
fn environment(sandbox: &Sandbox, url: &str) -> Vec<(&'static str, String)> {
    let at = |endpoint: String| endpoint.replacen(&sandbox.url, url, 1);
    vec![
        ("COPILOT_CLIENT_ID", sandbox.client_id.clone()),
        ("COPILOT_CLIENT_SECRET", sandbox.client_secret.clone()),
        ("COPILOT_CLIENT_COLLECT_ENDPOINT", at(sandbox.collect_url())),
        ("COPILOT_CLIENT_CONSENT_ENDPOINT", at(sandbox.consent_url())),
    ]
}

/// Fetches what the folder needs, if that changed since the last time.
fn install(example: &Example, shell: &mut Shell) -> Result<(), Failure> {
    let mut wanted = example.install.join("\n");
    for lock in ["package-lock.json", "requirements.txt", "install.sh"] {
        wanted.push_str(&fs::read_to_string(shell.place.join(lock)).unwrap_or_default());
    }
    let stamp = shell.place.join(INSTALLED);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    for command in &example.install {
        shell.must(command)?;
    }
    fs::write(&stamp, wanted).map_err(Failure::writing(stamp))
}

/// npm, pip, Python and Java each have their own way to say it.
fn is_warning(line: &str) -> bool {
    let line = line.to_lowercase();
    line.contains("warn") || line.contains("deprecat")
}
