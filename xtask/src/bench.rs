//! `cargo xtask bench`: copilot-api beside what one writes by hand and beside other clients, in one run.
//!
//! The contestants are programs of the workspace `bench/`. This is what builds them, runs them against a sink, refuses the
//! run when an event is missing, and writes down what was found.

mod delivery;
mod files;
mod instructions;
mod judges;
mod machine;
mod page;
mod plan;
mod plot;
mod process;
mod programs;
mod reading;
mod results;
mod table;

use std::path::Path;

use crate::{failure::Failure, workspace::Workspace};
use plan::{CONTESTANTS, Plan};
use process::{Cores, Sink};
use results::Results;

/// What is to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Everything, in five rounds.
    Full,
    /// The same with fewer events, in three rounds.
    Short,
}

/// What is done with the figures of the hot paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They are compared with what is committed.
    Check,
    /// They are written down, to be committed.
    Write,
}

/// Measures, and writes `docs/benchmarks.md` with its plots.
pub(crate) fn run(root: &Path, form: Form) -> Result<bool, Failure> {
    let workspace = Workspace::read(root)?;
    let (plan, cores) = (Plan::new(form), Cores::pick()?);
    let programs = programs::build_all(&workspace)?;
    let machine = machine::describe(root, cores)?;

    println!("==> every event arrives, and is the same");
    let mut sink = Sink::start(&programs.sink(), cores, true)?;
    for contestant in &CONTESTANTS {
        results::verify(&mut sink, &programs, contestant)?;
    }
    drop(sink);

    let mut sink = Sink::start(&programs.sink(), cores, false)?;
    let mut results = Results::default();
    for round in 1..=plan.rounds {
        println!("==> round {round} of {}", plan.rounds);
        for (contestant, load) in plan.runs() {
            results.measure(&mut sink, &programs, contestant, load)?;
        }
    }
    println!("==> allocations and instructions");
    for contestant in &CONTESTANTS {
        results.count_allocations(&mut sink, &programs, contestant)?;
        results.count_instructions(&mut sink, &programs, contestant)?;
    }
    drop(sink);

    println!("==> reading");
    let readers = reading::measure(&workspace, &programs, cores, &plan)?;
    page::write(root, form, &plan, &machine, &results, &readers)?;
    Ok(true)
}

/// Counts the instructions of the hot paths. `false` when they have changed by more than is allowed.
pub(crate) fn instructions(root: &Path, mode: Mode) -> Result<bool, Failure> {
    instructions::run(&Workspace::read(root)?, mode)
}

/// Measures what `copilot-cx` costs with files. `false` when a bound is broken.
pub(crate) fn files(root: &Path) -> Result<bool, Failure> {
    files::run(&Workspace::read(root)?)
}

/// Measures what delivery costs. `false` when a bound is broken.
pub(crate) fn delivery(root: &Path) -> Result<bool, Failure> {
    delivery::run(&Workspace::read(root)?)
}
