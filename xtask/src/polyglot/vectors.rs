//! The vectors, as far as a report is judged by them.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{
    failure::Failure,
    workspace::{CONTRACT_JSON, VECTORS},
};

/// What a line of a report is about: its part, the file of a body, and the name of the case.
pub(super) type Key = (String, String, String);

/// What a report must say.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    /// Every case.
    pub(super) cases: BTreeMap<Key, Value>,
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
        let events: Vec<String> =
            vectors.event_types.keys().map(|name| format!("events/{name}.json")).collect();
        for file in events.iter().map(String::as_str).chain(["consent.json"]) {
            let bodies = json(&folder.join(file))?;
            vectors.now = bodies.get("now").and_then(Value::as_i64).unwrap_or_default();
            vectors.take("event", file, &bodies, "cases");
        }
        vectors.take("event", "texts.json", &json(&folder.join("texts.json"))?, "cases");
        vectors.take("auth", "", &json(&folder.join("basic-auth.json"))?, "cases");
        let times = json(&folder.join("timestamps.json"))?;
        vectors.take("time", "", &times, "utc");
        vectors.take("time", "", &times, "epoch");
        vectors.take("response", "", &json(&folder.join("responses.json"))?, "cases");
        Ok(vectors)
    }

    fn take(&mut self, part: &str, file: &str, json: &Value, list: &str) {
        for case in json.get(list).and_then(Value::as_array).into_iter().flatten() {
            let name = case.get("name").and_then(Value::as_str).unwrap_or_default();
            self.cases.insert((part.to_owned(), file.to_owned(), name.to_owned()), case.clone());
        }
    }
}

fn json(file: &Path) -> Result<Value, Failure> {
    let text = fs::read_to_string(file).map_err(Failure::reading(file))?;
    serde_json::from_str(&text).map_err(|error| Failure::Unexpected(format!("{}: {error}", file.display())))
}
