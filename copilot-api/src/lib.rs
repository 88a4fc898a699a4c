#![doc = include_str!("../README.md")]

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
mod lasting;
mod paused_clock;
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
    EVENT_TYPES, EventPayload,
    contract::{Provenance, Violation},
    types,
};
pub use credentials::{Credentials, CredentialsError, Part};
pub use endpoints::{EndpointError, Endpoints};
pub use error::Error;
#[doc(hidden)]
pub use event::collect_properties;
pub use event::{InvalidEvent, NewEvent, check_event, event_from_value, new_event_id, parse_event};
pub use retry::RetryPolicy;
pub use time::{EventTimestamp, TimestampError, UtcTimestamp};

/// The generated client beneath: its client, settings and errors.
pub use copilot_gen as raw;
