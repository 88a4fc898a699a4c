#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod answer;
mod body;
pub mod contract;
pub mod json;
pub mod raw;
mod redact;
mod value;

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

pub use generated::{
    API_VERSION, ByteStream, CONTRACT_VERSION, Client, ClientInfo, EVENT_TYPES, Error, EventPayload,
    ResponseValue, SERVER, builder, operations, schemas, types,
};
