//! `copilot-cx sync`, the program itself, against a sandbox.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod crash;
mod outcomes;
mod questions;
mod support;
