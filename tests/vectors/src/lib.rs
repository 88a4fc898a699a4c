//! The conformance vectors of `openapi/vectors`: [`made()`] from the contract, and [read](files) for the tests.
//!
//! The contract is read here without the generator of the Rust client, so that neither takes the other's word.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod files;
mod made;
pub mod mutation;
pub mod spec;

pub use made::made;
