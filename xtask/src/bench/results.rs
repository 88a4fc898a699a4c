//! What was measured, and the middle of it.

use std::{collections::BTreeMap, ffi::OsStr};

use super::{
    plan::{CONTESTANTS, Contestant, Kind, Load},
    process::{Cost, Counts, Sink, add_load, instructions, pinned},
    programs::{Counting, Programs},
};
use crate::failure::Failure;

/// Enough to see every connection used, and few enough to be read as JSON.
const VERIFIED: Load = Load { batch: 100, connections: 1, events: 4000 };

/// The two sizes whose difference is what an event costs without the start of the program.
const SLOPE: [Load; 2] =
    [Load { batch: 1000, connections: 1, events: 1000 }, Load { batch: 1000, connections: 1, events: 3000 }];

/// One run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) cpu_ns: u64,
    pub(super) peak_kib: u64,
}

/// The middle one of several figures, with the least and the most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// `None` where there are none.
    pub(super) fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        Some(Self { median: *figures.get(figures.len() / 2)?, least, most })
    }
}

/// All that was measured, by the contestant's name.
#[derive(Debug, Default)]
pub(super) struct Results {
    runs: BTreeMap<(&'static str, Load), Vec<Run>>,
    bytes: BTreeMap<(&'static str, Load), f64>,
    allocations: BTreeMap<&'static str, f64>,
    instructions: BTreeMap<&'static str, f64>,
}

/// Sends some events to a sink that reads them. All must be there, and be the event that all contestants send.
pub(super) fn verify(sink: &mut Sink, programs: &Programs, contestant: &Contestant) -> Result<(), Failure> {
    let load = Load { connections: if contestant.connects { 4 } else { 1 }, ..VERIFIED };
    let (_, counts) = send(sink, programs, contestant, load, Counting::Nothing)?;
    // Its body is one, so its events are the same ones each time.
    let distinct = if contestant.kind == Kind::Limit { load.batch } else { counts.right };
    if counts.wrong > 0 || counts.right != counts.events || counts.distinct != distinct {
        return Err(Failure::Unexpected(format!(
            "{}: other events than the others send: {counts:?}",
            contestant.name
        )));
    }
    Ok(())
}

/// Runs a contestant. Fails when the sink did not count each of its events once.
fn send(
    sink: &mut Sink,
    programs: &Programs,
    contestant: &Contestant,
    load: Load,
    counting: Counting,
) -> Result<(Cost, Counts), Failure> {
    let mut command = pinned(sink.cores.client, programs.of(contestant, counting));
    add_load(&mut command, contestant.way, &sink.url, load);
    let cost = Cost::of(&mut command)?;
    Ok((cost, arrived(sink, contestant, load)?))
}

fn arrived(sink: &mut Sink, contestant: &Contestant, load: Load) -> Result<Counts, Failure> {
    let (counts, sent) = (sink.counts()?, load.with_warm_up());
    if counts.events == sent {
        return Ok(counts);
    }
    Err(Failure::Unexpected(format!("{}: {} of {sent} events arrived", contestant.name, counts.events)))
}

#[expect(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

impl Results {
    pub(super) fn measure(
        &mut self,
        sink: &mut Sink,
        programs: &Programs,
        contestant: &'static Contestant,
        load: Load,
    ) -> Result<(), Failure> {
        let (cost, counts) = send(sink, programs, contestant, load, Counting::Nothing)?;
        let key = (contestant.name, load);
        let run = Run { cpu_ns: cost.cpu_ns, peak_kib: cost.peak_kib };
        self.runs.entry(key).or_default().push(run);
        self.bytes.insert(key, ratio(counts.bytes, counts.events));
        Ok(())
    }

    pub(super) fn count_allocations(
        &mut self,
        sink: &mut Sink,
        programs: &Programs,
        contestant: &'static Contestant,
    ) -> Result<(), Failure> {
        let [_, load] = SLOPE;
        let (cost, _) = send(sink, programs, contestant, load, Counting::Allocations)?;
        if let Some(allocations) = cost.allocations {
            self.allocations.insert(contestant.name, ratio(allocations, load.events));
        }
        Ok(())
    }

    pub(super) fn count_instructions(
        &mut self,
        sink: &mut Sink,
        programs: &Programs,
        contestant: &'static Contestant,
    ) -> Result<(), Failure> {
        self.instructions.insert(contestant.name, count_instructions(sink, programs, contestant)?);
        Ok(())
    }

    /// Events that a second of the client's CPU time is enough for.
    pub(super) fn events_per_second(&self, contestant: &Contestant, load: Load) -> Option<Spread> {
        let runs = self.runs.get(&(contestant.name, load))?;
        Spread::of(runs.iter().map(|run| ratio(load.events, run.cpu_ns) * 1e9))
    }

    /// The most memory that the process has held, in MiB.
    pub(super) fn peak_mib(&self, contestant: &Contestant, load: Load) -> Option<Spread> {
        let runs = self.runs.get(&(contestant.name, load))?;
        Spread::of(runs.iter().map(|run| ratio(run.peak_kib, 1024)))
    }

    /// Bytes of requests for each event, heads included.
    pub(super) fn bytes(&self, contestant: &Contestant, load: Load) -> Option<f64> {
        self.bytes.get(&(contestant.name, load)).copied()
    }

    pub(super) fn allocations(&self, contestant: &Contestant) -> Option<f64> {
        self.allocations.get(contestant.name).copied()
    }

    pub(super) fn instructions(&self, contestant: &Contestant) -> Option<f64> {
        self.instructions.get(contestant.name).copied()
    }

    /// The most events a second that a contestant of that kind reaches.
    pub(super) fn best(&self, kind: Kind, load: Load) -> Option<f64> {
        let of_kind = CONTESTANTS.iter().filter(|contestant| contestant.kind == kind);
        of_kind
            .filter_map(|contestant| Some(self.events_per_second(contestant, load)?.median))
            .reduce(f64::max)
    }
}

/// Instructions for each event: what the larger load takes more than the smaller one.
pub(super) fn count_instructions(
    sink: &mut Sink,
    programs: &Programs,
    contestant: &Contestant,
) -> Result<f64, Failure> {
    let mut counted = [0; 2];
    for (count, load) in counted.iter_mut().zip(SLOPE) {
        // The command line of a contestant, without the program that callgrind runs.
        let mut line = std::process::Command::new("contestant");
        add_load(&mut line, contestant.way, &sink.url, load);
        let arguments: Vec<&OsStr> = line.get_args().collect();
        *count = instructions(sink.cores.client, &programs.of(contestant, Counting::Nothing), &arguments)?;
        arrived(sink, contestant, load)?;
    }
    let ([fewer, more], [small, large]) = (counted, SLOPE);
    Ok(ratio(more.saturating_sub(fewer), large.events - small.events))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_median_stands_between_the_least_and_the_most() {
        let spread = Spread::of([5.0, 1.0, 3.0, 2.0, 4.0].into_iter()).unwrap();
        assert_eq!(spread, Spread { median: 3.0, least: 1.0, most: 5.0 });
        assert_eq!(Spread::of(std::iter::empty()), None);
    }
}
