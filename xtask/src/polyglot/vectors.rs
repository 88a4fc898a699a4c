//! The vectors: what a client is asked, and what is expected of it.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{
    failure::Failure,
    workspace::{CONTRACT_JSON, VECTORS},
};

/// The name of the case that is the contract's own example, in each file of bodies.
pub(super) const EXAMPLE: &str = "as in the contract";

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A body, as a value or as a text.
    Body,
    Credentials,
    Time,
    /// An answer of the server.
    Answer,
}

/// One case, with what a client is asked.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) part: Part,
    /// Its file and its name.
    pub(super) name: String,
    pub(super) expected: Value,
    pub(super) question: Value,
}

impl Case {
    /// A member of what is expected, if it is text.
    pub(super) fn text(&self, member: &str) -> &str {
        self.expected.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the vector says `true` there.
    pub(super) fn is(&self, member: &str) -> bool {
        self.expected.get(member) == Some(&Value::Bool(true))
    }

    /// The body that is sent if the client sends what it was given.
    pub(super) fn body(&self) -> Option<Value> {
        let parsed = |text: &Value| serde_json::from_str::<Value>(text.as_str()?).ok();
        match self.question.get("events") {
            Some(events) => {
                let events: Option<Vec<Value>> = events.as_array()?.iter().map(parsed).collect();
                Some(json!({ "events": events? }))
            }
            None => parsed(self.question.get("change")?),
        }
    }

    /// Whether it is the contract's own example of an event.
    pub(super) fn is_example(&self) -> bool {
        self.part == Part::Body && self.text("name") == EXAMPLE && self.question.get("events").is_some()
    }
}

/// Everything that a client is held against.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    pub(super) cases: Vec<Case>,
    /// The name of each type of event, with the schema that stands for it.
    pub(super) event_types: BTreeMap<String, String>,
    /// The clock that all files share.
    pub(super) now: i64,
}

impl Vectors {
    pub(super) fn read(root: &Path) -> Result<Self, Failure> {
        let folder = root.join(VECTORS);
        let contract = json(&root.join(CONTRACT_JSON))?;
        let mapping = contract.pointer("/components/schemas/Event/discriminator/mapping");
        let mapping = mapping.and_then(Value::as_object).into_iter().flatten();
        let mut vectors = Self::default();
        for (name, schema) in mapping {
            let schema = schema.as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default();
            vectors.event_types.insert(name.clone(), schema.to_owned());
        }

        let consents = json(&folder.join("consent.json"))?;
        let now = consents.get("now").and_then(Value::as_i64).unwrap_or_default();
        vectors.now = now;
        let collect = |events: Vec<String>| json!({ "do": "collect", "events": events, "now": now });
        let consent = |change: &str| json!({ "do": "set_consent", "change": change, "now": now });
        let body = |case: &Value| case.get("body").map(Value::to_string).unwrap_or_default();
        let example = |file: &Value| cases(file, "cases").first().map(body).unwrap_or_default();
        let change = example(&consents);

        let mut event = String::new();
        for name in vectors.event_types.clone().keys() {
            let file = format!("events/{name}.json");
            let events = json(&folder.join(&file))?;
            event = example(&events);
            vectors.take(Part::Body, &file, &events, "cases", |case| collect(vec![body(case)]));
        }
        vectors.take(Part::Body, "consent.json", &consents, "cases", |case| consent(&body(case)));
        let mut read = |part, file: &str, list, question: &dyn Fn(&Value) -> Value| -> Result<(), Failure> {
            vectors.take(part, file, &json(&folder.join(file))?, list, question);
            Ok(())
        };
        let is_collect = |case: &Value| text(case, "operation") == "collect";
        read(Part::Body, "texts.json", "cases", &|case| {
            let text = text(case, "text");
            if is_collect(case) { collect(vec![text.to_owned()]) } else { consent(text) }
        })?;
        read(Part::Credentials, "basic-auth.json", "cases", &|case| {
            let (id, secret) = (text(case, "client_id"), text(case, "client_secret"));
            json!({ "do": "set_consent", "change": change, "client_id": id, "client_secret": secret, "now": now })
        })?;
        read(
            Part::Time,
            "timestamps.json",
            "utc",
            &|case| json!({ "do": "read_time", "text": text(case, "text") }),
        )?;
        read(
            Part::Time,
            "timestamps.json",
            "epoch",
            &|case| json!({ "do": "write_time", "value": case.get("value"), "now": now }),
        )?;
        read(Part::Answer, "responses.json", "cases", &|case| {
            let with_id = |id: &Value| {
                let mut event: Value = serde_json::from_str(&event).unwrap_or_default();
                if let Some(event) = event.as_object_mut() {
                    event.insert("event_id".to_owned(), id.clone());
                }
                event.to_string()
            };
            let events = cases(case, "event_ids").iter().map(with_id).collect();
            if is_collect(case) { collect(events) } else { consent(&change) }
        })?;
        Ok(vectors)
    }

    fn take(&mut self, part: Part, file: &str, json: &Value, list: &str, question: impl Fn(&Value) -> Value) {
        self.cases.extend(cases(json, list).iter().map(|case| Case {
            part,
            name: format!("{file}: {}", text(case, "name")),
            expected: case.clone(),
            question: question(case),
        }));
    }
}

fn cases<'j>(json: &'j Value, list: &str) -> &'j [Value] {
    json.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'j>(json: &'j Value, member: &str) -> &'j str {
    json.get(member).and_then(Value::as_str).unwrap_or_default()
}

fn json(file: &Path) -> Result<Value, Failure> {
    let text = fs::read_to_string(file).map_err(Failure::reading(file))?;
    serde_json::from_str(&text).map_err(|error| Failure::Unexpected(format!("{}: {error}", file.display())))
}
