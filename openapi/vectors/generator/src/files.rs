//! The vectors as they stand in `openapi/vectors`.

use std::{fs, path::PathBuf};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// The folder of the vectors.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A file of events or consent changes.
#[derive(Debug, Deserialize)]
pub struct Bodies {
    /// The type of event, if it is a file of events.
    pub event_type: Option<String>,
    /// The receiver's clock, in milliseconds since 1970.
    pub now: i64,
    /// The cases.
    pub cases: Vec<Body>,
}

/// A body, good or bad.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// What it is called in its file.
    pub name: String,
    /// The verdict.
    pub valid: bool,
    /// Every rule that it breaks.
    #[serde(default)]
    pub breaks: Vec<Break>,
    /// What a reader of JSON must be able to tell apart.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The event, or the body of the request.
    pub body: Value,
}

impl Body {
    /// The place where the example was changed, as a JSON pointer, and what was done there.
    pub fn change(&self) -> (&str, &str) {
        self.name.split_once(": ").unwrap_or(("", &self.name))
    }
}

/// A rule that is broken.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// The place, as a JSON pointer.
    pub pointer: String,
    /// The keyword.
    pub rule: String,
    /// How sure it is.
    pub grade: String,
}

/// The file of JSON texts.
#[derive(Debug, Deserialize)]
pub struct Texts {
    /// The receiver's clock, in milliseconds since 1970.
    pub now: i64,
    /// The cases.
    pub cases: Vec<Text>,
}

/// A JSON text, good or bad.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// What it is called in its file.
    pub name: String,
    /// The operation that takes it.
    pub operation: String,
    /// One event, or the body of `set_consent`.
    pub text: String,
    /// The verdict.
    pub valid: bool,
    /// Every rule that it breaks.
    #[serde(default)]
    pub breaks: Vec<Break>,
    /// `false`: it is no JSON.
    #[serde(default = "is_json")]
    pub json: bool,
    /// What a reader of JSON must be able to tell apart.
    #[serde(default)]
    pub needs: Vec<String>,
}

fn is_json() -> bool {
    true
}

/// Credentials, and their header or the rule that they break.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct BasicAuth {
    pub name: String,
    pub client_id: String,
    pub client_secret: String,
    pub header: Option<String>,
    pub rule: Option<String>,
}

/// Times, in the two ways in which the API writes them.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Timestamps {
    pub now: i64,
    pub utc: Vec<Utc>,
    pub epoch: Vec<Epoch>,
}

/// A time as text.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Utc {
    pub name: String,
    pub text: String,
    pub epoch_ms: Option<i64>,
    pub rule: Option<String>,
}

/// A time as a number.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Epoch {
    pub name: String,
    pub value: Value,
    pub text: Option<String>,
    pub rule: Option<String>,
}

/// An answer, and what a client must read from it.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Response {
    pub name: String,
    pub operation: String,
    #[serde(default)]
    pub event_ids: Vec<String>,
    pub answer: Value,
    pub conforms: bool,
    pub read: Value,
    pub events: Option<Outcome>,
}

/// What became of the events of a request, by position in it.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Outcome {
    pub refused: Vec<usize>,
    pub unattributed: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct Cases<T> {
    cases: Vec<T>,
}

/// Every file, by its path in the folder, sorted.
pub fn all() -> Vec<(String, Value)> {
    let mut names = Vec::new();
    for (folder, prefix) in [(folder(), ""), (folder().join("events"), "events/")] {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let name =
                entry.expect("a folder can be read").file_name().into_string().expect("a name is UTF-8");
            if name.ends_with(".json") && name != "schema.json" {
                names.push(format!("{prefix}{name}"));
            }
        }
    }
    names.sort();
    names.into_iter().map(|name| (name.clone(), read(&name))).collect()
}

/// The files of events, in the order of the discriminator's mapping, by their path in the folder.
pub fn events() -> Vec<(String, Bodies)> {
    let types = crate::spec::event_types().into_iter();
    types.map(|event| format!("events/{}.json", event.name)).map(|name| (name.clone(), read(&name))).collect()
}

/// The bodies of `set_consent`.
pub fn consent() -> Bodies {
    read("consent.json")
}

/// The credentials.
pub fn basic_auth() -> Vec<BasicAuth> {
    read::<Cases<_>>("basic-auth.json").cases
}

/// The JSON texts.
pub fn texts() -> Texts {
    read("texts.json")
}

/// The times.
pub fn timestamps() -> Timestamps {
    read("timestamps.json")
}

/// The answers.
pub fn responses() -> Vec<Response> {
    read::<Cases<_>>("responses.json").cases
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let file = folder().join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
