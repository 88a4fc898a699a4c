//! What the tests share.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod arbitrary;
pub mod child;
pub mod judge;
pub use copilot_vectors::{files as vectors, spec};
pub mod sandbox;
pub mod server;

/// Typed mocks of the contract's operations, generated while this crate builds: `server.collect(|when, then| …)`.
#[allow(missing_docs, unused_imports, unreachable_pub, clippy::all)]
#[rustfmt::skip]
pub mod mock {
    include!(concat!(env!("OUT_DIR"), "/httpmock.rs"));
}

/// The code of the workspace's README, which must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
