//! Makes one client and runs it: its commands, one after the other, beside a sandbox of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{example::Example, report, shell::Shell, tally::Tally, vectors::Vectors};
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
    let place = folder.join("openapi/examples").join(&example.name);
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
    for refuses in &example.refuses {
        let (passed, said) = shell.run(&refuses.command)?;
        if passed || !said.contains(&refuses.says) {
            outcome.problems.push(format!("`{}` must fail and say {}", refuses.command, refuses.says));
        }
    }

    let sandbox = Sandbox::start(program, &["--clock", &vectors.now.to_string()])?;
    let report = folder.join(format!("{}.report.jsonl", example.name));
    let _ = fs::remove_file(&report);
    shell.env = vec![
        ("COPILOT_CLIENT_ID", sandbox.client_id.clone()),
        ("COPILOT_CLIENT_SECRET", sandbox.client_secret.clone()),
        ("COPILOT_CLIENT_COLLECT_ENDPOINT", sandbox.collect_url()),
        ("COPILOT_CLIENT_CONSENT_ENDPOINT", sandbox.consent_url()),
        ("COPILOT_SANDBOX_URL", sandbox.url.clone()),
        ("COPILOT_VECTORS", folder.join("openapi/vectors").display().to_string()),
        ("COPILOT_REPORT", report.display().to_string()),
    ];
    shell.must(&example.run)?;
    let text = fs::read_to_string(&report).map_err(Failure::reading(&report))?;
    let (tally, problems) = report::judge(example, vectors, &text);
    outcome.tally = Some(tally);
    outcome.problems.extend(problems);
    drop(sandbox);

    if let Some(command) = &example.first_event {
        // At the clock of this machine, as a team would start it.
        let sandbox = Sandbox::start(program, &[])?;
        shell.env = vec![
            ("COPILOT_CLIENT_ID", sandbox.client_id.clone()),
            ("COPILOT_CLIENT_SECRET", sandbox.client_secret.clone()),
            ("COPILOT_CLIENT_COLLECT_ENDPOINT", sandbox.collect_url()),
            ("COPILOT_CLIENT_CONSENT_ENDPOINT", sandbox.consent_url()),
        ];
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
