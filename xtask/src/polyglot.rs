//! `cargo xtask polyglot`: makes a client from the contract in each of several languages and lets each run the vectors and
//! talk to the sandbox.
//!
//! Every folder below `openapi/examples` with a `commands.json`, which says how it is made and checked, is one client. A small
//! program of it, the testee, does what it is asked and says what came of it; the verdicts are known here alone. It then sends
//! through the relay while there is trouble, and nothing may be lost.

mod client;
mod example;
mod judge;
mod page;
mod relay;
mod safety;
mod server;
mod shell;
mod tally;
mod testee;
mod vectors;

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

pub(crate) use crate::r#gen::Mode;
use crate::{
    failure::Failure,
    workspace::{Workspace, in_ci},
};
use example::Example;
use vectors::Vectors;

/// How many clients are made at the same time: as many as this project's smallest machine has cores.
const AT_ONCE: usize = 2;

/// Runs every client, or those of these names. `false`: one of them is not as it should be.
pub(crate) fn run(root: &Path, mode: Mode, names: &[&str]) -> Result<bool, Failure> {
    let vectors = Vectors::read(root)?;
    let examples = chosen(Example::all(root)?, names)?;
    let (examples, lacking): (Vec<_>, Vec<_>) =
        examples.into_iter().partition(|example| example.lacks_programs().next().is_none());
    for example in &lacking {
        let programs = example.lacks_programs().collect::<Vec<_>>().join(", ");
        println!("SKIPPED: {} needs {programs}; `.ci/run` says how to install it", example.name);
    }
    let workspace = Workspace::read(root)?;
    let program = crate::sandbox::build(&workspace)?;
    let folder = workspace.target.join("polyglot");
    fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
    example::mirror(&root.join("openapi"), &folder)?;

    let rust = if names.is_empty() { Some(safety::Subject::rust(&workspace, &folder)?) } else { None };

    let waiting = Mutex::new(examples.iter().rev().collect::<Vec<_>>());
    let (outcomes, rows) = (Mutex::new(Vec::new()), Mutex::new(safety::Rows::new()));
    thread::scope(|scope| {
        let (waiting, outcomes, rows) = (&waiting, &outcomes, &rows);
        let (vectors, program, folder) = (&vectors, &program, &folder);
        let try_safety = move |subject: safety::Subject| {
            let subject = Arc::new(subject);
            for cases in safety::SIDE_BY_SIDE {
                let subject = Arc::clone(&subject);
                scope.spawn(move || {
                    let problems: Vec<_> = cases.iter().flat_map(|case| subject.judged(*case)).collect();
                    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                    rows.entry(subject.name.clone()).or_default().extend(problems);
                });
            }
        };
        let work = move || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(example) = next else { break };
                let mut outcome = client::run(example, vectors, program, folder);
                if outcome.tally.is_some() && !example.is_validator() {
                    let problem = relay::problem(example, vectors, program, folder);
                    outcome.problems.extend(problem.unwrap_or_else(|failure| Some(failure.chain())));
                }
                let verdict = if outcome.problems.is_empty() { "ok" } else { "FAILED" };
                println!("{}: {verdict}, {:.1} s", example.name, outcome.time.as_secs_f64());
                if outcome.tally.is_some() {
                    safety::Subject::of(example, folder).map(try_safety);
                }
                outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
            }
        };
        rust.map(try_safety);
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by(|one, other| one.example.name.cmp(&other.example.name));
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);

    for outcome in outcomes.iter().filter(|outcome| !outcome.problems.is_empty()) {
        println!(
            "\n{}: {} problems; {}",
            outcome.example.name,
            outcome.problems.len(),
            outcome.log.display()
        );
        outcome.problems.iter().take(shell::SHOWN).for_each(|problem| println!("  {problem}"));
    }
    println!("\n{}", page::table(&outcomes));
    for (name, problems) in &rows {
        problems.iter().for_each(|(_, problem)| println!("{name}: {problem}"));
    }
    println!("\n{}", safety::table(&rows));
    let good = outcomes.iter().all(|outcome| outcome.problems.is_empty()) && rows.values().all(Vec::is_empty);
    // What some of the clients did says nothing of the others.
    let whole =
        names.is_empty() && lacking.is_empty() && outcomes.iter().all(|outcome| outcome.tally.is_some());
    let all = lacking.is_empty() || !in_ci();
    Ok(all && good && (!whole || page::write(root, &outcomes, &rows, mode)?))
}

fn chosen(mut examples: Vec<Example>, names: &[&str]) -> Result<Vec<Example>, Failure> {
    if let Some(unknown) = names.iter().find(|name| !examples.iter().any(|example| example.name == **name)) {
        let known: Vec<&str> = examples.iter().map(|example| example.name.as_str()).collect();
        return Err(Failure::Usage(format!("`{unknown}` is no client; they are {}", known.join(", "))));
    }
    examples.retain(|example| names.is_empty() || names.contains(&example.name.as_str()));
    Ok(examples)
}
