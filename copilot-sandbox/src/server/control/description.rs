//! The control API described as OpenAPI 3.1, its schemas from the types that it answers with.

use std::sync::LazyLock;

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    faults::FaultList,
    queries::{Consents, Events, Status, Things, Unsubscribes, Users},
};
use crate::{
    faults::Fault,
    memory::GREATEST_LIMIT,
    model::{ReceivedEvent, Statistics, Thing, User, Verdict},
};

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", describe()));

pub(super) async fn description() -> Response {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION.as_str()).into_response()
}

/// One endpoint of the control API.
struct Endpoint {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    query: Vec<(&'static str, &'static str, Value)>,
    body: Option<Value>,
    success: (&'static str, &'static str, Option<Value>),
    errors: &'static [&'static str],
}

/// An error, as the Server API writes them.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "it only describes what `answer::error` writes")]
struct ControlError {
    /// A code for programs.
    reason: String,
    /// Words for a person.
    error_message: Option<String>,
}

fn describe() -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths = Map::new();
    for operation in operations(&mut schemas) {
        let (path, method) = (operation.path, operation.method.to_owned());
        if let Value::Object(item) = paths.entry(path).or_insert_with(|| json!({})) {
            item.insert(method, operation.describe());
        }
    }
    let error = schemas.subschema_for::<ControlError>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Control API of copilot-sandbox",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What arrived at the sandbox, what goes wrong on purpose, and a fresh start. It is no part of the Server API of Copilot.cx, and needs no credentials: the sandbox is for this machine."
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "responses": {
                "Error": {
                    "description": "What was wrong, in words.",
                    "content": { "application/json": { "schema": error } }
                }
            },
            "schemas": schemas.take_definitions(true)
        }
    })
}

impl Endpoint {
    fn get(path: &'static str, id: &'static str, summary: &'static str, answer: Value) -> Self {
        Self {
            method: "get",
            path,
            id,
            summary,
            query: Vec::new(),
            body: None,
            success: ("200", "What was asked for.", Some(answer)),
            errors: if path.contains('{') { &["404"] } else { &[] },
        }
    }

    /// One that answers 204.
    fn order(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self { method, success: ("204", "It is done.", None), ..Self::get(path, id, summary, Value::Null) }
    }

    fn query(self, query: Vec<(&'static str, &'static str, Value)>) -> Self {
        Self { query, errors: &["400"], ..self }
    }

    fn describe(self) -> Value {
        let parameter = |place: &str, name: &str, words: &str, schema: Value| json!({ "name": name, "in": place, "required": place == "path", "description": words, "schema": schema });
        let mut parameters: Vec<Value> = self
            .path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}'))
            .map(|(name, _)| {
                let schema = if name.ends_with("_id") { json!({ "type": "string" }) } else { counting() };
                parameter("path", name, "Which one.", schema)
            })
            .collect();
        parameters.extend(
            self.query.into_iter().map(|(name, words, schema)| parameter("query", name, words, schema)),
        );
        let (status, words, answer) = self.success;
        let success = match answer {
            Some(schema) => {
                let kind =
                    if self.path.ends_with("/stream") { "text/event-stream" } else { "application/json" };
                json!({ "description": words, "content": { kind: { "schema": schema } } })
            }
            None => json!({ "description": words }),
        };
        let mut responses = Map::from_iter([(status.to_owned(), success), ("403".to_owned(), error())]);
        responses.extend(self.errors.iter().map(|status| ((*status).to_owned(), error())));
        let mut operation = Map::from_iter([
            ("operationId".to_owned(), json!(self.id)),
            ("summary".to_owned(), json!(self.summary)),
            ("parameters".to_owned(), json!(parameters)),
            ("responses".to_owned(), json!(responses)),
        ]);
        if let Some(schema) = self.body {
            let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
            operation.insert("requestBody".to_owned(), body);
        }
        Value::Object(operation)
    }
}

fn error() -> Value {
    json!({ "$ref": "#/components/responses/Error" })
}

fn counting() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })
}

/// What is sent, which lacks the members that the sandbox adds. It stands where it is used: the name is the answer's.
fn sent<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().into()
}

fn of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().into()
}

fn operations(schemas: &mut SchemaGenerator) -> Vec<Endpoint> {
    let text = || json!({ "type": "string" });
    let limit = || {
        let schema = json!({ "type": "integer", "minimum": 1, "maximum": GREATEST_LIMIT, "default": 100 });
        ("limit", "How many at most.", schema)
    };
    let search = || ("search", "A part of the id.", text());
    let filters = vec![
        ("verdict", "What became of them.", of::<Verdict>(schemas)),
        ("type", "Their type; `unknown` for all that the contract does not have.", text()),
        ("user_id", "The user in their payload.", text()),
        ("thing_id", "The thing in their payload.", text()),
        ("event_id", "Their own id.", text()),
        ("repeated", "Whether the same `event_id` was accepted before.", json!({ "type": "boolean" })),
        ("before", "Only those with a lower number.", counting()),
        ("after", "Only those with a higher number.", counting()),
        limit(),
    ];
    let stream = "The statistics as server-sent events named `change`: at once, and after each change, at most four a second";
    let fault = of::<Fault>(schemas);
    let mut list = vec![
        Endpoint::get("/_sandbox/status", "status", "What the sandbox is", of::<Status>(schemas)),
        Endpoint::get("/_sandbox/statistics", "statistics", "Counters", of::<Statistics>(schemas)),
        Endpoint::get("/_sandbox/stream", "stream", stream, json!({ "type": "string" })),
        Endpoint::get("/_sandbox/events", "events", "Events, the newest first", of::<Events>(schemas))
            .query(filters),
        Endpoint::get("/_sandbox/events/{sequence}", "event", "One event", of::<ReceivedEvent>(schemas)),
        Endpoint::get("/_sandbox/users", "users", "Users, last seen first", of::<Users>(schemas))
            .query(vec![search(), limit()]),
        Endpoint::get("/_sandbox/users/{user_id}", "user", "One user", of::<User>(schemas)),
        Endpoint::get("/_sandbox/things", "things", "Things, last seen first", of::<Things>(schemas))
            .query(vec![search(), limit()]),
        Endpoint::get("/_sandbox/things/{thing_id}", "thing", "One thing", of::<Thing>(schemas)),
        Endpoint::get("/_sandbox/consents", "consents", "What users decided", of::<Consents>(schemas))
            .query(vec![limit()]),
        Endpoint::get(
            "/_sandbox/unsubscribes",
            "unsubscribes",
            "E-mail addresses that want no more mail",
            of::<Unsubscribes>(schemas),
        )
        .query(vec![limit()]),
        Endpoint::order("post", "/_sandbox/reset", "reset", "Forget everything, and switch all faults off"),
        Endpoint::get("/_sandbox/faults", "faults", "The faults that are on", of::<FaultList>(schemas)),
        Endpoint::order("delete", "/_sandbox/faults", "clear_faults", "Switch all faults off"),
        Endpoint::order("delete", "/_sandbox/faults/{id}", "remove_fault", "Switch one fault off"),
    ];
    list.push(Endpoint {
        method: "post",
        body: Some(sent::<Fault>()),
        success: ("201", "The fault is on.", Some(fault)),
        errors: &["400", "413", "415"],
        ..Endpoint::get("/_sandbox/faults", "add_fault", "Switch a fault on", Value::Null)
    });
    list
}
