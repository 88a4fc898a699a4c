//! The control API under `/_sandbox/`: what arrived, what goes wrong on purpose, and a fresh start.

mod description;
mod faults;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{answer, stream};
use crate::{
    faults::Operation,
    memory::{EventFilter, GREATEST_LIMIT},
    model::{Consent, ReceivedEvent, Statistics, Thing, Unsubscribe, User},
    shared::Shared,
};

type Shell = State<Arc<Shared>>;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox/status", get(status))
        .route("/_sandbox/statistics", get(statistics))
        .route("/_sandbox/events", get(events))
        .route("/_sandbox/events/{sequence}", get(event))
        .route("/_sandbox/users", get(users))
        .route("/_sandbox/users/{user_id}", get(user))
        .route("/_sandbox/things", get(things))
        .route("/_sandbox/things/{thing_id}", get(thing))
        .route("/_sandbox/consents", get(consents))
        .route("/_sandbox/unsubscribes", get(unsubscribes))
        .route("/_sandbox/reset", post(reset))
        .route("/_sandbox/faults", get(faults::list).post(faults::add).delete(faults::clear))
        .route("/_sandbox/faults/{id}", axum::routing::delete(faults::remove))
        .route("/_sandbox/stream", get(stream::stream))
        .route("/_sandbox/openapi.json", get(description::description))
}

/// What the sandbox is, and how to talk to it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Status {
    /// The version of the sandbox.
    version: &'static str,
    /// The version of the Server API that the contract describes.
    api_version: String,
    /// The version of the contract.
    contract_version: String,
    /// The start of every URL of this sandbox.
    url: String,
    /// The path of `collect`.
    collect_path: String,
    /// The path of `set_consent`.
    set_consent_path: String,
    /// The credentials, if the sandbox made them itself and only this machine can reach it.
    credentials: Option<ShownCredentials>,
    /// What the dice of the faults begin with.
    seed: u64,
    /// The moment at which the times of events are judged, in milliseconds since 1970; `null` if that is now.
    clock: Option<i64>,
    /// How much is remembered.
    keeps: Keeps,
    /// Whether what is remembered is kept in a file.
    data_file: bool,
    /// The types of events in the contract.
    event_types: Vec<String>,
    /// The contract's example of each.
    examples: Map<String, Value>,
}

/// The credentials that the sandbox made.
#[derive(Serialize, JsonSchema)]
struct ShownCredentials {
    /// The client id.
    client_id: String,
    /// The client secret.
    client_secret: String,
}

/// How much is remembered: the newest of each.
#[derive(Serialize, JsonSchema)]
struct Keeps {
    /// Events.
    events: usize,
    /// Users.
    users: usize,
    /// Things.
    things: usize,
}

async fn status(State(shared): Shell) -> Json<Status> {
    let credentials = &shared.credentials;
    let written = |place: &str| shared.contract.pointer(place).and_then(Value::as_str);
    let version = |place: &str| written(place).unwrap_or_default().to_owned();
    let types = shared.judge.event_types();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        api_version: version("/info/version"),
        contract_version: version("/info/x-contract-version"),
        url: shared.url(),
        collect_path: shared.path(Operation::Collect).to_owned(),
        set_consent_path: shared.path(Operation::SetConsent).to_owned(),
        credentials: (credentials.generated && shared.is_local()).then(|| ShownCredentials {
            client_id: credentials.client_id.clone(),
            client_secret: credentials.client_secret.clone(),
        }),
        seed: shared.seed,
        clock: shared.clock.map(crate::model::Moment::as_millis),
        keeps: Keeps { events: shared.keeps.events, users: shared.keeps.users, things: shared.keeps.things },
        data_file: shared.keeps_file(),
        event_types: types.iter().map(|event_type| event_type.name().to_owned()).collect(),
        examples: types.iter().map(|found| (found.name().to_owned(), found.example().clone())).collect(),
    })
}

async fn statistics(State(shared): Shell) -> Json<Statistics> {
    Json(shared.statistics())
}

/// How many bytes of events one answer holds.
const EVENTS_BYTES: usize = 8 << 20;

/// Some events, the newest first: fewer than asked for if they are large.
#[derive(Serialize, JsonSchema)]
pub(super) struct Events {
    /// The events.
    #[schemars(with = "Vec<ReceivedEvent>")]
    events: Vec<Arc<ReceivedEvent>>,
    /// What `before` must be to get older ones; absent if there are none.
    next_before: Option<u64>,
}

async fn events(State(shared): Shell, filter: Result<Query<EventFilter>, QueryRejection>) -> Response {
    let filter = match filter {
        Ok(Query(filter)) => filter,
        Err(rejection) => return unreadable(&rejection),
    };
    if let Err(rejected) = check_limit(filter.limit) {
        return *rejected;
    }
    let (mut events, mut next_before) = shared.memory().find(&filter);
    let mut bytes = 0;
    let fitting = events.iter().take_while(|event| {
        bytes += event.event.get().len();
        bytes <= EVENTS_BYTES
    });
    let fitting = fitting.count().max(1);
    if fitting < events.len() {
        events.truncate(fitting);
        next_before = events.last().map(|event| event.sequence);
    }
    Json(Events { events, next_before }).into_response()
}

fn unreadable(rejection: &QueryRejection) -> Response {
    answer::error(StatusCode::BAD_REQUEST, "SANDBOX.QUERY", rejection.body_text())
}

fn check_limit(limit: Option<usize>) -> Result<usize, Box<Response>> {
    match limit {
        None => Ok(100),
        Some(limit) if (1..=GREATEST_LIMIT).contains(&limit) => Ok(limit),
        Some(_) => Err(Box::new(answer::error(
            StatusCode::BAD_REQUEST,
            "SANDBOX.QUERY",
            format!("limit must be from 1 to {GREATEST_LIMIT}"),
        ))),
    }
}

/// What stands for an id in a path. One that is not UTF-8 is the id of nothing.
pub(super) type Id = Result<Path<String>, PathRejection>;

/// A number that may be none.
fn number(id: &Id) -> Option<u64> {
    id.as_ref().ok()?.parse().ok()
}

fn found<T: Serialize>(found: Option<T>) -> Response {
    match found {
        Some(found) => Json(found).into_response(),
        None => {
            answer::error(StatusCode::NOT_FOUND, "SANDBOX.NOT_FOUND", "the sandbox remembers nothing of that")
        }
    }
}

async fn event(State(shared): Shell, sequence: Id) -> Response {
    found(number(&sequence).and_then(|sequence| shared.memory().event(sequence)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    #[serde(default)]
    search: String,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    limit: Option<usize>,
}

/// Some users, last seen first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Users {
    /// The users.
    users: Vec<User>,
    /// How many are remembered.
    total: u64,
}

/// Some things, last seen first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Things {
    /// The things.
    things: Vec<Thing>,
    /// How many are remembered.
    total: u64,
}

/// What users decided about personal data, the newest change first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Consents {
    /// What they decided.
    consents: Vec<Consent>,
}

/// E-mail addresses that want no more mail, the newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct Unsubscribes {
    /// The addresses.
    unsubscribes: Vec<Unsubscribe>,
}

async fn users(State(shared): Shell, query: Result<Query<Search>, QueryRejection>) -> Response {
    searched(query, |search, limit| {
        let users = shared.memory().users(search, limit);
        Users { users, total: shared.statistics().users }
    })
}

async fn things(State(shared): Shell, query: Result<Query<Search>, QueryRejection>) -> Response {
    searched(query, |search, limit| {
        let things = shared.memory().things(search, limit);
        Things { things, total: shared.statistics().things }
    })
}

fn searched<T: Serialize>(
    query: Result<Query<Search>, QueryRejection>,
    find: impl FnOnce(&str, usize) -> T,
) -> Response {
    let Search { search, limit } = match query {
        Ok(Query(query)) => query,
        Err(rejection) => return unreadable(&rejection),
    };
    match check_limit(limit) {
        Ok(limit) => Json(find(&search, limit)).into_response(),
        Err(rejected) => *rejected,
    }
}

fn limited<T: Serialize>(
    query: Result<Query<Limit>, QueryRejection>,
    find: impl FnOnce(usize) -> T,
) -> Response {
    let query = query.map(|Query(Limit { limit })| Query(Search { search: String::new(), limit }));
    searched(query, |_, limit| find(limit))
}

async fn user(State(shared): Shell, user_id: Id) -> Response {
    found(user_id.ok().and_then(|user_id| shared.memory().user(&user_id)))
}

async fn thing(State(shared): Shell, thing_id: Id) -> Response {
    found(thing_id.ok().and_then(|thing_id| shared.memory().thing(&thing_id)))
}

async fn consents(State(shared): Shell, query: Result<Query<Limit>, QueryRejection>) -> Response {
    limited(query, |limit| Consents { consents: shared.memory().consents(limit) })
}

async fn unsubscribes(State(shared): Shell, query: Result<Query<Limit>, QueryRejection>) -> Response {
    limited(query, |limit| Unsubscribes { unsubscribes: shared.memory().unsubscribes(limit) })
}

async fn reset(State(shared): Shell) -> Response {
    shared.faults().clear();
    match shared.change(|memory| memory.reset()).stored().await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(_) => answer::not_stored(),
    }
}

/// An error, as the Server API writes them.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "it only describes what `answer::error` writes")]
pub(super) struct ControlError {
    /// A code for programs.
    reason: String,
    /// Words for a person.
    error_message: Option<String>,
}

fn too_large(limit: usize) -> Response {
    let body = json!({ "reason": "SANDBOX.CONTENT_TOO_LARGE", "error_message": format!("the body exceeds {limit} bytes") });
    (StatusCode::PAYLOAD_TOO_LARGE, Json(body)).into_response()
}
