//! What the control API tells: what the sandbox is, and what it remembers.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State as Shared, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    memory::{EventFilter, GREATEST_LIMIT},
    model::{Consent, Moment, Operation, ReceivedEvent, Statistics, Thing, Unsubscribe, User},
    server::{
        answer,
        path::{Id, number},
    },
    state::State,
};

type Shell = Shared<Arc<State>>;

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
    /// What the random numbers of the faults begin with.
    seed: u64,
    /// The moment at which the times of events are judged, in milliseconds since 1970; `null` if that is now.
    clock: Option<i64>,
    /// How many events, and how many users and things, are remembered.
    keep: usize,
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

pub(super) async fn status(Shared(state): Shell) -> Json<Status> {
    let credentials = &state.credentials;
    let written = |place: &str| state.contract.document().pointer(place).and_then(Value::as_str);
    let version = |place: &str| written(place).unwrap_or_default().to_owned();
    let types = state.contract.event_types();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        api_version: version("/info/version"),
        contract_version: version("/info/x-contract-version"),
        url: state.url(),
        collect_path: state.contract.path(Operation::Collect).to_owned(),
        set_consent_path: state.contract.path(Operation::SetConsent).to_owned(),
        credentials: (credentials.generated && state.is_local()).then(|| ShownCredentials {
            client_id: credentials.client_id.clone(),
            client_secret: credentials.client_secret.clone(),
        }),
        seed: state.config.seed,
        clock: state.config.clock.map(Moment::as_millis),
        keep: state.config.keep,
        event_types: types.iter().map(|event_type| event_type.name.clone()).collect(),
        examples: types.iter().map(|found| (found.name.clone(), found.example.clone())).collect(),
    })
}

pub(super) async fn statistics(Shared(state): Shell) -> Json<Statistics> {
    Json(state.statistics())
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

pub(super) async fn events(
    Shared(state): Shell,
    filter: Result<Query<EventFilter>, QueryRejection>,
) -> Response {
    let filter = match filter {
        Ok(Query(filter)) => filter,
        Err(rejection) => return unreadable(&rejection),
    };
    if let Err(rejected) = check_limit(filter.limit) {
        return *rejected;
    }
    let (mut events, mut next_before) = state.memory().find(&filter);
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

fn found<T: Serialize>(found: Option<T>) -> Response {
    match found {
        Some(found) => Json(found).into_response(),
        None => {
            answer::error(StatusCode::NOT_FOUND, "SANDBOX.NOT_FOUND", "the sandbox remembers nothing of that")
        }
    }
}

pub(super) async fn event(Shared(state): Shell, sequence: Id) -> Response {
    found(number(&sequence).and_then(|sequence| state.memory().event(sequence)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    #[serde(default)]
    search: String,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
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

pub(super) async fn users(Shared(state): Shell, query: Result<Query<Search>, QueryRejection>) -> Response {
    searched(query, |search, limit| {
        let users = state.memory().users(search, limit);
        Users { users, total: state.statistics().users }
    })
}

pub(super) async fn things(Shared(state): Shell, query: Result<Query<Search>, QueryRejection>) -> Response {
    searched(query, |search, limit| {
        let things = state.memory().things(search, limit);
        Things { things, total: state.statistics().things }
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

pub(super) async fn user(Shared(state): Shell, user_id: Id) -> Response {
    found(user_id.ok().and_then(|user_id| state.memory().user(&user_id)))
}

pub(super) async fn thing(Shared(state): Shell, thing_id: Id) -> Response {
    found(thing_id.ok().and_then(|thing_id| state.memory().thing(&thing_id)))
}

pub(super) async fn consents(Shared(state): Shell, query: Result<Query<Limit>, QueryRejection>) -> Response {
    limited(query, |limit| Consents { consents: state.memory().consents(limit) })
}

pub(super) async fn unsubscribes(
    Shared(state): Shell,
    query: Result<Query<Limit>, QueryRejection>,
) -> Response {
    limited(query, |limit| Unsubscribes { unsubscribes: state.memory().unsubscribes(limit) })
}
