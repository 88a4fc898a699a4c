#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod answer;
mod body;
#[doc(hidden)]
pub mod contract;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod properties;
pub mod raw;
mod redact;

/// The generated code, as it was generated. Its documentation is the contract's.
#[allow(
    missing_docs,
    unused_imports,
    unreachable_pub,
    clippy::all,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
#[rustfmt::skip]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

pub use contract::{IntoMillis, IntoOptional, IntoProperty, InvalidInput, Provenance, Violation};
#[doc(hidden)]
pub use generated::schemas;
pub use generated::{
    API_VERSION, ByteStream, CONTRACT_VERSION, Client, ClientInfo, EVENT_TYPES, Error, EventPayload,
    IntoEvent, ResponseValue, SERVER, operations, types,
};
pub use properties::IntoPropertyValue;
