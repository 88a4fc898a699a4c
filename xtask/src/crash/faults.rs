//! What goes wrong with the requests: faults of the sandbox, one after the other, in rounds that have each kind once.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::{failure::Failure, sandbox::Sandbox};

/// Each kind, with what the control API takes. How many requests it hits is in `next`.
fn kinds() -> Vec<(&'static str, Value)> {
    let closes = |kind| json!({ "next": 1, "fault": { "kind": kind } });
    let status = |status: u16, retry_after: Option<&str>| json!({ "next": 1, "fault": { "kind": "status", "status": status, "retry_after": retry_after } });
    let of_collect =
        |next: u64, fault: Value| json!({ "operation": "collect", "next": next, "fault": fault });
    vec![
        ("close_before", closes("close_before")),
        ("close_after", closes("close_after")),
        ("hang_up", closes("hang_up")),
        ("cut_json", of_collect(1, json!({ "kind": "cut_json" }))),
        // The 21 bytes of an answer in a fifth of a second.
        ("drip", of_collect(2, json!({ "kind": "drip", "bytes_per_second": 100 }))),
        ("delay", json!({ "next": 2, "fault": { "kind": "delay", "milliseconds": 150 } })),
        ("503", status(503, None)),
        ("503 with Retry-After", status(503, Some("1"))),
        ("429 with Retry-After", status(429, Some("1"))),
        ("reject_events", of_collect(3, json!({ "kind": "reject_events", "share": 0.03 }))),
    ]
}

/// How often each kind of fault happened, by its name.
pub(super) type Fired = BTreeMap<&'static str, u64>;

pub(super) struct Faults<'a> {
    sandbox: &'a Sandbox,
    random: Rng,
    round: Vec<(&'static str, Value)>,
    /// The kind of each that was switched on, by its number at the sandbox.
    on: BTreeMap<u64, &'static str>,
    fired: Fired,
}

impl<'a> Faults<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, random: Rng) -> Self {
        let fired = kinds().into_iter().map(|(name, _)| (name, 0)).collect();
        Self { sandbox, random, round: Vec::new(), on: BTreeMap::new(), fired }
    }

    /// Switches the next one on.
    pub(super) fn next(&mut self) -> Result<(), Failure> {
        if self.round.is_empty() {
            self.round = kinds();
            self.random.shuffle(&mut self.round);
        }
        let Some((name, fault)) = self.round.pop() else { return Ok(()) };
        let answer = self.sandbox.ask("POST", "faults", &fault.to_string())?;
        let added: Value = serde_json::from_str(&answer).unwrap_or_default();
        if let Some(id) = added.get("id").and_then(Value::as_u64) {
            self.on.insert(id, name);
        }
        *self.fired.entry(name).or_default() += next(&fault);
        Ok(())
    }

    /// Switches all off. Gives how often each kind has happened: all that were switched on, but for those that are left.
    pub(super) fn end(&mut self) -> Result<Fired, Failure> {
        let left = self.sandbox.control("faults")?;
        for fault in left.get("faults").and_then(Value::as_array).into_iter().flatten() {
            let name = fault.get("id").and_then(Value::as_u64).and_then(|id| self.on.get(&id));
            if let Some(fired) = name.and_then(|name| self.fired.get_mut(name)) {
                *fired -= next(fault);
            }
        }
        self.sandbox.ask("DELETE", "faults", "")?;
        Ok(std::mem::take(&mut self.fired))
    }
}

/// For how many requests more it is.
fn next(fault: &Value) -> u64 {
    fault.get("next").and_then(Value::as_u64).unwrap_or_default()
}
