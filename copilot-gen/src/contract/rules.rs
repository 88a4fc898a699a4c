//! The rules of a string.

use super::{Provenance, StringSchema};

pub(super) fn check_string(
    schema: &StringSchema,
    text: &str,
    report: &mut dyn FnMut(&'static str, Provenance, String),
) {
    if let Some((values, provenance)) = schema.one_of
        && !values.contains(&text)
    {
        report("enum", provenance, format!("must be {}", values.join(" or ")));
    }
    if let Some((shortest, provenance)) = schema.min_length
        && is_shorter(text, shortest)
    {
        let message = if text.is_empty() {
            "must not be empty".to_owned()
        } else {
            format!("must have at least {shortest} characters")
        };
        report("minLength", provenance, message);
    }
    if let Some((longest, provenance)) = schema.max_length
        && is_longer(text, longest)
    {
        let length = text.chars().count();
        report("maxLength", provenance, format!("must have at most {longest} characters, not {length}"));
    }
    if let Some((pattern, provenance)) = &schema.pattern
        && !pattern.matches(text)
    {
        let place = pattern
            .first_mismatch(text)
            .map_or_else(String::new, |position| format!("; character {position} does not fit"));
        report("pattern", *provenance, format!("must match {}{place}", pattern.source));
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
