//! What delivery promises, beside the complaints: that nobody hangs, that no lane starves, on every runtime and without one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod attacks;
mod forgetting;
mod pace;
mod process;
mod runtimes;
mod server_words;
#[path = "../support/mod.rs"]
mod support;
mod tickets;
