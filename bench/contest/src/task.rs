//! The command line of a contestant.

use std::ops::Range;

use lexopt::{Arg, Parser, ValueExt};

use crate::Outcome;

/// What a contestant is to do.
#[derive(Clone, Debug)]
pub struct Task {
    /// Which way of several that the program knows. Empty where it knows one.
    pub way: String,
    /// Where the sink is: `http://127.0.0.1:<port>`.
    pub url: String,
    /// How many events are measured.
    pub events: i64,
    /// How many events go in a request.
    pub batch: usize,
    /// How many connections are busy at once.
    pub connections: usize,
}

impl Task {
    /// Reads the command line: `[WAY] --url URL --events N --batch N --connections N`.
    ///
    /// # Errors
    ///
    /// When it says something else.
    pub fn read() -> Outcome<Self> {
        Self::parse(Parser::from_env())
    }

    fn parse(mut arguments: Parser) -> Outcome<Self> {
        let mut task = Self { way: String::new(), url: String::new(), events: 0, batch: 0, connections: 1 };
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Value(way) if task.way.is_empty() => task.way = way.string()?,
                Arg::Long("url") => task.url = arguments.value()?.string()?,
                Arg::Long("events") => task.events = arguments.value()?.parse()?,
                Arg::Long("batch") => task.batch = arguments.value()?.parse()?,
                Arg::Long("connections") => task.connections = arguments.value()?.parse()?,
                other => return Err(other.unexpected().into()),
            }
        }
        if task.url.is_empty() || task.events < 1 || task.batch == 0 || task.connections == 0 {
            return Err("wanted: [WAY] --url URL --events N --batch N [--connections N]".into());
        }
        Ok(task)
    }

    /// The numbers of the events that open the connections and fill the caches: a request on each connection.
    pub(crate) fn warm_up(&self) -> Range<i64> {
        0..self.warm_events()
    }

    /// The numbers of the events that are measured.
    pub(crate) fn measured(&self) -> Range<i64> {
        let start = self.warm_events();
        start..start.saturating_add(self.events)
    }

    fn warm_events(&self) -> i64 {
        i64::try_from(self.batch.saturating_mul(self.connections)).unwrap_or(i64::MAX)
    }

    /// What each connection gets of them, whole batches as far as they go.
    pub(crate) fn shares(&self, numbers: Range<i64>) -> impl Iterator<Item = Range<i64>> + use<> {
        let events = usize::try_from(numbers.end.saturating_sub(numbers.start)).unwrap_or(usize::MAX);
        let each = events.div_ceil(self.batch).div_ceil(self.connections).saturating_mul(self.batch);
        crate::batches(numbers, each.max(1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn task(arguments: &str) -> Outcome<Task> {
        Task::parse(Parser::from_args(arguments.split_whitespace()))
    }

    #[test]
    fn every_event_is_in_one_share_and_shares_are_whole_batches() {
        let task =
            task("collect --url http://127.0.0.1:1 --events 1050 --batch 100 --connections 4").unwrap();
        assert_eq!(task.way, "collect");
        assert_eq!(task.warm_up(), 0..400);
        assert_eq!(task.measured(), 400..1450);
        let shares: Vec<_> = task.shares(task.measured()).collect();
        assert_eq!(shares, [400..700, 700..1000, 1000..1300, 1300..1450]);
        assert_eq!(task.shares(task.warm_up()).count(), 4);
    }

    #[test]
    fn a_command_line_without_events_is_refused() {
        assert!(task("--url http://127.0.0.1:1 --events 0 --batch 1").is_err());
        assert!(task("--url http://127.0.0.1:1 --events 1 --batch 1 --bach 2").is_err());
    }
}
