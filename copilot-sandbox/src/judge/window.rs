//! Where a time may lie around the receiver's clock (`x-time-window`).

use serde_json::Value;

use super::contract::{ContractError, Placed, escape, grade, resolve};
use crate::model::Violation;

const RULE: &str = "x-time-window";

/// A time window, in milliseconds, and the place in the value to which it applies.
pub(super) struct Window {
    pub(super) pointer: String,
    past: i64,
    past_provenance: Option<String>,
    future: i64,
    future_provenance: Option<String>,
}

impl Window {
    /// The windows of all properties of a schema.
    pub(super) fn all_in(contract: &Value, schema: &Placed<'_>) -> Result<Vec<Self>, ContractError> {
        let mut windows = Vec::new();
        collect(contract, schema.clone(), "", &mut Vec::new(), &mut windows)?;
        Ok(windows)
    }

    fn holds(&self, time: i64, now_ms: i64) -> bool {
        let (earliest, latest) = (now_ms.saturating_sub(self.past), now_ms.saturating_add(self.future));
        (earliest..=latest).contains(&time)
    }

    /// What to say if the time in this value would lie in the window in another unit.
    pub(super) fn unit(&self, value: &Value, now_ms: i64) -> Option<String> {
        let time = value.pointer(&self.pointer)?.as_i64()?;
        let (unit, mend) = [
            ("seconds", "multiply it by 1000", time.checked_mul(1_000)),
            ("microseconds", "divide it by 1000", Some(time / 1_000)),
            ("nanoseconds", "divide it by 1000000", Some(time / 1_000_000)),
        ]
        .into_iter()
        .find_map(|(unit, mend, meant)| self.holds(meant?, now_ms).then_some((unit, mend)))?;
        Some(format!("is in {unit}: milliseconds since 1970 are expected, so {mend}"))
    }

    /// The rule that the time in this value breaks, if there is a time.
    pub(super) fn check(&self, value: &Value, now_ms: i64) -> Option<Violation> {
        let time = value.pointer(&self.pointer)?.as_i64()?;
        if self.holds(time, now_ms) {
            return None;
        }
        let (provenance, message) = if let Some(unit) = self.unit(value, now_ms) {
            (&self.past_provenance, unit)
        } else if time > now_ms {
            let allowed = span(self.future);
            (
                &self.future_provenance,
                format!("lies too far in the future: at most {allowed} after this clock"),
            )
        } else {
            let allowed = span(self.past);
            (&self.past_provenance, format!("lies too far in the past: at most {allowed} before this clock"))
        };
        Some(Violation {
            pointer: self.pointer.clone(),
            rule: RULE.to_owned(),
            provenance: provenance.clone(),
            message,
        })
    }
}

fn collect(
    contract: &Value,
    schema: Placed<'_>,
    pointer: &str,
    outer: &mut Vec<String>,
    windows: &mut Vec<Window>,
) -> Result<(), ContractError> {
    let schema = resolve(contract, schema)?;
    if outer.contains(&schema.place) {
        return Err(ContractError::new(schema.place, "holds itself"));
    }
    outer.push(schema.place.clone());
    if let Some(window) = schema.extension(RULE) {
        windows.push(Window {
            pointer: pointer.to_owned(),
            past: window.whole_number("past")?,
            past_provenance: grade(schema.schema, RULE),
            future: window.whole_number("future")?,
            future_provenance: grade(schema.schema, "x-time-window/future"),
        });
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let step = escape(name);
        let property = Placed { schema: property, place: schema.child(&format!("properties/{step}")) };
        collect(contract, property, &format!("{pointer}/{step}"), outer, windows)?;
    }
    outer.pop();
    Ok(())
}

/// A duration in milliseconds, in the greatest unit that says it exactly.
fn span(milliseconds: i64) -> String {
    const UNITS: [(i64, &str); 4] =
        [(86_400_000, "days"), (3_600_000, "hours"), (60_000, "minutes"), (1_000, "seconds")];
    match UNITS.into_iter().find(|(unit, _)| milliseconds >= *unit && milliseconds % unit == 0) {
        Some((unit, name)) => format!("{} {name}", milliseconds / unit),
        None => format!("{milliseconds} milliseconds"),
    }
}
