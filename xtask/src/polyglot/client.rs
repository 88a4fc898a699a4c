//! Makes one client and runs it: its commands, one after the other, beside a sandbox of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    example::Example,
    judge::{Did, answer, judge, judge_verdict},
    server::{Answer, Server},
    shell::Shell,
    tally::Tally,
    testee::Testee,
    vectors::{Case, Part, Vectors},
};
use crate::{failure::Failure, sandbox::Sandbox};

/// Remembers what was installed.
const INSTALLED: &str = ".installed";
/// A client that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// What became of one client.
pub(super) struct Outcome<'e> {
    pub(super) example: &'e Example,
    pub(super) problems: Vec<String>,
    /// What was installed was there before, and is not in it.
    pub(super) time: Duration,
    /// `None`: it did not get so far.
    pub(super) tally: Option<Tally>,
    /// What every command printed.
    pub(super) log: PathBuf,
}

/// Makes the client and runs it. `folder` holds the copy of `openapi`.
pub(super) fn run<'e>(example: &'e Example, vectors: &Vectors, program: &Path, folder: &Path) -> Outcome<'e> {
    let log = folder.join(format!("{}.log", example.name));
    let mut outcome = Outcome { example, problems: Vec::new(), time: Duration::ZERO, tally: None, log };
    let begin = Instant::now();
    let steps = Shell::new(&example.place(folder), &outcome.log, PATIENCE).and_then(|mut shell| {
        install(example, &mut shell)?;
        outcome.time = begin.elapsed();
        steps(vectors, program, shell, &mut outcome)
    });
    if let Err(failure) = steps {
        outcome.problems.push(failure.chain());
    }
    outcome.time = begin.elapsed().saturating_sub(outcome.time);
    outcome
}

fn steps(
    vectors: &Vectors,
    program: &Path,
    mut shell: Shell,
    outcome: &mut Outcome<'_>,
) -> Result<(), Failure> {
    let example = outcome.example;
    if let Some(command) = &example.generate {
        let generated = shell.place.join("generated");
        if generated.exists() {
            fs::remove_dir_all(&generated).map_err(Failure::writing(&generated))?;
        }
        let said = shell.must(command)?;
        let warnings = said.lines().filter(|line| is_warning(line));
        outcome.problems.extend(warnings.map(|line| format!("a warning while generating: {line}")));
    }
    for command in &example.check {
        shell.must(command)?;
    }
    let refuses = &example.refuses;
    let (passed, said) = shell.run(&refuses.command)?;
    if passed || !said.contains(&refuses.says) {
        outcome.problems.push(format!("`{}` must fail and say {}", refuses.command, refuses.says));
    }
    conform(vectors, program, &mut shell, outcome)?;

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
    vectors: &Vectors,
    program: &Path,
    shell: &mut Shell,
    outcome: &mut Outcome<'_>,
) -> Result<(), Failure> {
    let example = outcome.example;
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
pub(super) fn environment(sandbox: &Sandbox, url: &str) -> Vec<(&'static str, String)> {
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
