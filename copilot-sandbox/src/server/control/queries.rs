//! What the control API tells: what the sandbox is, and what it remembers.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Query, State as Shared},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    memory::{EventFilter, Limit},
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

/// What a query asks for. One that is not understood is answered with 400.
pub(super) struct Asked<T>(T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(problem) => Err(answer::error(StatusCode::BAD_REQUEST, "SANDBOX.QUERY", problem.body_text())),
        }
    }
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

pub(super) async fn events(Shared(state): Shell, Asked(filter): Asked<EventFilter>) -> Json<Events> {
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
    Json(Events { events, next_before })
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

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Search {
    /// A part of the id.
    search: String,
    /// How many at most.
    limit: Limit,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Newest {
    /// How many at most.
    limit: Limit,
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

pub(super) async fn users(Shared(state): Shell, Asked(asked): Asked<Search>) -> Json<Users> {
    let users = state.memory().users(&asked.search, asked.limit.get());
    Json(Users { users, total: state.statistics().users })
}

pub(super) async fn things(Shared(state): Shell, Asked(asked): Asked<Search>) -> Json<Things> {
    let things = state.memory().things(&asked.search, asked.limit.get());
    Json(Things { things, total: state.statistics().things })
}

pub(super) async fn user(Shared(state): Shell, user_id: Id) -> Response {
    found(user_id.ok().and_then(|user_id| state.memory().user(&user_id)))
}

pub(super) async fn thing(Shared(state): Shell, thing_id: Id) -> Response {
    found(thing_id.ok().and_then(|thing_id| state.memory().thing(&thing_id)))
}

pub(super) async fn consents(Shared(state): Shell, Asked(asked): Asked<Newest>) -> Json<Consents> {
    Json(Consents { consents: state.memory().consents(asked.limit.get()) })
}

pub(super) async fn unsubscribes(Shared(state): Shell, Asked(asked): Asked<Newest>) -> Json<Unsubscribes> {
    Json(Unsubscribes { unsubscribes: state.memory().unsubscribes(asked.limit.get()) })
}
