//! Where a time may lie around the receiver's clock (`x-time-window`).

use serde_json::Value;

use super::document::{ContractError, Placed, escape};
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
    /// The windows of all properties of a schema, at any depth.
    pub(super) fn all_in(schema: &Placed<'_>) -> Result<Vec<Self>, ContractError> {
        let mut windows = Vec::new();
        Self::collect(schema, String::new(), &mut Vec::new(), &mut windows)?;
        Ok(windows)
    }

    fn collect(
        schema: &Placed<'_>,
        pointer: String,
        outer: &mut Vec<String>,
        windows: &mut Vec<Self>,
    ) -> Result<(), ContractError> {
        if outer.contains(&schema.place) {
            return Err(ContractError::new(&schema.place, "holds itself"));
        }
        outer.push(schema.place.clone());
        if let Some(properties) = schema.find("properties")? {
            for name in properties.object()?.keys() {
                let pointer = format!("{pointer}/{}", escape(name));
                Self::collect(&properties.get(name)?, pointer, outer, windows)?;
            }
        }
        if let Some(window) = schema.find(RULE)? {
            windows.push(Self {
                pointer,
                past: window.get("past")?.whole_number()?,
                past_provenance: schema.grade(RULE),
                future: window.get("future")?.whole_number()?,
                future_provenance: schema.grade("x-time-window/future"),
            });
        }
        outer.pop();
        Ok(())
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
            let words = format!("lies more than {} after this clock", span(self.future));
            (&self.future_provenance, words)
        } else {
            (&self.past_provenance, format!("lies more than {} before this clock", span(self.past)))
        };
        Some(Violation {
            pointer: self.pointer.clone(),
            rule: RULE.to_owned(),
            provenance: provenance.clone(),
            message,
        })
    }
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
