//! Strategies for events, built from the contract's schemas.

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
    string::string_regex,
};
use serde_json::{Map, Value, json};

use crate::spec::{self, EventType};

/// The receiver's clock for arbitrary events, in milliseconds since 1970.
pub const NOW: i64 = 1_795_509_000_000;

/// Any event of any type that the contract allows at [`NOW`].
pub fn event() -> BoxedStrategy<Value> {
    select(spec::event_types()).prop_flat_map(event_of).boxed()
}

/// Any event of that type.
pub fn event_of(event: EventType) -> BoxedStrategy<Value> {
    value(event.schema).prop_map(within_limit).boxed()
}

/// Any value that a schema allows.
pub fn value(schema: &'static Value) -> BoxedStrategy<Value> {
    if let Some(alternatives) =
        schema.get("anyOf").and_then(Value::as_array).filter(|_| schema.get("type").is_none())
    {
        return proptest::strategy::Union::new(alternatives.iter().map(value)).boxed();
    }
    match spec::kind(schema) {
        "string" => text(schema).prop_map(Value::from).boxed(),
        "integer" => integer(schema).prop_map(Value::from).boxed(),
        "number" => decimal().prop_map(Value::from).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "object" => object(schema),
        other => panic!("no strategy for {other}"),
    }
}

/// Any Unicode text.
pub fn any_text() -> BoxedStrategy<String> {
    vec(any::<char>(), 0..24).prop_map(String::from_iter).boxed()
}

/// Any text that a string's schema allows.
pub fn text(schema: &'static Value) -> BoxedStrategy<String> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        return select(values).boxed();
    }
    let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return any_text() };
    // The strategy makes whole matches, and knows no anchors.
    let matches = string_regex(pattern.trim_start_matches('^').trim_end_matches('$')).unwrap();
    matches.prop_filter("its length", |text| spec::broken_by(schema, text).is_empty()).boxed()
}

/// Texts near the border of what a string's schema allows: on either side of it.
pub fn nearly(schema: &'static Value) -> BoxedStrategy<String> {
    let odd = prop_oneof![
        select(vec![
            ' ', '/', '\n', '\r', '\0', '@', 'Z', '0', '5', '9', '+', '-', '−', 'é', '٣', '🫖', '~', '\u{7f}'
        ]),
        any::<char>(),
    ];
    let spoilt =
        (text(schema), any::<prop::sample::Index>(), odd, 0..4_u8).prop_map(|(text, at, odd, how)| {
            let mut letters: Vec<char> = text.chars().collect();
            let at = at.index(letters.len() + 1);
            match how {
                0 => letters.insert(at, odd),
                1 if at < letters.len() => letters[at] = odd,
                2 if at < letters.len() => _ = letters.remove(at),
                _ => letters.extend(text.chars()),
            }
            String::from_iter(letters)
        });
    let long = (select(vec!['a', '7', '@', 'é']), 45..56_usize)
        .prop_map(|(letter, length)| letter.to_string().repeat(length));
    prop_oneof![3 => text(schema), 6 => spoilt, 1 => long, 1 => any_text()].boxed()
}

/// Any whole number that an integer's schema allows at [`NOW`].
fn integer(schema: &'static Value) -> BoxedStrategy<i64> {
    let bound = |keyword: &str, open: i64| schema[keyword].as_i64().unwrap_or(open);
    let (mut least, mut greatest) = (bound("minimum", i64::MIN), bound("maximum", i64::MAX));
    if schema.get("x-time-window").is_some() {
        let (past, future) = spec::time_window();
        least = least.max(NOW - past);
        greatest = greatest.min(NOW + future);
    }
    prop_oneof![8 => least..=greatest, 1 => Just(least), 1 => Just(greatest)].boxed()
}

/// Any number that a free property may have.
fn decimal() -> BoxedStrategy<f64> {
    finite().prop_map(|number| number % 9.2e18).boxed()
}

/// Any number that JSON can write.
fn finite() -> BoxedStrategy<f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![3 => NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE, 1 => (-1000..1000_i32).prop_map(f64::from)].boxed()
}

fn object(schema: &'static Value) -> BoxedStrategy<Value> {
    let fields = spec::fields(schema);
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let sets = spec::alternatives(schema).unwrap_or_else(|| vec![Vec::new()]);
    let listed = select(sets).prop_flat_map(move |set| {
        let members: Vec<BoxedStrategy<Option<(String, Value)>>> = fields
            .iter()
            .map(|field| {
                let member = value(field.schema).prop_map(|value| (field.name.to_owned(), value));
                match field.required || set.contains(&field.name) {
                    true => member.prop_map(Some).boxed(),
                    false => prop::option::weighted(0.6, member).boxed(),
                }
            })
            .collect();
        members
    });
    let further = match spec::additional(schema) {
        None => Just(Default::default()).boxed(),
        Some(free) => {
            let name = any_text().prop_filter("a listed name", move |name| !names.contains(&name.as_str()));
            btree_map(name, value(free), 0..=spec::property_limit()).boxed()
        }
    };
    (listed, further)
        .prop_map(|(listed, further)| {
            let members: Map<String, Value> = listed.into_iter().flatten().chain(further).collect();
            Value::Object(members)
        })
        .boxed()
}

/// Takes free properties away until the event has no more than it may have. They stand last.
fn within_limit(mut event: Value) -> Value {
    while spec::count_keys(&event["payload"]) > spec::property_limit() {
        let custom = event.pointer("/payload/custom_properties").is_some();
        let place = if custom { "/payload/custom_properties" } else { "/payload" };
        let room = event.pointer_mut(place).and_then(Value::as_object_mut).unwrap();
        let last = room.keys().next_back().unwrap().clone();
        room.remove(&last);
    }
    event
}

/// A good event, and the same one with any JSON in the place of one of its members, or with a member more.
pub fn spoilt_event() -> BoxedStrategy<Value> {
    (event(), any::<prop::sample::Index>(), any_json(), prop::option::weighted(0.2, any_text()))
        .prop_map(|(event, at, json, name)| {
            let places = places(&event);
            let place = &places[at.index(places.len())];
            let mut event = event.clone();
            let there = event.pointer_mut(place).unwrap();
            match (name, there.as_object_mut()) {
                (Some(name), Some(members)) => _ = members.insert(name, json),
                _ => *there = json,
            }
            event
        })
        .boxed()
}

/// Any JSON whose integers fit 64 bits.
fn any_json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        finite().prop_map(Value::from),
        any_text().prop_map(Value::from),
        "[a-zA-Z0-9:._+@-]{0,60}".prop_map(Value::from),
        select(spec::event_types()).prop_map(|event| json!(event.name)),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(any_text(), inner, 0..3).prop_map(|members| members.into_iter().collect::<Value>()),
        ]
    })
    .boxed()
}

/// The JSON pointers of a value and of everything in it.
fn places(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    for (name, member) in value.as_object().into_iter().flatten() {
        let name = name.replace('~', "~0").replace('/', "~1");
        found.extend(places(member).into_iter().map(|place| format!("/{name}{place}")));
    }
    found
}
