//! `cargo xtask bench --delivery`: what delivery costs, in one run and in ratios, held against what is demanded of it.

use std::{fs, path::Path, process::Command};

use super::{
    machine,
    plan::Load,
    process::{Cores, Cost, Sink, add_load, numbers, pinned},
    programs::{self, Programs},
    results::Spread,
    table::{Table, number},
};
use crate::{
    failure::Failure,
    workspace::{Workspace, printed},
};

/// Where the table is kept, and between which lines.
const PAGE: &str = "docs/delivery.md";
const BEGIN: &str = "<!-- Written by `cargo xtask bench --delivery`. -->\n";
const END: &str = "<!-- The end of it. -->\n";

const ROUNDS: usize = 5;

/// What is sent from end to end: 100 a request, as a courier does.
const LOAD: Load = Load { batch: 100, connections: 1, events: 100_000 };

/// Who sends it: program, way, and what that is.
const SENDERS: [(&str, &str, &str); 6] = [
    ("bench-copilot", "collect", "`collect`, 100 a request"),
    ("bench-delivery", "memory", "delivery, in memory"),
    ("bench-delivery", "file-killed", "delivery, a file that outlives a killed process; 64 callers"),
    ("bench-delivery", "file", "delivery, a file that outlives a power cut; 64 callers"),
    ("bench-posthog", "queue", "posthog-rs' queue, flushed whenever it may be full"),
    ("bench-posthog", "overrun", "posthog-rs' queue, flushed at the end"),
];

/// A ratio, and what it must be.
struct Row {
    what: String,
    figures: String,
    ratio: f64,
    bound: Bound,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// It is told, and nothing is demanded.
    None,
}

impl Bound {
    fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(most) => ratio <= most,
            Self::AtLeast(least) => ratio >= least,
            Self::None => true,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtMost(most) => format!("at most {most:.3}"),
            Self::AtLeast(least) => format!("at least {least:.2}"),
            Self::None => "–".to_owned(),
        }
    }
}

/// Measures, writes the table down, and says whether every bound holds.
pub(super) fn run(workspace: &Workspace) -> Result<bool, Failure> {
    let cores = Cores::pick()?;
    let programs = programs::build_for_delivery(workspace)?;
    let mut rows = durable(&programs)?;
    let mut sink = Sink::start(&programs.sink(), cores, false)?;
    rows.extend(hand_over(&programs, &mut sink)?);
    rows.extend(end_to_end(&programs, &mut sink)?);
    let text = page(&machine::describe(&workspace.root, cores)?, &rows);
    println!("{text}");
    write(&workspace.root, &text)?;
    let broken: Vec<&Row> = rows.iter().filter(|row| !row.bound.holds(row.ratio)).collect();
    for row in &broken {
        println!("{}: {:.3}, and {} is demanded", row.what, row.ratio, row.bound.words());
    }
    Ok(broken.is_empty())
}

/// Outbox in a file: how many commits share a sync, and what an item costs beside bare inserts.
fn durable(programs: &Programs) -> Result<Vec<Row>, Failure> {
    println!("==> reports that are stored, beside bare inserts");
    let line = printed(&mut Command::new(programs.named("bench-delivery-durable")))?;
    let names = ["few_items", "few_syncs", "many_items", "many_syncs", "report_ns", "insert_ns"];
    let [few_items, few_syncs, many_items, many_syncs, report, insert] = numbers(&line, names)?.map(figure);
    let syncs = |callers, items, syncs, most| Row {
        what: format!("syncs an item, {callers} callers"),
        figures: format!("{} of {} items", number(syncs), number(items)),
        ratio: syncs / items,
        bound: Bound::AtMost(most),
    };
    Ok(vec![
        syncs(8, few_items, few_syncs, 1.0 / 4.0),
        syncs(64, many_items, many_syncs, 1.0 / 30.0),
        Row {
            what: "CPU time of a stored `report`, to that of a bare insert of the same JSON in as large transactions".to_owned(),
            figures: format!("{} µs, {} µs", number(report / 1e3), number(insert / 1e3)),
            ratio: report / insert,
            bound: Bound::AtMost(1.5),
        },
    ])
}

/// In memory, beside a channel.
fn hand_over(programs: &Programs, sink: &mut Sink) -> Result<Vec<Row>, Failure> {
    println!("==> handing over in memory, beside a channel");
    let names = ["send_ns", "report_ns", "send_beside_ns", "report_beside_ns"];
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let line = printed(Command::new(programs.named("bench-delivery-hand-over")).arg(&sink.url))?;
        rounds.push(numbers(&line, names)?.map(figure));
        sink.counts()?;
    }
    // Of the rounds in which the two were measured side by side, the middle ratio.
    let row = |what: &str, of: fn(&[f64; 4]) -> (f64, f64), bound| {
        let mut pairs: Vec<(f64, f64)> = rounds.iter().map(of).collect();
        pairs.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
        let (send, report) = pairs.get(pairs.len() / 2).copied().unwrap_or_default();
        Row {
            what: what.to_owned(),
            figures: format!("{} ns, {} ns", number(send), number(report)),
            ratio: send / report,
            bound,
        }
    };
    Ok(vec![
        row(
            "a channel's `send` to a `report` in memory, CPU time of the caller; both are emptied by another thread",
            |[_, _, send, report]| (*send, *report),
            Bound::AtLeast(0.5),
        ),
        row("the same; nobody empties either", |[send, report, _, _]| (*send, *report), Bound::None),
    ])
}

/// From end to end, to the sink.
fn end_to_end(programs: &Programs, sink: &mut Sink) -> Result<Vec<Row>, Failure> {
    println!("==> from end to end");
    let mut speeds = [const { Vec::new() }; SENDERS.len()];
    let mut lost = [0; SENDERS.len()];
    for _ in 0..ROUNDS {
        for (((program, way, _), speeds), lost) in SENDERS.iter().zip(&mut speeds).zip(&mut lost) {
            let mut command = pinned(sink.cores.client, programs.named(program));
            add_load(&mut command, Some(way), &sink.url, LOAD);
            let cost = Cost::of(&mut command)?;
            let arrived = sink.counts()?.events;
            *lost = LOAD.with_warm_up().saturating_sub(arrived);
            // What was sent to warm up arrived as well, and was not measured.
            let accepted = arrived.saturating_sub(LOAD.batch * LOAD.connections);
            speeds.push(figure(accepted) / figure(cost.cpu_ns) * 1e9);
        }
    }
    let medians = speeds.map(|speeds| Spread::of(speeds.into_iter()).map_or(0.0, |spread| spread.median));
    let [collect, ..] = medians;
    let rows = SENDERS.iter().zip(medians).zip(lost).map(|(((_, way, what), speed), lost)| Row {
        what: format!("accepted per CPU second, {what}; to `collect`"),
        figures: format!("{}; {lost} of {} lost", number(speed), LOAD.with_warm_up()),
        ratio: speed / collect,
        bound: if *way == "memory" { Bound::AtLeast(0.7) } else { Bound::None },
    });
    Ok(rows.collect())
}

fn page(machine: &machine::Description, rows: &[Row]) -> String {
    let mut table = Table::new(["what", "figures", "ratio", "demanded"]);
    for Row { what, figures, ratio, bound } in rows {
        table.row([what.clone(), figures.clone(), format!("{ratio:.3}"), bound.words()]);
    }
    let machine: Vec<String> = machine.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!(
        "{BEGIN}\nBy `cargo xtask bench --delivery`, all in one run; ratios tell more than figures, which differ from machine to \
         machine.\n\n{}\n{}.\n{END}",
        table.into_text(),
        machine.join("; ")
    )
}

/// Puts the text in the place of the one that was written before.
fn write(root: &Path, text: &str) -> Result<(), Failure> {
    let path = root.join(PAGE);
    let page = fs::read_to_string(&path).map_err(Failure::reading(&path))?;
    let missing = || Failure::Unexpected(format!("{PAGE} has no place for the table"));
    let (before, rest) = page.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    fs::write(&path, format!("{before}{text}{after}")).map_err(Failure::writing(path))
}

#[expect(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
fn figure(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_holds_up_to_it() {
        assert!(Bound::AtMost(1.5).holds(1.5) && !Bound::AtMost(1.5).holds(1.51));
        assert!(Bound::AtLeast(0.7).holds(0.7) && !Bound::AtLeast(0.7).holds(0.69));
        assert!(Bound::None.holds(9.0));
    }
}
