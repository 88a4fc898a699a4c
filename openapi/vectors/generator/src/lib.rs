//! The conformance vectors of `openapi/vectors`: [`made()`] from the contract, and [read](files) for the tests.
//!
//! What the contract's rules mean is told here without the generator of the Rust client, so that neither takes the other's
//! word; only the document is read and its references followed by the same code.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

pub mod files;
mod made;
pub mod mutation;
pub mod spec;

pub use made::made;
