//! Who is measured, and with how many events.

use std::collections::BTreeSet;

use super::Form;

/// Beside whom a contestant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Does less than any client can.
    Limit,
    /// What one writes by hand.
    Hand,
    /// A part of this workspace.
    Ours,
    /// Another client, of another service.
    Peer,
}

/// A program of `bench/`, in one of its ways.
#[derive(Debug)]
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) does: &'static str,
    pub(super) program: &'static str,
    pub(super) way: Option<&'static str>,
    pub(super) kind: Kind,
    /// Whether it can use more than one connection.
    pub(super) connects: bool,
    /// The most events that it is given: what it holds at once grows with them.
    pub(super) most: u64,
}

const MOST: u64 = 1_000_000;

pub(super) const CONTESTANTS: [Contestant; 10] = [
    Contestant {
        name: "limit",
        does: "one body, made before, sent again and again by hyper",
        program: "bench-limit",
        way: None,
        kind: Kind::Limit,
        connects: true,
        most: MOST,
    },
    Contestant {
        name: "by hand",
        does: "two structs, reqwest and serde; checks nothing, splits nothing, repeats nothing",
        program: "bench-hand",
        way: None,
        kind: Kind::Hand,
        connects: true,
        most: u64::MAX,
    },
    Contestant {
        name: "raw",
        does: "our generated client, the events made and checked by their builders",
        program: "bench-copilot",
        way: Some("raw"),
        kind: Kind::Ours,
        connects: true,
        most: MOST,
    },
    Contestant {
        name: "collect",
        does: "our `Client::collect`, each event made when it asks for it",
        program: "bench-copilot",
        way: Some("collect"),
        kind: Kind::Ours,
        connects: true,
        most: u64::MAX,
    },
    Contestant {
        name: "collect, prebuilt",
        does: "the same, with events that were made before the clock started",
        program: "bench-copilot",
        way: Some("prebuilt"),
        kind: Kind::Ours,
        connects: true,
        most: 200_000,
    },
    Contestant {
        name: "segment",
        does: "segment 0.2.6: its `Batcher` and `HttpClient`",
        program: "bench-segment",
        way: None,
        kind: Kind::Peer,
        connects: true,
        most: MOST,
    },
    Contestant {
        name: "posthog",
        does: "posthog-rs 0.30.0: `capture_batch_immediate`",
        program: "bench-posthog",
        way: Some("inline"),
        kind: Kind::Peer,
        connects: true,
        most: MOST,
    },
    Contestant {
        name: "posthog, queue",
        does: "the same: `capture`, and `flush` after each 10,000 events, which is what its queue takes",
        program: "bench-posthog",
        way: Some("queue"),
        kind: Kind::Peer,
        connects: false,
        most: MOST,
    },
    Contestant {
        name: "rudder",
        does: "rudderanalytics 2.0.1: its client blocks, and has a thread of its own beneath",
        program: "bench-rudder",
        way: None,
        kind: Kind::Peer,
        connects: true,
        most: MOST,
    },
    Contestant {
        name: "amplitude",
        does: "amplitude-rs 0.1.0: `track`, and `flush` after each 10,000 events, half of what its queue takes",
        program: "bench-amplitude",
        way: None,
        kind: Kind::Peer,
        connects: false,
        most: MOST,
    },
];

/// What a contestant is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Load {
    pub(super) batch: u64,
    pub(super) connections: u64,
    pub(super) events: u64,
}

impl Load {
    /// How many events arrive: a contestant sends a request on each connection before it is measured.
    pub(super) fn with_warm_up(self) -> u64 {
        self.events.saturating_add(self.batch.saturating_mul(self.connections))
    }
}

/// The loads of a run, one axis at a time.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rounds: usize,
    /// 1, 10, 100 and 1,000 events a request, on one connection.
    pub(super) batches: Vec<Load>,
    /// 1, 4 and 16 connections, 100 events a request.
    pub(super) connections: Vec<Load>,
    /// More and more events, 1,000 a request, on one connection.
    pub(super) sizes: Vec<Load>,
    /// How many events are read.
    pub(super) lines: u64,
}

impl Plan {
    pub(super) fn new(form: Form) -> Self {
        let (rounds, batched, powers, lines) = match form {
            Form::Full => (5, [10_000, 50_000, 100_000, 200_000], 4..=7, 400_000),
            Form::Short => (3, [2_000, 10_000, 20_000, 50_000], 4..=6, 40_000),
        };
        let batches: Vec<Load> = [1, 10, 100, 1000]
            .into_iter()
            .zip(batched)
            .map(|(batch, events)| Load { batch, connections: 1, events })
            .collect();
        let [.., hundred, _] = batched;
        let connections =
            [1, 4, 16].map(|connections| Load { batch: 100, connections, events: hundred }).to_vec();
        let sizes =
            powers.map(|power| Load { batch: 1000, connections: 1, events: 10_u64.pow(power) }).collect();
        Self { rounds, batches, connections, sizes, lines }
    }

    /// The load of the first table: 1,000 events a request.
    pub(super) fn thousand(&self) -> Option<Load> {
        self.batches.last().copied()
    }

    /// What one round runs: each load once, by one contestant after the other.
    pub(super) fn runs(&self) -> impl Iterator<Item = (&'static Contestant, Load)> + use<> {
        let largest = self.sizes.last().copied();
        let loads: BTreeSet<Load> =
            [&self.batches, &self.connections, &self.sizes].into_iter().flatten().copied().collect();
        loads.into_iter().flat_map(move |load| {
            CONTESTANTS
                .iter()
                .filter(move |contestant| {
                    load.events <= contestant.most
                        && (Some(load) != largest || contestant.most == u64::MAX)
                        && (contestant.connects || load.connections == 1)
                })
                .map(move |contestant| (contestant, load))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_runs_each_load_once_and_the_largest_only_by_hand_and_by_collect() {
        for form in [Form::Full, Form::Short] {
            let plan = Plan::new(form);
            let runs: Vec<_> = plan.runs().map(|(contestant, load)| (contestant.name, load)).collect();
            let distinct: BTreeSet<_> = runs.iter().collect();
            assert_eq!(distinct.len(), runs.len());
            let largest = plan.sizes.last().copied();
            let who: Vec<_> =
                runs.iter().filter(|(_, load)| Some(*load) == largest).map(|(name, _)| *name).collect();
            assert_eq!(who, ["by hand", "collect"]);
            assert!(runs.iter().all(|(name, load)| *name != "amplitude" || load.connections == 1));
        }
    }

    #[test]
    fn every_contestant_is_in_the_first_table() {
        for form in [Form::Full, Form::Short] {
            let plan = Plan::new(form);
            let runs = plan.runs().filter(|(_, load)| Some(*load) == plan.thousand());
            assert_eq!(runs.count(), CONTESTANTS.len());
        }
    }

    #[test]
    fn every_load_is_of_whole_requests() {
        let plan = Plan::new(Form::Short);
        assert!(plan.runs().all(|(_, load)| load.events.is_multiple_of(load.batch)));
    }
}
