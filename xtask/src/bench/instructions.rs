//! `cargo xtask bench --instructions`: what the hot paths take, in instructions, which unlike time are the same in each run.
//!
//! They depend on the compiler, libc and valgrind as well as on the code. Where these are those that the committed figures
//! were counted with, they are compared with these; elsewhere with the commit before, which is counted too.

use std::{collections::BTreeMap, ffi::OsStr, fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};

use super::{
    Mode, machine,
    plan::Load,
    process::{Cores, Sink, add_load, instructions},
    programs::{self, Programs},
    reading,
};
use crate::{
    failure::Failure,
    workspace::{Workspace, printed},
};

const FIGURES: &str = "bench/instructions.json";

/// By how many percent a figure may change unnoticed: another run differs by less than a tenth of it.
const TOLERATED: u64 = 3;

/// The same where a server and the scheduler set the pace: how often somebody is woken depends on what else the machine does.
const TOLERATED_ON_THE_WIRE: u64 = 12;

/// The event types that are made, checked and serialized.
const MADE: [&str; 3] = ["custom_event", "thing_status_changed", "user_created"];

/// How many events `collect` sends in a request: its default, and what the first table of the benchmarks has.
const BATCHES: [u64; 2] = [100, 1000];

/// What is sent to a server.
const COLLECT: &str = "collect custom_event";
const DELIVER: &str = "deliver custom_event in memory";

/// The two numbers of events whose difference is what an event costs without the start of the program.
const FEWER: u64 = 2000;
const MORE: u64 = 6000;

/// Instructions for each event, by path.
type Counted = BTreeMap<String, u64>;

/// What is committed.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Figures {
    /// What they were counted with.
    conditions: BTreeMap<String, String>,
    /// What holds with every compiler. Written by hand.
    #[serde(default)]
    at_most: Counted,
    instructions: Counted,
}

/// What the figures are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Against {
    /// Must be right: a figure that fell hides the next rise.
    Committed,
    /// Must not be exceeded.
    Parent,
}

/// Counts, and compares or writes down.
pub(super) fn run(workspace: &Workspace, mode: Mode) -> Result<bool, Failure> {
    let path = workspace.root.join(FIGURES);
    let text = fs::read_to_string(&path).map_err(Failure::reading(&path))?;
    let figures: Figures =
        serde_json::from_str(&text).map_err(|error| Failure::Unexpected(format!("{FIGURES}: {error}")))?;
    let cores = Cores::pick()?;
    // Makes the folder that the file goes to.
    let programs = programs::build_ours(workspace)?;
    let file = reading::write_events(workspace)?;
    let counted = count(&programs, cores, &file)?;
    let conditions: BTreeMap<String, String> = machine::conditions(&workspace.root)?
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();

    if mode == Mode::Write {
        print!("{}", table(&counted, &Counted::new(), "committed"));
        let figures = Figures { conditions, at_most: figures.at_most, instructions: counted };
        return write(&path, &figures).map(|()| true);
    }
    let (before, against) = if figures.conditions == conditions {
        (figures.instructions, Against::Committed)
    } else {
        println!(
            "the figures of {FIGURES} are of other tools: {:?}; here: {conditions:?}",
            figures.conditions
        );
        (parent(workspace, cores, &file)?, Against::Parent)
    };
    let title = if against == Against::Committed { "committed" } else { "before" };
    print!("{}", table(&counted, &before, title));
    let mut faults = changes(&counted, &before, against);
    faults.extend(excesses(&counted, &figures.at_most));
    for fault in &faults {
        println!("{fault}");
    }
    Ok(faults.is_empty())
}

/// Counts each path with these programs.
fn count(programs: &Programs, cores: Cores, file: &Path) -> Result<Counted, Failure> {
    let mut counted = Counted::new();
    for made in MADE {
        let program = programs.named("bench-copilot-paths");
        let name = format!("make, check and serialize {made}");
        counted.insert(name, slope(cores, &program, |events| vec![made.into(), events.to_string().into()])?);
    }
    let program = programs.named("bench-copilot-reading");
    let arguments = |events: u64| vec![file.into(), events.to_string().into()];
    counted.insert("parse_event, all types".to_owned(), slope(cores, &program, arguments)?);
    let sink = Sink::start(&programs.sink(), cores, false)?;
    let sends = |program: &str, way: &'static str, batch: u64| {
        let arguments = |events| {
            let mut line = Command::new(program);
            add_load(&mut line, Some(way), &sink.url, Load { batch, connections: 1, events });
            line.get_args().map(OsStr::to_owned).collect()
        };
        // How often a client is woken depends on the server's pace: the least of three says what the client does.
        let mut least = u64::MAX;
        for _ in 0..3 {
            least = least.min(slope(cores, &programs.named(program), arguments)?);
        }
        Ok::<u64, Failure>(least)
    };
    for batch in BATCHES {
        let name = format!("{COLLECT}, {batch} a request");
        counted.insert(name, sends("bench-copilot", "collect", batch)?);
    }
    counted.insert(DELIVER.to_owned(), sends("bench-delivery", "memory", 100)?);
    Ok(counted)
}

/// What an event costs: the difference of two runs, divided by that of their events.
fn slope(
    cores: Cores,
    program: &Path,
    arguments: impl Fn(u64) -> Vec<std::ffi::OsString>,
) -> Result<u64, Failure> {
    let run = |events| {
        let arguments = arguments(events);
        let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        instructions(cores.client, program, &arguments)
    };
    let (fewer, more) = (run(FEWER)?, run(MORE)?);
    Ok(more.saturating_sub(fewer) / (MORE - FEWER))
}

/// Counts the commit before, in a work tree of its own. With changes that are not committed, that is the last commit.
fn parent(workspace: &Workspace, cores: Cores, file: &Path) -> Result<Counted, Failure> {
    let git = |arguments: &[&str]| printed(Command::new("git").args(arguments).current_dir(&workspace.root));
    // Without a history, as in a shallow clone, there is none.
    let clean = git(&["status", "--porcelain"]).is_ok_and(|changes| changes.is_empty());
    let commit = if clean { "HEAD^" } else { "HEAD" };
    if git(&["rev-parse", "--verify", "--quiet", commit]).is_err() {
        println!("{commit} is not here: there is nothing to compare with");
        return Ok(Counted::new());
    }
    let target = workspace.target.join("bench-parent");
    let tree = target.join("tree");
    let shown = tree.to_string_lossy();
    // One that an interrupted run has left; there is none as a rule.
    let _ = git(&["worktree", "remove", "--force", &shown]);
    git(&["worktree", "prune"])?;
    git(&["worktree", "add", "--detach", "--force", &shown, commit])?;
    let counted = if programs::are_in(&tree) {
        println!("==> {commit} is counted as well");
        let before = Workspace { root: tree.clone(), target, packages: Vec::new() };
        programs::build_ours(&before).and_then(|programs| count(&programs, cores, file))
    } else {
        println!("{commit} has no bench/: there is nothing to compare with");
        Ok(Counted::new())
    };
    git(&["worktree", "remove", "--force", &shown])?;
    counted
}

fn write(path: &Path, figures: &Figures) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(figures)
        .map_err(|error| Failure::Unexpected(format!("{FIGURES}: {error}")))?;
    fs::write(path, format!("{text}\n")).map_err(Failure::writing(path))
}

#[expect(clippy::cast_precision_loss, reason = "instructions for one event are few")]
fn change(now: u64, before: u64) -> f64 {
    now as f64 / before as f64 - 1.0
}

/// What changed by more than is tolerated, and, against what is committed, what is not in it or no longer counted.
fn changes(now: &Counted, before: &Counted, against: Against) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, count) in now {
        let tolerated = tolerated(path);
        match before.get(path) {
            Some(before) if 100 * count > (100 + tolerated) * before => {
                faults.push(format!("{path}: {count} instructions, and {before} before"));
            }
            Some(before) if against == Against::Committed && 100 * count < (100 - tolerated) * before => {
                faults.push(format!("{path}: {count} instructions, fewer than {before}: {WRITE_IT_DOWN}"));
            }
            None if against == Against::Committed => faults.push(format!("{path}: is new: {WRITE_IT_DOWN}")),
            _ => {}
        }
    }
    if against == Against::Committed {
        let gone = before.keys().filter(|path| !now.contains_key(*path));
        faults.extend(gone.map(|path| format!("{path}: is not counted any more: {WRITE_IT_DOWN}")));
    }
    faults
}

/// By how many percent that path may change.
fn tolerated(path: &str) -> u64 {
    let on_the_wire = path.starts_with(COLLECT) || path == DELIVER;
    if on_the_wire { TOLERATED_ON_THE_WIRE } else { TOLERATED }
}

const WRITE_IT_DOWN: &str = "`cargo xtask bench --instructions --write`";

/// What takes more than it may.
fn excesses(now: &Counted, at_most: &Counted) -> Vec<String> {
    let over = at_most.iter().filter(|(path, most)| now.get(*path).is_none_or(|count| count > most));
    over.map(|(path, most)| {
        format!("{path}: at most {most} instructions are allowed, {:?} were counted", now.get(path))
    })
    .collect()
}

fn table(now: &Counted, before: &Counted, title: &str) -> String {
    let width = now.keys().map(String::len).max().unwrap_or_default();
    let mut text =
        format!("{:<width$}  {:>12}  {title:>10}  {:>7}\n", "instructions an event", "now", "change");
    for (path, count) in now {
        let (before, change) = match before.get(path) {
            Some(before) => (before.to_string(), format!("{:+.1} %", change(*count, *before) * 100.0)),
            None => ("–".to_owned(), "–".to_owned()),
        };
        text.push_str(&format!("{path:<width$}  {count:>12}  {before:>10}  {change:>7}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(counts: &[(&str, u64)]) -> Counted {
        counts.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect()
    }

    #[test]
    fn three_percent_are_tolerated_and_more_are_not() {
        let before = counted(&[("a", 1000)]);
        for against in [Against::Committed, Against::Parent] {
            assert!(changes(&counted(&[("a", 1030)]), &before, against).is_empty());
            assert_eq!(changes(&counted(&[("a", 1031)]), &before, against).len(), 1);
            assert!(changes(&counted(&[("a", 970)]), &before, against).is_empty());
        }
    }

    #[test]
    fn what_a_server_paces_may_change_by_more() {
        let before = counted(&[(DELIVER, 1000)]);
        assert!(changes(&counted(&[(DELIVER, 1120)]), &before, Against::Committed).is_empty());
        assert_eq!(changes(&counted(&[(DELIVER, 1121)]), &before, Against::Committed).len(), 1);
    }

    #[test]
    fn committed_figures_must_be_those_of_now() {
        let before = counted(&[("a", 1000), ("gone", 1)]);
        let now = counted(&[("a", 900), ("new", 1)]);
        assert_eq!(changes(&now, &before, Against::Committed).len(), 3);
        assert!(changes(&now, &before, Against::Parent).is_empty());
    }

    #[test]
    fn what_may_not_be_exceeded_is_counted() {
        let most = counted(&[("a", 5400)]);
        assert!(excesses(&counted(&[("a", 5400)]), &most).is_empty());
        assert_eq!(excesses(&counted(&[("a", 5401)]), &most).len(), 1);
        assert_eq!(excesses(&counted(&[("b", 1)]), &most).len(), 1);
    }
}
