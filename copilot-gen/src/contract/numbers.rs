//! The rules of a number.

use super::{
    IntegerSchema, NumberSchema, Provenance, Schema, TimeWindow,
    walk::{Kind, Walk},
};

impl Walk<'_, '_> {
    /// `None`: an integer that no `i64` holds.
    pub(super) fn integer(mut self, value: Option<i64>) {
        match (self.expect(Kind::Integer), value) {
            (Some(Schema::Integer(schema)), Some(value)) => self.check_integer(schema, value),
            (Some(Schema::Integer(schema)), None) => {
                self.break_rule("format", schema.format, "must fit a signed 64-bit integer".to_owned());
            }
            (Some(Schema::Number(schema)), value) => {
                self.check_number(schema, value.map_or(f64::INFINITY, |value| value as f64));
            }
            _ => {}
        }
    }

    pub(super) fn decimal(mut self, value: f64) {
        if let Some(Schema::Number(schema)) = self.expect(Kind::Decimal) {
            self.check_number(schema, value);
        }
    }

    fn check_number(&mut self, schema: &NumberSchema, value: f64) {
        if !value.is_finite() {
            let message = "must be a finite number that a double holds".to_owned();
            self.break_rule("type", schema.provenance, message);
        } else if let Some((minimum, provenance)) = schema.minimum
            && value < minimum
        {
            self.break_rule("minimum", provenance, format!("must be at least {minimum}"));
        } else if let Some((maximum, provenance)) = schema.maximum
            && value > maximum
        {
            self.break_rule("maximum", provenance, format!("must be at most {maximum}"));
        }
    }

    fn check_integer(&mut self, schema: &IntegerSchema, value: i64) {
        let window = schema.window.as_ref().zip(self.checker.now());
        if let Some((minimum, provenance)) = schema.minimum
            && value < minimum
        {
            self.break_rule("minimum", provenance, format!("must be at least {minimum}"));
        } else if let Some((maximum, provenance)) = schema.maximum
            && value > maximum
        {
            let unit = window.and_then(|(window, now)| unit(window, value, now));
            let message = unit.unwrap_or_else(|| format!("must be at most {maximum}"));
            self.break_rule("maximum", provenance, message);
        } else if let Some((provenance, message)) =
            window.and_then(|(window, now)| outside(window, value, now))
        {
            self.break_rule("x-time-window", provenance, message);
        }
    }
}

fn is_within(window: &TimeWindow, time: i64, now: i64) -> bool {
    time >= now.saturating_sub(window.past) && time <= now.saturating_add(window.future)
}

/// What to say of a time that would lie in the window if it were in another unit.
fn unit(window: &TimeWindow, time: i64, now: i64) -> Option<String> {
    let units = [
        ("seconds", time.checked_mul(1_000), "multiply it by 1000"),
        ("microseconds", Some(time / 1_000), "divide it by 1000"),
        ("nanoseconds", Some(time / 1_000_000), "divide it by 1000000"),
    ];
    let is_meant = |meant: Option<i64>| meant.is_some_and(|time| is_within(window, time, now));
    let (unit, _, mend) = units.into_iter().find(|(_, milliseconds, _)| is_meant(*milliseconds))?;
    Some(format!("is in {unit}: milliseconds since 1970 are expected, so {mend}"))
}

/// What is wrong with a time that lies outside the window.
fn outside(window: &TimeWindow, time: i64, now: i64) -> Option<(Provenance, String)> {
    if is_within(window, time, now) {
        return None;
    }
    let distance = span(now.abs_diff(time));
    Some(if let Some(unit) = unit(window, time, now) {
        (window.past_provenance, unit)
    } else if time > now {
        let allowed = span(window.future.unsigned_abs());
        (window.future_provenance, format!("lies {distance} in the future; {allowed} is allowed"))
    } else {
        let allowed = span(window.past.unsigned_abs());
        (window.past_provenance, format!("lies {distance} in the past; {allowed} is allowed"))
    })
}

/// A duration in milliseconds, exactly: two that differ never read alike.
fn span(milliseconds: u64) -> String {
    const UNITS: [(u64, &str); 5] =
        [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"), (1, "millisecond")];
    let mut left = milliseconds;
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        match left / unit {
            0 => {}
            1 => parts.push(format!("1 {name}")),
            count => parts.push(format!("{count} {name}s")),
        }
        left %= unit;
    }
    if parts.is_empty() { "no time".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::{TimeWindow, outside};
    use crate::contract::Provenance;

    const DAY: i64 = 86_400_000;
    const NOW: i64 = 1_795_509_026_125;

    fn words(time: i64) -> Option<String> {
        let window = TimeWindow {
            past: 30 * DAY,
            past_provenance: Provenance::Documented,
            future: 300_000,
            future_provenance: Provenance::Assumed,
        };
        outside(&window, time, NOW).map(|(_, message)| message)
    }

    #[test]
    fn a_time_outside_the_window_is_never_said_to_lie_at_its_bound() {
        for (time, expected) in [
            (NOW - 30 * DAY, None),
            (NOW + 300_000, None),
            (NOW - 30 * DAY - 1, Some("lies 30 days 1 millisecond in the past; 30 days is allowed")),
            (NOW - 30 * DAY - 1_000, Some("lies 30 days 1 second in the past; 30 days is allowed")),
            (NOW + 300_001, Some("lies 5 minutes 1 millisecond in the future; 5 minutes is allowed")),
            (
                NOW + 2 * DAY + 3_661_005,
                Some(
                    "lies 2 days 1 hour 1 minute 1 second 5 milliseconds in the future; 5 minutes is allowed",
                ),
            ),
        ] {
            assert_eq!(words(time).as_deref(), expected, "{time}");
        }
    }

    #[test]
    fn another_unit_is_named_and_how_to_mend_it() {
        for (time, unit, mend) in [
            (NOW / 1_000, "is in seconds", "multiply it by 1000"),
            (NOW * 1_000, "is in microseconds", "divide it by 1000"),
            (NOW * 1_000_000, "is in nanoseconds", "divide it by 1000000"),
        ] {
            let words = words(time).unwrap_or_default();
            assert!(words.starts_with(unit) && words.ends_with(mend), "{words}");
        }
    }
}
