#![doc = include_str!("../README.md")]

pub mod attempt;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod client;
mod collect;
mod credentials;
mod endpoints;
pub mod env;
mod error;
mod event;
mod event_id;
mod lasting;
mod paused_clock;
mod properties;
mod reading;
mod retry;
mod setup;
mod time;

pub use builder::ClientBuilder;
pub use client::Client;
pub use collect::{
    Batches, CollectError, CollectOneError, CollectReport, Rejection, RejectionCause, ReportParts,
    UnattributedRejection, Uncertain, Undelivered,
};
pub use copilot_gen::{
    EVENT_TYPES, EventPayload, IntoEvent, IntoMillis, IntoOptional, IntoProperty, IntoPropertyValue,
    InvalidInput, Provenance, Violation,
    types::{self, Properties},
};
pub use credentials::{Credentials, CredentialsError, Part};
pub use endpoints::{EndpointError, Endpoints};
pub use error::Error;
pub use event::NewEvent;
pub use event_id::new_event_id;
pub use reading::{check_event, event_from_value, parse_event};
pub use retry::RetryPolicy;
pub use time::{EventTimestamp, TimestampError, UtcTimestamp};

/// The generated client beneath, for what this crate does not cover: it neither checks, batches nor retries, and gives
/// answers as they came.
///
/// ```no_run
/// # async fn raw(client: copilot_api::Client, change: copilot_api::types::ConsentChange) {
/// let raw: &copilot_api::raw::Client = client.raw();
/// let answer = raw.set_consent(&change).await;
/// println!("{:?}", answer.map(|answer| answer.status()));
/// # }
/// ```
pub mod raw {
    pub use copilot_gen::{
        API_VERSION, ByteStream, CONTRACT_VERSION, Client, ClientInfo, Error, ResponseValue, SERVER,
        operations,
        raw::{BODY_EXCERPT_BYTES, BodyFault, BrokenAnswer, MAX_BODY_BYTES, Operation, RequestSettings},
    };
}
