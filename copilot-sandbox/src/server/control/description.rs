//! The control API described as OpenAPI 3.1, its schemas from the types that it reads and answers with.

use std::{collections::BTreeMap, sync::LazyLock};

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{
    faults::FaultList,
    queries::{Consents, Events, Newest, Search, Status, Things, Unsubscribes, Users},
};
use crate::{
    faults::Fault,
    memory::EventFilter,
    model::{ReceivedEvent, Statistics, Thing, User},
};

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", describe()));

pub(super) async fn description() -> Response {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION.as_str()).into_response()
}

const JSON: &str = "application/json";

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
    let paths = paths(&mut schemas);
    let error = of::<ControlError>(&mut schemas);
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
            "responses": { "Error": content("What was wrong, in words.", "application/json", error) },
            "schemas": schemas.take_definitions(true)
        }
    })
}

/// By status.
type Responses = Vec<(&'static str, Value)>;

fn paths(s: &mut SchemaGenerator) -> Value {
    let mut paths = BTreeMap::<String, BTreeMap<String, Value>>::new();
    let mut add = |endpoint: &str, id: &str, summary: &str, query: Vec<Value>, responses: Responses| {
        let (method, path) = endpoint.split_once(' ').unwrap_or(("get", endpoint));
        let operation = operation(path, id, summary, query, responses);
        paths.entry(format!("/_sandbox{path}")).or_default().insert(method.to_owned(), operation);
    };
    let stream = "The statistics as server-sent events named `change`: at once, and after each change, at most four a second";
    let text = content("The statistics.", "text/event-stream", json!({ "type": "string" }));
    add("/status", "status", "What the sandbox is", vec![], ok::<Status>(s));
    add("/statistics", "statistics", "Counters", vec![], ok::<Statistics>(s));
    add("/stream", "stream", stream, vec![], vec![("200", text)]);
    add("/events", "events", "Events, the newest first", query::<EventFilter>(), ok::<Events>(s));
    add("/events/{sequence}", "event", "One event", vec![], ok::<ReceivedEvent>(s));
    add("/users", "users", "Users, last seen first", query::<Search>(), ok::<Users>(s));
    add("/users/{user_id}", "user", "One user", vec![], ok::<User>(s));
    add("/things", "things", "Things, last seen first", query::<Search>(), ok::<Things>(s));
    add("/things/{thing_id}", "thing", "One thing", vec![], ok::<Thing>(s));
    add("/consents", "consents", "What users decided", query::<Newest>(), ok::<Consents>(s));
    let summary = "E-mail addresses that want no more mail";
    add("/unsubscribes", "unsubscribes", summary, query::<Newest>(), ok::<Unsubscribes>(s));
    add("post /reset", "reset", "Forget everything, and switch all faults off", vec![], done());
    add("/faults", "faults", "The faults that are on", vec![], ok::<FaultList>(s));
    let mut added = vec![("201", content("The fault is on.", JSON, of::<Fault>(s)))];
    added.extend(["400", "413", "415"].map(|status| (status, error())));
    add("post /faults", "add_fault", "Switch a fault on", vec![], added);
    add("delete /faults", "clear_faults", "Switch all faults off", vec![], done());
    add("delete /faults/{id}", "remove_fault", "Switch one fault off", vec![], done());
    let mut paths = json!(paths);
    if let Some(Value::Object(add_fault)) = paths.pointer_mut("/~1_sandbox~1faults/post") {
        let body = json!({ "required": true, "content": { JSON: { "schema": sent::<Fault>() } } });
        add_fault.insert("requestBody".to_owned(), body);
    }
    paths
}

fn operation(path: &str, id: &str, summary: &str, query: Vec<Value>, mut responses: Responses) -> Value {
    responses.push(("403", error()));
    if !query.is_empty() {
        responses.push(("400", error()));
    }
    let names = path.split('{').skip(1).filter_map(|rest| rest.strip_suffix('}'));
    let mut parameters: Vec<Value> = names
        .map(|name| {
            let number = json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX });
            let schema = if name.ends_with("_id") { json!({ "type": "string" }) } else { number };
            json!({ "name": name, "in": "path", "required": true, "description": "Which one.", "schema": schema })
        })
        .collect();
    if !parameters.is_empty() {
        responses.push(("404", error()));
    }
    parameters.extend(query);
    let responses: BTreeMap<_, _> = responses.into_iter().collect();
    json!({ "operationId": id, "summary": summary, "parameters": parameters, "responses": responses })
}

fn ok<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Responses {
    vec![("200", content("What was asked for.", JSON, of::<T>(schemas)))]
}

fn done() -> Responses {
    vec![("204", json!({ "description": "It is done." }))]
}

fn content(words: &str, kind: &str, schema: Value) -> Value {
    json!({ "description": words, "content": { kind: { "schema": schema } } })
}

fn error() -> Value {
    json!({ "$ref": "#/components/responses/Error" })
}

fn of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().into()
}

/// What is sent, which lacks the members that the sandbox adds. It stands where it is used: the name is the answer's.
fn sent<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().into()
}

/// The members of a type as the parameters of a query, which has no null.
fn query<T: JsonSchema>() -> Vec<Value> {
    let schema = sent::<T>();
    let members = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let parameter = |(name, schema): (String, Value)| {
        let words = schema.get("description").cloned();
        let schema = schema.pointer("/anyOf/0").cloned().unwrap_or(schema);
        json!({ "name": name, "in": "query", "required": false, "description": words, "schema": schema })
    };
    members.into_iter().map(parameter).collect()
}
