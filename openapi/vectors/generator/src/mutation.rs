//! Mutations of the contract's examples, made field by field from the contract itself, each with the rules that it
//! breaks. What breaks is told from the YAML alone, never from the tables that the Rust client is generated with.

mod tables;

use std::collections::BTreeSet;

use copilot_codegen::join;
use serde_json::{Value, json};

use crate::spec::{self, EventType, Field};

use tables::{BEYOND, EMAILS, EVENT_IDS, FREE, KINDS, UTC_OFFSETS};

/// One broken rule: JSON pointer, keyword, grade.
pub type Broken = (String, &'static str, &'static str);

/// A changed example.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    /// The place of the change, as a JSON pointer.
    place: String,
    /// What was done there.
    change: String,
    /// The event as it is now.
    pub(crate) json: Value,
    /// Every rule that it breaks; none if it is still a good event.
    pub(crate) breaks: BTreeSet<Broken>,
}

impl Mutation {
    /// What it is called, within its file.
    pub(crate) fn name(&self) -> String {
        if self.place.is_empty() { self.change.clone() } else { format!("{}: {}", self.place, self.change) }
    }
}

/// The name of the case in which nothing was changed.
pub const UNCHANGED: &str = "as in the contract";

/// The receiver's clock for all of them, in milliseconds since 1970: that of the newest example.
pub fn now() -> i64 {
    let times = spec::event_types().into_iter().filter_map(|event| event.example["timestamp"].as_i64());
    times.max().expect("an example has a timestamp")
}

/// The mutations of the example of one type of event.
pub(crate) fn of_event(event: EventType) -> Vec<Mutation> {
    let mut bench = Bench { event, mutations: Vec::new() };
    bench.push("", UNCHANGED, event.example.clone(), []);
    bench.object("", event.schema);
    bench.object("/payload", event.payload);
    bench.fill_up_to_the_limit();
    bench.drop_each_alternative();
    bench.mutations
}

/// The mutations of the examples of the body of `set_consent`.
pub(crate) fn of_consent() -> Vec<Mutation> {
    let schema = spec::schema("ConsentChange");
    let mut mutations = Vec::new();
    for (number, example) in spec::consent_examples().into_iter().enumerate() {
        let event = EventType { name: "", schema, payload: schema, example };
        let mut bench = Bench { event, mutations: Vec::new() };
        bench.push("", UNCHANGED, example.clone(), []);
        // The examples differ in a boolean: the places of one are those of the other.
        if number == 0 {
            bench.object("", schema);
        }
        mutations.extend(bench.mutations);
    }
    mutations
}

/// Where the mutations of one example are made.
struct Bench {
    event: EventType,
    mutations: Vec<Mutation>,
}

impl Bench {
    /// Adds a mutation that breaks these rules, and those of the whole payload that its members tell.
    fn push(&mut self, place: &str, change: &str, json: Value, breaks: impl IntoIterator<Item = Broken>) {
        let mut breaks: BTreeSet<Broken> = breaks.into_iter().collect();
        let known_type = json["type"] == self.event.name;
        if let Some(payload) = json["payload"].as_object().filter(|_| known_type) {
            let there = |set: &Vec<&str>| set.iter().all(|name| payload.contains_key(*name));
            if spec::alternatives(self.event.payload).is_some_and(|sets| !sets.iter().any(there)) {
                breaks.insert(broken("/payload", "anyOf", self.event.payload));
            }
            if spec::count_keys(&json["payload"]) > spec::property_limit() {
                breaks.insert(broken("/payload", "x-property-limit", spec::schema("Event")));
            }
        }
        self.mutations.push(Mutation { place: place.to_owned(), change: change.to_owned(), json, breaks });
    }

    /// Puts a value in that place of the example; it breaks these keywords of that schema.
    fn put(
        &mut self,
        place: &str,
        change: &str,
        value: Value,
        keywords: impl IntoIterator<Item = &'static str>,
        schema: &'static Value,
    ) {
        let json = with(self.event.example, place, Some(value));
        let breaks: Vec<Broken> =
            keywords.into_iter().map(|keyword| broken(place, keyword, schema)).collect();
        self.push(place, change, json, breaks);
    }

    /// Mutates each member of an object, and adds members to it.
    fn object(&mut self, place: &str, schema: &'static Value) {
        for field in spec::fields(schema) {
            self.member(&format!("{place}/{}", field.name), &field, schema);
        }
        match spec::additional(schema) {
            Some(free) => self.free_members(place, free),
            None => self.unknown_members(place, schema),
        }
    }

    fn member(&mut self, place: &str, field: &Field, object: &'static Value) {
        if place == "/type" {
            return self.discriminator();
        }
        let sample = self.event.example.pointer(place).cloned().unwrap_or_else(|| spec::sample(field.schema));
        self.put(place, "present", sample.clone(), [], field.schema);
        let without = with(self.event.example, place, None);
        let missing = field.required.then(|| broken(place, "required", object));
        self.push(place, "missing", without, missing);

        let kind = spec::kind(field.schema);
        for (change, of_kind, json) in KINDS {
            if *of_kind != kind {
                self.put(place, change, parse(json), ["type"], field.schema);
            }
        }
        match kind {
            "string" => self.text(place, field, sample.as_str().unwrap()),
            "integer" => self.integer(place, field.schema),
            // The payload is taken apart by itself.
            "object" if place != "/payload" => self.object(place, field.schema),
            _ => {}
        }
    }

    /// `type` decides which rules hold; while it is wrong, no other rule is judged.
    fn discriminator(&mut self) {
        let event = spec::schema("Event");
        let wrong = |rule| [("/type".to_owned(), rule, spec::grade(event, "discriminator"))];
        self.push("/type", "missing", with(self.event.example, "/type", None), wrong("required"));
        for (change, of_kind, json) in KINDS {
            let rule = if *of_kind == "string" { "discriminator" } else { "type" };
            self.push("/type", change, with(self.event.example, "/type", Some(parse(json))), wrong(rule));
        }
        for (change, text) in near(self.event.name).into_iter().chain([("empty", String::new())]) {
            let json = with(self.event.example, "/type", Some(text.into()));
            self.push("/type", change, json, wrong("discriminator"));
        }
    }

    fn text(&mut self, place: &str, field: &Field, sample: &str) {
        let mut texts: Vec<(String, String)> =
            near(sample).into_iter().map(|(change, text)| (change.to_owned(), text)).collect();
        texts.push(("empty".to_owned(), String::new()));
        for length in ["minLength", "maxLength"] {
            let bound = field.schema[length].as_u64().and_then(|bound| usize::try_from(bound).ok());
            texts
                .extend(bound.map(|bound| ("one too short".to_owned(), "7".repeat(bound.saturating_sub(1)))));
            texts.extend(bound.map(|bound| ("at a bound".to_owned(), "7".repeat(bound))));
            texts.extend(bound.map(|bound| ("one too long".to_owned(), "7".repeat(bound + 1))));
        }
        let table = match field.schema_name {
            Some("UtcOffset") => UTC_OFFSETS,
            Some("Email") => EMAILS,
            Some("EventId") => EVENT_IDS,
            _ => &[],
        };
        for (text, good) in table {
            let broken = spec::broken_by(field.schema, text);
            assert_eq!(broken.is_empty(), *good, "the contract and the table disagree on {text:?}");
            texts.push((format!("{text:?}"), (*text).to_owned()));
        }
        for (change, text) in texts {
            let keywords = spec::broken_by(field.schema, &text);
            self.put(place, &change, text.into(), keywords, field.schema);
        }
    }

    fn integer(&mut self, place: &str, schema: &'static Value) {
        let (minimum, maximum) = (schema["minimum"].as_i64().unwrap(), schema["maximum"].as_i64().unwrap());
        self.put(place, "a whole decimal number", json!(now() as f64), ["type"], schema);
        self.put(place, "a huge decimal number", json!(1e300), ["type"], schema);
        self.put(place, "one too small", json!(minimum - 1), ["minimum"], schema);
        self.put(place, "the least integer", json!(i64::MIN), ["minimum"], schema);
        self.put(place, "one too great", json!(maximum + 1), ["maximum"], schema);
        self.put(place, "microseconds", json!(now() * 1000), ["maximum"], schema);
        self.put(place, "nanoseconds", json!(now() * 1_000_000), ["maximum"], schema);
        self.put(place, "the greatest integer", json!(i64::MAX), ["maximum"], schema);
        self.put(place, "one too great for 64 bits", json!(1_u64 << 63), ["format"], schema);
        if schema.get("x-time-window").is_none() {
            self.put(place, "the least value", json!(minimum), [], schema);
            self.put(place, "the greatest value", json!(maximum), [], schema);
            return;
        }
        let (past, future) = spec::time_window();
        let now = now();
        for (change, value) in [
            ("now", now),
            ("at the edge of the past", now - past),
            ("at the edge of the future", now + future),
        ] {
            self.put(place, change, json!(value), [], schema);
        }
        for (change, value, grade) in [
            ("one past the edge of the past", now - past - 1, "x-time-window"),
            ("one past the edge of the future", now + future + 1, "x-time-window/future"),
            ("in seconds", now / 1000, "x-time-window"),
            ("the least value", minimum, "x-time-window"),
            ("the greatest value", maximum, "x-time-window/future"),
        ] {
            let breaks = (place.to_owned(), "x-time-window", spec::grade(schema, grade));
            self.push(place, change, with(self.event.example, place, Some(json!(value))), [breaks]);
        }
    }

    /// Members that a closed object does not list.
    fn unknown_members(&mut self, place: &str, object: &'static Value) {
        for name in ["utc_offest", "with/slash~tilde", "\u{e9}", "", "User_id"] {
            let at = join(place, name);
            self.put(&at, "an unknown member", json!("seven"), ["additionalProperties"], object);
        }
        for (change, _, json) in KINDS {
            let change = format!("an unknown member, {change}");
            self.put(&format!("{place}/further"), &change, parse(json), ["additionalProperties"], object);
        }
    }

    /// Members that an open object does not list.
    fn free_members(&mut self, place: &str, free: &'static Value) {
        for name in ["further", "with/slash~tilde", "Größe", ""] {
            let at = join(place, name);
            for (change, json) in FREE {
                self.put(&at, change, parse(json), [], free);
            }
            for (change, json) in BEYOND {
                self.put(&at, change, parse(json), ["anyOf"], free);
            }
            for (change, of_kind, json) in KINDS {
                if ["null", "array", "object"].contains(of_kind) {
                    self.put(&at, change, parse(json), ["anyOf"], free);
                }
            }
        }
    }

    /// As many properties as an event may have, and one more, wherever there is room for free ones.
    fn fill_up_to_the_limit(&mut self) {
        let mut rooms = Vec::new();
        rooms.extend(spec::additional(self.event.payload).map(|_| "/payload".to_owned()));
        for field in spec::fields(self.event.payload) {
            if spec::kind(field.schema) == "object" {
                rooms.push(format!("/payload/{}", field.name));
            }
        }
        for room in rooms {
            let mut json = self.event.example.clone();
            if json.pointer(&room).is_none() {
                json = with(&json, &room, Some(json!({})));
            }
            let mut number = 0;
            while spec::count_keys(&json["payload"]) < spec::property_limit() {
                number += 1;
                json = with(&json, &format!("{room}/p{number}"), Some(json!(number)));
            }
            self.push(&room, "as many properties as allowed", json.clone(), []);
            json = with(&json, &format!("{room}/last"), Some(json!("straw")));
            self.push(&room, "one property too many", json.clone(), []);
            let members: serde_json::Map<String, Value> =
                (0..spec::property_limit()).map(|number| (format!("p{number}"), json!(number))).collect();
            let place = format!("{room}/last");
            let free = spec::schema("PropertyValue");
            self.put(&place, "an object of too many properties", members.into(), ["anyOf"], free);
        }
    }

    /// The payload with each one of its alternatives, and with none.
    fn drop_each_alternative(&mut self) {
        let Some(sets) = spec::alternatives(self.event.payload) else { return };
        let names: Vec<&str> = sets.concat();
        let none = names
            .iter()
            .fold(self.event.example.clone(), |json, name| with(&json, &format!("/payload/{name}"), None));
        for name in &names {
            let sample = spec::sample(spec::resolve(&self.event.payload["properties"][*name]).1);
            let place = format!("/payload/{name}");
            self.push(&place, "the only alternative", with(&none, &place, Some(sample)), []);
        }
        self.push("/payload", "no alternative", none, []);
    }
}

/// Texts that differ from a good one by one character.
fn near(sample: &str) -> Vec<(&'static str, String)> {
    let half = sample.len() / 2;
    let (head, tail) = (0..=half).rev().find_map(|at| sample.split_at_checked(at)).unwrap_or(("", sample));
    vec![
        ("with a space", format!("{head} {tail}")),
        ("with a slash", format!("{head}/{tail}")),
        ("with a letter beyond ASCII", format!("{head}é{tail}")),
        ("with a sign beyond the first plane", format!("{sample}🫖")),
        ("with a quotation mark", format!("\"{sample}")),
        ("with a NUL", format!("{sample}\0")),
        ("with a newline at the end", format!("{sample}\n")),
        ("with a carriage return and a newline at the end", format!("{sample}\r\n")),
        ("with a newline at the start", format!("\n{sample}")),
        ("with a digit beyond ASCII", format!("{sample}٣")),
    ]
}

fn broken(place: &str, keyword: &'static str, schema: &'static Value) -> Broken {
    (place.to_owned(), keyword, spec::grade(schema, keyword))
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("a row of the table is not JSON")
}

/// The same value with that member put there, or taken away.
pub fn with(value: &Value, place: &str, member: Option<Value>) -> Value {
    let mut changed = value.clone();
    let (parent, name) = place.rsplit_once('/').expect("the place is no member");
    let name = name.replace("~1", "/").replace("~0", "~");
    if member.is_some() && changed.pointer(parent).is_none() {
        changed = with(&changed, parent, Some(json!({})));
    }
    let members = changed.pointer_mut(parent).and_then(Value::as_object_mut).expect("no object there");
    match member {
        Some(member) => _ = members.insert(name, member),
        None => _ = members.remove(&name),
    }
    changed
}
