//! `docs/benchmarks.md`, and its plots.

use std::{fs, path::Path};

use super::{
    Form,
    machine::Description,
    plan::{CONTESTANTS, Contestant, Kind, Load, Plan},
    plot::{self, Axes, Point, Series},
    reading::{self, Reader},
    results::{Results, Spread},
    table::{Table, number, or_dash, thousands},
};
use crate::failure::Failure;

const PAGE: &str = "docs/benchmarks.md";
const PLOTS: &str = "docs/benchmarks";

/// What stands between the tables.
const HEAD: &str = include_str!("head.md");
const LIMITS: &str = include_str!("limits.md");

/// Writes the page and its plots.
pub(super) fn write(
    root: &Path,
    form: Form,
    plan: &Plan,
    machine: &Description,
    results: &Results,
    readers: &[Reader],
) -> Result<(), Failure> {
    let folder = root.join(PLOTS);
    fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
    let mut page = Page { root, results, text: HEAD.to_owned() };
    page.facts(form, plan, machine);
    page.contestants();
    if let Some(load) = plan.thousand() {
        page.thousand(load)?;
    }
    page.axis(
        "Events a request",
        "batches",
        "Events per second of the client's CPU time, by how many go in a request; one connection. `collect` puts 100 in a \
         request unless told otherwise.",
        &plan.batches,
        |load| load.batch,
    )?;
    page.axis(
        "Connections",
        "connections",
        "100 events a request, on one thread (rudder: a thread for each connection). Clients with one background worker \
         have one connection.",
        &plan.connections,
        |load| load.connections,
    )?;
    page.axis(
        "Number of events",
        "events",
        "1,000 events a request, one connection. The largest number only by hand and by `collect`.",
        &plan.sizes,
        |load| load.events,
    )?;
    page.memory(&plan.sizes)?;
    page.reading(readers)?;
    page.text.push_str(LIMITS);
    let path = root.join(PAGE);
    fs::write(&path, &page.text).map_err(Failure::writing(path))?;
    print!("{}", page.text);
    println!("==> {PAGE} is written");
    Ok(())
}

struct Page<'a> {
    root: &'a Path,
    results: &'a Results,
    text: String,
}

impl Page<'_> {
    fn facts(&mut self, form: Form, plan: &Plan, machine: &Description) {
        let command = match form {
            Form::Full => "`cargo xtask bench`",
            Form::Short => "`cargo xtask bench --short`: fewer events and rounds; quote the long form",
        };
        let mut table = Table::new(["what", "which"]);
        table.row(["command", command]);
        table.row(["rounds", &plan.rounds.to_string()]);
        for (name, value) in machine {
            table.row([*name, value]);
        }
        // Words, not numbers.
        self.text.push_str(&table.into_text().replace("---:", "---"));
    }

    fn contestants(&mut self) {
        self.text.push_str("\n## Contestants\n\n");
        let mut table = Table::new(["name", "what it does"]);
        for contestant in &CONTESTANTS {
            table.row([contestant.name, contestant.does]);
        }
        self.text.push_str(&table.into_text().replace("---:", "---"));
    }

    /// The first table: everything that is measured, at 1,000 events a request.
    fn thousand(&mut self, load: Load) -> Result<(), Failure> {
        self.text.push_str("\n## 1,000 events a request\n\n");
        // What is ten times as long as all others would leave nothing to see of them.
        let is_limit = |series: &Series| {
            CONTESTANTS.iter().any(|one| one.kind == Kind::Limit && one.name == series.name)
        };
        let mut series = self.series(&[load], Results::events_per_second, |load| load.batch);
        series.retain(|series| !is_limit(series));
        let title = "Events per second of the client's CPU time, 1,000 a request";
        self.plot("thousand", title, &plot::bars(title, &series, number))?;
        let mut table = Table::new([
            "1,000 a request",
            "events per CPU second",
            "least – most",
            "to by hand",
            "to the best peer",
            "instructions",
            "to by hand",
            "allocations",
            "bytes",
            "peak MiB",
        ]);
        let results = self.results;
        let (hand, peer) = (results.best(Kind::Hand, load), results.best(Kind::Peer, load));
        let by_hand = CONTESTANTS.iter().find(|contestant| contestant.kind == Kind::Hand);
        let instructions_by_hand = by_hand.and_then(|contestant| results.instructions(contestant));
        for contestant in &CONTESTANTS {
            let speed = results.events_per_second(contestant, load);
            let median = speed.map(|speed| speed.median);
            let instructions = results.instructions(contestant);
            table.row([
                shown(contestant),
                or_dash(median, number),
                speed.map_or("–".to_owned(), |Spread { least, most, .. }| {
                    format!("{} – {}", number(least), number(most))
                }),
                or_dash(quotient(median, hand), number),
                or_dash(quotient(median, peer), number),
                or_dash(instructions, number),
                or_dash(quotient(instructions, instructions_by_hand), number),
                or_dash(results.allocations(contestant), number),
                or_dash(results.bytes(contestant, load), number),
                or_dash(results.peak_mib(contestant, load).map(|peak| peak.median), number),
            ]);
        }
        self.text.push_str(&table.into_text());
        Ok(())
    }

    /// Events per CPU second along one axis, and what that is to by hand.
    fn axis(
        &mut self,
        title: &str,
        file: &str,
        words: &str,
        loads: &[Load],
        along: impl Fn(Load) -> u64,
    ) -> Result<(), Failure> {
        self.text.push_str(&format!("\n## {title}\n\n{words}\n\n"));
        let series = self.series(loads, Results::events_per_second, &along);
        let name = format!("Events per second of the client's CPU time, by {}", title.to_lowercase());
        let axes = Axes { title: &name, x: title };
        self.plot(file, &name, &plot::lines(&axes, &series))?;
        let columns = loads.iter().map(|load| plot::mark_name(as_figure(along(*load))));
        let mut table = Table::new(
            [format!("thousands of events per CPU second (to by hand); {}", title.to_lowercase())]
                .into_iter()
                .chain(columns),
        );
        for contestant in &CONTESTANTS {
            let cells = loads.iter().map(|load| {
                let median = self.results.events_per_second(contestant, *load).map(|speed| speed.median);
                let ratio = quotient(median, self.results.best(Kind::Hand, *load));
                match (median, ratio) {
                    (Some(median), Some(ratio)) => format!("{} ({})", thousands(median), number(ratio)),
                    _ => "–".to_owned(),
                }
            });
            table.row([shown(contestant)].into_iter().chain(cells));
        }
        self.text.push_str(&table.into_text());
        Ok(())
    }

    /// Peak memory by the number of events.
    fn memory(&mut self, loads: &[Load]) -> Result<(), Failure> {
        self.text.push_str(
            "\n## Memory\n\nThe most that the process held, by how many events it sent; 1,000 a request.\n\n",
        );
        let name = "Peak memory in MiB, by number of events";
        let series = self.series(loads, Results::peak_mib, |load| load.events);
        let axes = Axes { title: name, x: "Number of events" };
        self.plot("memory", name, &plot::lines(&axes, &series))?;
        let columns = loads.iter().map(|load| plot::mark_name(as_figure(load.events)));
        let mut table = Table::new(["peak MiB".to_owned()].into_iter().chain(columns));
        for contestant in &CONTESTANTS {
            let cells = loads.iter().map(|load| {
                or_dash(self.results.peak_mib(contestant, *load).map(|peak| peak.median), number)
            });
            table.row([shown(contestant)].into_iter().chain(cells));
        }
        self.text.push_str(&table.into_text());
        Ok(())
    }

    fn reading(&mut self, readers: &[Reader]) -> Result<(), Failure> {
        self.text.push_str(
            "\n## Reading\n\nEvents of all types, one a line, as the contract's examples have them; read from memory, again and \
             again. All but the hand-written structs check everything that the contract says.\n\n",
        );
        let mut table = Table::new([
            "reader",
            "what it does",
            "events per CPU second",
            "least – most",
            "to by hand",
            "to jsonschema",
        ]);
        let median = |name: &str| {
            let reader = readers.iter().find(|reader| reader.name == name)?;
            Some(reader.events_per_second.median)
        };
        for Reader { name, does, events_per_second: Spread { median: speed, least, most } } in readers {
            table.row([
                (*name).to_owned(),
                (*does).to_owned(),
                number(*speed),
                format!("{} – {}", number(*least), number(*most)),
                or_dash(quotient(Some(*speed), median(reading::BY_HAND)), number),
                or_dash(quotient(Some(*speed), median(reading::JSONSCHEMA)), number),
            ]);
        }
        self.text.push_str(&table.into_text());
        Ok(())
    }

    /// The lines of a plot: each contestant's figures along an axis.
    fn series(
        &self,
        loads: &[Load],
        figure: impl Fn(&Results, &Contestant, Load) -> Option<Spread>,
        along: impl Fn(Load) -> u64,
    ) -> Vec<Series> {
        let points = |contestant: &Contestant| {
            let points = loads.iter().filter_map(|load| {
                let Spread { median, least, most } = figure(self.results, contestant, *load)?;
                Some(Point { x: as_figure(along(*load)), y: median, least, most })
            });
            points.collect()
        };
        CONTESTANTS
            .iter()
            .enumerate()
            .map(|(colour, contestant)| Series {
                name: contestant.name.to_owned(),
                colour,
                points: points(contestant),
            })
            .filter(|series| !series.points.is_empty())
            .collect()
    }

    fn plot(&mut self, file: &str, title: &str, svg: &str) -> Result<(), Failure> {
        let path = self.root.join(PLOTS).join(format!("{file}.svg"));
        fs::write(&path, svg).map_err(Failure::writing(path))?;
        self.text.push_str(&format!("![{title}](benchmarks/{file}.svg)\n\n"));
        Ok(())
    }
}

/// Ours in bold.
fn shown(contestant: &Contestant) -> String {
    match contestant.kind {
        Kind::Ours => format!("**{}**", contestant.name),
        Kind::Limit | Kind::Hand | Kind::Peer => contestant.name.to_owned(),
    }
}

fn quotient(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    Some(part? / whole?)
}

#[expect(clippy::cast_precision_loss, reason = "the axes end at ten million")]
fn as_figure(count: u64) -> f64 {
    count as f64
}
