//! `oneOf`, `anyOf`, `allOf`, `not`, and the discriminator that chooses.

use serde_json::Value;

use super::{
    comparison::{Became, Comparison, Direction, Place, items, reference},
    finding::Breaks,
    schemas, values,
};

/// The keywords that are judged here.
pub(super) const JUDGED: [&str; 5] = ["allOf", "anyOf", "discriminator", "not", "oneOf"];

pub(super) fn check<'a>(comparison: &mut Comparison<'a>, schema: &Place<'a>, direction: Direction) {
    for keyword in ["anyOf", "oneOf"] {
        let list = schema.member(keyword);
        if list.is_new() {
            comparison.became(Became::Narrower, direction, &list.pointer, "was not there");
        } else if list.is_gone() {
            comparison.became(Became::Wider, direction, &list.pointer, "is gone");
        } else {
            members(comparison, &list, direction, [Became::Narrower, Became::Wider]);
        }
    }
    // Each member is a further condition.
    members(comparison, &schema.member("allOf"), direction, [Became::Wider, Became::Narrower]);
    let not = schema.member("not");
    if not.differs() {
        comparison.became(values::rule_became(&not), direction, &not.pointer, not.change());
    }
    discriminator(comparison, &schema.member("discriminator"), direction);
}

/// Compares the members that belong together. `gone_new`: what the whole became by a member that is gone, and
/// by a new one.
fn members<'a>(
    comparison: &mut Comparison<'a>,
    list: &Place<'a>,
    direction: Direction,
    gone_new: [Became; 2],
) {
    let [gone, new] = gone_new;
    let (pairs, removed, added) = matched(items(list.old), items(list.new));
    for (old, (at, new)) in pairs {
        let place = Place { pointer: format!("{}/{at}", list.pointer), old, new };
        schemas::check(comparison, &place, direction);
    }
    for (at, member) in removed {
        let pointer = format!("{}/{at}", list.pointer);
        comparison.became(gone, direction, &pointer, format!("{} is gone", named(member)));
    }
    for (at, member) in added {
        let pointer = format!("{}/{at}", list.pointer);
        comparison.became(new, direction, &pointer, format!("{} is new", named(member)));
    }
}

fn named(schema: &Value) -> String {
    let of = |member: &str| schema.get(member).and_then(Value::as_str);
    match reference(schema).or_else(|| of("type")) {
        Some(name) => format!("`{name}`"),
        None => "a variant without a name".to_owned(),
    }
}

/// Whether a member of the old list became that of the new one.
type Rule<'a> = &'a dyn Fn(&Value, &Value) -> bool;
/// A member with its position.
type At<'a> = (usize, &'a Value);
/// The pairs, what is only in the old list, and what is only in the new one.
type Matched<'a> = (Vec<(&'a Value, At<'a>)>, Vec<At<'a>>, Vec<At<'a>>);

/// Which member became which: by name; without a name by being equal, then by type; and where one is left
/// over on each side, that one.
fn matched<'a>(old: &'a [Value], new: &'a [Value]) -> Matched<'a> {
    let mut pairs = Vec::new();
    let mut added: Vec<At<'a>> = new.iter().enumerate().collect();
    let mut removed: Vec<At<'a>> = old.iter().enumerate().collect();
    let same_name = |old: &Value, new: &Value| reference(old).is_some() && reference(old) == reference(new);
    let nameless = |old: &Value, new: &Value| reference(old).is_none() && reference(new).is_none();
    let rules: [Rule<'_>; 3] = [&same_name, &|old, new| old == new, &|old, new| {
        nameless(old, new) && old.get("type").is_some() && old.get("type") == new.get("type")
    }];
    for rule in rules {
        removed.retain(|(_, old)| match added.iter().position(|(_, new)| rule(old, new)) {
            Some(at) => {
                pairs.push((*old, added.remove(at)));
                false
            }
            None => true,
        });
    }
    if let ([(_, old)], [last]) = (removed.as_slice(), added.as_slice())
        && nameless(old, last.1)
    {
        pairs.push((*old, *last));
        removed.clear();
        added.clear();
    }
    (pairs, removed, added)
}

fn discriminator(comparison: &mut Comparison<'_>, place: &Place<'_>, direction: Direction) {
    if place.is_new() || place.is_gone() {
        return comparison.breaks(
            &place.pointer,
            Breaks::Code,
            if place.is_new() { "is new" } else { "is gone" },
        );
    }
    let name = place.member("propertyName");
    if name.differs() {
        comparison.breaks(&name.pointer, Breaks::Code, name.change());
    }
    for (key, target) in place.member("mapping").members() {
        if target.is_gone() {
            comparison.became(Became::Narrower, direction, &target.pointer, format!("`{key}` is gone"));
        } else if target.is_new() {
            comparison.became(Became::Wider, direction, &target.pointer, format!("`{key}` is new"));
        } else if target.differs() {
            comparison.breaks(&target.pointer, Breaks::Code, target.change());
        }
    }
    comparison.rest(place, &["mapping", "propertyName"]);
}
