//! The rules of single values: what each of the tables says of one.

use super::{IntegerSchema, InvalidInput, NumberSchema, Provenance, StringSchema, TimeWindow, Violation};

/// A rule that is broken, how sure it is, and what to say.
pub type Broken = (&'static str, Provenance, String);

impl StringSchema {
    /// Holds a text against every rule.
    pub fn check(&self, text: &str) -> Result<(), InvalidInput> {
        if self.holds(text) { Ok(()) } else { Err(self.refusal(text)) }
    }

    fn holds(&self, text: &str) -> bool {
        self.one_of.is_none_or(|(values, _)| values.contains(&text))
            && self.min_length.is_none_or(|(shortest, _)| !is_shorter(text, shortest))
            && self.max_length.is_none_or(|(longest, _)| !is_longer(text, longest))
            && self.pattern.as_ref().is_none_or(|(pattern, _)| pattern.matches(text))
    }

    #[cold]
    fn refusal(&self, text: &str) -> InvalidInput {
        self.broken(text).into_iter().map(|broken| Violation::of(String::new(), broken)).collect()
    }

    /// Every rule that a text breaks.
    #[cold]
    pub(super) fn broken(&self, text: &str) -> Vec<Broken> {
        let mut broken = Vec::new();
        if let Some((values, provenance)) = self.one_of
            && !values.contains(&text)
        {
            broken.push(("enum", provenance, format!("must be {}", values.join(" or "))));
        }
        if let Some((shortest, provenance)) = self.min_length
            && is_shorter(text, shortest)
        {
            let message = if text.is_empty() {
                "must not be empty".to_owned()
            } else {
                format!("must have at least {shortest} characters")
            };
            broken.push(("minLength", provenance, message));
        }
        if let Some((longest, provenance)) = self.max_length
            && is_longer(text, longest)
        {
            let length = text.chars().count();
            let message = format!("must have at most {longest} characters, not {length}");
            broken.push(("maxLength", provenance, message));
        }
        if let Some((pattern, provenance)) = &self.pattern
            && !pattern.matches(text)
        {
            let place = pattern
                .first_mismatch(text)
                .map_or_else(String::new, |position| format!("; character {position} does not fit"));
            broken.push(("pattern", *provenance, format!("must match {}{place}", pattern.source)));
        }
        broken
    }
}

/// A character has one to four bytes, so most texts need no counting.
fn is_shorter(text: &str, shortest: u64) -> bool {
    (text.len() as u64) < shortest
        || ((text.len() as u64) < shortest.saturating_mul(4) && (text.chars().count() as u64) < shortest)
}

fn is_longer(text: &str, longest: u64) -> bool {
    text.len() as u64 > longest && text.chars().count() as u64 > longest
}

impl NumberSchema {
    /// The rule that a number breaks.
    pub fn broken(&self, value: f64) -> Option<Broken> {
        if !value.is_finite() {
            let message = "must be a finite number that a double holds".to_owned();
            return Some(("type", self.provenance, message));
        }
        if let Some((minimum, provenance)) = self.minimum
            && value < minimum
        {
            return Some(("minimum", provenance, format!("must be at least {minimum}")));
        }
        let (maximum, provenance) = self.maximum.filter(|(maximum, _)| value > *maximum)?;
        Some(("maximum", provenance, format!("must be at most {maximum}")))
    }
}

impl IntegerSchema {
    /// Holds an integer against every rule but those about the clock.
    pub fn check(&self, value: i64) -> Result<(), InvalidInput> {
        match self.broken(value, None) {
            None => Ok(()),
            Some(broken) => Err(InvalidInput::one(Violation::of(String::new(), broken))),
        }
    }

    /// The rule that an integer breaks. `now` is the receiver's clock in milliseconds since 1970; without it no rule
    /// about the clock is judged.
    pub fn broken(&self, value: i64, now: Option<i64>) -> Option<Broken> {
        let window = self.window.as_ref().zip(now);
        if let Some((minimum, provenance)) = self.minimum
            && value < minimum
        {
            return Some(("minimum", provenance, format!("must be at least {minimum}")));
        }
        if let Some((maximum, provenance)) = self.maximum
            && value > maximum
        {
            let unit = window.and_then(|(window, now)| unit(window, value, now));
            let message = unit.unwrap_or_else(|| format!("must be at most {maximum}"));
            return Some(("maximum", provenance, message));
        }
        let (provenance, message) = window.and_then(|(window, now)| outside(window, value, now))?;
        Some(("x-time-window", provenance, message))
    }

    /// What to say of an integer that no `i64` holds.
    pub(super) fn too_long(&self) -> Broken {
        ("format", self.format, "must fit a signed 64-bit integer".to_owned())
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
