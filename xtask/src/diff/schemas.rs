//! What a schema takes: its type, its properties and its items. Single values are in `values`, `oneOf` and
//! its like in `variants`.

use serde_json::Value;

use super::{
    comparison::{Became, Comparison, Direction, Place, items, reference},
    finding::Breaks,
    values, variants,
};

/// The keywords that are judged here or in the two modules beside.
const JUDGED: [&[&str]; 3] = [
    &["additionalProperties", "items", "nullable", "properties", "required", "type"],
    &values::JUDGED,
    &variants::JUDGED,
];

/// The named schemas: generated code has a type for each. One that no operation uses might come to stand in a
/// request or in an answer, so it is held to both.
pub(super) fn components<'a>(comparison: &mut Comparison<'a>, schemas: &Place<'a>) {
    for (name, schema) in schemas.members() {
        if schema.is_gone() {
            let what = format!("the schema `{name}` is gone, or has another name");
            comparison.breaks(&schema.pointer, Breaks::Code, what);
        } else if schema.is_new() {
            comparison.adds(&schema.pointer, "is new");
        } else if !comparison.was_compared(&format!("#{}", schema.pointer)) {
            for direction in [Direction::Request, Direction::Response] {
                keywords(comparison, &schema, direction);
            }
        }
    }
}

/// Compares what stands at the place, or what that refers to.
pub(super) fn check<'a>(comparison: &mut Comparison<'a>, place: &Place<'a>, direction: Direction) {
    if place.old.is_null() && place.new.is_null() {
        return;
    }
    // A schema that is new or gone is no other type: where there is none, everything is taken.
    let (old, new) = (reference(place.old), reference(place.new));
    if old != new && !place.is_gone() && !place.is_new() {
        let named = |name: Option<&str>| {
            name.map_or("a schema without a name".to_owned(), |name| format!("`{name}`"))
        };
        let what = format!("was {}, is {}", named(old), named(new));
        comparison.breaks(&place.pointer, Breaks::Code, what);
    }
    if comparison.is_first(place, direction) {
        let resolved = comparison.resolved(place);
        keywords(comparison, &resolved, direction);
    }
}

fn keywords<'a>(comparison: &mut Comparison<'a>, schema: &Place<'a>, direction: Direction) {
    type_of(comparison, schema, direction);
    required(comparison, schema, direction);
    properties(comparison, schema, direction);
    additional_properties(comparison, &schema.member("additionalProperties"), direction);
    check(comparison, &schema.member("items"), direction);
    values::check(comparison, schema, direction);
    variants::check(comparison, schema, direction);
    comparison.rest(schema, &JUDGED.concat());
}

/// A set, each kind of JSON value being a bit: `number` takes integers too, and no type takes everything.
fn kinds(schema: &Value) -> u8 {
    let kinds = match schema.get("type").and_then(Value::as_str) {
        Some("string") => 0b1,
        Some("integer") => 0b10,
        Some("number") => 0b110,
        Some("boolean") => 0b1000,
        Some("array") => 0b1_0000,
        Some("object") => 0b10_0000,
        _ => return 0b111_1111,
    };
    let nullable = schema.get("nullable").and_then(Value::as_bool).unwrap_or_default();
    if nullable { kinds | 0b100_0000 } else { kinds }
}

fn type_of(comparison: &mut Comparison<'_>, schema: &Place<'_>, direction: Direction) {
    let (old, new) = (kinds(schema.old), kinds(schema.new));
    let changed = ["type", "nullable"].map(|keyword| schema.member(keyword));
    for keyword in changed.iter().filter(|keyword| keyword.differs()) {
        if old & !new != 0 {
            comparison.became(Became::Narrower, direction, &keyword.pointer, keyword.change());
        }
        if new & !old != 0 {
            comparison.became(Became::Wider, direction, &keyword.pointer, keyword.change());
        }
    }
}

fn required(comparison: &mut Comparison<'_>, schema: &Place<'_>, direction: Direction) {
    let required = schema.member("required");
    let (old, new) = (items(required.old), items(required.new));
    let pointer = &required.pointer;
    for name in new.iter().filter(|name| !old.contains(name)).filter_map(Value::as_str) {
        comparison.became(Became::Narrower, direction, pointer, format!("`{name}` is required now"));
    }
    for name in old.iter().filter(|name| !new.contains(name)).filter_map(Value::as_str) {
        comparison.became(Became::Wider, direction, pointer, format!("`{name}` is no longer required"));
    }
}

fn properties<'a>(comparison: &mut Comparison<'a>, schema: &Place<'a>, direction: Direction) {
    let rest = schema.member("additionalProperties").old;
    for (name, property) in schema.member("properties").members() {
        if property.is_gone() {
            let whom = match direction {
                Direction::Request => Breaks::Senders,
                Direction::Response => Breaks::Readers,
            };
            comparison.breaks(&property.pointer, whom, format!("the property `{name}` is gone"));
        } else if !property.is_new() {
            check(comparison, &property, direction);
        } else {
            match (rest, direction) {
                // It is refused no longer; or readers of a closed object get what was said never to come.
                (Value::Bool(false), _) => {
                    let what = format!("the property `{name}` is new in a closed object");
                    comparison.became(Became::Wider, direction, &property.pointer, what);
                }
                (rest, Direction::Request) if rest != property.new => {
                    let what = format!("the property `{name}` has rules now, and was the sender's own");
                    comparison.breaks(&property.pointer, Breaks::Senders, what);
                }
                (rest, Direction::Response) if rest.is_object() && rest != property.new => {
                    let what = format!("the property `{name}` is not what other properties are");
                    comparison.breaks(&property.pointer, Breaks::Readers, what);
                }
                _ => comparison.adds(&property.pointer, format!("the property `{name}` is new")),
            }
        }
    }
}

/// `false`, any value, or a schema for what is not listed.
fn additional_properties<'a>(comparison: &mut Comparison<'a>, place: &Place<'a>, direction: Direction) {
    let openness = |value: &Value| match value {
        Value::Bool(false) => 0,
        Value::Object(_) => 1,
        _ => 2,
    };
    let pointer = &place.pointer;
    match (openness(place.old), openness(place.new)) {
        (1, 1) => check(comparison, place, direction),
        (old, new) if old > new => comparison.became(Became::Narrower, direction, pointer, place.change()),
        (old, new) if old < new => comparison.became(Became::Wider, direction, pointer, place.change()),
        _ => {}
    }
}
