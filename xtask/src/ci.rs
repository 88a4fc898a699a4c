//! `cargo xtask ci`: every check of the workspace, one after the other and some beside, with one table at the end.

mod features;
mod packages;
mod steps;
mod tls;

use std::{
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    failure::Failure,
    workspace::{Workspace, in_ci},
};
use steps::Step;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Ok,
    Failed,
    Skipped,
}

/// Runs the steps of those names, or all. `false` when one failed.
pub(crate) fn run(root: &Path, names: &[&str]) -> Result<bool, Failure> {
    let workspace = Workspace::read(root)?;
    let in_ci = in_ci();
    let steps = steps::all(&workspace, in_ci);
    if names == ["--list"] {
        for step in &steps {
            println!("{:<32} {}", step.name, step.does);
        }
        return Ok(true);
    }

    let start = Instant::now();
    let rows = run_all(root, &choose(&steps, names)?);
    for words in steps::last_words() {
        println!("\n{words}");
    }
    println!("\n{}", table(&rows, start.elapsed()));
    let skipped = rows.iter().any(|(_, verdict, _)| *verdict == Verdict::Skipped);
    if skipped && in_ci {
        println!("CI=true: a skipped step counts as failed");
    }
    Ok(rows.iter().all(|(_, verdict, _)| *verdict != Verdict::Failed) && !(skipped && in_ci))
}

/// What became of a step, and how long it took.
type Row<'s> = (&'s str, Verdict, Duration);

/// Runs the steps in their order, but those that are run beside others in a second lane.
fn run_all<'s>(root: &Path, steps: &[&'s Step<'_>]) -> Vec<Row<'s>> {
    let timed = |step: &'s Step<'_>| {
        let beside = if step.beside { ", beside the next steps" } else { "" };
        println!("\n==> {}: {}{beside}", step.name, step.does);
        let start = Instant::now();
        (step.name.as_str(), verdict(root, step), start.elapsed())
    };
    thread::scope(|scope| {
        let (to_lane, lane) = mpsc::channel();
        let lane = scope.spawn(move || lane.into_iter().map(timed).collect::<Vec<_>>());
        let mut rows = Vec::new();
        for step in steps {
            if step.beside {
                // The lane takes steps for as long as this end is there.
                let _ = to_lane.send(*step);
            } else {
                rows.push(timed(step));
            }
        }
        drop(to_lane);
        rows.extend(lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        rows
    })
}

fn verdict(root: &Path, step: &Step<'_>) -> Verdict {
    if let Some(missing) = step.needs.iter().find(|tool| !tool.is_installed(root)) {
        println!("SKIPPED: {}", missing.missing());
        return Verdict::Skipped;
    }
    match (step.work)() {
        Ok(true) => Verdict::Ok,
        Ok(false) => Verdict::Failed,
        // One step's failure must not keep the others from being run.
        Err(failure) => {
            println!("error: {}", failure.chain());
            Verdict::Failed
        }
    }
}

/// The steps that the names choose, in the steps' order. `clippy` also chooses `clippy:copilot-api:rustls`.
fn choose<'s, 'a>(steps: &'s [Step<'a>], names: &[&str]) -> Result<Vec<&'s Step<'a>>, Failure> {
    let is_chosen = |step: &Step<'_>, name: &str| {
        step.name == name || step.name.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
    };
    if let Some(unknown) = names.iter().find(|name| !steps.iter().any(|step| is_chosen(step, name))) {
        let known = steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Failure::Usage(format!("`{unknown}` is no step of ci; the steps are {known}")));
    }
    Ok(steps
        .iter()
        .filter(|step| names.is_empty() || names.iter().any(|name| is_chosen(step, name)))
        .collect())
}

fn table(rows: &[Row<'_>], total: Duration) -> String {
    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or_default().max("total".len());
    let line =
        |name: &str, verdict: &str, seconds: &str| format!("{name:<width$}  {verdict:<7}  {seconds:>8}\n");
    let mut text = line("step", "verdict", "seconds");
    for (name, verdict, time) in rows {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Failed => "FAILED",
            Verdict::Skipped => "SKIPPED",
        };
        text.push_str(&line(name, verdict, &format!("{:.1}", time.as_secs_f64())));
    }
    text.push_str(&line("total", "", &format!("{:.1}", total.as_secs_f64())));
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn step(name: &str, work: fn() -> Result<bool, Failure>) -> Step<'static> {
        let (name, does) = (name.to_owned(), String::new());
        Step { name, does, needs: Vec::new(), beside: false, work: Box::new(work) }
    }

    #[test]
    fn a_name_chooses_its_step_and_those_below_it() {
        let steps = ["clippy", "clippy:a", "clippyish", "test"].map(|name| step(name, || Ok(true)));
        let chosen = |names: &[&str]| {
            let chosen = choose(&steps, names).map_err(|failure| failure.to_string())?;
            Ok(chosen.into_iter().map(|step| step.name.as_str()).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&["clippy"]), Ok(vec!["clippy", "clippy:a"]));
        assert_eq!(chosen(&["test", "clippy:a"]), Ok(vec!["clippy:a", "test"]));
        assert_eq!(chosen(&[]).map(|all| all.len()), Ok(4));
        let refused: Result<_, String> = chosen(&["tset"]);
        assert!(refused.unwrap_err().starts_with("`tset` is no step of ci; the steps are clippy, "));
    }

    #[test]
    fn a_step_that_cannot_do_its_work_has_failed() {
        assert_eq!(verdict(Path::new("/"), &step("a", || Ok(true))), Verdict::Ok);
        assert_eq!(verdict(Path::new("/"), &step("a", || Ok(false))), Verdict::Failed);
        assert_eq!(
            verdict(Path::new("/"), &step("a", || Err(Failure::Unexpected("odd".to_owned())))),
            Verdict::Failed
        );
    }

    #[test]
    fn the_table_has_a_line_for_each_step_and_the_total() {
        let rows = [
            ("fmt", Verdict::Ok, Duration::from_millis(940)),
            ("clippy:all", Verdict::Failed, Duration::from_secs(100)),
            ("deny", Verdict::Skipped, Duration::ZERO),
        ];
        let expected = "\
step        verdict   seconds
fmt         ok            0.9
clippy:all  FAILED      100.0
deny        SKIPPED       0.0
total                   100.9
";
        assert_eq!(table(&rows, Duration::from_millis(100_900)), expected);
    }
}
