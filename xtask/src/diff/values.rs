//! What a single value may be: formats, patterns, enumerations and bounds.

use std::cmp::Ordering;

use serde_json::Value;

use super::comparison::{Became, Comparison, Direction, Place, items, shown};

/// The keywords that are judged here.
pub(super) const JUDGED: [&str; 17] = [
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "uniqueItems",
    "x-property-limit",
    "x-time-window",
    "x-unique-names",
];

/// Formats of which the first takes a part of what the second takes.
const PARTS: [(&str, &str); 2] = [("int32", "int64"), ("float", "double")];

pub(super) fn check(comparison: &mut Comparison<'_>, schema: &Place<'_>, direction: Direction) {
    let mut became = |became: Option<Became>, place: &Place<'_>| {
        if let Some(became) = became.filter(|_| place.differs()) {
            comparison.became(became, direction, &place.pointer, place.change());
        }
    };
    let format = schema.member("format");
    became(Some(format_became(&format)), &format);
    let pattern = schema.member("pattern");
    became(Some(rule_became(&pattern)), &pattern);

    for (keyword, absent) in
        [("minItems", Some(0.0)), ("minLength", Some(0.0)), ("minProperties", Some(0.0)), ("minimum", None)]
    {
        let bound = schema.member(keyword);
        became(lower_became(&bound, absent), &bound);
    }
    let window = schema.member("x-time-window");
    let limit = schema.member("x-property-limit");
    for bound in [
        schema.member("maxItems"),
        schema.member("maxLength"),
        schema.member("maxProperties"),
        schema.member("maximum"),
        window.member("past"),
        window.member("future"),
        limit.member("maximum"),
    ] {
        became(upper_became(&bound), &bound);
    }
    for keyword in ["exclusiveMaximum", "exclusiveMinimum", "uniqueItems", "x-unique-names"] {
        let flag = schema.member(keyword);
        let is = |value: &Value| value.as_bool().unwrap_or_default();
        let narrower = match (is(flag.old), is(flag.new)) {
            (false, true) => Some(Became::Narrower),
            (true, false) => Some(Became::Wider),
            _ => None,
        };
        became(narrower, &flag);
    }
    let within = limit.member("within");
    if !limit.is_new() && !limit.is_gone() {
        became(Some(Became::Another), &within);
    }
    enumeration(comparison, &schema.member("enum"), direction);
    comparison.rest(&window, &["future", "past"]);
    comparison.rest(&limit, &["maximum", "within"]);
}

/// A rule that is there or not, and otherwise cannot be compared.
pub(super) fn rule_became(place: &Place<'_>) -> Became {
    match (place.is_new(), place.is_gone()) {
        (true, _) => Became::Narrower,
        (_, true) => Became::Wider,
        _ => Became::Another,
    }
}

fn format_became(place: &Place<'_>) -> Became {
    match (place.old.as_str(), place.new.as_str()) {
        (Some(old), Some(new)) if PARTS.contains(&(old, new)) => Became::Wider,
        (Some(old), Some(new)) if PARTS.contains(&(new, old)) => Became::Narrower,
        _ => rule_became(place),
    }
}

/// `absent` is the bound that goes without saying; without one there is none.
fn lower_became(place: &Place<'_>, absent: Option<f64>) -> Option<Became> {
    let bound = |value: &Value| if value.is_null() { absent.map(Value::from) } else { Some(value.clone()) };
    match (bound(place.old), bound(place.new)) {
        (None, None) => None,
        (None, Some(_)) => Some(Became::Narrower),
        (Some(_), None) => Some(Became::Wider),
        (Some(old), Some(new)) => match order(&old, &new) {
            Some(Ordering::Less) => Some(Became::Narrower),
            Some(Ordering::Greater) => Some(Became::Wider),
            Some(Ordering::Equal) => None,
            None => Some(Became::Another),
        },
    }
}

fn upper_became(place: &Place<'_>) -> Option<Became> {
    match (place.old.is_null(), place.new.is_null()) {
        (true, true) => None,
        (true, false) => Some(Became::Narrower),
        (false, true) => Some(Became::Wider),
        (false, false) => match order(place.old, place.new) {
            Some(Ordering::Less) => Some(Became::Wider),
            Some(Ordering::Greater) => Some(Became::Narrower),
            Some(Ordering::Equal) => None,
            None => Some(Became::Another),
        },
    }
}

/// Integers exactly, others as decimal numbers. `None` where one is no number.
fn order(old: &Value, new: &Value) -> Option<Ordering> {
    let integer = |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    match (integer(old), integer(new)) {
        (Some(old), Some(new)) => Some(old.cmp(&new)),
        _ => old.as_f64()?.partial_cmp(&new.as_f64()?),
    }
}

fn enumeration(comparison: &mut Comparison<'_>, place: &Place<'_>, direction: Direction) {
    if place.is_new() || place.is_gone() {
        return comparison.became(rule_became(place), direction, &place.pointer, place.change());
    }
    let (old, new) = (items(place.old), items(place.new));
    for value in old.iter().filter(|value| !new.contains(value)) {
        let what = format!("{} is gone", shown(value));
        comparison.became(Became::Narrower, direction, &place.pointer, what);
    }
    for value in new.iter().filter(|value| !old.contains(value)) {
        let what = format!("{} is new", shown(value));
        comparison.became(Became::Wider, direction, &place.pointer, what);
    }
}
